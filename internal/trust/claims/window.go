package claims

import (
	"net"
	"time"

	"github.com/nats-io/jwt/v2"
)

// windows are the times of a day at which a user may be connected.
type windows struct {
	ranges []jwt.TimeRange
	zone   string // empty for that of the server
}

// Until returns when the time that the user may be connected at now ends, the zero time for never,
// and false if it may not be. Of several ranges that now is in, the one that ends last counts.
func (r *Rights) Until(now time.Time) (end time.Time, ok bool) {
	if len(r.times.ranges) == 0 {
		return time.Time{}, true
	}
	zone := time.Local
	if r.times.zone != "" {
		var err error
		if zone, err = time.LoadLocation(r.times.zone); err != nil {
			return time.Time{}, false
		}
	}
	now = now.In(zone)
	for _, w := range r.times.ranges {
		last, in, valid := within(w, now)
		if !valid {
			return time.Time{}, false
		}
		if in && last.After(end) {
			end, ok = last, true
		}
	}
	return end, ok
}

// within reports whether now is in a range, in whose zone it is, and when that ends.
func within(w jwt.TimeRange, now time.Time) (end time.Time, in, valid bool) {
	start, err := clockOn(now, w.Start)
	if err != nil {
		return end, false, false
	}
	if end, err = clockOn(now, w.End); err != nil {
		return end, false, false
	}
	if !start.After(end) {
		return end, start.Before(now) && now.Before(end), true
	}
	// It goes over midnight.
	if now.Before(end) {
		return end, true, true
	}
	return end.AddDate(0, 0, 1), start.Before(now), true
}

// clockOn is a time of day, as 15:04:05, on the day of now.
func clockOn(now time.Time, clock string) (time.Time, error) {
	t, err := time.Parse(time.TimeOnly, clock)
	if err != nil {
		return t, err
	}
	y, m, d := now.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
}

// From reports whether the user may come from the address remote, without port. Who comes from no IP
// address may not if there is any bound, and what cannot be read as a network bounds, too.
func (r *Rights) From(remote string) bool {
	if len(r.src) == 0 {
		return true
	}
	ip := net.ParseIP(remote)
	if ip == nil {
		return false
	}
	for _, cidr := range r.src {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			return false
		}
		if network.Contains(ip) {
			return true
		}
	}
	return false
}
