// Package accounts holds the accounts that JWTs describe: it loads them when they are needed, checks
// whom they come from, puts them into the registry of the bus and keeps them up to date.
//
// It knows no connection and no resolver. It has one goroutine of a task group, which waits for what
// expires, one for a stand-in of the system account as long as there is one, and for a moment others
// that look for accounts that could not be found before. Its lock is a leaf.
package accounts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/guard"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/trust/claims"
)

// Errors of Lookup and Update, to be matched with errors.Is. Their texts are what operators read.
var (
	// ErrMissing is for an account that no resolver has. What a resolver says stands in its place
	// in the text.
	ErrMissing = errors.New("account missing")
	ErrExpired = errors.New("account expired")
	ErrInvalid = errors.New("account validation failed")
)

// Config is what Accounts need.
type Config struct {
	Registry  *account.Registry
	Operators *claims.Operators
	// Tasks runs the goroutines.
	Tasks *task.Group
	// System is the id of the system account; empty for none.
	System string
	// Fetch asks a resolver for the JWT of an account; nil for no resolver. It may block until ctx ends
	// and is called by several goroutines, but for one id by one at a time. It must not call Accounts.
	// An error that is ErrMissing says that there is none, others that nobody knows.
	Fetch func(ctx context.Context, id string) (string, error)
	// Changed is called without locks after the claims of a loaded account were applied, or it expired
	// or was deleted, so that its connections are asked again; nil for nobody. It must not wait for
	// a Lookup.
	Changed func(*account.Account)
	// Log is written to; nil for nothing.
	Log Log
}

// Log takes log lines.
type Log interface {
	Noticef(format string, v ...any)
	Warnf(format string, v ...any)
	Errorf(format string, v ...any)
	Debugf(format string, v ...any)
}

// Accounts are the accounts of a server with operators. All methods may be called by any goroutine.
type Accounts struct {
	// fixed
	cfg  Config
	open context.Context // ends with Close
	shut context.CancelFunc
	wake chan struct{} // the next timer is another one

	mu struct {
		guard.RWLeaf
		slots  map[string]*slot
		timers timers
	}
}

// slot is the place of one account. It exists while the account is loaded or somebody tries to.
type slot struct {
	id  string
	now atomic.Pointer[Tenant] // nil until it is loaded; see below for who sets it
	// turn has room for one: who has put something in may load and change the account. Only that it
	// expired may be noted without it.
	turn    chan struct{}
	fetched time.Time // when a resolver was asked last; whoever has the turn
	// missing says that exporters could not be found, searched when that was, in ns of Unix time.
	missing  atomic.Bool
	searched atomic.Int64

	// guarded by Accounts.mu
	users int       // who have the turn or wait for it
	at    time.Time // of its timer
	index int       // in the timers, -1 if there is none
}

// New returns Accounts without any. Close must be called.
func New(cfg Config) *Accounts {
	if cfg.Log == nil {
		cfg.Log = silent{}
	}
	if cfg.Changed == nil {
		cfg.Changed = func(*account.Account) {}
	}
	a := &Accounts{cfg: cfg, wake: make(chan struct{}, 1)}
	a.open, a.shut = context.WithCancel(context.Background())
	a.mu.slots = map[string]*slot{}
	cfg.Tasks.Go("account timers", a.watch)
	return a
}

// Close stops the timers and what is being loaded. What is loaded stays.
func (a *Accounts) Close() { a.shut() }

// Lookup returns an account, which it loads if it has to, with those it imports from. Errors are, or
// wrap, ErrMissing, ErrExpired and ErrInvalid, or the context's. An account that expired and of which
// a resolver has nothing newer is no error: see Tenant.Expired.
func (a *Accounts) Lookup(ctx context.Context, id string) (*Tenant, error) {
	if s, t := a.get(id); t != nil && !t.over(time.Now()) {
		if s.missing.Load() {
			a.searchAgain(s, t)
		}
		return t, nil
	}
	t, err := a.load(ctx, id)
	if err != nil {
		return nil, err
	}
	a.loadExporters(ctx, t)
	return t, nil
}

// Loaded returns an account if it is loaded, else nil.
func (a *Accounts) Loaded(id string) *Tenant {
	_, t := a.get(id)
	return t
}

// All returns the loaded accounts in the order of their ids.
func (a *Accounts) All() []*Tenant {
	a.mu.RLock()
	ids := slices.Collect(maps.Keys(a.mu.slots))
	a.mu.RUnlock()
	slices.Sort(ids)
	all := make([]*Tenant, 0, len(ids))
	for _, id := range ids {
		if t := a.Loaded(id); t != nil {
			all = append(all, t)
		}
	}
	return all
}

// Update applies a new JWT to an account if it is loaded, and reports whether it did. Claims that are
// in force already are no error, and neither are those that have expired: the account has, then. An
// error is, or wraps, ErrInvalid, or is that of the context; the old claims stay in force.
func (a *Accounts) Update(ctx context.Context, id, token string) (applied bool, err error) {
	if a.Loaded(id) == nil {
		return false, nil
	}
	t, err := a.update(ctx, id, token)
	if err != nil || t == nil {
		return false, err
	}
	a.loadExporters(ctx, t)
	return true, nil
}

func (a *Accounts) update(ctx context.Context, id, token string) (*Tenant, error) {
	s, err := a.take(ctx, id)
	if err != nil {
		return nil, err
	}
	defer a.give(s)
	t := s.now.Load()
	switch {
	case t == nil:
		return nil, nil
	case token == t.Token && !t.deleted && t.Complete():
		a.cfg.Log.Debugf("Requested account update for [%s], same claims detected", id)
		return t, nil
	}
	c, err := a.check(id, token, true)
	if err != nil {
		return nil, err
	}
	return a.apply(s, token, c), nil
}

