// Package conn carries one connection: its reader and writer goroutines, its deadlines and its
// end. It knows no verbs and no accounts; what the bytes mean is the business of a Session.
//
// Each connection has a reader goroutine, which also tears it down, and, only while its socket
// is full, a writer goroutine. The package has no lock of its own but that of outbox.Box.
package conn

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/outbox"
	"github.com/baridmq/barid/internal/core/task"
)

// Session gives the bytes of a connection their meaning. Its methods are called by the
// connection's reader goroutine, one at a time.
type Session interface {
	// Open is called once, before anything is read. An error ends the connection.
	Open() error
	// Read handles the whole commands in buf, which was read at now, and returns how many bytes
	// they took. need tells, if known, how many bytes the command will take of which the rest of
	// buf is a part; 0 if not. An error ends the connection; a session that wants its reason
	// told calls Finish before.
	Read(buf []byte, now time.Time) (used, need int, err error)
	// Closed is called once, last, when the socket is closed.
	Closed(closed.Reason)
}

// Config is what all connections of a listener share. It must not change.
type Config struct {
	// Tasks runs the goroutines.
	Tasks *task.Group
	// MaxPending bounds the bytes that wait for a socket.
	MaxPending int
	// WriteDeadline is how long a socket may take no more than a trickle while output waits.
	WriteDeadline time.Duration
	// Slow is told, by any goroutine, of a connection that is cut off as a slow consumer while
	// held bytes waited for it. It must not block.
	Slow func(c *Conn, reason closed.Reason, held int)
}

// linger and mostLinger bound how long a connection that its session has finished is kept half open, so that
// the client gets to read why before unread input resets the connection.
const (
	linger     = 250 * time.Millisecond
	mostLinger = 4 << 20 // bytes of such input
)

// past is a deadline that has expired.
var past = time.Unix(1, 0)

// Conn is one connection. Its methods may be called by any goroutine unless they say otherwise.
type Conn struct {
	// fixed
	cfg     *Config
	nc      net.Conn
	raw     syscall.RawConn // nil if the socket cannot be tried without waiting
	session Session
	started time.Time
	written chan struct{} // closed when nothing more will be written

	// atomic; here, because whoever sends something asks for it first
	reason atomic.Uint32

	// Box holds what waits to be written.
	Box outbox.Box

	// tunnel is the encryption; nil for a plain connection. It is set once, by the reader.
	tunnel atomic.Pointer[tunnel]

	// owned by the reader
	in    input
	ahead []byte // input that was read before the session was served

	// owned by the holder of the box's turn
	attempt attempt

	posts posts

	// atomic
	until   atomic.Int64 // when an ended connection stops writing, ns of Unix time; 0 while it goes on
	patient atomic.Int64 // until when a reader that lingers reads on, ns of Unix time
	lingers atomic.Bool  // the reader still wants the socket when nothing more will be written
}

// New wraps a socket. Run serves it.
func New(nc net.Conn, cfg *Config) *Conn {
	c := &Conn{
		cfg: cfg, nc: nc, started: time.Now(),
		written: make(chan struct{}),
	}
	c.raw = rawConn(nc)
	c.in.init(c)
	c.attempt.init()
	c.Box.Init((*sink)(c), cfg.MaxPending)
	return c
}

// Run starts the reader for session. It reports false when the server is stopping; the socket
// is closed then, and the session hears nothing.
func (c *Conn) Run(session Session) bool {
	c.session = session
	if c.cfg.Tasks.Go("reader", c.read) {
		return true
	}
	c.nc.Close()
	return false
}

// Socket returns the underlying connection, for its addresses.
func (c *Conn) Socket() net.Conn { return c.nc }

// Session returns whose connection it is.
func (c *Conn) Session() Session { return c.session }

// Started returns when the connection was accepted.
func (c *Conn) Started() time.Time { return c.started }

// Ended reports whether the connection has begun to end.
func (c *Conn) Ended() bool { return c.Reason() != closed.Open }

// Reason returns why the connection ends, closed.Open while it does not.
func (c *Conn) Reason() closed.Reason { return closed.Reason(c.reason.Load()) }

// Close ends the connection for reason; only the first reason counts. Output that waits is
// still written if the reason allows it, for about the write deadline. Close does not wait.
func (c *Conn) Close(reason closed.Reason) { c.end(reason) }

// end is Close, and reports whether reason is the one that counts.
func (c *Conn) end(reason closed.Reason) bool {
	if !c.reason.CompareAndSwap(0, uint32(reason)) {
		return false
	}
	c.until.Store(time.Now().Add(c.cfg.WriteDeadline).UnixNano())
	c.Box.Close(reason.Flushes())
	if !reason.Flushes() {
		c.nc.SetWriteDeadline(past) // wakes a writer that waits for the socket
	}
	return true
}

// Finish is Close by the session itself, which has told the client why: the client gets time to
// read it. It must be called by the reader, which ends the connection next.
func (c *Conn) Finish(reason closed.Reason) {
	c.lingers.Store(true)
	c.Close(reason)
}

// Abort is Close that does not wait for output.
func (c *Conn) Abort(reason closed.Reason) {
	c.Close(reason)
	c.Box.Close(false)
	c.nc.Close()
}

// read is the reader goroutine.
func (c *Conn) read() {
	reason := closed.InternalError // a panic leaves it
	defer func() { c.teardown(reason) }()
	err := c.session.Open()
	c.posts.serve()
	for err == nil {
		if err = c.runPosts(); err == nil {
			err = c.in.next()
		}
	}
	reason = readReason(err)
}

// readReason is the reason for an error of the socket.
func readReason(err error) closed.Reason {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) {
		return closed.ClientClosed
	}
	return closed.ReadError
}

// teardown ends everything that belongs to the connection.
func (c *Conn) teardown(reason closed.Reason) {
	c.Close(reason)
	if c.lingers.Load() {
		c.forgetInput()
	}
	<-c.written
	c.nc.Close()
	c.in.free()
	c.session.Closed(c.Reason())
}

// forgetInput reads what the client still sends until it closes, or for linger after the last
// output was written: a client may want to be rid of its input before it reads.
func (c *Conn) forgetInput() {
	c.patient.CompareAndSwap(0, time.Now().Add(c.cfg.WriteDeadline+linger).UnixNano()) // or Done was first
	c.awaitPatiently()
	p := make([]byte, 4096)
	for left := mostLinger; left > 0; {
		n, err := c.nc.Read(p)
		left -= n
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().UnixNano() >= c.patient.Load():
			return
		default: // a post meant to wake the reader
			c.awaitPatiently()
		}
	}
}

// awaitPatiently sets the deadline of a reader that lingers, which Done may change meanwhile.
func (c *Conn) awaitPatiently() {
	for {
		until := c.patient.Load()
		c.nc.SetReadDeadline(time.Unix(0, until))
		if c.patient.Load() == until {
			return
		}
	}
}
