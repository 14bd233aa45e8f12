package config

import (
	"crypto/tls"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server/options"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// completed returns options with defaults, changed by f.
func completed(f func(o *options.Options)) *options.Options {
	o := &options.Options{}
	Complete(o)
	if f != nil {
		f(o)
	}
	return o
}

func TestDefaults(t *testing.T) {
	require.Equal(t, &options.Options{
		Host: "0.0.0.0", Port: 4222, HTTPHost: "0.0.0.0",
		MaxConn: 65536, MaxControlLine: 4096, MaxPayload: 1 << 20, MaxPending: 64 << 20,
		MaxClosedClients: 10000, WriteDeadline: 10 * time.Second, PingInterval: 2 * time.Minute, MaxPingsOut: 2,
		TLSTimeout: 2, AuthTimeout: 2, SystemAccount: "$SYS",
		LameDuckDuration: 2 * time.Minute, LameDuckGracePeriod: 10 * time.Second,
	}, completed(nil))
	require.NoError(t, Validate(completed(nil)))
}

// What is set stays, whatever it is; and to complete twice changes nothing.
func TestCompleteKeepsWhatIsSet(t *testing.T) {
	given := options.Options{
		Username: "u", Password: "p", Authorization: "t",
		Users: []*options.User{{Username: "u"}}, Nkeys: []*options.NkeyUser{{Nkey: "U"}}, Accounts: []*options.Account{{Name: "a"}},
		SystemAccount: "s", NoSystemAccount: true, AuthorizationBlock: true, NoAuthUser: "n", AuthTimeout: 1, ProxyRequired: true, Proxies: &options.ProxiesConfig{},
		TLSConfig: &tls.Config{}, TLSTimeout: 3, TLS: true, TLSVerify: true, TLSCert: "c", TLSKey: "k", TLSCaCert: "ca", TLSMap: true,
		TLSPinnedCerts: options.PinnedCertSet{}, TLSRateLimit: 1, TLSHandshakeFirst: true, TLSHandshakeFirstFallback: 1,
		AllowNonTLS: true, ProxyProtocol: true, HTTPSPort: 8443, TraceVerbose: true, TraceHeaders: true,
		Tags: []string{}, Metadata: map[string]string{}, ConfigFile: "f", ConfigDigest: "d", ConfigNotes: []string{"n"},
		ServerName: "n", Host: "h", Port: options.RandomPort, ClientAdvertise: "c:1", DontListen: true,
		HTTPHost: "hh", HTTPPort: 8222, HTTPBasePath: "/b",
		MaxConn: -1, MaxSubs: 5, MaxSubTokens: 6, MaxControlLine: 7, MaxPayload: -1, MaxPending: 9, MaxClosedClients: -1,
		WriteDeadline: time.Nanosecond, PingInterval: time.Hour, MaxPingsOut: 10,
		DisableShortFirstPing: true, NoHeaderSupport: true,
		NoLog: true, NoSigs: true, Debug: true, Trace: true, Logtime: true, LogtimeUTC: true,
		LogFile: "f", LogSizeLimit: 11, LogMaxFiles: 12, MaxTracedMsgLen: 13, PidFile: "p",
		NoFastProducerStall: true, LameDuckDuration: 1, LameDuckGracePeriod: 2, ConnectErrorReports: 3, ReconnectErrorReports: 4,
		LogFormat: "json", Syslog: true, RemoteSyslog: "udp://h:1", PortsFileDir: "d", ProfPort: 14, ProfBlockRate: 15,
		TrustedKeys: []string{"O"}, TrustedOperators: []*jwt.OperatorClaims{{}}, OperatorTokens: []string{"j"},
		Resolver: &options.ResolverConfig{}, ResolverPreload: map[string]string{}, ResolverTLS: &tls.Config{},
		ResolverPinnedAccounts: []string{"A"}, DefaultSentinel: "j", AuthCallout: &options.AuthCallout{}, OIDC: &options.OIDC{},
		Mappings: []*options.SubjectMapping{{Source: "a"}},
	}
	fields := reflect.ValueOf(&given).Elem()
	for _, s := range settings() {
		for _, place := range s.fields(&given) {
			require.False(t, reflect.ValueOf(place).Elem().IsZero(), "this test has to set that of %s, too", s.path)
		}
	}
	for _, group := range unsaid {
		if group.keep {
			continue
		}
		for _, name := range group.fields {
			require.False(t, fields.FieldByName(name).IsZero(), "this test has to set %s, too", name)
		}
	}
	o := given
	Complete(&o)
	require.Equal(t, given, o)

	once := completed(func(o *options.Options) { o.Port = options.RandomPort })
	twice := *once
	Complete(&twice)
	require.Equal(t, once, &twice)
}

func TestTheMonitorListensWhereClientsDo(t *testing.T) {
	o := &options.Options{Host: "127.0.0.1"}
	Complete(o)
	require.Equal(t, "127.0.0.1", o.HTTPHost)
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(o *options.Options)
		want string // "" for nothing wrong
	}{
		{"a name", func(o *options.Options) { o.ServerName = "a-b_c.d" }, ""},
		{"a blank in the name", func(o *options.Options) { o.ServerName = "a b" }, "server name cannot contain spaces"},
		{"a tab in the name", func(o *options.Options) { o.ServerName = "a\tb" }, "server name cannot contain spaces"},
		{"a line end in the name", func(o *options.Options) { o.ServerName = "a\n" }, "server name cannot contain spaces"},
		{"a random port", func(o *options.Options) { o.Port, o.HTTPPort = -1, -1 }, ""},
		{"the last port", func(o *options.Options) { o.Port, o.HTTPPort = 65535, 65535 }, ""},
		{"no port", func(o *options.Options) { o.Port = 65536 }, "port 65536 is not a port"},
		{"a negative port", func(o *options.Options) { o.Port = -2 }, "port -2 is not a port"},
		{"no http port", func(o *options.Options) { o.HTTPPort = 65536 }, "http_port 65536 is not a port"},
		{"a negative http port", func(o *options.Options) { o.HTTPPort = -2 }, "http_port -2 is not a port"},
		{"no connections", func(o *options.Options) { o.MaxConn = -1 }, ""},
		{"no bound of subscriptions", func(o *options.Options) { o.MaxSubs = -1 }, ""},
		{"a negative line", func(o *options.Options) { o.MaxControlLine = -1 }, "max_control_line can not be negative"},
		{"negative pending", func(o *options.Options) { o.MaxPending, o.MaxPayload = -1, -1 }, "max_pending can not be negative"},
		{"no bound of payloads", func(o *options.Options) { o.MaxPayload = -1 }, ""},
		{"a payload as large as what may be pending", func(o *options.Options) { o.MaxPending = 1 << 20 }, ""},
		{"a payload that is larger", func(o *options.Options) { o.MaxPending = 1<<20 - 1 }, "max_payload (1048576) cannot be higher than max_pending (1048575)"},
		{"a negative write deadline", func(o *options.Options) { o.WriteDeadline = -1 }, "write_deadline can not be negative"},
		{"a negative interval", func(o *options.Options) { o.PingInterval = -1 }, "ping_interval can not be negative"},
		{"a hurry of a program", func(o *options.Options) { o.LameDuckDuration, o.LameDuckGracePeriod = 2, 1 }, ""},
		{"grace as long as all", func(o *options.Options) { o.LameDuckDuration = 10 * time.Second },
			"lame duck grace period (10s) should be strictly lower than lame duck duration (10s)"},
		{"negative grace", func(o *options.Options) { o.LameDuckGracePeriod = -1 }, "lame_duck_grace_period can not be negative"},
		{"a format of the log", func(o *options.Options) { o.LogFormat = "json" }, ""},
		{"no format", func(o *options.Options) { o.LogFormat = "xml" }, "log_format must be text or json"},
		{"a syslog", func(o *options.Options) { o.RemoteSyslog = "unix:///dev/log" }, ""},
		{"no syslog", func(o *options.Options) { o.RemoteSyslog = "tcp://u:s3cret@h" },
			"remote_syslog needs the form udp://host:port, tcp://host:port or unix:///path"},
		{"no profiling port", func(o *options.Options) { o.ProfPort = 65536 }, "prof_port 65536 is not a port"},
		{"a cluster", func(o *options.Options) { o.Cluster.Port = -1 }, "Options.Cluster.Port is not supported yet: barid has no clustering"},
		{"what only tunes a cluster", func(o *options.Options) {
			o.Cluster.PoolSize, o.Cluster.Compression.Mode, o.LeafNode.Compression.Mode, o.StoreDir = -1, "off", "off", "/x"
		}, ""},
		{"routes", func(o *options.Options) { o.Routes = []*url.URL{{}} }, "Options.Routes is not supported yet: barid has no clustering"},
		{"a gateway", func(o *options.Options) { o.Gateway.Name = "A" }, "Options.Gateway is not supported yet: barid has no gateways"},
		{"leafnodes", func(o *options.Options) { o.LeafNode.Port = -1 }, "Options.LeafNode.Port is not supported yet: barid has no leafnodes"},
		{"a leafnode", func(o *options.Options) { o.LeafNode.Remotes = []*options.RemoteLeafOpts{{}} },
			"Options.LeafNode.Remotes is not supported yet: barid has no leafnodes"},
		{"websockets", func(o *options.Options) { o.Websocket.Port = 1 }, "Options.Websocket.Port is not supported yet: barid has no websockets"},
		{"MQTT", func(o *options.Options) { o.MQTT.Port = 1 }, "Options.MQTT.Port is not supported yet: barid has no MQTT"},
		{"streams", func(o *options.Options) { o.JetStream = true }, "Options.JetStream is not supported yet: barid has no JetStream"},
		{"a host without a port", func(o *options.Options) { o.RemoteSyslog = "udp://:514" },
			"remote_syslog needs the form udp://host:port, tcp://host:port or unix:///path"},
		{"no path", func(o *options.Options) { o.RemoteSyslog = "unix://" },
			"remote_syslog needs the form udp://host:port, tcp://host:port or unix:///path"},
		{"routes as text", func(o *options.Options) { o.RoutesStr = "x" }, "Options.Routes is not supported yet: barid has no clustering"},
		{"OCSP", func(o *options.Options) { o.OCSPConfig = &options.OCSPConfig{} }, "Options.OCSPConfig is not supported yet: barid has no OCSP"},
		{"no OCSP", func(o *options.Options) { o.OCSPConfig = &options.OCSPConfig{Mode: options.OCSPModeNever} }, ""},
		{"negative pings", func(o *options.Options) { o.MaxPingsOut = -1 }, "ping_max can not be negative"},
		{"an address to advertise", func(o *options.Options) { o.ClientAdvertise = "example.org:1" }, ""},
		{"none", func(o *options.Options) { o.ClientAdvertise = "example.org:x" },
			`Error setting server INFO with ClientAdvertise value of example.org:x, err=strconv.Atoi: parsing "x": invalid syntax`},
	} {
		err := Validate(completed(c.set))
		if c.want == "" {
			require.NoError(t, err, c.name)
		} else {
			require.EqualError(t, err, c.want, c.name)
		}
	}
}

