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
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/monitor"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/internal/tenancy"
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
	// current are the options in force, of which nothing is changed: a reload replaces them as a
	// whole.
	current atomic.Pointer[Options]
	lifecycle

	// fixed
	id       string
	key      nkeys.KeyPair // of id
	xkey     nkeys.KeyPair // for encryption
	logs     logs
	created  time.Time
	tenants  *tenancy.Tenants
	auth     gatekeeper
	handles  handles
	sampler  *report.Sampler
	requests monitor.Counters
	watch    func() *monitor.Handler // makes it when it is first asked for
	ids      atomic.Uint64
	connTask *task.Group // readers and writers
	tasks    *task.Group // everything else that a shutdown ends
	control  *task.Group // what may call Shutdown, or the server while it ends; nobody waits for it
}

// lifecycle is what a server knows of its start, its reloads and its end.
type lifecycle struct {
	given  *Options           // what the program gave; the port is written back to it
	ready  chan struct{}      // closed when all listeners accept
	ending context.Context    // done when the end begins
	end    context.CancelFunc // begins the end
	done   chan struct{}      // closed when the end is over

	loaded  atomic.Pointer[time.Time] // when the options in force were read
	managed atomic.Bool               // a service manager is told how the server fares

	// life is held by whoever starts the server, changes its options or stops it. reload is held
	// while new options are read, which may take long and must not keep the server from ending;
	// who needs both takes reload first.
	life, reload sync.Mutex

	// mu guards what a start, a reload or a shutdown changes, for those who look at it. Its holder
	// calls nothing that waits or logs.
	mu struct {
		sync.Mutex
		started, stopping bool
		retiring          bool // a lame duck
		deaf              bool // the listener is closed

		err      error
		door     *client.Door
		listener *listen.Listener
		monitor  *httpd.Server
		profiler *httpd.Server
		log      *logger.Logger // what ConfigureLogger has made last
		ports    string         // name of the ports file that was written
	}
}

// trustedKeys are public keys of operators, divided by blanks, whom a program trusts that was built with
//
//	-ldflags "-X 'github.com/baridmq/barid/server.trustedKeys=O... O...'"
//
// No options may say otherwise then.
var trustedKeys string

// NewServer makes a server of opts, which it keeps: defaults are filled in, and the ports that
// were opened are written back. It opens nothing yet. The error names everything that is wrong.
func NewServer(opts *Options) (*Server, error) {
	if opts == nil {
		opts = &Options{}
	}
	if err := tenancy.Stamp(trustedKeys, nil, opts); err != nil {
		return nil, err
	}
	config.Complete(opts)
	if err := config.Validate(opts); err != nil {
		return nil, err
	}
	s := &Server{created: time.Now(), sampler: report.NewSampler()}
	if err := s.makeKeys(); err != nil {
		return nil, err
	}
	s.given, s.ready, s.done = opts, make(chan struct{}), make(chan struct{})
	s.ending, s.end = context.WithCancel(context.Background())
	s.watch = sync.OnceValue(s.newWatch)
	s.take(*opts)
	s.loaded.Store(&s.created)
	s.connTask, s.tasks, s.control = task.New(s.panicked), task.New(s.panicked), task.New(s.panicked)
	if err := s.makeTenants(); err != nil {
		return nil, err
	}
	s.attach(opts)
	a, err := s.authenticator(opts, nil)
	if err != nil {
		return nil, err
	}
	s.auth.put(a)
	return s, nil
}

// makeKeys makes what the server is known by and what it decrypts with.
func (s *Server) makeKeys() (err error) {
	if s.key, err = nkeys.CreateServer(); err == nil {
		s.id, err = s.key.PublicKey()
	}
	if err == nil {
		s.xkey, err = nkeys.CreateCurveKeys()
	}
	if err != nil {
		return fmt.Errorf("making the server's keys: %w", err)
	}
	return nil
}

// options are those in force now. They must not be changed.
func (s *Server) options() *Options { return s.current.Load() }

// take puts a copy of options in force.
func (s *Server) take(o Options) { s.current.Store(&o) }

// New is NewServer without the error: nil when there is one.
func New(opts *Options) *Server {
	s, err := NewServer(opts)
	if err != nil {
		return nil
	}
	return s
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
	if !s.beginStart() {
		return nil
	}
	err := s.startResolver() // not under the lock: it may call the server
	s.life.Lock()
	defer s.life.Unlock()
	if s.ending.Err() != nil {
		return nil
	}
	if err == nil {
		err = s.open()
	}
	if err != nil {
		s.mu.Lock()
		s.mu.err = err
		s.mu.Unlock()
		return err
	}
	close(s.ready)
	s.movePorts(s.options().PortsFileDir)
	s.logs.Noticef("Server is ready")
	s.notifyReady("Serving clients")
	return nil
}

// beginStart reports whether the server is to be started now.
func (s *Server) beginStart() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.started || s.mu.stopping {
		return false
	}
	s.mu.started = true
	return true
}

// open opens everything, in order.
func (s *Server) open() error {
	if !s.options().NoSigs {
		s.handleSignals()
	}
	s.greet()
	if err := s.startProfiler(); err != nil {
		return err
	}
	s.tellOfConfig()
	if err := writePid(s.options().PidFile); err != nil {
		return err
	}
	if err := s.startMonitoring(); err != nil {
		return fatalf("Can't start monitoring: %v", err)
	}
	if err := s.tenants.Start(s.ending); err != nil {
		return fatalf("%v", err)
	}
	if s.options().DontListen {
		s.openDoor(nil)
		return nil
	}
	return s.listen()
}

// listen opens the listener for clients.
func (s *Server) listen() error {
	o := *s.options()
	addr := net.JoinHostPort(o.Host, strconv.Itoa(max(o.Port, 0))) // 0 for RANDOM_PORT
	var door *client.Door
	l, err := listen.Listen(listen.Config{
		Addr: addr, Name: "Client", Errorf: s.logs.Errorf,
		Serve: func(nc net.Conn) { door.Accept(nc, identity.Standard) },
	})
	if err != nil {
		return fatalf("Error listening on port: %s, %q", addr, err)
	}
	o.Port = l.Addr().Port
	s.given.Port = o.Port
	s.take(o)
	door = s.openDoor(l)
	s.logs.Noticef("Listening for client connections on %s", net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
	s.tellOfTLS()
	l.Start(s.tasks)
	return nil
}

// openDoor makes the door of NATS clients, and shows it with its listener.
func (s *Server) openDoor(l *listen.Listener) *client.Door {
	door := client.New(s.doorConfig())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.door, s.mu.listener = door, l
	return door
}

// tellOfTLS logs what clients have to be ready for.
func (s *Server) tellOfTLS() {
	o := s.options()
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

// ReadyForConnections waits until every listener accepts connections, for at most wait. It
// reports false when the time ran out, or the server has stopped or does not accept any more.
func (s *Server) ReadyForConnections(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-s.ready:
	case <-s.ending.Done():
	case <-timer.C:
	}
	return s.Running() && !s.retiring()
}

// Running reports whether the server serves: it has started and does not stop yet. A lame duck
// still runs.
func (s *Server) Running() bool {
	if s.ending.Err() != nil {
		return false
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
	if !s.Running() {
		return nil, errNotRunning
	}
	ours, theirs := net.Pipe()
	s.served().Accept(ours, identity.InProcess)
	return theirs, nil
}
