package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/trust/accounts"
	"github.com/baridmq/barid/internal/trust/claims"
)

// realm is an operator with an account and a user, and who lets in.
type realm struct {
	t                                testing.TB
	operator, account, signing, user signer
	accounts                         *accounts.Accounts
	auth                             *Operator
	log                              *record

	mu     sync.Mutex
	tokens map[string]string
	asked  int
}

func newRealm(t testing.TB) *realm {
	t.Helper()
	r := &realm{t: t, operator: newSigner(t, nkeys.CreateOperator), account: newSigner(t, nkeys.CreateAccount), log: &record{},
		signing: newSigner(t, nkeys.CreateAccount), user: newSigner(t, nkeys.CreateUser), tokens: map[string]string{}}
	operators, err := claims.NewOperators(nil, []string{r.operator.public})
	require.NoError(t, err)
	tasks := task.New(nil)
	r.accounts = accounts.New(accounts.Config{Registry: account.NewRegistry(), Operators: operators, Tasks: tasks, Fetch: r.fetch})
	t.Cleanup(func() {
		r.accounts.Close()
		tasks.Close()
		require.Empty(t, tasks.Wait(10*time.Second))
	})
	r.has(nil)
	r.renew(OperatorConfig{})
	return r
}

func (r *realm) fetch(_ context.Context, id string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if token, ok := r.tokens[id]; ok {
		return token, nil
	}
	return "", errors.New("account missing")
}

// renew makes another Operator, as a reload does.
func (r *realm) renew(cfg OperatorConfig) {
	r.t.Helper()
	cfg.Accounts, cfg.Errorf, cfg.Debugf = r.accounts, r.log.add("ERR"), r.log.add("DBG")
	if r.auth != nil {
		cfg.Before = r.auth
	}
	var err error
	r.auth, err = NewOperator(cfg)
	require.NoError(r.t, err)
}

func encode(t testing.TB, by signer, c jwt.Claims) string {
	t.Helper()
	token, err := c.Encode(by.pair)
	require.NoError(t, err)
	return token
}

// has lets the resolver have the account.
func (r *realm) has(change func(*jwt.AccountClaims)) string {
	r.t.Helper()
	c := jwt.NewAccountClaims(r.account.public)
	c.Name = "team"
	if change != nil {
		change(c)
	}
	token := encode(r.t, r.operator, c)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens[r.account.public] = token
	return token
}

// update applies new claims.
func (r *realm) update(change func(*jwt.AccountClaims)) {
	r.t.Helper()
	applied, err := r.accounts.Update(context.Background(), r.account.public, r.has(change))
	require.NoError(r.t, err)
	require.True(r.t, applied)
}

// token is the JWT of the user.
func (r *realm) token(by signer, change func(*jwt.UserClaims)) string {
	r.t.Helper()
	c := jwt.NewUserClaims(r.user.public)
	c.Name = "alice"
	if by.public != r.account.public {
		c.IssuerAccount = r.account.public
	}
	if change != nil {
		change(c)
	}
	return encode(r.t, by, c)
}

// credentials are those with which the user may enter.
func (r *realm) credentials(token string) *identity.Credentials {
	return &identity.Credentials{JWT: token, Nonce: nonce, Sig: base64.RawURLEncoding.EncodeToString(r.user.sign(nonce)),
		Kind: identity.Standard, Remote: "10.1.2.3", ID: 7, Options: &proto.ClientOptions{}}
}

func (r *realm) enter(c *identity.Credentials) (*identity.Identity, error) {
	return r.auth.Authenticate(context.Background(), c)
}

// enters is enter that has to succeed.
func (r *realm) enters(c *identity.Credentials) *identity.Identity {
	r.t.Helper()
	id, err := r.enter(c)
	require.NoError(r.t, err, r.log.text())
	return id
}

// from is how log lines name the connection.
const from = "10.1.2.3 - cid:7 - "

// refused checks that c may not enter, with the last line in the log.
func (r *realm) refused(c *identity.Credentials, line string) {
	r.t.Helper()
	id, err := r.enter(c)
	require.Nil(r.t, id)
	require.ErrorIs(r.t, err, identity.ErrDenied)
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	require.NotEmpty(r.t, r.log.lines)
	level, text, _ := strings.Cut(line, " ")
	require.Equal(r.t, level+" "+from+text, r.log.lines[len(r.log.lines)-1])
}

