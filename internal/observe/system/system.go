// Package system is what a server says and answers in its system account: events about who comes and
// goes, its load now and then, and the requests by which tools look at it and act on it.
//
// It knows nothing of how figures come to be, of configuration and of sockets: it gets functions and
// speaks through ports. It owns one goroutine, on which all events are made and published, so that
// they come in the order of their numbers; requests are answered on the goroutines of three ports,
// one at a time on each, and few things that take time on their own. Its one lock is a leaf that
// guards what waits for the goroutine.
package system

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/guard"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/server/status"
)

// Config is what a System needs. All fields are required unless they say otherwise.
type Config struct {
	// Account is the system account.
	Account *account.Account
	Tasks   *task.Group
	// NextID gives ports their numbers, unique among ports and connections.
	NextID  func() uint64
	Server  Server
	Source  Source
	Lookup  Lookup
	Actions Actions
	Log     Log
}

// Server says which server it is.
type Server struct {
	ID, Name, Host, Version string
	// Cluster and Domain are empty for none.
	Cluster, Domain string
	// Tags and Metadata must not be changed.
	Tags     []string
	Metadata map[string]string
}

// Source is where reports come from; see monitor.Source. Its functions are called by several
// goroutines. A request whose function is nil is not answered.
type Source struct {
	Varz         func() *status.Varz // required; must not be slow
	Active       func() int          // number of accounts with connections; must not be slow; nil for 0
	Health       func(*status.HealthzOptions) *status.HealthStatus
	Connz        func(*status.ConnzOptions) (*status.Connz, error)
	Subsz        func(*status.SubszOptions) (*status.Subsz, error)
	Routez       func(*status.RoutezOptions) (*status.Routez, error)
	Gatewayz     func(*status.GatewayzOptions) (*status.Gatewayz, error)
	Leafz        func(*status.LeafzOptions) (*status.Leafz, error)
	Accountz     func(*status.AccountzOptions) (*status.Accountz, error)
	AccountStatz func(*status.AccountStatzOptions) (*status.AccountStatz, error)
	Jsz          func(*status.JSzOptions) (*status.JSInfo, error)
}

// Lookup finds accounts and connections.
type Lookup struct {
	// Account returns the account of that name if the server has it now, else nil.
	Account func(name string) *account.Account
	// User returns what the user of a connection may know of itself, nil if there is no such
	// connection. Its Expires may have fractions of seconds.
	User func(cid uint64) *status.UserInfo
	// IsClient reports whether a number is that of a client connection.
	IsClient func(id uint64) bool
}

// Actions are what tools may do to the server. Those that are nil are not offered. The texts of
// errors are shown to who asked.
type Actions struct {
	// Reload reads the configuration again. It runs on a goroutine of its own, one at a time.
	Reload func() error
	// Kick closes a connection; the error is ErrNoConnection. Announce tells it that the server will go;
	// errors are those of client.Door.
	Kick, Announce func(cid uint64) error
}

// ErrNoConnection says that there is nobody to kick.
var ErrNoConnection = errors.New("no such client or leafnode id")

// Log is where a System writes. Its methods may be called by any goroutine.
type Log interface {
	Warnf(format string, v ...any)
	Errorf(format string, v ...any)
}

// mostEvents bounds the events that wait. When crowds come and go faster than can be told, the rest
// is not told.
const mostEvents = 4096

// rhythm says when what is repeated comes, and how much may wait meanwhile.
type rhythm struct {
	events         int           // that may wait
	first, slowest time.Duration // gaps between statistics, which double
	rate           time.Duration // statistics come no faster
	askedRate      time.Duration // nor do those that somebody asks for
	settle         time.Duration // of numbers of connections before they are told
	again          time.Duration // after which they are told again
}

func usualRhythm() rhythm {
	return rhythm{
		events: mostEvents,
		first:  250 * time.Millisecond, slowest: 10 * time.Second,
		rate: time.Second, askedRate: 100 * time.Millisecond,
		settle: 100 * time.Millisecond, again: 30 * time.Second,
	}
}

