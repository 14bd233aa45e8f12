package account

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/msg"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		sid  string
		want uint64
		ok   bool
	}{
		{"0", 0, true},
		{"1", 1, true},
		{"90", 90, true},
		{"999999999999999999", 999999999999999999, true},
		{"1000000000000000000", 0, false}, // 19 digits
		{"18446744073709551616", 0, false},
		{"", 0, false},
		{"00", 0, false},
		{"01", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1a", 0, false},
		{"a", 0, false},
		{"1 ", 0, false},
		{"/", 0, false},
		{":", 0, false},
		{"\xff", 0, false},
		{"٣", 0, false}, // a digit, but not one of these
	} {
		n, ok := Canonical([]byte(c.sid))
		require.Equal(t, c.ok, ok, "%q", c.sid)
		if ok {
			require.Equal(t, c.want, n, "%q", c.sid)
		}
	}
}

func TestSubKeepsTheSidAsItWasWritten(t *testing.T) {
	for _, sid := range []string{"1", "0", "007", "abc", "999999999999999999", "1000000000000000000", "18446744073709551615"} {
		memory := []byte(sid)
		s := NewSub(&Owner{}, memory, nil)
		copy(memory, "xxxxxxxxxxxxxxxxxxxxxxx")
		require.Equal(t, "sid="+sid, string(s.AppendSID([]byte("sid="))))
		n, number := s.SID()
		want, canonical := Canonical([]byte(sid))
		require.Equal(t, canonical, number, sid)
		if canonical {
			require.Equal(t, want, n, sid)
		}
	}
}

func TestSubCopiesItsQueue(t *testing.T) {
	require.Empty(t, NewSub(&Owner{}, []byte("1"), nil).Queue())
	memory := []byte("workers")
	s := NewSub(&Owner{}, []byte("1"), memory)
	copy(memory, "xxxxxxx")
	require.Equal(t, "workers", s.Queue())
}

// A maximum on a textual sid must not lose the sid, and one on a number must not gain one.
func TestSetMaxKeepsTheSid(t *testing.T) {
	for _, sid := range []string{"7", "seven"} {
		s := NewSub(&Owner{}, []byte(sid), nil)
		require.Zero(t, s.Max())
		require.False(t, s.SetMax(3))
		require.EqualValues(t, 3, s.Max())
		require.Equal(t, sid, string(s.AppendSID(nil)))
	}
}

func TestCount(t *testing.T) {
	type step struct {
		max     int // SetMax is called before with it; 0 for not
		reached bool
		n       int
		counted int
		last    bool
	}
	for _, c := range []struct {
		name  string
		steps []step
		taken uint64
		ended bool
	}{
		{"no maximum", []step{{n: 3, counted: 3}, {n: 1, counted: 1}}, 4, false},
		{"up to the maximum", []step{{max: 3, n: 2, counted: 2}, {n: 1, counted: 1, last: true}}, 3, true},
		{"beyond it", []step{{max: 3, n: 5, counted: 3, last: true}, {n: 1}}, 3, true},
		{"set late", []step{{n: 2, counted: 2}, {max: 3, n: 2, counted: 1, last: true}}, 3, true},
		{"set to what was taken", []step{{n: 2, counted: 2}, {max: 2, reached: true, n: 1}}, 2, true},
		{"set to less", []step{{n: 5, counted: 5}, {max: 2, reached: true, n: 1}}, 5, true},
		{"raised", []step{{max: 2, n: 1, counted: 1}, {max: 4, n: 9, counted: 3, last: true}}, 4, true},
		{"lowered", []step{{max: 9, n: 3, counted: 3}, {max: 4, n: 9, counted: 1, last: true}}, 4, true},
		{"lowered too far", []step{{max: 9, n: 3, counted: 3}, {max: 2, reached: true, n: 9}}, 3, true},
		{"raised after the end", []step{{max: 2, n: 2, counted: 2, last: true}, {max: 9, reached: true, n: 1}}, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewSub(&Owner{}, []byte("1"), nil)
			for _, step := range c.steps {
				if step.max > 0 {
					require.Equal(t, step.reached, s.SetMax(uint64(step.max)))
				}
				counted, last := s.Count(step.n)
				require.Equal(t, step.counted, counted)
				require.Equal(t, step.last, last)
			}
			require.Equal(t, c.taken, s.Taken())
			require.Equal(t, c.ended, s.Ended())
		})
	}
}

func TestWhoGaveUpTakesNothing(t *testing.T) {
	for _, max := range []uint64{0, 9} {
		s := NewSub(&Owner{}, []byte("1"), nil)
		if max > 0 {
			s.SetMax(max)
		}
		n, _ := s.Count(2)
		require.Equal(t, 2, n)
		require.False(t, s.GivenUp())
		s.GiveUp()
		require.True(t, s.GivenUp())
		require.EqualValues(t, 2, s.Taken())
		n, last := s.Count(3)
		require.Zero(t, n)
		require.False(t, last)
		require.False(t, s.Ended())
	}
}

