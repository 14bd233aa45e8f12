package interest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/baridmq/barid/internal/core/subject"
	"github.com/stretchr/testify/require"
)

// oracle is the second implementation: a list that is scanned.
type oracle struct {
	entries []entry
}

type entry struct {
	subject, queue string
	item           *item
	node           *Node[item]
}

func (o *oracle) match(name string) want {
	w := want{queues: map[string][]int{}}
	for _, e := range o.entries {
		switch {
		case !subject.Matches(name, e.subject):
		case e.queue == "":
			w.plain = append(w.plain, e.item.id)
		default:
			w.queues[e.queue] = append(w.queues[e.queue], e.item.id)
		}
	}
	return w
}

// history drives an index and the oracle by one source of choices.
type history struct {
	t      testing.TB
	x      *Index[item]
	o      oracle
	m      Matches[item]
	choose func(n int) int // 0 .. n-1

	tokens, queues []string
	depth, ids     int
	items          []*item
}

func newHistory(t testing.TB, choose func(n int) int) *history {
	return &history{
		t: t, x: New[item](), choose: choose,
		tokens: []string{"a", "b", "*", ">", "a*"},
		queues: []string{"", "", "", "p", "q"},
		depth:  4,
	}
}

// name returns a subject, which need not be valid.
func (h *history) name() string {
	var b strings.Builder
	for i := range 1 + h.choose(h.depth) {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(h.tokens[h.choose(len(h.tokens))])
	}
	if h.choose(20) == 0 {
		b.WriteByte('.')
	}
	return b.String()
}

func (h *history) insert() {
	name := h.name()
	if !subject.ValidSubscription(name) {
		return
	}
	// Sometimes an item that is there already, perhaps at the same place.
	if len(h.items) == 0 || h.choose(8) > 0 {
		h.items = append(h.items, &item{id: h.ids})
		h.ids++
	}
	e := entry{subject: name, queue: h.queues[h.choose(len(h.queues))], item: h.items[h.choose(len(h.items))]}
	e.node = h.x.Insert([]byte(name), e.queue, e.item)
	require.Equal(h.t, name, e.node.Subject())
	h.o.entries = append(h.o.entries, e)
}

func (h *history) remove() {
	if len(h.o.entries) == 0 {
		return
	}
	i := h.choose(len(h.o.entries))
	e, last := h.o.entries[i], len(h.o.entries)-1
	require.True(h.t, h.x.Remove(e.node, e.queue, e.item), "%+v", e)
	h.o.entries[i] = h.o.entries[last]
	h.o.entries = h.o.entries[:last]
	for _, other := range h.o.entries {
		if other.node == e.node && other.queue == e.queue && other.item == e.item {
			return
		}
	}
	require.False(h.t, h.x.Remove(e.node, e.queue, e.item), "%+v is removed twice", e)
}

func (h *history) match(name string) {
	h.x.Match([]byte(name), &h.m)
	requireFound(h.t, h.o.match(name), &h.m, "subject %q", name)
	require.True(h.t, h.m.Equal(match(h.x, name)))
}

func (h *history) drain() {
	for len(h.o.entries) > 0 {
		h.remove()
	}
	requireBare(h.t, h.x)
}

func TestRandomHistories(t *testing.T) {
	tests := []struct {
		name                 string
		tokens, depth, steps int
	}{
		{"tiny", 0, 2, 400},
		{"small", 0, 4, 800},
		{"deep", 0, 8, 600},
		{"wide", 300, 2, 1500},
		{"all", 30, 4, 1500},
	}
	for _, tt := range tests {
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(tt.name, seed), func(t *testing.T) {
				h := newHistory(t, rand.New(rand.NewPCG(seed, 9)).IntN)
				h.depth = tt.depth
				for i := range tt.tokens {
					h.tokens = append(h.tokens, fmt.Sprint("t", i))
				}
				for step := range tt.steps {
					// Waves: more inserts, then more removals.
					if h.choose(100) < []int{75, 30}[step/200%2] {
						h.insert()
					} else {
						h.remove()
					}
					h.match(h.name())
					if step%50 == 0 {
						requireSound(t, h.x)
						require.Equal(t, len(h.o.entries), h.x.Len())
					}
				}
				for _, e := range h.o.entries {
					h.match(e.subject)
				}
				h.drain()
			})
		}
	}
}

func FuzzHistory(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"))
	f.Add([]byte(strings.Repeat("\x00\x01\x00\x02\x01", 40)))
	f.Add([]byte(strings.Repeat("\x00\x03\x02\x01\x00\x04\x01", 40)))
	f.Fuzz(func(t *testing.T, data []byte) {
		h := newHistory(t, func(n int) int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b) % n
		})
		for len(data) > 0 {
			switch h.choose(3) {
			case 0:
				h.insert()
			case 1:
				h.remove()
			case 2:
				h.match(h.name())
			}
		}
		requireSound(t, h.x)
		h.drain()
	})
}
