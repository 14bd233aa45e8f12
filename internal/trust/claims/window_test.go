package claims

import (
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/stretchr/testify/require"
)

func TestTimesOfTheDay(t *testing.T) {
	at := func(clock string) time.Time {
		c, err := time.Parse(time.TimeOnly, clock)
		require.NoError(t, err)
		return time.Date(2026, 3, 10, c.Hour(), c.Minute(), c.Second(), 0, time.UTC)
	}
	day := jwt.TimeRange{Start: "08:00:00", End: "17:00:00"}
	night := jwt.TimeRange{Start: "22:00:00", End: "06:00:00"}
	for _, c := range []struct {
		ranges []jwt.TimeRange
		zone   string
		now    string
		ok     bool
		end    time.Time
	}{
		{nil, "", "12:00:00", true, time.Time{}},
		{[]jwt.TimeRange{day}, "UTC", "12:00:00", true, at("17:00:00")},
		{[]jwt.TimeRange{day}, "UTC", "08:00:00", false, time.Time{}},
		{[]jwt.TimeRange{day}, "UTC", "08:00:01", true, at("17:00:00")},
		{[]jwt.TimeRange{day}, "UTC", "17:00:00", false, time.Time{}},
		{[]jwt.TimeRange{day}, "UTC", "20:00:00", false, time.Time{}},
		{[]jwt.TimeRange{day}, "America/New_York", "20:00:00", true, at("21:00:00")}, // 4 hours behind
		{[]jwt.TimeRange{night}, "UTC", "23:00:00", true, at("06:00:00").AddDate(0, 0, 1)},
		{[]jwt.TimeRange{night}, "UTC", "05:00:00", true, at("06:00:00")},
		{[]jwt.TimeRange{night}, "UTC", "12:00:00", false, time.Time{}},
		{[]jwt.TimeRange{{Start: "11:00:00", End: "13:00:00"}, day, night}, "UTC", "12:00:00", true, at("17:00:00")},
		{[]jwt.TimeRange{day}, "No/Where", "12:00:00", false, time.Time{}},
		{[]jwt.TimeRange{{Start: "8", End: "17:00:00"}}, "UTC", "12:00:00", false, time.Time{}},
		{[]jwt.TimeRange{{Start: "08:00:00", End: "x"}}, "UTC", "12:00:00", false, time.Time{}},
	} {
		end, ok := (&Rights{times: windows{c.ranges, c.zone}}).Until(at(c.now))
		require.Equal(t, c.ok, ok, c)
		require.True(t, c.end.Equal(end), "%v: %v", c, end)
	}
}

func TestSources(t *testing.T) {
	for _, c := range []struct {
		src    []string
		remote string
		want   bool
	}{
		{nil, "", true},
		{nil, "anything", true},
		{[]string{"10.0.0.0/8"}, "10.1.2.3", true},
		{[]string{"10.0.0.0/8"}, "11.1.2.3", false},
		{[]string{"10.0.0.0/8"}, "", false},
		{[]string{"10.0.0.0/8"}, "host", false},
		{[]string{"bad", "10.0.0.0/8"}, "10.1.2.3", false},
		{[]string{"10.0.0.0/8", "bad"}, "10.1.2.3", true},
		{[]string{"10.0.0.0/8", "bad"}, "11.1.2.3", false},
		{[]string{"2001:db8::/32"}, "2001:db8::1", true},
		{[]string{"10.0.0.0/8"}, "::ffff:10.1.2.3", true},
	} {
		require.Equal(t, c.want, (&Rights{src: c.src}).From(c.remote), c)
	}
}

func TestExpires(t *testing.T) {
	require.Zero(t, Expires(0, time.Time{}))
	require.Equal(t, time.Unix(10, 0), Expires(10, time.Time{}))
	require.Equal(t, time.Unix(5, 0), Expires(0, time.Unix(5, 0)))
	require.Equal(t, time.Unix(5, 0), Expires(10, time.Unix(5, 0)))
	require.Equal(t, time.Unix(10, 0), Expires(10, time.Unix(15, 0)))
}
