// Package httpd runs one HTTP listener and its server for a handler that somebody else
// brings: monitoring, blocks or hosting.
//
// It knows nothing of what is served. It protects the process from its readers: their
// connections are bounded in number, so that they cannot use up the descriptors that clients
// need, and those that are idle or late with a header are closed. Its accept loop runs in a
// task group; the goroutines of its connections are those of net/http. It owns no lock.
package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/core/task"
)

const (
	headerTimeout  = 5 * time.Second // to send a request's header
	maxHeaderBytes = 1 << 20
	idleTimeout    = 2 * time.Minute // between requests
	defaultConns   = 1024
)

// Config is what a Server is made of.
type Config struct {
	Name     string       // what it is for, in error texts and names of goroutines: "monitor"
	Addr     string       // host:port; an empty host is all addresses, port 0 any free one
	TLS      *tls.Config  // nil = plain HTTP
	Handler  http.Handler // required
	MaxConns int          // connections at a time, others wait to be accepted; 0 = 1024

	// ReadTimeout is how long a request may take to arrive, its body included; 0 = no limit
	// but that of 5 s for its header. There is none for answers, which may be large.
	ReadTimeout time.Duration

	// ErrorLog gets what goes wrong with single connections, and the panics of handlers, a
	// line or more without a line break at the end. It is called by many goroutines. nil =
	// nobody wants to know.
	ErrorLog func(text string)
}

// Server is a listener with its HTTP server. All methods may be called from any goroutine.
type Server struct {
	// fixed
	name     string
	listener *listener
	http     *http.Server
	errorLog func(text string)

	// atomic
	stopping atomic.Bool // Shutdown was called
}

// Listen binds the address of cfg. Connections are accepted once Serve is called; whoever
// does not call it must call Shutdown. The error names what could not be bound and wraps the
// cause.
func Listen(cfg Config) (*Server, error) {
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("can't listen to the %s port: %w", cfg.Name, err)
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = defaultConns
	}
	if cfg.ErrorLog == nil {
		cfg.ErrorLog = func(string) {}
	}
	return &Server{
		name:     cfg.Name,
		listener: limit(ln.(*net.TCPListener), cfg.MaxConns),
		errorLog: cfg.ErrorLog,
		http: &http.Server{
			Handler:           cfg.Handler,
			TLSConfig:         cfg.TLS,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       cfg.ReadTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          log.New(lines(cfg.ErrorLog), "", 0),
		},
	}, nil
}

// Addr returns the address that the server is bound to, with the actual port.
func (s *Server) Addr() *net.TCPAddr { return s.listener.Addr().(*net.TCPAddr) }

// Serve starts to accept connections, in a goroutine of the group, until Shutdown. It reports
// whether it could: if the group is closed nothing starts, and the address is given free.
func (s *Server) Serve(group *task.Group) bool {
	started := group.Go(s.name+" acceptor", s.serve)
	if !started {
		_ = s.listener.Close() // it was never used
	}
	return started
}

func (s *Server) serve() {
	var err error
	if s.http.TLSConfig != nil {
		err = s.http.ServeTLS(s.listener, "", "")
	} else {
		err = s.http.Serve(s.listener)
	}
	if !errors.Is(err, http.ErrServerClosed) && !s.stopping.Load() {
		s.errorLog(fmt.Sprintf("%s server ended: %v", s.name, err))
	}
}

// Shutdown gives the address free, lets requests that are being answered end for as long as
// timeout, and closes all connections. It may be called before Serve, and again.
func (s *Server) Shutdown(timeout time.Duration) {
	s.stopping.Store(true)
	_ = s.listener.Close() // nobody can use it any more, whatever the error
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // the listener's error again
	}
}

// lines is a writer of log lines.
type lines func(text string)

func (l lines) Write(b []byte) (int, error) {
	l(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}