// The time to log in begins before the handshake, so it has to be longer.
func TestAuthTimeoutFollowsTLS(t *testing.T) {
	o := &options.Options{TLSConfig: &tls.Config{}}
	Complete(o)
	require.Equal(t, []float64{2, 3}, []float64{o.TLSTimeout, o.AuthTimeout})
	o = &options.Options{TLSConfig: &tls.Config{}, TLSTimeout: 5}
	Complete(o)
	require.Equal(t, []float64{5, 6}, []float64{o.TLSTimeout, o.AuthTimeout})
}

// Without an account of the server's own there is none, unless somebody names or makes one.
func TestSystemAccountByDefault(t *testing.T) {
	for _, c := range []struct {
		given options.Options
		want  string
	}{
		{options.Options{}, "$SYS"},
		{options.Options{SystemAccount: "A"}, "A"},
		{options.Options{NoSystemAccount: true}, ""},
		{options.Options{NoSystemAccount: true, SystemAccount: "A"}, "A"},
		{options.Options{NoSystemAccount: true, Accounts: []*options.Account{{Name: "$SYS"}}}, "$SYS"},
		{options.Options{NoSystemAccount: true, Users: []*options.User{{Account: &options.Account{Name: "$SYS"}}}}, "$SYS"},
	} {
		Complete(&c.given)
		require.Equal(t, c.want, c.given.SystemAccount)
	}
}

// All that is wrong is said at once.
func TestValidateTellsEverything(t *testing.T) {
	err := Validate(completed(func(o *options.Options) {
		o.ServerName, o.Port, o.PingInterval, o.MaxPingsOut = " ", -7, -1, -1
	}))
	require.Equal(t, []string{
		"port -7 is not a port", "ping_interval can not be negative", "ping_max can not be negative",
		"server name cannot contain spaces",
	}, strings.Split(err.Error(), "\n"))
}
