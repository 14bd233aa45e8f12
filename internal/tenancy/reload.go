package tenancy

import (
	"errors"
	"reflect"

	"github.com/baridmq/barid/server/options"
)

// errResolver says that a reload brings another resolver of the program.
var errResolver = errors.New("config reload does not support another account resolver of the program: use SetAccountResolver")

// Prepare makes those accounts of options that are not there yet; those that are keep what they have.
// undo takes that back. An error says what of the options a running server cannot have.
func (t *Tenants) Prepare(next *options.Options) (undo func(), err error) {
	if !same(t.now.Load().AccountResolver, next.AccountResolver) {
		return nil, errResolver
	}
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
	}, nil
}

// same reports whether two resolvers are one, as far as can be told.
func same(a, b options.AccountResolver) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) && (!reflect.TypeOf(a).Comparable() || a == b)
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
