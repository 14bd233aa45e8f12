package auth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
)

// Who stays after the logins were replaced, who goes, and with which word.
func TestRecheck(t *testing.T) {
	a := home()
	key, other := newSigner(t, nkeys.CreateUser), newSigner(t, nkeys.CreateUser)
	hash, same, another := hashed(t, "a", "p", bcrypt.MinCost), hashed(t, "a", "p", bcrypt.MinCost), hashed(t, "a", "q", bcrypt.MinCost)
	alice := identity.Credentials{User: "alice", Pass: "p"}
	token := identity.Credentials{Token: "t"}
	signed := identity.Credentials{NKey: key.public, Nonce: "n", Sig: base64.RawURLEncoding.EncodeToString(key.sign("n"))}
	unsigned := identity.Credentials{NKey: key.public, Nonce: "n"}
	nobody := identity.Credentials{}
	named := func(pass string) Config { return Config{Users: []User{{Name: "alice", Password: pass}}} }
	keyed := func(s signer) Config { return Config{Users: []User{{NKey: s.public}}} }
	unasked := func(cfg Config, name string) Config { cfg.NoAuthUser = name; return cfg }
	two := Config{Users: []User{{Name: "alice", Password: "p"}, {Name: "guest"}}}
	for _, c := range []struct {
		name          string
		before, after Config
		c             identity.Credentials
		want          error
	}{
		{"same password", named("p"), named("p"), alice, nil},
		{"other password", named("p"), named("q"), alice, identity.ErrDenied},
		{"password is a hash now", named("p"), named(hash), alice, nil},
		{"hash is a password now", named(hash), named("p"), alice, nil},
		{"hash of the same password", named(hash), named(same), alice, nil},
		{"hash of another password", named(hash), named(another), alice, identity.ErrDenied},
		{"hash that is none", named(hash), named("$2a$11$x"), alice, identity.ErrDenied},
		{"turned off", named("p"), Config{Users: []User{{Name: "alice", Password: "p", Kinds: []identity.Kind{"MQTT"}}}}, alice, identity.ErrDenied},
		{"no such user", named("p"), Config{Users: []User{}}, alice, identity.ErrGone},
		{"users give way to a token", named("p"), Config{Token: "p"}, alice, identity.ErrGone},
		{"only by certificate", named("p"), Config{Users: []User{{Name: "alice", CertificateOnly: true}}}, alice, identity.ErrDenied},
		{"same token", Config{Token: "t"}, Config{Token: "t"}, token, nil},
		{"other token", Config{Token: "t"}, Config{Token: "u"}, token, identity.ErrDenied},
		{"hash of the token", Config{Token: "t"}, Config{Token: hashed(t, "a", "t", bcrypt.MinCost)}, token, nil},
		{"no token", Config{Token: "t"}, named("p"), token, identity.ErrDenied},
		{"same nkey", keyed(key), keyed(key), signed, nil},
		{"other nkey", keyed(key), keyed(other), signed, identity.ErrGone},
		{"no user for nobody", unasked(two, "guest"), two, nobody, identity.ErrDenied},
		{"other user for nobody", unasked(two, "guest"), unasked(two, "alice"), nobody, nil},
		{"a named user is no longer for nobody", unasked(two, "alice"), two, alice, nil},
		{"unsigned nkey counts no more", unasked(keyed(key), key.public), keyed(key), unsigned, identity.ErrDenied},
		{"signed nkey still counts", unasked(keyed(key), key.public), keyed(key), signed, nil},
		{"unsigned nkey still counts", unasked(keyed(key), key.public), unasked(keyed(key), key.public), unsigned, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, inherits := range []bool{true, false} {
				c.before.Account, c.after.Account = a, a
				for _, cfg := range []*Config{&c.before, &c.after} {
					for i := range cfg.Users {
						cfg.Users[i].Account = a
					}
				}
				old, _ := newLogins(t, c.before)
				was, err := try(t, old, c.c)
				require.NoError(t, err)
				if c.after.Before = nil; inherits {
					c.after.Before = old
				}
				l, _ := newLogins(t, c.after)
				c.c.Kind = identity.Standard
				for range 2 { // also by what it remembers
					id, err := l.Recheck(t.Context(), &c.c, was)
					require.ErrorIs(t, err, c.want)
					require.Equal(t, err == nil, id != nil)
					if id != nil {
						require.NotSame(t, was, id)
						again, err := l.Recheck(t.Context(), &c.c, id)
						require.NoError(t, err)
						require.Same(t, id, again)
					}
				}
			}
		})
	}
}

