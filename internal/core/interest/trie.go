package interest

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// branch is a place in the trie of wildcard subscriptions: what stands behind a certain
// sequence of tokens. Empty branches are cut off, so each leads to a subscription. All its words
// are read by matchers and changed under the lock of the index.
//
// A wildcard that ends a subject needs no branch of its own: its node hangs at the branch before,
// which spares a match one wait for memory.
type branch[T any] struct {
	kids directory[branch[T]]      // by literal token
	star atomic.Pointer[branch[T]] // behind the token "*"
	here atomic.Pointer[Node[T]]   // the subscription that ends here, with a literal token
	one  atomic.Pointer[Node[T]]   // the subscription that ends with "*" behind here
	rest atomic.Pointer[Node[T]]   // the subscription that ends with ">" behind here
}

// empty reports whether b leads to no subscription.
func (b *branch[T]) empty() bool {
	return b.here.Load() == nil && b.one.Load() == nil && b.rest.Load() == nil &&
		b.star.Load() == nil && b.kids.at.Load() == nil
}

// walk adds to m what wants the tokens of m from depth on, of which there is at least one,
// standing at b.
func (x *Index[T]) walk(b *branch[T], depth int, key string, m *Matches[T]) {
	for ; ; depth++ {
		collect(&b.rest, m)
		kid := x.kid(b, &m.tokens[depth], key)
		if depth == len(m.tokens)-1 {
			collect(&b.one, m)
			if kid != nil {
				collect(&kid.here, m)
			}
			return
		}
		star := b.star.Load()
		switch {
		case kid == nil && star == nil:
			return
		case kid == nil:
			b = star
		case star == nil:
			b = kid
		default:
			x.walk(star, depth+1, key, m)
			b = kid
		}
	}
}

// collect adds to m the items of the node at place, if there is one.
func collect[T any](place *atomic.Pointer[Node[T]], m *Matches[T]) {
	if n := place.Load(); n != nil {
		n.val.collect(m)
	}
}

// kid returns the branch behind the literal token t of key at b, or nil. Most branches have one
// child, which is compared at once; else the token is hashed when it is first needed.
func (x *Index[T]) kid(b *branch[T], t *token, key string) *branch[T] {
	kids := b.kids.at.Load()
	if kids == nil {
		return nil
	}
	text := key[t.from:t.to]
	c, only := kids.single()
	if !only {
		if t.hash == 0 {
			t.hash = maphash.String(x.seed, text)
		}
		c = kids.find(t.hash, text)
	}
	if c == nil || c.key != text {
		return nil
	}
	return &c.val
}

// grow returns the place of the subscription to key behind b and makes the branches on the way.
func (b *branch[T]) grow(seed maphash.Seed, key string) *atomic.Pointer[Node[T]] {
	for {
		text, behind, more := strings.Cut(key, ".")
		switch {
		case text == ">":
			return &b.rest
		case text == "*" && !more:
			return &b.one
		case text == "*":
			if b.star.Load() == nil {
				b.star.Store(new(branch[T]))
			}
			b = b.star.Load()
		default:
			hash := maphash.String(seed, text)
			c := b.kids.find(hash, text)
			if c == nil {
				c = newCell[branch[T]](text)
				b.kids.add(c, hash, seed)
			}
			b = &c.val
			if !more {
				return &b.here
			}
		}
		key = behind
	}
}

// prune clears the place of the subscription to key behind b, cuts off the branches that have
// become empty and reports whether b has.
func (b *branch[T]) prune(seed maphash.Seed, key string) bool {
	text, behind, more := strings.Cut(key, ".")
	switch {
	case text == ">":
		b.rest.Store(nil)
	case text == "*" && !more:
		b.one.Store(nil)
	case text == "*":
		if b.star.Load().prune(seed, behind) {
			b.star.Store(nil)
		}
	default:
		hash := maphash.String(seed, text)
		c := b.kids.find(hash, text)
		if more {
			c.val.prune(seed, behind)
		} else {
			c.val.here.Store(nil)
		}
		if c.val.empty() {
			b.kids.drop(c, hash, seed)
		}
	}
	return b.empty()
}

// each calls fn for every subscription at and behind b until it returns false; it reports
// whether it never did.
func (b *branch[T]) each(seed maphash.Seed, fn func(n *Node[T], queue string, item *T) bool) bool {
	for _, place := range []*atomic.Pointer[Node[T]]{&b.here, &b.one, &b.rest} {
		if n := place.Load(); n != nil && !n.each(fn) {
			return false
		}
	}
	if star := b.star.Load(); star != nil && !star.each(seed, fn) {
		return false
	}
	for c := range b.kids.all(seed) {
		if !c.val.each(seed, fn) {
			return false
		}
	}
	return true
}
