package interest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBag compares a bag with a plain slice while it grows and shrinks past all its bounds.
func TestBag(t *testing.T) {
	hashes := map[string]func(*item) uint64{
		"spread":   func(e *item) uint64 { return uint64(e.id) * 0x9e37_79b9_7f4a_7c15 >> 20 },
		"one part": func(*item) uint64 { return 7 },
		"few":      func(e *item) uint64 { return uint64(e.id % 3) },
	}
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(5, 6))
			items := make([]item, 300)
			for i := range items {
				items[i].id = i
			}
			var b bag[item]
			var model []*item
			for _, target := range []int{3, 0, 1, 0, flatMax + 2, flatMax - 2, flatMax + 3, 1500, flatMin + 2, flatMin - 2, flatMax + 1, 800, 0, 10} {
				for len(model) != target {
					e := &items[rnd.IntN(len(items))]
					if len(model) < target {
						b.add(e, hash)
						model = append(model, e)
					} else {
						i := slices.Index(model, e)
						if b.remove(e, hash) != (i >= 0) {
							t.Fatalf("removal of %d", e.id)
						}
						if i >= 0 {
							model = slices.Delete(model, i, i+1)
						}
					}
					if b.len() != len(model) {
						t.Fatalf("%d entries instead of %d", b.len(), len(model))
					}
				}
				requireSoundBag(t, &b, hash)
				require.True(t, sameBag(model, slices.Collect(b.all)))
				for i := range items {
					require.Equal(t, slices.Contains(model, &items[i]), b.has(&items[i], hash))
				}
			}
		})
	}
}

// TestListsAreImmutable keeps every state that a reader could have and looks again at the end.
func TestListsAreImmutable(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	hash := func(e *item) uint64 { return uint64(e.id) }
	items := make([]item, 40)
	for i := range items {
		items[i].id = i
	}
	var b bag[item]
	var held, copies [][]*item
	for range 3000 {
		e := &items[rnd.IntN(len(items))]
		if b.has(e, hash) {
			b.remove(e, hash)
		} else {
			b.add(e, hash)
		}
		var m Matches[item]
		if l := b.at.Load(); l != nil {
			view := m.view(l)
			require.Equal(t, len(view), cap(view), "appending to a view must not reach the index")
			held, copies = append(held, view), append(copies, slices.Clone(view))
		}
	}
	for i := range held {
		if !slices.Equal(copies[i], held[i]) {
			t.Fatalf("the state after %d changes was changed later", i)
		}
	}
}

// TestGathering checks when a long list is kept, and that a kept one never outlives a change.
func TestGathering(t *testing.T) {
	x := New[item]()
	items := make([]item, 2*flatMax)
	var n *Node[item]
	for i := range items {
		n = x.Insert([]byte("a"), "", &items[i])
	}
	p := n.val.set.Load().plain.at.Load().parts
	require.NotNil(t, p)
	var m Matches[item]
	for i := range 3 * restful {
		require.Equal(t, i >= restful, p.whole.Load() != nil, "after %d matches", i)
		x.Match([]byte("a"), &m)
		require.Len(t, m.Plain, len(items))
	}
	require.Same(t, &p.whole.Load().items[0], &m.Plain[0], "the kept list is used")

	require.True(t, x.Remove(n, "", &items[0]))
	require.Nil(t, p.whole.Load())
	x.Match([]byte("a"), &m)
	require.Len(t, m.Plain, len(items)-1)
	require.False(t, slices.Contains(m.Plain, &items[0]))

	late := &gathering[item]{changes: p.changes.Load() - 1}
	p.keep(late)
	require.Nil(t, p.whole.Load(), "a gathering that comes too late is dropped")
}
