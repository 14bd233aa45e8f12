package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// Tokens with each kind of key let in, in either field, for as long as they are good.
func TestTokensLetIn(t *testing.T) {
	b := newBench(t, newProvider(t), func(_ *bench, c *Config) { c.MaxSubscriptions = 7 })
	exp := time.Now().Unix() + 600
	limits := account.Unlimited()
	limits.Subscriptions = 7
	for alg := range private() {
		text := sign(t, alg, string(alg), b.good(set{"exp": exp}))
		for _, c := range []identity.Credentials{
			{Token: text}, {JWT: text}, {Token: "no", JWT: text}, {Token: text, JWT: "x.y.z", User: "u", Pass: "p"},
		} {
			id, err := b.Authenticate(t.Context(), &c)
			require.NoError(t, err, alg)
			require.Same(t, b.accounts.Get("A"), id.Account)
			require.Equal(t, []any{"ann", "oidc:ann", "", limits},
				[]any{id.User, id.Label, id.NKey, id.Limits})
			require.Nil(t, id.Permissions)
			require.Equal(t, time.Unix(exp+30, 0), id.Expires)
			require.Equal(t, &identity.Claims{Name: "ann", Bearer: true}, id.Claims, "the token stays where it is")
		}
	}
	id, err := b.show(sign(t, jose.ES256, "", b.good(nil)))
	require.NoError(t, err, "a token need not name its key")
	require.Equal(t, "ann", id.User)
	require.EqualValues(t, 1, b.asks.Load(), "keys are kept")
	require.True(t, b.Required())
	require.False(t, b.Nonce())
}

