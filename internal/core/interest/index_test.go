package interest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// item is what the tests put into an index.
type item struct{ id int }

// want is what a match must find: ids of the plain items and of the members of each queue.
type want struct {
	plain  []int
	queues map[string][]int
}

// found returns what m holds in the form of want.
func found(t testing.TB, m *Matches[item]) want {
	w := want{queues: map[string][]int{}}
	for _, it := range m.Plain {
		w.plain = append(w.plain, it.id)
	}
	for _, q := range m.Queues {
		require.NotContains(t, w.queues, q.Name, "a group stands in the result twice")
		require.NotEmpty(t, q.Members)
		for _, it := range q.Members {
			w.queues[q.Name] = append(w.queues[q.Name], it.id)
		}
	}
	return w
}

// requireFound checks m against w, apart from the order.
func requireFound(t testing.TB, w want, m *Matches[item], msg ...any) {
	t.Helper()
	got := found(t, m)
	require.ElementsMatch(t, w.plain, got.plain, msg...)
	require.Len(t, got.queues, len(w.queues), msg...)
	for name, members := range w.queues {
		require.ElementsMatch(t, members, got.queues[name], msg...)
	}
	require.Equal(t, len(w.plain) == 0 && len(w.queues) == 0, m.Empty(), msg...)
}

func TestMatch(t *testing.T) {
	// The ids are the places in this list; "subject queue" is a queue subscription.
	subscriptions := strings.Split("foo|foo.bar|foo.*|*.bar|foo.>|>|*.*|foo.bar.baz|foo.*.baz|*.>|"+
		"foo*|foo.bar work|foo.* work|foo.> other|foo.bar work|orders", "|")
	x := New[item]()
	items := make([]item, len(subscriptions))
	nodes := make([]*Node[item], len(subscriptions))
	for i, s := range subscriptions {
		items[i].id = i
		name, queue, _ := strings.Cut(s, " ")
		nodes[i] = x.Insert([]byte(name), queue, &items[i])
		require.Equal(t, name, nodes[i].Subject())
	}
	require.Same(t, nodes[1], nodes[11], "subscriptions to one subject share the node")
	require.Same(t, nodes[2], nodes[12])
	require.Equal(t, 16, x.Len())
	require.Equal(t, 9, x.Wildcards())
	require.Equal(t, Stats{Subscriptions: 16, Nodes: 12, Inserts: 16}, x.Stats())

	tests := []struct {
		subject string
		want    want
	}{
		{"foo", want{plain: []int{0, 5}}},
		{"orders", want{plain: []int{5, 15}}},
		{"nobody", want{plain: []int{5}}},
		{"foo.bar", want{plain: []int{1, 2, 3, 4, 5, 6, 9}, queues: map[string][]int{"work": {11, 12, 14}, "other": {13}}}},
		{"foo.x", want{plain: []int{2, 4, 5, 6, 9}, queues: map[string][]int{"work": {12}, "other": {13}}}},
		{"x.bar", want{plain: []int{3, 5, 6, 9}}},
		{"foo.bar.baz", want{plain: []int{4, 5, 7, 8, 9}, queues: map[string][]int{"other": {13}}}},
		{"foo.bar.x", want{plain: []int{4, 5, 9}, queues: map[string][]int{"other": {13}}}},
		{"foo.*", want{plain: []int{2, 4, 5, 6, 9}, queues: map[string][]int{"work": {12}, "other": {13}}}},
		{"*.bar", want{plain: []int{3, 5, 6, 9}}},
		{"foo.>", want{plain: []int{2, 4, 5, 6, 9}, queues: map[string][]int{"work": {12}, "other": {13}}}},
		{">", want{plain: []int{5}}},
		{"*", want{plain: []int{5}}},
		{"foo*", want{plain: []int{5, 10}}},
		{"", want{}},
		{".", want{}},
		{"foo.", want{}},
		{".foo", want{}},
		{"foo..bar", want{}},
		{"foo.bar..", want{}},
	}
	var m Matches[item]
	for _, tt := range tests {
		t.Run(tt.subject, func(t *testing.T) {
			x.Match([]byte(tt.subject), &m)
			requireFound(t, tt.want, &m)
		})
	}
}

func TestInsertCopiesTheSubject(t *testing.T) {
	for _, name := range []string{"a", "sixteen.bytes.ab", "seventeen.bytes.a", strings.Repeat("x", 32), strings.Repeat("x", 33),
		strings.Repeat("x", 48), strings.Repeat("x", 49), strings.Repeat("x", 5000), "a.*." + strings.Repeat("x", 40) + ".>"} {
		x := New[item]()
		buf := []byte(name)
		n := x.Insert(buf, "", &item{id: 1})
		clear(buf)
		require.Equal(t, name, n.Subject())
		var m Matches[item]
		x.Match([]byte(strings.TrimSuffix(name, ">")+"y"), &m)
		require.Equal(t, strings.HasSuffix(name, ">"), !m.Empty())
		x.Match([]byte(name), &m)
		require.Len(t, m.Plain, 1)
	}
}

