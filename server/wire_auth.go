package server

import (
	"sync/atomic"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/tenancy"
)

// gatekeeper has the authenticator in force, which a reload replaces.
type gatekeeper struct {
	now atomic.Pointer[identity.Authenticator]
}

func (g *gatekeeper) put(a identity.Authenticator) { g.now.Store(&a) }

func (g *gatekeeper) get() identity.Authenticator { return *g.now.Load() }

// Required reports whether clients have to say who they are.
func (g *gatekeeper) Required() bool { return g.get().Required() }

// makeTenants makes the accounts of the options in force.
func (s *Server) makeTenants() (err error) {
	s.tenants, err = tenancy.New(tenancy.Config{
		ID: s.id, Key: s.key, XKey: s.xkey, Version: VERSION,
		Tasks: s.tasks, IDs: &s.ids, Log: &s.logs,
		Changed: s.accountChanged, System: s.systemConfig,
	}, s.options())
	return err
}

// accountChanged has the connections of an account look whether they still may be there.
func (s *Server) accountChanged(a *account.Account) {
	if d := s.served(); d != nil {
		d.Renew(a)
	}
}

// authenticator makes what decides who may enter by the options, whose accounts are there. It
// goes on where the replaced one was with those who guess.
func (s *Server) authenticator(o *Options, replaced identity.Authenticator) (identity.Authenticator, error) {
	if o.CustomClientAuthentication != nil {
		return &customAuth{s: s, program: o.CustomClientAuthentication}, nil
	}
	return s.tenants.Authenticator(o, replaced)
}