// part encodes a part of a token.
func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestTokensAreRefused(t *testing.T) {
	p := newProvider(t)
	b := newBench(t, p)
	now := time.Now().Unix()
	whole := p.token(nil)
	pieces := strings.Split(whole, ".")
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: p.Certificate().Raw}, nil)
	require.NoError(t, err)
	symmetric, err := hmac.Sign(p.good(nil))
	require.NoError(t, err)
	hs, err := symmetric.CompactSerialize()
	require.NoError(t, err)
	for _, c := range []struct{ name, token, why string }{
		{"audience", p.token(set{"aud": "elsewhere"}), `the audience is ["elsewhere"]`},
		{"no audience", p.token(set{"aud": nil}), "the audience is []"},
		{"audience is no text", p.token(set{"aud": 7}), "aud"},
		{"issuer", p.token(set{"iss": p.URL + "/"}), "issued by a different provider"},
		{"issuer in other letters", p.token(set{"iss": "https://evil", "ISS": p.URL}), "issue"},
		{"expired", p.token(set{"exp": now - 31}), "the token has expired"},
		{"never expires", p.token(set{"exp": nil}), "the token never expires"},
		{"expiry is no time", p.token(set{"exp": "soon"}), ""},
		{"expiry beyond time", p.token(set{"exp": 1e18}), `claim "exp" is not a time`},
		{"not yet", p.token(set{"nbf": now + 60}), `not valid yet, by its claim "nbf"`},
		{"made tomorrow", p.token(set{"iat": now + 60}), `not valid yet, by its claim "iat"`},
		{"no user", p.token(set{"sub": nil}), `there is no claim "sub"`},
		{"empty user", p.token(set{"sub": ""}), `claim "sub" is empty`},
		{"long user", p.token(set{"sub": strings.Repeat("x", 257)}), "longer than 256 bytes"},
		{"user with a line end", p.token(set{"sub": "a\r\nb"}), "no plain text"},
		{"user is an object", p.token(set{"sub": set{}}), ""},
		{"unknown key", sign(t, jose.RS256, "other", p.good(nil)), "the key is not known"},
		{"key of another kind", sign(t, jose.RS256, "ES256", p.good(nil)), "the key is not known"},
		{"changed payload", pieces[0] + "." + part(string(p.good(set{"sub": "bob"}))) + "." + pieces[2], "the signature is not good"},
		{"changed signature", pieces[0] + "." + pieces[1] + "." + part(strings.Repeat("x", 256)), "the signature is not good"},
		{"no signature", pieces[0] + "." + pieces[1] + ".", "the signature is not good"},
		{"unknown critical header", part(`{"alg":"RS256","kid":"RS256","crit":["x"],"x":1}`) + "." + pieces[1] + "." + pieces[2], ""},
		{"payload is no object", sign(t, jose.RS256, "RS256", []byte(`[]`)), "unmarshal"},
		{"deep", sign(t, jose.RS256, "RS256", []byte(`{"aud":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+"}")), ""},
		{"claims elsewhere", p.token(set{"_claim_names": set{"sub": "src"}}), "source does not exist"},
		// What follows is not taken for a token of a provider, and there is nobody else to ask.
		{"none", part(`{"alg":"none"}`) + "." + pieces[1] + ".", ""},
		{"symmetric", hs, ""},
		{"not pinned", part(`{"alg":"PS256","kid":"RS256"}`) + "." + pieces[1] + "." + pieces[2], ""},
		{"huge", p.token(set{"x": strings.Repeat("x", longestToken)}), ""},
		{"garbage", "a.b.c", ""},
		{"nothing", "", ""},
		{"JSON form", `{"payload":"` + pieces[1] + `","protected":"` + pieces[0] + `","signature":"` + pieces[2] + `"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(b.lines("DBG"))
			_, err := b.show(c.token)
			require.ErrorIs(t, err, identity.ErrDenied)
			log := strings.Join(b.lines("DBG")[before:], "\n")
			require.Contains(t, log, c.why)
			if c.why != "" {
				require.Contains(t, log, `with key "`)
			}
			for _, secret := range strings.Split(c.token, ".") {
				if len(secret) > 40 {
					require.NotContains(t, log, secret[:40], "tokens are secrets")
				}
			}
		})
	}
	_, err = b.show(p.token(set{"exp": now - 15, "nbf": now + 29, "iat": now + 29}))
	require.NoError(t, err, "clocks may differ")
	require.Empty(t, b.lines("WRN"))
}

// other is the Authenticator behind.
type other struct{ asked, rechecked int }

func (o *other) Required() bool { return false }
func (o *other) Nonce() bool    { return true }
func (o *other) Authenticate(context.Context, *identity.Credentials) (*identity.Identity, error) {
	o.asked++
	return nil, identity.ErrProxyRequired
}
func (o *other) Recheck(context.Context, *identity.Credentials, *identity.Identity) (*identity.Identity, error) {
	o.rechecked++
	return nil, identity.ErrGone
}

// Who has no token of a provider is somebody else's business; who has a bad one is not.
func TestTheNextAuthenticator(t *testing.T) {
	o := &other{}
	b := newBench(t, newProvider(t), func(_ *bench, c *Config) { c.Next = o })
	require.False(t, b.Required())
	require.True(t, b.Nonce())
	_, err := b.show("password")
	require.ErrorIs(t, err, identity.ErrProxyRequired)
	nats := part(`{"typ":"JWT","alg":"ed25519-nkey"}`) + ".e30.c2ln"
	_, err = b.Authenticate(t.Context(), &identity.Credentials{JWT: nats})
	require.ErrorIs(t, err, identity.ErrProxyRequired)
	_, err = b.Recheck(t.Context(), &identity.Credentials{JWT: nats}, &identity.Identity{})
	require.ErrorIs(t, err, identity.ErrGone)
	_, err = b.show(b.token(set{"aud": "x"}))
	require.ErrorIs(t, err, identity.ErrDenied)
	require.Equal(t, other{2, 1}, *o)
}

// A new key is fetched when a token names it, but no stream of unknown names makes the provider busy.
func TestKeysRotate(t *testing.T) {
	p := newProvider(t)
	b := newBench(t, p)
	_, err := b.show(p.token(nil))
	require.NoError(t, err)
	fresh := sign(t, jose.ES256, "new", p.good(nil))
	for range 100 {
		_, err = b.show(fresh)
		require.ErrorIs(t, err, identity.ErrDenied)
	}
	require.EqualValues(t, 1, b.asks.Load())
	p.publish("new", jose.ES256)
	b.rested()
	_, err = b.show(fresh)
	require.NoError(t, err)
	require.EqualValues(t, 2, b.asks.Load())

	p.mu.Lock() // the old ones are withdrawn, which is seen when the keys are old
	p.keys = p.keys[len(p.keys)-1:]
	p.mu.Unlock()
	_, err = b.show(p.token(nil))
	require.NoError(t, err)
	k := b.Authenticator.keys
	k.mu.Lock()
	k.mu.fetched = k.mu.fetched.Add(-2 * keysAge)
	k.mu.tried = k.mu.fetched
	k.mu.Unlock()
	_, err = b.show(p.token(nil))
	require.ErrorIs(t, err, identity.ErrDenied)
	require.EqualValues(t, 3, b.asks.Load())
}

// While the provider cannot be reached, known keys are good, and who has an unknown one is to come again.
func TestOutage(t *testing.T) {
	for name, broken := range map[string]http.HandlerFunc{
		"error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no keys": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"hang up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/keys", http.StatusFound)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for range 3 * mostAnswered / 1024 {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1024))); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.behave(broken)
			b := newBench(t, p)
			for range 3 {
				_, err := b.show(p.token(nil))
				var e *proto.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, proto.Error{Reason: closed.AuthenticationTimeout, Log: "authentication error - OIDC provider unavailable"}, *e)
				b.rested()
			}
			require.Len(t, b.lines("WRN"), 1, "one line for an outage")
			p.behave(nil)
			_, err := b.show(p.token(nil))
			require.NoError(t, err)
			require.Len(t, b.lines("WRN"), 2)

			p.behave(broken)
			b.rested()
			_, err = b.show(sign(t, jose.RS256, "other", p.good(nil)))
			require.Error(t, err)
			_, err = b.show(p.token(nil))
			require.NoError(t, err, "known keys are good")
			require.Len(t, b.lines("WRN"), 3)
		})
	}
}

