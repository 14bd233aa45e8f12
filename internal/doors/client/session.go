package client

import (
	"bytes"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/fanout"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/outbox"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/doors/client/sids"
	"github.com/baridmq/barid/internal/transport/conn"
)

// session is one client connection.
type session struct {
	// owner is first: deliveries reach the session through it.
	owner account.Owner
	dest  account.Destination

	// fixed
	door *Door
	conn *conn.Conn
	kind identity.Kind
	place
	nonce string

	// owned by the reader
	cfg     *settings // in force for this connection
	parser  proto.Parser
	options *proto.ClientOptions // immutable; replaced by each CONNECT
	id      *identity.Identity   // nil until authenticated
	progress
	publish  publishing
	sids     sids.Table
	pressure outbox.Pressure

	from  atomic.Pointer[address]
	first atomic.Bool  // the connection began with a handshake
	due   atomic.Int32 // what is to be done again; see again.go

	// view is what deliveries need to know; nil while nothing may be delivered.
	view atomic.Pointer[view]

	// atomic
	subs  atomic.Int64 // subscriptions held
	spent atomic.Int64 // subscriptions that reached their maximum and are still in sids
	in    counts       // what it published
	rtt   atomic.Int64 // last round trip, ns; negative for a guess, 0 for none

	pings pings
}

// progress is how far a session has come. It belongs to the reader.
type progress struct {
	joined    bool        // it counts in its account
	connected bool        // a CONNECT was accepted
	informed  atomic.Bool // the INFO after the first PING was sent, or is not wanted; others may look
}

// counts are what the client has brought.
type counts struct {
	msgs, bytes atomic.Uint64
	last        atomic.Int64 // when it last brought messages or changed its subscriptions, ns of Unix time; 0 for never
}

// view is an immutable picture of a session for the goroutines that deliver to it.
type view struct {
	id            *identity.Identity
	options       *proto.ClientOptions
	echo, headers bool
	system        bool         // the account is the server's own
	grants        *perm.Grants // nil if messages give no right to answer
}

// unconnected is what a client is taken to have said before its CONNECT.
var unconnected = proto.DefaultClientOptions()

func newSession(d *Door, nc net.Conn, kind identity.Kind) *session {
	cfg := d.cfg()
	s := &session{door: d, cfg: cfg, conn: conn.New(nc, &cfg.conns), kind: kind, options: &unconnected}
	s.owner = account.Owner{Receiver: s, ID: d.ids.Add(1)}
	s.dest = account.Destination{Box: &s.conn.Box, Enc: s, ID: s.owner.ID}
	s.parser = proto.Parser{MaxLine: cfg.MaxLine, MaxConnect: cfg.MaxConnect, MaxPayload: cfg.MaxPayload}
	s.pressure.Publisher = s.conn
	s.from.Store(remote(nc.RemoteAddr()))
	return s
}

// Open implements conn.Session.
func (s *session) Open() error {
	s.cfg = s.door.cfg()
	if err := s.greet(); err != nil {
		return s.turnAway(err)
	}
	s.startPings()
	return s.renew()
}

// Read implements conn.Session. If the door gets new settings meanwhile, the rest of buf is handled
// under these: a batch may take long when consumers are slow.
func (s *session) Read(buf []byte, now time.Time) (used, need int, err error) {
	for more := true; more; more = used < len(buf) && s.cfg != s.door.cfg() {
		if err := s.renew(); err != nil {
			return used, 0, err
		}
		var n int
		n, need, err = s.batch(buf[used:], now)
		used += n
		if err != nil {
			break
		}
	}
	return used, need, err
}

// batch handles the whole commands in buf, or those that come before new settings.
func (s *session) batch(buf []byte, now time.Time) (used, need int, err error) {
	s.sweep()
	s.publish.begin(s.door.log.Tracing())
	t := fanout.Get()
	b := fanout.Batch{Origin: s.owner.ID, Buf: buf, Own: &s.conn.Box, From: s, Now: now}
	if !s.cfg.NoStall {
		b.Pressure = &s.pressure
	}
	t.Begin(b)
	used, need, err = s.commands(t, buf)
	if err != nil {
		s.complain(t, err)
	}
	s.publish.end(s, now)
	t.Flush()
	t.Put()
	if err != nil {
		s.finish(err)
	}
	return used, need, err
}

