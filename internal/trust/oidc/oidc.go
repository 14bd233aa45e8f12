// Package oidc lets those enter who show a token of an OpenID Connect provider: a JWT that the
// provider has signed, with claims that say who somebody is and until when (OpenID Connect Core 1.0,
// RFC 7519).
//
// An Authenticator stands before another one, which decides about everybody without such a token. The
// provider is asked for its keys alone, and seldom: they are kept, fetched again when a token names one
// that is not known, and good as long as the provider cannot be reached. Tokens are secrets: no log line
// and no error has any of one but the name of its user and of its key.
//
// The package knows nothing of connections and configuration files. It owns no goroutines: the login
// that needs keys fetches them, others wait for it. Its locks are leaves.
package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// Config is what an Authenticator is made of. New keeps the slices; they must not be changed.
type Config struct {
	// Issuer is the provider's URL, as its tokens name it. It and JWKSURL have the scheme https, or
	// http for a host that is this machine.
	Issuer string
	// Audience are the values of which a token must have one as its audience; at least one.
	Audience []string
	// JWKSURL is where the provider's keys are; empty to ask the provider, by discovery.
	JWKSURL string
	// CAFile holds the certificates of authorities that may vouch for the provider; empty for those of
	// the system.
	CAFile string
	// Algorithms are the signatures that are accepted, by their names in RFC 7518 and RFC 8037; empty
	// for RS256, ES256 and EdDSA.
	Algorithms []string
	// ClockSkew is how far the clocks of the provider and of this machine may differ.
	ClockSkew time.Duration

	// UserClaim is the claim that names the user; empty for sub. A claim within objects is named by
	// the way to it, as realm_access.roles.
	UserClaim string
	// Account is where users belong that no claim or role puts elsewhere; empty for the global account.
	Account string
	// AccountClaim is the claim that may say so; empty for none.
	AccountClaim string
	// AllowedAccounts are those that AccountClaim may name; empty for all but System.
	AllowedAccounts []string
	// System is the name of the server's own account; empty for none.
	System string
	// PublishClaim and SubscribeClaim are claims that list subjects; empty for none.
	PublishClaim, SubscribeClaim string
	// RolesClaim is the claim that lists roles; empty for none. A token with that claim must name at
	// least one of Roles.
	RolesClaim string
	Roles      []Role
	// Permissions are, for publishing and for subscribing, those of users to whom neither claims nor
	// roles give any. Without them, nil, such a user may do nothing if claims or roles could have given
	// some, else everything. Subjects here and in roles may contain {{claim(name)}}, for whose value
	// the token must have a string or a number that is a token of a subject and no more.
	Permissions *perm.Rules
	// MaxSubscriptions and MaxPayload bound the user's connections; 0 or negative for no bound.
	MaxSubscriptions, MaxPayload int

	// Accounts returns the account with that name, nil if there is none. It may be called by any
	// goroutine.
	Accounts func(name string) *account.Account
	// Next decides about those without a token; nil if they may not enter.
	Next identity.Authenticator
	// Before is the Authenticator whose place it takes, nil if there was none. If both have the same
	// provider, they share its keys.
	Before identity.Authenticator
	// Warnf and Debugf log; nil for nobody.
	Warnf, Debugf func(format string, v ...any)
}

// Role is what a role of a user allows. The permissions of several roles add up, and what one of them
// denies is denied.
type Role struct {
	Name string
	// Account is where users with that role belong, if no claim says so; of several roles the first
	// one in Config.Roles counts. Empty for no say.
	Account string
	// Permissions are nil for no bound.
	Permissions *perm.Rules
}

// Authenticator is an identity.Authenticator for those with tokens of a provider. It is immutable but
// for the provider's keys, and may be used by any goroutine.
type Authenticator struct {
	cfg        Config
	algorithms []string
	limits     account.Limits
	keys       *keys
	library    *oidc.Config
	compiled   compiled
}

// entry is the note in the identities of those with a token.
type entry struct {
	origin origin // whose keys have verified it
}

