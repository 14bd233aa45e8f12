package server

import (
	"cmp"
	"crypto/rand"
	"fmt"

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

// makeAccounts enters the accounts that the options name. Those of users count, too: a program
// that embeds the server need not list them twice.
func (s *Server) makeAccounts() {
	if name := systemAccount(s.opts); name != "" {
		s.accounts.Put(account.Spec{Name: name, Limits: account.Unlimited()})
	}
	for _, a := range s.opts.Accounts {
		s.accountOf(a)
	}
}

// accountOf returns the account that a describes, the default one for nil.
func (s *Server) accountOf(a *options.Account) *account.Account {
	if a == nil || a.Name == account.Global {
		return s.accounts.Get(account.Global)
	}
	limits := account.Unlimited()
	if l := a.Limits; l != nil {
		limits = account.Limits{Connections: l.MaxConnections, Subscriptions: l.MaxSubscriptions, Payload: l.MaxPayload}
	}
	return s.accounts.Put(account.Spec{Name: a.Name, Limits: limits})
}

// needsLogin reports whether there are logins at all.
func needsLogin(o *Options) bool {
	return o.Users != nil || o.Nkeys != nil || o.Username != "" || o.Authorization != ""
}

// authenticator makes what decides who may enter.
func (s *Server) authenticator() (identity.Authenticator, error) {
	o := s.opts
	s.makeAccounts()
	global := s.accounts.Get(account.Global)
	if !needsLogin(o) {
		return auth.NewOpen(global), nil
	}
	cfg := auth.Config{
		Token: o.Authorization, Account: global, ProxyRequired: o.ProxyRequired,
		NoAuthUser: o.NoAuthUser, Certificates: o.TLSMap,
		Warnf: s.logs.Warnf, Debugf: s.logs.Debugf,
	}
	if o.Proxies != nil {
		for _, p := range o.Proxies.Trusted {
			cfg.Proxies = append(cfg.Proxies, p.Key)
		}
	}
	var err error
	if cfg.Users, err = s.users(); err != nil {
		return nil, err
	}
	if s.onlySystem(cfg.Users) && o.NoAuthUser == "" && !o.AuthorizationBlock {
		// Who configures no more than an entrance for operators does not mean to lock the others out.
		name := "nats-" + rand.Text()[:8]
		cfg.Users = append(cfg.Users, auth.User{Name: name, Account: global, Limits: account.Unlimited()})
		cfg.NoAuthUser = name
	}
	return auth.New(cfg)
}

// users are those that the options name; nil if there are only tokens.
func (s *Server) users() ([]auth.User, error) {
	o := s.opts
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
func (s *Server) onlySystem(users []auth.User) bool {
	system := systemAccount(s.opts)
	for _, a := range s.opts.Accounts {
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