// System is the server's voice in its system account. Its methods may be called by any goroutine. It
// is a client.Observer.
type System struct {
	// fixed
	cfg      Config
	rhythm   rhythm
	pings    *port.Port // events, and the requests that must always be answered at once
	requests *port.Port // what is asked of the server
	tenants  *port.Port // what users of other accounts may ask; these are served in turn
	ctx      context.Context
	cancel   context.CancelFunc
	wake     chan struct{} // holds one token while there may be work for the goroutine
	done     chan struct{} // closed when the goroutine has ended

	// atomic
	server    atomic.Pointer[Server]
	seq       atomic.Uint64 // of the last message with a server object
	asked     atomic.Bool   // somebody wants statistics now
	reloading atomic.Bool

	mu struct {
		guard.Leaf
		queue   []event
		changed map[string]struct{} // accounts whose number of connections changed
		dropped int                 // events since the last log line of them
		closed  bool                // nothing more is taken
	}
}

var _ client.Observer = (*System)(nil)

// What the inboxes of ports may hold, in bytes. Who asks faster than is answered is not heard.
const (
	mostPings    = 4 << 20
	mostRequests = 8 << 20
	mostTenants  = 8 << 20
)

// Start begins to speak and to answer. Shutdown or Close must be called.
func Start(cfg Config) (*System, error) { return start(cfg, usualRhythm()) }

func start(cfg Config, r rhythm) (*System, error) {
	s := &System{cfg: cfg, rhythm: r, wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.Identify(cfg.Server)
	s.seq.Store(1)
	s.mu.changed = map[string]struct{}{}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.pings = s.open("system pings", mostPings, nil)
	s.requests = s.open("system requests", mostRequests, nil)
	s.tenants = s.open("system account requests", mostTenants, sender)
	if !cfg.Tasks.Go("system events", s.run) {
		close(s.done)
		s.shut()
		return nil, errors.New("system account: the server ends")
	}
	if err := s.subscribe(); err != nil {
		s.Close()
		return nil, fmt.Errorf("system account: %w", err)
	}
	return s, nil
}

func (s *System) open(name string, pending int, share func(header []byte) string) *port.Port {
	return port.Open(port.Config{
		Account: s.cfg.Account, Tasks: s.cfg.Tasks, Name: name, ID: s.cfg.NextID(),
		MaxPending: pending, Share: share, Errorf: s.cfg.Log.Errorf,
	})
}

// Account is the system account.
func (s *System) Account() *account.Account { return s.cfg.Account }

// Identify replaces what the server says of itself, for example after a reload.
func (s *System) Identify(server Server) { s.server.Store(&server) }

// LameDuck publishes that the server will go. It does not wait.
func (s *System) LameDuck() { s.enqueue(event{kind: lameDuck}) }

// Shutdown publishes that the server goes, behind all events that wait, and ends the System: nothing
// is said or answered any more. It returns when that was handed to the subscribers, or with the error
// of ctx.
func (s *System) Shutdown(ctx context.Context) error {
	s.requests.Close()
	s.tenants.Close()
	s.enqueue(event{kind: shutdown})
	s.end()
	select {
	case <-s.done:
		s.shut()
		return nil
	case <-ctx.Done():
		s.shut()
		return ctx.Err()
	}
}

// Close ends the System without a word, for example to start another one in another account. Events
// that wait are still published. It waits for the goroutine.
func (s *System) Close() {
	s.end()
	<-s.done
	s.shut()
}

// end lets the goroutine come to its end.
func (s *System) end() {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	s.cancel()
}

func (s *System) shut() {
	s.cancel()
	s.requests.Close()
	s.tenants.Close()
	s.pings.Close()
}

// serverInfo returns what stands in the next message as its server.
func (s *System) serverInfo() status.ServerInfo {
	v := s.server.Load()
	return status.ServerInfo{
		Name: v.Name, Host: v.Host, ID: v.ID, Cluster: v.Cluster, Domain: v.Domain, Version: v.Version,
		Tags: v.Tags, Metadata: v.Metadata, Seq: s.seq.Add(1), Time: time.Now().UTC(),
	}
}

// Stamp returns what stands in an answer of others as its server.
func (s *System) Stamp() any { return s.serverInfo() }