func TestUsersOfOperatorsEnter(t *testing.T) {
	r := newRealm(t)
	require.True(t, r.auth.Required())
	require.True(t, r.auth.Nonce())
	token := r.token(r.account, nil)
	id := r.enters(r.credentials(token))
	require.Equal(t, r.account.public, id.Account.Name())
	require.Equal(t, r.user.public, id.NKey)
	require.Equal(t, &identity.Claims{Token: token, Name: "alice", IssuerKey: r.account.public}, id.Claims)
	require.Contains(t, r.log.text(), `DBG `+from+`Authenticated JWT: Client "`+r.user.public+`" (claim-name: "alice"`)
	require.NotContains(t, r.log.text(), token)

	old := r.credentials(token)
	old.Sig = base64.StdEncoding.EncodeToString(r.user.sign(nonce))
	r.enters(old)
	again, err := r.auth.Recheck(t.Context(), old, id)
	require.NoError(t, err)
	require.Same(t, id, again, "nothing has changed")
}

func TestWhoIsNoUserOfAnOperator(t *testing.T) {
	r := newRealm(t)
	const none = "DBG Authentication requires a user JWT"
	for _, token := range []string{"", "x", "a.b.c", r.token(r.account, nil) + "A", r.has(nil)} {
		r.refused(r.credentials(token), none)
	}
	stranger := newSigner(t, nkeys.CreateAccount)
	r.refused(r.credentials(r.token(stranger, func(c *jwt.UserClaims) { c.IssuerAccount = "" })), "DBG Account JWT lookup error: account missing")
	r.refused(r.credentials(r.token(stranger, nil)), "DBG User JWT issuer is not known")
	_, err := r.enter(r.credentials(r.token(stranger, nil)))
	var told *identity.Refused
	require.ErrorAs(t, err, &told)
	require.Nil(t, told.Account, "no stranger tells the account anything")
	require.Equal(t, r.user.public, told.User)
	unsigned := r.credentials(r.token(r.account, nil))
	unsigned.Sig = ""
	_, err = r.enter(unsigned)
	require.ErrorAs(t, err, &told)
	require.Equal(t, r.account.public, told.Account.Name())
	require.Equal(t, r.user.public, told.User)
	told = nil
	_, err = r.enter(r.credentials("x"))
	require.False(t, errors.As(err, &told), "nobody is known")
	for _, change := range []func(*jwt.UserClaims){
		func(c *jwt.UserClaims) { c.Expires = 5 },
		func(c *jwt.UserClaims) { c.IssuerAccount = r.signing.public }, // there is none
	} {
		_, err = r.enter(r.credentials(r.token(r.account, change)))
		require.ErrorIs(t, err, identity.ErrDenied)
		require.ErrorAs(t, err, &told)
		require.Equal(t, &identity.Refused{User: r.user.public, Err: identity.ErrDenied}, told)
	}
	r.update(func(c *jwt.AccountClaims) { c.SigningKeys.Add(r.signing.public) })
	r.refused(r.credentials(r.token(r.signing, func(c *jwt.UserClaims) { c.IssuerAccount = "" })), "DBG Account JWT lookup error: account missing")
	r.enters(r.credentials(r.token(r.signing, nil)))
	r.refused(r.credentials(r.token(r.account, func(c *jwt.UserClaims) { c.Expires = 5 })), "DBG User JWT no longer valid: &{Issues:[claim is expired]}")
	r.refused(r.credentials(r.token(r.account, func(c *jwt.UserClaims) { c.Src.Add("1.2.3.4/32") })), "ERR Bad src Ip 10.1.2.3")

	c := r.credentials(r.token(r.account, nil))
	c.Options = &proto.ClientOptions{Account: "X"}
	_, err = r.enter(c)
	require.ErrorIs(t, err, identity.ErrDenied)

	// An account that nobody trusts.
	r.mu.Lock()
	r.tokens[stranger.public] = encode(t, newSigner(t, nkeys.CreateOperator), jwt.NewAccountClaims(stranger.public))
	r.mu.Unlock()
	r.refused(r.credentials(r.token(stranger, func(c *jwt.UserClaims) { c.IssuerAccount = "" })), "DBG Account JWT lookup error: account validation failed")
}

