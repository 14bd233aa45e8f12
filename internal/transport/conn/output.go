package conn

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/outbox"
)

const (
	// writeBatch is about how much a writer hands to the socket at once.
	writeBatch = 256 << 10
	// trickle is what a socket must take within the write deadline to count as moving.
	trickle = 64 << 10
)

// attempt is one try to write without waiting; kept so that a try allocates nothing.
type attempt struct {
	p   []byte
	n   int
	err error
	try func(fd uintptr) bool
}

// init makes the function that the raw connection calls.
func (a *attempt) init() {
	a.try = func(fd uintptr) bool {
		a.n, a.err = writeNow(fd, a.p)
		return true
	}
}

// sink is the connection as its box sees it.
type sink Conn

// TryWrite implements outbox.Sink.
func (s *sink) TryWrite(p []byte) (n int, behind bool, err error) {
	if s.raw == nil {
		return 0, (*Conn)(s).behind(), nil
	}
	if t := s.tunnel.Load(); t != nil {
		return t.tryWrite(s, p)
	}
	n, err = s.tryRaw(p)
	return n, false, err
}

// tryRaw writes what the socket takes at once.
func (s *sink) tryRaw(p []byte) (int, error) {
	a := &s.attempt
	a.p, a.n, a.err = p, 0, nil
	err := s.raw.Write(a.try)
	if errors.Is(err, os.ErrDeadlineExceeded) { // left by a writer that has ended
		s.nc.SetWriteDeadline(time.Time{})
		err = s.raw.Write(a.try)
	}
	a.p = nil
	if err == nil {
		err = a.err
	}
	return a.n, err
}

// StartWriter implements outbox.Sink.
func (s *sink) StartWriter() {
	if !s.cfg.Tasks.Go("writer", (*Conn)(s).write) {
		(*Conn)(s).Close(closed.ServerShutdown)
		s.Box.Close(false)
		s.Box.Take(nil, 0, 0)
	}
}

// Overflowed implements outbox.Sink.
func (s *sink) Overflowed() { (*Conn)(s).cutOff(closed.SlowConsumerPending) }

// Broken implements outbox.Sink.
func (s *sink) Broken(error) { (*Conn)(s).Close(closed.WriteError) }

// Done implements outbox.Sink. A reader that lingers closes the socket itself.
func (s *sink) Done() {
	if t := s.tunnel.Load(); t != nil {
		t.goodbye(s)
	}
	if !s.lingers.Load() {
		s.nc.Close()
		close(s.written)
		return
	}
	if half, ok := s.nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	until := time.Now().Add(linger)
	s.patient.Store(until.UnixNano())
	close(s.written)
	s.nc.SetReadDeadline(until)
}

// cutOff ends the connection of a slow consumer.
func (c *Conn) cutOff(reason closed.Reason) {
	held := c.Box.Load().Held
	if c.end(reason) && c.cfg.Slow != nil {
		c.cfg.Slow(c, reason, held)
	}
	c.nc.SetWriteDeadline(past) // also if the end began before
}

// writeUntil is deadline, or when an ended connection stops writing if that is before.
func (c *Conn) writeUntil(deadline time.Time) time.Time {
	if until := c.until.Load(); until != 0 && until < deadline.UnixNano() {
		return time.Unix(0, until)
	}
	return deadline
}

var writers = sync.Pool{New: func() any { return new(outbox.Writer) }}

// write is the writer goroutine: it has inherited the box's turn.
func (c *Conn) write() {
	w := writers.Get().(*outbox.Writer)
	clean := false
	defer func() {
		if clean {
			writers.Put(w)
			return
		}
		c.Box.Close(false) // a panic must not keep the turn
		c.Box.Take(nil, 0, 0)
	}()
	written := 0
	for ok := true; ; {
		for ok && c.behind() { // what was encrypted and the socket did not take yet
			_, ok = c.push(nil)
		}
		bufs := c.Box.Take(w, written, writeBatch)
		if bufs == nil {
			clean = true
			return
		}
		written, ok = c.push(bufs)
	}
}

// behind reports whether the box knows of less than what waits for the socket.
func (c *Conn) behind() bool {
	t := c.tunnel.Load()
	return t != nil && len(t.stage.waiting()) > 0
}

// push writes bufs, waiting for the socket, and returns how many of their bytes are done with. If
// the socket fails, or takes too little before the deadline, it closes the box and reports false.
func (c *Conn) push(bufs [][]byte) (done int, ok bool) {
	c.nc.SetWriteDeadline(c.writeUntil(time.Now().Add(c.cfg.WriteDeadline)))
	if r := c.Reason(); r != closed.Open && !r.Flushes() {
		c.nc.SetWriteDeadline(past) // it was set before ours
	}
	var moved int // what the socket took, which is more if it is encrypted
	var err error
	if t := c.tunnel.Load(); t != nil {
		done, moved, err = t.write(bufs)
	} else if len(bufs) > 0 {
		n, e := (*net.Buffers)(&bufs).WriteTo(c.nc)
		done, moved, err = int(n), int(n), e
	}
	switch {
	case err == nil:
		return done, true
	case !errors.Is(err, os.ErrDeadlineExceeded):
		c.Close(closed.WriteError)
	case c.Reason() != closed.Open || moved < trickle:
		c.cutOff(closed.SlowConsumerDeadline)
	default:
		return done, true
	}
	c.Box.Close(false)
	return done, false
}
