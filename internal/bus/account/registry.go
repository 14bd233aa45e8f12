package account

import (
	"sort"

	"github.com/baridmq/barid/internal/core/guard"
)

// Registry holds the accounts of one server by name. All methods may be called by any goroutine.
type Registry struct {
	mu struct {
		guard.RWLeaf
		accounts map[string]*Account
	}
}

// NewRegistry returns a registry that holds the global account, without limits.
func NewRegistry() *Registry {
	r := &Registry{}
	r.mu.accounts = map[string]*Account{}
	r.Put(Spec{Name: Global, Limits: Unlimited()})
	return r
}

// Put makes the account that s describes, or gives the existing one of that name the limits of
// s. It returns the account.
func (r *Registry) Put(s Spec) *Account {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.mu.accounts[s.Name]
	if a == nil {
		a = newAccount(s)
		r.mu.accounts[s.Name] = a
		return a
	}
	a.spec.Store(&s)
	return a
}

// Remove takes the account with the given name out and reports whether it was there. It stays
// valid for those who are in it; an account of that name that is made later is another one. The
// global account cannot be removed.
func (r *Registry) Remove(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name == Global || r.mu.accounts[name] == nil {
		return false
	}
	delete(r.mu.accounts, name)
	return true
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
