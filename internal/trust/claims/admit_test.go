package claims

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
)

func TestDecodeSignature(t *testing.T) {
	raw := []byte(strings.Repeat("\xfb\xff", 32))
	for text, ok := range map[string]bool{
		base64.RawURLEncoding.EncodeToString(raw): true,
		base64.StdEncoding.EncodeToString(raw):    true,
		base64.URLEncoding.EncodeToString(raw):    false,
		base64.RawStdEncoding.EncodeToString(raw): false,
		"*":                                     false,
		strings.Repeat("A", longestSignature+1): false,
	} {
		sig, got := Signature(text)
		require.Equal(t, ok, got, text)
		if ok {
			require.Equal(t, raw, sig)
		}
	}
}

// visitor is somebody who may enter, until a test changes that.
type visitor struct {
	*world
	signing signer
	account func(*jwt.AccountClaims)
	user    func(*jwt.UserClaims)
	by      signer
	visit   func(*Visit)
	now     time.Time
}

const nonce = "AAAAAAAAAAAAAAA"

func newVisitor(t *testing.T) *visitor {
	w := newWorld(t)
	return &visitor{world: w, signing: newSigner(t, nkeys.CreateAccount), by: w.account, now: time.Now()}
}

// scope gives the signing key a scope and lets it sign.
func (v *visitor) scope(template func(*jwt.UserPermissionLimits)) {
	v.by = v.signing
	v.account = func(c *jwt.AccountClaims) {
		s := jwt.NewUserScope()
		s.Key = v.signing.public
		template(&s.Template)
		c.SigningKeys.AddScopedSigner(s)
	}
	v.user = func(c *jwt.UserClaims) { c.SetScoped(true) }
}

// enter tries to.
func (v *visitor) enter(t *testing.T) (*identity.Identity, error) {
	t.Helper()
	a := v.load(t, v.account)
	u := v.userClaims(t, v.by, v.user)
	sig, err := v.world.user.pair.Sign([]byte(nonce))
	require.NoError(t, err)
	visit := &Visit{User: u, Token: "token", Now: v.now, Account: account.NewRegistry().Get(account.Global),
		Credentials: &identity.Credentials{Nonce: nonce, Sig: base64.RawURLEncoding.EncodeToString(sig), Kind: identity.Standard, Remote: "10.1.2.3"}}
	if v.visit != nil {
		v.visit(visit)
	}
	if err := CheckUser(u, visit.Proxy != ""); err != nil {
		return nil, err
	}
	id, rights, err := a.Admit(visit)
	require.Equal(t, err == nil, id != nil && rights != nil)
	return id, err
}

// limits are those of a user.
func limits(subs, payload int) account.Limits {
	l := account.Unlimited()
	l.Subscriptions, l.Payload = subs, payload
	return l
}