// A provider that does not answer holds up those whose key is not known, as long as they want to wait.
func TestASlowProvider(t *testing.T) {
	p := newProvider(t)
	b := newBench(t, p)
	_, err := b.show(p.token(nil))
	require.NoError(t, err)
	b.rested()
	release := make(chan struct{})
	arrived := make(chan struct{}, 1)
	p.behave(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	failed := make(chan error, 3)
	for range 3 {
		all.Go(func() {
			_, err := b.Authenticate(ctx, &identity.Credentials{Token: sign(t, jose.RS256, "other", p.good(nil))})
			failed <- err
		})
	}
	<-arrived
	_, err = b.show(p.token(nil))
	require.NoError(t, err, "known keys do not wait")
	cancel()
	all.Wait()
	for range 3 {
		require.ErrorIs(t, <-failed, context.Canceled)
	}
	close(release)
}

// The keys' URL may be configured, and then the provider is not asked where they are.
func TestConfiguredKeys(t *testing.T) {
	p := newProvider(t)
	b := newBench(t, p, func(b *bench, c *Config) { c.Issuer, c.JWKSURL = "https://issuer.example", b.URL+"/keys" })
	id, err := b.show(p.token(set{"iss": "https://issuer.example"}))
	require.NoError(t, err)
	require.Equal(t, "ann", id.User)
}

// Discovery of an issuer that calls itself otherwise is not good.
func TestDiscoveryOfAnotherIssuer(t *testing.T) {
	p := newProvider(t)
	b := newBench(t, p, func(b *bench, c *Config) { c.Issuer = b.URL + "/" })
	_, err := b.show(p.token(set{"iss": p.URL + "/"}))
	require.Error(t, err)
	require.Contains(t, b.lines("WRN")[0], "did not match the issuer URL returned by provider")
}

// Who is here already is judged by the same token again, without the provider.
func TestRecheck(t *testing.T) {
	p := newProvider(t)
	b := newBench(t, p)
	c := &identity.Credentials{Token: p.token(set{"group": "B"})}
	was, err := b.Authenticate(t.Context(), c)
	require.NoError(t, err)
	p.behave(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })

	same := b.make(t, func(_ *bench, cfg *Config) { cfg.MaxPayload, cfg.Before = 5, b.Authenticator })
	require.Same(t, b.Authenticator.keys, same.keys)
	is, err := same.Recheck(t.Context(), c, was)
	require.NoError(t, err)
	require.Equal(t, 5, is.Limits.Payload)
	require.Equal(t, was.Expires, is.Expires)

	moved := b.make(t, func(_ *bench, cfg *Config) { cfg.AccountClaim = "group" })
	is, err = moved.Recheck(t.Context(), c, was)
	require.NoError(t, err)
	require.Equal(t, "B", is.Account.Name())

	b.accounts.Remove("B")
	_, err = moved.Recheck(t.Context(), c, was)
	require.ErrorIs(t, err, identity.ErrDenied)
	_, err = b.make(t, func(_ *bench, cfg *Config) { cfg.Audience = []string{"x"} }).Recheck(t.Context(), c, was)
	require.ErrorIs(t, err, identity.ErrDenied)
	_, err = b.make(t, func(_ *bench, cfg *Config) { cfg.Algorithms = []string{"ES256"} }).Recheck(t.Context(), c, was)
	require.ErrorIs(t, err, identity.ErrDenied)
	_, err = b.make(t, func(b *bench, cfg *Config) { cfg.JWKSURL = b.URL + "/other" }).Recheck(t.Context(), c, was)
	var e *proto.Error
	require.ErrorAs(t, err, &e, "another provider has to vouch for it")
	_, err = b.Recheck(t.Context(), c, &identity.Identity{Account: b.accounts.Get("A")})
	require.NoError(t, err, "it entered by somebody else, and the keys are known")

	old := &identity.Credentials{Token: p.token(set{"exp": time.Now().Unix() - 31})}
	_, err = b.Recheck(t.Context(), old, was)
	require.ErrorIs(t, err, proto.ErrUserExpired)
}

