// Package options holds what a server can be told. It is a package of values: it knows nothing
// of how they are used.
package options

import (
	"crypto/tls"
	"net/url"
	"time"

	"github.com/nats-io/jwt/v2"
)

// Values that stand for a default or have a meaning of their own.
const (
	// DefaultPort is the port of client connections.
	DefaultPort = 4222
	// DefaultHost is the address that a server listens on.
	DefaultHost = "0.0.0.0"
	// RandomPort asks the system for a free port.
	RandomPort = -1
	// DefaultMaxControlLine bounds a control line, in bytes.
	DefaultMaxControlLine = 4096
	// DefaultMaxPayload bounds a message, in bytes.
	DefaultMaxPayload = 1 << 20
	// DefaultMaxPending bounds the bytes that wait for a connection.
	DefaultMaxPending = 64 << 20
	// DefaultMaxConnections bounds the client connections.
	DefaultMaxConnections = 65536
	// DefaultMaxClosedClients is the number of ended connections remembered.
	DefaultMaxClosedClients = 10000
	// DefaultPingInterval is the time between pings.
	DefaultPingInterval = 2 * time.Minute
	// DefaultPingMax is the number of pings that may be unanswered.
	DefaultPingMax = 2
	// DefaultWriteDeadline is how long a write may take.
	DefaultWriteDeadline = 10 * time.Second
	// DefaultTLSTimeout is the time for a TLS handshake.
	DefaultTLSTimeout = 2 * time.Second
	// DefaultAuthTimeout is the time in which a client without TLS has to say who it is.
	DefaultAuthTimeout = 2 * time.Second
	// DefaultLameDuckDuration is the time in which a server that retires closes its clients.
	DefaultLameDuckDuration = 2 * time.Minute
	// DefaultLameDuckGracePeriod is the part of it in which clients may go by themselves.
	DefaultLameDuckGracePeriod = 10 * time.Second
	// MinLameDuckDuration is the shortest that a configuration file may ask for.
	MinLameDuckDuration = 30 * time.Second
	// DefaultHandshakeFallback is how long the server waits for a handshake that may come before
	// INFO, if the wait is not configured.
	DefaultHandshakeFallback = 50 * time.Millisecond
	// GlobalAccount is where everybody belongs who has no account.
	GlobalAccount = "$G"
	// DefaultSystemAccount is the name of the account that is the server's own.
	DefaultSystemAccount = "$SYS"
)

