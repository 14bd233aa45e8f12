package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
)

const nonce = "AAAAAAAAAAAAAAA"

// The ways to enter that need no certificate, and who comes out.
func TestWaysIn(t *testing.T) {
	key := newSigner(t, nkeys.CreateUser)
	sig := key.sign(nonce)
	proxy := newSigner(t, nkeys.CreateServer)
	vouch := base64.RawURLEncoding.EncodeToString(proxy.sign(nonce))
	alice := User{Name: "alice", Password: "wonder"}
	long := strings.Repeat("long", 100)

	for _, c := range []struct {
		name  string
		cfg   Config
		give  identity.Credentials
		label string
	}{
		{"name and password", Config{Users: []User{alice}}, identity.Credentials{User: "alice", Pass: "wonder"}, "user:alice"},
		{"bcrypt 2a", Config{Users: []User{{Name: "b", Password: hashed(t, "a", "pw", 4)}}}, identity.Credentials{User: "b", Pass: "pw"}, "user:b"},
		{"bcrypt 2b", Config{Users: []User{{Name: "b", Password: hashed(t, "b", "pw", 4)}}}, identity.Credentials{User: "b", Pass: "pw"}, "user:b"},
		{"bcrypt 2x", Config{Users: []User{{Name: "b", Password: hashed(t, "x", "pw", 4)}}}, identity.Credentials{User: "b", Pass: "pw"}, "user:b"},
		{"bcrypt 2y", Config{Users: []User{{Name: "b", Password: hashed(t, "y", "pw", 4)}}}, identity.Credentials{User: "b", Pass: "pw"}, "user:b"},
		{"no password", Config{Users: []User{{Name: "open"}}}, identity.Credentials{User: "open"}, "user:open"},
		{"a password beside a certificate", Config{Users: []User{{Name: "c", Password: "pw", CertificateOnly: true}}}, identity.Credentials{User: "c", Pass: "pw"}, "user:c"},
		{"what is nearly a hash is text", Config{Users: []User{{Name: "b", Password: "$2z$04$x"}}}, identity.Credentials{User: "b", Pass: "$2z$04$x"}, "user:b"},
		{"a long password", Config{Users: []User{{Name: "b", Password: long}}}, identity.Credentials{User: "b", Pass: long}, "user:b"},
		{"bcrypt ignores what is after 72 bytes", Config{Users: []User{{Name: "b", Password: hashed(t, "a", long[:72], 4)}}}, identity.Credentials{User: "b", Pass: long}, "user:b"},
		{"kind", Config{Users: []User{{Name: "k", Kinds: []identity.Kind{"MQTT", identity.Standard}}}}, identity.Credentials{User: "k"}, "user:k"},
		{"token", Config{Token: "open sesame"}, identity.Credentials{Token: "open sesame"}, "token"},
		{"bcrypt token", Config{Token: hashed(t, "a", "open sesame", 4)}, identity.Credentials{Token: "open sesame"}, "token"},
		{"token and more", Config{Token: "t"}, identity.Credentials{Token: "t", User: "x", Pass: "y", NKey: "z"}, "token"},
		{"nkey", Config{Users: []User{{NKey: key.public}}},
			identity.Credentials{NKey: key.public, Nonce: nonce, Sig: base64.RawURLEncoding.EncodeToString(sig)}, "nkey:" + key.public},
		{"nkey, standard base64", Config{Users: []User{{NKey: key.public}}},
			identity.Credentials{NKey: key.public, Nonce: nonce, Sig: base64.StdEncoding.EncodeToString(sig)}, "nkey:" + key.public},
		{"an nkey counts for nothing without nkey users", Config{Users: []User{alice}},
			identity.Credentials{NKey: key.public, User: "alice", Pass: "wonder"}, "user:alice"},
		{"nothing, with a no-auth user", Config{Users: []User{alice}, NoAuthUser: "alice"}, identity.Credentials{}, "user:alice"},
		{"a JWT alone is nothing", Config{Users: []User{alice}, NoAuthUser: "alice"}, identity.Credentials{JWT: "j", Sig: "s"}, "user:alice"},
		{"nothing, with a no-auth nkey", Config{Users: []User{{NKey: key.public}}, NoAuthUser: key.public}, identity.Credentials{}, "nkey:" + key.public},
		{"the no-auth nkey needs no signature", Config{Users: []User{{NKey: key.public}}, NoAuthUser: key.public},
			identity.Credentials{NKey: key.public}, "nkey:" + key.public},
		{"proxied", Config{Users: []User{{Name: "p", ProxyRequired: true}}, Proxies: []string{proxy.public}},
			identity.Credentials{User: "p", Nonce: nonce, ProxySig: vouch}, "user:p"},
		{"proxied token", Config{Token: "t", ProxyRequired: true, Proxies: []string{proxy.public}},
			identity.Credentials{Token: "t", Nonce: nonce, ProxySig: vouch}, "token"},
		{"a proxy where none is known", Config{Users: []User{alice}},
			identity.Credentials{User: "alice", Pass: "wonder", Nonce: nonce, ProxySig: "x"}, "user:alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, _ := newLogins(t, c.cfg)
			id, err := try(t, l, c.give)
			require.NoError(t, err)
			require.Equal(t, c.label, id.Label)
			require.NotNil(t, id.Account)

			again, err := try(t, l, c.give)
			require.NoError(t, err)
			if len(c.cfg.Proxies) == 0 {
				require.Same(t, id, again, "an identity is shared")
				require.Empty(t, id.Proxy)
			} else {
				require.Equal(t, proxy.public, id.Proxy)
			}
		})
	}
}

