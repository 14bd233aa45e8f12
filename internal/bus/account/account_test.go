package account

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// limited returns an account with limits, and -1 for those that are 0.
func limited(connections int) *Account {
	l := Unlimited()
	l.Connections = connections
	return NewRegistry().Put(Spec{Name: "A", Limits: l})
}

func TestJoin(t *testing.T) {
	a := limited(2)
	require.True(t, a.Join())
	require.True(t, a.Join())
	require.False(t, a.Join())
	require.Equal(t, 2, a.Connections())
	a.Leave()
	require.True(t, a.Join())
	require.False(t, a.Join())

	require.False(t, limited(0).Join(), "a limit of 0 lets nobody in")
	open := limited(-1)
	for range 100 {
		require.True(t, open.Join())
	}
	require.Equal(t, 100, open.Connections())
}

func TestAsManyJoinAsMay(t *testing.T) {
	for range 100 {
		a := limited(25)
		var joined atomic.Int64
		several(8, func(int) {
			for range 10 {
				if a.Join() {
					joined.Add(1)
				}
			}
		})
		require.EqualValues(t, 25, joined.Load())
		require.Equal(t, 25, a.Connections())
	}
}

func TestSubscribeAndUnsubscribe(t *testing.T) {
	a := limited(-1)
	o := &Owner{ID: 1}
	plain, member := NewSub(o, []byte("1"), nil), NewSub(o, []byte("2"), []byte("q"))
	require.Empty(t, plain.Subject())
	subject := []byte("a.*")
	a.Subscribe(plain, subject)
	a.Subscribe(member, subject)
	copy(subject, "xxx")
	require.Equal(t, "a.*", plain.Subject())
	require.Equal(t, 2, a.Subscriptions())

	var m Matches
	a.Match([]byte("a.b"), &m)
	require.Equal(t, []*Sub{plain}, m.Plain)
	require.Len(t, m.Queues, 1)
	require.Equal(t, "q", m.Queues[0].Name)
	require.Equal(t, []*Sub{member}, m.Queues[0].Members)
	a.Match([]byte("a.b.c"), &m)
	require.True(t, m.Empty())

	require.True(t, a.Unsubscribe(plain))
	require.False(t, a.Unsubscribe(plain))
	a.Match([]byte("a.b"), &m)
	require.Empty(t, m.Plain)
	require.True(t, a.Unsubscribe(member))
	require.Zero(t, a.Subscriptions())
}

// Of those who take a subscription out at the same time one is told that it did.
func TestUnsubscribeIsWonByOne(t *testing.T) {
	a := limited(-1)
	o := &Owner{}
	for i := range 500 {
		var queue []byte
		if i%2 == 1 {
			queue = []byte("q")
		}
		s := NewSub(o, []byte("1"), queue)
		a.Subscribe(s, []byte("a"))
		var won atomic.Int64
		several(3, func(int) {
			if a.Unsubscribe(s) {
				won.Add(1)
			}
		})
		require.EqualValues(t, 1, won.Load())
	}
	require.Zero(t, a.Subscriptions())
}

func TestEach(t *testing.T) {
	a := limited(-1)
	o := &Owner{}
	want := map[string]bool{}
	for i := range 50 {
		s := NewSub(o, fmt.Append(nil, i), nil)
		subject := fmt.Sprintf("a.%d", i%7)
		if i%3 == 0 {
			subject = fmt.Sprintf("b.%d.*", i%5)
		}
		a.Subscribe(s, []byte(subject))
		want[fmt.Sprint(i, subject)] = true
	}
	got := map[string]bool{}
	a.Each(func(s *Sub) bool {
		got[string(s.AppendSID(nil))+s.Subject()] = true
		return true
	})
	require.Len(t, got, 50)
	for key := range want {
		require.Contains(t, got, key)
	}
	n := 0
	a.Each(func(*Sub) bool { n++; return n < 3 })
	require.Equal(t, 3, n)
}

// Who finds a subscription while it is being entered may ask it anything.
func TestLookingWhileOthersSubscribe(t *testing.T) {
	a := limited(-1)
	o := &Owner{}
	var busy atomic.Int64
	busy.Store(2)
	several(4, func(i int) {
		if i < 2 {
			defer busy.Add(-1)
			for j := range 3000 {
				s := NewSub(o, []byte("1"), [][]byte{nil, []byte("q")}[j%2])
				a.Subscribe(s, []byte([]string{"a", "*", "b.c"}[j%3]))
				a.Unsubscribe(s)
			}
			return
		}
		var m Matches
		for busy.Load() > 0 {
			a.Each(func(s *Sub) bool {
				if s.Subject() == "" {
					t.Error("a subscription without a subject")
				}
				return true
			})
			a.Match([]byte("a"), &m)
			for _, s := range m.Plain {
				if subject := s.Subject(); subject != "" && subject != "a" && subject != "*" {
					t.Errorf("%s matches a", subject)
				}
			}
		}
	})
}

// So many connections yield as are too many after a change of the limit, whoever asks at a time.
func TestYield(t *testing.T) {
	for limit, want := range map[int]int64{-1: 0, 0: 10, 4: 6, 10: 0, 11: 0} {
		r := NewRegistry()
		a := r.Put(Spec{Name: "A", Limits: Unlimited()})
		for range 10 {
			require.True(t, a.Join())
		}
		limits := Unlimited()
		limits.Connections = limit
		r.Put(Spec{Name: "A", Limits: limits})
		var yielded atomic.Int64
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if a.Yield() {
					yielded.Add(1)
				}
			})
		}
		all.Wait()
		require.Equal(t, want, yielded.Load(), limit)
		require.EqualValues(t, 10-want, a.Connections())
	}
}

func TestStats(t *testing.T) {
	a := NewRegistry().Get(Global)
	o := &Owner{ID: 1}
	one, two := NewSub(o, []byte("1"), nil), NewSub(o, []byte("2"), nil)
	a.Subscribe(one, []byte("a"))
	a.Subscribe(two, []byte("a"))
	a.Unsubscribe(one)
	require.Equal(t, Stats{Subscriptions: 1, Nodes: 1, Inserts: 2, Removes: 1}, a.Stats())
}

// How long it takes to look at a million subscriptions for those of a few owners.
func BenchmarkEachOfAMillion(b *testing.B) {
	a := NewRegistry().Get(Global)
	owners := make([]Owner, 1000)
	for i := range 1_000_000 {
		o := &owners[i%1000]
		o.ID = uint64(i % 1000)
		a.Subscribe(NewSub(o, []byte("1"), nil), fmt.Appendf(nil, "a.%d", i))
	}
	wanted := map[uint64]bool{}
	for i := range uint64(10) {
		wanted[i] = true
	}
	for b.Loop() {
		n := 0
		a.Each(func(s *Sub) bool {
			if wanted[s.Owner().ID] {
				n++
			}
			return true
		})
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}

// Who is refused never counts, not even for a moment: another connection would have to go for it.
func TestRefusedConnectionsPushNobodyOut(t *testing.T) {
	a := NewRegistry().Put(Spec{Name: "A", Limits: Limits{Connections: 1, Subscriptions: -1, Payload: -1}})
	require.True(t, a.Join())
	stop := make(chan struct{})
	var knocking sync.WaitGroup
	for range 2 {
		knocking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					a.Join()
				}
			}
		})
	}
	for range 20000 {
		if a.Yield() {
			close(stop)
			t.Fatal("the one connection there may be had to go")
		}
	}
	close(stop)
	knocking.Wait()
	require.Equal(t, 1, a.Connections())
}
