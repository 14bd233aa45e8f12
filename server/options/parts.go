package options

import (
	"crypto/tls"
	"net/url"
	"time"
)

// The structs of this file are the settings of parts that barid does not have yet. They are
// complete, so that programs which set them compile; a server refuses options that ask for such a
// part, and ignores what only tunes it.

// ClusterOpts are the settings of routes to servers of the same cluster. There is no cluster while
// Port is 0 and Options.Routes is empty.
type ClusterOpts struct {
	// Name is the name of the cluster.
	Name string
	// Host and Port are where routes of others are accepted; -1 for a free port.
	Host string
	Port int
	// Username and Password are what other servers have to show.
	Username, Password string
	// AuthTimeout is the time for a route to say who it is, in seconds.
	AuthTimeout float64
	// Permissions bound what passes routes; nil for no bound.
	Permissions *RoutePermissions
	// TLSTimeout and the fields after it are as those of Options.
	TLSTimeout                float64
	TLSConfig                 *tls.Config
	TLSMap                    bool
	TLSCheckKnownURLs         bool
	TLSPinnedCerts            PinnedCertSet
	TLSHandshakeFirst         bool
	TLSHandshakeFirstFallback time.Duration
	// ListenStr is the address as a command line gave it.
	ListenStr string
	// Advertise, as host or host:port, is what other servers are told in place of Host and Port.
	Advertise string
	// NoAdvertise tells clients of no other server.
	NoAdvertise bool
	// ConnectRetries is how often an implicit route is tried again; ConnectBackoff lets the time
	// between grow.
	ConnectRetries int
	ConnectBackoff bool
	// PoolSize is the number of connections to each server; -1 for one.
	PoolSize int
	// PinnedAccounts have connections of their own.
	PinnedAccounts []string
	// Compression says how routes are compressed.
	Compression CompressionOpts
	// PingInterval, MaxPingsOut and WriteDeadline are as those of Options, for routes.
	PingInterval  time.Duration
	MaxPingsOut   int
	WriteDeadline time.Duration
	WriteTimeout  WriteTimeoutPolicy
}

// RoutePermissions bound what is imported from and exported to other servers of a cluster.
type RoutePermissions struct {
	Import *SubjectPermission
	Export *SubjectPermission
}

// CompressionOpts say how a connection between servers is compressed.
type CompressionOpts struct {
	// Mode is off, accept, s2_fast, s2_better, s2_best or s2_auto.
	Mode string
	// RTTThresholds are the round trips from which s2_auto goes to the next level.
	RTTThresholds []time.Duration
}

// WriteTimeoutPolicy is what happens to a connection whose write deadline has passed.
type WriteTimeoutPolicy uint8

// Policies of write timeouts.
const (
	WriteTimeoutPolicyDefault WriteTimeoutPolicy = iota
	WriteTimeoutPolicyClose
	WriteTimeoutPolicyRetry
)

// GatewayOpts are the settings of gateways between clusters. There are none while Name is empty.
type GatewayOpts struct {
	Name               string
	Host               string
	Port               int
	Username, Password string
	AuthTimeout        float64
	TLSConfig          *tls.Config
	TLSTimeout         float64
	TLSMap             bool
	TLSCheckKnownURLs  bool
	TLSPinnedCerts     PinnedCertSet
	Advertise          string
	ConnectRetries     int
	ConnectBackoff     bool
	Gateways           []*RemoteGatewayOpts
	RejectUnknown      bool
	WriteDeadline      time.Duration
	WriteTimeout       WriteTimeoutPolicy
}

// RemoteGatewayOpts name another cluster.
type RemoteGatewayOpts struct {
	Name       string
	TLSConfig  *tls.Config
	TLSTimeout float64
	URLs       []*url.URL
}

// LeafNodeOpts are the settings of leafnodes. There are none while Port is 0 and Remotes is empty.
type LeafNodeOpts struct {
	Host                      string
	Port                      int
	Username, Password        string
	Nkey                      string
	ProxyRequired             bool
	Account                   string
	Users                     []*User
	AuthTimeout               float64
	TLSConfig                 *tls.Config
	TLSTimeout                float64
	TLSMap                    bool
	TLSPinnedCerts            PinnedCertSet
	TLSHandshakeFirst         bool
	TLSHandshakeFirstFallback time.Duration
	Advertise                 string
	NoAdvertise               bool
	ReconnectInterval         time.Duration
	WriteDeadline             time.Duration
	WriteTimeout              WriteTimeoutPolicy
	Compression               CompressionOpts
	Remotes                   []*RemoteLeafOpts
	MinVersion                string
	IsolateLeafnodeInterest   bool
}

// RemoteLeafOpts name a server to be a leafnode of.
type RemoteLeafOpts struct {
	LocalAccount      string
	NoRandomize       bool
	URLs              []*url.URL
	Credentials       string
	Nkey              string
	TLS               bool
	TLSConfig         *tls.Config
	TLSTimeout        float64
	TLSHandshakeFirst bool
	Hub               bool
	DenyImports       []string
	DenyExports       []string
	FirstInfoTimeout  time.Duration
	Compression       CompressionOpts
	Disabled          bool
}

// WebsocketOpts are the settings of the listener for clients over WebSocket. There is none while
// Port is 0.
type WebsocketOpts struct {
	Host           string
	Port           int
	Advertise      string
	NoAuthUser     string
	JWTCookie      string
	UsernameCookie string
	PasswordCookie string
	TokenCookie    string
	Username       string
	Password       string
	Token          string
	AuthTimeout    float64
	// NoTLS allows to run without TLSConfig.
	NoTLS            bool
	TLSConfig        *tls.Config
	TLSMap           bool
	TLSPinnedCerts   PinnedCertSet
	SameOrigin       bool
	AllowedOrigins   []string
	Compression      bool
	HandshakeTimeout time.Duration
	PingInterval     time.Duration
	Headers          map[string]string
}

// MQTTOpts are the settings of the listener for MQTT. There is none while Port is 0.
type MQTTOpts struct {
	Host                      string
	Port                      int
	NoAuthUser                string
	Username, Password        string
	Token                     string
	JsDomain                  string
	StreamReplicas            int
	ConsumerReplicas          int
	ConsumerMemoryStorage     bool
	ConsumerInactiveThreshold time.Duration
	AuthTimeout               float64
	TLSConfig                 *tls.Config
	TLSMap                    bool
	TLSTimeout                float64
	TLSPinnedCerts            PinnedCertSet
	AckWait                   time.Duration
	JSAPITimeout              time.Duration
	MaxAckPending             uint16
}

// JSLimitOpts are limits of streams.
type JSLimitOpts struct {
	MaxRequestBatch int
	MaxAckPending   int
	MaxHAAssets     int
	Duplicates      time.Duration
}

// OCSPMode says when the status of the server's certificate is stapled.
type OCSPMode uint8

// Modes of OCSP.
const (
	// OCSPModeAuto staples if the certificate demands it.
	OCSPModeAuto OCSPMode = iota
	// OCSPModeAlways always staples, and ends the server for a revoked certificate.
	OCSPModeAlways
	// OCSPModeNever does not staple.
	OCSPModeNever
	// OCSPModeMust staples if the certificate demands it, and ends the server if it is revoked.
	OCSPModeMust
)

// OCSPConfig are the settings of stapling; nil for none.
type OCSPConfig struct {
	Mode         OCSPMode
	OverrideURLs []string
}
