package interest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/baridmq/barid/internal/core/subject"
	"github.com/stretchr/testify/require"
)

// effort returns how often a concurrent test does something.
func effort(n int) int {
	if raceDetector {
		return n / 4
	}
	return n
}

// stage is an index with items that stay, beside which others come and go.
type stage struct {
	t     *testing.T
	x     *Index[item]
	stays []entry
	over  atomic.Bool
}

// The ids of items that stay are below this, of others above.
const transient = 1 << 20

func newStage(t *testing.T) *stage {
	return &stage{t: t, x: New[item]()}
}

func (s *stage) stay(name, queue string) {
	e := entry{subject: name, queue: queue, item: &item{len(s.stays)}}
	e.node = s.x.Insert([]byte(name), queue, e.item)
	s.stays = append(s.stays, e)
}

// run lets the churners work side by side and, until they are done, two goroutines that watch
// the subjects.
func (s *stage) run(subjects []string, churners ...func(rnd *rand.Rand)) {
	var churn, watch sync.WaitGroup
	for i, c := range churners {
		churn.Go(func() { c(rand.New(rand.NewPCG(uint64(i), 1))) })
	}
	for range 2 {
		watch.Go(func() { s.watch(subjects) })
	}
	churn.Wait()
	s.over.Store(true)
	watch.Wait()
	requireSound(s.t, s.x)
	for _, e := range s.stays {
		require.True(s.t, s.x.Remove(e.node, e.queue, e.item))
	}
	requireBare(s.t, s.x)
}

// watch matches the subjects over and over: items that stay must be there exactly once, others
// at most once, and none that does not want the subject.
func (s *stage) watch(subjects []string) {
	expected := make([]map[place]int, len(subjects))
	for i, name := range subjects {
		expected[i] = map[place]int{}
		for _, e := range s.stays {
			if subject.Matches(name, e.subject) {
				expected[i][place{e.queue, e.item.id}]++
			}
		}
	}
	var m Matches[item]
	seen := map[place]int{}
	for rounds := 0; !s.over.Load() || rounds < 10; rounds++ {
		for i, name := range subjects {
			clear(seen)
			s.x.Match([]byte(name), &m)
			s.count(&m, seen)
			for p, n := range seen {
				if n != 1 || p.id < transient && expected[i][p] != 1 {
					s.t.Errorf("%q: %+v seen %d times", name, p, n)
				}
			}
			for p := range expected[i] {
				if seen[p] == 0 {
					s.t.Errorf("%q: %+v missed", name, p)
				}
			}
			if s.t.Failed() {
				return
			}
		}
		m.Reset()
	}
}

// place is where an item was seen.
type place struct {
	queue string
	id    int
}

func (s *stage) count(m *Matches[item], seen map[place]int) {
	for _, it := range m.Plain {
		seen[place{"", it.id}]++
	}
	names := map[string]bool{}
	for _, q := range m.Queues {
		if names[q.Name] || len(q.Members) == 0 {
			s.t.Errorf("group %q stands there twice or is empty", q.Name)
		}
		names[q.Name] = true
		for _, it := range q.Members {
			seen[place{q.Name, it.id}]++
		}
	}
}

// once inserts an item, looks whether it is found, removes it and looks whether it has gone.
func (s *stage) once(name, queue, published string, m *Matches[item], id int) {
	it := &item{id}
	has := func() bool {
		s.x.Match([]byte(published), m)
		seen := map[place]int{}
		s.count(m, seen)
		return seen[place{queue, id}] == 1
	}
	n := s.x.Insert([]byte(name), queue, it)
	if !has() {
		s.t.Errorf("%q in %q is not found by who inserted it", name, queue)
	}
	if !s.x.Remove(n, queue, it) {
		s.t.Errorf("%q in %q cannot be removed", name, queue)
	}
	if has() {
		s.t.Errorf("%q in %q is found after its removal", name, queue)
	}
}

// TestConcurrentSink has one subject change between inline item, set and group, and another
// come and go as a whole.
func TestConcurrentSink(t *testing.T) {
	s := newStage(t)
	s.stay("a", "")
	s.stay("c", "q")
	churn := func(first int) func(*rand.Rand) {
		return func(rnd *rand.Rand) {
			var m Matches[item]
			for i := range effort(20_000) {
				name := []string{"a", "b", "c"}[rnd.IntN(3)]
				s.once(name, []string{"", "q", "p"}[rnd.IntN(3)], name, &m, first+i)
			}
		}
	}
	s.run([]string{"a", "b", "c", "d"}, churn(1*transient), churn(2*transient))
}

