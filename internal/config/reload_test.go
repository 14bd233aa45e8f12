package config

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/options"
)

const (
	userKey    = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK"
	accountKey = "AAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3QPZV"
)

// loaded are the completed options of a text.
func loaded(t *testing.T, text string) *options.Options {
	o := decoded(t, text)
	Complete(o)
	return o
}

// What a reload applies is logged with these lines, and nothing else is.
func TestChangesAreNamed(t *testing.T) {
	setFiles(t)
	const pair = "cert_file: $T_CERT, key_file: $T_KEY"
	for _, c := range []struct{ from, to, want string }{
		{"port: 1", "port: 1", ""},
		{"", "debug: true", "Reloaded: debug = true"},
		{"debug: true", "", "Reloaded: debug = false"},
		{"", "trace_verbose: true", "Reloaded: trace = true|Reloaded: trace_verbose = true"},
		{"", "client_advertise: \"a:1\"", "Reload: client_advertise = a:1"},
		{"server_tags: [a, b]", "server_tags: [b, a]", ""},
		{"server_tags: [a, b]", "server_tags: [a]", "Reloaded: tags"},
		{"", "server_metadata { a: b }", "Reloaded: metadata"},
		{"", "max_connections: 5", "Reloaded: max_connections = 5"},
		{"max_connections: 65536", "", ""},
		{"", "max_control_line: 5, max_payload: 6, max_traced_msg_len: 7",
			"Reloaded: max_control_line = 5|Reloaded: max_payload = 6|Reloaded: max_traced_msg_len = 7"},
		{"", `ping_interval: "5s", ping_max: 6, write_deadline: "7s"`,
			"Reloaded: ping_interval = 5s|Reloaded: ping_max = 6|Reloaded: write_deadline = 7s"},
		{"", "no_fast_producer_stall: true", "Reloaded: fast producers will not be stalled"},
		{"no_fast_producer_stall: true", "", "Reloaded: fast producers will be stalled"},
		{"", "pid_file: a, ports_file_dir: b, prof_block_rate: 3",
			"Reloaded: pid_file = a|Reloaded: ports_file_dir = b|Reloaded: prof_block_rate = 3"},
		{"", "log_file: a, log_format: json, syslog: true, logtime_utc: true",
			"Reloaded: log_file = a|Reloaded: log_format = json|Reloaded: syslog = true|Reloaded: logtime_utc = true"},
		{"", `remote_syslog: "udp://u:s3cret@h:1"`, "Reloaded: remote_syslog = udp://[REDACTED]@h:1"},
		{"", "connect_error_reports: 1", "Reloaded: connect_error_reports = 1"},
		{"", "disable_sublist_cache: true, feature_flags { a: true }, write_timeout: close", ""},

		{"", "authorization { user: a, password: s3cret }",
			"Reloaded: authorization username|Reloaded: authorization password"},
		{"authorization { token: s3cret }", "", "Reloaded: authorization token"},
		{"authorization { user: a, password: s3cret }", "authorization { token: s3cret }",
			"Reloaded: authorization username|Reloaded: authorization password|Reloaded: authorization token"},
		{"accounts { $SYS { users [ {user: a} ] } }", "accounts { $SYS { users [ {user: a} ] } }, authorization {}", "Reloaded: authorization users"},
		{"authorization { user: a, password: s3cret }", "authorization { user: a, password: s3cret2 }", "Reloaded: authorization password"},
		{"authorization { token: s3cret }", "authorization { token: s3cret2 }", "Reloaded: authorization token"},
		{"authorization { timeout: 1 }", "authorization { timeout: 3 }", "Reloaded: authorization timeout = 3"},
		{"authorization { users [ {user: a}, {user: b} ] }", "authorization { users [ {user: b}, {user: a} ] }", ""},
		{"authorization { users [ {user: a, password: s3cret} ] }", "authorization { users [ {user: a, password: s3cret2} ] }",
			"Reloaded: authorization users"},
		{"authorization { users [ {user: a} ] }", "authorization { users [] }", "Reloaded: authorization users"},
		{"authorization { }", "authorization { users [] }", "Reloaded: authorization users"},
		{"authorization { users [] }", "authorization { users [ {nkey: " + userKey + "} ] }", "Reloaded: authorization nkey users"},
		{"accounts { A { users [ {user: a} ] } }", "accounts { A { users [ {user: a} ] } }", ""},
		{"accounts { A { users [ {user: a} ] }, B {} }", "accounts { A {}, B { users [ {user: a} ] } }", "Reloaded: authorization users"},
		{"accounts { A { users [ {nkey: " + userKey + "} ] }, B {} }", "accounts { A {}, B { users [ {nkey: " + userKey + "} ] } }",
			"Reloaded: authorization nkey users"},
		{"accounts { A {}, B {} }", "accounts [ B, A ]", ""},
		{"accounts { A {} }", "accounts { A { limits { max_conn: 1 } } }", "Reloaded: accounts"},
		{"accounts { A {} }", "", "Reloaded: accounts"},
		{"proxies { trusted [ {key: " + userKey + "} ] }", "proxies { trusted [ {key: " + accountKey + "} ] }",
			`Reloaded: proxies trusted keys ["` + userKey + `"] were removed|Reloaded: proxies trusted keys ["` + accountKey + `"] were added`},
		{"no_auth_user: a, authorization { users [ {user: a} ] }", "", "Reloaded: authorization users"},

		{"tls { " + pair + " }", "tls { " + pair + " }", "Reloaded: tls = enabled"},
		{"", "tls { " + pair + " }", "Reloaded: tls = enabled|Reloaded: authorization timeout = 3"},
		{"tls { " + pair + ", verify: true }", "", "Reloaded: tls = disabled|Reloaded: authorization timeout = 2"},
		{"tls { " + pair + " }", "tls { " + pair + ", timeout: 4, handshake_first: \"1s\", pinned_certs: [ \"" + strings.Repeat("0a", 32) + "\" ] }",
			"Reloaded: tls = enabled|Reloaded: tls timeout = 4|Reloaded: 1 pinned_certs|Reloaded: Client TLS handshake first: true|" +
				"Reloaded: Client TLS handshake first fallback delay: 1s|Reloaded: authorization timeout = 5"},
	} {
		changes, err := Changes(loaded(t, c.from), loaded(t, c.to))
		require.NoError(t, err, c.to)
		var lines []string
		for _, change := range changes {
			lines = append(lines, change.Line)
			require.NotEmpty(t, change.Key)
		}
		require.Equal(t, c.want, strings.Join(lines, "|"), "from %s to %s", c.from, c.to)
		require.NotContains(t, strings.Join(lines, "|"), "s3cret")
	}
}

