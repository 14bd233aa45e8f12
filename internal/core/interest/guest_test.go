package interest

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// guest is an item that stays for a short time only: while it is announced, every match must
// see it once.
type guest struct {
	name, queue, published string
	item                   *item
}

// TestConcurrentGuests has items that others move about right after their coming and up to
// their going, when the places they stand in have their first and last changes of form.
func TestConcurrentGuests(t *testing.T) {
	tests := []struct {
		name   string
		guests []guest
		others []string // "subject queue", at the places of the guests or beside them
		most   int      // how many others come at once
		rounds int
	}{
		{"sink", []guest{{name: "a"}, {name: "a", queue: "q"}, {name: "*"}, {name: ">", queue: "p"}},
			[]string{"a", "a q", "a p", "*", "* q", ">", "> p"}, 3, 40_000},
		{"table", []guest{{name: "a"}, {name: "b"}},
			[]string{"c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"}, 20, 5_000},
		{"trie", []guest{{name: "a.*"}, {name: "*.a.b", published: "b.a.b"}, {name: "*.b.>", published: "a.b.c"}, {name: "a.>", published: "a.b"}},
			[]string{"a.*", "a.>", "a.*.b", "*.a", "*.*", "*.b.*", "*.a.b", "*.a.>", "b.*", "c.*", "d.*", "e.*", "f.*", "g.*"}, 12, 5_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := New[item]()
			var now atomic.Pointer[guest]
			var over atomic.Bool
			var watch sync.WaitGroup
			watch.Go(func() { watchGuests(t, x, &now, &over) })
			rnd := rand.New(rand.NewPCG(1, 2))
			var m Matches[item]
			for i := range effort(tt.rounds) {
				others := crowd{x: x, rnd: rnd}
				others.insert(tt.others, rnd.IntN(tt.most))
				g := tt.guests[i%len(tt.guests)]
				if g.published == "" {
					g.published = g.name
				}
				g.item = &item{-1}
				n := x.Insert([]byte(g.name), g.queue, g.item)
				now.Store(&g)
				others.remove(rnd.IntN(len(others.held) + 1))
				others.insert(tt.others, rnd.IntN(tt.most))
				others.remove(len(others.held))
				x.Match([]byte(g.published), &m)
				if g.seen(&m) != 1 {
					t.Errorf("%q in %q is not seen by who inserted it", g.name, g.queue)
				}
				now.Store(nil)
				x.Remove(n, g.queue, g.item)
			}
			over.Store(true)
			watch.Wait()
			requireBare(t, x)
		})
	}
}

func watchGuests(t *testing.T, x *Index[item], now *atomic.Pointer[guest], over *atomic.Bool) {
	var m Matches[item]
	for !over.Load() && !t.Failed() {
		g := now.Load()
		if g == nil {
			continue
		}
		x.Match([]byte(g.published), &m)
		if seen := g.seen(&m); seen != 1 && now.Load() == g {
			t.Errorf("%q in %q seen %d times", g.name, g.queue, seen)
		}
	}
}

// seen returns how often g is in m.
func (g *guest) seen(m *Matches[item]) int {
	seen := 0
	for _, it := range m.Plain {
		if it == g.item && g.queue == "" {
			seen++
		}
	}
	for _, q := range m.Queues {
		for _, it := range q.Members {
			if it == g.item && g.queue == q.Name {
				seen++
			}
		}
	}
	return seen
}

// crowd is items that come and go.
type crowd struct {
	x    *Index[item]
	rnd  *rand.Rand
	held []entry
}

func (c *crowd) insert(places []string, n int) {
	for range n {
		e := entry{item: &item{len(c.held)}}
		e.subject, e.queue, _ = strings.Cut(places[c.rnd.IntN(len(places))], " ")
		e.node = c.x.Insert([]byte(e.subject), e.queue, e.item)
		c.held = append(c.held, e)
	}
}

// remove takes out n of them at random.
func (c *crowd) remove(n int) {
	for range n {
		at, last := c.rnd.IntN(len(c.held)), len(c.held)-1
		e := c.held[at]
		c.x.Remove(e.node, e.queue, e.item)
		c.held[at] = c.held[last]
		c.held = c.held[:last]
	}
}

// TestLateReader has a reader of a sink look whether there is a set, then everything happen
// that a few changes can do, then the reader go on: what was there before and stayed must be
// seen once, other things at most once.
func TestLateReader(t *testing.T) {
	seed := maphash.MakeSeed()
	const after = 3
	for before := range 5 {
		for history := range 1 << (2 * (before + after)) {
			r := lateReader{seed: seed}
			for step := range before + after {
				if step == before {
					r.begin()
				}
				if !r.toggle(history >> (2 * step) & 3) {
					break // the node would be given up
				}
			}
			r.end()
			if r.wrong != "" {
				t.Fatalf("history %x, %d before: %s", history, before, r.wrong)
			}
		}
	}
}

// lateReader is a sink with four things that may be in it, and a reader that pauses.
type lateReader struct {
	seed    maphash.Seed
	sink    sink[item]
	there   [4]bool
	items   [4]item
	reading bool
	set     *set[item]
	stays   [4]bool
	wrong   string
}

// toggle inserts thing i or removes it, and reports whether there is anything left. The last
// thing is the member of a queue group.
func (r *lateReader) toggle(i int) bool {
	queue := [4]string{3: "q"}[i]
	if r.there[i] {
		r.sink.remove(r.seed, queue, &r.items[i])
		r.stays[i] = false
	} else {
		r.sink.add(r.seed, queue, &r.items[i])
	}
	r.there[i] = !r.there[i]
	return !r.sink.empty()
}

func (r *lateReader) begin() {
	r.reading = true
	r.set = r.sink.set.Load()
	r.stays = r.there
}

func (r *lateReader) end() {
	if !r.reading {
		return
	}
	seen := [4]int{}
	see := func(it *item) bool {
		for i := range r.items {
			if it == &r.items[i] {
				seen[i]++
			}
		}
		return true
	}
	if r.set == nil {
		see(r.sink.plain.Load())
	} else {
		r.set.plain.all(see)
		for g := range r.set.groups.all {
			g.members.all(see)
		}
	}
	for i, n := range seen {
		if n > 1 || r.stays[i] && n != 1 {
			r.wrong = fmt.Sprintf("thing %d seen %d times", i, n)
		}
	}
}