// TestConcurrentTable has the table grow, shrink and reuse its places.
func TestConcurrentTable(t *testing.T) {
	s := newStage(t)
	var subjects []string
	for i := range 60 {
		subjects = append(subjects, fmt.Sprint("stays.", i))
		s.stay(subjects[i], "")
	}
	waves := func(first int) func(*rand.Rand) {
		return func(rnd *rand.Rand) {
			for wave := range effort(96) {
				var held []entry
				size := 600
				if wave%8 == 7 {
					size = 3 * fullLine * maxLines // enough for a fan
				}
				for i := range 1 + rnd.IntN(size) {
					name := fmt.Sprint("comes.", rnd.IntN(size))
					e := entry{item: &item{first + i}}
					e.node = s.x.Insert([]byte(name), "", e.item)
					held = append(held, e)
				}
				for _, e := range held {
					if !s.x.Remove(e.node, "", e.item) {
						s.t.Errorf("%q cannot be removed", e.node.Subject())
					}
				}
			}
		}
	}
	s.run(append(subjects, "comes.1", "comes.2"), waves(1*transient), waves(2*transient))
}

// TestConcurrentTrie has branches grow and be pruned around those that stay.
func TestConcurrentTrie(t *testing.T) {
	s := newStage(t)
	s.stay("a.*", "")
	s.stay("a.*.c", "q")
	s.stay("*.b.>", "")
	s.stay("a.b.c", "q")
	s.stay("a.b.c", "")
	subjects := []string{"a.b", "a.b.c", "b.b.c", "a.x.c", "x.y", "a.*", "a..b"}
	patterns := []string{"*", ">", "a.>", "a.*", "*.b", "*.*.c", "a.b.*", "a.*.*", "*.*.*.d", "b.*.>", "x.*", "a.b.c", "a.b"}
	churn := func(first int) func(*rand.Rand) {
		return func(rnd *rand.Rand) {
			var held []entry
			for i := range effort(40_000) {
				if len(held) > 0 && rnd.IntN(len(patterns)) < len(held) {
					at := rnd.IntN(len(held))
					e := held[at]
					held[at] = held[len(held)-1]
					held = held[:len(held)-1]
					if !s.x.Remove(e.node, e.queue, e.item) {
						s.t.Errorf("%q cannot be removed", e.node.Subject())
					}
					continue
				}
				e := entry{queue: []string{"", "q", "p"}[rnd.IntN(3)], item: &item{first + i}}
				e.node = s.x.Insert([]byte(patterns[rnd.IntN(len(patterns))]), e.queue, e.item)
				held = append(held, e)
			}
			for _, e := range held {
				s.x.Remove(e.node, e.queue, e.item)
			}
		}
	}
	once := func(rnd *rand.Rand) {
		var m Matches[item]
		for i := range effort(10_000) {
			s.once([]string{"a.b.>", "*.b", "a.*.c", "k.*"}[i%4], "q", []string{"a.b.c", "a.b", "a.x.c", "k.k"}[i%4], &m, 3*transient+i)
		}
	}
	s.run(subjects, churn(1*transient), churn(2*transient), once)
}

// TestConcurrentCrowd has long lists grow and shrink past the bounds of their forms.
func TestConcurrentCrowd(t *testing.T) {
	s := newStage(t)
	for range 40 {
		s.stay("a", "")
		s.stay("a", "q")
	}
	s.stay("b", "")
	for i := range 20 {
		s.stay("b", fmt.Sprint("stays", i))
	}
	waves := func(first int) func(*rand.Rand) {
		return func(rnd *rand.Rand) {
			for wave := range effort(80) {
				var held []entry
				for i := range rnd.IntN(2 * flatMax) {
					e := entry{subject: "a", item: &item{first + i}}
					switch wave % 3 {
					case 1:
						e.queue = "q"
					case 2:
						e.subject, e.queue = "b", fmt.Sprint(first, i)
					}
					e.node = s.x.Insert([]byte(e.subject), e.queue, e.item)
					held = append(held, e)
				}
				for _, i := range rnd.Perm(len(held)) {
					if e := held[i]; !s.x.Remove(e.node, e.queue, e.item) {
						s.t.Errorf("%+v cannot be removed", e)
					}
				}
			}
		}
	}
	s.run([]string{"a", "b"}, waves(1*transient), waves(2*transient))
}

// TestConcurrentReports has Each run beside changes.
func TestConcurrentReports(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"a", "a.b", "a.*", ">", "*.b"} {
		s.stay(name, "")
		s.stay(name, "q")
	}
	report := func(*rand.Rand) {
		for range effort(1500) {
			seen := map[int]int{}
			s.x.Each(func(_ *Node[item], _ string, it *item) bool {
				seen[it.id]++
				return true
			})
			for _, e := range s.stays {
				if seen[e.item.id] != 1 {
					s.t.Errorf("%q in %q reported %d times", e.subject, e.queue, seen[e.item.id])
				}
			}
			if st := s.x.Stats(); st.Inserts < st.Removes || s.x.Len() < len(s.stays) {
				s.t.Errorf("%+v", st)
			}
		}
	}
	churn := func(rnd *rand.Rand) {
		for i := range effort(20_000) {
			name := []string{"a", "a.b", "a.*", "b.*", fmt.Sprint(i % 100)}[rnd.IntN(5)]
			it := &item{transient + i}
			s.x.Remove(s.x.Insert([]byte(name), "", it), "", it)
		}
	}
	s.run([]string{"a", "a.b"}, report, churn)
}