func TestProxiesOfOperators(t *testing.T) {
	r := newRealm(t)
	proxy := newSigner(t, nkeys.CreateServer)
	r.renew(OperatorConfig{Proxies: []string{proxy.public}})
	c := r.credentials(r.token(r.account, func(c *jwt.UserClaims) { c.ProxyRequired = true }))
	_, err := r.enter(c)
	require.ErrorIs(t, err, identity.ErrProxyRequired)
	c.ProxySig = "x"
	_, err = r.enter(c)
	require.ErrorIs(t, err, identity.ErrProxyNotTrusted)
	c.ProxySig = base64.RawURLEncoding.EncodeToString(proxy.sign(nonce))
	id := r.enters(c)
	require.Equal(t, proxy.public, id.Proxy)
	r.renew(OperatorConfig{})
	_, err = r.auth.Recheck(t.Context(), c, id)
	require.ErrorIs(t, err, identity.ErrProxyNotTrusted)
	_, err = NewOperator(OperatorConfig{Accounts: r.accounts, Proxies: []string{"x"}})
	require.Error(t, err)
}

func TestPinnedAccounts(t *testing.T) {
	r := newRealm(t)
	token := r.token(r.account, nil)
	r.renew(OperatorConfig{Pinned: []string{r.signing.public}})
	r.refused(r.credentials(token), "DBG Account "+r.account.public+" not listed as operator pinned account")
	require.EqualValues(t, 1, r.auth.PinnedFails())
	r.renew(OperatorConfig{Pinned: []string{r.account.public}})
	r.enters(r.credentials(token))
	require.EqualValues(t, 1, r.auth.PinnedFails(), "a reload goes on counting")
}

func TestTheSentinel(t *testing.T) {
	r := newRealm(t)
	sentinel := r.token(r.account, func(c *jwt.UserClaims) { c.BearerToken = true; c.Pub.Deny.Add(">") })
	r.renew(OperatorConfig{Sentinel: sentinel})
	for _, token := range []string{"", "garbage"} {
		c := r.credentials(token)
		c.Sig = ""
		id := r.enters(c)
		require.False(t, id.Permissions.MayPublish([]byte("a")))
		require.True(t, id.Claims.Bearer)
		require.Equal(t, sentinel, id.Claims.Token)
		tenant, u, enter := r.auth.Claimed(t.Context(), c)
		require.Equal(t, r.account.public, tenant.ID)
		require.Equal(t, r.user.public, u.Subject)
		id, err := enter()
		require.NoError(t, err)
		require.Equal(t, sentinel, id.Claims.Token)
	}
	r.renew(OperatorConfig{Sentinel: "broken"})
	r.refused(r.credentials(""), "DBG User JWT not valid: expected 3 chunks")
}

func TestClaimed(t *testing.T) {
	r := newRealm(t)
	c := r.credentials(r.token(newSigner(t, nkeys.CreateAccount), nil)) // whom the account does not know
	c.Sig = ""
	tenant, u, enter := r.auth.Claimed(t.Context(), c)
	require.Equal(t, r.account.public, tenant.ID)
	require.Equal(t, "alice", u.Name)
	require.Empty(t, r.log.text(), "nothing is decided yet")
	_, err := enter()
	require.ErrorIs(t, err, identity.ErrDenied)
	require.Contains(t, r.log.text(), "User JWT issuer is not known")
	for _, token := range []string{"", "x", r.token(r.account, func(c *jwt.UserClaims) { c.Expires = 5 }),
		r.token(r.signing, func(c *jwt.UserClaims) { c.IssuerAccount = "" })} {
		tenant, u, enter = r.auth.Claimed(t.Context(), r.credentials(token))
		require.Nil(t, tenant)
		require.Nil(t, u)
		_, err = enter()
		require.ErrorIs(t, err, identity.ErrDenied)
	}
	r.renew(OperatorConfig{Pinned: []string{r.signing.public}})
	tenant, _, enter = r.auth.Claimed(t.Context(), c)
	require.Nil(t, tenant)
	_, err = enter()
	require.ErrorIs(t, err, identity.ErrDenied)
	require.EqualValues(t, 1, r.auth.PinnedFails(), "one login counts once")
}

