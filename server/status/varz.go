// Package status holds the values that a server reports about itself, with their JSON form:
// what the monitoring endpoints answer, what the system account's services carry and what
// embedding programs get from the server's methods.
//
// It is plain data: it knows nothing of servers, sockets or HTTP, imports nothing of barid,
// and owns neither goroutines nor locks. Names, order and omission of the JSON fields are a
// contract with existing tools. Unless a field says otherwise, times are UTC, durations are
// integer nanoseconds, timeouts of type float64 are seconds and sizes are bytes.
package status

import (
	"encoding/json"
	"time"
)

// VarzOptions has no fields yet; nil is as good as a value.
type VarzOptions struct{}

// Varz is the general state of a server, the answer of /varz.
type Varz struct {
	// who and where
	ID                string   `json:"server_id"`     // public server key: 56 characters, the first one N
	Name              string   `json:"server_name"`   // the id where no name is configured
	Version           string   `json:"version"`       // reference level that clients gate features on
	BaridVersion      string   `json:"barid_version"` // version of barid itself
	Proto             int      `json:"proto"`         // client protocol number
	GitCommit         string   `json:"git_commit,omitempty"`
	GoVersion         string   `json:"go"`
	Host              string   `json:"host"` // of the client listener
	Port              int      `json:"port"` // of the client listener, the actual one
	AuthRequired      bool     `json:"auth_required,omitempty"`
	TLSRequired       bool     `json:"tls_required,omitempty"`
	TLSVerify         bool     `json:"tls_verify,omitempty"`
	TLSOCSPPeerVerify bool     `json:"tls_ocsp_peer_verify,omitempty"`
	IP                string   `json:"ip,omitempty"`              // advertised address
	ClientConnectURLs []string `json:"connect_urls,omitempty"`    // host:port, as gossiped to clients
	WSConnectURLs     []string `json:"ws_connect_urls,omitempty"` // host:port, as gossiped to WebSocket clients
	Addr              string   `json:"addr"`                      // configured listen host, for tools older than Host

	// configuration
	MaxConn        int               `json:"max_connections"`
	MaxSubs        int               `json:"max_subscriptions,omitempty"` // per connection; 0 = unlimited
	PingInterval   time.Duration     `json:"ping_interval"`
	MaxPingsOut    int               `json:"ping_max"`
	HTTPHost       string            `json:"http_host"`
	HTTPPort       int               `json:"http_port"`      // as configured
	HTTPBasePath   string            `json:"http_base_path"` // as configured, not normalised
	HTTPSPort      int               `json:"https_port"`     // as configured; 0 = unused
	AuthTimeout    float64           `json:"auth_timeout"`
	MaxControlLine int32             `json:"max_control_line"`
	MaxPayload     int               `json:"max_payload"`
	MaxPending     int64             `json:"max_pending"` // bytes queued for one connection
	Cluster        ClusterOptsVarz   `json:"cluster"`
	Gateway        GatewayOptsVarz   `json:"gateway"`
	LeafNode       LeafNodeOptsVarz  `json:"leaf"`
	MQTT           MQTTOptsVarz      `json:"mqtt"`
	Websocket      WebsocketOptsVarz `json:"websocket"`
	JetStream      JetStreamVarz     `json:"jetstream"`
	TLSTimeout     float64           `json:"tls_timeout"`
	WriteDeadline  time.Duration     `json:"write_deadline"`
	WriteTimeout   string            `json:"write_timeout,omitempty"` // policy: close or retry

	// process
	Start            time.Time `json:"start"`
	Now              time.Time `json:"now"`
	Uptime           string    `json:"uptime"` // such as 2d1h2m3s
	Mem              int64     `json:"mem"`    // resident set
	Cores            int       `json:"cores"`
	MaxProcs         int       `json:"gomaxprocs"`
	MemLimit         int64     `json:"gomemlimit,omitempty"` // 0 = no limit
	CPU              float64   `json:"cpu"`                  // percent of one core, in tenths; may exceed 100
	Connections      int       `json:"connections"`          // open clients, without leafnodes
	TotalConnections uint64    `json:"total_connections"`    // clients accepted since start
	Routes           int       `json:"routes"`               // route connections, each member of a pool counts
	Remotes          int       `json:"remotes"`              // distinct servers behind the routes
	Leafs            int       `json:"leafnodes"`

	// traffic since start
	InMsgs           int64             `json:"in_msgs"` // from clients, routes, gateways and leafnodes
	InBytes          int64             `json:"in_bytes"`
	InClientMsgs     int64             `json:"in_client_msgs"`
	InClientBytes    int64             `json:"in_client_bytes"`
	OutMsgs          int64             `json:"out_msgs"` // to clients, routes, gateways and leafnodes
	OutBytes         int64             `json:"out_bytes"`
	OutClientMsgs    int64             `json:"out_client_msgs"`
	OutClientBytes   int64             `json:"out_client_bytes"`
	SlowConsumers    int64             `json:"slow_consumers"`
	StaleConnections int64             `json:"stale_connections"`
	StalledClients   int64             `json:"stalled_clients"` // times a fast producer was made to wait
	Subscriptions    uint32            `json:"subscriptions"`   // now, of all accounts, internal ones included
	HTTPReqStats     map[string]uint64 `json:"http_req_stats"`  // by path without the base path

	// configuration file and trust
	ConfigLoadTime        time.Time              `json:"config_load_time"`
	ConfigDigest          string                 `json:"config_digest"` // sha256:<hex>; empty without a file
	Tags                  []string               `json:"tags,omitempty"`
	Metadata              map[string]string      `json:"metadata,omitempty"`
	FeatureFlags          map[string]bool        `json:"feature_flags,omitempty"`
	TrustedOperatorsJwt   []string               `json:"trusted_operators_jwt,omitempty"`
	TrustedOperatorsClaim []json.RawMessage      `json:"trusted_operators_claim,omitempty"` // decoded claims of those JWTs
	SystemAccount         string                 `json:"system_account,omitempty"`
	PinnedAccountFail     uint64                 `json:"pinned_account_fails,omitempty"` // logins whose issuer was not pinned
	OCSPResponseCache     *OCSPResponseCacheVarz `json:"ocsp_peer_cache,omitempty"`
	SlowConsumersStats    SlowConsumersStats     `json:"slow_consumer_stats"`
	StaleConnectionStats  StaleConnectionStats   `json:"stale_connection_stats"`
	DiskIOWaitStats       DiskIOWaitStats        `json:"disk_io_wait_stats"`
	Proxies               *ProxiesOptsVarz       `json:"proxies,omitempty"`
	TLSCertNotAfter       time.Time              `json:"tls_cert_not_after,omitzero"` // of the first client-port certificate
}