// What is refused, and with which error.
func TestRefusals(t *testing.T) {
	key, other := newSigner(t, nkeys.CreateUser), newSigner(t, nkeys.CreateUser)
	proxy := newSigner(t, nkeys.CreateAccount)
	good := base64.RawURLEncoding.EncodeToString(key.sign(nonce))
	vouch := base64.RawURLEncoding.EncodeToString(proxy.sign(nonce))
	cfg := Config{
		Users: []User{
			{Name: "alice", Password: "wonder"},
			{Name: "hash", Password: hashed(t, "a", "pw", 4)},
			{Name: "broken", Password: "$2a$04$short"},
			{Name: "cost", Password: "$2a$99$" + strings.Repeat("a", 53)},
			{Name: "salt", Password: "$2a$04$" + strings.Repeat("!", 53)},
			{Name: "mqtt", Password: "m", Kinds: []identity.Kind{"MQTT"}},
			{Name: "far", Password: "f", ProxyRequired: true},
			{Name: "shown", CertificateOnly: true},
			{NKey: key.public},
			{NKey: other.public, Kinds: []identity.Kind{"MQTT"}},
		},
		Proxies: []string{proxy.public},
	}
	users, log := newLogins(t, cfg)
	require.Equal(t, 3, strings.Count(log.text(), "looks like a bcrypt hash but is none"), log.text())
	require.NotContains(t, log.text(), "$2a$")
	token, _ := newLogins(t, Config{Token: "t"})
	hashedToken, _ := newLogins(t, Config{Token: hashed(t, "a", "t", 4)})
	strict, _ := newLogins(t, Config{Token: "t", ProxyRequired: true})
	nobody, _ := newLogins(t, Config{Users: []User{}})
	bound, _ := newLogins(t, Config{Users: []User{{Name: "alice", Kinds: []identity.Kind{"MQTT"}}}, NoAuthUser: "alice"})

	for _, c := range []struct {
		name string
		l    *Logins
		give identity.Credentials
		want error
		log  string
	}{
		{"nothing", users, identity.Credentials{}, identity.ErrDenied, ""},
		{"unknown user", users, identity.Credentials{User: "bob", Pass: "wonder"}, identity.ErrDenied, ""},
		{"wrong password", users, identity.Credentials{User: "alice", Pass: "wonde"}, identity.ErrDenied, ""},
		{"longer password", users, identity.Credentials{User: "alice", Pass: "wonder "}, identity.ErrDenied, ""},
		{"no password", users, identity.Credentials{User: "alice"}, identity.ErrDenied, ""},
		{"password without user", users, identity.Credentials{Pass: "wonder"}, identity.ErrDenied, ""},
		{"token where users are", users, identity.Credentials{Token: "wonder"}, identity.ErrDenied, ""},
		{"wrong password of a hash", users, identity.Credentials{User: "hash", Pass: "PW"}, identity.ErrDenied, ""},
		{"the hash as password", users, identity.Credentials{User: "hash", Pass: cfg.Users[1].Password}, identity.ErrDenied, ""},
		{"the text of a broken hash", users, identity.Credentials{User: "broken", Pass: "$2a$04$short"}, identity.ErrDenied, ""},
		{"no password for a broken hash", users, identity.Credentials{User: "broken"}, identity.ErrDenied, ""},
		{"a hash of impossible cost", users, identity.Credentials{User: "cost", Pass: "x"}, identity.ErrDenied, ""},
		{"a hash of impossible salt", users, identity.Credentials{User: "salt", Pass: "x"}, identity.ErrDenied, ""},
		{"wrong kind", users, identity.Credentials{User: "mqtt", Pass: "m"}, identity.ErrDenied, ""},
		{"proxy required", users, identity.Credentials{User: "far", Pass: "f"}, identity.ErrProxyRequired, ""},
		{"a user for certificates, by name", users, identity.Credentials{User: "shown"}, identity.ErrDenied, ""},
		{"huge name and password", users, identity.Credentials{User: strings.Repeat("u", 1<<20), Pass: strings.Repeat("p", 1<<20)}, identity.ErrDenied, ""},

		{"nkey without signature", users, identity.Credentials{NKey: key.public, Nonce: nonce}, identity.ErrDenied, "DBG  - cid:0 - Signature missing"},
		{"signature no base64", users, identity.Credentials{NKey: key.public, Nonce: nonce, Sig: "!"}, identity.ErrDenied, "DBG  - cid:0 - Signature not valid base64"},
		{"huge signature", users, identity.Credentials{NKey: key.public, Nonce: nonce, Sig: strings.Repeat("A", 1<<20)}, identity.ErrDenied, "DBG  - cid:0 - Signature not valid base64"},
		{"short signature", users, identity.Credentials{NKey: key.public, Nonce: nonce, Sig: "AAAA"}, identity.ErrDenied, "DBG  - cid:0 - Signature not verified"},
		{"signature of something else", users, identity.Credentials{NKey: key.public, Nonce: "BBBB", Sig: good}, identity.ErrDenied, "DBG  - cid:0 - Signature not verified"},
		{"signature of nothing", users, identity.Credentials{NKey: key.public, Sig: base64.RawURLEncoding.EncodeToString(key.sign(""))}, identity.ErrDenied, "DBG  - cid:0 - Signature not verified"},
		{"signature of somebody else", users, identity.Credentials{NKey: other.public, Nonce: nonce, Sig: good, Kind: "MQTT"}, identity.ErrDenied, "DBG  - cid:0 - Signature not verified"},
		{"unknown nkey", users, identity.Credentials{NKey: proxy.public, Nonce: nonce, Sig: vouch}, identity.ErrDenied, ""},
		{"nkey of the wrong kind", users, identity.Credentials{NKey: other.public, Nonce: nonce, Sig: base64.RawURLEncoding.EncodeToString(other.sign(nonce))}, identity.ErrDenied, ""},
		{"an nkey goes before a good password", users, identity.Credentials{NKey: key.public, User: "alice", Pass: "wonder"}, identity.ErrDenied, "DBG  - cid:0 - Signature missing"},

		{"untrusted proxy", users, identity.Credentials{User: "alice", Pass: "wonder", Nonce: nonce, ProxySig: good}, identity.ErrProxyNotTrusted, ""},
		{"proxy of another nonce", users, identity.Credentials{User: "alice", Pass: "wonder", Nonce: "B", ProxySig: vouch}, identity.ErrProxyNotTrusted, ""},
		{"proxy of no nonce", users, identity.Credentials{User: "alice", Pass: "wonder", ProxySig: base64.RawURLEncoding.EncodeToString(proxy.sign(""))}, identity.ErrProxyNotTrusted, ""},
		{"proxy in standard base64", users, identity.Credentials{User: "alice", Pass: "wonder", Nonce: nonce, ProxySig: vouch + "=="}, identity.ErrProxyNotTrusted, ""},
		{"proxy with blank lines", users, identity.Credentials{User: "alice", Pass: "wonder", Nonce: nonce, ProxySig: vouch + strings.Repeat("\n", 1000)}, identity.ErrProxyNotTrusted, ""},
		{"huge proxy signature", users, identity.Credentials{User: "alice", Pass: "wonder", Nonce: nonce, ProxySig: strings.Repeat("A", 1<<20)}, identity.ErrProxyNotTrusted, ""},
		{"a proxy alone", users, identity.Credentials{Nonce: nonce, ProxySig: vouch}, identity.ErrDenied, ""},

		{"wrong token", token, identity.Credentials{Token: "T"}, identity.ErrDenied, ""},
		{"no token", token, identity.Credentials{User: "t", Pass: "t"}, identity.ErrDenied, ""},
		{"nothing for a token", token, identity.Credentials{}, identity.ErrDenied, ""},
		{"wrong token of a hash", hashedToken, identity.Credentials{Token: "T"}, identity.ErrDenied, ""},
		{"token without proxy", strict, identity.Credentials{Token: "t"}, identity.ErrProxyRequired, ""},
		{"a list of no users", nobody, identity.Credentials{User: "alice"}, identity.ErrDenied, ""},
		{"no-auth user of the wrong kind", bound, identity.Credentials{}, identity.ErrDenied, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			log.lines = nil
			_, err := try(t, c.l, c.give)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.log, log.text())
		})
	}
}

