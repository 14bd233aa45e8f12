package conn

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/guard"
	"github.com/baridmq/barid/internal/core/outbox"
)

// # Encryption
//
// crypto/tls wants a socket that waits, and writes to it one record at a time. A reader must not
// wait in the socket of another, and one write per read batch is what makes barid fast. So
// crypto/tls gets a stage of memory in place of the socket: what it reads is what the socket has
// right now, else a passing error, which it survives; what it writes is collected, and taken to
// the socket like the bytes of a plain connection. Only the handshake waits.

// tunnel encrypts one connection. Its reading side belongs to the reader, its writing side to the
// holder of the box's turn.
type tunnel struct {
	tls   *tls.Conn
	state tls.ConnectionState // what was agreed on; fixed
	stage stage
}

// piece is how much is encrypted at a time: with what encryption adds it fits a buffer of 64 KiB.
const piece = 60 << 10

// mostCollected bounds what the stage holds: a piece, and what a peer may provoke by asking for new
// keys without reading the answers. Who goes on asking is cut off.
const mostCollected = 96 << 10

// errCollected ends a connection whose peer does that.
var errCollected = errors.New("too much waits for the socket")

// overhead is more than encryption adds to a piece.
const overhead = 2 << 10

// stage is the socket that crypto/tls sees.
type stage struct {
	net.Conn      // the real one
	waits    bool // during the handshake; then never again, but for reads of sockets that must

	// owned by the reader
	ahead []byte  // input that was read before the handshake
	raw   bool    // fd can be read without waiting
	fd    uintptr // valid during readNow
	short bool    // the last read got less than it could take
	empty bool    // the socket says that it has nothing more

	mu struct {
		guard.Leaf // also the reader may write: an answer to a change of keys
		out        *buffer
		from, to   int // of out, what waits for the socket
	}
}

// nothingNow says that the socket has no input at the moment. crypto/tls asks whether an error is
// temporary, and keeps those for good that are not.
type nothingNow struct{}

// Error implements error.
func (nothingNow) Error() string { return "no input now" }

// Timeout implements net.Error.
func (nothingNow) Timeout() bool { return false }

// Temporary implements net.Error.
func (nothingNow) Temporary() bool { return true }

// errHandshake stands for a handshake that panicked, which was reported.
var errHandshake = errors.New("internal error")

// Secure does the server's side of a TLS handshake, within the given time, and encrypts the
// connection from then on. It must be called by the reader, from Session.Open, before anything
// else but Write was sent.
func (c *Conn) Secure(cfg *tls.Config, within time.Duration) error {
	t := &tunnel{stage: stage{Conn: c.nc, waits: true, ahead: c.ahead, raw: c.raw != nil}}
	c.ahead = nil
	t.tls = tls.Server(&t.stage, cfg)
	err := errHandshake
	c.nc.SetDeadline(time.Now().Add(within))
	c.cfg.Tasks.Aside("handshake", func() { err = t.tls.Handshake() })
	c.nc.SetDeadline(time.Time{})
	if err != nil {
		return err
	}
	t.stage.waits = false
	t.state = t.tls.ConnectionState()
	c.tunnel.Store(t)
	return nil
}

// TLS returns the state of the encryption, nil for a plain connection. It is shared, and must not
// be changed.
func (c *Conn) TLS() *tls.ConnectionState {
	t := c.tunnel.Load()
	if t == nil {
		return nil
	}
	return &t.state
}

// Write writes p to the socket as it is, waiting for it no longer than until the deadline. It is
// for what precedes the encryption, and must be called by the reader from Session.Open.
func (c *Conn) Write(p []byte, deadline time.Time) error {
	c.nc.SetWriteDeadline(deadline)
	defer c.nc.SetWriteDeadline(time.Time{})
	_, err := c.nc.Write(p)
	return err
}

// Peek waits for input until the deadline and returns the beginning of it, which is read again
// later; nothing if none came. It must be called by the reader, from Session.Open.
func (c *Conn) Peek(deadline time.Time) ([]byte, error) {
	if len(c.ahead) == 0 {
		first := make([]byte, 64)
		c.nc.SetReadDeadline(deadline)
		n, err := c.nc.Read(first)
		c.nc.SetReadDeadline(time.Time{})
		var timeout net.Error
		if n == 0 && err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
			return nil, err
		}
		c.ahead = first[:n]
	}
	return c.ahead, nil
}

// Unread has p, which was read from the socket, read again before everything else. It must be
// called by the reader, from Session.Open.
func (c *Conn) Unread(p []byte) { c.ahead = append(p, c.ahead...) }

// Read implements net.Conn for crypto/tls.
func (s *stage) Read(p []byte) (int, error) {
	if len(s.ahead) > 0 {
		n := copy(p, s.ahead)
		s.ahead = s.ahead[n:]
		return n, nil
	}
	if s.waits {
		return s.Conn.Read(p)
	}
	if !s.raw {
		n, err := s.Conn.Read(p)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) { // the reader was woken, and reads on
			err = nothingNow{}
		}
		return n, err
	}
	if s.short || s.empty {
		return 0, nothingNow{}
	}
	n, again, err := readNow(s.fd, p)
	switch {
	case again:
		s.empty = true
		return 0, nothingNow{}
	case err == nil && n == 0:
		return 0, io.EOF
	}
	s.short = n < len(p)
	return n, err
}

