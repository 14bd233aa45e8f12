package callout

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/trust/accounts"
	"github.com/baridmq/barid/internal/trust/claims"
)

// tenants are the accounts of an operator.
type tenants struct {
	w        *world
	operator key
	trusted  *claims.Operators

	mu   sync.Mutex
	all  map[string]*accounts.Tenant
	down bool // accounts cannot be loaded
}

func newTenants(w *world) *tenants {
	ts := &tenants{w: w, operator: newKey(w.t, nkeys.CreateOperator), all: map[string]*accounts.Tenant{}}
	var err error
	ts.trusted, err = claims.NewOperators(nil, []string{ts.operator.public})
	require.NoError(w.t, err)
	return ts
}

// put makes or changes the account of k.
func (ts *tenants) put(k key, change func(*jwt.AccountClaims)) *accounts.Tenant {
	ts.w.t.Helper()
	c := jwt.NewAccountClaims(k.public)
	if change != nil {
		change(c)
	}
	token, err := c.Encode(ts.operator)
	require.NoError(ts.w.t, err)
	a, err := claims.NewAccount(token, ts.trusted)
	require.NoError(ts.w.t, err)
	t := &accounts.Tenant{ID: k.public, Token: token, Claims: a, Account: ts.w.account(k.public)}
	ts.mu.Lock()
	ts.all[k.public] = t
	ts.mu.Unlock()
	return t
}

func (ts *tenants) Loaded(id string) *accounts.Tenant {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.all[id]
}

func (ts *tenants) Lookup(_ context.Context, id string) (*accounts.Tenant, error) {
	if t := ts.Loaded(id); t != nil {
		return t, nil
	}
	return nil, accounts.ErrMissing
}

func (ts *tenants) Claimed(ctx context.Context, c *identity.Credentials) (*accounts.Tenant, *jwt.UserClaims, func() (*identity.Identity, error)) {
	enter := func() (*identity.Identity, error) { return ts.w.next.Authenticate(ctx, c) }
	u, err := claims.DecodeUser(c.JWT)
	switch {
	case err != nil:
		return nil, nil, enter
	case ts.down:
		return nil, nil, func() (*identity.Identity, error) { return nil, identity.ErrDenied }
	}
	return ts.Loaded(claims.AccountOf(u)), u, enter
}

// floor is an operator whose account AUTH has a service, and whose account APP its users are for.
type floor struct {
	*world
	tenants              *tenants
	auth                 *Authenticator
	home, app            key
	signer, scoped, user key
	sentinel             string
}

func newFloor(t *testing.T, change func(*jwt.AccountClaims)) *floor {
	f := &floor{world: newWorld(t)}
	f.tenants = newTenants(f.world)
	f.home, f.app = newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateAccount)
	f.signer, f.scoped = newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateAccount)
	f.user = newKey(t, nkeys.CreateUser)
	f.tenants.put(f.home, func(c *jwt.AccountClaims) {
		c.Authorization.AuthUsers.Add(f.user.public)
		c.Authorization.AllowedAccounts.Add(f.app.public)
		c.SigningKeys.Add(f.signer.public)
		if change != nil {
			change(c)
		}
	})
	f.tenants.put(f.app, f.appClaims)
	cfg := f.config()
	cfg.Operators = f.tenants
	var err error
	f.auth, err = New(cfg)
	require.NoError(t, err)
	f.sentinel = userJWT(t, newKey(t, nkeys.CreateUser).public, f.home, func(u *jwt.UserClaims) {
		u.Name = "sentinel"
		u.BearerToken = true
		u.Tags.Add("guard")
	})
	return f
}

// appClaims has a key whose users get permissions by their names.
func (f *floor) appClaims(c *jwt.AccountClaims) {
	c.DefaultPermissions.Pub.Allow.Add("default")
	s := jwt.NewUserScope()
	s.Key = f.scoped.public
	s.Template.Pub.Allow.Add("of.{{name()}}.>")
	s.Template.Subs = 9
	c.SigningKeys.AddScopedSigner(s)
}

