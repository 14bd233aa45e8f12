package server

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/internal/tenancy"
	"github.com/baridmq/barid/server/options"
)

// Errors of the methods about accounts.
var (
	// ErrMissingAccount says that the server has no account of that name.
	ErrMissingAccount = tenancy.ErrMissing
	// ErrAccountExists says that it has one already.
	ErrAccountExists = errors.New("account exists")

	errAccountName = errors.New("an account needs a name")
	errSystemInUse = errors.New("the system account of a running server can not be changed")
)

// handles are what programs get to see of the accounts of a server, one for each account, and the
// source of more.
type handles struct {
	mu struct {
		sync.Mutex
		made     map[string]handle // by name
		resolver AccountResolver
	}
}

// handle is what programs see of an account, which a reload may have replaced since.
type handle struct {
	account *account.Account
	shown   *Account
}

// live answers for an account.
type live struct {
	*account.Account
	server *Server
}

// Interest implements options.LiveAccount.
func (l live) Interest(literal string) int {
	if !subject.ValidPublish(literal) || subject.HasWildcard(literal) {
		return 0
	}
	var found account.Matches
	l.Match([]byte(literal), &found)
	n := len(found.Plain)
	for _, q := range found.Queues {
		n += len(q.Members)
	}
	return n
}

// Rules implements options.LiveAccount.
func (l live) Rules() options.AccountRules { return l.server.tenants.Rules(l.Account) }

// Change implements options.LiveAccount.
func (l live) Change(f func(*options.AccountRules) error) error {
	l.server.life.Lock() // a reload changes accounts, too
	defer l.server.life.Unlock()
	return l.server.tenants.Change(l.Account, f)
}

// PendingResponses implements options.LiveAccount.
func (l live) PendingResponses() int {
	return l.PendingReplies()
}

// of returns the handle of an account of this server.
func (h *handles) of(s *Server, a *account.Account) *Account {
	h.mu.Lock()
	defer h.mu.Unlock()
	if made := h.mu.made[a.Name()]; made.account == a {
		return made.shown
	}
	made := NewAccount(a.Name())
	if l := a.Limits(); l != account.Unlimited() {
		made.Limits = &AccountLimits{MaxConnections: l.Connections, MaxSubscriptions: l.Subscriptions, MaxPayload: l.Payload}
	}
	made.Attach(live{a, s})
	if h.mu.made == nil {
		h.mu.made = map[string]handle{}
	}
	h.mu.made[a.Name()] = handle{a, made}
	return made
}

// forget drops the handles of accounts that are not in a registry.
func (h *handles) forget(r *account.Registry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.mu.made, func(name string, made handle) bool { return r.Get(name) != made.account })
}

// attach makes the accounts of options answer for those of this server, which has them all, and
// forgets those that the server has no more.
func (s *Server) attach(o *Options) {
	s.handles.forget(s.tenants.Registry())
	attach := func(a *Account) {
		if a == nil {
			return
		}
		if found := s.tenants.Registry().Get(a.Name); found != nil {
			a.Attach(live{found, s})
		}
	}
	for _, a := range o.Accounts {
		attach(a)
	}
	for _, u := range o.Users {
		if u != nil {
			attach(u.Account)
		}
	}
	for _, u := range o.Nkeys {
		if u != nil {
			attach(u.Account)
		}
	}
}

// LookupAccount returns the account of that name, loaded if need be, or an ErrMissingAccount. The result belongs to this
// server and is the same every time; nobody may change its fields.
func (s *Server) LookupAccount(name string) (*Account, error) {
	ctx, cancel := context.WithTimeout(s.ending, lookupTime)
	defer cancel()
	a, err := s.tenants.Lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.handles.of(s, a), nil
}

// lookupTime is how long a program waits for an account that is not loaded.
const lookupTime = 5 * time.Second

// RegisterAccount makes an account without limits, or returns ErrAccountExists. A reload keeps it.
func (s *Server) RegisterAccount(name string) (*Account, error) {
	if name == "" {
		return nil, errAccountName
	}
	a, isNew := s.LookupOrRegisterAccount(name)
	if !isNew {
		return nil, ErrAccountExists
	}
	return a, nil
}

// LookupOrRegisterAccount returns the account of that name, which is made if there is none.
func (s *Server) LookupOrRegisterAccount(name string) (found *Account, isNew bool) {
	if a := s.tenants.Registry().Get(name); a != nil {
		return s.handles.of(s, a), false
	}
	s.life.Lock() // a reload makes accounts, too
	defer s.life.Unlock()
	a, isNew := s.tenants.Register(name)
	return s.handles.of(s, a), isNew
}

// NumLoadedAccounts returns the number of accounts, those that every server has included.
func (s *Server) NumLoadedAccounts() int { return len(s.tenants.Registry().All()) }

// NumActiveAccounts returns the number of accounts with client connections.
func (s *Server) NumActiveAccounts() int32 {
	var n int32
	for _, a := range s.tenants.Registry().All() {
		if a.Connections() > 0 {
			n++
		}
	}
	return n
}

// SystemAccount returns the account that is the server's own, nil if it has none.
func (s *Server) SystemAccount() *Account {
	name := tenancy.SystemAccount(s.options())
	if name == "" {
		return nil
	}
	a, _ := s.LookupAccount(name)
	return a
}

// SetSystemAccount makes an account the server's own, before the server is started. The error is
// ErrMissingAccount if there is none of that name.
func (s *Server) SetSystemAccount(name string) error {
	s.life.Lock()
	defer s.life.Unlock()
	o := s.options()
	switch {
	case s.tenants.Registry().Get(name) == nil:
		return ErrMissingAccount
	case tenancy.SystemAccount(o) == name:
		return nil
	case s.hasStarted():
		return errSystemInUse
	}
	next := *o // options in force are replaced, never changed
	next.SystemAccount, next.NoSystemAccount = name, false
	s.tenants.Apply(o, &next)
	s.current.Store(&next)
	return nil
}

// hasStarted reports whether Start was called.
func (s *Server) hasStarted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.started
}
