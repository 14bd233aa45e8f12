package account

import (
	"maps"
	"reflect"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/core/guard"
)

// Registry holds the accounts of one server by name, and wires them: who gets what of whom. All methods
// may be called by any goroutine.
type Registry struct {
	mu struct {
		guard.RWLeaf
		accounts map[string]*Account
	}
	// wiring is held while plans are made. Plans are carried out without it.
	wiring struct {
		guard.Owner
		system    string
		importers map[string]map[string]struct{} // of each exporter, by what specs want
	}
	// hasty is set once there was a measured service that has less than a second to answer.
	hasty atomic.Bool
}

// NewRegistry returns a registry that holds the global account, without limits.
func NewRegistry() *Registry {
	r := &Registry{}
	r.mu.accounts = map[string]*Account{}
	r.wiring.importers = map[string]map[string]struct{}{}
	r.Put(Spec{Name: Global, Limits: Unlimited()})
	return r
}

// SetSystem says which account is the server's own. Requests that reach it by imports tell it from which
// server and cluster they come. It holds for imports that are wired afterwards.
func (r *Registry) SetSystem(name string) {
	r.wiring.Lock()
	defer r.wiring.Unlock()
	r.wiring.system = name
}

// Put makes the account that s describes, or changes the existing one of that name. When it returns,
// imports, exports and mappings of s are in force, for the account, for those that import from it, and
// for their open subscriptions. Mappings must be valid: if they cannot be compiled there are none. Put
// returns the account.
func (r *Registry) Put(s Spec) *Account {
	a, changed := r.put(&s)
	carryOut(changed)
	return a
}

func (r *Registry) put(s *Spec) (*Account, []*Account) {
	r.wiring.Lock()
	defer r.wiring.Unlock()
	a, old := r.Get(s.Name), &Spec{}
	others := true // are concerned, too
	if a == nil {
		a = newAccount(s.Name)
	} else {
		old = a.spec.Load()
		others = !reflect.DeepEqual(old.Exports, s.Exports) || !reflect.DeepEqual(old.Signers, s.Signers)
	}
	r.noteImportsLocked(s.Name, old.Imports, s.Imports)
	a.configure(s)
	if slices.ContainsFunc(s.Exports, func(e Export) bool { return e.Latency != nil && e.Threshold > 0 && e.Threshold < idle }) {
		r.hasty.Store(true)
	}
	r.mu.Lock()
	r.mu.accounts[s.Name] = a
	r.mu.Unlock()
	return a, r.planLocked(s.Name, others)
}

// noteImportsLocked enters what the account name imports now in the table of importers.
func (r *Registry) noteImportsLocked(name string, old, now []Import) {
	for i := range old {
		from := old[i].Account
		delete(r.wiring.importers[from], name)
		if len(r.wiring.importers[from]) == 0 {
			delete(r.wiring.importers, from)
		}
	}
	for i := range now {
		from := now[i].Account
		if r.wiring.importers[from] == nil {
			r.wiring.importers[from] = map[string]struct{}{}
		}
		r.wiring.importers[from][name] = struct{}{}
	}
}

// Rewire looks again at the imports of an account, since a grant has begun or ended.
func (r *Registry) Rewire(name string) {
	carryOut(r.rewire(name))
}

func (r *Registry) rewire(name string) []*Account {
	r.wiring.Lock()
	defer r.wiring.Unlock()
	if r.Get(name) == nil {
		return nil
	}
	return r.planLocked(name, false)
}

// Remove takes the account with the given name out and reports whether it was there. It stays
// valid for those who are in it, but other accounts lose what they imported from it, it loses what it
// imported, and no reply comes or goes any more; an account of that name that is made later is another
// one. The global account cannot be removed.
func (r *Registry) Remove(name string) bool {
	changed, ok := r.remove(name)
	carryOut(changed)
	return ok
}

func (r *Registry) remove(name string) ([]*Account, bool) {
	r.wiring.Lock()
	defer r.wiring.Unlock()
	a := r.Get(name)
	if name == Global || a == nil {
		return nil, false
	}
	r.noteImportsLocked(name, a.spec.Load().Imports, nil)
	r.mu.Lock()
	delete(r.mu.accounts, name)
	r.mu.Unlock()
	a.gone.Store(true)
	a.plan.Store(&plan{})
	a.answers.clear()
	return append(r.planLocked(name, true), a), true
}