func TestSecretsAreNotShownByRefusals(t *testing.T) {
	r := text("x", func(s *string) *string { return s }).stays("X").hidden()
	a, b := "s3cret", "s3cret2"
	_, err := r.changes(&a, &b)
	require.EqualError(t, err, "config reload not supported for X: old=[REDACTED], new=[REDACTED]")
}

func TestListeningCannotBeSwitchedOff(t *testing.T) {
	_, err := Changes(completed(nil), completed(func(o *options.Options) { o.DontListen = true }))
	require.EqualError(t, err, "config reload not supported for DontListen: old=false, new=true")
}

// What a running server cannot change is said with the names that operators search for, the first
// one in the order of the table.
func TestReloadsThatAreRefused(t *testing.T) {
	setFiles(t)
	const pair = "cert_file: $T_CERT, key_file: $T_KEY"
	for _, c := range []struct{ from, to, want string }{
		{"", "host: 127.0.0.1", "Host: old=0.0.0.0, new=127.0.0.1"},
		{"", "port: 5", "Port: old=4222, new=5"},
		{"", "server_name: a", "ServerName: old=, new=a"},
		{"", "max_pending: 5MB", "MaxPending: old=67108864, new=5242880"},
		{"", "max_subs: 5, port: 7", "Port: old=4222, new=7"},
		{"", "max_subs: 5", "MaxSubs: old=0, new=5"},
		{"", "max_sub_tokens: 5", "MaxSubTokens: old=0, new=5"},
		{"", "max_closed_clients: 5", "MaxClosedClients: old=10000, new=5"},
		{"", `lame_duck_duration: "3m"`, "LameDuckDuration: old=2m0s, new=3m0s"},
		{"", `lame_duck_grace_period: "3s"`, "LameDuckGracePeriod: old=10s, new=3s"},
		{"", "http: \"127.0.0.1:1\"", "HTTPHost: old=0.0.0.0, new=127.0.0.1"},
		{"", "http_port: 1", "HTTPPort: old=0, new=1"},
		{"", "https_port: 1", "HTTPSPort: old=0, new=1"},
		{"", "http_base_path: a", "HTTPBasePath: old=, new=a"},
		{"", "prof_port: 1", "ProfPort: old=0, new=1"},
		{"", "log_size_limit: 1", "LogSizeLimit: old=0, new=1"},
		{"", "log_max_num: 1", "LogMaxFiles: old=0, new=1"},
		{"", "no_header_support: true", "NoHeaderSupport: old=false, new=true"},
		{"", "proxy_protocol: true", "ProxyProtocol: old=false, new=true"},
		{"", "allow_non_tls: true", "AllowNonTLS: old=false, new=true"},
		{"", "no_system_account: true", "NoSystemAccount: old=false, new=true"},
		{"no_system_account: true", "", "NoSystemAccount: old=true, new=false"},
		{"", "system_account: A, accounts [ A ]", "SystemAccount: old=$SYS, new=A"},
		{"", "authorization { proxy_required: true }", "ProxyRequired: old=false, new=true"},
		{"authorization { users [ {user: a}, {user: b} ] }, no_auth_user: a", "authorization { users [ {user: a}, {user: b} ] }, no_auth_user: b",
			"NoAuthUser: old=a, new=b"},
		{"authorization { users [ {user: a} ] }, no_auth_user: a", "authorization { users [ {user: a} ] }", "NoAuthUser: old=a, new="},
		{"tls { " + pair + ", verify: true }", "tls { " + pair + ", verify_and_map: true }", "TLSMap: old=false, new=true"},
		{"tls { " + pair + " }", "tls { " + pair + ", connection_rate_limit: 5 }", "TLSRateLimit: old=0, new=5"},
	} {
		_, err := Changes(loaded(t, c.from), loaded(t, c.to))
		require.EqualError(t, err, "config reload not supported for "+c.want, c.to)
	}
}

