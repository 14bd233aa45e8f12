package callout

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/proto"
)

func TestAServiceLetsIn(t *testing.T) {
	w := newWorld(t)
	a := w.static(nil)
	require.True(t, a.Required())
	require.True(t, a.Nonce())
	s := w.serve("AUTH", w.admit(func(u *jwt.UserClaims) {
		u.Name = "alice of APP"
		u.Tags.Add("blue")
		u.Subs, u.Limits.Payload = 5, 100
		u.Pub.Allow.Add("a.>")
		u.Expires = time.Now().Add(time.Hour).Unix()
	}))
	id, err := enter(a, "alice", "secret")
	require.NoError(t, err)
	require.Same(t, w.account("APP"), id.Account)
	require.Equal(t, "alice of APP", id.User)
	require.Equal(t, "user:alice of APP", id.Label)
	require.Equal(t, 5, id.Limits.Subscriptions)
	require.Equal(t, 100, id.Limits.Payload)
	require.WithinDuration(t, time.Now().Add(time.Hour), id.Expires, 5*time.Second)
	require.True(t, id.Permissions.MayPublish([]byte("a.b")))
	require.False(t, id.Permissions.MayPublish([]byte("b")))
	require.Equal(t, &identity.Claims{Name: "alice of APP", Tags: jwt.TagList{"blue"}, IssuerKey: w.issuer.public}, id.Claims)

	r := s.last.Load()
	require.Equal(t, w.server.public, r.Issuer)
	require.Equal(t, w.issuer.public, r.Subject)
	require.Equal(t, requestAudience, r.Audience)
	require.WithinDuration(t, time.Now().Add(2*time.Second), time.Unix(r.Expires, 0), 2*time.Second)
	require.Equal(t, jwt.ServerID{Name: "S", Host: "h", ID: w.server.public, Version: "1.2.3"}, r.Server)
	require.Equal(t, jwt.ClientInformation{Host: "10.0.0.1", ID: 7, User: "alice", Kind: "Client", Type: "nats"}, r.ClientInformation)
	require.Equal(t, jwt.ConnectOptions{Username: "alice", Password: "secret"}, r.ConnectOptions)
	require.Nil(t, r.TLS)
	require.True(t, strings.HasPrefix(s.calls.Load().Reply, "$SYS._INBOX."))

	first := r.UserNkey
	_, err = enter(a, "alice", "secret")
	require.NoError(t, err)
	require.NotEqual(t, first, s.last.Load().UserNkey)
}

// What the client said of itself, and shows, reaches the service.
func TestTheServiceLearnsWhatTheClientSaid(t *testing.T) {
	w := newWorld(t)
	a := w.static(nil)
	s := w.serve("AUTH", w.admit(nil))
	own, ca := &x509.Certificate{Raw: []byte("own")}, &x509.Certificate{Raw: []byte("ca")}
	state := &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, PeerCertificates: []*x509.Certificate{own}}
	c := &identity.Credentials{NKey: "U", Sig: "sig", Nonce: "nonce", Token: "token", JWT: "jwt", TLS: state, Remote: "10.0.0.1",
		Options: &proto.ClientOptions{Name: "app", Lang: "go", Version: "1", Protocol: 1}}
	_, err := a.Authenticate(context.Background(), c)
	require.NoError(t, err)
	r := s.last.Load()
	require.Equal(t, jwt.ClientInformation{Host: "10.0.0.1", User: "U", Name: "app", Kind: "Client", Type: "nats", Nonce: "nonce"}, r.ClientInformation)
	require.Equal(t, jwt.ConnectOptions{JWT: "jwt", Nkey: "U", SignedNonce: "sig", Token: "token", Name: "app", Lang: "go", Version: "1", Protocol: 1}, r.ConnectOptions)
	require.Equal(t, "1.3", r.TLS.Version)
	require.Equal(t, "TLS_AES_128_GCM_SHA256", r.TLS.Cipher)
	require.Len(t, r.TLS.Certs, 1)
	require.Contains(t, r.TLS.Certs[0], "BEGIN CERTIFICATE")
	require.Empty(t, r.TLS.VerifiedChains)

	state.VerifiedChains = [][]*x509.Certificate{{own, ca}}
	_, err = a.Authenticate(context.Background(), c)
	require.NoError(t, err)
	require.Empty(t, s.last.Load().TLS.Certs)
	require.Len(t, s.last.Load().TLS.VerifiedChains[0], 2)
}

