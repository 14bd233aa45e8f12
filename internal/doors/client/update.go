package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// Update puts cfg in the place of the configuration that the door has. Connections to come get all
// of it. Open ones are asked again who they are, by Auth.Recheck, and get permissions, limits of
// their account, MaxLine, MaxPayload, NoStall and what is traced before their next command, intervals
// of pings with the next ping; of the rest they keep what they had. Those that have lost their right to
// be here are closed: by the Authenticator, by limits of connections or subscriptions, or by
// TLS.Pinned.
//
// Update does not wait for that. Tasks, IDs, Log and MaxClosed must be the same. Calls must not
// overlap.
func (d *Door) Update(cfg Config) {
	d.now.Store(d.settings(cfg))
	d.enforcePins()
	over := d.table.limit(cfg.MaxConnections)
	for _, s := range over {
		s.conn.Post(func() error { return s.part(proto.ErrMaxConnections) })
	}
	if len(over) > 0 {
		d.log.Noticef("Closed %d connections to fall within max_connections", len(over))
	}
	for a, sessions := range d.present(nil) {
		for _, s := range surplus(a, sessions) {
			s.again(true)
		}
	}
	for _, s := range d.table.all() {
		s.conn.Post(s.renew)
	}
}

// enforcePins closes the connections whose certificates are not pinned. One whose handshake is
// about to end finds that out itself.
func (d *Door) enforcePins() {
	n := 0
	for _, s := range d.table.all() {
		if !s.conn.Ended() && !d.cfg().pins(s.conn.TLS()) {
			s.conn.Close(closed.TLSHandshakeFailure)
			n++
		}
	}
	if n > 0 {
		d.log.Noticef("Disconnect %d clients due to pinned certs reload", n)
	}
}

func shuffled(all []*session) []*session {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// LameDuck tells the clients that the server is about to retire, by an INFO with ldm. Those get it
// that have sent a CONNECT and understand an INFO at any time (protocol 1); each INFO that is sent
// later says so, too. LameDuck does not wait.
func (d *Door) LameDuck() {
	if d.lame.Swap(true) {
		return
	}
	for _, s := range d.table.all() {
		s.conn.Post(s.announce)
	}
}

// announce sends the client the INFO of a server that is about to retire.
func (s *session) announce() error {
	if s.connected && s.options.Protocol >= 1 {
		s.send(s.infoOf(nil, true))
	}
	return nil
}

// Errors of Announce.
var (
	// ErrNoClient is returned for a connection that is not open.
	ErrNoClient = errors.New("no such client id")
	// ErrNotReady is returned for a client that does not heed an INFO, or not yet.
	ErrNotReady = errors.New("client does not support Lame Duck Mode or is not ready to receive the notification")
)

// Announce tells the client of the connection with that number that the server is about to retire,
// though it may not be: the client looks for another one. It must understand an INFO at any time
// (protocol 1), and the server must have answered a PING that came after its CONNECT. Announce does
// not wait.
func (d *Door) Announce(id uint64) error {
	s := d.table.get(id)
	if s == nil || s.conn.Ended() {
		return ErrNoClient
	}
	v := s.view.Load()
	if v == nil || v.options.Protocol < 1 || !s.informed.Load() {
		return ErrNotReady
	}
	s.conn.Post(s.announce)
	return nil
}

const (
	longestStep  = time.Second      // between two connections that Dismiss closes
	shortestStep = time.Millisecond // timers are no finer; several are closed at a time then
)

// Dismiss closes the open connections in random order and one by one, spread over the given time,
// after their pending output was written, and returns when none is left or ctx ends. There is at
// most a second between two of them, varied at random between that and half of it; if time is
// short, several are closed at a time.
func (d *Door) Dismiss(ctx context.Context, over time.Duration) {
	for {
		changed := d.table.changed()
		all := d.table.all()
		if len(all) == 0 {
			return
		}
		if !d.dismiss(ctx, shuffled(all), over) {
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// dismiss closes all that are open and reports whether there were any.
func (d *Door) dismiss(ctx context.Context, all []*session, over time.Duration) (any bool) {
	step, at := min(over/time.Duration(len(all)), longestStep), 1
	if step < shortestStep {
		at = len(all)
		if over >= shortestStep {
			at = int((time.Duration(len(all))*shortestStep + over - 1) / over)
		}
		step = over * time.Duration(at) / time.Duration(len(all))
	}
	n := 0
	for _, s := range all {
		if s.conn.Ended() { // by itself
			continue
		}
		if n > 0 && n%at == 0 && !pause(ctx, step/2+rand.N(step/2+1)) {
			return true
		}
		s.conn.Close(closed.ServerShutdown)
		n++
	}
	return n > 0
}

// pause waits for d and reports true, or false if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ErrNoConnection is returned for a connection that is not open.
var ErrNoConnection = errors.New("no such client connection")

// Disconnect closes the connection with that number, for the reason closed.Kicked. It does not wait.
func (d *Door) Disconnect(id uint64) error {
	s := d.table.get(id)
	if s == nil || s.conn.Ended() {
		return ErrNoConnection
	}
	s.conn.Close(closed.Kicked)
	return nil
}
