package interest

import (
	"math/bits"
	"sync/atomic"
)

// line is a cache line of a table. A cell stands in the line that its hash names or, when that
// is full, in the next that has room.
//
// The word tags tells about the line in one atomic read: a byte for each cell, 0 if the place
// is free, else eight bits of the hash, so that nearly no wrong cell is looked at; and in the
// top byte how many cells had to pass this line because it was full. A search ends at the first
// line that nobody passed. Since a cell that goes takes its marks back, nothing is left
// behind in its place, and a table under steady churn never needs cleaning.
type line[V any] struct {
	tags  atomic.Uint64
	cells [cellsPerLine]atomic.Pointer[cell[V]]
}

const (
	cellsPerLine = 7
	fullLine     = 6 // mean number of cells in a line at which a table is full; it is sparse below 1

	ones       = 0x0001_0101_0101_0101 // a one in the byte of each cell
	highs      = 0x0080_8080_8080_8080 // the high bit in the byte of each cell
	passedOnce = 1 << 56
	passedMax  = 255 // stays once it is reached, until the table is replaced
)

// table is a hash table of one size; or, if it has a fan, it only leads to the tables of that.
type table[V any] struct {
	// fixed
	lines []line[V] // a power of two
	fan   *fan[V]
	depth int // see fan

	// guarded by the lock of the index
	used *int // number of cells; apart, or each change would take the words above from the caches of matchers
}

func newTable[V any](lines, depth int) *table[V] {
	return &table[V]{lines: make([]line[V], lines), depth: depth, used: new(int)}
}

// full reports whether t should not get another cell.
func (t *table[V]) full() bool { return *t.used >= fullLine*len(t.lines) }

// find returns the cell with key, or nil. It may be called beside changes.
func (t *table[V]) find(hash uint64, key string) *cell[V] {
	if t.fan != nil {
		t = t.fan.of(hash).Load()
	}
	mask := uint64(len(t.lines) - 1)
	tag := tagOf(hash) * ones
	for i := range uint64(len(t.lines)) {
		l := &t.lines[(hash+i)&mask]
		tags := l.tags.Load()
		for hits := zeroBytes(tags ^ tag); hits != 0; hits &= hits - 1 {
			// The place may be empty or hold another cell by now.
			if c := l.cells[bits.TrailingZeros64(hits)/8].Load(); c != nil && c.key == key {
				return c
			}
		}
		if tags < passedOnce {
			return nil
		}
	}
	return nil
}

// single reports whether at most one cell is there, and returns it. It may be called beside
// changes, and may say no though there is but one.
func (t *table[V]) single() (*cell[V], bool) {
	if len(t.lines) != 1 || t.lines[0].tags.Load() > 0xff {
		return nil, false
	}
	return t.lines[0].cells[0].Load(), true
}

// place puts c, which is not in the table, into it. There must be room.
func (t *table[V]) place(c *cell[V], hash uint64) {
	mask := uint64(len(t.lines) - 1)
	for i := hash; ; i++ {
		l := &t.lines[i&mask]
		tags := l.tags.Load()
		if free := zeroBytes(tags); free != 0 {
			at := bits.TrailingZeros64(free) / 8
			l.cells[at].Store(c)
			l.tags.Store(tags | tagOf(hash)<<(8*at))
			*t.used++
			return
		}
		if tags>>56 < passedMax {
			l.tags.Store(tags + passedOnce)
		}
	}
}

// take removes c, which must be in the table.
func (t *table[V]) take(c *cell[V], hash uint64) {
	mask := uint64(len(t.lines) - 1)
	for i := range uint64(len(t.lines)) {
		l := &t.lines[(hash+i)&mask]
		tags := l.tags.Load()
		for at := range l.cells {
			if l.cells[at].Load() == c {
				l.tags.Store(tags &^ (0xff << (8 * at)))
				l.cells[at].Store(nil)
				*t.used--
				return
			}
		}
		if tags>>56 < passedMax {
			l.tags.Store(tags - passedOnce)
		}
	}
	panic("interest: a node of another index")
}

// tagOf returns the eight bits of hash that stand in a line, never 0. The line is chosen by the
// bits at the other end.
func tagOf(hash uint64) uint64 { return max(hash>>56, 1) }

// zeroBytes returns a word with the high bit set in each of the seven lower bytes that is 0 in w.
// Bytes above the first such byte may be reported wrongly.
func zeroBytes(w uint64) uint64 { return (w - ones) & ^w & highs }

// all yields the cells of t, which has no fan.
func (t *table[V]) all(yield func(*cell[V]) bool) {
	for i := range t.lines {
		for at := range t.lines[i].cells {
			if c := t.lines[i].cells[at].Load(); c != nil && !yield(c) {
				return
			}
		}
	}
}