// What is wrong with an answer keeps the client out, and is told to the account of the service.
func TestAnswersThatAreRefused(t *testing.T) {
	other := newKey(t, nkeys.CreateAccount)
	stranger := newKey(t, nkeys.CreateUser).public
	otherServer := newKey(t, nkeys.CreateServer).public
	type claims = jwt.AuthorizationResponseClaims
	for _, c := range []struct {
		name   string
		answer func(w *world, r *jwt.AuthorizationRequestClaims) string
		why    string // {user} and {issuer} stand for keys
	}{
		{"empty", func(*world, *jwt.AuthorizationRequestClaims) string { return "EMPTY" },
			`Auth callout violation: "no reason supplied" on account "AUTH"`},
		{"garbage", func(*world, *jwt.AuthorizationRequestClaims) string { return "garbage" }, "Expected 3 chunks"},
		{"a bare user JWT", func(w *world, r *jwt.AuthorizationRequestClaims) string {
			return userJWT(w.t, r.UserNkey, w.issuer, nil)
		}, "Not an authorization request claim"},
		{"expired", envelope(func(out *claims) { out.Expires = time.Now().Add(-time.Minute).Unix() }),
			"Authorization response had validation errors: claim is expired"},
		{"neither", envelope(func(out *claims) { out.Jwt = "" }),
			"Authorization response had validation errors: Error or Jwt is required"},
		{"both", envelope(func(out *claims) { out.Error = "no" }),
			"Authorization response had validation errors: Only Error or Jwt can be set"},
		{"another user", envelope(func(out *claims) { out.Subject = stranger }),
			"Auth callout violation: auth callout response is not for expected user"},
		{"another server", envelope(func(out *claims) { out.Audience = otherServer }),
			"Auth callout violation: auth callout response is not for server"},
		{"an error", envelope(func(out *claims) { out.Jwt, out.Error = "", "go away\r\nnow" }),
			"Auth callout service returned an error: go away  now"},
		{"another signer of the envelope", func(w *world, r *jwt.AuthorizationRequestClaims) string {
			return response(w.t, r, userJWT(w.t, r.UserNkey, w.issuer, nil), other, nil)
		}, "Auth callout signing key is unknown"},
		{"no user JWT", envelope(func(out *claims) { out.Jwt = "x" }), "Expected 3 chunks"},
		{"proxy", user(func(u *jwt.UserClaims) { u.ProxyRequired = true }), "Proxy connection required"},
		{"the user is expired", user(func(u *jwt.UserClaims) { u.Expires = time.Now().Add(-time.Minute).Unix() }),
			"Error validating user JWT: claim is expired"},
		{"the user is another", user(func(u *jwt.UserClaims) { u.Subject = stranger }),
			`Expected authorized user of "{user}" but got "` + stranger + `" on account "AUTH"`},
		{"times", user(func(u *jwt.UserClaims) {
			u.Times = []jwt.TimeRange{{Start: "00:00:00", End: "00:00:00"}}
		}), `Authorized user on account "AUTH" outside of valid connect times`},
		{"address", user(func(u *jwt.UserClaims) { u.Src.Set("192.168.0.0/16") }),
			`Authorized user on account "AUTH" at an address that it may not come from`},
		{"kinds", user(func(u *jwt.UserClaims) { u.AllowedConnectionTypes.Add("PIGEON") }),
			`Authorized user on account "AUTH" using invalid connection type`},
		{"issuer_account", user(func(u *jwt.UserClaims) { u.IssuerAccount = other.public }),
			`Error non operator mode account "AUTH": attempted to use issuer_account`},
		{"another signer of the user", func(w *world, r *jwt.AuthorizationRequestClaims) string {
			return response(w.t, r, userJWT(w.t, r.UserNkey, other, nil), w.issuer, nil)
		}, `Wrong issuer for auth callout response on account "AUTH", expected "{issuer}" got "` + other.public + `"`},
		{"unknown account", user(func(u *jwt.UserClaims) { u.Audience = "NONE" }),
			`No valid account "NONE" for auth callout response on account "AUTH": account missing`},
		{"no account", user(func(u *jwt.UserClaims) { u.Audience = "" }),
			`No valid account "" for auth callout response on account "AUTH": account missing`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.serve("AUTH", func(r *jwt.AuthorizationRequestClaims) string { return c.answer(w, r) })
			_, err := enter(w.static(nil), "alice", "secret")
			w.refused(t, err, "AUTH", strings.NewReplacer("{user}", s.last.Load().UserNkey, "{issuer}", w.issuer.public).Replace(c.why))
		})
	}
}