// New returns an Authenticator for cfg. It does not ask the provider for anything.
func New(cfg Config) (*Authenticator, error) {
	a := &Authenticator{cfg: cfg, limits: account.Unlimited()}
	c := &a.cfg
	c.UserClaim = cmp.Or(c.UserClaim, "sub")
	c.Account = cmp.Or(c.Account, account.Global)
	c.Warnf, c.Debugf = orSilent(c.Warnf), orSilent(c.Debugf)
	if len(c.Audience) == 0 || slices.Contains(c.Audience, "") {
		return nil, errors.New("oidc: a provider needs an audience")
	}
	if c.ClockSkew < 0 {
		return nil, errors.New("oidc: the clock skew is negative")
	}
	if c.Accounts == nil {
		return nil, errors.New("oidc: no accounts")
	}
	if c.MaxSubscriptions > 0 {
		a.limits.Subscriptions = c.MaxSubscriptions
	}
	if c.MaxPayload > 0 {
		a.limits.Payload = c.MaxPayload
	}
	var err error
	if a.algorithms, err = pinned(c.Algorithms); err != nil {
		return nil, err
	}
	if err := checkRules(c); err != nil {
		return nil, err
	}
	if a.keys, err = newKeys(c, a.algorithms); err != nil {
		return nil, err
	}
	if before, ok := c.Before.(*Authenticator); ok && before.keys.origin == a.keys.origin {
		a.keys = before.keys
	}
	c.Before = nil
	// Audience and times are checked here: there may be several audiences, and the skew is ours.
	a.library = &oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: a.algorithms}
	return a, nil
}

func orSilent(logf func(string, ...any)) func(string, ...any) {
	if logf == nil {
		return func(string, ...any) {}
	}
	return logf
}

// pinned checks the algorithms. What is no signature of a public key is refused.
func pinned(names []string) ([]string, error) {
	if len(names) == 0 {
		return []string{oidc.RS256, oidc.ES256, oidc.EdDSA}, nil
	}
	known := []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("oidc: %q is not an algorithm for tokens", name)
		}
	}
	return slices.Clone(names), nil
}

// Required implements identity.Authenticator.
func (a *Authenticator) Required() bool { return a.cfg.Next == nil || a.cfg.Next.Required() }

// Nonce implements identity.Authenticator.
func (a *Authenticator) Nonce() bool { return a.cfg.Next != nil && a.cfg.Next.Nonce() }

// Authenticate implements identity.Authenticator.
func (a *Authenticator) Authenticate(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	t := a.tokenOf(c)
	if t == nil {
		if a.cfg.Next == nil {
			return nil, identity.ErrDenied
		}
		return a.cfg.Next.Authenticate(ctx, c)
	}
	return a.decide(ctx, t, false)
}

// Recheck implements identity.Authenticator. A token that was verified with the keys of the same
// provider is not verified again, so that the provider need not be there.
func (a *Authenticator) Recheck(ctx context.Context, c *identity.Credentials, was *identity.Identity) (*identity.Identity, error) {
	t := a.tokenOf(c)
	e, ours := was.Entry.(*entry)
	switch {
	case t != nil:
		return a.decide(ctx, t, ours && e.origin == a.keys.origin)
	case a.cfg.Next != nil:
		return a.cfg.Next.Recheck(ctx, c, was)
	}
	return nil, identity.ErrDenied
}

// decide says who shows t, whose signature may have been verified before.
func (a *Authenticator) decide(ctx context.Context, t *token, verified bool) (*identity.Identity, error) {
	var c claims
	var err error
	if verified {
		c, err = t.unverified()
	} else {
		c, err = a.verify(ctx, t)
	}
	if err != nil {
		a.cfg.Debugf("OIDC: refused a token with key %.64q: %.256s", t.kid, printable(err))
		return nil, a.answer(ctx, err)
	}
	id, err := a.admit(c, time.Now())
	if err != nil {
		sub, _, _ := c.text("sub")
		a.cfg.Debugf("OIDC: refused the token of %.128q with key %.64q: %.256s", sub, t.kid, printable(err))
		if verified && errors.Is(err, errExpired) {
			return nil, proto.ErrUserExpired
		}
		return nil, identity.ErrDenied
	}
	return id, nil
}

// verify returns the claims of t, if the provider has signed it.
func (a *Authenticator) verify(ctx context.Context, t *token) (claims, error) {
	asked := &asking{keys: a.keys}
	id, err := oidc.NewVerifier(a.cfg.Issuer, asked, a.library).Verify(ctx, t.text)
	if err != nil {
		return nil, cmp.Or(asked.err, err)
	}
	var c claims
	return c, id.Claims(&c)
}

// asking is keys for one token. It keeps their error, of which the library passes on the text alone.
type asking struct {
	*keys
	err error
}

// VerifySignature implements oidc.KeySet.
func (k *asking) VerifySignature(ctx context.Context, text string) (payload []byte, err error) {
	payload, k.err = k.keys.verify(ctx, text)
	return payload, k.err
}

// answer is what becomes of a client whose token could not be verified: it is to try again where the
// token may be good.
func (a *Authenticator) answer(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("oidc: %w", ctx.Err())
	case errors.Is(err, errUnavailable):
		return &proto.Error{Reason: closed.AuthenticationTimeout, Log: "authentication error - OIDC provider unavailable"}
	}
	return identity.ErrDenied
}

var _ identity.Authenticator = (*Authenticator)(nil)