// An identity has all of its user.
func TestIdentityOfUser(t *testing.T) {
	a := home()
	rights := &perm.Permissions{}
	limits := account.Limits{Connections: 1, Subscriptions: 2, Payload: 3}
	l, _ := newLogins(t, Config{Users: []User{{Name: "alice", Account: a, Permissions: rights, Limits: limits}}})
	id, err := try(t, l, identity.Credentials{User: "alice"})
	require.NoError(t, err)
	require.Equal(t, identity.Identity{Account: a, Permissions: rights, Limits: limits, Label: "user:alice", User: "alice", Entry: id.Entry}, *id)

	l, _ = newLogins(t, Config{Token: "t", Account: a})
	id, err = try(t, l, identity.Credentials{Token: "t"})
	require.NoError(t, err)
	require.Equal(t, identity.Identity{Account: a, Limits: account.Unlimited(), Label: "token", Entry: id.Entry}, *id)
}

// A proxy is known of the connection that came through it, and of no other of the same user.
func TestProxyIsOfOneConnection(t *testing.T) {
	proxy := newSigner(t, nkeys.CreateUser)
	l, _ := newLogins(t, Config{Token: "t", Proxies: []string{proxy.public}})
	vouch := base64.RawURLEncoding.EncodeToString(proxy.sign(nonce))
	proxied, err := try(t, l, identity.Credentials{Token: "t", Nonce: nonce, ProxySig: vouch})
	require.NoError(t, err)
	direct, err := try(t, l, identity.Credentials{Token: "t", Nonce: nonce})
	require.NoError(t, err)
	require.Equal(t, proxy.public, proxied.Proxy)
	require.Empty(t, direct.Proxy)
}