// planLocked makes new plans for the account name and for those that it concerns: all that import from it
// if others is set or its streams have changed. It returns the accounts that have new plans.
func (r *Registry) planLocked(name string, others bool) []*Account {
	made := map[string]*plan{} // plans in the making
	w := world{now: time.Now()}
	w.spec = func(name string) *Spec {
		if a := r.Get(name); a != nil {
			return a.spec.Load()
		}
		return nil
	}
	w.links = func(name string) []*link {
		if p := made[name]; p != nil {
			return p.links
		}
		if a := r.Get(name); a != nil {
			return a.plan.Load().links
		}
		return nil
	}
	r.judgeLocked(&w, made, []string{name})
	if others || r.linksChanged(name, made[name]) {
		r.judgeLocked(&w, made, r.importersLocked(name))
	}
	find := newRoutes(r.Get, made, w.links)
	changed := make([]*Account, 0, len(made))
	for _, name := range slices.Sorted(maps.Keys(made)) { // what budgets refuse does not depend on chance
		a, p := r.Get(name), made[name]
		for _, l := range p.links {
			if l.imp.Kind == Service {
				p.services = append(p.services, newPassage(a, r.Get(l.imp.Account), l, l.imp.Account == r.wiring.system))
			}
		}
		find.complete(name, p)
		a.plan.Store(p)
		changed = append(changed, a)
	}
	return changed
}

// judgeLocked decides about the imports of accounts. One that was refused for a cycle is looked at
// again when all of them are known.
func (r *Registry) judgeLocked(w *world, made map[string]*plan, names []string) {
	const rounds = 3
	for round := 0; round < rounds && len(names) > 0; round++ {
		var again []string
		for _, name := range names {
			a := r.Get(name)
			if a == nil {
				continue
			}
			p := &plan{}
			p.states, p.links = w.judge(a.spec.Load())
			made[name] = p
			if retry(p.states) {
				again = append(again, name)
			}
		}
		names = again
	}
}

// linksChanged reports whether an account has other streams in force than before.
func (r *Registry) linksChanged(name string, p *plan) bool {
	a := r.Get(name)
	if a == nil || p == nil {
		return true
	}
	old := a.plan.Load().links
	if len(old) != len(p.links) {
		return true
	}
	for i := range old {
		if old[i].imp.Kind != p.links[i].imp.Kind || old[i].key() != p.links[i].key() {
			return true
		}
	}
	return false
}

// importersLocked returns those that import from the account name, directly or through others, nearest
// first.
func (r *Registry) importersLocked(name string) (all []string) {
	seen := map[string]bool{name: true}
	for at := []string{name}; len(at) > 0; {
		var next []string
		for _, exporter := range at {
			for importer := range r.wiring.importers[exporter] {
				if !seen[importer] {
					seen[importer] = true
					next = append(next, importer)
				}
			}
		}
		sort.Strings(next) // so that the order of decisions does not depend on chance
		all, at = append(all, next...), next
	}
	return all
}

// carryOut has accounts carry out their plans.
func carryOut(changed []*Account) {
	for _, a := range changed {
		a.carryOut()
	}
}

// Get returns the account with the given name, or nil.
func (r *Registry) Get(name string) *Account {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.mu.accounts[name]
}

// All returns the accounts in the order of their names.
func (r *Registry) All() []*Account {
	r.mu.RLock()
	all := make([]*Account, 0, len(r.mu.accounts))
	for _, a := range r.mu.accounts {
		all = append(all, a)
	}
	r.mu.RUnlock()
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

// idle and brisk are how long the registry may be left alone.
const (
	idle  = time.Second
	brisk = 100 * time.Millisecond
)

// Expire drops the requests between accounts whose time for an answer is over, and returns those of them
// that are measured, and when it is to be called again: in a tenth of a second to a second. Package fanout
// does.
func (r *Registry) Expire(now time.Time) (measured []*Request, next time.Time) {
	var busy []*Account
	r.mu.RLock()
	for _, a := range r.mu.accounts {
		if a.answers.pending.Load() > 0 {
			busy = append(busy, a)
		}
	}
	r.mu.RUnlock()
	next = now.Add(idle)
	if r.hasty.Load() { // there may be requests by then that are to be answered sooner
		next = now.Add(brisk)
	}
	for _, a := range busy {
		measured = append(measured, a.answers.expire(now, &next)...)
	}
	if soonest := now.Add(brisk); next.Before(soonest) {
		next = soonest
	}
	return measured, next
}