// envelope answers with a changed response.
func envelope(change func(*jwt.AuthorizationResponseClaims)) func(*world, *jwt.AuthorizationRequestClaims) string {
	return func(w *world, r *jwt.AuthorizationRequestClaims) string {
		return response(w.t, r, userJWT(w.t, r.UserNkey, w.issuer, nil), w.issuer, change)
	}
}

// user answers with a changed user JWT.
func user(change func(*jwt.UserClaims)) func(*world, *jwt.AuthorizationRequestClaims) string {
	return func(w *world, r *jwt.AuthorizationRequestClaims) string { return w.admit(change)(r) }
}

func TestEncrypted(t *testing.T) {
	for _, c := range []struct {
		name string
		seal func(w *world, answer []byte, to string) []byte
		why  string
	}{
		{"encrypted", func(w *world, answer []byte, to string) []byte { return sealedFor(w, w.xkey, answer, to) }, ""},
		{"a plain answer", func(_ *world, answer []byte, _ string) []byte { return answer }, ""},
		{"tampered", func(w *world, answer []byte, to string) []byte {
			out := sealedFor(w, w.xkey, answer, to)
			out[len(out)-1] ^= 1
			return out
		}, `Error decrypting auth callout response on account "AUTH": nkeys: could not decrypt input`},
		{"cut short", func(w *world, answer []byte, to string) []byte { return sealedFor(w, w.xkey, answer, to)[:28] },
			`Error decrypting auth callout response on account "AUTH": nkeys: encrypted input is not valid`},
		{"another version", func(w *world, answer []byte, to string) []byte {
			out := sealedFor(w, w.xkey, answer, to)
			out[3] = '2'
			return out
		}, `Error decrypting auth callout response on account "AUTH": nkeys: encrypted input wrong version`},
		{"by somebody else", func(w *world, answer []byte, to string) []byte {
			return sealedFor(w, newKey(w.t, nkeys.CreateCurveKeys), answer, to)
		}, `Error decrypting auth callout response on account "AUTH": nkeys: could not decrypt input`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.static(func(c *Config) { c.Static.XKey = w.xkey.public })
			s := w.serve("AUTH", func(r *jwt.AuthorizationRequestClaims) string {
				return string(c.seal(w, []byte(w.admit(nil)(r)), r.Server.XKey))
			})
			id, err := enter(a, "alice", "secret")
			require.Equal(t, w.curve.public, s.calls.Load().Get(xkeyHeader))
			require.Equal(t, w.curve.public, s.last.Load().Server.XKey)
			require.NotContains(t, string(s.calls.Load().Data), jwtStart)
			if c.why != "" {
				w.refused(t, err, "AUTH", c.why)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "alice", id.User)
		})
	}
}

func sealedFor(w *world, from key, data []byte, to string) []byte {
	out, err := from.Seal(data, to)
	if err != nil {
		w.t.Error(err)
	}
	return out
}

func TestNoService(t *testing.T) {
	w := newWorld(t)
	_, err := enter(w.static(nil), "alice", "secret")
	w.refused(t, err, "AUTH", "")
	var r *identity.Refused
	require.ErrorAs(t, err, &r)
	require.False(t, r.Silent)
	require.Equal(t, []string{"10.0.0.1 - cid:7 - Error sending authorization request: no responders"}, w.debugs)
	w.ports.Close()
	_, err = enter(w.static(nil), "alice", "secret")
	w.refused(t, err, "AUTH", "")
}

func TestASilentService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.static(func(c *Config) { c.Timeout = 3 * time.Second })
		w.serve("AUTH", func(*jwt.AuthorizationRequestClaims) string { return "" })
		begin := time.Now()
		_, err := enter(a, "alice", "secret")
		require.Equal(t, 3*time.Second, time.Since(begin))
		w.refused(t, err, "AUTH", "")
		var r *identity.Refused
		require.ErrorAs(t, err, &r)
		require.True(t, r.Silent, "nobody has said why")
		require.Equal(t, []string{`10.0.0.1 - cid:7 - Authorization callout response not received in time on account "AUTH"`}, w.debugs)
	})
}

