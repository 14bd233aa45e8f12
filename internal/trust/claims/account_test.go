package claims

import (
	"encoding/base64"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
)

// to sets the field that old imports have in place of a local subject.
func to(i jwt.Import, subject jwt.Subject) *jwt.Import {
	i.To = subject //lint:ignore SA1019 it is still read
	return &i
}

func TestWhatAnAccountBecomes(t *testing.T) {
	w := newWorld(t)
	other, signing := newSigner(t, nkeys.CreateAccount), newSigner(t, nkeys.CreateAccount)
	act := jwt.NewActivationClaims(w.account.public)
	act.ImportSubject, act.ImportType, act.IssuerAccount, act.Expires = "priv.>", jwt.Stream, other.public, 4_000_000_000
	token := signing.signs(act)
	a := w.load(t, func(c *jwt.AccountClaims) {
		c.Limits.Conn, c.Limits.Subs, c.Limits.Payload = -7, 1<<40, 3
		c.Tags.Add("blue")
		c.SigningKeys.Add(signing.public)
		c.Exports.Add(
			&jwt.Export{Name: "n", Subject: "a.*", Type: jwt.Service, AccountTokenPosition: 2, ResponseType: jwt.ResponseTypeStream,
				ResponseThreshold: time.Second, Latency: &jwt.ServiceLatency{Sampling: 5, Results: "lat"}, AllowTrace: true},
			&jwt.Export{Subject: "b", Type: jwt.Stream, TokenReq: true, Revocations: jwt.RevocationList{"*": 5}},
			&jwt.Export{Subject: "c", Type: jwt.Service, ResponseType: jwt.ResponseTypeChunked})
		c.Imports.Add(
			to(jwt.Import{Account: other.public, Subject: "s1", Type: jwt.Stream}, "pre"),
			&jwt.Import{Account: other.public, Subject: "s2.*", LocalSubject: "l.$1", Type: jwt.Stream, AllowTrace: true},
			to(jwt.Import{Account: other.public, Subject: "s3.here", Type: jwt.Service, Share: true}, "s3.there"),
			&jwt.Import{Account: other.public, Subject: "s4.there", LocalSubject: "s4.here", Type: jwt.Service},
			&jwt.Import{Account: other.public, Subject: "priv.s5", Type: jwt.Stream, Token: token})
		c.Mappings = jwt.Mapping{"z": {{Subject: "y"}}, "m": {{Subject: "m1", Weight: 30}, {Subject: "m2", Weight: 70, Cluster: "c"}}}
	})
	s := a.Spec()
	require.Equal(t, account.Limits{Connections: -1, Subscriptions: math.MaxInt32, Payload: 3, Leafnodes: -1}, s.Limits)
	require.Equal(t, w.account.public, s.Name)
	require.Equal(t, "team", s.Tag)
	require.Equal(t, []string{"blue"}, a.Tags)
	require.Equal(t, map[string]struct{}{signing.public: {}}, s.Signers)
	require.Equal(t, []account.Export{
		{Kind: account.Service, Subject: "a.*", Title: "n", TokenPosition: 2, Response: account.Streamed, Threshold: time.Second,
			Latency: &account.Latency{Sampling: 5, Subject: "lat"}, AllowTrace: true},
		{Kind: account.Stream, Subject: "b", TokenRequired: true, Revoked: map[string]int64{"*": 5}},
		{Kind: account.Service, Subject: "c", Response: account.Chunked},
	}, s.Exports)
	require.Len(t, s.Imports, 5)
	for _, i := range s.Imports {
		require.Equal(t, other.public, i.Account)
		switch i.LocalSubject() {
		case "pre.s1":
			require.Equal(t, "s1", i.Subject)
		case "l.$1":
			require.Equal(t, "s2.*", i.Subject)
			require.True(t, i.AllowTrace)
		case "s3.here":
			require.Equal(t, "s3.there", i.Subject)
			require.True(t, i.Share)
		case "s4.here":
			require.Equal(t, "s4.there", i.Subject)
		case "priv.s5":
			require.Equal(t, "priv.>", i.Grant.Subject)
			require.Equal(t, signing.public, i.Grant.Issuer)
			require.Equal(t, other.public, i.Grant.IssuerAccount)
			require.EqualValues(t, 4_000_000_000, i.Grant.Expires)
			require.NotZero(t, i.Grant.Issued)
		default:
			t.Fatal(i)
		}
	}
	require.Equal(t, []account.Mapping{
		{Source: "m", Destinations: []account.Destined{{Subject: "m1", Weight: 30}, {Subject: "m2", Weight: 70, Cluster: "c"}}},
		{Source: "z", Destinations: []account.Destined{{Subject: "y", Weight: 100}}},
	}, s.Mappings)
	require.Equal(t, time.Unix(4_000_000_000, 0), a.NextChange(time.Now()))
	require.Zero(t, a.NextChange(time.Unix(4_000_000_000, 0)))
	s.Imports = append(s.Imports, account.Import{})
	require.Len(t, a.Spec().Imports, 5)
}

func TestAccountsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*jwt.AccountClaims){
		"too many exports": func(c *jwt.AccountClaims) {
			c.Limits.Exports = 0
			c.Exports.Add(&jwt.Export{Subject: "a", Type: jwt.Stream})
		},
		"line break in an import": func(c *jwt.AccountClaims) {
			c.Imports.Add(&jwt.Import{Account: w.user.public, Subject: "a", LocalSubject: "b\r\nPUB", Type: jwt.Stream})
		},
		"line break in a mapping": func(c *jwt.AccountClaims) {
			c.Mappings = jwt.Mapping{"a": {{Subject: "b\r\nPUB"}}}
		},
		"tab in an export": func(c *jwt.AccountClaims) {
			c.Exports.Add(&jwt.Export{Subject: "a\tb", Type: jwt.Stream})
		},
		"wildcard in the middle": func(c *jwt.AccountClaims) {
			c.Exports.Add(&jwt.Export{Subject: "a.>.b", Type: jwt.Stream})
		},
		"impossible denial": func(c *jwt.AccountClaims) { c.DefaultPermissions.Pub.Deny.Add("a.>.b") },
		"foreign token": func(c *jwt.AccountClaims) {
			c.Imports.Add(&jwt.Import{Account: w.account.public, Subject: "a", Type: jwt.Stream, Token: "http://host/token"})
		},
	} {
		_, err := w.try(change)
		require.Error(t, err, name)
	}
	self := jwt.NewAccountClaims(w.account.public)
	_, err := NewAccount(w.account.signs(self), w.operators)
	require.ErrorIs(t, err, ErrUntrusted, "nobody vouches for itself")
	stranger := newSigner(t, nkeys.CreateOperator)
	_, err = NewAccount(stranger.signs(self), w.operators)
	require.ErrorIs(t, err, ErrUntrusted)
	body := fmt.Sprintf(`{"iss":%q,"sub":%q,"nats":{"type":"account","version":2}}`, w.operator.public, w.user.public)
	_, err = NewAccount(w.operator.forge(headerNew, body, base64.RawURLEncoding, false), w.operators)
	require.ErrorIs(t, err, ErrSubject)
}

func TestRevocations(t *testing.T) {
	w := newWorld(t)
	a := w.load(t, func(c *jwt.AccountClaims) { c.Revocations = jwt.RevocationList{"U": 10, "*": 5} })
	for _, c := range []struct {
		user   string
		issued int64
		want   bool
	}{{"U", 9, true}, {"U", 10, true}, {"U", 11, false}, {"V", 4, true}, {"V", 5, true}, {"V", 6, false}} {
		require.Equal(t, c.want, a.Revoked(c.user, c.issued), c)
	}
	require.Equal(t, time.Unix(10, 0), a.Revocations()["U"])
	require.False(t, w.load(t, nil).Revoked("U", 0))
}

