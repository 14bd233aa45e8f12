package interest

import (
	"hash/maphash"
	"sync/atomic"
)

// Node is the place of one subscription subject in an Index, shared by all subscriptions to that
// subject. It is in the index as long as there are such subscriptions.
type Node[T any] cell[sink[T]]

// Subject returns the subject. The string is part of the node, so keeping it keeps the node's
// memory, but none of the items.
func (n *Node[T]) Subject() string { return n.key }

// each calls fn for every item of n until it returns false; it reports whether it never did.
func (n *Node[T]) each(fn func(n *Node[T], queue string, item *T) bool) bool {
	s := n.val.set.Load()
	if s == nil {
		item := n.val.plain.Load()
		return item == nil || fn(n, "", item)
	}
	for item := range s.plain.all {
		if !fn(n, "", item) {
			return false
		}
	}
	for g := range s.groups.all {
		for item := range g.members.all {
			if !fn(n, g.name, item) {
				return false
			}
		}
	}
	return true
}

// sink holds the items of one subject. Most subjects have one plain item, which stands inline;
// more of them, or queue groups, need a set.
//
// Readers look at set first, and at plain only if there is no set. So plain may be written before
// a set is taken away, and must stay as it is when a set is put up: a reader that saw no set
// just before must still find the item there. While there is a set, plain therefore holds nil
// or an item of the set. A reader that is late may meet the item of a later time; the one it
// missed was alone and has been removed since.
type sink[T any] struct {
	plain atomic.Pointer[T]
	set   atomic.Pointer[set[T]]
}

// set holds the items of a subject that has more than one plain item.
type set[T any] struct {
	plain  bag[T]
	groups bag[group[T]]
}

// group holds the members of one queue group on one subject.
type group[T any] struct {
	name    string // fixed
	members bag[T]
}

// collect adds the items of s to m.
func (s *sink[T]) collect(m *Matches[T]) {
	set := s.set.Load()
	if set == nil {
		if item := s.plain.Load(); item != nil {
			m.addItem(item)
		}
		return
	}
	if l := set.plain.at.Load(); l != nil {
		m.addPlain(m.view(l))
	}
	others := len(m.Queues)
	for g := range set.groups.all {
		if l := g.members.at.Load(); l != nil {
			m.addMembers(g.name, m.view(l), others)
		}
	}
}

// empty reports whether there are no items; under the lock of the index.
func (s *sink[T]) empty() bool {
	return s.plain.Load() == nil && s.set.Load() == nil
}

// add adds item, under the lock of the index.
func (s *sink[T]) add(seed maphash.Seed, queue string, item *T) {
	if queue == "" && s.empty() {
		s.plain.Store(item)
		return
	}
	if s.set.Load() == nil {
		first := new(set[T])
		if p := s.plain.Load(); p != nil {
			first.plain.at.Store(&list[T]{items: []*T{p}})
		}
		first.add(seed, queue, item)
		s.set.Store(first)
		return
	}
	s.set.Load().add(seed, queue, item)
}

// remove takes out item and reports whether it was there, under the lock of the index.
func (s *sink[T]) remove(seed maphash.Seed, queue string, item *T) bool {
	set := s.set.Load()
	if set == nil {
		if queue != "" || s.plain.Load() != item || item == nil {
			return false
		}
		s.plain.Store(nil)
		return true
	}
	if !set.remove(seed, queue, item) {
		return false
	}
	if s.plain.Load() == item && !set.plain.has(item, itemHash[T](seed)) {
		s.plain.Store(nil)
	}
	if set.groups.len() > 0 {
		return true
	}
	switch set.plain.len() {
	case 0:
		s.set.Store(nil)
	case 1:
		for last := range set.plain.all {
			s.plain.Store(last)
		}
		s.set.Store(nil)
	}
	return true
}

func (s *set[T]) add(seed maphash.Seed, queue string, item *T) {
	if queue == "" {
		s.plain.add(item, itemHash[T](seed))
		return
	}
	g := s.group(seed, queue)
	if g == nil {
		g = &group[T]{name: queue}
		s.groups.add(g, groupHash[T](seed))
	}
	g.members.add(item, itemHash[T](seed))
}

func (s *set[T]) remove(seed maphash.Seed, queue string, item *T) bool {
	if queue == "" {
		return s.plain.remove(item, itemHash[T](seed))
	}
	g := s.group(seed, queue)
	if g == nil || !g.members.remove(item, itemHash[T](seed)) {
		return false
	}
	if g.members.len() == 0 {
		s.groups.remove(g, groupHash[T](seed))
	}
	return true
}

// group returns the group called name, or nil.
func (s *set[T]) group(seed maphash.Seed, name string) *group[T] {
	probe := group[T]{name: name}
	for _, g := range s.groups.near(&probe, groupHash[T](seed)) {
		if g.name == name {
			return g
		}
	}
	return nil
}

// itemHash returns the hash by which a bag of items is spread: of the pointer, since nothing else is
// known of an item.
func itemHash[T any](seed maphash.Seed) func(*T) uint64 {
	return func(item *T) uint64 { return maphash.Comparable(seed, item) }
}

// groupHash returns the hash by which a bag of groups is spread: of the name.
func groupHash[T any](seed maphash.Seed) func(*group[T]) uint64 {
	return func(g *group[T]) uint64 { return maphash.String(seed, g.name) }
}
