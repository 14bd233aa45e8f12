package tenancy

import (
	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/server/options"
)

// Prepare makes those accounts of options that are not there yet; those that are keep what they have.
// undo takes that back.
func (t *Tenants) Prepare(next *options.Options) (undo func()) {
	var made []string
	for _, spec := range specs(next) {
		if t.registry.Get(spec.Name) == nil {
			t.registry.Put(spec)
			made = append(made, spec.Name)
		}
	}
	return func() {
		for _, name := range made {
			t.registry.Remove(name)
		}
	}
}

// Apply gives the accounts of next, which are there, what they have in it, and lets go those that were
// in running and are not any more. Accounts that the program has made stay.
func (t *Tenants) Apply(running, next *options.Options) {
	t.now.Store(next)
	t.registry.SetSystem(SystemAccount(next)) // it may change before the start
	kept := map[string]bool{}
	for _, spec := range specs(next) {
		kept[spec.Name] = true
		t.registry.Put(spec)
	}
	for _, spec := range specs(running) {
		if !kept[spec.Name] {
			t.registry.Remove(spec.Name)
		}
	}
	if s := t.services.Load(); s != nil {
		s.Identify(t.cfg.System().Server)
	}
	if t.accounts != nil {
		t.reloadSource(running, next)
	}
}

// PendingReplies is how many replies an account's exported service of that subject owes, all of them if
// it is empty.
func (t *Tenants) PendingReplies(a *account.Account, service string) int {
	return a.PendingReplies()
}
