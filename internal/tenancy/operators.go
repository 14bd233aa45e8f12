package tenancy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/internal/trust/accounts"
	"github.com/baridmq/barid/internal/trust/auth"
	"github.com/baridmq/barid/internal/trust/claims"
	"github.com/baridmq/barid/internal/trust/resolver"
	"github.com/baridmq/barid/server/options"
)

// operated is what a server has whose accounts come from operators.
type operated struct {
	operators *claims.Operators
	accounts  *accounts.Accounts // nil without operators
	fetcher   *resolver.Fetcher
	own       bool                          // the resolver is a program's
	entrance  atomic.Pointer[auth.Operator] // made last
	claims    atomic.Pointer[claimService]  // nil before Start
}

// Trusting reports whether accounts come from operators.
func Trusting(o *options.Options) bool { return len(o.TrustedOperators) > 0 || len(o.TrustedKeys) > 0 }

// Stamp puts the operators in options that the program was built with, as text, if it was. running are
// the options in force, nil for none yet; next may have taken the operators over from them.
func Stamp(text string, running, next *options.Options) error {
	if running != nil && text != "" && slices.Equal(running.TrustedKeys, next.TrustedKeys) {
		return nil
	}
	keys, err := check.Stamped(text, next)
	if keys != nil {
		next.TrustedKeys = keys
	}
	return err
}

// trust prepares for operators.
func (t *Tenants) trust(o *options.Options) (err error) {
	if t.operators, err = claims.NewOperators(o.TrustedOperators, o.TrustedKeys); err != nil {
		return err
	}
	if err := t.operators.CheckVersion(t.cfg.Version); err != nil {
		return err
	}
	t.fetcher = resolver.NewFetcher(resolver.NewMemory(nil))
	t.accounts = accounts.New(accounts.Config{
		Registry: t.registry, Operators: t.operators, Tasks: t.cfg.Tasks, System: SystemAccount(o),
		Fetch: t.fetch, Changed: t.changed, Log: t.log,
	})
	return nil
}

// fetch asks the resolver for the JWT of an account.
func (t *Tenants) fetch(ctx context.Context, id string) (string, error) {
	token, err := t.fetcher.Fetch(ctx, id)
	if errors.Is(err, resolver.ErrNotFound) {
		err = absent{err}
	}
	return token, err
}

// absent is an accounts.ErrMissing with the text of a resolver.
type absent struct{ error }

// Is says that it is ErrMissing.
func (absent) Is(target error) bool { return target == accounts.ErrMissing }

// Unwrap returns what the resolver said.
func (a absent) Unwrap() error { return a.error }

// changed passes on that an account has changed.
func (t *Tenants) changed(a *account.Account) { t.cfg.Changed(a) }

// operatorAuth lets in whoever has a JWT, or whom a service of the JWT's account lets in.
func (t *Tenants) operatorAuth(o *options.Options, replaced identity.Authenticator) (identity.Authenticator, error) {
	pinned := o.ResolverPinnedAccounts
	if system := SystemAccount(o); len(pinned) > 0 && system != "" {
		pinned = append(pinned[:len(pinned):len(pinned)], system)
	}
	entrance, err := auth.NewOperator(auth.OperatorConfig{
		Accounts: t.accounts, Sentinel: o.DefaultSentinel, Pinned: pinned, Proxies: proxies(o),
		Before: innermost(replaced), Errorf: t.log.Errorf, Debugf: t.log.Debugf,
	})
	if err != nil {
		return nil, err
	}
	t.entrance.Store(entrance)
	outer, err := t.calledOut(o, entrance)
	if err != nil {
		return nil, err
	}
	return &wrapped{Authenticator: outer, inner: entrance}, nil
}

// PinnedFails is how many logins were refused as their account is not pinned.
func (t *Tenants) PinnedFails() uint64 {
	if e := t.entrance.Load(); e != nil {
		return e.PinnedFails()
	}
	return 0
}

// Tenant is what is known of an account by its JWT, nil for one that has none.
func (t *Tenants) Tenant(name string) *accounts.Tenant {
	if t.accounts == nil {
		return nil
	}
	return t.accounts.Loaded(name)
}

// greet logs whom the server trusts.
func (t *Tenants) greet() {
	o := t.now.Load()
	t.log.Noticef("Trusted Operators")
	for _, op := range o.TrustedOperators {
		t.log.Noticef("  System  : %q", op.Audience)
		t.log.Noticef("  Operator: %q", op.Name)
		t.log.Noticef("  Issued  : %v", time.Unix(op.IssuedAt, 0))
		if op.Expires == 0 {
			t.log.Noticef("  Expires : Never")
			continue
		}
		expires := time.Unix(op.Expires, 0)
		t.log.Noticef("  Expires : %v", expires)
		if time.Now().After(expires) {
			t.log.Warnf("The JWT of operator %q has expired", op.Name)
		}
	}
	if SystemAccount(o) == options.DefaultSystemAccount { // the operators named none
		t.log.Warnf("Trusted Operators should utilize a System Account")
	}
}

// startResolver opens where JWTs come from and loads the system account.
func (t *Tenants) startResolver(ctx context.Context) error {
	o := t.now.Load()
	t.greet()
	if !t.own { // else a program has said before whom to ask
		s, err := t.store(ctx, o)
		if err != nil {
			return err
		}
		t.useStore(s)
	}
	t.tellOfPreloads(o)
	name := SystemAccount(o)
	if name == "" || name == options.DefaultSystemAccount {
		return nil
	}
	_, err := t.accounts.Lookup(ctx, name)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, accounts.ErrInvalid):
		//lint:ignore ST1005 the text is one that operators search for
		return fmt.Errorf("Can't set system account: %w", err)
	case len(o.TrustedOperators) == 1 && o.Resolver != nil && o.Resolver.Kind != options.ResolverMemory:
		t.accounts.StandIn(name)
		return nil
	}
	return fmt.Errorf("error resolving system account: %w", err)
}

// tellOfPreloads warns of JWTs in the configuration that are not as they should be.
func (t *Tenants) tellOfPreloads(o *options.Options) {
	for id, token := range o.ResolverPreload {
		c, err := claims.DecodeAccount(token)
		if err != nil {
			t.log.Warnf("Account [%s] has validation issues:", id)
			t.log.Warnf("  - %s", err)
			continue
		}
		issues := claims.Validate(c)
		if !issues.Any() {
			continue
		}
		t.log.Warnf("Account [%s] has validation issues:", id)
		for _, text := range issues.Texts() {
			t.log.Warnf("  - %s", text)
		}
	}
}