// A change of any field that a file is about is seen, and a secret in it is not shown.
func TestEveryChangeIsSeen(t *testing.T) {
	unseen := map[string]string{"HTTPHost": "", "TLSVerify": "only with TLS", "TLSCert": "with TLS", "TLSKey": "with TLS",
		"TLSCaCert": "with TLS", "TLS": "with TLSConfig", "OperatorTokens": "with TrustedOperators"}
	all := reflect.TypeFor[options.Options]()
	kept := map[string]bool{}
	for _, group := range unsaid {
		for _, name := range group.fields {
			kept[name] = true
		}
	}
	for i := range all.NumField() {
		name := all.Field(i).Name
		if _, skip := unseen[name]; skip || kept[name] {
			continue
		}
		from, to := completed(nil), completed(nil)
		switch place := reflect.ValueOf(to).Elem().Field(i); name {
		case "TLSConfig":
			to.TLSConfig = &tls.Config{}
		case "TLSPinnedCerts":
			to.TLSPinnedCerts = options.PinnedCertSet{"x": {}}
		case "Proxies":
			to.Proxies = &options.ProxiesConfig{Trusted: []*options.ProxyConfig{{Key: "x"}}}
		case "AuthorizationBlock": // says whether those who do not log in may enter beside users
			from.Users = []*options.User{{Username: "s3cret"}}
			to.Users, to.AuthorizationBlock = from.Users, true
		case "Users":
			to.Users = []*options.User{{Username: "s3cret"}}
		case "Nkeys":
			to.Nkeys = []*options.NkeyUser{{Nkey: "s3cret"}}
		case "Accounts":
			to.Accounts = []*options.Account{{Name: "x"}}
		case "TrustedKeys":
			to.TrustedKeys = []string{"x"}
		case "TrustedOperators":
			to.TrustedOperators = []*jwt.OperatorClaims{{}}
		case "Resolver":
			to.Resolver = &options.ResolverConfig{}
		case "ResolverPreload":
			to.ResolverPreload = map[string]string{"x": "s3cret"}
		case "ResolverTLS":
			to.ResolverTLS = &tls.Config{}
		case "ResolverPinnedAccounts":
			to.ResolverPinnedAccounts = []string{"x"}
		case "AuthCallout":
			to.AuthCallout = &options.AuthCallout{}
		case "OIDC":
			to.OIDC = &options.OIDC{}
		case "Mappings":
			to.Mappings = []*options.SubjectMapping{{}}
		case "Tags":
			to.Tags = []string{"x"}
		case "Metadata":
			to.Metadata = map[string]string{"x": "y"}
		default:
			switch place.Kind() {
			case reflect.Bool:
				place.SetBool(!place.Bool())
			case reflect.String:
				place.SetString("s3cret")
			case reflect.Float64:
				place.SetFloat(77)
			case reflect.Uint8:
				place.SetUint(77)
			default:
				place.SetInt(77)
			}
		}
		changes, err := Changes(from, to)
		require.True(t, err != nil || len(changes) > 0, "a reload does not see that %s has changed", name)
		for _, change := range changes {
			if name == "Username" || name == "Password" || name == "Authorization" || name == "Users" ||
				name == "DefaultSentinel" || name == "ResolverPreload" {
				require.NotContains(t, change.Line, "s3cret")
			}
		}
	}
}

