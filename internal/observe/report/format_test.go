package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUptime(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{-time.Hour, "0s"},
		{999 * time.Millisecond, "0s"},
		{7*time.Second + 900*time.Millisecond, "7s"},
		{time.Minute, "1m0s"},
		{3*time.Minute + 7*time.Second, "3m7s"},
		{time.Hour, "1h0m0s"},
		{time.Hour + 2*time.Minute + 3*time.Second, "1h2m3s"},
		{2*day + time.Hour + 2*time.Minute + 3*time.Second, "2d1h2m3s"},
		{day - time.Second, "23h59m59s"},
		{365 * day, "1y0d0h0m0s"},
		{365*day - time.Second, "364d23h59m59s"},
		{369*day + time.Hour + 2*time.Minute + 3*time.Second, "1y4d1h2m3s"},
	} {
		require.Equal(t, tt.want, uptime(tt.d), "%v", tt.d)
	}
}

func TestRTT(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{-time.Second, "0s"},
		{900 * time.Nanosecond, "900ns"},
		{time.Microsecond, "1µs"},
		{1500 * time.Nanosecond, "1µs"},
		{796*time.Microsecond + 999, "796µs"},
		{time.Millisecond, "1ms"},
		{2435106 * time.Nanosecond, "2.435106ms"},
		{1200 * time.Millisecond, "1.2s"},
	} {
		require.Equal(t, tt.want, rtt(tt.d), "%d ns", tt.d)
	}
}
