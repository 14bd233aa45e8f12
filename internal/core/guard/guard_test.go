package guard

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// The same calls must compile and work in both builds.
var (
	_ sync.Locker = (*Leaf)(nil)
	_ sync.Locker = (*RWLeaf)(nil)
	_ sync.Locker = (*Owner)(nil)
)

func TestLeafExcludes(t *testing.T) {
	var (
		mu Leaf
		wg sync.WaitGroup
		n  int
	)
	for range 8 {
		wg.Go(func() {
			for range 200 {
				mu.Lock()
				n++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1600, n)
}

func TestRWLeafLetsReadersIn(t *testing.T) {
	var (
		mu   RWLeaf
		both sync.WaitGroup
		done sync.WaitGroup
	)
	both.Add(2)
	for range 2 {
		done.Go(func() {
			mu.RLock()
			defer mu.RUnlock()
			both.Done()
			both.Wait() // returns only if the other one is in as well
		})
	}
	done.Wait()

	mu.Lock()
	var got []bool
	done.Go(func() { got = append(got, mu.TryLock(), mu.TryRLock()) })
	done.Wait()
	mu.Unlock()
	require.Equal(t, []bool{false, false}, got)
}

func TestTryLock(t *testing.T) {
	var mu Leaf
	require.True(t, mu.TryLock())
	elsewhere := make(chan bool)
	go func() { elsewhere <- mu.TryLock() }()
	require.False(t, <-elsewhere)
	mu.Unlock()

	var rw RWLeaf
	require.True(t, rw.TryRLock())
	rw.RUnlock()
	require.True(t, rw.TryLock())
	rw.Unlock()
	l := rw.RLocker()
	l.Lock()
	go func() { elsewhere <- rw.TryLock() }()
	require.False(t, <-elsewhere)
	l.Unlock()
	require.True(t, rw.TryLock())
	rw.Unlock()
}

func TestLeafServesACond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu struct {
			Leaf
			ready bool
		}
		c := sync.NewCond(&mu.Leaf)
		var woken bool
		go func() {
			mu.Lock()
			for !mu.ready {
				c.Wait()
			}
			woken = true
			mu.Unlock()
		}()
		synctest.Wait()
		mu.Lock()
		mu.ready = true
		mu.Unlock()
		c.Signal()
		synctest.Wait()
		require.True(t, woken)
	})
}

func BenchmarkLeaf(b *testing.B) {
	var mu Leaf
	n := 0
	for b.Loop() {
		mu.Lock()
		n++
		mu.Unlock()
	}
}