// An identity has what is configured now.
func TestRecheckBringsWhatIsNew(t *testing.T) {
	old, _ := newLogins(t, Config{Users: []User{{Name: "alice", Password: "p"}}})
	c := &identity.Credentials{User: "alice", Pass: "p", Kind: identity.Standard}
	was, err := old.Authenticate(t.Context(), c)
	require.NoError(t, err)
	rights, b := &perm.Permissions{}, home()
	l, _ := newLogins(t, Config{Before: old, Users: []User{{Name: "alice", Password: "p", Account: b, Permissions: rights, Limits: account.Limits{Payload: 3}}}})
	id, err := l.Recheck(t.Context(), c, was)
	require.NoError(t, err)
	require.Same(t, b, id.Account)
	require.Same(t, rights, id.Permissions)
	require.Equal(t, 3, id.Limits.Payload)
}

// Two changes between two checks of a connection: both count.
func TestRecheckAfterSeveralChanges(t *testing.T) {
	cfg := func(before identity.Authenticator, pass string) Config {
		return Config{Before: before, Users: []User{{Name: "alice", Password: pass}}}
	}
	c := &identity.Credentials{User: "alice", Pass: "p", Kind: identity.Standard}
	first, _ := newLogins(t, cfg(nil, "p"))
	was, err := first.Authenticate(t.Context(), c)
	require.NoError(t, err)
	second, _ := newLogins(t, cfg(first, "q"))
	third, _ := newLogins(t, cfg(second, "q"))
	_, err = third.Recheck(t.Context(), c, was)
	require.ErrorIs(t, err, identity.ErrDenied)
}

// Who entered when nobody was asked is asked now.
func TestRecheckOfStrangers(t *testing.T) {
	a := home()
	l, _ := newLogins(t, Config{Account: a, Before: NewOpen(a), Users: []User{{Name: "alice", Password: "p"}}})
	was, err := NewOpen(a).Authenticate(t.Context(), nil)
	require.NoError(t, err)
	for c, want := range map[*identity.Credentials]error{
		{User: "alice", Pass: "p"}: nil,
		{User: "alice", Pass: "q"}: identity.ErrDenied,
		{User: "bob"}:              identity.ErrDenied,
		{}:                         identity.ErrDenied,
	} {
		_, err := l.Recheck(t.Context(), c, was)
		require.ErrorIs(t, err, want)
	}
	id, err := NewOpen(a).Recheck(t.Context(), &identity.Credentials{User: "alice"}, was)
	require.NoError(t, err)
	require.Same(t, a, id.Account)
}

// The proxy must still be trusted; its signature is not verified again.
func TestRecheckOfProxies(t *testing.T) {
	one, two := newSigner(t, nkeys.CreateAccount), newSigner(t, nkeys.CreateAccount)
	users := []User{{Name: "alice", Password: "p", ProxyRequired: true}}
	old, _ := newLogins(t, Config{Users: users, Proxies: []string{one.public, two.public}})
	c := &identity.Credentials{User: "alice", Pass: "p", Kind: identity.Standard, Nonce: "n", ProxySig: base64.RawURLEncoding.EncodeToString(one.sign("n"))}
	was, err := old.Authenticate(t.Context(), c)
	require.NoError(t, err)
	for _, s := range []struct {
		proxies []string
		want    error
	}{{[]string{one.public}, nil}, {[]string{two.public}, identity.ErrProxyNotTrusted}, {nil, identity.ErrProxyNotTrusted}} {
		l, _ := newLogins(t, Config{Before: old, Users: users, Proxies: s.proxies})
		id, err := l.Recheck(t.Context(), c, was)
		require.ErrorIs(t, err, s.want)
		if err == nil {
			require.Equal(t, one.public, id.Proxy)
		}
	}
}

