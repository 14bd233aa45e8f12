package client

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// pings keeps a connection alive, finds that it is not, or that its time is over. The timer starts a
// goroutine that appends to the box or closes it.
type pings struct {
	timer  *time.Timer  // nil until Open
	active atomic.Int64 // when the client last did something, ns of Unix time
	out    atomic.Int32 // unanswered pings
	sent   atomic.Int64 // when the last ping was sent
	heard  atomic.Int64 // when a round trip was last measured
	known  atomic.Bool  // the client has said who it is, or need not
}

const (
	// earlyPing is when the round trip of a new connection is measured.
	earlyPing = 2 * time.Second
	// roundTripAge is how old a measured round trip may get.
	roundTripAge = time.Hour
)

// startPings starts the timer. The first ping is due after a whole interval; before that the
// client has to say who it is, if it must.
func (s *session) startPings() {
	s.pings.active.Store(s.conn.Started().UnixNano())
	s.pings.timer = time.AfterFunc(time.Hour, func() { s.door.tasks.Go("pings", s.tick) })
	due := s.cfg.Pings.Interval
	if s.cfg.Auth.Required() {
		due = s.cfg.AuthTimeout
	} else {
		s.pings.known.Store(true)
	}
	s.rest(due) // now that tick can see the timer
}

// welcomePings ends the time for saying who it is, the first time that the client has.
func (s *session) welcomePings() {
	if s.pings.timer != nil && !s.pings.known.Swap(true) {
		s.rest(s.cfg.Pings.Interval)
	}
}

// renewPings begins the time for saying who it is, or ends it, after that has become required or
// is not any more.
func (s *session) renewPings() {
	if s.pings.timer == nil {
		return
	}
	if !s.cfg.Auth.Required() {
		s.welcomePings()
	} else if s.pings.known.Swap(false) {
		s.rest(s.cfg.AuthTimeout)
	}
}

// expiryGrace is what a reader gets to end a connection whose time is over, before it is ended without.
const expiryGrace = 500 * time.Millisecond

// rest sets the timer to d, or to the end of the client's time if that comes before. Several may do
// that at a time; the last one to see the view decides.
func (s *session) rest(d time.Duration) {
	for {
		v := s.view.Load()
		s.pings.timer.Reset(v.within(d))
		if s.view.Load() == v {
			return
		}
	}
}

// within shortens d so that it ends with the client's time.
func (v *view) within(d time.Duration) time.Duration {
	if v == nil || v.id.Expires.IsZero() {
		return d
	}
	return min(d, time.Until(v.id.Expires))
}

// expired reports whether the client's time is over, and since when.
func (v *view) expired() (since time.Duration, over bool) {
	if v == nil || v.id.Expires.IsZero() {
		return 0, false
	}
	left := time.Until(v.id.Expires)
	return -left, left <= 0
}

// runOut ends the connection if the client's time is over. The timer posts it.
func (s *session) runOut() error {
	if _, over := s.view.Load().expired(); over && !s.conn.Ended() {
		return s.part(proto.ErrUserExpired)
	}
	return nil
}

// stopPings stops the timer for good.
func (s *session) stopPings() {
	if s.pings.timer != nil {
		s.pings.timer.Stop()
	}
}

// firstPing brings the next ping forward after CONNECT. A random part keeps the clients of a
// restarted server from being pinged all at once.
func (s *session) firstPing() {
	if s.pings.timer != nil && s.cfg.Pings.First {
		d := min(s.cfg.Pings.Interval, earlyPing)
		s.rest(d + rand.N(d/5+1))
	}
}

// tick is what the timer starts.
func (s *session) tick() {
	if s.conn.Reason() != closed.Open {
		return
	}
	cfg := s.door.cfg()
	if !s.pings.known.Load() {
		s.errorf("authentication timeout")
		s.giveUp(proto.ErrAuthTimeout)
		return
	}
	if since, over := s.view.Load().expired(); over {
		if since >= expiryGrace { // the reader waits for something
			s.giveUp(proto.ErrUserExpired)
			return
		}
		s.conn.Post(s.runOut)
		s.pings.timer.Reset(expiryGrace)
		return
	}
	now := time.Now().UnixNano()
	if s.pressure.Waiting.Load() { // its answer could not be read
		s.rest(cfg.Pings.Interval)
		return
	}
	quiet := now-s.pings.active.Load() >= int64(cfg.Pings.Interval)
	if quiet || now-s.pings.heard.Load() >= int64(roundTripAge) {
		if int(s.pings.out.Load())+1 > cfg.Pings.Max {
			s.goStale()
			return
		}
		s.pings.out.Add(1)
		s.pings.sent.Store(now)
		s.trace("->> [PING]")
		s.send([]byte(proto.PingLine))
	}
	s.rest(cfg.Pings.Interval)
}

// measure pings a client whose round trip somebody wants to know, unless it has a ping to answer.
// Clients whose software has no name are left alone: they may be people.
func (s *session) measure() {
	if s.view.Load() != nil && s.pings.sent.CompareAndSwap(0, time.Now().UnixNano()) {
		s.trace("->> [PING]")
		s.send([]byte(proto.PingLine))
	}
}

// goStale ends a connection that does not answer.
func (s *session) goStale() {
	s.door.stale.Add(1)
	s.debugf("Stale Client Connection - Closing")
	s.giveUp(proto.ErrStale)
}

// giveUp ends the connection from outside of its reader.
func (s *session) giveUp(err *proto.Error) {
	s.send(proto.AppendErr(nil, err.Text))
	s.conn.Close(err.Reason)
}

// pong handles PONG.
func (s *session) pong() {
	s.pings.out.Store(0)
	if sent := s.pings.sent.Swap(0); sent != 0 {
		now := time.Now().UnixNano()
		s.pings.heard.Store(now)
		s.rtt.Store(now - sent)
	}
}
