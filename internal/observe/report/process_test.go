package report

import (
	"math"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSamplerPercent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		used := 5 * time.Second // before the sampler was made
		s := newSampler(func() time.Duration { return used }, func() int64 { return 42 })
		for _, step := range []struct {
			pass, use time.Duration
			want      float64
		}{
			{0, 0, 0},
			{500 * time.Millisecond, 500 * time.Millisecond, 0},  // too young
			{500 * time.Millisecond, 0, 50},                      // over both steps
			{899 * time.Millisecond, 899 * time.Millisecond, 50}, // too young again
			{time.Millisecond, time.Millisecond, 100},            // just old enough
			{time.Second, 2500 * time.Millisecond, 250},          // several cores
			{time.Second, 12345678, 1.2},                         // in tenths
			{time.Hour, 36 * time.Second, 1},                     // nobody asked for long
			{time.Second, 0, 0},                                  // idle
			{time.Second, -time.Second, 0},                       // never below zero
		} {
			time.Sleep(step.pass)
			used += step.use
			require.Equal(t, step.want, s.Sample().CPU, "after %v more with %v used", step.pass, step.use)
		}
		require.EqualValues(t, 42, s.Sample().Mem)
	})
}

func TestSamplerOfThisProcess(t *testing.T) {
	s := NewSampler()
	var asked sync.WaitGroup
	for range 4 {
		asked.Go(func() { s.Sample() })
	}
	asked.Wait()

	p := s.Sample()
	require.Greater(t, p.Mem, int64(1<<20), "a Go program has more than a megabyte")
	require.Positive(t, p.Cores)
	require.Positive(t, p.MaxProcs)
	require.GreaterOrEqual(t, p.CPU, 0.0)
	require.Positive(t, mapped())
}

func TestSamplerMemLimit(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetMemoryLimit(before)
	s := NewSampler()
	require.Zero(t, s.Sample().MemLimit)
	debug.SetMemoryLimit(1 << 30)
	require.EqualValues(t, 1<<30, s.Sample().MemLimit)
}

func TestCPUTimeGrows(t *testing.T) {
	for start := cpuTime(); cpuTime() <= start; {
	}
}
