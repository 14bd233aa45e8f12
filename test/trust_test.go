package test_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// realm is an operator with accounts, whose JWTs it signs.
type realm struct {
	t        testing.TB
	operator key
	signer   key // of accounts
	claims   *jwt.OperatorClaims
	system   *tenant
	tenants  []*tenant
}

// tenant is an account of a realm.
type tenant struct {
	realm *realm
	key
	claims *jwt.AccountClaims
	token  string
}

// member is a user of a tenant.
type member struct {
	t testing.TB
	key
	token string
}

// newRealm makes an operator with a system account.
func newRealm(t testing.TB, changes ...func(*jwt.OperatorClaims)) *realm {
	r := &realm{t: t, operator: newKey(t, nkeys.CreateOperator), signer: newKey(t, nkeys.CreateOperator)}
	r.system = r.account("SYS")
	r.claims = jwt.NewOperatorClaims(r.operator.public)
	r.claims.Name = "OP"
	r.claims.SigningKeys.Add(r.signer.public)
	r.claims.SystemAccount = r.system.public
	for _, change := range changes {
		change(r.claims)
	}
	return r
}

// account makes an account that may do everything.
func (r *realm) account(name string, changes ...func(*jwt.AccountClaims)) *tenant {
	a := &tenant{realm: r, key: newKey(r.t, nkeys.CreateAccount)}
	a.claims = jwt.NewAccountClaims(a.public)
	a.claims.Name = name
	r.tenants = append(r.tenants, a)
	a.sign(changes...)
	return a
}

// sign changes the claims of the account and signs them anew.
func (a *tenant) sign(changes ...func(*jwt.AccountClaims)) string {
	for _, change := range changes {
		change(a.claims)
	}
	token, err := a.claims.Encode(a.realm.signer.pair)
	require.NoError(a.realm.t, err)
	a.token = token
	return token
}

// user makes a user of the account that its identity key signs.
func (a *tenant) user(name string, changes ...func(*jwt.UserClaims)) *member {
	return a.userBy(a.key, name, changes...)
}

// userBy makes a user that another key signs.
func (a *tenant) userBy(signer key, name string, changes ...func(*jwt.UserClaims)) *member {
	m := &member{t: a.realm.t, key: newKey(a.realm.t, nkeys.CreateUser)}
	uc := jwt.NewUserClaims(m.public)
	uc.Name = name
	if signer.public != a.public {
		uc.IssuerAccount = a.public
	}
	for _, change := range changes {
		change(uc)
	}
	m.sign(uc, signer)
	return m
}

func (m *member) sign(uc *jwt.UserClaims, by key) {
	token, err := uc.Encode(by.pair)
	require.NoError(m.t, err)
	m.token = token
}

// option is the login of the client library.
func (m *member) option() nats.Option {
	return nats.UserJWT(func() (string, error) { return m.token, nil }, m.pair.Sign)
}

// base is what a configuration says of the operator and the system account.
func (r *realm) base() string {
	token, err := r.claims.Encode(r.operator.pair)
	require.NoError(r.t, err)
	return fmt.Sprintf("operator: %s\nsystem_account: %s\n", token, r.system.public)
}

// inMemory is a configuration with the accounts as they are now.
func (r *realm) inMemory() string {
	var b strings.Builder
	b.WriteString(r.base())
	b.WriteString("resolver: MEMORY\nresolver_preload: {\n")
	for _, a := range r.tenants {
		fmt.Fprintf(&b, "  // Account %q\n  %s: %s\n", a.claims.Name, a.public, a.token)
	}
	b.WriteString("}\n")
	return b.String()
}

// inFolder is a configuration with a full resolver, in which the system account is known.
func (r *realm) inFolder(dir string) string {
	return r.base() + fmt.Sprintf("resolver {\n    type: full\n    dir: '%s'\n    allow_delete: true\n    interval: \"2m\"\n    timeout: \"1.9s\"\n}\nresolver_preload: {\n\t%s: %s,\n}\n",
		dir, r.system.public, r.system.token)
}

func expiresIn(d time.Duration) int64 { return time.Now().Add(d).Unix() }

func TestEntryByJWT(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	a := r.account("A")
	signing := newKey(t, nkeys.CreateAccount)
	a.sign(func(c *jwt.AccountClaims) { c.SigningKeys.Add(signing.public) })
	g := guarded(t, r.inMemory(), r.operator.seed, r.signer.seed, a.seed)
	require.Len(t, g.wire().info.Nonce, 15)
	require.True(t, g.wire().info.Auth)

	for name, m := range map[string]*member{"identity": a.user("ann"), "signing key": a.userBy(signing, "bob")} {
		nc, err := nats.Connect(g.ClientURL(), m.option(), nats.NoReconnect())
		require.NoError(t, err, name)
		goesRound(t, nc)
		nc.Close()
	}
	z, err := g.Accountz(nil)
	require.NoError(t, err)
	require.Contains(t, z.Accounts, a.public)
}

