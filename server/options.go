package server

import (
	"crypto/tls"
	"net/url"
	"strings"
	"time"

	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/server/options"
)

// Options are the settings of a server, and the types they are made of; see package options.
type (
	Options            = options.Options
	User               = options.User
	NkeyUser           = options.NkeyUser
	Account            = options.Account
	AccountLimits      = options.AccountLimits
	Permissions        = options.Permissions
	SubjectPermission  = options.SubjectPermission
	ResponsePermission = options.ResponsePermission
	PinnedCertSet      = options.PinnedCertSet
	ProxyConfig        = options.ProxyConfig
	ProxiesConfig      = options.ProxiesConfig
	TLSConfigOpts      = options.TLSConfigOpts
	TLSCertPairOpt     = options.TLSCertPairOpt

	ClusterOpts        = options.ClusterOpts
	RoutePermissions   = options.RoutePermissions
	CompressionOpts    = options.CompressionOpts
	GatewayOpts        = options.GatewayOpts
	RemoteGatewayOpts  = options.RemoteGatewayOpts
	LeafNodeOpts       = options.LeafNodeOpts
	RemoteLeafOpts     = options.RemoteLeafOpts
	WebsocketOpts      = options.WebsocketOpts
	MQTTOpts           = options.MQTTOpts
	JSLimitOpts        = options.JSLimitOpts
	OCSPConfig         = options.OCSPConfig
	OCSPMode           = options.OCSPMode
	WriteTimeoutPolicy = options.WriteTimeoutPolicy

	Authentication       = options.Authentication
	ClientAuthentication = options.ClientAuthentication
	ClientOpts           = options.ClientOpts
)

// Values of Options and their defaults.
const (
	// DEFAULT_HOST is the address that a server listens on.
	DEFAULT_HOST = options.DefaultHost
	// DEFAULT_PORT is the port of client connections.
	DEFAULT_PORT = options.DefaultPort
	// RANDOM_PORT asks the system for a free port.
	RANDOM_PORT = options.RandomPort
	// DEFAULT_HTTP_PORT is the usual port for monitoring; it must be asked for.
	DEFAULT_HTTP_PORT = 8222
	// DEFAULT_LEAFNODE_PORT is the usual port of leafnodes, which barid does not have yet.
	DEFAULT_LEAFNODE_PORT = 7422
	// MAX_CONTROL_LINE_SIZE bounds a control line, in bytes.
	MAX_CONTROL_LINE_SIZE = options.DefaultMaxControlLine
	// MAX_PAYLOAD_SIZE bounds a message, in bytes.
	MAX_PAYLOAD_SIZE = options.DefaultMaxPayload
	// MAX_PENDING_SIZE bounds the bytes that wait for a connection.
	MAX_PENDING_SIZE = options.DefaultMaxPending
	// DEFAULT_MAX_CONNECTIONS bounds the client connections.
	DEFAULT_MAX_CONNECTIONS = options.DefaultMaxConnections
	// DEFAULT_MAX_CLOSED_CLIENTS is the number of ended connections remembered.
	DEFAULT_MAX_CLOSED_CLIENTS = options.DefaultMaxClosedClients
	// DEFAULT_PING_INTERVAL is the time between pings.
	DEFAULT_PING_INTERVAL = options.DefaultPingInterval
	// DEFAULT_PING_MAX_OUT is the number of pings that may be unanswered.
	DEFAULT_PING_MAX_OUT = options.DefaultPingMax
	// DEFAULT_FLUSH_DEADLINE is how long a write may take: the default of Options.WriteDeadline.
	DEFAULT_FLUSH_DEADLINE = options.DefaultWriteDeadline
	// TLS_TIMEOUT is the time for a TLS handshake.
	TLS_TIMEOUT = options.DefaultTLSTimeout
	// AUTH_TIMEOUT is the time for a client without TLS to say who it is.
	AUTH_TIMEOUT = options.DefaultAuthTimeout
	// DEFAULT_LAME_DUCK_DURATION is the time in which a server that retires closes its clients.
	DEFAULT_LAME_DUCK_DURATION = options.DefaultLameDuckDuration
	// DEFAULT_LAME_DUCK_GRACE_PERIOD is the part of it in which clients may go by themselves.
	DEFAULT_LAME_DUCK_GRACE_PERIOD = options.DefaultLameDuckGracePeriod
	// DEFAULT_ROUTE_CONNECT is the time between attempts to reach a server of the same cluster.
	// barid has no clusters yet.
	DEFAULT_ROUTE_CONNECT = time.Second
	// DEFAULT_SERVICE_EXPORT_RESPONSE_THRESHOLD is how long a service may owe a reply.
	DEFAULT_SERVICE_EXPORT_RESPONSE_THRESHOLD = 2 * time.Minute
)

// Modes of CompressionOpts. CompressionS2Uncompressed has the framing of S2 and no compression.
const (
	CompressionNotSupported   = "not supported"
	CompressionOff            = "off"
	CompressionAccept         = "accept"
	CompressionS2Auto         = "s2_auto"
	CompressionS2Uncompressed = "s2_uncompressed"
	CompressionS2Fast         = "s2_fast"
	CompressionS2Better       = "s2_better"
	CompressionS2Best         = "s2_best"
)

// Modes of OCSPConfig; see package options.
const (
	OCSPModeAuto   = options.OCSPModeAuto
	OCSPModeAlways = options.OCSPModeAlways
	OCSPModeNever  = options.OCSPModeNever
	OCSPModeMust   = options.OCSPModeMust
)

// What happens when a write deadline has passed; see package options.
const (
	WriteTimeoutPolicyDefault = options.WriteTimeoutPolicyDefault
	WriteTimeoutPolicyClose   = options.WriteTimeoutPolicyClose
	WriteTimeoutPolicyRetry   = options.WriteTimeoutPolicyRetry
)

// NewAccount returns an account without limits, for Options.Accounts and users.
func NewAccount(name string) *Account { return options.NewAccount(name) }

// ProcessConfigFile reads a configuration file into new options. The error lists everything that
// is wrong, a line for each with file, line and column. Settings that are merely questionable are
// taken; barid's -t tells of them.
func ProcessConfigFile(file string) (*Options, error) {
	o, _, err := config.File(file)
	return o, err
}

// GenTLSConfig makes a TLS configuration of the files that tc names: a pair of certificate and
// key, and authorities that peers are verified with. The oldest version is TLS 1.2.
func GenTLSConfig(tc *TLSConfigOpts) (*tls.Config, error) { return config.GenTLSConfig(tc) }

// RoutesFromStr parses URLs that commas divide. Blanks around them are dropped, and so are those
// that are no URL.
func RoutesFromStr(s string) []*url.URL {
	var routes []*url.URL
	for text := range strings.SplitSeq(s, ",") {
		if u, err := url.Parse(strings.TrimSpace(text)); err == nil && *u != (url.URL{}) {
			routes = append(routes, u)
		}
	}
	return routes
}