// finish ends the connection after the client was told of err.
func (s *session) finish(err error) {
	var e *proto.Error
	if errors.As(err, &e) {
		s.takeLeave(e.Reason)
	}
}

// takeLeave ends the connection. The client, which was told why, gets time to read it.
func (s *session) takeLeave(reason closed.Reason) {
	s.door.table.part(s)
	s.conn.Finish(reason)
}

// commands handles the whole commands in buf, until the door has new settings.
func (s *session) commands(t *fanout.Trip, buf []byte) (used, need int, err error) {
	s.parser.Begin()
	var c proto.Command
	for used < len(buf) {
		if s.id == nil && buf[used]|0x20 != 'c' {
			if err := s.enterUnasked(); err != nil {
				return used, 0, err
			}
		}
		next, err := s.parser.Next(buf, used, &c)
		if err != nil {
			s.tellUnknown(err, buf, used)
			return used, 0, err
		}
		switch c.Verb {
		case proto.None:
			return next, c.Need, nil
		case proto.Pub:
			s.pub(t, buf, &c)
		default:
			if err := s.control(t, buf, &c); err != nil {
				return used, 0, err
			}
		}
		used = next
		if s.cfg != s.door.cfg() {
			break
		}
	}
	return used, 0, nil
}

// tellUnknown logs the beginning of what is no command; no more of it, for it may be a secret.
func (s *session) tellUnknown(err error, buf []byte, at int) {
	if err != proto.ErrUnknown {
		return
	}
	const most = 16
	word := buf[at:min(len(buf), at+most)]
	if i := bytes.IndexAny(word, " \t\r\n{"); i >= 0 {
		word = word[:i]
	}
	s.errorf("Client parser ERROR, state=%d, i=%d: proto='%q...'", 0, at, word)
}

// control handles every command but PUB and HPUB.
func (s *session) control(t *fanout.Trip, buf []byte, c *proto.Command) error {
	t.Settle() // what was published before must not see what this changes
	args := c.Args.Of(buf)
	if s.publish.tracing {
		s.traceControl(c.Verb, args)
	}
	s.publish.busy = s.publish.busy || c.Verb != proto.Pong
	s.publish.active = s.publish.active || c.Verb == proto.Sub || c.Verb == proto.Unsub
	switch c.Verb {
	case proto.Sub:
		return s.sub(t, buf, c)
	case proto.Unsub:
		return s.unsub(t, buf, c)
	case proto.Ping:
		s.ping(t)
	case proto.Pong:
		s.pong()
	case proto.Connect:
		return s.connect(t, args)
	case proto.Info:
		return s.heed(args)
	case proto.Err:
		s.errorf("Client error: %q", args)
		return &proto.Error{Reason: closed.ParseError}
	}
	return nil
}

// complain tells the client and the log of an error.
func (s *session) complain(t *fanout.Trip, err error) {
	var e *proto.Error
	if !errors.As(err, &e) {
		return
	}
	if e.Log != "" {
		s.errorf("%s", e.Log)
	}
	if e.Text != "" {
		t.Say(proto.AppendErr(nil, e.Text), true)
		s.trace("->> [-ERR %s]", e.Text)
	}
}

// ok answers an accepted command of a verbose client.
func (s *session) ok(t *fanout.Trip) {
	if s.options.Verbose {
		t.Say([]byte(proto.OKLine), false)
		s.trace("->> [OK]")
	}
}

// send writes p outside of a batch.
func (s *session) send(p []byte) { s.conn.Box.Send(p, 0, 0, outbox.Any) }

// Closed implements conn.Session.
func (s *session) Closed(reason closed.Reason) {
	s.stopPings()
	info := s.snapshot()
	info.Stop, info.Reason = time.Now(), reason
	defer s.disconnected(info) // last: then its places are free
	kept := info
	kept.forget()
	defer s.door.table.remove(s, &kept) // whatever comes before, its places are given back
	if s.joined {
		defer s.id.Account.Leave()
	}
	s.debugf("Client connection closed: %s", reason)
	s.dropAll()
}
