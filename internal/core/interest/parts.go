package interest

import (
	"slices"
	"sync/atomic"
)

// parts is a long bag, spread by hash. An entry stays in its part until all of them are
// replaced, so whoever reads them one after the other meets it once.
type parts[E any] struct {
	// atomic: read by matchers, changed under the lock of the index
	slots   []atomic.Pointer[[]*E] // a power of two, none nil; the lists are immutable
	changes atomic.Uint64          // raised behind each change

	// atomic: written by matchers
	gathered atomic.Uint32                // how often since the last change
	whole    atomic.Pointer[gathering[E]] // good if it is of the last change

	// guarded by the lock of the index
	count int
}

// gathering is all entries of a long bag in one list, as they were after so many changes or
// a little later.
type gathering[E any] struct {
	changes uint64
	items   []*E
}

// restful is how often the unchanged parts are gathered before the result is kept.
const restful = 8

func newParts[E any](slots int) *parts[E] {
	p := &parts[E]{slots: make([]atomic.Pointer[[]*E], slots)}
	for i := range p.slots {
		p.slots[i].Store(new([]*E))
	}
	return p
}

// of returns the slot for entries with that hash.
func (p *parts[E]) of(hash uint64) *atomic.Pointer[[]*E] {
	return &p.slots[hash&uint64(len(p.slots)-1)]
}

// add puts e in, under the lock.
func (p *parts[E]) add(e *E, hash uint64) {
	slot := p.of(hash)
	items := append(*slot.Load(), e)
	slot.Store(&items)
	p.count++
	p.changed()
}

// remove takes e out once, under the lock, and reports whether it was there.
func (p *parts[E]) remove(e *E, hash uint64) bool {
	slot := p.of(hash)
	items := *slot.Load()
	i := slices.Index(items, e)
	if i < 0 {
		return false
	}
	items = without(items, i)
	slot.Store(&items)
	p.count--
	p.changed()
	return true
}

// changed makes the kept gathering invalid and drops it.
func (p *parts[E]) changed() {
	p.changes.Add(1)
	p.gathered.Store(0)
	p.whole.Store(nil)
}

// view returns all entries, kept ones or gathered at the end of buf; and buf.
func (p *parts[E]) view(buf []*E) (items, _ []*E) {
	changes := p.changes.Load()
	if w := p.whole.Load(); w != nil && w.changes == changes {
		return w.items, buf
	}
	start := len(buf)
	for i := range p.slots {
		buf = append(buf, *p.slots[i].Load()...)
	}
	items = buf[start:len(buf):len(buf)]
	if p.gathered.Add(1)%restful == 0 {
		p.keep(&gathering[E]{changes: changes, items: slices.Clip(slices.Clone(items))}) // others append to it
	}
	return items, buf
}

// keep publishes w, which was gathered without a lock. If there was a change meanwhile it is
// taken back, so that it does not keep alive what was removed: either the change comes late
// enough to drop w itself, or early enough to be seen here.
func (p *parts[E]) keep(w *gathering[E]) {
	p.whole.Store(w)
	if p.changes.Load() != w.changes {
		p.whole.CompareAndSwap(w, nil)
	}
}

// all yields the entries; it may be called beside changes.
func (p *parts[E]) all(yield func(*E) bool) {
	for i := range p.slots {
		for _, e := range *p.slots[i].Load() {
			if !yield(e) {
				return
			}
		}
	}
}