// A CONNECT is needed unless there is a user for those who say nothing, and something to sign
// if somebody can.
func TestRequiredAndNonce(t *testing.T) {
	key := newSigner(t, nkeys.CreateUser).public
	for _, c := range []struct {
		cfg             Config
		required, nonce bool
	}{
		{Config{Users: []User{}}, true, false},
		{Config{Users: []User{{Name: "a"}}}, true, false},
		{Config{Users: []User{{Name: "a"}}, NoAuthUser: "a"}, false, false},
		{Config{Users: []User{{NKey: key}}}, true, true},
		{Config{Users: []User{{NKey: key}}, NoAuthUser: key}, false, true},
		{Config{Token: "t", Proxies: []string{key}}, true, true},
	} {
		l, _ := newLogins(t, c.cfg)
		require.Equal(t, c.required, l.Required(), "%+v", c.cfg)
		require.Equal(t, c.nonce, l.Nonce(), "%+v", c.cfg)
	}
}

func TestNewRefuses(t *testing.T) {
	a := home()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	for want, cfg := range map[string]Config{
		"auth: neither users nor a token":                               {},
		"auth: the token has no account":                                {Token: "t"},
		"auth: a user has neither name nor nkey":                        {Users: []User{{Password: "secret", Account: a}}},
		"auth: an nkey user has a name or a password":                   {Users: []User{{NKey: public, Password: "secret", Account: a}}},
		"auth: the nkey of a user is not the public key of one":         {Users: []User{{NKey: string(seed), Account: a}}},
		`auth: user "alice" has no account`:                             {Users: []User{{Name: "alice"}}},
		`auth: user "alice" is there twice`:                             {Users: []User{{Name: "alice", Account: a}, {Name: "alice", Account: a}}},
		`auth: user "` + public + `" is there twice`:                    {Users: []User{{NKey: public, Account: a}, {NKey: public, Account: a}}},
		`auth: no_auth_user "bob" is no user`:                           {Users: []User{{Name: "alice", Account: a}}, NoAuthUser: "bob"},
		"auth: key 2 of the trusted proxies: nkeys: invalid public key": {Users: []User{}, Proxies: []string{public, string(seed)}},
	} {
		_, err := New(cfg)
		require.Error(t, err, want)
		require.NotContains(t, err.Error(), string(seed))
		require.EqualError(t, err, want)
	}
}