// With strict signing keys, the own keys of operators and accounts sign nothing but activations.
func TestStrictSigningKeys(t *testing.T) {
	w := newWorld(t)
	identity, signing, accountKey := newSigner(t, nkeys.CreateOperator), newSigner(t, nkeys.CreateOperator), newSigner(t, nkeys.CreateAccount)
	c := jwt.NewOperatorClaims(identity.public)
	c.SigningKeys.Add(signing.public)
	c.StrictSigningKeyUsage = true
	strict, err := NewOperators([]*jwt.OperatorClaims{c}, []string{w.operator.public})
	require.NoError(t, err)
	claims := jwt.NewAccountClaims(w.account.public)
	claims.SigningKeys.Add(accountKey.public)

	_, err = NewAccount(identity.signs(claims), strict)
	require.ErrorIs(t, err, ErrStrict)
	require.EqualError(t, err, "operator requires issuer to be a signing key")
	a, err := NewAccount(signing.signs(claims), strict)
	require.NoError(t, err)
	require.False(t, a.Signs(w.account.public))
	require.True(t, a.Signs(accountKey.public))
	_, err = a.Rights(w.userClaims(t, w.account, nil))
	require.ErrorIs(t, err, ErrUnknownIssuer)
	_, err = a.Rights(w.userClaims(t, accountKey, nil))
	require.NoError(t, err)
	lax, err := NewAccount(w.operator.signs(claims), strict)
	require.NoError(t, err)
	require.True(t, lax.Signs(w.account.public), "the other operator is not strict")
}

func TestCallout(t *testing.T) {
	w := newWorld(t)
	require.Nil(t, w.load(t, nil).Callout)
	other := newSigner(t, nkeys.CreateAccount).public
	a := w.load(t, func(c *jwt.AccountClaims) {
		c.EnableExternalAuthorization(w.user.public)
		c.Authorization.AllowedAccounts.Add(other)
	})
	require.Equal(t, &Callout{Users: []string{w.user.public}, Accounts: []string{other}}, a.Callout)
}

// Activation tokens in the oldest encoding count, too.
func TestOldActivations(t *testing.T) {
	w := newWorld(t)
	exporter := newSigner(t, nkeys.CreateAccount)
	token := inSeed(t, exporter.old("activation", w.account.public, `{"subject":"a.>","type":"stream"}`, base64.RawStdEncoding))
	a := w.load(t, func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Account: exporter.public, Subject: "a.b", Type: jwt.Stream, Token: token})
	})
	require.Equal(t, "a.>", a.Spec().Imports[0].Grant.Subject)
	for _, bad := range []jwt.Import{
		{Account: exporter.public, Subject: "b", Type: jwt.Stream}, {Account: exporter.public, Subject: "a.b", Type: jwt.Service},
		{Account: w.account.public, Subject: "a.b", Type: jwt.Stream},
	} {
		bad.Token = token
		_, err := w.try(func(c *jwt.AccountClaims) { c.Imports.Add(&bad) })
		require.ErrorContains(t, err, "activation token doesn't match import")
	}
}

func TestSameSignerAndDefaults(t *testing.T) {
	w := newWorld(t)
	key := newSigner(t, nkeys.CreateAccount).public
	scoped := func(subject string) func(*jwt.AccountClaims) {
		return func(c *jwt.AccountClaims) {
			s := jwt.NewUserScope()
			s.Key, s.Role = key, subject
			s.Template.Pub.Allow.Add(subject)
			c.SigningKeys.AddScopedSigner(s)
		}
	}
	plainKey := func(c *jwt.AccountClaims) { c.SigningKeys.Add(key) }
	none, with, a, b := w.load(t, nil), w.load(t, plainKey), w.load(t, scoped("a")), w.load(t, scoped("b"))
	require.True(t, with.SameSigner(key, w.load(t, plainKey)))
	require.True(t, a.SameSigner(key, w.load(t, scoped("a"))))
	for _, pair := range [][2]*Account{{none, with}, {with, none}, {with, a}, {a, with}, {a, b}} {
		require.False(t, pair[0].SameSigner(key, pair[1]))
	}
	require.True(t, none.SameSigner(w.account.public, with))

	defaults := func(subject string) *Account {
		return w.load(t, func(c *jwt.AccountClaims) { c.DefaultPermissions.Sub.Allow.Add(subject) })
	}
	require.True(t, defaults("a").SameDefaults(defaults("a")))
	require.False(t, defaults("a").SameDefaults(defaults("b")))
	require.False(t, defaults("a").SameDefaults(none))
}
