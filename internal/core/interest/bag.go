package interest

import (
	"slices"
	"sync/atomic"
)

// A bag is a multiset of pointers that is read without a lock and changed under the lock of the
// index. The zero value is empty.
//
// Up to flatMax entries it is one immutable list: to append mostly costs no copy, to remove
// copies the list. For a list of a hundred thousand that is too much: to close as many
// connections one by one would copy forty gigabytes. So a longer bag is spread over parts by the
// hash of its entries, each part an immutable list of about fifty: a change searches and
// copies one part. The price is paid by matches, which gather the parts into their own buffer;
// and since a queue group, however long, gives only one of its members the message, the
// gathered list is kept, too, once the bag has rested for a few matches.
type bag[E any] struct {
	at atomic.Pointer[list[E]] // nil if empty
}

// list is one state of a bag: the items, or the parts if there are too many. The words are fixed.
type list[E any] struct {
	items []*E // immutable; the array may grow beyond
	parts *parts[E]
}

const (
	flatMax  = 256 // entries beyond which a bag is spread
	flatMin  = 64  // entries below which it is gathered again
	partMean = 32  // mean number of entries in a part of a new spread
	partMax  = 64  // mean number at which the number of parts doubles
	partMin  = 8   // mean number at which it halves
)

// len returns the number of entries, under the lock.
func (b *bag[E]) len() int {
	switch l := b.at.Load(); {
	case l == nil:
		return 0
	case l.parts != nil:
		return l.parts.count
	default:
		return len(l.items)
	}
}

// near returns the entries among which e is or would be, under the lock.
func (b *bag[E]) near(e *E, hash func(*E) uint64) []*E {
	l := b.at.Load()
	if l == nil {
		return nil
	}
	if l.parts == nil {
		return l.items
	}
	return *l.parts.of(hash(e)).Load()
}

// has reports whether e is in the bag, under the lock.
func (b *bag[E]) has(e *E, hash func(*E) uint64) bool {
	return slices.Contains(b.near(e, hash), e)
}

// add puts e in, under the lock.
func (b *bag[E]) add(e *E, hash func(*E) uint64) {
	l := b.at.Load()
	switch {
	case l == nil:
		b.at.Store(&list[E]{items: []*E{e}})
		return
	case l.parts == nil && len(l.items) < flatMax:
		b.at.Store(&list[E]{items: append(l.items, e)})
		return
	case l.parts == nil || l.parts.count >= partMax*len(l.parts.slots):
		b.spread(hash)
	}
	b.at.Load().parts.add(e, hash(e))
}

// remove takes out e once, under the lock, and reports whether it was there.
func (b *bag[E]) remove(e *E, hash func(*E) uint64) bool {
	l := b.at.Load()
	if l == nil {
		return false
	}
	if l.parts != nil {
		if !l.parts.remove(e, hash(e)) {
			return false
		}
		if n := l.parts.count; n < flatMin {
			b.flatten()
		} else if n < partMin*len(l.parts.slots) {
			b.spread(hash)
		}
		return true
	}
	i := slices.Index(l.items, e)
	switch {
	case i < 0:
		return false
	case len(l.items) == 1:
		b.at.Store(nil)
	default:
		b.at.Store(&list[E]{items: without(l.items, i)})
	}
	return true
}

// spread moves the entries to new parts, whose number suits theirs.
func (b *bag[E]) spread(hash func(*E) uint64) {
	slots := 1
	for slots*partMean < b.len() {
		slots *= 2
	}
	p := newParts[E](slots)
	for e := range b.all {
		p.add(e, hash(e))
	}
	b.at.Store(&list[E]{parts: p})
}

// flatten moves the entries to one list.
func (b *bag[E]) flatten() {
	b.at.Store(&list[E]{items: slices.AppendSeq(make([]*E, 0, flatMin), b.all)})
}

// all yields the entries; it may be called beside changes.
func (b *bag[E]) all(yield func(*E) bool) {
	l := b.at.Load()
	if l == nil {
		return
	}
	if l.parts != nil {
		l.parts.all(yield)
		return
	}
	for _, e := range l.items {
		if !yield(e) {
			return
		}
	}
}

// without returns a copy of items, which are more than one, without the one at i. It has room
// for one more.
func without[E any](items []*E, i int) []*E {
	next := make([]*E, len(items)-1, len(items))
	copy(next, items[:i])
	copy(next[i:], items[i+1:])
	return next
}