func (f *floor) enter(token string) (*identity.Identity, error) {
	return f.auth.Authenticate(context.Background(), &identity.Credentials{JWT: token, Kind: identity.Standard, Remote: "10.0.0.1", ID: 7})
}

// into answers with a user of the account APP, signed by its own key.
func (f *floor) into(change func(*jwt.UserClaims)) func(*jwt.AuthorizationRequestClaims) string {
	return func(r *jwt.AuthorizationRequestClaims) string {
		return response(f.t, r, userJWT(f.t, r.UserNkey, f.app, change), f.home, nil)
	}
}

// byScope answers with a user of the scoped key.
func (f *floor) byScope(change func(*jwt.UserClaims)) func(*jwt.AuthorizationRequestClaims) string {
	return func(r *jwt.AuthorizationRequestClaims) string {
		return response(f.t, r, userJWT(f.t, r.UserNkey, f.scoped, func(u *jwt.UserClaims) {
			u.SetScoped(true)
			u.IssuerAccount = f.app.public
			if change != nil {
				change(u)
			}
		}), f.home, nil)
	}
}

func TestAServiceOfAnAccountLetsIn(t *testing.T) {
	f := newFloor(t, nil)
	answer := f.into(func(u *jwt.UserClaims) { u.Name = "carol" })
	s := f.serve(f.home.public, func(r *jwt.AuthorizationRequestClaims) string { return answer(r) })
	id, err := f.enter(f.sentinel)
	require.NoError(t, err)
	require.Same(t, f.account(f.app.public), id.Account)
	require.Equal(t, "carol", id.User)
	require.True(t, id.Permissions.MayPublish([]byte("default")))
	require.False(t, id.Permissions.MayPublish([]byte("x")))
	r := s.last.Load()
	require.Equal(t, f.home.public, r.Subject)
	require.Equal(t, "sentinel", r.ClientInformation.NameTag)
	require.Equal(t, jwt.TagList{"guard"}, r.ClientInformation.Tags)
	require.Equal(t, f.sentinel, r.ConnectOptions.JWT)
	require.Zero(t, f.next.asked.Load())

	answer = f.byScope(func(u *jwt.UserClaims) { u.Name = "dave" })
	id, err = f.enter(f.sentinel)
	require.NoError(t, err)
	require.True(t, id.Permissions.MayPublish([]byte("of.dave.x")))
	require.False(t, id.Permissions.MayPublish([]byte("of.carol.x")))
	require.Equal(t, 9, id.Limits.Subscriptions)

	answer = func(r *jwt.AuthorizationRequestClaims) string { // into its own account
		return response(t, r, userJWT(t, r.UserNkey, f.home, nil), f.signer, func(out *jwt.AuthorizationResponseClaims) {
			out.IssuerAccount = f.home.public
		})
	}
	id, err = f.enter(f.sentinel)
	require.NoError(t, err)
	require.Same(t, f.account(f.home.public), id.Account)
	require.False(t, id.Permissions.MayPublish([]byte(Subject)))
	again, err := f.auth.Recheck(context.Background(), nil, id)
	require.NoError(t, err)
	require.False(t, again.Permissions.MayPublish([]byte(Subject)))
}

func TestWhoIsNotAskedAboutWithOperators(t *testing.T) {
	f := newFloor(t, nil)
	s := f.serve(f.home.public, f.into(nil))
	f.next.users[""] = &identity.Identity{Account: f.account(f.home.public)}
	for _, token := range []string{
		userJWT(t, f.user.public, f.home, nil), // the service itself
		userJWT(t, f.user.public, f.app, nil),  // an account without a service
		"",
	} {
		_, err := f.enter(token)
		require.NoError(t, err)
	}
	id, err := f.enter(userJWT(t, f.user.public, f.home, nil))
	require.NoError(t, err)
	require.False(t, id.Permissions.MayPublish([]byte(Subject)))
	id, err = f.auth.Recheck(context.Background(), nil, f.next.users[""])
	require.NoError(t, err)
	require.False(t, id.Permissions.MayPublish([]byte(Subject)))
	require.Zero(t, s.asked.Load())
	delete(f.next.users, "")
	_, err = f.enter(userJWT(t, f.user.public, f.home, nil))
	require.ErrorIs(t, err, identity.ErrDenied)
}

