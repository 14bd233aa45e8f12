package monitor

import (
	"sync/atomic"
	"time"
)

// warnEvery is how often a warning may come again: probes poll by the second, and a log that
// says the same each time hides the rest.
const warnEvery = 10 * time.Second

// throttle passes on warnings of one kind, at most one in warnEvery.
type throttle struct {
	// fixed
	out   func(format string, args ...any) // nil = nowhere
	start time.Time

	// atomic
	next atomic.Int64 // nanoseconds after start before which nothing passes
}

func newThrottle(out func(format string, args ...any)) *throttle {
	return &throttle{out: out, start: time.Now()}
}

func (t *throttle) warnf(format string, args ...any) {
	if t.out == nil {
		return
	}
	now, next := time.Since(t.start), t.next.Load()
	if int64(now) >= next && t.next.CompareAndSwap(next, int64(now+warnEvery)) {
		t.out(format, args...)
	}
}