// A key that has a good checksum but is too short to verify anything is refused at once.
func TestNewRefusesShortKeys(t *testing.T) {
	short, err := nkeys.Encode(nkeys.PrefixByteUser, make([]byte, 16))
	require.NoError(t, err)
	_, err = New(Config{Users: []User{{NKey: string(short), Account: home()}}})
	require.Error(t, err)
	_, err = New(Config{Users: []User{}, Proxies: []string{string(short)}})
	require.Error(t, err)
}

// A login with a password costs no memory, so that many at once cost no more than their work.
func TestPasswordLoginAllocatesNothing(t *testing.T) {
	l, _ := newLogins(t, Config{Users: []User{{Name: "alice", Password: "wonder"}, {Name: "hash", Password: hashed(t, "a", "pw", 4)}}})
	for _, c := range []identity.Credentials{
		{User: "alice", Pass: "wonder", Remote: "192.0.2.1"},
		{User: "hash", Pass: "pw", Remote: "2001:db8::1"}, // once its password is known
	} {
		ctx := t.Context()
		_, err := l.Authenticate(ctx, &c)
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = l.Authenticate(ctx, &c) }), c.User)
	}
}

// Logins of all sorts at the same time do not disturb each other.
func TestConcurrentLogins(t *testing.T) {
	key := newSigner(t, nkeys.CreateUser)
	sig := base64.RawURLEncoding.EncodeToString(key.sign(nonce))
	l, _ := newLogins(t, Config{Users: []User{
		{Name: "alice", Password: "wonder"}, {Name: "hash", Password: hashed(t, "a", "pw", 4)}, {NKey: key.public},
	}})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range 20 {
				for _, c := range []identity.Credentials{
					{User: "alice", Pass: "wonder", Remote: "192.0.2.1"},
					{User: "hash", Pass: "pw", Remote: "192.0.2.1"},
					{NKey: key.public, Nonce: nonce, Sig: sig, Remote: "192.0.2.2"},
				} {
					if _, err := l.Authenticate(ctx, &c); err != nil {
						t.Errorf("%s: %v", c.User, err)
					}
				}
			}
			if i == 0 { // few enough not to be slowed down
				_, err := l.Authenticate(ctx, &identity.Credentials{User: "alice", Pass: "no", Remote: "192.0.2.1"})
				if !errors.Is(err, identity.ErrDenied) {
					t.Errorf("wrong password: %v", err)
				}
			}
		})
	}
	all.Wait()
}
