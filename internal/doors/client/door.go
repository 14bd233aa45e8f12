// Package client is the front door of NATS clients: it turns the bytes of their connections into
// publishes and subscriptions of an account, and messages into MSG lines.
//
// A Door holds what all its sessions share; a session is one connection. Sessions run on the
// reader goroutines of transport/conn; the package starts none of its own. Its locks are the
// leaf of the table of connections. It knows no configuration file and no socket options.
package client

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/transport/conn"
	"github.com/baridmq/barid/internal/transport/listen"
)

// Log is where a door writes. Its methods may be called by any goroutine.
type Log interface {
	Noticef(format string, v ...any)
	Warnf(format string, v ...any)
	Errorf(format string, v ...any)
	Debugf(format string, v ...any)
	Tracef(format string, v ...any)
	// Tracing reports whether Tracef writes anything.
	Tracing() bool
}

// Config is what a door needs. All fields are required unless they say otherwise. What of it changes
// for open connections when it is replaced, Update tells.
type Config struct {
	Tasks *task.Group
	Auth  identity.Authenticator
	// AuthConfigured says that there are logins, also if one can do without.
	AuthConfigured bool
	// AuthTimeout is the time for a client to say who it is, if it has to.
	AuthTimeout time.Duration
	// AlwaysNonce gives clients something to sign, also if Auth does not ask for that.
	AlwaysNonce bool
	// TLS secures the connections.
	TLS TLS
	// ProxyProtocol expects the header of a proxy on each connection.
	ProxyProtocol bool
	// System is the name of the account that is the server's own; empty for none.
	System string
	Log    Log
	// Info is what INFO tells of the server; what it says of authentication and TLS is filled
	// in by the door.
	Info proto.ServerInfo
	// IDs gives connections their numbers, unique in the server.
	IDs *atomic.Uint64

	// MaxConnections bounds the open connections; negative refuses all, 0 sets no bound.
	MaxConnections int
	// MaxSubscriptions bounds the subscriptions of a connection; 0 sets no bound.
	MaxSubscriptions int
	// MaxTokens bounds the tokens of a subscription's subject; 0 sets no bound.
	MaxTokens int
	// MaxLine bounds the arguments of a control line, in bytes.
	MaxLine int
	// MaxConnect bounds those of CONNECT, which may hold long tokens, in bytes; 0 for MaxLine.
	MaxConnect int
	// MaxPayload bounds header and payload of a message, in bytes; negative sets no bound.
	MaxPayload int
	// MaxPending bounds the bytes that wait for a connection.
	MaxPending int
	// MaxClosed is the number of ended connections that are remembered for reports.
	MaxClosed int
	Trace     Trace
	// WriteDeadline is how long a socket may take next to nothing while output waits for it.
	WriteDeadline time.Duration
	Pings         Pings
	// NoStall lets publishers never wait for slow consumers, which are cut off instead.
	NoStall bool
	// Observer is told who comes and goes; nil for nobody.
	Observer Observer
}

// Pings says how a door finds out that connections are alive.
type Pings struct {
	// Interval is the time between two pings, Max how many may be unanswered.
	Interval time.Duration
	Max      int
	// First asks for an early first ping, to measure the round trip.
	First bool
}

// Trace says what is traced, if anything is.
type Trace struct {
	// MaxPayload bounds the bytes of a payload in a trace line; 0 sets no bound.
	MaxPayload int
	// Headers shows of messages only their headers.
	Headers bool
	// System traces connections of the system account, too.
	System bool
}

// Door accepts connections of NATS clients. Its methods may be called by any goroutine.
type Door struct {
	// fixed
	log   Log
	tasks *task.Group
	ids   *atomic.Uint64

	now   atomic.Pointer[settings]
	rate  listen.Rate
	told  listen.Rate // bounds the log lines for connections that are refused because there are too many
	table table
	again renewals
	lame  atomic.Bool     // LameDuck was called
	open  context.Context // ends with Shutdown
	shut  context.CancelFunc

	slow  atomic.Int64
	stale atomic.Int64
}

// settings are a configuration and what is made of it. They are immutable and replaced whole. A
// session has its own pointer to them, and looks for new ones when it reads.
type settings struct {
	Config
	infos infos
	conns conn.Config
}

// settings prepares cfg.
func (d *Door) settings(cfg Config) *settings {
	return &settings{
		Config: cfg,
		infos:  newInfos(cfg.Info, cfg.TLS.Config != nil && cfg.TLS.Config.ClientAuth == tls.RequireAndVerifyClientCert),
		conns: conn.Config{
			Tasks:         cfg.Tasks,
			MaxPending:    cfg.MaxPending,
			WriteDeadline: cfg.WriteDeadline,
			Slow: func(c *conn.Conn, reason closed.Reason, held int) {
				d.slowConsumer(&cfg, c, reason, held)
			},
		},
	}
}

// cfg returns the settings in force.
func (d *Door) cfg() *settings { return d.now.Load() }

// New returns a door that accepts connections given to Accept.
func New(cfg Config) *Door {
	d := &Door{log: cfg.Log, tasks: cfg.Tasks, ids: cfg.IDs}
	d.open, d.shut = context.WithCancel(context.Background())
	d.rate = listen.Rate{Rejected: func(n int64) {
		d.log.Warnf("Rejected %d connections due to TLS rate limiting", n)
	}}
	d.told = listen.Rate{Rejected: func(n int64) {
		d.log.Errorf("maximum connections exceeded: refused %d more", n)
	}}
	d.table.init(cfg.MaxConnections, cfg.MaxClosed)
	d.now.Store(d.settings(cfg))
	return d
}

// Accept serves a connection until it ends. It does not wait. Connections of kind InProcess are
// neither secured nor expected to come through a proxy.
func (d *Door) Accept(nc net.Conn, kind identity.Kind) {
	s := newSession(d, nc, kind)
	if !d.table.add(s) || !s.conn.Run(s) {
		s.conn.Abort(closed.ServerShutdown)
		d.table.remove(s, nil)
	}
}

// Shutdown refuses new connections and ends the present ones, after their pending output was
// written. It does not wait.
func (d *Door) Shutdown() {
	d.shut() // nobody is let in any more
	for _, s := range d.table.close() {
		s.conn.Close(closed.ServerShutdown)
	}
}

// Abort closes the sockets of all connections that are left.
func (d *Door) Abort() {
	for _, s := range d.table.all() {
		s.conn.Abort(closed.ServerShutdown)
	}
}

// slowConsumer counts and logs a connection that was cut off, whose limits are those of cfg.
func (d *Door) slowConsumer(cfg *Config, c *conn.Conn, reason closed.Reason, held int) {
	d.slow.Add(1)
	name := c.Socket().RemoteAddr().String()
	if s, ok := c.Session().(*session); ok {
		name = s.String()
	}
	if reason == closed.SlowConsumerPending {
		d.log.Noticef("%s - Slow Consumer Detected: MaxPending of %d Exceeded", name, cfg.MaxPending)
		return
	}
	d.log.Noticef("%s - Slow Consumer Detected: WriteDeadline of %v exceeded with %d total bytes.", name, cfg.WriteDeadline, held)
}
