package interest

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireBare checks that x is as if it were new.
func requireBare(t testing.TB, x *Index[item]) {
	t.Helper()
	require.Zero(t, x.Len())
	require.Zero(t, x.Wildcards())
	require.Zero(t, x.Stats().Nodes)
	require.Nil(t, x.literals.at.Load(), "the table is left")
	require.Nil(t, x.wild.Load(), "the trie is left")
}

// requireSound checks the inner rules of x, which must be at rest.
func requireSound(t testing.TB, x *Index[item]) {
	t.Helper()
	nodes, entries, wildcards := 0, 0, 0
	check := func(n *Node[item]) int {
		nodes++
		count := requireSoundSink(t, x.seed, &n.val)
		require.NotZero(t, count, "an empty node is left: %q", n.key)
		entries += count
		return count
	}
	requireSoundTable(t, x.seed, &x.literals)
	for c := range x.literals.all(x.seed) {
		check((*Node[item])(c))
	}
	var walk func(b *branch[item]) int
	walk = func(b *branch[item]) int {
		count := 0
		requireSoundTable(t, x.seed, &b.kids)
		for _, place := range []*atomic.Pointer[Node[item]]{&b.here, &b.one, &b.rest} {
			if n := place.Load(); n != nil {
				count += check(n)
			}
		}
		if star := b.star.Load(); star != nil {
			count += walk(star)
		}
		for c := range b.kids.all(x.seed) {
			count += walk(&c.val)
		}
		require.NotZero(t, count, "an empty branch is left")
		return count
	}
	if b := x.wild.Load(); b != nil {
		wildcards = walk(b)
	}
	require.Equal(t, nodes, int(x.Stats().Nodes))
	require.Equal(t, entries, x.Len())
	require.Equal(t, wildcards, x.Wildcards())
}

// requireSoundTable checks that each cell is found, that the tags tell the truth, that just those
// lines are marked that somebody passed, and that tables have the size and depth they should.
func requireSoundTable[V any](t testing.TB, seed maphash.Seed, d *directory[V]) {
	t.Helper()
	hash := func(key string) uint64 { return maphash.String(seed, key) }
	tab := d.at.Load()
	switch {
	case tab == nil:
		return
	case tab.fan == nil:
		n := len(tab.lines)
		require.NotZero(t, *tab.used, "an empty table is left")
		require.Zero(t, tab.depth)
		require.LessOrEqual(t, n, maxLines)
		require.True(t, *tab.used <= fullLine*n && (n == 1 || *tab.used >= n), "%d cells, %d lines", *tab.used, n)
		requireSoundLines(t, tab, hash)
		return
	}
	f := tab.fan
	require.Greater(t, len(f.places), 1)
	require.True(t, f.deepest(), "more places than needed")
	for i := range f.places {
		part := f.places[i].Load()
		require.Len(t, part.lines, maxLines)
		require.Positive(t, part.depth)
		first := i & (1<<part.depth - 1)
		require.Same(t, f.places[first].Load(), part)
		if first != i {
			continue
		}
		require.LessOrEqual(t, *part.used, fullLine*maxLines)
		other := f.places[i^1<<(part.depth-1)].Load()
		require.NotSame(t, part, other)
		require.True(t, other.depth != part.depth || *part.used >= maxLines || *other.used >= maxLines,
			"two sparse tables: %d and %d cells", *part.used, *other.used)
		requireSoundLines(t, part, hash)
		for c := range part.all {
			h := hash(c.key)
			if int(h>>lineBits)&(1<<part.depth-1) != first || tab.find(h, c.key) != c {
				t.Fatalf("%q stands in the wrong table", c.key)
			}
		}
	}
}

// requireSoundLines checks one table without a fan.
func requireSoundLines[V any](t testing.TB, tab *table[V], hash func(key string) uint64) {
	t.Helper()
	used := 0
	passed := make([]uint64, len(tab.lines))
	for i := range tab.lines {
		l := &tab.lines[i]
		for at := range l.cells {
			tag := l.tags.Load() >> (8 * at) & 0xff
			c := l.cells[at].Load()
			if c == nil {
				if tag != 0 {
					t.Fatalf("an empty place has the tag %x", tag)
				}
				continue
			}
			used++
			h := hash(c.key)
			if tag != tagOf(h) || tab.find(h, c.key) != c {
				t.Fatalf("%q is not found", c.key)
			}
			for j := h & uint64(len(tab.lines)-1); j != uint64(i); j = (j + 1) & uint64(len(tab.lines)-1) {
				passed[j]++
			}
		}
	}
	require.Equal(t, *tab.used, used)
	for i := range tab.lines {
		if marked := tab.lines[i].tags.Load() >> 56; marked < passedMax {
			if marked != passed[i] {
				t.Fatalf("line %d was passed by %d and tells of %d", i, passed[i], marked)
			}
		}
	}
}

func requireSoundSink(t testing.TB, seed maphash.Seed, s *sink[item]) (entries int) {
	t.Helper()
	set := s.set.Load()
	if set == nil {
		if s.plain.Load() == nil {
			return 0
		}
		return 1
	}
	entries = requireSoundBag(t, &set.plain, itemHash[item](seed))
	if p := s.plain.Load(); p != nil {
		require.True(t, set.plain.has(p, itemHash[item](seed)), "a removed item is kept inline")
	}
	require.True(t, entries > 1 || set.groups.len() > 0, "the set is not needed")
	requireSoundBag(t, &set.groups, groupHash[item](seed))
	for g := range set.groups.all {
		require.NotZero(t, g.members.len(), "an empty group is left")
		entries += requireSoundBag(t, &g.members, itemHash[item](seed))
	}
	return entries
}

func requireSoundBag[E any](t testing.TB, b *bag[E], hash func(*E) uint64) (entries int) {
	t.Helper()
	l := b.at.Load()
	switch {
	case l == nil:
		return 0
	case l.parts == nil:
		require.NotEmpty(t, l.items)
		require.LessOrEqual(t, len(l.items), flatMax)
		return len(l.items)
	}
	for i := range l.parts.slots {
		for _, e := range *l.parts.slots[i].Load() {
			if l.parts.of(hash(e)) != &l.parts.slots[i] {
				t.Fatal("an entry stands in the wrong part")
			}
			entries++
		}
	}
	require.Equal(t, l.parts.count, entries)
	require.GreaterOrEqual(t, entries, flatMin)
	require.LessOrEqual(t, entries, partMax*len(l.parts.slots))
	if w := l.parts.whole.Load(); w != nil {
		require.Equal(t, l.parts.changes.Load(), w.changes)
		require.True(t, sameBag(slices.Collect(b.all), w.items))
	}
	return entries
}

// sameBag reports whether a and b hold the same pointers as often, in any order.
func sameBag[E any](a, b []*E) bool {
	count := map[*E]int{}
	for _, e := range a {
		count[e]++
	}
	for _, e := range b {
		if count[e]--; count[e] == 0 {
			delete(count, e)
		}
	}
	return len(count) == 0
}
