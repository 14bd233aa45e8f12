package report

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsageOnLinux(t *testing.T) {
	before := MeasureUsage()
	require.Positive(t, before.Virtual)
	require.Positive(t, before.OpenFiles)
	require.Positive(t, before.MaxFiles)
	require.False(t, before.Started.IsZero())
	var opened []*os.File
	for range 2000 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break // there may be no more
		}
		opened = append(opened, f)
	}
	require.Equal(t, before.OpenFiles+len(opened), openFiles())
	for _, f := range opened {
		require.NoError(t, f.Close())
	}
}

func TestReadingProc(t *testing.T) {
	at, ok := startTicks([]byte("7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1234 20"))
	require.True(t, ok)
	require.Equal(t, 12340*time.Millisecond, at)
	for _, bad := range []string{"", "7 (a) S 1", ")", "7 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x"} {
		_, ok := startTicks([]byte(bad))
		require.False(t, ok, bad)
	}
	up, ok := bootedFor([]byte("12.50 99.0\n"))
	require.True(t, ok)
	require.Equal(t, 12500*time.Millisecond, up)
	_, ok = bootedFor([]byte("x"))
	require.False(t, ok)
}
