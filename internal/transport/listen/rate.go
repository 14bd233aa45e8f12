package listen

import (
	"sync/atomic"
	"time"
)

// Rate admits so many connections per second. It is used by many goroutines.
type Rate struct {
	// Rejected is told of the rejections of a second when it is over. It must not be changed.
	Rejected func(n int64)
	second   atomic.Int64
	count    atomic.Int64
}

// Admit reports whether one more connection may begin at now, where so many may in a second.
// Less than 1 sets no bound.
func (r *Rate) Admit(now time.Time, most int) bool {
	if most <= 0 {
		return true
	}
	second := now.Unix()
	if old := r.second.Load(); old < second && r.second.CompareAndSwap(old, second) {
		if over := r.count.Swap(0) - int64(most); over > 0 {
			r.Rejected(over)
		}
	}
	return r.count.Add(1) <= int64(most)
}
