package config

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/server/options"
)

// decoded reads options from a text.
func decoded(t *testing.T, text string) *options.Options {
	t.Helper()
	doc, err := conf.Parse(text)
	require.NoError(t, err)
	o := &options.Options{}
	_, err = decodeDocument(o, doc)
	require.NoError(t, err)
	return o
}

func TestFileThatCannotBeRead(t *testing.T) {
	_, _, err := File(filepath.Join(t.TempDir(), "none.conf"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Tools that look into errors find the place of each.
func TestErrorsHavePlaces(t *testing.T) {
	_, _, err := File("testdata/bad/unknown.conf")
	var first *conf.Error
	require.ErrorAs(t, err, &first)
	require.Equal(t, conf.Position{File: "testdata/bad/unknown.conf", Line: 2, Column: 1}, first.At)
	require.Len(t, err.(interface{ Unwrap() []error }).Unwrap(), 3)
}

// A file that is read into options changes what it names, lists as a whole, and nothing that
// others can see through the pointers of what was there.
func TestIntoKeepsWhatIsNotNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.conf")
	require.NoError(t, os.WriteFile(file, []byte(`
		port: 2
		server_tags: c
		authorization { users [ { user: new } ] }
		server_metadata { new: x }`), 0o600))
	old := options.Options{
		Host: "h", Port: 1, Logtime: true, Tags: []string{"a", "b"}, Metadata: map[string]string{"old": "x"},
		Users: []*options.User{{Username: "old"}}, Accounts: []*options.Account{{Name: "A"}},
	}
	before := old.Clone()
	o := old
	_, err := into(&o, file)
	require.NoError(t, err)
	require.Equal(t, before, &old)
	want := *before
	want.Port, want.Tags, want.Metadata = 2, []string{"c"}, map[string]string{"new": "x"}
	want.Users, want.AuthorizationBlock = []*options.User{{Username: "new"}}, true
	want.ConfigFile, want.ConfigDigest = file, o.ConfigDigest
	require.Equal(t, want, o)
}

// What has no effect is among the options, for the log.
func TestNotesAreAmongTheOptions(t *testing.T) {
	o := decoded(t, "connect_error_reports: 5\nping_interval: 5")
	require.Equal(t, []string{`1:0: "connect_error_reports" has no effect: barid connects to no other server`}, o.ConfigNotes)
	require.Nil(t, decoded(t, "port: 1").ConfigNotes)
}

// Users know the very account that is in the list.
func TestUsersPointToTheirAccounts(t *testing.T) {
	o := decoded(t, "accounts { A { users [ { user: a }, { nkey: UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK } ] } }")
	require.Same(t, o.Accounts[0], o.Users[0].Account)
	require.Same(t, o.Accounts[0], o.Nkeys[0].Account)
}

// Default permissions are given to each user, not shared between them.
func TestDefaultPermissionsAreCopied(t *testing.T) {
	o := decoded(t, "authorization { users [ { user: a }, { user: b } ], permissions { publish: a } }")
	require.Equal(t, o.Users[0].Permissions, o.Users[1].Permissions)
	require.NotSame(t, o.Users[0].Permissions, o.Users[1].Permissions)
}

// An account without users lets nobody in, but does not keep everybody else out.
func TestAccountWithoutUsers(t *testing.T) {
	require.Nil(t, decoded(t, "accounts { A { users: [] } }").Users)
	require.NotNil(t, decoded(t, "authorization { users: [] }").Users)
}

// A tls block replaces the one that was there, with its timeout.
func TestTLSBlockIsReplacedWhole(t *testing.T) {
	setFiles(t)
	file := filepath.Join(t.TempDir(), "a.conf")
	require.NoError(t, os.WriteFile(file, []byte("tls { cert_file: $T_CERT, key_file: $T_KEY }"), 0o600))
	o := options.Options{TLSTimeout: 9, TLSVerify: true, TLSCaCert: "ca", TLSHandshakeFirst: true}
	_, err := into(&o, file)
	require.NoError(t, err)
	require.Zero(t, o.TLSTimeout)
	require.False(t, o.TLSVerify || o.TLSHandshakeFirst)
	require.Empty(t, o.TLSCaCert)
}

func TestGenTLSConfig(t *testing.T) {
	setFiles(t)
	c, err := GenTLSConfig(&options.TLSConfigOpts{
		CertFile: os.Getenv("T_CERT"), KeyFile: os.Getenv("T_KEY"), CaFile: os.Getenv("T_CERT"), Map: true,
		MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.CurveP256},
	})
	require.NoError(t, err)
	require.Len(t, c.Certificates, 1)
	require.Equal(t, tls.RequireAndVerifyClientCert, c.ClientAuth)
	require.NotNil(t, c.ClientCAs)
	require.NotNil(t, c.RootCAs)
	require.Equal(t, uint16(tls.VersionTLS13), c.MinVersion)

	_, err = GenTLSConfig(&options.TLSConfigOpts{CertFile: "x"})
	require.EqualError(t, err, "missing 'key_file' in TLS configuration")
}

// Every option can be set in a file; the files in testdata/good do it.
func TestEveryOptionHasAKey(t *testing.T) {
	setFiles(t)
	unsaidFields := map[string]bool{}
	for _, group := range unsaid {
		for _, name := range group.fields {
			unsaidFields[name] = true
		}
	}
	set := map[string]bool{}
	files, err := filepath.Glob("testdata/good/*.conf")
	require.NoError(t, err)
	for _, file := range files {
		o, _, err := File(file)
		require.NoError(t, err)
		v := reflect.ValueOf(*o)
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				set[v.Type().Field(i).Name] = true
			}
		}
	}
	all := reflect.TypeFor[options.Options]()
	for i := range all.NumField() {
		name := all.Field(i).Name
		if !strings.HasPrefix(name, "Config") {
			require.Equal(t, !unsaidFields[name], set[name], name)
		}
	}
}

