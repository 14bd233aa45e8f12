package task

import (
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baridmq/barid/internal/core/guard"
)

func TestGoRunsAndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(nil)
		end := make(chan struct{})
		var ran atomic.Int32
		for _, name := range []string{"reader", "writer", "reader"} {
			require.True(t, g.Go(name, func() { ran.Add(1); <-end }))
		}
		synctest.Wait()
		require.EqualValues(t, 3, ran.Load())
		require.Equal(t, map[string]int{"reader": 2, "writer": 1}, g.Running())

		close(end)
		require.Empty(t, g.Wait(time.Second))
		require.Empty(t, g.Running())
	})
}

func TestWaitNamesTheLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(nil)
		end := make(chan struct{})
		for range 3 {
			g.Go("reader", func() { <-end })
		}
		g.Go("acceptor", func() { <-end })
		g.Go("quick", func() {})
		synctest.Wait()

		start := time.Now()
		require.Equal(t, []string{"acceptor", "reader x3"}, g.Wait(0))
		require.Equal(t, []string{"acceptor", "reader x3"}, g.Wait(-1))
		require.Zero(t, time.Since(start))
		require.Equal(t, []string{"acceptor", "reader x3"}, g.Wait(2*time.Second))
		require.Equal(t, 2*time.Second, time.Since(start))

		close(end)
		require.Nil(t, g.Wait(time.Second))
		require.Nil(t, g.Wait(0))
	})
}

func TestWaitEndsWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(nil)
		start := time.Now()
		g.Go("a", func() {
			time.Sleep(time.Second)
			g.Go("b", func() { time.Sleep(2 * time.Second) })
		})
		g.Go("c", func() { time.Sleep(time.Millisecond) })
		var waiters sync.WaitGroup
		for range 2 {
			waiters.Go(func() {
				assert.Nil(t, g.Wait(time.Minute))
				assert.Equal(t, 3*time.Second, time.Since(start))
			})
		}
		waiters.Wait()
	})
}

func TestClosedGroupStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(nil)
		end := make(chan struct{})
		require.True(t, g.Go("old", func() { <-end }))
		g.Close()
		g.Close()
		require.False(t, g.Go("new", func() { t.Error("ran in a closed group") }))
		require.Equal(t, map[string]int{"old": 1}, g.Running())
		close(end)
		require.Nil(t, g.Wait(time.Second))
	})
}

func TestPanicIsHandedOver(t *testing.T) {
	type report struct {
		name  string
		value any
		stack string
	}
	var got []report
	var g *Group
	g = New(func(name string, value any, stack []byte) {
		assert.Equal(t, map[string]int{"reader": 1}, g.Running(), "still on the books while it is reported")
		got = append(got, report{name, value, string(stack)})
	})
	g.Go("reader", burst)
	require.Nil(t, g.Wait(time.Minute))
	require.Len(t, got, 1)
	require.Equal(t, "reader", got[0].name)
	require.Equal(t, "tyre", got[0].value)
	require.Contains(t, got[0].stack, "task.burst")

	require.True(t, g.Go("reader", func() { runtime.Goexit() }), "a panic closes nothing")
	require.Nil(t, g.Wait(time.Minute))
	require.Len(t, got, 1, "Goexit is no panic")
}

func burst() { panic("tyre") }

// A panic that is not caught cannot be tested in this process: run is called directly.
func TestPanicWithoutHandlerIsRaised(t *testing.T) {
	g := New(nil)
	g.mu.total, g.mu.names["x"] = 1, &counter{running: 1, labels: t.Context()}
	require.PanicsWithValue(t, "tyre", func() { g.run("x", g.mu.names["x"], burst) })
	require.Empty(t, g.Running())
}

func TestBrokenLockRuleIsRaised(t *testing.T) {
	g := New(func(string, any, []byte) { t.Error("swallowed a broken lock rule") })
	g.mu.total, g.mu.names["x"] = 1, &counter{running: 1, labels: t.Context()}
	require.PanicsWithValue(t, guard.Violation("v"), func() {
		g.run("x", g.mu.names["x"], func() { panic(guard.Violation("v")) })
	})
}

func TestNameIsAProfileLabel(t *testing.T) {
	g := New(nil)
	end := make(chan struct{})
	up := make(chan struct{})
	g.Go("labelled", func() { close(up); <-end })
	<-up
	var profile strings.Builder
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	require.Contains(t, profile.String(), `"task":"labelled"`)
	close(end)
	require.Nil(t, g.Wait(time.Minute))
}

func TestManyStartersAndOneWaiter(t *testing.T) {
	defer goleak.VerifyNone(t)
	g := New(nil)
	var started, ended atomic.Int64
	var starters sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		starters.Go(func() {
			for g.Go(name, func() { ended.Add(1) }) {
				started.Add(1)
				if started.Load() > 2000 {
					g.Close()
				}
			}
		})
	}
	starters.Wait()
	require.Nil(t, g.Wait(time.Minute))
	require.Equal(t, started.Load(), ended.Load())
	require.Empty(t, g.Running())
}

func BenchmarkGo(b *testing.B) {
	g := New(func(string, any, []byte) {})
	done := make(chan struct{})
	f := func() { done <- struct{}{} }
	b.ReportAllocs()
	for b.Loop() {
		g.Go("bench", f)
		<-done
	}
}

// BenchmarkBareGo is what BenchmarkGo is compared with.
func BenchmarkBareGo(b *testing.B) {
	done := make(chan struct{})
	f := func() { done <- struct{}{} }
	b.ReportAllocs()
	for b.Loop() {
		go f()
		<-done
	}
}
