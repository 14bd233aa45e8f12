package tenancy

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/config/translate"
	"github.com/baridmq/barid/internal/trust/accounts"
	"github.com/baridmq/barid/internal/trust/auth"
	"github.com/baridmq/barid/internal/trust/callout"
	"github.com/baridmq/barid/internal/trust/oidc"
	"github.com/baridmq/barid/server/options"
)

// wrapped is an Authenticator that others stand before.
type wrapped struct {
	identity.Authenticator
	inner    identity.Authenticator // the last one
	provider identity.Authenticator // the one of OpenID Connect; nil for none
}

// innermost returns the Authenticator that others stand before, a itself if there are none.
func innermost(a identity.Authenticator) identity.Authenticator {
	if w, ok := a.(*wrapped); ok {
		return w.inner
	}
	return a
}

// configAuth lets in whom a configuration names, whom its provider of OpenID Connect vouches for, and
// whom its service lets in.
func (t *Tenants) configAuth(o *options.Options, replaced identity.Authenticator) (identity.Authenticator, error) {
	inner, err := t.logins(o, innermost(replaced))
	if err != nil {
		return nil, err
	}
	outer := inner
	if o.OIDC != nil {
		if outer, err = t.vouchedFor(o, outer, replaced); err != nil {
			return nil, err
		}
	}
	provider := outer
	if o.AuthCallout != nil {
		if outer, err = t.calledOut(o, outer); err != nil {
			return nil, err
		}
	}
	if outer == inner {
		return inner, nil
	}
	w := &wrapped{Authenticator: outer, inner: inner}
	if o.OIDC != nil {
		w.provider = provider
	}
	return w, nil
}

// calledOut has services asked before next lets anybody in.
func (t *Tenants) calledOut(o *options.Options, next identity.Authenticator) (identity.Authenticator, error) {
	cfg := callout.Config{
		Next: next, Ports: t.ports, Key: t.cfg.Key, Curve: t.cfg.XKey,
		Server:  jwt.ServerID{Name: o.ServerName, Host: o.Host, ID: t.cfg.ID, Version: t.cfg.Version, Cluster: o.Cluster.Name, Tags: o.Tags},
		Timeout: seconds(o.AuthTimeout), Proxies: proxies(o), Warnf: t.log.Warnf, Debugf: t.log.Debugf,
	}
	if cfg.Server.Name == "" {
		cfg.Server.Name = t.cfg.ID
	}
	if entrance, ok := next.(*auth.Operator); ok {
		cfg.Operators = claimants{entrance, t.accounts}
		outer, err := callout.New(cfg)
		return outer, err
	}
	c := o.AuthCallout
	service := &callout.Static{
		Issuer: c.Issuer, Account: t.registry.Get(cmp.Or(c.Account, account.Global)), Users: c.AuthUsers, XKey: c.XKey,
		Allowed: c.AllowedAccounts, Certificates: o.TLSMap,
		Lookup: func(name string) (*account.Account, *perm.Permissions) { return t.registry.Get(name), nil },
		Known:  func(name string) bool { return knows(o, name) },
	}
	if service.Account == nil {
		t.log.Errorf("Authorization callout account %q not valid", c.Account)
		return nil, ErrMissing
	}
	for _, name := range c.AuthUsers {
		if !knows(o, name) {
			t.log.Errorf("Authorization callout user %q not valid: %v", name, "no such user")
		}
	}
	cfg.Static = service
	return callout.New(cfg)
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// claimants are the accounts of operators as callouts see them.
type claimants struct {
	*auth.Operator
	all *accounts.Accounts
}

// Lookup implements callout.Operators.
func (c claimants) Lookup(ctx context.Context, id string) (*accounts.Tenant, error) {
	return c.all.Lookup(ctx, id)
}

// Loaded implements callout.Operators.
func (c claimants) Loaded(id string) *accounts.Tenant { return c.all.Loaded(id) }

// knows reports whether options have a user with that name or nkey.
func knows(o *options.Options, name string) bool {
	return name != "" && (o.Username == name ||
		slices.ContainsFunc(o.Users, func(u *options.User) bool { return u.Username == name }) ||
		slices.ContainsFunc(o.Nkeys, func(u *options.NkeyUser) bool { return u.Nkey == name }))
}

// vouchedFor lets those in, too, that have a token of a provider.
func (t *Tenants) vouchedFor(o *options.Options, next, replaced identity.Authenticator) (identity.Authenticator, error) {
	c := o.OIDC
	cfg := oidc.Config{
		Issuer: c.Issuer, Audience: c.Audience, JWKSURL: c.JWKSURL, CAFile: c.CAFile, Algorithms: c.Algorithms,
		ClockSkew: c.ClockSkew, UserClaim: c.UserClaim, Account: c.Account, AccountClaim: c.AccountClaim,
		AllowedAccounts: c.AllowedAccounts, System: SystemAccount(o),
		PublishClaim: c.PublishClaim, SubscribeClaim: c.SubscribeClaim, RolesClaim: c.RolesClaim,
		Permissions: ruled(c.Permissions), MaxSubscriptions: c.MaxSubscriptions, MaxPayload: c.MaxPayload,
		Accounts: t.registry.Get, Next: next, Warnf: t.log.Warnf, Debugf: t.log.Debugf,
	}
	for _, r := range c.Roles {
		cfg.Roles = append(cfg.Roles, oidc.Role{Name: r.Name, Account: r.Account, Permissions: ruled(r.Permissions)})
	}
	if w, ok := replaced.(*wrapped); ok && w.provider != nil {
		cfg.Before = w.provider
	}
	return oidc.New(cfg)
}

// ruled are permissions as rules, nil for none.
func ruled(p *options.Permissions) *perm.Rules {
	if p == nil {
		return nil
	}
	r := translate.Rules(p)
	return &r
}
