// Package listen accepts connections. It knows nothing of what is said on them.
//
// Each Listener has one acceptor goroutine, which owns the listening socket.
package listen

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/baridmq/barid/internal/core/task"
)

// Config is what a Listener needs. All fields are required.
type Config struct {
	// Addr is the host:port to listen on; port 0 picks a free one.
	Addr string
	// Name stands for the listener in log lines, such as "Client".
	Name string
	// Serve is called with each accepted connection, one at a time. It must not block. If it
	// panics, that connection is closed.
	Serve func(net.Conn)
	// Errorf logs what goes wrong while accepting.
	Errorf func(format string, v ...any)
}

// Listener is a listening socket.
type Listener struct {
	cfg  Config
	ln   net.Listener
	stop chan struct{}
}

// Listen opens the socket. Connections are accepted once Start is called; until then they wait.
func Listen(cfg Config) (*Listener, error) {
	// Liveness is the business of the protocol's own pings, so TCP need not keep alive.
	lc := net.ListenConfig{KeepAlive: -1, KeepAliveConfig: net.KeepAliveConfig{Enable: false}}
	ln, err := lc.Listen(context.Background(), "tcp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	return &Listener{cfg: cfg, ln: ln, stop: make(chan struct{})}, nil
}

// Start starts the acceptor in tasks.
func (l *Listener) Start(tasks *task.Group) {
	tasks.Go("acceptor", func() { l.accept(tasks) })
}

// Addr is the address that the socket is bound to.
func (l *Listener) Addr() *net.TCPAddr { return l.ln.Addr().(*net.TCPAddr) }

// Close closes the socket and ends the acceptor. It must be called once.
func (l *Listener) Close() {
	close(l.stop)
	l.ln.Close()
}

// passing reports whether err is of those that go away by themselves.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// serve passes a connection on. It is done aside, so that a panic is reported and does not end the
// acceptor.
func (l *Listener) serve(tasks *task.Group, nc net.Conn) {
	served := false
	tasks.Aside("accepted", func() {
		l.cfg.Serve(nc)
		served = true
	})
	if !served {
		nc.Close()
	}
}

const (
	firstPause   = 10 * time.Millisecond
	longestPause = time.Second
)

// accept is the acceptor goroutine. Errors do not end it: those that pass, as when there are no
// file descriptors left, are waited out.
func (l *Listener) accept(tasks *task.Group) {
	pause := firstPause
	for {
		nc, err := l.ln.Accept()
		if err == nil {
			pause = firstPause
			l.serve(tasks, nc)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if passing(err) {
			l.cfg.Errorf("Temporary %s Accept Error(%v), sleeping %dms", l.cfg.Name, err, pause.Milliseconds())
		} else {
			l.cfg.Errorf("%s Accept error: %v", l.cfg.Name, err)
		}
		select {
		case <-l.stop:
			return
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}