// Each check has its line in the log, which operators search for.
func TestRefusals(t *testing.T) {
	other := func(t *testing.T) string { return newSigner(t, nkeys.CreateAccount).public }
	for name, c := range map[string]struct {
		change func(t *testing.T, v *visitor)
		debug  string
		log    string
		proxy  bool
	}{
		"proxy": {change: func(_ *testing.T, v *visitor) { v.user = func(u *jwt.UserClaims) { u.ProxyRequired = true } }, proxy: true},
		"expired": {change: func(_ *testing.T, v *visitor) { v.user = func(u *jwt.UserClaims) { u.Expires = 5 } },
			debug: "User JWT no longer valid: &{Issues:[claim is expired]}"},
		"not yet": {change: func(_ *testing.T, v *visitor) { v.user = func(u *jwt.UserClaims) { u.NotBefore = 1 << 40 } },
			debug: "User JWT no longer valid: &{Issues:[claim is not yet valid]}"},
		"issuer": {change: func(_ *testing.T, v *visitor) { v.by = v.signing }, debug: "User JWT issuer is not known"},
		"scoped": {change: func(_ *testing.T, v *visitor) {
			v.scope(func(*jwt.UserPermissionLimits) {})
			v.user = nil
		}, debug: "User JWT is not valid: scoped users require no permissions or limits set"},
		"template": {change: func(_ *testing.T, v *visitor) {
			v.scope(func(l *jwt.UserPermissionLimits) { l.Pub.Deny.Add("{{tag(x)}}") })
		}, debug: "User JWT generated invalid permissions"},
		"account expired": {change: func(_ *testing.T, v *visitor) { v.visit = func(v *Visit) { v.Expired = true } }, debug: "Account JWT has expired"},
		"bearer": {change: func(_ *testing.T, v *visitor) {
			v.account = func(c *jwt.AccountClaims) { c.Limits.DisallowBearer = true }
			v.user = func(u *jwt.UserClaims) { u.BearerToken = true }
		}, debug: "Account does not allow bearer tokens"},
		"template's proxy": {change: func(_ *testing.T, v *visitor) {
			v.scope(func(l *jwt.UserPermissionLimits) { l.ProxyRequired = true })
		}, proxy: true},
		"kinds": {change: func(_ *testing.T, v *visitor) {
			v.user = func(u *jwt.UserClaims) { u.AllowedConnectionTypes.Add("FOO") }
		}, debug: `invalid connection types ["FOO"]`},
		"kind": {change: func(_ *testing.T, v *visitor) {
			v.user = func(u *jwt.UserClaims) { u.AllowedConnectionTypes.Add("FOO", "mqtt") }
		}, debug: "Connection type not allowed"},
		"no signature": {change: func(_ *testing.T, v *visitor) { v.visit = func(v *Visit) { v.Credentials.Sig = "" } }, debug: "Signature missing"},
		"no base64":    {change: func(_ *testing.T, v *visitor) { v.visit = func(v *Visit) { v.Credentials.Sig = "*" } }, debug: "Signature not valid base64"},
		"no key": {change: func(_ *testing.T, v *visitor) { v.visit = func(v *Visit) { v.User.Subject = "U" } },
			debug: "User nkey not valid: nkeys: invalid encoded key"},
		"key of another kind": {change: func(t *testing.T, v *visitor) { id := other(t); v.visit = func(v *Visit) { v.User.Subject = id } },
			debug: "User nkey not valid: nkeys: invalid public key"},
		"signature": {change: func(_ *testing.T, v *visitor) { v.visit = func(v *Visit) { v.Credentials.Nonce = "B" } }, debug: "Signature not verified"},
		"no nonce":  {change: func(_ *testing.T, v *visitor) { v.visit = func(v *Visit) { v.Credentials.Nonce = "" } }, debug: "Signature not verified"},
		"revoked": {change: func(_ *testing.T, v *visitor) {
			v.account = func(c *jwt.AccountClaims) { c.Revocations = jwt.RevocationList{"*": time.Now().Unix() + 5} }
		}, debug: "User authentication revoked"},
		"source": {change: func(_ *testing.T, v *visitor) { v.user = func(u *jwt.UserClaims) { u.Src.Add("192.168.0.0/16") } },
			log: "Bad src Ip 10.1.2.3"},
		"time": {change: func(_ *testing.T, v *visitor) {
			v.user = func(u *jwt.UserClaims) {
				u.Times, u.Locale = []jwt.TimeRange{{Start: "08:00:00", End: "09:00:00"}}, "UTC"
			}
			v.now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		}, log: "Outside connect times"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t)
			_, err := v.enter(t)
			require.NoError(t, err)
			c.change(t, v)
			_, err = v.enter(t)
			var r *Refusal
			require.ErrorAs(t, err, &r)
			require.Equal(t, c.debug, r.Debug)
			require.Equal(t, c.log, r.Log)
			if c.proxy {
				require.ErrorIs(t, err, identity.ErrProxyRequired)
				v.visit = func(v *Visit) { v.Proxy = "P" }
				id, err := v.enter(t)
				require.NoError(t, err)
				require.Equal(t, "P", id.Proxy)
				return
			}
			require.ErrorIs(t, err, identity.ErrDenied)
		})
	}
}

