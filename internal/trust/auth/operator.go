package auth

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/trust/accounts"
	"github.com/baridmq/barid/internal/trust/claims"
)

// # Users of operators
//
// A client shows a user JWT and signs the nonce. The JWT names the account, whose own JWT says who
// may sign its users, and that one is signed by an operator. There is nothing to be guessed, so the
// brake is for one thing only: everybody can make the JWT of a user of an account that does not exist,
// and each lets a resolver be asked.

// OperatorConfig is what an Operator is made of. NewOperator copies what it keeps.
type OperatorConfig struct {
	Accounts *accounts.Accounts
	// Sentinel is the user JWT of those who show none; empty for none.
	Sentinel string
	// Pinned are the ids of the only accounts whose users may enter; empty for all.
	Pinned []string
	// Proxies are the public keys of the trusted proxies.
	Proxies []string
	// Before is the Authenticator whose place it takes, nil if there was none. It goes on counting what
	// an Operator counted.
	Before identity.Authenticator
	// Errorf and Debugf log. They get no secrets; nil is allowed.
	Errorf, Debugf func(format string, v ...any)
}

// Operator lets in those that have a JWT of an account that operators vouch for. It is immutable but
// for what it counts, and may be used by any goroutine.
type Operator struct {
	errorf, debugf func(format string, v ...any)

	accounts *accounts.Accounts
	sentinel string
	stands   *jwt.UserClaims // of the sentinel; nil if fault is set
	fault    error
	pinned   map[string]struct{} // nil for all
	proxies  proxies
	brake    *brake
	unpinned *atomic.Uint64
}

// entry is the note of an Operator in the Identity of a connection.
type entry struct {
	by       *Operator
	account  string
	user     string // its public key
	issuer   string
	issued   int64
	bearer   bool
	defaults bool
	claims   *claims.Account // by which it was looked at last
}

// NewOperator returns an Operator for cfg. An error says which key of a proxy is none.
func NewOperator(cfg OperatorConfig) (*Operator, error) {
	o := &Operator{errorf: orSilent(cfg.Errorf), debugf: orSilent(cfg.Debugf), accounts: cfg.Accounts,
		sentinel: cfg.Sentinel, brake: newBrake(), unpinned: &atomic.Uint64{}}
	if before, ok := cfg.Before.(*Operator); ok && before != nil {
		o.brake, o.unpinned = before.brake, before.unpinned
	}
	if o.sentinel != "" {
		o.stands, o.fault = claims.DecodeUser(o.sentinel)
	}
	if len(cfg.Pinned) > 0 {
		o.pinned = map[string]struct{}{}
		for _, id := range cfg.Pinned {
			o.pinned[id] = struct{}{}
		}
	}
	var err error
	o.proxies, err = newProxies(cfg.Proxies)
	return o, err
}

// Required implements identity.Authenticator.
func (o *Operator) Required() bool { return true }

// Nonce implements identity.Authenticator.
func (o *Operator) Nonce() bool { return true }

// PinnedFails is how many logins were refused because their account is not pinned.
func (o *Operator) PinnedFails() uint64 { return o.unpinned.Load() }

// Authenticate implements identity.Authenticator. Its errors wrap those of package identity, or the
// context's when that ended before the account was loaded.
func (o *Operator) Authenticate(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	_, _, enter := o.Claimed(ctx, c)
	return enter()
}

// claimant is somebody who has shown the JWT of a user of an account that is there.
type claimant struct {
	o      *Operator
	c      *identity.Credentials
	proxy  string // that vouches for it; empty for none
	user   *jwt.UserClaims
	token  string // of user
	tenant *accounts.Tenant
}

// enter says who c is, for whom a proxy vouches unless that is empty.
func (o *Operator) enter(ctx context.Context, c *identity.Credentials, proxy string) (*identity.Identity, error) {
	who, err := o.claimant(ctx, c, proxy)
	if err != nil {
		return nil, err
	}
	return who.admit()
}

// claimant says who c claims to be, and looks for its account.
func (o *Operator) claimant(ctx context.Context, c *identity.Credentials, proxy string) (*claimant, error) {
	u, token, err := o.shown(c)
	if err != nil {
		return nil, o.refuse(c, err)
	}
	if err := claims.CheckUser(u, proxy != ""); err != nil {
		return nil, &identity.Refused{User: u.Subject, Err: o.refuse(c, err)}
	}
	account := claims.AccountOf(u)
	if !o.pins(account) {
		o.unpinned.Add(1)
		o.debugf("%s - Account %s not listed as operator pinned account", c.Origin(), account)
		return nil, &identity.Refused{User: u.Subject, Err: identity.ErrDenied}
	}
	t, err := o.lookup(ctx, c, account)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		o.debugf("%s - Account JWT lookup error: %v", c.Origin(), err)
		return nil, &identity.Refused{User: u.Subject, Err: identity.ErrDenied}
	}
	return &claimant{o: o, c: c, proxy: proxy, user: u, token: token, tenant: t}, nil
}