// A login looks for its account once, whatever comes of it: a resolver may be slow, and may have
// changed its mind.
func TestALoginLooksForItsAccountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRealm(t)
		login := func(c *identity.Credentials, line string) {
			t.Helper()
			time.Sleep(2 * time.Second)
			asked := r.asked
			_, _, enter := r.auth.Claimed(t.Context(), c)
			require.Equal(t, asked+1, r.asked)
			r.has(nil) // it is there from now on
			_, err := enter()
			require.ErrorIs(t, err, identity.ErrDenied)
			require.Equal(t, asked+1, r.asked)
			require.Equal(t, line, r.log.lines[len(r.log.lines)-1])
		}
		c := r.credentials(r.token(r.account, nil))
		delete(r.tokens, r.account.public)
		login(c, "DBG "+from+"Account JWT lookup error: account missing")
		r.enters(c)
		r.update(func(c *jwt.AccountClaims) { c.Expires = 5 })
		login(c, "DBG "+from+"Account JWT has expired")
	})
}

// Whose time is over before the account is there may come again.
func TestALoginThatEndsBeforeItsAccountIsThere(t *testing.T) {
	r := newRealm(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	delete(r.tokens, r.account.public)
	tenant, _, enter := r.auth.Claimed(ctx, r.credentials(r.token(r.account, nil)))
	require.Nil(t, tenant)
	_, err := enter()
	require.ErrorIs(t, err, context.Canceled)
}

// What an update of the account means for those who are in it.
func TestUpdatesOfTheAccount(t *testing.T) {
	scope := func(r *realm, subject string) func(*jwt.AccountClaims) {
		return func(c *jwt.AccountClaims) {
			s := jwt.NewUserScope()
			s.Key = r.signing.public
			s.Template.Pub.Allow.Add(subject)
			c.SigningKeys.AddScopedSigner(s)
		}
	}
	for name, c := range map[string]struct {
		before func(r *realm) func(*jwt.AccountClaims)
		user   func(r *realm) string
		after  func(r *realm) func(*jwt.AccountClaims)
		want   error
	}{
		"nothing": {after: func(*realm) func(*jwt.AccountClaims) { return func(c *jwt.AccountClaims) { c.Limits.Conn = 9 } }},
		"revoked": {after: func(r *realm) func(*jwt.AccountClaims) {
			return func(c *jwt.AccountClaims) { c.Revocations = jwt.RevocationList{r.user.public: time.Now().Unix() + 5} }
		}, want: proto.ErrUserRevoked},
		"another one revoked": {after: func(r *realm) func(*jwt.AccountClaims) {
			return func(c *jwt.AccountClaims) {
				c.Revocations = jwt.RevocationList{r.signing.public: time.Now().Unix() + 5}
			}
		}},
		"expired": {after: func(r *realm) func(*jwt.AccountClaims) { return func(c *jwt.AccountClaims) { c.Expires = 5 } },
			want: proto.ErrAccountExpired},
		"bearer": {user: func(r *realm) string { return r.token(r.account, func(c *jwt.UserClaims) { c.BearerToken = true }) },
			after: func(r *realm) func(*jwt.AccountClaims) {
				return func(c *jwt.AccountClaims) { c.Limits.DisallowBearer = true }
			}, want: proto.ErrAuthorization},
		"signer gone": {before: func(r *realm) func(*jwt.AccountClaims) {
			return func(c *jwt.AccountClaims) { c.SigningKeys.Add(r.signing.public) }
		}, user: func(r *realm) string { return r.token(r.signing, nil) },
			after: func(*realm) func(*jwt.AccountClaims) { return nil }, want: proto.ErrSignerGone},
		"another signer gone": {before: func(r *realm) func(*jwt.AccountClaims) {
			return func(c *jwt.AccountClaims) { c.SigningKeys.Add(r.signing.public) }
		}, after: func(*realm) func(*jwt.AccountClaims) { return nil }},
		"scope changed": {before: func(r *realm) func(*jwt.AccountClaims) { return scope(r, "a") },
			user:  func(r *realm) string { return r.token(r.signing, func(c *jwt.UserClaims) { c.SetScoped(true) }) },
			after: func(r *realm) func(*jwt.AccountClaims) { return scope(r, "b") }, want: proto.ErrSignerGone},
		"same scope": {before: func(r *realm) func(*jwt.AccountClaims) { return scope(r, "a") },
			user: func(r *realm) string { return r.token(r.signing, func(c *jwt.UserClaims) { c.SetScoped(true) }) },
			after: func(r *realm) func(*jwt.AccountClaims) {
				return func(c *jwt.AccountClaims) { scope(r, "a")(c); c.Limits.Conn = 9 }
			}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRealm(t)
			if c.before != nil {
				r.has(c.before(r))
			}
			token := r.token(r.account, nil)
			if c.user != nil {
				token = c.user(r)
			}
			cr := r.credentials(token)
			id := r.enters(cr)
			r.update(c.after(r))
			cr.Sig = "" // no signature is looked at again
			now, err := r.auth.Recheck(t.Context(), cr, id)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				if name == "bearer" {
					require.Contains(t, r.log.text(), "DBG "+from+"Bearer User JWT not allowed")
				}
				return
			}
			require.NoError(t, err)
			require.Same(t, id.Account, now.Account)
			require.Equal(t, id.Permissions, now.Permissions)
			last, err := r.auth.Recheck(t.Context(), cr, now)
			require.NoError(t, err)
			require.Same(t, now, last)
		})
	}
}

