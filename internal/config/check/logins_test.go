package check_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/server/options"
)

const (
	userKey    = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK"
	userSeed   = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y"
	accountKey = "AAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3QPZV"
)

// Programs that set options are told what files are told.
func TestValidateLogins(t *testing.T) {
	user := func(name string) *options.User { return &options.User{Username: name} }
	nkey := func(key string) *options.NkeyUser { return &options.NkeyUser{Nkey: key} }
	may := func(publish, subscribe string) *options.Options {
		return &options.Options{Users: []*options.User{{Username: "a", Permissions: &options.Permissions{
			Publish:   &options.SubjectPermission{Allow: []string{publish}},
			Subscribe: &options.SubjectPermission{Deny: []string{subscribe}},
		}}}}
	}
	ofA := &options.User{Username: "b", Account: &options.Account{Name: "A"}}
	for _, c := range []struct {
		name string
		o    *options.Options
		want string // lines, "" for nothing wrong
	}{
		{"one login", &options.Options{Username: "a", Password: "s3cret"}, ""},
		{"a token", &options.Options{Authorization: "s3cret"}, ""},
		{"users", &options.Options{Users: []*options.User{user("a"), ofA}, Nkeys: []*options.NkeyUser{nkey(userKey)}, NoAuthUser: "b"}, ""},
		{"an nkey for those without", &options.Options{Nkeys: []*options.NkeyUser{nkey(userKey)}, NoAuthUser: userKey}, ""},
		{"a login and a token", &options.Options{Username: "a", Authorization: "s3cret"}, "Cannot have a user/pass and token"},
		{"a password and a token", &options.Options{Password: "s3cret", Authorization: "s3cret"},
			"Cannot have a user/pass and token\na password needs a user"},
		{"a password of nobody", &options.Options{Password: "s3cret"}, "a password needs a user"},
		{"a login and users", &options.Options{Username: "a", Users: []*options.User{user("b")}}, "Can not have a single user/pass and a users array"},
		{"a login and nobody", &options.Options{Username: "a", Users: []*options.User{}}, "Can not have a single user/pass and a users array"},
		{"a login and an nkey", &options.Options{Username: "a", Nkeys: []*options.NkeyUser{nkey(userKey)}}, "Can not have a single user/pass and a users array"},
		{"a login and accounts", &options.Options{Username: "a", Users: []*options.User{ofA}}, "Can not have a single user/pass and accounts"},
		{"a token and users", &options.Options{Authorization: "s3cret", Users: []*options.User{user("b")}}, "Can not have a token and a users array"},
		{"a token and accounts", &options.Options{Authorization: "s3cret", Users: []*options.User{ofA}}, "Can not have a token and accounts"},
		{"no name", &options.Options{Users: []*options.User{user("")}}, "User entry requires a user"},
		{"one name twice", &options.Options{Users: []*options.User{user("b"), ofA}}, `Duplicate user "b" detected`},
		{"one nkey twice", &options.Options{Nkeys: []*options.NkeyUser{nkey(userKey), nkey(userKey)}}, `Duplicate nkey "` + userKey + `" detected`},
		{"no nkey", &options.Options{Nkeys: []*options.NkeyUser{nkey("U")}}, "Not a valid public nkey for a user"},
		{"an account's key", &options.Options{Nkeys: []*options.NkeyUser{nkey(accountKey)}}, "Not a valid public nkey for a user"},
		{"a seed", &options.Options{Nkeys: []*options.NkeyUser{nkey(userSeed)}}, "Not a valid public nkey for a user"},
		{"a seed for an account", &options.Options{Accounts: []*options.Account{{Name: "A", Nkey: userSeed}}}, `Not a valid public nkey for an account: "[REDACTED]"`},
		{"an account's nkey", &options.Options{Accounts: []*options.Account{{Name: "A", Nkey: accountKey}}}, ""},
		{"entries that are nil", &options.Options{Users: []*options.User{nil}, Nkeys: []*options.NkeyUser{nil}, Accounts: []*options.Account{nil}},
			"users: an entry is nil\nnkeys: an entry is nil\naccounts: an entry is nil"},
		{"no such kind", &options.Options{Users: []*options.User{{Username: "a", AllowedConnectionTypes: map[string]struct{}{"X": {}, "standard": {}}}}},
			`invalid connection types ["X" "standard"]`},
		{"subjects", may("a.>", "b *"), ""},
		{"no subject to publish", may("a b", "c"), `permissions of "a": subject "a b" is not a valid subject`},
		{"no subject to subscribe", may("a", "b..c"), `permissions of "a": subject "b..c" is not a valid subject`},
		{"no queue", may("a", "b c d"), `permissions of "a": queue "c d" is not a valid queue`},
		{"somebody without users", &options.Options{NoAuthUser: "x"}, `no_auth_user: "x" present, but users/nkeys are not defined`},
		{"somebody else", &options.Options{Users: []*options.User{user("a")}, NoAuthUser: "x"},
			`no_auth_user: "x" not present as user or nkey in authorization block or account configuration`},
		{"one account twice", &options.Options{Accounts: []*options.Account{{Name: "A"}, {Name: "A"}}}, "Duplicate Account Entry: A"},
		{"an account without a name", &options.Options{Accounts: []*options.Account{{}}}, "an account needs a name"},
		{"a system account", &options.Options{Accounts: []*options.Account{{Name: "A"}}, SystemAccount: "A"}, ""},
		{"a user's as system account", &options.Options{Users: []*options.User{ofA}, SystemAccount: "A"}, ""},
		{"no such system account", &options.Options{SystemAccount: "A"}, `error resolving system account: account "A" missing`},
		{"none but nil", &options.Options{SystemAccount: "A", Users: []*options.User{nil}, Nkeys: []*options.NkeyUser{nil}},
			"users: an entry is nil\nnkeys: an entry is nil\nerror resolving system account: account \"A\" missing"},
		{"an nkey's as system account", &options.Options{SystemAccount: "A",
			Nkeys: []*options.NkeyUser{{Nkey: userKey, Account: &options.Account{Name: "A"}}}}, ""},
		{"everybody in the system account", &options.Options{SystemAccount: "$G", Accounts: []*options.Account{{Name: "$G"}}},
			`the account "$G" of everybody can not be the system account`},
		{"proxies", &options.Options{Proxies: &options.ProxiesConfig{Trusted: []*options.ProxyConfig{{Key: userKey}, nil, {Key: "x"}, {Key: userSeed}}}},
			"proxy trusted key \"\" is invalid\nproxy trusted key \"x\" is invalid\nproxy trusted key \"[REDACTED]\" is invalid"},
	} {
		config.Complete(c.o)
		err := config.Validate(c.o)
		if c.want == "" {
			require.NoError(t, err, c.name)
			continue
		}
		require.EqualError(t, err, c.want, c.name)
		require.NotContains(t, err.Error(), "s3cret")
		require.False(t, strings.Contains(err.Error(), userSeed))
	}
}