func TestWhoIsAskedAbout(t *testing.T) {
	for _, c := range []struct {
		name    string
		allowed []string
		known   bool
		cred    identity.Credentials
		asked   bool   // the service
		next    bool   // the wrapped one
		account string // empty: refused
	}{
		{"a user of the service", nil, true, identity.Credentials{User: "auth"}, false, true, "AUTH"},
		{"with a wrong password", nil, true, identity.Credentials{User: "auth", Pass: "wrong"}, false, true, ""},
		{"a user with the right password", nil, true, identity.Credentials{User: "bob"}, true, false, "APP"},
		{"an unknown user", nil, true, identity.Credentials{User: "nobody"}, true, false, "APP"},
		{"an unknown user of who does not say", nil, false, identity.Credentials{User: "nobody"}, true, true, "APP"},
		{"nothing", nil, true, identity.Credentials{}, true, true, "APP"},
		{"a token", nil, true, identity.Credentials{Token: "t"}, true, false, "APP"},
		{"an account that is not listed", []string{"APP"}, true, identity.Credentials{User: "bob"}, false, true, "OTHER"},
		{"an account that is listed", []string{"OTHER"}, true, identity.Credentials{User: "bob"}, true, true, "APP"},
		{"the global account", []string{"APP"}, true, identity.Credentials{User: "global"}, true, true, "APP"},
		{"a wrong password of a listed account", []string{"APP"}, true, identity.Credentials{User: "bob", Pass: "wrong"}, true, true, "APP"},
		{"an unknown user with a list", []string{"APP"}, true, identity.Credentials{User: "nobody"}, true, false, "APP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.user("auth", "AUTH")
			w.user("bob", "OTHER")
			w.user("global", account.Global)
			a := w.static(func(cfg *Config) {
				cfg.Static.Allowed = c.allowed
				if c.known {
					cfg.Static.Known = func(name string) bool { return w.next.users[name] != nil }
				}
			})
			s := w.serve("AUTH", w.admit(nil))
			id, err := a.Authenticate(context.Background(), &c.cred)
			require.Equal(t, c.asked, s.asked.Load() == 1)
			require.Equal(t, c.next, w.next.asked.Load() == 1)
			if c.account == "" {
				require.ErrorIs(t, err, identity.ErrDenied)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.account, id.Account.Name())
		})
	}
}

// Who is in the account of the service cannot ask it to let others in.
func TestUsersOfTheServicesAccountDoNotAsk(t *testing.T) {
	w := newWorld(t)
	some, err := perm.Compile(perm.Rules{Publish: perm.List{Deny: []string{"x"}}})
	require.NoError(t, err)
	w.user("auth", "AUTH").Permissions = some
	w.user("else", "OTHER")
	a := w.static(func(c *Config) { c.Static.Users = append(c.Static.Users, "else") })
	w.serve("AUTH", w.admit(func(u *jwt.UserClaims) { u.Audience = "AUTH" }))
	for _, name := range []string{"auth", "alice"} {
		id, err := enter(a, name, "")
		require.NoError(t, err)
		require.False(t, id.Permissions.MayPublish([]byte(Subject)), name)
		require.True(t, id.Permissions.MayPublish([]byte("y")))
		require.Equal(t, name != "auth", id.Permissions.MayPublish([]byte("x")))
		again, err := a.Recheck(context.Background(), &identity.Credentials{User: name}, id)
		require.NoError(t, err)
		require.False(t, again.Permissions.MayPublish([]byte(Subject)), name)
	}
	id, err := enter(a, "else", "")
	require.NoError(t, err)
	require.True(t, id.Permissions.MayPublish([]byte(Subject)))
}

func TestDefaultPermissions(t *testing.T) {
	w := newWorld(t)
	defaults, err := perm.Compile(perm.Rules{Publish: perm.List{Allow: []string{"d"}}})
	require.NoError(t, err)
	a := w.static(func(c *Config) {
		c.Static.Lookup = func(name string) (*account.Account, *perm.Permissions) { return w.registry.Get(name), defaults }
	})
	w.serve("AUTH", func(r *jwt.AuthorizationRequestClaims) string {
		return w.admit(func(u *jwt.UserClaims) {
			if r.ConnectOptions.Username == "own" {
				u.Pub.Allow.Add("o")
			}
		})(r)
	})
	id, err := enter(a, "alice", "")
	require.NoError(t, err)
	require.Same(t, defaults, id.Permissions)
	own, err := enter(a, "own", "")
	require.NoError(t, err)
	require.NotSame(t, defaults, own.Permissions)
	require.Equal(t, "user:own", own.Label)

	defaults = nil // as after a reload
	again, err := a.Recheck(context.Background(), &identity.Credentials{}, id)
	require.NoError(t, err)
	require.Nil(t, again.Permissions)
	again, err = a.Recheck(context.Background(), &identity.Credentials{}, own)
	require.NoError(t, err)
	require.Same(t, own.Permissions, again.Permissions)
}