// several runs f in n goroutines and waits for them.
func several(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// However many count at once: exactly as many messages as the maximum says, and somebody learns
// that it is reached.
func TestCountIsExactAmongMany(t *testing.T) {
	for range 200 {
		const max = 1000
		s := NewSub(&Owner{}, []byte("1"), nil)
		s.SetMax(max)
		var sum, lasts atomic.Int64
		several(4, func(i int) {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for {
				want := 1 + random.IntN(9)
				n, last := s.Count(want)
				sum.Add(int64(n))
				if last {
					lasts.Add(1)
				}
				if n < want {
					return
				}
			}
		})
		require.EqualValues(t, max, sum.Load())
		require.EqualValues(t, 1, lasts.Load())
		require.EqualValues(t, max, s.Taken())
	}
}

// A maximum that is set while others count is exact too, if it was not reached when it was set;
// and somebody learns of the end, whoever comes first.
func TestSetMaxIsExactWhileOthersCount(t *testing.T) {
	const rounds, max = 20000, 4
	type round struct {
		s    *Sub
		sum  atomic.Int64
		told atomic.Bool
	}
	var turns [rounds]round
	for i := range turns {
		turns[i].s = NewSub(&Owner{}, []byte("1"), nil)
	}
	var at, done atomic.Int64 // both sides begin a round at the same moment
	var all sync.WaitGroup
	all.Go(func() {
		for i := range turns {
			for at.Load() <= int64(i) {
				runtime.Gosched()
			}
			for range i % 13 {
				turns[i].s.Max() // not always at the same distance
			}
			for range 3 {
				n, last := turns[i].s.Count(3)
				turns[i].sum.Add(int64(n))
				if last {
					turns[i].told.Store(true)
				}
			}
			done.Add(1)
		}
	})
	defer at.Store(rounds) // lets the other side go on if this one fails
	early, late := 0, 0
	for i := range turns {
		r := &turns[i]
		at.Add(1)
		for range i % 11 {
			r.s.Max()
		}
		reached := r.s.SetMax(max)
		for done.Load() <= int64(i) {
			runtime.Gosched()
		}
		if reached {
			late++
			require.GreaterOrEqual(t, r.sum.Load(), int64(max))
		} else {
			early++
			require.EqualValues(t, max, r.sum.Load())
		}
		require.True(t, reached || r.told.Load(), "somebody has to take the subscription out")
	}
	all.Wait()
	t.Logf("%d maxima set in time, %d late", early, late)
}

// A maximum that moves while others count never leaves a subscription that takes nothing more
// and of which nobody was told that it has ended.
func TestAMovingMaximumEndsASubscriptionOnce(t *testing.T) {
	for round := range 2000 {
		s := NewSub(&Owner{}, []byte("1"), nil)
		s.SetMax(1000)
		var told atomic.Bool
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for range 40 {
					if _, last := s.Count(2); last {
						told.Store(true)
					}
				}
			})
		}
		for _, max := range []uint64{uint64(round % 50), 100, uint64(10 + round%90)} {
			if s.SetMax(max + 1) {
				told.Store(true)
			}
		}
		all.Wait()
		n, _ := s.Count(1)
		require.Zero(t, n, "more was counted than any of the maxima")
		require.True(t, told.Load(), "round %d", round)
	}
}

// Nothing is counted once GiveUp has returned.
func TestGiveUpWhileOthersCount(t *testing.T) {
	for _, max := range []uint64{0, 1 << 40} {
		for range 300 {
			s := NewSub(&Owner{}, []byte("1"), nil)
			if max > 0 {
				s.SetMax(max)
			}
			var over atomic.Bool
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					for {
						before := over.Load()
						n, _ := s.Count(1)
						if n == 0 {
							return
						}
						if before {
							t.Error("counted after GiveUp had returned")
							return
						}
					}
				})
			}
			s.GiveUp()
			over.Store(true)
			all.Wait()
		}
	}
}

// rec notes what it is given.
type rec struct {
	runs    []msg.Run
	outcome Outcome
}

func (r *rec) Deliver(_ *Stage, run msg.Run, _ *Sub) Outcome {
	r.runs = append(r.runs, run)
	return r.outcome
}

func TestDeliverAsksTheOwner(t *testing.T) {
	r := &rec{outcome: Partly}
	o := &Owner{Receiver: r, ID: 7}
	s := NewSub(o, []byte("1"), nil)
	require.Same(t, o, s.Owner())
	require.Equal(t, Partly, s.Deliver(&Stage{}, msg.Run{From: 2, To: 5}))
	require.Equal(t, []msg.Run{{From: 2, To: 5}}, r.runs)
}