// Removed disables an account that was deleted: nobody enters, and who is in has to go. An Update, or
// a Lookup that finds a JWT, enables it again, whether that is another one or not.
func (a *Accounts) Removed(id string) {
	if a.Loaded(id) == nil {
		return
	}
	s, err := a.take(a.open, id)
	if err != nil {
		return // it closes
	}
	defer a.give(s)
	a.remove(s)
}

// remove is Removed for who has the turn.
func (a *Accounts) remove(s *slot) {
	t := s.now.Load()
	if t == nil || t.deleted {
		return
	}
	a.cfg.Log.Debugf("Disable account %s due to remove", s.id)
	spec := t.Claims.Spec()
	spec.Exports, spec.Imports = nil, nil
	gone := *t
	gone.expired, gone.deleted, gone.Account = true, true, a.cfg.Registry.Put(spec)
	s.now.Store(&gone)
	a.schedule(s, time.Time{})
	a.cfg.Changed(gone.Account)
}

// Reload fetches all accounts again, as a resolver that knows them all has other JWTs now. Those that
// it does not have any more (ErrMissing), or not a valid one of, are deleted; those of which it cannot
// tell stay what they are. It ends early if ctx does.
func (a *Accounts) Reload(ctx context.Context) {
	for _, t := range a.All() {
		if t.Token == "" || a.cfg.Fetch == nil {
			continue // a stand-in looks by itself
		}
		if err := a.reload(ctx, t.ID); err != nil {
			return
		}
		if now := a.Loaded(t.ID); now != nil && !now.deleted {
			a.loadExporters(ctx, now)
		}
	}
}

// reload is Reload for one account. An error says that the context ended.
func (a *Accounts) reload(ctx context.Context, id string) error {
	s, err := a.take(ctx, id)
	if err != nil {
		return err
	}
	defer a.give(s)
	t := s.now.Load()
	token, err := a.cfg.Fetch(ctx, id)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrMissing):
		a.cfg.Log.Noticef("Reloaded: deleting account [removed]: %q", id)
		a.remove(s)
		return nil
	case err != nil: // nobody knows whether it is still there
		a.cfg.Log.Errorf("Reloaded: account %q stays what it was: %v", id, err)
		return nil
	case token == t.Token && !t.deleted && t.Complete():
		return nil
	}
	c, err := a.check(id, token, false)
	if err != nil {
		a.cfg.Log.Noticef("Reloaded: deleting account [bad claims]: %q", id)
		a.remove(s)
		return nil
	}
	a.apply(s, token, c)
	return nil
}

// retryAfter is the pause before a stand-in looks for its account again.
const retryAfter = time.Second

// StandIn makes an account with that id, without a JWT, in place of the system account that could not
// be loaded, and tries each second to load the real one until it is there or Close is called. It
// returns what is in the place already, if there is something, and nil after Close.
func (a *Accounts) StandIn(id string) *Tenant {
	s, err := a.take(a.open, id)
	if err != nil {
		return nil
	}
	defer a.give(s)
	if t := s.now.Load(); t != nil {
		return t
	}
	a.cfg.Log.Noticef("Using bootstrapping system account")
	t := a.apply(s, "", claims.StandIn(id))
	if a.cfg.Fetch != nil {
		a.cfg.Tasks.Go("account stand-in", func() { a.replace(id) })
	}
	return t
}

// replace waits for the account that a stand-in stands for.
func (a *Accounts) replace(id string) {
	tick := time.NewTicker(retryAfter)
	defer tick.Stop()
	for {
		select {
		case <-a.open.Done():
			return
		case <-tick.C:
		}
		t := a.Loaded(id)
		if t.Token == "" {
			token, err := a.cfg.Fetch(a.open, id)
			if err != nil {
				continue
			}
			if _, err = a.Update(a.open, id, token); err != nil {
				continue
			}
		}
		a.cfg.Log.Noticef("System account fetched and updated")
		return
	}
}

// get returns the slot of an account and what is in it; nil if there is nothing.
func (a *Accounts) get(id string) (*slot, *Tenant) {
	a.mu.RLock()
	s := a.mu.slots[id]
	a.mu.RUnlock()
	if s == nil {
		return nil, nil
	}
	return s, s.now.Load()
}

// take waits for the turn to load or change an account. Without an error, give must follow.
func (a *Accounts) take(ctx context.Context, id string) (*slot, error) {
	a.mu.Lock()
	s := a.mu.slots[id]
	if s == nil {
		s = &slot{id: id, turn: make(chan struct{}, 1), index: -1}
		a.mu.slots[id] = s
	}
	s.users++
	a.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		return s, nil
	case <-ctx.Done():
	}
	a.leave(s)
	return nil, ctx.Err()
}

// give gives the turn on.
func (a *Accounts) give(s *slot) {
	<-s.turn
	a.leave(s)
}

// leave forgets a slot that nobody needs, so that names of accounts that do not exist take no memory.
func (a *Accounts) leave(s *slot) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.users--; s.users == 0 && s.now.Load() == nil {
		delete(a.mu.slots, s.id)
	}
}

// silent is a Log of nothing.
type silent struct{}

func (silent) Noticef(string, ...any) {}
func (silent) Warnf(string, ...any)   {}
func (silent) Errorf(string, ...any)  {}
func (silent) Debugf(string, ...any)  {}
