package interest

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// branch is a place in the trie of wildcard subscriptions: what stands behind a certain
// sequence of tokens. Empty branches are cut off, so each leads to a subscription. All its words
// are read by matchers and changed under the lock of the index.
type branch[T any] struct {
	kids directory[branch[T]]      // by literal token
	star atomic.Pointer[branch[T]] // behind the token "*"
	here atomic.Pointer[Node[T]]   // the subscription that ends here
	rest atomic.Pointer[Node[T]]   // the subscription that ends with ">" behind here
}

// walk adds to m what wants the tokens of m from depth on, standing at b.
func (x *Index[T]) walk(b *branch[T], depth int, key string, m *Matches[T]) {
	for ; depth < len(m.tokens); depth++ {
		if n := b.rest.Load(); n != nil {
			n.val.collect(m)
		}
		star := b.star.Load()
		kid := x.kid(b, &m.tokens[depth], key)
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
	if n := b.here.Load(); n != nil {
		n.val.collect(m)
	}
}

// kid returns the branch behind the literal token t of key at b, or nil. The token is hashed when
// it is first needed.
func (x *Index[T]) kid(b *branch[T], t *token, key string) *branch[T] {
	kids := b.kids.at.Load()
	if kids == nil {
		return nil
	}
	text := key[t.from:t.to]
	if t.hash == 0 {
		t.hash = maphash.String(x.seed, text)
	}
	if c := kids.find(t.hash, text); c != nil {
		return &c.val
	}
	return nil
}

// grow returns the place of the subscription to key behind b and makes the branches on the way.
func (b *branch[T]) grow(seed maphash.Seed, key string) *atomic.Pointer[Node[T]] {
	for more := true; more; {
		var text string
		text, key, more = strings.Cut(key, ".")
		switch text {
		case ">":
			return &b.rest
		case "*":
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
		}
	}
	return &b.here
}

// prune clears the place of the subscription to key behind b, cuts off the branches that have
// become empty and reports whether b has.
func (b *branch[T]) prune(seed maphash.Seed, key string) bool {
	text, key, more := strings.Cut(key, ".")
	switch text {
	case ">":
		b.rest.Store(nil)
	case "*":
		if b.star.Load().pruneBehind(seed, key, more) {
			b.star.Store(nil)
		}
	default:
		hash := maphash.String(seed, text)
		if c := b.kids.find(hash, text); c.val.pruneBehind(seed, key, more) {
			b.kids.drop(c, hash, seed)
		}
	}
	return b.star.Load() == nil && b.here.Load() == nil && b.rest.Load() == nil && b.kids.at.Load() == nil
}

// pruneBehind is prune if there are more tokens; else the subscription ends at b.
func (b *branch[T]) pruneBehind(seed maphash.Seed, key string, more bool) bool {
	if more {
		return b.prune(seed, key)
	}
	b.here.Store(nil)
	return b.star.Load() == nil && b.rest.Load() == nil && b.kids.at.Load() == nil
}

// each calls fn for every subscription at and behind b until it returns false; it reports
// whether it never did.
func (b *branch[T]) each(fn func(n *Node[T], queue string, item *T) bool) bool {
	if n := b.here.Load(); n != nil && !n.each(fn) {
		return false
	}
	if n := b.rest.Load(); n != nil && !n.each(fn) {
		return false
	}
	if star := b.star.Load(); star != nil && !star.each(fn) {
		return false
	}
	for c := range b.kids.all {
		if !c.val.each(fn) {
			return false
		}
	}
	return true
}