// Write implements net.Conn for crypto/tls.
func (s *stage) Write(p []byte) (int, error) {
	if s.waits {
		return s.Conn.Write(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.to-s.mu.from > mostCollected {
		return 0, errCollected
	}
	if s.mu.out == nil {
		s.mu.out = newBuffer(len(p))
	} else if len(s.mu.out.b)-s.mu.to < len(p) {
		larger := newBuffer(s.mu.to - s.mu.from + len(p))
		s.mu.to = copy(larger.b, s.mu.out.b[s.mu.from:s.mu.to])
		s.mu.out, s.mu.from = larger, 0 // the old one may be on its way to the socket
	}
	s.mu.to += copy(s.mu.out.b[s.mu.to:], p)
	return len(p), nil
}

// SetWriteDeadline implements net.Conn for crypto/tls, which has no say in when a write ends.
func (s *stage) SetWriteDeadline(time.Time) error { return nil }

// reserve makes room for n bytes of plain text, so that they are collected in one buffer.
func (s *stage) reserve(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.out == nil {
		s.mu.out = newBuffer(n + overhead)
	}
}

// waiting returns what is collected.
func (s *stage) waiting() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.out == nil {
		return nil
	}
	return s.mu.out.b[s.mu.from:s.mu.to]
}

// wrote takes the first n bytes away that waiting has returned.
func (s *stage) wrote(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.from += n
	if s.mu.from == s.mu.to {
		s.mu.out.free()
		s.mu.out, s.mu.from, s.mu.to = nil, 0, 0
	}
}

// readNow decrypts what the socket with descriptor fd has now; again says that it has nothing.
// After a short read it does not ask for more if it has something to return: that would cost a
// system call. But it must not say again before the socket has: an end that arrives together with
// the last bytes is not announced a second time.
func (t *tunnel) readNow(fd uintptr, p []byte) (n int, again bool, err error) {
	t.stage.fd, t.stage.short, t.stage.empty = fd, false, false
	for n < len(p) {
		m, err := t.tls.Read(p[n:])
		n += m
		switch {
		case errors.Is(err, nothingNow{}) && n == 0 && !t.stage.empty:
			t.stage.short = false
		case errors.Is(err, nothingNow{}):
			return n, n == 0, nil
		case err != nil && n == 0:
			return 0, false, err
		case err != nil: // it comes again
			return n, false, nil
		}
	}
	return n, false, nil
}

// tryWrite encrypts p and writes as much of it as the socket takes at once.
func (t *tunnel) tryWrite(s *sink, p []byte) (n int, behind bool, err error) {
	for {
		for w := t.stage.waiting(); len(w) > 0; w = t.stage.waiting() {
			m, err := s.tryRaw(w)
			t.stage.wrote(m)
			if err != nil {
				return n, false, err
			}
			if m < len(w) {
				return n, true, nil
			}
		}
		if n == len(p) {
			return n, false, nil
		}
		m, err := t.encrypt(p[n:])
		if n += m; err != nil {
			return n, false, err
		}
	}
}

// answer sends what crypto/tls had to say while it read. If somebody else writes now, it goes with
// what he writes, or with what is written next.
func (t *tunnel) answer(box *outbox.Box) {
	if len(t.stage.waiting()) > 0 {
		box.Send(nil, 0, 0, outbox.Any)
	}
}

// encrypt takes a piece of p to the stage.
func (t *tunnel) encrypt(p []byte) (int, error) {
	p = p[:min(len(p), piece)]
	t.stage.reserve(len(p))
	return t.tls.Write(p)
}

// write encrypts and writes bufs, waiting for the socket. It returns how much of them is on its
// way, and how many bytes the socket took.
func (t *tunnel) write(bufs [][]byte) (n, moved int, err error) {
	if moved, err = t.flush(); err != nil {
		return 0, moved, err
	}
	for _, b := range bufs {
		for len(b) > 0 {
			m, err := t.encrypt(b)
			if n += m; err != nil {
				return n, moved, err
			}
			b = b[m:]
			sent, err := t.flush()
			if moved += sent; err != nil {
				return n, moved, err
			}
		}
	}
	return n, moved, nil
}

// flush writes what is collected, waiting for the socket.
func (t *tunnel) flush() (moved int, err error) {
	for w := t.stage.waiting(); len(w) > 0; w = t.stage.waiting() {
		n, err := t.stage.Conn.Write(w)
		t.stage.wrote(n)
		moved += n
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// goodbye tells the peer that nothing more comes, or what was wrong with its input, if the socket
// takes that at once.
func (t *tunnel) goodbye(s *sink) {
	switch r := (*Conn)(s).Reason(); {
	case r == closed.ClientClosed:
		return
	case r.Flushes():
		_ = t.tls.CloseWrite() // it goes to memory
	case r != closed.ReadError: // of which crypto/tls has told
		return
	}
	if s.raw != nil {
		_, _, _ = t.tryWrite(s, nil) // the socket is about to be closed
		return
	}
	s.nc.SetWriteDeadline(time.Now().Add(linger))
	_, _ = t.flush()
}