// An account that could not be loaded might have a service, so that nobody enters: to look again could
// let somebody in who was not asked about.
func TestNobodyEntersPastAServiceThatIsNotKnownYet(t *testing.T) {
	f := newFloor(t, nil)
	s := f.serve(f.home.public, f.into(nil))
	f.next.users[""] = &identity.Identity{Account: f.account(f.home.public)}
	f.tenants.down = true
	_, err := f.enter(f.sentinel)
	require.ErrorIs(t, err, identity.ErrDenied)
	require.Zero(t, f.next.asked.Load())
	require.Zero(t, s.asked.Load())
	f.tenants.down = false
	_, err = f.enter(f.sentinel)
	require.NoError(t, err)
	require.EqualValues(t, 1, s.asked.Load())
}

func TestAnswersThatAreRefusedWithOperators(t *testing.T) {
	third := newKey(t, nkeys.CreateAccount)
	for _, c := range []struct {
		name   string
		answer func(f *floor, r *jwt.AuthorizationRequestClaims) string
		why    string // {home}, {app} and {user} stand for keys
	}{
		{"an unknown signer of the envelope", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			return response(f.t, r, userJWT(f.t, r.UserNkey, f.app, nil), third, nil)
		}, "Auth callout signing key is unknown"},
		{"the envelope of another account", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			return response(f.t, r, userJWT(f.t, r.UserNkey, f.app, nil), f.home, func(out *jwt.AuthorizationResponseClaims) {
				out.IssuerAccount = f.app.public
			})
		}, "Auth callout signing key is unknown"},
		{"an account that is not allowed", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			f.tenants.put(third, nil)
			return response(f.t, r, userJWT(f.t, r.UserNkey, third, nil), f.home, nil)
		}, `Account "` + third.public + `" not permitted as valid account option for auth callout for account "{home}"`},
		{"an account that is gone", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			f.tenants.mu.Lock()
			delete(f.tenants.all, f.app.public)
			f.tenants.mu.Unlock()
			return f.into(nil)(r)
		}, `No valid account "{app}" for auth callout response on account "{home}": account missing`},
		{"a key that is none of the account's", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			return response(f.t, r, userJWT(f.t, r.UserNkey, third, func(u *jwt.UserClaims) { u.IssuerAccount = f.app.public }), f.home, nil)
		}, `User JWT issuer "` + third.public + `" is not known`},
		{"a scoped user with rights", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			return f.byScope(func(u *jwt.UserClaims) { u.Subs = 3 })(r)
		}, "User JWT is not valid: scoped users require no permissions or limits set"},
		{"revoked", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			f.tenants.put(f.app, func(c *jwt.AccountClaims) { c.RevokeAt(jwt.All, time.Now().Add(time.Hour)) })
			return f.into(nil)(r)
		}, "User authentication revoked"},
		{"a scope that wants a proxy", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			f.tenants.put(f.app, func(c *jwt.AccountClaims) {
				s := jwt.NewUserScope()
				s.Key = f.scoped.public
				s.Template.ProxyRequired = true
				c.SigningKeys.AddScopedSigner(s)
			})
			return f.byScope(nil)(r)
		}, "Proxy connection required"},
		{"a template that cannot be filled", func(f *floor, r *jwt.AuthorizationRequestClaims) string {
			f.tenants.put(f.app, func(c *jwt.AccountClaims) {
				s := jwt.NewUserScope()
				s.Key = f.scoped.public
				s.Template.Pub.Deny.Add("of.{{tag(none)}}")
				c.SigningKeys.AddScopedSigner(s)
			})
			return f.byScope(nil)(r)
		}, "User JWT generated invalid permissions: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFloor(t, nil)
			f.serve(f.home.public, func(r *jwt.AuthorizationRequestClaims) string { return c.answer(f, r) })
			_, err := f.enter(f.sentinel)
			why := strings.NewReplacer("{home}", f.home.public, "{app}", f.app.public).Replace(c.why)
			if strings.HasSuffix(why, ": ") {
				require.ErrorContains(t, err, why)
				return
			}
			f.refused(t, err, f.home.public, why)
			var r *identity.Refused
			require.ErrorAs(t, err, &r)
			u, err := claims.DecodeUser(f.sentinel)
			require.NoError(t, err)
			require.Equal(t, u.Subject, r.User, "who came, not what the service made of it")
		})
	}
}