// Many clients of one user cost nothing if its hash stays, and one computation if it does not,
// whether their password is good or not. Failures are not held against their address.
func TestRecheckOfManyComputesOnce(t *testing.T) {
	const clients = 500
	most := int64(abreastIn(t))
	hash := hashed(t, "a", "right", bcrypt.MinCost)
	for _, c := range []struct {
		name, hash string
		most       int64
		want       error
	}{
		{"same hash", hash, 0, nil},
		{"new hash", hashed(t, "a", "right", bcrypt.MinCost), most, nil},
		{"other password", hashed(t, "a", "q", bcrypt.MinCost), most, identity.ErrDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, _ := newLogins(t, Config{Users: []User{{Name: "alice", Password: hash}}})
			creds := &identity.Credentials{User: "alice", Pass: "right", Kind: identity.Standard, Remote: "10.0.0.1"}
			was, err := old.Authenticate(t.Context(), creds)
			require.NoError(t, err)
			l, _ := newLogins(t, Config{Before: old, Users: []User{{Name: "alice", Password: c.hash}}})
			done, _ := rounds(t, l)
			if c.want != nil { // rounds knows no other password
				l.checker.compare = func([]byte, []byte) error { done.Add(1 << bcrypt.MinCost); return bcrypt.ErrMismatchedHashAndPassword }
			}
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					_, err := l.Recheck(t.Context(), creds, was)
					if fmt.Sprint(err) != fmt.Sprint(c.want) {
						t.Errorf("got %v", err)
					}
				})
			}
			all.Wait()
			require.LessOrEqual(t, done.Load(), c.most<<bcrypt.MinCost)
			require.Empty(t, l.brake.known)
		})
	}
}

// abreastIn is how many computations a checker does at a time.
func abreastIn(t *testing.T) int {
	l, _ := newLogins(t, Config{Token: "t"})
	return cap(l.checker.turns)
}

// What was remembered of passwords and failures is taken over: a login after the change costs no
// computation, and an address that was slowed down still is.
func TestNewLoginsRemember(t *testing.T) {
	hash := hashed(t, "a", "p", bcrypt.MinCost)
	users := []User{{Name: "alice", Password: hash}}
	old, _ := newLogins(t, Config{Users: users, Token: hash})
	c := identity.Credentials{User: "alice", Pass: "p"}
	_, err := try(t, old, c)
	require.NoError(t, err)
	ip, ok := prefixOf("10.0.0.1")
	require.True(t, ok)
	for range failures + 1 {
		old.brake.fail(ip, time.Now())
	}
	l, _ := newLogins(t, Config{Users: users, Token: hash, Before: old})
	done, _ := rounds(t, l)
	_, err = try(t, l, c)
	require.NoError(t, err)
	require.Zero(t, done.Load())
	require.NotNil(t, l.brake.lane(ip, "alice"))

	fresh, _ := newLogins(t, Config{Users: []User{{Name: "alice", Password: hashed(t, "a", "p", bcrypt.MinCost)}}, Before: old})
	require.Nil(t, fresh.users["alice"].secret.known.Load(), "of another hash nothing is known")
}

// A check that takes too long ends with its context.
func TestRecheckEnds(t *testing.T) {
	old, _ := newLogins(t, Config{Users: []User{{Name: "alice", Password: "p"}}})
	c := &identity.Credentials{User: "alice", Pass: "p", Kind: identity.Standard}
	was, err := old.Authenticate(t.Context(), c)
	require.NoError(t, err)
	l, _ := newLogins(t, Config{Before: old, Users: []User{{Name: "alice", Password: hashed(t, "a", "p", bcrypt.MinCost)}}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Recheck(ctx, c, was)
	require.ErrorIs(t, err, context.Canceled)
}

// Who entered by a certificate is who it names now.
func TestRecheckOfCertificates(t *testing.T) {
	cert := certified(t, x509.Certificate{EmailAddresses: []string{"first@x", "second@x"}})
	a := home()
	cfg := func(users ...User) Config { return Config{Certificates: true, Users: users, Account: a} }
	c := &identity.Credentials{Certificates: cert, User: "claims", Kind: identity.Standard}
	old, _ := newLogins(t, cfg(User{Name: "second@x", CertificateOnly: true}))
	was, err := old.Authenticate(t.Context(), c)
	require.NoError(t, err)
	for _, s := range []struct {
		users []User
		want  error
		name  string
	}{
		{[]User{{Name: "second@x", CertificateOnly: true}}, nil, "second@x"},
		{[]User{{Name: "second@x"}, {Name: "first@x"}}, nil, "first@x"},
		{[]User{{Name: "second@x"}, {Name: "first@x", Password: "p"}}, identity.ErrDenied, ""},
		{[]User{{Name: "third@x"}}, identity.ErrGone, ""},
	} {
		l, log := newLogins(t, cfg(s.users...))
		id, err := l.Recheck(t.Context(), c, was)
		require.ErrorIs(t, err, s.want)
		if err == nil {
			require.Equal(t, s.name, id.User)
		}
		require.Empty(t, log.text())
	}
}
