package server

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"sync/atomic"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/trust/auth"
	"github.com/baridmq/barid/server/options"
)

// defaultSystem is the name of the system account unless the options name another.
const defaultSystem = "$SYS"

// systemAccount is the name of the server's own account, empty if it has none.
func systemAccount(o *Options) string {
	if o.NoSystemAccount {
		return ""
	}
	return cmp.Or(o.SystemAccount, defaultSystem)
}

// gatekeeper has the authenticator in force, which a reload replaces.
type gatekeeper struct {
	now atomic.Pointer[identity.Authenticator]
}

func (g *gatekeeper) put(a identity.Authenticator) { g.now.Store(&a) }

func (g *gatekeeper) get() identity.Authenticator { return *g.now.Load() }

// Required reports whether clients have to say who they are.
func (g *gatekeeper) Required() bool { return g.get().Required() }

// specs describe the accounts that options name. Those of users count, too: a program that embeds
// the server need not list them twice. What an account is listed with counts more than what a
// user brings along.
func specs(o *Options) map[string]account.Spec {
	all := map[string]account.Spec{account.Global: {Name: account.Global, Limits: account.Unlimited()}}
	if name := systemAccount(o); name != "" {
		all[name] = account.Spec{Name: name, Limits: account.Unlimited()}
	}
	for _, u := range o.Users {
		describe(all, u.Account)
	}
	for _, u := range o.Nkeys {
		describe(all, u.Account)
	}
	for _, a := range o.Accounts {
		describe(all, a)
	}
	return all
}

// describe adds the account, or replaces what is known of it. The default one has no limits.
func describe(all map[string]account.Spec, a *options.Account) {
	if a == nil || a.Name == account.Global {
		return
	}
	limits := account.Unlimited()
	if l := a.Limits; l != nil {
		limits = account.Limits{Connections: l.MaxConnections, Subscriptions: l.MaxSubscriptions, Payload: l.MaxPayload}
	}
	all[a.Name] = account.Spec{Name: a.Name, Limits: limits}
}

// newAccounts makes those accounts of options that are not there yet, and returns their names.
// Those that are keep what they have.
func (s *Server) newAccounts(o *Options) (names []string) {
	for name, spec := range specs(o) {
		if s.accounts.Get(name) == nil {
			s.accounts.Put(spec)
			names = append(names, name)
		}
	}
	return names
}

// accountOf returns the account of a user, which is there.
func (s *Server) accountOf(a *options.Account) *account.Account {
	if a == nil {
		return s.accounts.Get(account.Global)
	}
	return s.accounts.Get(a.Name)
}

// needsLogin reports whether there are logins at all.
func needsLogin(o *Options) bool {
	return o.CustomClientAuthentication != nil ||
		o.Users != nil || o.Nkeys != nil || o.Username != "" || o.Authorization != ""
}

// authenticator makes what decides who may enter by the options, whose accounts are there. It
// goes on where the replaced one was with those who guess.
func (s *Server) authenticator(o *Options, replaced identity.Authenticator) (identity.Authenticator, error) {
	global := s.accounts.Get(account.Global)
	if o.CustomClientAuthentication != nil {
		return &customAuth{s: s, program: o.CustomClientAuthentication}, nil
	}
	if !needsLogin(o) {
		return auth.NewOpen(global), nil
	}
	cfg := auth.Config{
		Token: o.Authorization, Account: global, ProxyRequired: o.ProxyRequired,
		NoAuthUser: o.NoAuthUser, Certificates: o.TLSMap, Before: replaced,
		Warnf: s.logs.Warnf, Debugf: s.logs.Debugf,
	}
	if o.Proxies != nil {
		for _, p := range o.Proxies.Trusted {
			cfg.Proxies = append(cfg.Proxies, p.Key)
		}
	}
	var err error
	if cfg.Users, err = s.users(o); err != nil {
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

// users are those that the options name; nil if there are only tokens.
func (s *Server) users(o *Options) ([]auth.User, error) {
	if o.Authorization != "" && o.Users == nil && o.Nkeys == nil && o.Username == "" {
		return nil, nil
	}
	users := []auth.User{}
	if o.Username != "" {
		users = append(users, auth.User{Name: o.Username, Password: o.Password, ProxyRequired: o.ProxyRequired,
			Account: s.accountOf(nil), Limits: account.Unlimited(), CertificateOnly: o.TLSMap && o.Password == ""})
	}
	for _, u := range o.Users {
		made, err := s.user(u.Account, u.Permissions, u.AllowedConnectionTypes)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Username, err)
		}
		made.Name, made.Password, made.ProxyRequired = u.Username, u.Password, u.ProxyRequired
		made.CertificateOnly = o.TLSMap && u.Password == ""
		users = append(users, made)
	}
	for _, u := range o.Nkeys {
		made, err := s.user(u.Account, u.Permissions, u.AllowedConnectionTypes)
		if err != nil {
			return nil, fmt.Errorf("nkey %q: %w", u.Nkey, err)
		}
		made.NKey, made.ProxyRequired = u.Nkey, u.ProxyRequired
		users = append(users, made)
	}
	return users, nil
}

// user makes what users of both sorts have in common.
func (s *Server) user(a *options.Account, p *options.Permissions, kinds map[string]struct{}) (auth.User, error) {
	compiled, err := perm.Compile(config.Rules(p))
	if err != nil {
		return auth.User{}, err
	}
	u := auth.User{Account: s.accountOf(a), Permissions: compiled, Limits: account.Unlimited()}
	for k := range kinds {
		u.Kinds = append(u.Kinds, identity.Kind(k))
	}
	return u, nil
}

// onlySystem reports whether the system account is the only one that is configured, and all users
// belong to it.
func onlySystem(o *Options, users []auth.User) bool {
	system := systemAccount(o)
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
