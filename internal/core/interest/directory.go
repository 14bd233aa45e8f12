package interest

import (
	"hash/maphash"
	"iter"
	"sync/atomic"
)

// directory is a set of cells, each with its own key. Lookups may run beside changes; changes
// are made under the lock of the index. The zero value is empty and has no table.
//
// A table that has become too small or too large is replaced by one of another size, which
// costs a wait for memory per cell: for a million cells a tenth of a second in which nobody
// could subscribe, and for a while half as much memory again. So tables do not grow beyond
// maxLines; then they are split, see fan.
type directory[V any] struct {
	at atomic.Pointer[table[V]]
}

// fan leads to the tables of a large directory. There are 1<<n places, and the n bits of the hash
// above those that name a line name the place. A table of depth d holds what has its d lowest
// of these bits in common, so 1<<(n-d) places lead to it. All tables have maxLines. A full table
// is split in two that look at one bit more; if its depth was n already, the places double.
// Two that differ only in their last bit and are nearly empty are joined.
type fan[V any] struct {
	places []atomic.Pointer[table[V]]
}

const (
	lineBits = 9
	maxLines = 1 << lineBits // 32 KiB: smaller tables are not laid along cache lines by the allocator
)

// of returns the place for cells with that hash.
func (f *fan[V]) of(hash uint64) *atomic.Pointer[table[V]] {
	return &f.places[f.index(hash)]
}

func (f *fan[V]) index(hash uint64) int {
	return int(hash >> lineBits & uint64(len(f.places)-1))
}

// set makes all places that have the depth lowest bits in common with hash lead to t.
func (f *fan[V]) set(hash uint64, depth int, t *table[V]) {
	step := 1 << depth
	for i := f.index(hash) & (step - 1); i < len(f.places); i += step {
		f.places[i].Store(t)
	}
}

// resized returns a fan with so many places, half or twice those of f.
func (f *fan[V]) resized(places int) *fan[V] {
	next := &fan[V]{places: make([]atomic.Pointer[table[V]], places)}
	for i := range next.places {
		next.places[i].Store(f.places[i&(len(f.places)-1)].Load())
	}
	return next
}

// deepest reports whether a table needs all the bits.
func (f *fan[V]) deepest() bool {
	for i := range f.places {
		if 1<<f.places[i].Load().depth == len(f.places) {
			return true
		}
	}
	return false
}

// find returns the cell with key, or nil.
func (d *directory[V]) find(hash uint64, key string) *cell[V] {
	if t := d.at.Load(); t != nil {
		return t.find(hash, key)
	}
	return nil
}

// add puts c, whose key is not there yet, into the directory.
func (d *directory[V]) add(c *cell[V], hash uint64, seed maphash.Seed) {
	t := d.at.Load()
	if t == nil {
		t = newTable[V](1, 0)
		d.at.Store(t)
	}
	for {
		if t.fan != nil {
			t = t.fan.of(hash).Load()
		}
		if !t.full() {
			break
		}
		if len(t.lines) < maxLines {
			d.at.Store(t.resized(2*len(t.lines), seed))
		} else {
			d.split(t, hash, seed)
		}
		t = d.at.Load()
	}
	t.place(c, hash)
}

// drop takes out c, which is there.
func (d *directory[V]) drop(c *cell[V], hash uint64, seed maphash.Seed) {
	t := d.at.Load()
	if t.fan != nil {
		t = t.fan.of(hash).Load()
	}
	t.take(c, hash)
	for t.depth > 0 && *t.used < maxLines {
		joined := d.join(t, hash, seed)
		if joined == nil {
			return
		}
		t = joined
	}
	switch {
	case t.depth > 0:
	case *t.used == 0:
		d.at.Store(nil)
	case *t.used < len(t.lines):
		d.at.Store(t.resized(len(t.lines)/2, seed))
	}
}

// split replaces the full table t, which is the one for hash, by two.
func (d *directory[V]) split(t *table[V], hash uint64, seed maphash.Seed) {
	halves := [2]*table[V]{newTable[V](maxLines, t.depth+1), newTable[V](maxLines, t.depth+1)}
	for c := range t.all {
		h := maphash.String(seed, c.key)
		halves[h>>(lineBits+t.depth)&1].place(c, h)
	}
	f := d.at.Load().fan
	if f == nil {
		f = &fan[V]{places: make([]atomic.Pointer[table[V]], 1)}
	}
	grown := f
	if 1<<t.depth == len(f.places) {
		grown = f.resized(2 * len(f.places))
	}
	bit := uint64(1) << (lineBits + t.depth)
	grown.set(hash&^bit, t.depth+1, halves[0])
	grown.set(hash|bit, t.depth+1, halves[1])
	if grown != f {
		d.at.Store(&table[V]{fan: grown})
	}
}

// join replaces the table t, which is the one for hash, and its other half by one, if both
// together are sparse. It returns that or nil.
func (d *directory[V]) join(t *table[V], hash uint64, seed maphash.Seed) *table[V] {
	f := d.at.Load().fan
	other := f.of(hash ^ 1<<(lineBits+t.depth-1)).Load()
	if other.depth != t.depth || *t.used+*other.used >= 2*maxLines {
		return nil
	}
	joined := newTable[V](maxLines, t.depth-1)
	for _, half := range []*table[V]{t, other} {
		for c := range half.all {
			joined.place(c, maphash.String(seed, c.key))
		}
	}
	if joined.depth == 0 {
		d.at.Store(joined)
		return joined
	}
	f.set(hash, joined.depth, joined)
	if !f.deepest() {
		d.at.Store(&table[V]{fan: f.resized(len(f.places) / 2)})
	}
	return joined
}

// resized returns a table with the cells of t and so many lines. It leaves t as it is, for those
// who still read it.
func (t *table[V]) resized(lines int, seed maphash.Seed) *table[V] {
	next := newTable[V](lines, 0)
	for c := range t.all {
		next.place(c, maphash.String(seed, c.key))
	}
	return next
}

// all returns the cells there are. It may run beside changes: a table that is split or joined
// meanwhile may be met again, so of each place only those cells count that belong there.
func (d *directory[V]) all(seed maphash.Seed) iter.Seq[*cell[V]] {
	return func(yield func(*cell[V]) bool) {
		t := d.at.Load()
		if t == nil {
			return
		}
		if t.fan == nil {
			t.all(yield)
			return
		}
		for i := range t.fan.places {
			for c := range t.fan.places[i].Load().all {
				if t.fan.index(maphash.String(seed, c.key)) == i && !yield(c) {
					return
				}
			}
		}
	}
}
