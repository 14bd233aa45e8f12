// Package report turns plain snapshots of a running server into the values of server/status:
// it picks, filters, sorts, pages and formats. How a snapshot is taken is its caller's
// affair, so that no other part has to know the names and shapes of reports.
//
// It knows nothing of sockets, HTTP or configuration. It owns no goroutine; the one lock is
// that of Sampler, a leaf.
package report

import (
	"encoding/json"
	"runtime"
	"time"

	"github.com/baridmq/barid/server/status"
)

// Server is a snapshot of a server for Varz. Slices and maps are borrowed: the result refers
// to them, so nobody may change them afterwards.
type Server struct {
	Identity Identity
	Listener Listener
	Monitor  Monitor
	Limits   Limits
	Load     Load
	Traffic  Traffic
	Faults   Faults
	Config   Config
	Trust    Trust
	Parts    Parts
	Start    time.Time // of the server
	Now      time.Time // of the snapshot
}

// Identity says which server it is.
type Identity struct {
	ID           string // public server key
	Name         string // empty = ID
	Version      string // reference level
	BaridVersion string
	Proto        int // client protocol number
	GitCommit    string
}

// Listener describes the door for clients.
type Listener struct {
	Host              string // as configured
	Port              int    // the actual one
	IP                string // advertised address, if any
	ConnectURLs       []string
	WSConnectURLs     []string
	AuthRequired      bool
	AuthTimeout       time.Duration
	TLSRequired       bool
	TLSVerify         bool
	TLSOCSPPeerVerify bool
	TLSTimeout        time.Duration
	TLSCertNotAfter   time.Time // zero without TLS
}

// Monitor describes the door for monitoring.
type Monitor struct {
	Host     string
	Port     int // as configured; 0 = unused
	TLSPort  int // as configured; 0 = unused
	BasePath string
	Requests map[string]uint64 // by path without the base path
}

// Limits are what a client connection must keep to.
type Limits struct {
	MaxConnections   int
	MaxSubscriptions int // 0 = unlimited
	PingInterval     time.Duration
	MaxPingsOut      int
	MaxControlLine   int32
	MaxPayload       int
	MaxPending       int64
	WriteDeadline    time.Duration
	WriteTimeout     string // policy; empty = not set
}

// Load counts what there is now.
type Load struct {
	Connections      int    // open clients
	TotalConnections uint64 // clients accepted since start
	Routes           int
	Remotes          int
	Leafs            int
	Subscriptions    uint32
	DiskWait         status.DiskIOWaitStats
}

// Tally counts messages and their bytes.
type Tally struct{ Msgs, Bytes int64 }

// Traffic counts messages since start, as seen by the server.
type Traffic struct {
	In, Out               Tally // of all kinds of connections
	InClients, OutClients Tally // of clients alone
}

// ByKind counts connections by their kind.
type ByKind struct{ Clients, Routes, Gateways, Leafs uint64 }

func (k ByKind) sum() int64 { return int64(k.Clients + k.Routes + k.Gateways + k.Leafs) }

// Faults counts what has gone wrong since start.
type Faults struct {
	Slow               ByKind // closed as slow consumers
	Stale              ByKind // closed because pings were left unanswered
	Stalls             int64  // times a fast producer was made to wait
	PinnedAccountFails uint64 // logins whose issuer was not pinned
}

// Config is what the configuration says about itself and about the server.
type Config struct {
	LoadTime     time.Time
	Digest       string // empty without a file
	Tags         []string
	Metadata     map[string]string
	FeatureFlags map[string]bool
}

// Trust is what the server trusts.
type Trust struct {
	OperatorJWTs   []string
	OperatorClaims []json.RawMessage // decoded claims of those JWTs
	SystemAccount  string            // empty = none
	OCSPCache      *status.OCSPResponseCacheVarz
	Proxies        *status.ProxiesOptsVarz
}

// Parts holds what the other parts are configured to; the zero value of each means that it is
// off. They are reported as they are.
type Parts struct {
	Cluster   status.ClusterOptsVarz
	Gateway   status.GatewayOptsVarz
	LeafNode  status.LeafNodeOptsVarz
	MQTT      status.MQTTOptsVarz
	Websocket status.WebsocketOptsVarz
	JetStream status.JetStreamVarz
}

