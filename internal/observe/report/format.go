package report

import (
	"strconv"
	"time"
)

// uptime writes d in whole seconds, largest unit first; once a unit is named all smaller ones
// follow: 7s, 3m7s, 1h0m3s, 1y4d1h2m3s. A year has 365 days; below one second it is 0s.
func uptime(d time.Duration) string {
	units := [...]struct {
		name    byte
		seconds int64
	}{{'y', 365 * 24 * 3600}, {'d', 24 * 3600}, {'h', 3600}, {'m', 60}, {'s', 1}}

	rest := max(int64(d/time.Second), 0)
	var b []byte
	for _, u := range units {
		n := rest / u.seconds
		rest %= u.seconds
		if n == 0 && len(b) == 0 && u.seconds > 1 {
			continue
		}
		b = append(strconv.AppendInt(b, n, 10), u.name)
	}
	return string(b)
}

// rtt writes a round trip time; where it is only microseconds, their fraction is noise and is
// cut off. Times that are not measured yet are 0s.
func rtt(d time.Duration) string {
	if d > time.Microsecond && d < time.Millisecond {
		d = d.Truncate(time.Microsecond)
	}
	return max(d, 0).String()
}