// admit decides by what the account says.
func (who *claimant) admit() (*identity.Identity, error) {
	o, c, u, t := who.o, who.c, who.user, who.tenant
	id, rights, err := t.Claims.Admit(&claims.Visit{User: u, Token: who.token, Credentials: c, Proxy: who.proxy,
		Account: t.Account, Expired: t.Expired(), Now: time.Now()})
	if err != nil {
		refused := &identity.Refused{User: u.Subject, Err: o.refuse(c, err)}
		if t.Claims.Signs(u.Issuer) { // else a stranger could tell the account what he likes
			refused.Account = t.Account
		}
		return nil, refused
	}
	if c.Options != nil && (c.Options.Account != "" || c.Options.NewAccount) {
		o.debugf("%s - A client asks for an account by name", c.Origin())
		return nil, &identity.Refused{Account: t.Account, User: u.Subject, Err: identity.ErrDenied}
	}
	id.Entry = &entry{by: o, account: t.ID, user: u.Subject, issuer: u.Issuer, issued: u.IssuedAt,
		bearer: rights.Bearer, defaults: rights.Default, claims: t.Claims}
	o.debugf("%s - Authenticated JWT: %s %q (claim-name: %q, claim-tags: %q) signed with %q by Account %q (claim-name: %q, claim-tags: %q) signed with %q",
		c.Origin(), kindOf(c), u.Subject, u.Name, u.Tags, u.Issuer, t.ID, t.Claims.Name, t.Claims.Tags, t.Claims.Issuer)
	return id, nil
}

// kindOf is how log lines name the kind of a connection.
func kindOf(c *identity.Credentials) string {
	if c.Kind == identity.InProcess {
		return "In-process client"
	}
	return "Client"
}

// shown returns the user JWT of c, or the sentinel's if it shows none that is one.
func (o *Operator) shown(c *identity.Credentials) (*jwt.UserClaims, string, error) {
	u, err := (*jwt.UserClaims)(nil), errors.New("no JWT")
	if c.JWT != "" {
		u, err = claims.DecodeUser(c.JWT)
	}
	switch {
	case err == nil:
		return u, c.JWT, nil
	case o.sentinel == "":
		return nil, "", &claims.Refusal{Reason: identity.ErrDenied, Debug: "Authentication requires a user JWT"}
	case o.fault != nil:
		return nil, "", &claims.Refusal{Reason: identity.ErrDenied, Debug: "User JWT not valid: " + o.fault.Error()}
	}
	return o.stands, o.sentinel, nil
}

// pins reports whether users of an account may enter.
func (o *Operator) pins(account string) bool {
	_, ok := o.pinned[account]
	return ok || o.pinned == nil
}

// lookup returns the account id. Who names accounts again and again that cannot be loaded is slowed down.
func (o *Operator) lookup(ctx context.Context, c *identity.Credentials, id string) (*accounts.Tenant, error) {
	if o.accounts.Loaded(id) != nil {
		return o.accounts.Lookup(ctx, id)
	}
	v, err := o.brake.enter(ctx, c.Remote, id)
	if err != nil {
		return nil, err
	}
	t, err := o.accounts.Lookup(ctx, id)
	v.leave(ctx, err != nil && ctx.Err() == nil)
	return t, err
}

// refuse logs that c is refused, and returns its reason.
func (o *Operator) refuse(c *identity.Credentials, err error) error {
	var r *claims.Refusal
	if !errors.As(err, &r) {
		return err
	}
	if r.Debug != "" {
		o.debugf("%s - %s", c.Origin(), r.Debug)
	}
	if r.Log != "" {
		o.errorf("%s - %s", c.Origin(), r.Log)
	}
	return r.Reason
}

// Claimed begins a login: it returns the account, which it loads, and the user that credentials claim to
// be, by their JWT or the sentinel's. The JWT is valid, but whether the account knows its issuer, and
// whether the client has its key, was not checked. Who asks a service about a user begins here.
//
// enter is the rest of Authenticate, and does not look for the account again. If the other two are nil
// there is no such JWT, or its account could not be loaded, and nobody else may let the client in: enter
// says why. It is called once or not at all.
func (o *Operator) Claimed(ctx context.Context, c *identity.Credentials) (t *accounts.Tenant, u *jwt.UserClaims, enter func() (*identity.Identity, error)) {
	proxy, err := o.proxies.vouched(c)
	if err == nil {
		var who *claimant
		if who, err = o.claimant(ctx, c, proxy); err == nil {
			return who.tenant, who.user, who.admit
		}
	}
	return nil, nil, func() (*identity.Identity, error) { return nil, err }
}

// Recheck implements identity.Authenticator. What a user may do by its own JWT does not change while it
// is connected; what its account says does. After new settings, by which another Operator took the
// place of the one that let it in, all is checked again. Besides the errors of Authenticate there are
// those of package proto for users that were revoked and the like.
func (o *Operator) Recheck(ctx context.Context, c *identity.Credentials, was *identity.Identity) (*identity.Identity, error) {
	proxy, err := o.proxies.stillVouched(c, was)
	if err != nil {
		return nil, err
	}
	e, _ := was.Entry.(*entry)
	if e == nil {
		return o.enter(ctx, c, proxy)
	}
	t := o.accounts.Loaded(e.account)
	if t == nil {
		return o.enter(ctx, c, proxy)
	}
	switch now := t.Claims; {
	case t.Expired():
		return nil, proto.ErrAccountExpired
	case e.bearer && now.NoBearer:
		o.debugf("%s - Bearer User JWT not allowed", c.Origin())
		return nil, proto.ErrAuthorization
	case now.Revoked(e.user, e.issued):
		return nil, proto.ErrUserRevoked
	case now != e.claims && !now.SameSigner(e.issuer, e.claims):
		return nil, proto.ErrSignerGone
	}
	if e.by != o {
		return o.enter(ctx, c, proxy)
	}
	return e.renewed(t, was), nil
}

// renewed is the identity of a connection under the claims that its account has now.
func (e *entry) renewed(t *accounts.Tenant, was *identity.Identity) *identity.Identity {
	if t.Claims == e.claims && t.Account == was.Account {
		return was
	}
	id, note := *was, *e
	if e.defaults && !t.Claims.SameDefaults(e.claims) {
		id.Permissions = t.Claims.Defaults()
	}
	note.claims = t.Claims
	id.Account, id.Entry = t.Account, &note
	return &id
}

var _ identity.Authenticator = (*Operator)(nil)
