package usage

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ownUsage(t *testing.T) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The process's clock must lie between two readings of the other way to know its use, which may be
// off by a tick.
func TestCPU(t *testing.T) {
	const tick = 10 * time.Millisecond
	for end := ownUsage(t) + 5*tick; ownUsage(t) < end; {
	}
	before := ownUsage(t)
	cpu, err := CPU(os.Getpid())
	require.NoError(t, err)
	require.GreaterOrEqual(t, cpu, before-tick)
	require.LessOrEqual(t, cpu, ownUsage(t)+tick)
	_, err = CPU(1 << 27) // beyond the largest process id
	require.Error(t, err)
}

func TestMemory(t *testing.T) {
	rss, peak, err := Memory(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, rss, int64(1<<20))
	require.GreaterOrEqual(t, peak, rss)

	const size = 64 << 20
	block, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	defer func() { require.NoError(t, syscall.Munmap(block)) }()
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	more, _, err := Memory(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, more, rss+size/2)
}

func TestBusy(t *testing.T) {
	busy, err := Busy()
	require.NoError(t, err)
	own, err := CPU(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, busy, own)
}
