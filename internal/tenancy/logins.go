package tenancy

import (
	"crypto/rand"
	"fmt"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/config/translate"
	"github.com/baridmq/barid/internal/trust/auth"
	"github.com/baridmq/barid/server/options"
)

// NeedsLogin reports whether options name anybody who may enter, or somebody who decides about that.
func NeedsLogin(o *options.Options) bool {
	return o.CustomClientAuthentication != nil || Trusting(o) || o.OIDC != nil || o.AuthCallout != nil || named(o)
}

// named reports whether options name who may enter.
func named(o *options.Options) bool {
	return o.Users != nil || o.Nkeys != nil || o.Username != "" || o.Authorization != ""
}

// logins are what decides who may enter by the names, keys and tokens in options, whose accounts are
// there. They go on where the replaced ones were with those who guess.
func (t *Tenants) logins(o *options.Options, replaced identity.Authenticator) (identity.Authenticator, error) {
	global := t.registry.Get(account.Global)
	if !NeedsLogin(o) {
		return auth.NewOpen(global), nil
	}
	cfg := auth.Config{
		Token: o.Authorization, Account: global, ProxyRequired: o.ProxyRequired,
		NoAuthUser: o.NoAuthUser, Certificates: o.TLSMap, Before: replaced,
		Proxies: proxies(o), Warnf: t.log.Warnf, Debugf: t.log.Debugf,
	}
	var err error
	if cfg.Users, err = t.users(o); err != nil {
		return nil, err
	}
	if onlySystem(o, cfg.Users) && o.NoAuthUser == "" && !o.AuthorizationBlock {
		// Who configures no more than an entrance for operators does not mean to lock the others out.
		name := "nats-" + rand.Text()[:8]
		cfg.Users = append(cfg.Users, auth.User{Name: name, Account: global, Limits: account.Unlimited()})
		cfg.NoAuthUser = name
	}
	return auth.New(cfg)
}

// proxies are the keys of the trusted proxies.
func proxies(o *options.Options) (keys []string) {
	if o.Proxies != nil {
		for _, p := range o.Proxies.Trusted {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

// users are those that the options name; nil if there are only tokens.
func (t *Tenants) users(o *options.Options) ([]auth.User, error) {
	if o.Authorization != "" && o.Users == nil && o.Nkeys == nil && o.Username == "" {
		return nil, nil
	}
	users := []auth.User{}
	if o.Username != "" {
		users = append(users, auth.User{Name: o.Username, Password: o.Password, ProxyRequired: o.ProxyRequired,
			Account: t.accountOf(nil), Limits: account.Unlimited(), CertificateOnly: o.TLSMap && o.Password == ""})
	}
	for _, u := range o.Users {
		made, err := t.user(u.Account, u.Permissions, u.AllowedConnectionTypes)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Username, err)
		}
		made.Name, made.Password, made.ProxyRequired = u.Username, u.Password, u.ProxyRequired
		made.CertificateOnly = o.TLSMap && u.Password == ""
		users = append(users, made)
	}
	for _, u := range o.Nkeys {
		made, err := t.user(u.Account, u.Permissions, u.AllowedConnectionTypes)
		if err != nil {
			return nil, fmt.Errorf("nkey %q: %w", u.Nkey, err)
		}
		made.NKey, made.ProxyRequired = u.Nkey, u.ProxyRequired
		users = append(users, made)
	}
	return users, nil
}

// user makes what users of both sorts have in common.
func (t *Tenants) user(a *options.Account, p *options.Permissions, kinds map[string]struct{}) (auth.User, error) {
	compiled, err := perm.Compile(translate.Rules(p))
	if err != nil {
		return auth.User{}, err
	}
	u := auth.User{Account: t.accountOf(a), Permissions: compiled, Limits: account.Unlimited()}
	for k := range kinds {
		u.Kinds = append(u.Kinds, identity.Kind(k))
	}
	return u, nil
}

// accountOf returns the account of a user, which is there.
func (t *Tenants) accountOf(a *options.Account) *account.Account {
	if a == nil {
		return t.registry.Get(account.Global)
	}
	return t.registry.Get(a.Name)
}

// onlySystem reports whether the system account is the only one that is configured, and all users
// belong to it.
func onlySystem(o *options.Options, users []auth.User) bool {
	system := SystemAccount(o)
	for _, a := range o.Accounts {
		if a.Name != system {
			return false
		}
	}
	for _, u := range users {
		if u.Account.Name() != system {
			return false
		}
	}
	return len(users) > 0
}