// Every refusal has its line in the log, and the client learns no more than that it was refused.
func TestRefusalsOfJWTs(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	a := r.account("A")
	other := newRealm(t)
	stranger := other.account("X")
	scoped := newKey(t, nkeys.CreateAccount)
	a.sign(func(c *jwt.AccountClaims) {
		scope := jwt.NewUserScope()
		scope.Key = scoped.public
		c.SigningKeys.AddScopedSigner(scope)
		c.Limits.DisallowBearer = true
	})
	untrusted := r.account("UNTRUSTED")
	untrusted.token = must(untrusted.claims.Encode(other.signer.pair))
	late := r.account("LATE", func(c *jwt.AccountClaims) { c.Expires = expiresIn(-time.Hour) })
	gone := a.user("gone")
	a.sign(func(c *jwt.AccountClaims) { c.RevokeAt(gone.public, time.Now().Add(time.Minute)) })
	g := guarded(t, r.inMemory(), a.seed, scoped.seed)

	refused := func(m *member, logged ...string) {
		t.Helper()
		_, err := nats.Connect(g.ClientURL(), m.option(), nats.NoReconnect())
		require.ErrorIs(t, err, nats.ErrAuthorization)
		g.logs(logged...)
	}
	impostor := a.user("eve")
	impostor.pair = newKey(t, nkeys.CreateUser).pair
	refused(impostor, "DBG", "Signature not verified")
	refused(stranger.user("x"), "DBG", "Account JWT lookup error: account missing")
	refused(untrusted.user("x"), "DBG", "Account JWT lookup error: account validation failed")
	refused(late.user("x"), "DBG", "Account JWT lookup error: account validation failed")
	refused(a.userBy(newKey(t, nkeys.CreateAccount), "x"), "DBG", "User JWT issuer is not known")
	refused(a.user("x", func(u *jwt.UserClaims) { u.Expires = expiresIn(-time.Hour) }),
		"DBG", "User JWT no longer valid: ", "claim is expired")
	refused(a.user("x", func(u *jwt.UserClaims) { u.NotBefore = expiresIn(time.Hour) }),
		"DBG", "User JWT no longer valid: ", "claim is not yet valid")
	refused(a.userBy(scoped, "x"), "DBG", "User JWT is not valid: scoped users require no permissions or limits set")
	refused(a.user("x", func(u *jwt.UserClaims) { u.BearerToken = true }), "DBG", "Account does not allow bearer tokens")
	refused(a.user("x", func(u *jwt.UserClaims) { u.AllowedConnectionTypes.Add(jwt.ConnectionTypeMqtt) }), "DBG", "Connection type not allowed")
	refused(a.user("x", func(u *jwt.UserClaims) { u.Src.Add("192.0.2.0/24") }), "ERR", "Bad src Ip 127.0.0.1")
	refused(a.user("x", func(u *jwt.UserClaims) { u.Times = []jwt.TimeRange{closedNow()} }), "ERR", "Outside connect times")
	refused(a.user("x", func(u *jwt.UserClaims) { u.ProxyRequired = true }), "proxy connection required")
	refused(gone, "DBG", "User authentication revoked")
	_, err := nats.Connect(g.ClientURL(), nats.NoReconnect())
	require.ErrorIs(t, err, nats.ErrAuthorization)
	g.logs("DBG", "Authentication requires a user JWT")
	garbage := a.user("x")
	garbage.token = garbage.token[:len(garbage.token)-4] + "AAAA"
	refused(garbage, "DBG", "Authentication requires a user JWT")
}

func must(token string, err error) string {
	if err != nil {
		panic(err)
	}
	return token
}

// closedNow is a window of a day in which it is not.
func closedNow() jwt.TimeRange {
	at := time.Now().Add(6 * time.Hour)
	return jwt.TimeRange{Start: at.Format(time.TimeOnly), End: at.Add(time.Minute).Format(time.TimeOnly)}
}

// Whose time is over has to go, without disturbing others.
func TestExpiry(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	a := r.account("A")
	b := r.account("B", func(c *jwt.AccountClaims) { c.Expires = expiresIn(3 * time.Second) })
	f := fromFile(t, r.inMemory())
	stays, _ := f.client(a.user("stays").option())
	user := a.user("short", func(u *jwt.UserClaims) { u.Expires = expiresIn(2 * time.Second) })
	goes, said := f.client(user.option())
	account, told := f.client(b.user("b").option())
	requireSays(t, said, "authentication expired")
	requireClosed(t, goes)
	requireSays(t, told, "account authentication expired")
	requireClosed(t, account)
	goesRound(t, stays)
	_, err := nats.Connect(f.ClientURL(), b.user("b").option(), nats.NoReconnect())
	require.ErrorIs(t, err, nats.ErrAuthorization)
}