// Varz reports the general state of a server.
func Varz(s Server, p Process) *status.Varz {
	v := &status.Varz{
		Cluster:   s.Parts.Cluster,
		Gateway:   s.Parts.Gateway,
		LeafNode:  s.Parts.LeafNode,
		MQTT:      s.Parts.MQTT,
		Websocket: s.Parts.Websocket,
		JetStream: s.Parts.JetStream,

		Start:    s.Start.UTC(),
		Now:      s.Now.UTC(),
		Uptime:   uptime(s.Now.Sub(s.Start)),
		Mem:      p.Mem,
		CPU:      p.CPU,
		Cores:    p.Cores,
		MaxProcs: p.MaxProcs,
		MemLimit: p.MemLimit,
	}
	s.Identity.fill(v)
	s.Listener.fill(v)
	s.Monitor.fill(v)
	s.Limits.fill(v)
	s.Load.fill(v)
	s.Traffic.fill(v)
	s.Faults.fill(v)
	s.Config.fill(v)
	s.Trust.fill(v)
	return v
}

func (i Identity) fill(v *status.Varz) {
	v.ID = i.ID
	v.Name = i.Name
	if v.Name == "" {
		v.Name = i.ID
	}
	v.Version = i.Version
	v.BaridVersion = i.BaridVersion
	v.Proto = i.Proto
	v.GitCommit = i.GitCommit
	v.GoVersion = runtime.Version()
}

func (l Listener) fill(v *status.Varz) {
	v.Host = l.Host
	v.Addr = l.Host
	v.Port = l.Port
	v.IP = l.IP
	v.ClientConnectURLs = l.ConnectURLs
	v.WSConnectURLs = l.WSConnectURLs
	v.AuthRequired = l.AuthRequired
	v.AuthTimeout = l.AuthTimeout.Seconds()
	v.TLSRequired = l.TLSRequired
	v.TLSVerify = l.TLSVerify
	v.TLSOCSPPeerVerify = l.TLSOCSPPeerVerify
	v.TLSTimeout = l.TLSTimeout.Seconds()
	if !l.TLSCertNotAfter.IsZero() {
		v.TLSCertNotAfter = l.TLSCertNotAfter.UTC()
	}
}

func (m Monitor) fill(v *status.Varz) {
	v.HTTPHost = m.Host
	v.HTTPPort = m.Port
	v.HTTPSPort = m.TLSPort
	v.HTTPBasePath = m.BasePath
	v.HTTPReqStats = m.Requests
	if v.HTTPReqStats == nil {
		v.HTTPReqStats = map[string]uint64{}
	}
}

func (l Limits) fill(v *status.Varz) {
	v.MaxConn = l.MaxConnections
	v.MaxSubs = l.MaxSubscriptions
	v.PingInterval = l.PingInterval
	v.MaxPingsOut = l.MaxPingsOut
	v.MaxControlLine = l.MaxControlLine
	v.MaxPayload = l.MaxPayload
	v.MaxPending = l.MaxPending
	v.WriteDeadline = l.WriteDeadline
	v.WriteTimeout = l.WriteTimeout
}

func (l Load) fill(v *status.Varz) {
	v.Connections = l.Connections
	v.TotalConnections = l.TotalConnections
	v.Routes = l.Routes
	v.Remotes = l.Remotes
	v.Leafs = l.Leafs
	v.Subscriptions = l.Subscriptions
	v.DiskIOWaitStats = l.DiskWait
}

func (t Traffic) fill(v *status.Varz) {
	v.InMsgs, v.InBytes = t.In.Msgs, t.In.Bytes
	v.OutMsgs, v.OutBytes = t.Out.Msgs, t.Out.Bytes
	v.InClientMsgs, v.InClientBytes = t.InClients.Msgs, t.InClients.Bytes
	v.OutClientMsgs, v.OutClientBytes = t.OutClients.Msgs, t.OutClients.Bytes
}

func (f Faults) fill(v *status.Varz) {
	v.SlowConsumers = f.Slow.sum()
	v.SlowConsumersStats = status.SlowConsumersStats(f.Slow)
	v.StaleConnections = f.Stale.sum()
	v.StaleConnectionStats = status.StaleConnectionStats(f.Stale)
	v.StalledClients = f.Stalls
	v.PinnedAccountFail = f.PinnedAccountFails
}

func (c Config) fill(v *status.Varz) {
	v.ConfigLoadTime = c.LoadTime.UTC()
	v.ConfigDigest = c.Digest
	v.Tags = c.Tags
	v.Metadata = c.Metadata
	v.FeatureFlags = c.FeatureFlags
}

func (t Trust) fill(v *status.Varz) {
	v.TrustedOperatorsJwt = t.OperatorJWTs
	v.TrustedOperatorsClaim = t.OperatorClaims
	v.SystemAccount = t.SystemAccount
	v.OCSPResponseCache = t.OCSPCache
	v.Proxies = t.Proxies
}
