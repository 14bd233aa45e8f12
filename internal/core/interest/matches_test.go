package interest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func match(x *Index[item], subject string) *Matches[item] {
	m := new(Matches[item])
	x.Match([]byte(subject), m)
	return m
}

func TestEqual(t *testing.T) {
	x := New[item]()
	a, b := &item{1}, &item{2}
	x.Insert([]byte("plain.a"), "", a)
	x.Insert([]byte("plain.*"), "", b)
	x.Insert([]byte("both"), "", a)
	x.Insert([]byte("both"), "", b)
	x.Insert([]byte("reverse"), "", b)
	x.Insert([]byte("reverse"), "", a)
	x.Insert([]byte("q.a"), "q", a)
	x.Insert([]byte("q.a2"), "q", a)
	x.Insert([]byte("q.b"), "q", b)
	x.Insert([]byte("q.p"), "p", a)

	tests := []struct {
		one, other string
		want       bool
	}{
		{"plain.a", "plain.a", true},
		{"plain.a", "both", true},
		{"plain.a", "plain.b", false},
		{"plain.b", "plain.c", true},
		{"both", "reverse", false},
		{"nobody", "none", true},
		{"nobody", "both", false},
		{"q.a", "q.a2", true},
		{"q.a", "q.b", false},
		{"q.a", "q.p", false},
		{"q.a", "nobody", false},
	}
	for _, tt := range tests {
		one, other := match(x, tt.one), match(x, tt.other)
		require.Equal(t, tt.want, one.Equal(other), "%s, %s", tt.one, tt.other)
		require.Equal(t, tt.want, other.Equal(one), "%s, %s", tt.other, tt.one)
	}
}

func TestReset(t *testing.T) {
	x := New[item]()
	for i := range 100 {
		for _, name := range []string{"a.b", "a.*", "*.b", "a.>"} {
			x.Insert([]byte(name), "", &item{i})
			x.Insert([]byte(name), fmt.Sprint("q", i%50), &item{i})
		}
	}
	var m Matches[item]
	for _, name := range []string{"a.b", "a.x", "x.b", "none"} {
		x.Match([]byte(name), &m)
	}
	x.Match([]byte("a.b"), &m)
	require.False(t, m.Empty())
	m.Reset()
	require.True(t, m.Empty())
	require.Nil(t, m.Plain)
	require.Empty(t, m.names)
	for _, it := range m.buf[:cap(m.buf)] {
		require.Nil(t, it)
	}
	for _, it := range m.pool[:cap(m.pool)] {
		require.Nil(t, it)
	}
	for _, q := range m.Queues[:cap(m.Queues)] {
		require.Equal(t, Queue[item]{}, q)
	}
	m.Reset()
	x.Match([]byte("a.b"), &m)
	require.Len(t, m.Plain, 400)
	require.Len(t, m.Queues, 50)
}

// TestMergedQueues has the same groups on several matching subjects: few and many, short and
// long ones.
func TestMergedQueues(t *testing.T) {
	for _, queues := range []int{1, 3, manyQueues + 20, flatMax + 100} {
		for _, members := range []int{1, 4} {
			x := New[item]()
			w := want{queues: map[string][]int{}}
			id := 0
			for _, name := range []string{"a.b", "a.*", "*.b", "a.>", "*.*", ">"} {
				for q := range queues {
					for range members {
						x.Insert([]byte(name), fmt.Sprint(q), &item{id})
						w.queues[fmt.Sprint(q)] = append(w.queues[fmt.Sprint(q)], id)
						id++
					}
				}
			}
			var m Matches[item]
			for range 3 {
				x.Match([]byte("a.b"), &m)
				requireFoundFast(t, w, &m)
				x.Match([]byte("c"), &m)
				require.Len(t, m.Queues, queues)
			}
			requireSound(t, x)
		}
	}
}

// requireFoundFast is requireFound for lists of ids that are found in the order of insertion
// but for the subjects' order; it compares sums instead of sets.
func requireFoundFast(t testing.TB, w want, m *Matches[item]) {
	t.Helper()
	require.Len(t, m.Queues, len(w.queues))
	for _, q := range m.Queues {
		ids := w.queues[q.Name]
		seen := map[int]bool{}
		for _, it := range q.Members {
			seen[it.id] = true
		}
		require.Len(t, q.Members, len(ids))
		for _, id := range ids {
			require.True(t, seen[id], "queue %s, id %d", q.Name, id)
		}
	}
}
