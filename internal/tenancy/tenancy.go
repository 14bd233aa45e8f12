// Package tenancy is the wiring of a server's accounts: it makes them of options, connects what trusts
// JWTs with where these come from, with those who decide who may enter, and with the services of the
// system account.
//
// It knows no listener and no configuration file. It owns one goroutine, which looks for requests that
// nobody has answered, and no lock: Prepare, Apply, Change, Claim, Register, SetResolver, Start and Stop are called by whoever
// controls the server, one after the other.
package tenancy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/fanout"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/config/translate"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/observe/system"
	"github.com/baridmq/barid/internal/trust/callout"
	"github.com/baridmq/barid/server/options"
)

// Log takes log lines. Its methods may be called by any goroutine.
type Log interface {
	Noticef(format string, v ...any)
	Warnf(format string, v ...any)
	Errorf(format string, v ...any)
	Debugf(format string, v ...any)
}

// Config is what Tenants need. All fields are required.
type Config struct {
	// ID is the server's public key, Key its pair, which signs; XKey is the curve pair for encryption.
	ID        string
	Key, XKey nkeys.KeyPair
	// Version is the level of the protocol that operators may ask for.
	Version string
	Tasks   *task.Group
	// IDs gives connections and ports their numbers.
	IDs *atomic.Uint64
	Log Log
	// Changed is called when what is known of an account has changed, so that its connections are
	// asked again.
	Changed func(*account.Account)
	// System is what the services of the system account show and do, but for what is known here.
	System func() system.Config
}

// Tenants are the accounts of a server and all that decides about them.
type Tenants struct {
	cfg      Config
	log      Log
	registry *account.Registry
	operated // by operators, in their mode

	now      atomic.Pointer[options.Options] // in force
	services atomic.Pointer[services]        // of the system account; nil before Start and without one
	ports    *callout.Ports
}

// New makes the accounts that options describe. It opens nothing.
func New(cfg Config, o *options.Options) (*Tenants, error) {
	t := &Tenants{cfg: cfg, log: cfg.Log, registry: account.NewRegistry()}
	t.now.Store(o)
	t.ports = callout.NewPorts(cfg.Tasks, t.nextID)
	if Trusting(o) {
		if err := t.trust(o); err != nil {
			return nil, err
		}
	}
	t.registry.SetSystem(SystemAccount(o))
	for _, spec := range specs(o) {
		t.registry.Put(spec)
	}
	return t, nil
}

// SystemAccount is the name of the server's own account by options, empty if it has none.
func SystemAccount(o *options.Options) string {
	switch {
	case o.NoSystemAccount:
		return ""
	case o.SystemAccount == "" && len(o.TrustedOperators) == 1:
		return cmp.Or(o.TrustedOperators[0].SystemAccount, options.DefaultSystemAccount)
	}
	return cmp.Or(o.SystemAccount, options.DefaultSystemAccount)
}

// specs describe the accounts that options name, but not those that only their operators know.
func specs(o *options.Options) []account.Spec {
	all := translate.Accounts(o)
	if !Trusting(o) {
		return all
	}
	kept := all[:0]
	for _, s := range all {
		if !nkeys.IsValidPublicAccountKey(s.Name) {
			kept = append(kept, s)
		}
	}
	return kept
}

// Registry has the accounts.
func (t *Tenants) Registry() *account.Registry { return t.registry }

// System is the server's own account, nil if it has none or does not have it yet.
func (t *Tenants) System() *account.Account {
	return t.registry.Get(SystemAccount(t.now.Load()))
}

// Start begins what the accounts need to work, until ctx ends: it looks for the system account and
// begins its services. The error ends the start of the server.
func (t *Tenants) Start(ctx context.Context) error {
	t.cfg.Tasks.Go("answers", func() { t.tick(ctx) })
	if t.accounts != nil {
		if err := t.startResolver(ctx); err != nil {
			return err
		}
	}
	return t.startServices()
}

// tick looks for requests between accounts that nobody has answered in time, until ctx ends.
func (t *Tenants) tick(ctx context.Context) {
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
			due.Reset(time.Until(fanout.Tick(t.registry, time.Now())))
		}
	}
}

// Stop ends what Start began. What is left to say is said: ctx bounds the time for it.
func (t *Tenants) Stop(ctx context.Context) {
	t.stopServices(ctx)
	t.stopResolver()
}

// Lookup returns an account, loaded if need be. The error is an ErrMissing.
func (t *Tenants) Lookup(ctx context.Context, name string) (*account.Account, error) {
	if a := t.registry.Get(name); a != nil {
		return a, nil
	}
	if t.accounts == nil || !nkeys.IsValidPublicAccountKey(name) {
		return nil, ErrMissing
	}
	found, err := t.accounts.Lookup(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return found.Account, nil
}

// ErrMissing says that there is no account of that name.
var ErrMissing = errors.New("account missing")

// Authenticator makes what decides who may enter by the options, whose accounts are there; replaced
// is what does so now, nil for nothing.
func (t *Tenants) Authenticator(o *options.Options, replaced identity.Authenticator) (identity.Authenticator, error) {
	if t.accounts != nil {
		return t.operatorAuth(o, replaced)
	}
	return t.configAuth(o, replaced)
}

// Remove lets an account go.
func (t *Tenants) Remove(name string) { t.registry.Remove(name) }

// Register makes an account without limits if there is none of that name.
func (t *Tenants) Register(name string) (a *account.Account, isNew bool) {
	if a := t.registry.Get(name); a != nil {
		return a, false
	}
	return t.registry.Put(account.Spec{
		Name: name, Limits: account.Unlimited(), Imports: account.SystemImports(SystemAccount(t.now.Load()), name),
	}), true
}