// SlowConsumersStats counts, by kind, the connections closed as slow consumers since start.
type SlowConsumersStats struct {
	Clients  uint64 `json:"clients"`
	Routes   uint64 `json:"routes"`
	Gateways uint64 `json:"gateways"`
	Leafs    uint64 `json:"leafs"`
}

// StaleConnectionStats counts, by kind, the connections closed since start because pings
// were left unanswered.
type StaleConnectionStats struct {
	Clients  uint64 `json:"clients"`
	Routes   uint64 `json:"routes"`
	Gateways uint64 `json:"gateways"`
	Leafs    uint64 `json:"leafs"`
}

// DiskIOWaitStats tells how work has waited for its turn on the disk.
type DiskIOWaitStats struct {
	Waiters     int64         `json:"waiters"` // waiting now
	Waits       uint64        `json:"waits"`   // turns that had to be waited for
	WaitTime    time.Duration `json:"wait_time"`
	MaxWaitTime time.Duration `json:"max_wait_time"`
}

// OCSPResponseCacheVarz is the state of the cache of certificate status answers.
type OCSPResponseCacheVarz struct {
	Type      string `json:"cache_type,omitempty"`
	Hits      int64  `json:"cache_hits,omitempty"`
	Misses    int64  `json:"cache_misses,omitempty"`
	Responses int64  `json:"cached_responses,omitempty"`
	Revokes   int64  `json:"cached_revoked_responses,omitempty"`
	Goods     int64  `json:"cached_good_responses,omitempty"`
	Unknowns  int64  `json:"cached_unknown_responses,omitempty"`
}

// ProxiesOptsVarz is the configuration of trusted proxies.
type ProxiesOptsVarz struct {
	Trusted []*ProxyInfo `json:"trusted,omitempty"`
}

// ProxyInfo names a proxy by its public key.
type ProxyInfo struct {
	Key string `json:"key"`
}