// allowAll lets everybody in.
type allowAll struct{}

func (allowAll) Check(options.ClientAuthentication) bool { return true }

// A server keeps what its program has set when it reads its file again.
func TestInherit(t *testing.T) {
	running := completed(func(o *options.Options) {
		o.NoLog, o.NoSigs, o.DontListen, o.DisableShortFirstPing = true, true, true, true
		o.CustomClientAuthentication = allowAll{}
		o.Reread = func() (*options.Options, []string, error) { return nil, nil, nil }
		o.ConfigFile, o.ConfigDigest, o.ConfigNotes = "old", "old", []string{"old"}
		o.LeafNode.ReconnectInterval = time.Second
		o.Debug, o.Port, o.HTTPPort, o.HTTPSPort, o.ProfPort = true, 40001, 40002, 0, 40003
	})
	next := &options.Options{ConfigFile: "new", ConfigDigest: "new", Port: -1, HTTPPort: -1, HTTPSPort: -1, ProfPort: -1}
	Inherit(next, running)
	require.True(t, next.NoLog && next.NoSigs && next.DontListen && next.DisableShortFirstPing)
	require.Equal(t, allowAll{}, next.CustomClientAuthentication)
	require.NotNil(t, next.Reread)
	require.Equal(t, time.Second, next.LeafNode.ReconnectInterval)
	require.False(t, next.Debug, "a file can say that")
	require.Equal(t, []string{"new", "new"}, []string{next.ConfigFile, next.ConfigDigest})
	require.Nil(t, next.ConfigNotes)
	require.Equal(t, []int{40001, 40002, -1, 40003}, []int{next.Port, next.HTTPPort, next.HTTPSPort, next.ProfPort}, "what was off can not be switched on")

	asked := &options.Options{JetStream: true, Cluster: options.ClusterOpts{Port: 6222}}
	Inherit(asked, running)
	require.Equal(t, 6222, asked.Cluster.Port, "what is asked for has to be refused, not forgotten")
}

