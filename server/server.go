// Package server runs barid inside a program: make a Server from Options, Start it, Shutdown it.
//
//	s, err := server.NewServer(&server.Options{Port: server.RANDOM_PORT})
//	...
//	s.Start()
//	if !s.ReadyForConnections(5 * time.Second) { ... }
//	defer s.Shutdown()
//	nc, err := nats.Connect(s.ClientURL())
//
// Several servers in one process are independent of each other. The package is wiring: it gives
// each part of barid its configuration, and starts and stops them in order. It owns the control
// of the life cycle and one lock for it.
package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/monitor"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/internal/transport/httpd"
	"github.com/baridmq/barid/internal/transport/listen"
	"github.com/baridmq/barid/logger"
)

// Versions that a server reports.
const (
	// VERSION is the level of the NATS server protocol whose behaviour barid provides. Clients
	// and tools decide by it what they may ask for.
	VERSION = "2.12.0"
	// BaridVersion is the version of barid itself.
	BaridVersion = "0.1.0"
)

// Server is one instance of barid. Its methods may be called by any goroutine, at any time.
type Server struct {
	// fixed
	opts     *Options
	id       string
	xkey     string
	logs     logs
	created  time.Time
	accounts *account.Registry
	auth     identity.Authenticator
	sampler  *report.Sampler
	requests monitor.Counters
	ids      atomic.Uint64
	connTask *task.Group // readers and writers
	tasks    *task.Group // everything else that a shutdown ends
	control  *task.Group // what may call Shutdown, which therefore does not wait for it
	door     *client.Door
	ready    chan struct{} // closed when all listeners accept
	quit     chan struct{} // closed when the end begins
	done     chan struct{} // closed when the end is over

	mu struct {
		sync.Mutex // held while starting or stopping
		started    bool
		stopping   bool
		err        error
		listener   *listen.Listener
		monitor    *httpd.Server
		file       *logger.Logger
	}
}

// NewServer makes a server of opts, which it keeps: defaults are filled in, and the ports that
// were opened are written back. It opens nothing yet. The error names everything that is wrong.
func NewServer(opts *Options) (*Server, error) {
	if opts == nil {
		opts = &Options{}
	}
	config.Complete(opts)
	if err := config.Validate(opts); err != nil {
		return nil, err
	}
	id, err := publicKey(nkeys.CreateServer)
	if err != nil {
		return nil, fmt.Errorf("making the server's id: %w", err)
	}
	xkey, err := publicKey(nkeys.CreateCurveKeys)
	if err != nil {
		return nil, fmt.Errorf("making the server's encryption key: %w", err)
	}
	s := &Server{
		opts: opts, id: id, xkey: xkey, created: time.Now(),
		accounts: account.NewRegistry(),
		sampler:  report.NewSampler(),
		ready:    make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{}),
	}
	if s.auth, err = s.authenticator(); err != nil {
		return nil, err
	}
	s.connTask, s.tasks, s.control = task.New(s.panicked), task.New(s.panicked), task.New(s.panicked)
	return s, nil
}

// New is NewServer without the error: nil when there is one.
func New(opts *Options) *Server {
	s, err := NewServer(opts)
	if err != nil {
		return nil
	}
	return s
}

func publicKey(create func() (nkeys.KeyPair, error)) (string, error) {
	kp, err := create()
	if err != nil {
		return "", err
	}
	return kp.PublicKey()
}

// panicked logs what would have ended the process. The connection concerned is gone.
func (s *Server) panicked(name string, value any, stack []byte) {
	s.logs.Errorf("Internal error in %s: %v\n%s", name, value, stack)
}

// Start opens the listeners and returns when they accept connections, or with the server shut
// down when one of them cannot be opened; Err then says why. It does nothing the second time.
func (s *Server) Start() {
	err := s.start()
	if err != nil {
		s.logs.Fatalf("%v", err)
		s.Shutdown()
	}
}

// start does the work of Start.
func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.started || s.mu.stopping {
		return nil
	}
	s.mu.started = true
	s.mu.err = s.open()
	if s.mu.err == nil {
		close(s.ready)
		s.logs.Noticef("Server is ready")
	}
	return s.mu.err
}

// open opens everything, in order; the lock is held.
func (s *Server) open() error {
	if !s.opts.NoSigs {
		s.handleSignals()
	}
	s.greet()
	if err := s.writePid(); err != nil {
		return err
	}
	if err := s.startMonitoring(); err != nil {
		return fatalf("Can't start monitoring: %v", err)
	}
	var l *listen.Listener
	if !s.opts.DontListen {
		port := max(s.opts.Port, 0) // RANDOM_PORT
		addr := net.JoinHostPort(s.opts.Host, strconv.Itoa(port))
		var err error
		l, err = listen.Listen(listen.Config{
			Addr: addr, Name: "Client", Errorf: s.logs.Errorf,
			Serve: func(nc net.Conn) { s.door.Accept(nc, identity.Standard) },
		})
		if err != nil {
			return fatalf("Error listening on port: %s, %q", addr, err)
		}
		s.opts.Port = l.Addr().Port
	}
	s.door = client.New(s.doorConfig())
	if l != nil {
		s.mu.listener = l
		s.logs.Noticef("Listening for client connections on %s", net.JoinHostPort(s.opts.Host, strconv.Itoa(s.opts.Port)))
		s.tellOfTLS()
		l.Start(s.tasks)
	}
	return nil
}

// tellOfTLS logs what clients have to be ready for.
func (s *Server) tellOfTLS() {
	o := s.opts
	if o.ProxyProtocol {
		s.logs.Noticef("PROXY protocol enabled for client connections")
	}
	switch {
	case o.TLSConfig == nil:
		return
	case o.AllowNonTLS:
		s.logs.Noticef("TLS available for client connections")
	default:
		s.logs.Noticef("TLS required for client connections")
	}
	if o.TLSHandshakeFirst && o.TLSHandshakeFirstFallback == 0 {
		s.logs.Warnf(`Clients that are not using "TLS Handshake First" option will fail to connect`)
	}
}

// fatal is an error whose text is the log line that operators look for.
type fatal string

// Error implements error.
func (f fatal) Error() string { return string(f) }

func fatalf(format string, v ...any) error { return fatal(fmt.Sprintf(format, v...)) }

func (s *Server) writePid() error {
	if s.opts.PidFile == "" {
		return nil
	}
	if err := os.WriteFile(s.opts.PidFile, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return fatalf("Could not write pidfile: %v", err)
	}
	return nil
}

// ReadyForConnections waits until every listener accepts connections, for at most wait. It
// reports false when the time ran out or the server has stopped.
func (s *Server) ReadyForConnections(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-s.ready:
	case <-s.quit:
	case <-timer.C:
	}
	return s.isReady()
}

// isReady reports whether the server serves now.
func (s *Server) isReady() bool {
	select {
	case <-s.quit:
		return false
	default:
	}
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// Err returns why Start has failed, nil if it did not.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.err
}

// errNotRunning is returned by calls that need a running server.
var errNotRunning = errors.New("server is not running")

// InProcessConn returns a connection to the server that needs no socket. The caller speaks the
// client protocol on it and closes it.
func (s *Server) InProcessConn() (net.Conn, error) {
	if !s.isReady() {
		return nil, errNotRunning
	}
	ours, theirs := net.Pipe()
	s.door.Accept(ours, identity.InProcess)
	return theirs, nil
}