// Who was let in stays without being asked about again, as long as the settings that let him in hold.
func TestRecheck(t *testing.T) {
	w := newWorld(t)
	a := w.static(nil)
	s := w.serve("AUTH", w.admit(nil))
	was, err := enter(a, "alice", "secret")
	require.NoError(t, err)
	id, err := a.Recheck(context.Background(), &identity.Credentials{}, was)
	require.NoError(t, err)
	require.Equal(t, was, id)
	require.EqualValues(t, 1, s.asked.Load())

	other := newKey(t, nkeys.CreateAccount)
	_, err = w.static(func(c *Config) { c.Static.Issuer = other.public }).Recheck(context.Background(), nil, was)
	require.ErrorIs(t, err, proto.ErrSignerGone)
	w.registry.Remove("APP")
	_, err = a.Recheck(context.Background(), nil, was)
	require.ErrorIs(t, err, identity.ErrGone)
	w.account("APP")
	_, err = a.Recheck(context.Background(), nil, was)
	require.ErrorIs(t, err, identity.ErrGone, "it is another account of that name")

	plain := w.user("auth", "OTHER")
	id, err = a.Recheck(context.Background(), nil, plain)
	require.NoError(t, err)
	require.Same(t, plain, id)
	w.next.gone.Store(true)
	_, err = a.Recheck(context.Background(), nil, plain)
	require.ErrorIs(t, err, identity.ErrGone)
}

func TestProxies(t *testing.T) {
	w := newWorld(t)
	proxy := newKey(t, nkeys.CreateServer)
	a := w.static(func(c *Config) { c.Proxies = []string{proxy.public} })
	w.serve("AUTH", w.admit(func(u *jwt.UserClaims) { u.ProxyRequired = true }))
	sig, err := proxy.Sign([]byte("nonce"))
	require.NoError(t, err)
	c := &identity.Credentials{User: "alice", Nonce: "nonce", ProxySig: base64.RawURLEncoding.EncodeToString(sig)}
	id, err := a.Authenticate(context.Background(), c)
	require.NoError(t, err)
	require.Equal(t, proxy.public, id.Proxy)
	_, err = a.Recheck(context.Background(), c, id)
	require.NoError(t, err)
	_, err = w.static(nil).Recheck(context.Background(), c, id)
	require.ErrorIs(t, err, proto.ErrProxyNotTrusted)
	for _, bad := range []identity.Credentials{
		{ProxySig: c.ProxySig, Nonce: "other"}, {ProxySig: c.ProxySig}, {ProxySig: "!", Nonce: "nonce"},
		{ProxySig: strings.Repeat("A", 1000), Nonce: "nonce"},
	} {
		_, err = a.Authenticate(context.Background(), &bad)
		require.ErrorIs(t, err, proto.ErrProxyNotTrusted)
	}
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t)
	seed, err := w.issuer.Seed()
	require.NoError(t, err)
	w.static(func(good *Config) {
		for name, spoil := range map[string]func(c *Config, s *Static){
			"no next":        func(c *Config, _ *Static) { c.Next = nil },
			"no ports":       func(c *Config, _ *Static) { c.Ports = nil },
			"no key":         func(c *Config, _ *Static) { c.Key = nil },
			"no mode":        func(c *Config, _ *Static) { c.Static = nil },
			"both":           func(c *Config, _ *Static) { c.Operators = &tenants{} },
			"no account":     func(_ *Config, s *Static) { s.Account = nil },
			"no lookup":      func(_ *Config, s *Static) { s.Lookup = nil },
			"a seed":         func(_ *Config, s *Static) { s.Issuer = string(seed) },
			"a wrong xkey":   func(_ *Config, s *Static) { s.XKey = s.Issuer },
			"no curve":       func(c *Config, s *Static) { c.Curve, s.XKey = nil, w.xkey.public },
			"a wrong proxy":  func(c *Config, _ *Static) { c.Proxies = []string{"x"} },
			"nobody's curve": func(c *Config, _ *Static) { c.Curve = broken{} },
			"nobody's key":   func(c *Config, _ *Static) { c.Key = broken{} },
		} {
			cfg, s := *good, *good.Static
			cfg.Static = &s
			spoil(&cfg, &s)
			_, err := New(cfg)
			require.Error(t, err, name)
			require.NotContains(t, err.Error(), string(seed))
		}
	})
}

// broken is a key pair without a key.
type broken struct{ nkeys.KeyPair }

func (broken) PublicKey() (string, error) { return "", errors.New("no key") }