// Ports that a file leaves open, or leaves to the system, stay; others that differ are refused.
func TestPortsStay(t *testing.T) {
	setFiles(t)
	const pair = ", tls { cert_file: $T_CERT, key_file: $T_KEY }"
	for _, c := range []struct{ from, to, want string }{
		{"port: 5000", "", ""},
		{"port: 5000", "port: 0", ""},
		{"port: 5000", "port: -1", ""},
		{`listen: "127.0.0.1:5000"`, `listen: "127.0.0.1:0"`, ""},
		{"port: 5000", "port: 5000", ""},
		{"port: 5000", "port: 4222", "Port: old=5000, new=4222"},
		{"http_port: 5001", "", ""},
		{"http_port: 5001", "http_port: 0", ""},
		{"http_port: 5001", "http: 0", ""},
		{"http_port: 5001", "http_port: -1", ""},
		{"http_port: 5001", "http_port: 5002", "HTTPPort: old=5001, new=5002"},
		{`http: "127.0.0.1:5001"`, "", ""},
		{`http: "127.0.0.1:5001"`, `http: "127.0.0.1:0"`, ""},
		{`http: "127.0.0.1:5001"`, "http_port: 5001", "HTTPHost: old=127.0.0.1, new=0.0.0.0"},
		{`http: "127.0.0.1:5001"`, `http: "127.0.0.2:0"`, "HTTPHost: old=127.0.0.1, new=127.0.0.2"},
		{"https_port: 5001" + pair, "port: 0" + pair, ""},
		{"http_port: 5001" + pair, "https_port: 5001" + pair, "HTTPPort: old=5001, new=0"},
		{"prof_port: 5001", "prof_port: -1", ""},
		{"prof_port: 5001", "", "ProfPort: old=5001, new=0"},
		{"", "http_port: -1", "HTTPPort: old=0, new=-1"},
	} {
		running, next := loaded(t, c.from), decoded(t, c.to)
		Inherit(next, running)
		Complete(next)
		require.NoError(t, ValidateReload(next))
		_, err := Changes(running, next)
		if c.want == "" {
			require.NoError(t, err, "from %s to %s", c.from, c.to)
			require.Equal(t, []any{running.Port, running.HTTPHost, running.HTTPPort, running.HTTPSPort, running.ProfPort},
				[]any{next.Port, next.HTTPHost, next.HTTPPort, next.HTTPSPort, next.ProfPort}, "from %s to %s", c.from, c.to)
			continue
		}
		require.EqualError(t, err, "config reload not supported for "+c.want, "from %s to %s", c.from, c.to)
	}
}

// The same fault is told in other words when the server runs already.
func TestFaultsOfAReload(t *testing.T) {
	bad := completed(func(o *options.Options) { o.ClientAdvertise = "::1" })
	require.EqualError(t, Validate(bad), "Error setting server INFO with ClientAdvertise value of ::1, err=address ::1: too many colons in address")
	const again = "invalid ClientAdvertise value of ::1, err=address ::1: too many colons in address"
	require.EqualError(t, ValidateReload(bad), again)

	file := filepath.Join(t.TempDir(), "conf")
	require.NoError(t, os.WriteFile(file, []byte("port: 1"), 0o600))
	line, err := parseLine("-c", file)
	require.NoError(t, err)
	_, _, err = line.Options()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("port: 1\nclient_advertise: \"::1\""), 0o600))
	_, _, err = line.Options()
	require.EqualError(t, err, file+":2:1: "+again)
}