func TestValidateTLS(t *testing.T) {
	for _, c := range []struct {
		name string
		o    *options.Options
		want string
	}{
		{"https", &options.Options{HTTPSPort: 1, TLSConfig: &tls.Config{}}, ""},
		{"https without TLS", &options.Options{HTTPSPort: 1}, "Can't start monitoring: TLS cert and key required for HTTPS"},
		{"http and https", &options.Options{HTTPPort: 1, HTTPSPort: 2, TLSConfig: &tls.Config{}},
			"Can't start monitoring: can't specify both HTTP (1) and HTTPs (2) ports"},
		{"no https port", &options.Options{HTTPSPort: -2, TLSConfig: &tls.Config{}}, "https_port -2 is not a port"},
		{"a handshake in the past", &options.Options{TLSTimeout: -1, AuthTimeout: 1}, "tls timeout of -1 seconds is out of range"},
		{"a login in the past", &options.Options{AuthTimeout: -1}, "authorization timeout of -1 seconds is out of range"},
		{"a login after the end of time", &options.Options{AuthTimeout: 1e300}, "authorization timeout of 1e+300 seconds is out of range"},
		{"a negative rate", &options.Options{TLSRateLimit: -1}, "connection_rate_limit can not be negative"},
		{"a pin", &options.Options{TLSPinnedCerts: options.PinnedCertSet{strings.Repeat("0a", 32): {}}}, ""},
		{"a pin in upper case", &options.Options{TLSPinnedCerts: options.PinnedCertSet{strings.Repeat("0A", 32): {}}},
			"error parsing tls config, 'pinned_certs' key " + strings.Repeat("0A", 32) + " does not look like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo"},
	} {
		config.Complete(c.o)
		if err := config.Validate(c.o); c.want == "" {
			require.NoError(t, err, c.name)
		} else {
			require.EqualError(t, err, c.want, c.name)
		}
	}
}