func TestWhoAUserBecomes(t *testing.T) {
	v := newVisitor(t)
	v.account = func(c *jwt.AccountClaims) { c.DefaultPermissions.Pub.Allow.Add("default.>") }
	id, err := v.enter(t)
	require.NoError(t, err)
	require.Equal(t, account.Unlimited(), id.Limits)
	require.True(t, id.Permissions.MayPublish([]byte("default.x")))
	require.False(t, id.Permissions.MayPublish([]byte("x")))
	require.Zero(t, id.Expires)
	require.Equal(t, v.world.user.public, id.NKey)
	require.Equal(t, &identity.Claims{Token: "token", Name: "alice", IssuerKey: v.world.account.public}, id.Claims)

	end := time.Now().Unix() + 100
	v.user = func(u *jwt.UserClaims) {
		u.Pub.Allow.Add("own")
		u.Expires, u.Limits.Subs, u.Limits.Payload = end, 7, -5
		u.Tags.Add("t:1")
		u.Resp = &jwt.ResponsePermission{MaxMsgs: 3}
		u.AllowedConnectionTypes.Add("standard")
		u.Src.Add("10.0.0.0/8")
	}
	id, err = v.enter(t)
	require.NoError(t, err)
	require.Equal(t, limits(7, -1), id.Limits)
	require.True(t, id.Permissions.MayPublish([]byte("own")))
	require.False(t, id.Permissions.MayPublish([]byte("default.x")))
	require.Equal(t, 3, id.Permissions.Responses().Max)
	require.Equal(t, time.Unix(end, 0), id.Expires)
	require.Equal(t, []string{"t:1"}, id.Claims.Tags)
}

// A user without limits in a token of version 2 may do nothing.
func TestMissingLimitsAreZero(t *testing.T) {
	v := newVisitor(t)
	v.user = func(u *jwt.UserClaims) { u.SetScoped(true) }
	id, err := v.enter(t)
	require.NoError(t, err)
	require.Equal(t, limits(0, 0), id.Limits)
}

// A scope replaces all that the user brings, and a bearer needs no signature.
func TestScopesAndBearers(t *testing.T) {
	v := newVisitor(t)
	v.scope(func(l *jwt.UserPermissionLimits) {
		l.Pub.Allow.Add("u.{{name()}}")
		l.Payload, l.BearerToken = 9, true
		l.Times, l.Locale = []jwt.TimeRange{{Start: "08:00:00", End: "10:00:00"}}, "UTC"
	})
	v.now = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	v.visit = func(v *Visit) { v.Credentials.Sig = "" }
	id, err := v.enter(t)
	require.NoError(t, err)
	require.Equal(t, limits(-1, 9), id.Limits)
	require.True(t, id.Permissions.MayPublish([]byte("u.alice")))
	require.False(t, id.Permissions.MayPublish([]byte("u.bob")))
	require.True(t, id.Claims.Bearer)
	require.True(t, time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC).Equal(id.Expires))

	v.scope(func(*jwt.UserPermissionLimits) {})
	v.visit = nil
	id, err = v.enter(t)
	require.NoError(t, err)
	require.Nil(t, id.Permissions, "a scope without permissions leaves the defaults")
}

// Entries that the JWT library takes and nothing can match do no harm.
func TestImpossiblePermissions(t *testing.T) {
	v := newVisitor(t)
	v.user = func(u *jwt.UserClaims) { u.Pub.Allow.Add("a.>.b") }
	id, err := v.enter(t)
	require.NoError(t, err)
	require.False(t, id.Permissions.MayPublish([]byte("x")), "it is not as if there was no list")
	v.user = func(u *jwt.UserClaims) { u.Pub.Deny.Add("a.>.b") }
	_, err = v.enter(t)
	require.EqualError(t, err, "User JWT generated invalid permissions")
}

func TestPlainRights(t *testing.T) {
	w := newWorld(t)
	r, err := PlainRights(w.userClaims(t, w.account, func(u *jwt.UserClaims) { u.Sub.Allow.Add("a") }))
	require.NoError(t, err)
	require.True(t, r.Permissions.MaySubscribe("a", ""))
	require.False(t, r.Default)
	_, err = PlainRights(w.userClaims(t, w.account, func(u *jwt.UserClaims) { u.Sub.Deny.Add("a.>.b") }))
	require.ErrorIs(t, err, ErrTemplate)
}