// In a box it is the key of the box that says who answers.
func TestEncryptedWithOperators(t *testing.T) {
	var f *floor
	xkey := newKey(t, nkeys.CreateCurveKeys)
	f = newFloor(t, func(c *jwt.AccountClaims) {
		c.Authorization.XKey = xkey.public
		c.Authorization.AllowedAccounts = jwt.StringList{jwt.AnyAccount}
	})
	f.xkey = xkey
	other := newKey(t, nkeys.CreateAccount)
	f.serve(f.home.public, func(r *jwt.AuthorizationRequestClaims) string {
		return string(sealedFor(f.world, xkey, []byte(response(t, r, userJWT(t, r.UserNkey, f.app, nil), other, nil)), r.Server.XKey))
	})
	_, err := f.enter(f.sentinel)
	require.NoError(t, err)

	f.auth.cfg.Curve = nil
	_, err = f.enter(f.sentinel)
	f.refused(t, err, f.home.public, `Error encrypting auth request claim on account "`+f.home.public+`": the server has no curve key`)
}

func TestRecheckWithOperators(t *testing.T) {
	f := newFloor(t, nil)
	answer := f.into(nil)
	s := f.serve(f.home.public, func(r *jwt.AuthorizationRequestClaims) string { return answer(r) })
	plain, err := f.enter(f.sentinel)
	require.NoError(t, err)
	key := s.last.Load().UserNkey
	answer = f.byScope(nil)
	scoped, err := f.enter(f.sentinel)
	require.NoError(t, err)
	recheck := func(was *identity.Identity) (*identity.Identity, error) {
		return f.auth.Recheck(context.Background(), nil, was)
	}
	id, err := recheck(plain)
	require.NoError(t, err)
	require.Same(t, plain, id)

	f.tenants.put(f.app, func(c *jwt.AccountClaims) {
		f.appClaims(c)
		c.DefaultPermissions.Pub.Allow.Add("more")
	})
	id, err = recheck(plain)
	require.NoError(t, err)
	require.True(t, id.Permissions.MayPublish([]byte("more")))
	id, err = recheck(scoped)
	require.NoError(t, err)
	require.Same(t, scoped.Permissions, id.Permissions)

	f.tenants.put(f.app, func(c *jwt.AccountClaims) {
		f.appClaims(c)
		c.RevokeAt(key, time.Now().Add(time.Minute))
	})
	_, err = recheck(plain)
	require.ErrorIs(t, err, proto.ErrUserRevoked)
	_, err = recheck(scoped)
	require.NoError(t, err)

	f.tenants.put(f.app, nil) // without the scoped key
	_, err = recheck(scoped)
	require.ErrorIs(t, err, proto.ErrSignerGone)
	_, err = recheck(plain)
	require.NoError(t, err)

	static := f.static(nil)
	_, err = static.Recheck(context.Background(), nil, plain)
	require.ErrorIs(t, err, identity.ErrGone)
	f.tenants.mu.Lock()
	delete(f.tenants.all, f.app.public)
	f.tenants.mu.Unlock()
	_, err = recheck(plain)
	require.ErrorIs(t, err, identity.ErrGone)
	require.EqualValues(t, 2, s.asked.Load())
}