func TestDefaultsChangeForThoseWhoHaveThem(t *testing.T) {
	r := newRealm(t)
	r.has(func(c *jwt.AccountClaims) { c.DefaultPermissions.Pub.Allow.Add("a") })
	plain, own := r.credentials(r.token(r.account, nil)), r.credentials(r.token(r.account, func(c *jwt.UserClaims) { c.Pub.Allow.Add("own") }))
	one, two := r.enters(plain), r.enters(own)
	r.update(func(c *jwt.AccountClaims) { c.DefaultPermissions.Pub.Allow.Add("b") })
	now, err := r.auth.Recheck(t.Context(), plain, one)
	require.NoError(t, err)
	require.True(t, now.Permissions.MayPublish([]byte("b")))
	require.False(t, now.Permissions.MayPublish([]byte("a")))
	require.True(t, one.Permissions.MayPublish([]byte("a")), "an identity does not change")
	now, err = r.auth.Recheck(t.Context(), own, two)
	require.NoError(t, err)
	require.True(t, now.Permissions.MayPublish([]byte("own")))
	require.False(t, now.Permissions.MayPublish([]byte("b")))
}

// After a reload, everything is checked again.
func TestRecheckAfterAReload(t *testing.T) {
	r := newRealm(t)
	c := r.credentials(r.token(r.account, nil))
	id := r.enters(c)
	r.renew(OperatorConfig{})
	now, err := r.auth.Recheck(t.Context(), c, id)
	require.NoError(t, err)
	bad := *c
	bad.Sig = ""
	_, err = r.auth.Recheck(t.Context(), &bad, id)
	require.ErrorIs(t, err, identity.ErrDenied)
	_, err = r.auth.Recheck(t.Context(), &bad, now)
	require.NoError(t, err, "this one let it in")
	r.accounts.Removed(r.account.public)
	_, err = r.auth.Recheck(t.Context(), c, id)
	require.ErrorIs(t, err, proto.ErrAccountExpired)
	_, err = r.auth.Recheck(t.Context(), c, &identity.Identity{Account: id.Account, Entry: 5})
	require.ErrorIs(t, err, identity.ErrDenied)
}

// Accounts that cannot be loaded are not asked for as fast as somebody likes; others are not held up.
func TestMadeUpAccountsAreSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRealm(t)
		good := r.credentials(r.token(r.account, nil))
		r.enters(good)
		bad := r.credentials(r.token(newSigner(t, nkeys.CreateAccount), func(c *jwt.UserClaims) { c.IssuerAccount = "" }))
		begin := time.Now()
		for range failures + 1 {
			_, err := r.enter(bad)
			require.ErrorIs(t, err, identity.ErrDenied)
		}
		require.GreaterOrEqual(t, time.Since(begin), penalty)
		begin = time.Now()
		r.enters(good)
		require.Zero(t, time.Since(begin))
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		for range abreast + 1 {
			_, _ = r.auth.Authenticate(ctx, bad)
		}
		_, err := r.auth.Authenticate(ctx, bad)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func BenchmarkOperator(b *testing.B) {
	r := newRealm(b)
	c := r.credentials(r.token(r.account, nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.enter(c); err != nil {
			b.Fatal(err)
		}
	}
}