// Options are the settings of one server. The zero value of a field stands for its default. A
// server keeps the value it is given, fills in defaults, and writes the port it has got to Port.
// Options may be copied by assignment before use.
type Options struct {
	// ServerName is the name of the server in INFO and reports; default its id. No blanks.
	ServerName string
	// Host is the address to listen on for clients; default 0.0.0.0.
	Host string
	// Port to listen on for clients; default 4222, -1 for a free one.
	Port int
	// ClientAdvertise, as host or host:port, stands in INFO in place of Host and Port.
	ClientAdvertise string
	// DontListen opens no listener for clients: only in-process connections are served.
	DontListen bool

	// Username and Password are the one login there is; not together with Users or Nkeys. The
	// password may be a bcrypt hash.
	Username, Password string
	// Authorization is the token that lets in; not together with other logins. It may be a
	// bcrypt hash.
	Authorization string
	// Users and Nkeys are who may enter; their names are unique in both. Empty but not nil Users
	// let nobody in.
	Users []*User
	Nkeys []*NkeyUser
	// Accounts are the subject spaces beside $G. Those of users are added to them.
	Accounts []*Account
	// SystemAccount is the name of the account that is the server's own; default $SYS.
	SystemAccount string
	// NoSystemAccount makes no system account.
	NoSystemAccount bool
	// AuthorizationBlock says that a configuration file has an authorization block, however little
	// is in it. Without one, a server that has only users of its system account lets everybody
	// else in, too, to $G.
	AuthorizationBlock bool
	// NoAuthUser is the user or nkey that connections without credentials are taken for.
	NoAuthUser string
	// AuthTimeout is the time for a client to say who it is, in seconds; default 2, or one more
	// than TLSTimeout.
	AuthTimeout float64
	// ProxyRequired demands a trusted proxy for the login of Username.
	ProxyRequired bool
	// Proxies are those who may vouch for connections; nil for none.
	Proxies *ProxiesConfig

	// TLSConfig secures the connections of clients; nil for plain ones.
	TLSConfig *tls.Config
	// TLSTimeout is the time for a handshake, in seconds; default 2.
	TLSTimeout float64
	// TLS, TLSVerify, TLSCert, TLSKey and TLSCaCert are what TLSConfig was made from, as far as
	// it was made from files.
	TLS, TLSVerify             bool
	TLSCert, TLSKey, TLSCaCert string
	// TLSMap takes the user from the client's certificate.
	TLSMap bool
	// TLSPinnedCerts are the client certificates that are accepted; nil for all that verify.
	TLSPinnedCerts PinnedCertSet
	// TLSRateLimit bounds the handshakes per second; 0 for no bound.
	TLSRateLimit int64
	// TLSHandshakeFirst begins with the handshake, before INFO. With a positive
	// TLSHandshakeFirstFallback the server waits that long for the client to begin one and else
	// sends INFO first.
	TLSHandshakeFirst         bool
	TLSHandshakeFirstFallback time.Duration
	// AllowNonTLS lets clients choose between TLS and plain connections.
	AllowNonTLS bool
	// ProxyProtocol expects the header of the PROXY protocol before everything else.
	ProxyProtocol bool

	// HTTPHost is the address of the monitoring listener; default Host.
	HTTPHost string
	// HTTPPort is the port of the monitoring listener; 0 for none, -1 for a free one.
	HTTPPort int
	// HTTPSPort is the port for monitoring by HTTPS, with the certificate of TLSConfig; 0 for
	// none, -1 for a free one. Not together with HTTPPort.
	HTTPSPort int
	// HTTPBasePath is the prefix of all monitoring paths; default /.
	HTTPBasePath string

	// MaxConn bounds the client connections; default 65536, negative refuses all.
	MaxConn int
	// MaxSubs bounds the subscriptions of a connection; 0 or negative for no bound.
	MaxSubs int
	// MaxSubTokens bounds the tokens of a subscription's subject; 0 for no bound.
	MaxSubTokens uint8
	// MaxControlLine bounds the arguments of a control line, in bytes; default 4096.
	MaxControlLine int32
	// MaxPayload bounds header and payload of a message, in bytes; default 1 MiB. It must not be
	// larger than MaxPending.
	MaxPayload int32
	// MaxPending bounds the bytes that wait for a client; default 64 MiB. A client that lets
	// more pile up is cut off.
	MaxPending int64
	// MaxClosedClients is the number of ended connections remembered for /connz; default 10000,
	// negative for none.
	MaxClosedClients int
	// WriteDeadline is the time in which a socket must take what waits, or at least 64 KiB of it;
	// default 10 s.
	WriteDeadline time.Duration
	// PingInterval is the time between pings; default 2 min.
	PingInterval time.Duration
	// MaxPingsOut is the number of pings that may be unanswered; default 2.
	MaxPingsOut int
	// NoFastProducerStall never lets a publisher wait for slow consumers.
	NoFastProducerStall bool
	// LameDuckDuration is the time in which a server that retires closes its clients; default
	// 2 min. LameDuckGracePeriod is the part of it in which they may go by themselves; default
	// 10 s. It must be shorter.
	LameDuckDuration, LameDuckGracePeriod time.Duration
	// ConnectErrorReports and ReconnectErrorReports are about connections to other servers: every
	// n-th failure is logged.
	ConnectErrorReports, ReconnectErrorReports int
	// DisableShortFirstPing omits the ping that measures the round trip soon after CONNECT.
	DisableShortFirstPing bool
	// NoHeaderSupport switches message headers off.
	NoHeaderSupport bool

	// NoLog switches logging off; NoSigs leaves signals to the program.
	NoLog, NoSigs bool
	// Debug and Trace write more lines; Trace writes every operation.
	Debug, Trace bool
	// TraceVerbose traces the system account, too; TraceHeaders shows of messages only their
	// headers.
	TraceVerbose, TraceHeaders bool
	// Logtime puts the time on log lines.
	Logtime bool
	// LogtimeUTC writes it in UTC.
	LogtimeUTC bool
	// LogFile is written to in place of standard error.
	LogFile string
	// LogSizeLimit rotates LogFile when it grows beyond that many bytes; 0 for never.
	LogSizeLimit int64
	// LogMaxFiles is the number of log files kept, the live one included; 0 for all.
	LogMaxFiles int64
	// LogFormat is text or json; default text.
	LogFormat string
	// Syslog logs to the local syslog, RemoteSyslog to another one at a URL: udp://host:port,
	// tcp://host:port or unix:///path. LogFile counts first, then RemoteSyslog, then Syslog.
	Syslog       bool
	RemoteSyslog string
	// MaxTracedMsgLen bounds the bytes of a payload in trace lines; 0 for no bound.
	MaxTracedMsgLen int
	// PidFile is a file to write the process id to.
	PidFile string
	// PortsFileDir is a folder for a file with the URLs of the listeners, PROGRAM_PID.ports, which
	// is removed at the end.
	PortsFileDir string
	// ProfPort is the port of the profiling listener, on Host; 0 for none, -1 for a free one.
	ProfPort int
	// ProfBlockRate samples blocking events, as runtime.SetBlockProfileRate; 0 for none.
	ProfBlockRate int

	// CustomClientAuthentication decides who may enter in place of all logins; nil for those.
	CustomClientAuthentication Authentication
	// CustomRouterAuthentication does so for routes.
	CustomRouterAuthentication Authentication

	// TrustedKeys are the public keys of operators, TrustedOperators their claims and OperatorTokens
	// the JWTs of these, for reports. With either there are no logins but those by JWT.
	TrustedKeys      []string
	TrustedOperators []*jwt.OperatorClaims
	OperatorTokens   []string
	// AccountResolver is a program's own source of the JWTs of accounts; nil for that of Resolver.
	AccountResolver AccountResolver
	// Resolver is the source of the JWTs of accounts; nil for none.
	Resolver *ResolverConfig
	// ResolverPreload are account JWTs by public key, put into a resolver that keeps such.
	ResolverPreload map[string]string
	// ResolverTLS secures a URL resolver; nil for the usual.
	ResolverTLS *tls.Config
	// ResolverPinnedAccounts are the only accounts whose users may enter, beside the system account;
	// empty for all.
	ResolverPinnedAccounts []string
	// DefaultSentinel is the user JWT of clients that show none; empty for none.
	DefaultSentinel string
	// AlwaysEnableNonce gives every client something to sign.
	AlwaysEnableNonce bool
	// AuthCallout lets a service decide who may enter; nil for none.
	AuthCallout *AuthCallout
	// OIDC lets those enter that have a token of an OpenID Connect provider; nil for nobody.
	OIDC *OIDC
	// Mappings rename what is published in the default account.
	Mappings []*SubjectMapping

	// Settings of parts that barid does not have yet; see there.
	Routes                                []*url.URL
	RoutesStr                             string
	Cluster                               ClusterOpts
	Gateway                               GatewayOpts
	LeafNode                              LeafNodeOpts
	Websocket                             WebsocketOpts
	MQTT                                  MQTTOpts
	OCSPConfig                            *OCSPConfig
	JetStream                             bool
	JetStreamDomain                       string
	JetStreamMaxMemory, JetStreamMaxStore int64
	JetStreamLimits                       JSLimitOpts
	StoreDir                              string

	// Tags and Metadata are shown in reports.
	Tags     jwt.TagList
	Metadata map[string]string

	// ConfigFile is the file that the options were read from, ConfigDigest its digest.
	ConfigFile, ConfigDigest string
	// Reread reads the options again for a reload: those of the command line and its file. Warnings
	// are about questionable settings, a line for each. If it is nil, a reload reads ConfigFile.
	Reread func() (o *Options, warnings []string, err error)
	// ConfigNotes are remarks about that file that are logged at start and by a reload, a line for
	// each: settings that have no effect.
	ConfigNotes []string
}
