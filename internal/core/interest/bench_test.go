package interest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// names returns n subjects of 20 bytes and three tokens in random order, one behind the other
// in memory, as in a buffer that was read.
func names(n int) [][]byte {
	all := make([][]byte, 0, n)
	buf := make([]byte, 0, n*20)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		start := len(buf)
		buf = fmt.Appendf(buf, "dev.%08d.status", i)
		all = append(all, buf[start:len(buf):len(buf)])
	}
	return all
}

// filled returns an index with one plain subscription for each name, inserted in another order
// than theirs.
func filled(names [][]byte) *Index[item] {
	x := New[item]()
	items := make([]item, len(names))
	for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(len(names)) {
		x.Insert(names[i], "", &items[i])
	}
	return x
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// memoryOf returns what an index with these subscriptions keeps alive, in bytes for each.
func memoryOf(names [][]byte) float64 {
	var it item
	before := heap()
	x := New[item]()
	for _, name := range names {
		x.Insert(name, "", &it)
	}
	after := heap()
	runtime.KeepAlive(x)
	runtime.KeepAlive(names)
	return (float64(after) - float64(before)) / float64(len(names))
}

func TestMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector needs memory of its own")
	}
	require.Less(t, memoryOf(names(100_000)), 200.0)
}

func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		all := names(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(memoryOf(all), "B/sub")
			}
		})
	}
	wild := make([][]byte, 100_000)
	for i := range wild {
		wild[i] = fmt.Appendf(nil, "dev.%08d.*", i)
	}
	b.Run("wildcards", func(b *testing.B) {
		for b.Loop() {
			b.ReportMetric(memoryOf(wild), "B/sub")
		}
	})
}

func BenchmarkMatchLiteral(b *testing.B) {
	for _, n := range []int{100, 100_000, 1_000_000} {
		all := names(n)
		x := filled(all)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var m Matches[item]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.Match(all[i%n], &m)
				if len(m.Plain) != 1 {
					b.Fatal(len(m.Plain))
				}
			}
		})
	}
	x := filled(names(100_000))
	b.Run("nobody", func(b *testing.B) {
		var m Matches[item]
		for i := 0; b.Loop(); i++ {
			x.Match([]byte("dev.00000000.nobody"), &m)
		}
	})
}

func BenchmarkMatchWildcard(b *testing.B) {
	few := New[item]()
	for _, s := range []string{"dev.>", "dev.*.status", "*.*.alarm"} {
		few.Insert([]byte(s), "", &item{})
	}
	many, prefixes := New[item](), New[item]()
	for i := range 100_000 {
		many.Insert(fmt.Appendf(nil, "dev.%08d.*", i), "", &item{})
		prefixes.Insert(fmt.Appendf(nil, "dev.%08d.>", i), "", &item{})
	}
	all := names(100_000)
	both := filled(all)
	both.Insert([]byte("dev.*.status"), "", &item{})
	tests := []struct {
		name string
		x    *Index[item]
		want int
	}{{"few", few, 2}, {"many", many, 1}, {"prefixes", prefixes, 1}, {"both", both, 2}}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			var m Matches[item]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				tt.x.Match(all[i%len(all)], &m)
				if len(m.Plain) != tt.want {
					b.Fatal(len(m.Plain))
				}
			}
		})
	}
	b.Run("one subject", func(b *testing.B) {
		var m Matches[item]
		for b.Loop() {
			few.Match(all[0], &m)
		}
	})
}

func BenchmarkMatchQueue(b *testing.B) {
	for _, n := range []int{1, 8, 10_000} {
		x := New[item]()
		for range n {
			x.Insert([]byte("service.request"), "workers", &item{})
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var m Matches[item]
			b.ReportAllocs()
			for b.Loop() {
				x.Match([]byte("service.request"), &m)
				if len(m.Queues[0].Members) != n {
					b.Fatal(len(m.Queues[0].Members))
				}
			}
		})
	}
}

func BenchmarkMatchParallel(b *testing.B) {
	all := names(100_000)
	x := filled(all)
	run := func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			var m Matches[item]
			for i := rand.IntN(len(all)); pb.Next(); i++ {
				x.Match(all[i%len(all)], &m)
			}
		})
	}
	b.Run("alone", run)
	b.Run("beside churn", func(b *testing.B) {
		stop := make(chan struct{})
		var churn sync.WaitGroup
		churn.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					it := &item{}
					x.Remove(x.Insert([]byte("dev.coming.going"), "", it), "", it)
				}
			}
		})
		run(b)
		close(stop)
		churn.Wait()
	})
}

func BenchmarkInsertRemove(b *testing.B) {
	all := names(100_000)
	x := filled(all)
	it := &item{}
	for _, s := range []string{"new.literal.subject", "dev.00004711.status", "dev.*.status", "new.*.status"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Remove(x.Insert([]byte(s), "", it), "", it)
			}
		})
	}
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint("crowd of ", n), func(b *testing.B) {
			x, items := New[item](), make([]item, n)
			order := rand.New(rand.NewPCG(3, 4)).Perm(n)
			for b.Loop() {
				var node *Node[item]
				for i := range items {
					node = x.Insert([]byte("news"), "", &items[i])
				}
				for _, i := range order {
					x.Remove(node, "", &items[i])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/sub")
		})
	}
	b.Run("million", func(b *testing.B) {
		all := names(1_000_000)
		nodes := make([]*Node[item], len(all))
		for b.Loop() {
			x := New[item]()
			for i, name := range all {
				nodes[i] = x.Insert(name, "", it)
			}
			for _, n := range nodes {
				x.Remove(n, "", it)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(all)), "ns/sub")
	})
}

func TestMatchAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	x := New[item]()
	for _, s := range []string{"a", "b.c", "b.*", "*.c", "b.>", ">", "*.*.d"} {
		for i := range 3 {
			x.Insert([]byte(s), "", &item{i})
			x.Insert([]byte(s), "q", &item{i})
			x.Insert([]byte(s), fmt.Sprint("p", i), &item{i})
		}
	}
	x.Insert([]byte("single"), "", &item{})
	for i := range 3 * flatMax {
		x.Insert([]byte("crowd"), "", &item{i})
		x.Insert([]byte("crowd"), "q", &item{i})
		x.Insert([]byte("queues"), fmt.Sprint(i), &item{i})
		x.Insert([]byte("*"), fmt.Sprint(i), &item{i})
	}
	var m, last Matches[item]
	for _, s := range []string{"nobody.at.all", "single", "a", "b.c", "b.x", "b..c", "b.c.d.e", "x.y.d", "crowd", "queues"} {
		subject := []byte(s)
		for range 2 * restful {
			x.Match(subject, &m)
		}
		x.Match(subject, &last)
		require.Zero(t, testing.AllocsPerRun(50, func() {
			x.Match(subject, &m)
			if !m.Equal(&last) {
				t.Error("not the same again")
			}
		}), s)
		require.Zero(t, testing.AllocsPerRun(50, func() {
			m.Reset()
			x.Match(subject, &m)
		}), s)
	}
}