func TestManyAtATime(t *testing.T) {
	p := newProvider(t)
	b := newBench(t, p)
	good, bad := p.token(nil), sign(t, jose.RS256, "other", p.good(nil))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				text, want := good, error(nil)
				if i%2 == 1 {
					text, want = bad, identity.ErrDenied
				}
				if _, err := b.show(text); !errors.Is(err, want) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, b.asks.Load(), int64(2))
}

func TestConfigIsChecked(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"needs an audience":      func(c *Config) { c.Audience = nil },
		"skew is negative":       func(c *Config) { c.ClockSkew = -1 },
		`"HS256" is not an algo`: func(c *Config) { c.Algorithms = []string{"HS256"} },
		`"none" is not an algo`:  func(c *Config) { c.Algorithms = []string{"RS256", "none"} },
		"is not https":           func(c *Config) { c.Issuer = "http://192.0.2.1" },
		"jwks_url":               func(c *Config) { c.JWKSURL = "file:///etc/passwd" },
		"not the URL":            func(c *Config) { c.Issuer = "https://u:p@h/" },
		"ca_file":                func(c *Config) { c.CAFile = "/nowhere" },
		"no accounts":            func(c *Config) { c.Accounts = nil },
		"role 1 has no name":     func(c *Config) { c.Roles = []Role{{}} },
	} {
		cfg := Config{Issuer: "http://127.0.0.1:1", Audience: []string{"a"}, Accounts: func(string) *account.Account { return nil }}
		_, err := New(cfg)
		require.NoError(t, err)
		change(&cfg)
		_, err = New(cfg)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), ":p@")
	}
}

// Whatever is shown as a token, nothing breaks and nobody gets in.
func FuzzToken(f *testing.F) {
	a, err := New(Config{Issuer: "http://127.0.0.1:1", Audience: []string{"a"}, Accounts: func(string) *account.Account { return nil }})
	require.NoError(f, err)
	a.keys.mu.tried, a.keys.mu.fetched = time.Now().Add(time.Hour), time.Now().Add(time.Hour)
	f.Add(part(`{"alg":"RS256"}`) + "." + part(`{"iss":"x"}`) + ".c2ln")
	f.Add(part(`{"alg":"EdDSA","kid":7}`) + "." + part(`{`) + ".")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := a.Authenticate(t.Context(), &identity.Credentials{Token: text, JWT: text})
		require.Error(t, err)
		if tok := a.recognize(text); tok != nil {
			c, err := tok.unverified()
			if err == nil {
				_, err = a.admit(c, time.Now())
				require.Error(t, err)
			}
		}
	})
}
