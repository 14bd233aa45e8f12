package interest

import (
	"hash/maphash"
	"slices"
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
	for c := range x.literals.all {
		check((*Node[item])(c))
	}
	var walk func(b *branch[item]) int
	walk = func(b *branch[item]) int {
		count := 0
		requireSoundTable(t, x.seed, &b.kids)
		if n := b.here.Load(); n != nil {
			count += check(n)
		}
		if n := b.rest.Load(); n != nil {
			count += check(n)
		}
		if star := b.star.Load(); star != nil {
			count += walk(star)
		}
		for c := range b.kids.all {
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

// requireSoundTable checks that each cell is found, that the tags tell the truth, and that just
// those lines are marked that somebody passed.
func requireSoundTable[V any](t testing.TB, seed maphash.Seed, d *directory[V]) {
	t.Helper()
	tab := d.at.Load()
	if tab == nil {
		return
	}
	require.NotZero(t, tab.used, "an empty table is left")
	if n := len(tab.lines); tab.used > fullLine*n || n > 1 && tab.used < n {
		require.Fail(t, "the table has the wrong size", "%d cells, %d lines", tab.used, n)
	}
	requireSoundLines(t, tab, func(key string) uint64 { return maphash.String(seed, key) })
}

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
				require.Zero(t, tag)
				continue
			}
			used++
			h := hash(c.key)
			require.Equal(t, tagOf(h), tag)
			require.Same(t, c, tab.find(h, c.key))
			for j := h & uint64(len(tab.lines)-1); j != uint64(i); j = (j + 1) & uint64(len(tab.lines)-1) {
				passed[j]++
			}
		}
	}
	require.Equal(t, tab.used, used)
	for i := range tab.lines {
		if marked := tab.lines[i].tags.Load() >> 56; marked < passedMax {
			require.Equal(t, passed[i], marked, "line %d", i)
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
			require.Same(t, &l.parts.slots[i], l.parts.of(hash(e)))
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