// The language is that of the reference: here are all its keys and their aliases.
func TestEveryKeyIsKnown(t *testing.T) {
	for _, c := range []struct {
		block string
		want  string
		got   []string
	}{
		{"top level", `listen host net port client_advertise server_name server_tags server_metadata feature_flags tls
			allow_non_tls proxy_protocol proxies no_header_support disable_sublist_cache no_sublist_cache no_fast_producer_stall
			default_sentinel max_connections max_conn max_subscriptions max_subs max_sub_tokens max_subscription_tokens
			max_control_line max_payload max_pending max_traced_msg_len max_closed_clients ping_interval ping_max write_deadline
			write_timeout lame_duck_duration lame_duck_grace_period connect_error_reports reconnect_error_reports
			http http_port monitor_port https https_port http_base_path log_format pid_file pidfile ports_file_dir prof_port prof_block_rate
			debug trace trace_verbose trace_headers logtime logtime_utc log_file logfile log_size_limit logfile_size_limit
			log_max_num logfile_max_num syslog remote_syslog
			authorization accounts mappings maps no_auth_user system_account system no_system_account no_system no_sys_acc
			operator operators root roots root_operator root_operators trusted_keys trusted
			resolver account_resolver accounts_resolver resolver_tls resolver_preload resolver_pinned_accounts
			cluster leafnodes leaf gateway websocket ws mqtt jetstream store_dir storedir default_js_domain ocsp ocsp_cache`, topLevel.names()},
		{"tls", `cert_file key_file certs certificates ca_file verify verify_and_map verify_cert_and_check_known_urls insecure
			timeout connection_rate_limit cipher_suites allow_insecure_cipher_suites curve_preferences min_version
			handshake_first first immediate pinned_certs ocsp_peer
			cert_store cert_match_by cert_match ca_certs_match cert_match_skip_invalid`, tlsBlock.names()},
		{"certs", "cert_file key_file", pairBlock.names()},
		{"authorization", `user username password pass token timeout users default_permissions default_permission permissions
			auth_callout auth_hook proxy_required oidc`, authorizationBlock.names()},
		{"user", `user username password pass nkey permissions permission authorization
			allowed_connection_types connection_types clients proxy_required`, userBlock.names()},
		{"permissions", "publish pub import subscribe sub export allow_responses publish_allow_responses", permissionsBlock.names()},
		{"subjects", "allow deny", subjectBlock.names()},
		{"responses", "max max_msgs max_messages max_responses expires expiration ttl", responseBlock.names()},
		{"account", "users nkey default_permissions exports imports mappings maps limits jetstream msg_trace trace_dest", accountBlock.names()},
		{"limits", "max_connections max_conn max_subscriptions max_subs max_payload max_pay max_leafnodes max_leafs", limitsBlock.names()},
		{"export", `stream service accounts account_token_position response_type response threshold response_threshold
			response_max_time response_time latency allow_trace`, exportBlock.names()},
		{"latency", "subject sampling", latencyBlock.names()},
		{"import", "stream service prefix to share allow_trace", importBlock.names()},
		{"source", "account subject", sourceBlock.names()},
		{"mapping", "destination dest weight cluster", destinationBlock.names()},
		{"auth_callout", "issuer auth_users users account acc xkey key allowed_accounts", calloutBlock.names()},
		{"resolver", "type dir allow_delete hard_delete limit interval timeout ttl", resolverBlock.names()},
		{"proxies", "trusted", proxies.names()},
		{"proxy", "key public_key", proxy.names()},
	} {
		require.ElementsMatch(t, strings.Fields(c.want), c.got, c.block)
	}
}

// Errors found late stand where they belong, also among those of included files.
func TestFaultsAreInOrder(t *testing.T) {
	at := func(file string, line, column int) conf.Position {
		return conf.Position{File: file, Line: line, Column: column}
	}
	d := newDecoder(conf.Position{})
	for _, p := range []conf.Position{at("a", 1, 5), at("b", 9, 1), at("a", 7, 1), at("a", 7, 1), at("a", 1, 7), at("b", 1, 0), at("a", 1, 0)} {
		d.fail(p, "x")
	}
	var got []string
	for _, err := range d.faults {
		got = append(got, err.Error())
	}
	require.Equal(t, []string{"a:1:0: x", "a:1:5: x", "b:1:0: x", "b:9:1: x", "a:1:7: x", "a:7:1: x", "a:7:1: x"}, got)
}

func TestSeconds(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{{"1", time.Second}, {"0.25", time.Second / 4}, {`"1m"`, time.Minute}, {"2k", 2000 * time.Second}, {"60", time.Minute}} {
		o := decoded(t, "authorization { timeout: "+c.text+" }")
		require.InDelta(t, c.want.Seconds(), o.AuthTimeout, 1e-9, c.text)
	}
}

// Whatever a file says, it is either understood or refused; and what is understood can be checked.
func FuzzDecode(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		files, _ := filepath.Glob(filepath.Join("testdata", folder, "*.conf"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if lower := strings.ToLower(text); strings.Contains(lower, "include") || strings.Contains(lower, "_file") {
			t.Skip("it would open files of this machine")
		}
		doc, err := conf.Parse(text)
		if err != nil {
			return
		}
		o := &options.Options{}
		if _, err = decodeDocument(o, doc); err != nil {
			var fault *conf.Error
			require.True(t, errors.As(err, &fault))
			require.Equal(t, &options.Options{}, o)
			return
		}
		Complete(o)
		require.Equal(t, o, o.Clone())
		_ = Validate(o)
	})
}