func TestRemove(t *testing.T) {
	for _, name := range []string{"a", "a.b.c", "*", ">", "a.*.c.>"} {
		t.Run(name, func(t *testing.T) {
			x := New[item]()
			one, two, stranger := &item{1}, &item{2}, &item{3}
			n := x.Insert([]byte(name), "", one)
			require.Same(t, n, x.Insert([]byte(name), "", two))
			require.Same(t, n, x.Insert([]byte(name), "q", two))

			require.False(t, x.Remove(n, "", stranger))
			require.False(t, x.Remove(n, "q", one))
			require.False(t, x.Remove(n, "p", two))
			require.False(t, x.Remove(n, "", nil))
			require.True(t, x.Remove(n, "", one))
			require.False(t, x.Remove(n, "", one), "a second time")
			require.True(t, x.Remove(n, "", two))
			require.Equal(t, 1, x.Len())
			require.True(t, x.Remove(n, "q", two))
			require.False(t, x.Remove(n, "q", two), "the node has gone")
			require.False(t, x.Remove(n, "", nil), "the node has gone")

			require.Equal(t, Stats{Inserts: 3, Removes: 3}, x.Stats())
			requireBare(t, x)
			require.NotSame(t, n, x.Insert([]byte(name), "", one), "a node that has gone does not come back")
			require.False(t, x.Remove(n, "", one), "it is at the new node")
		})
	}
}

// TestWeight puts one item several times at one place.
func TestWeight(t *testing.T) {
	for _, queue := range []string{"", "q"} {
		x := New[item]()
		it, other := &item{1}, &item{2}
		var n *Node[item]
		for range 3 {
			n = x.Insert([]byte("a"), queue, it)
		}
		x.Insert([]byte("a"), queue, other)
		for left := 3; left > 0; left-- {
			ids := []int{2}
			for range left {
				ids = append(ids, 1)
			}
			var m Matches[item]
			x.Match([]byte("a"), &m)
			if queue == "" {
				requireFound(t, want{plain: ids}, &m)
			} else {
				requireFound(t, want{queues: map[string][]int{"q": ids}}, &m)
			}
			require.True(t, x.Remove(n, queue, it))
		}
		require.False(t, x.Remove(n, queue, it))
		require.True(t, x.Remove(n, queue, other))
		requireBare(t, x)
	}
}

// TestShrinks checks that an index gives back what it took, tables included.
func TestShrinks(t *testing.T) {
	x := New[item]()
	items := make([]item, 10_000)
	var nodes []*Node[item]
	for i := range items {
		nodes = append(nodes,
			x.Insert(fmt.Appendf(nil, "literal.%d", i), "", &items[i]),
			x.Insert(fmt.Appendf(nil, "wild.%d.*", i), "", &items[i]),
			x.Insert([]byte("many"), "", &items[i]),
			x.Insert([]byte("members"), "q", &items[i]),
			x.Insert([]byte("queues"), fmt.Sprint(i), &items[i]))
	}
	requireSound(t, x)
	for i := range nodes {
		queue := [...]string{"", "", "", "q", fmt.Sprint(i / 5)}[i%5]
		if !x.Remove(nodes[i], queue, &items[i/5]) {
			t.Fatalf("%q is not there", nodes[i].Subject())
		}
		if i == len(nodes)*9/10 {
			requireSound(t, x)
			require.LessOrEqual(t, lines(x), 1024, "1000 subjects are left")
		}
	}
	requireBare(t, x)
}

// lines returns the number of lines of all tables of literal subjects.
func lines(x *Index[item]) int {
	tab := x.literals.at.Load()
	n := len(tab.lines)
	if tab.fan != nil {
		seen := map[*table[sink[item]]]bool{}
		for i := range tab.fan.places {
			seen[tab.fan.places[i].Load()] = true
		}
		n = maxLines * len(seen)
	}
	return n
}

func TestEach(t *testing.T) {
	x := New[item]()
	for _, name := range []string{"a", "b", "*.c", "a.>", "*", "x.y.z.*"} {
		for i := range 3 {
			x.Insert([]byte(name), "", &item{i})
			x.Insert([]byte(name), "q", &item{i})
			x.Insert([]byte(name), "p", &item{i})
		}
	}
	x.Insert([]byte("single"), "", &item{0})
	for i := range 3000 {
		x.Insert([]byte("crowd"), "", &item{i})
	}
	seen := map[string]int{}
	all := 0
	x.Each(func(n *Node[item], queue string, it *item) bool {
		seen[fmt.Sprintf("%s %s %d", n.Subject(), queue, it.id)]++
		all++
		return true
	})
	require.Equal(t, x.Len(), all)
	require.Len(t, seen, all, "each once")
	require.Contains(t, seen, "x.y.z.* p 2")
	require.Contains(t, seen, "crowd  2999")

	for stop := 1; stop <= all; stop += 7 {
		calls := 0
		x.Each(func(*Node[item], string, *item) bool {
			calls++
			return calls < stop
		})
		require.Equal(t, stop, calls)
	}
}

// TestEachMayChange removes everything from within Each.
func TestEachMayChange(t *testing.T) {
	x := New[item]()
	for i := range 5000 {
		x.Insert(fmt.Appendf(nil, "a.%d", i%1000), "", &item{i})
		x.Insert(fmt.Appendf(nil, "*.%d", i%1000), "q", &item{i})
	}
	x.Each(func(n *Node[item], queue string, it *item) bool {
		return x.Remove(n, queue, it)
	})
	requireBare(t, x)
}

func TestLongSubject(t *testing.T) {
	x := New[item]()
	name := strings.Repeat("a.", 5000) + "b"
	star := strings.Repeat("*.", 5000) + "b"
	nodes := []*Node[item]{x.Insert([]byte(name), "", &item{1}), x.Insert([]byte(star), "", &item{2})}
	var m Matches[item]
	x.Match([]byte(name), &m)
	requireFound(t, want{plain: []int{1, 2}}, &m)
	for i, it := range []*item{m.Plain[0], m.Plain[1]} {
		require.True(t, x.Remove(nodes[i], "", it))
	}
	requireBare(t, x)
}
