package client

import (
	"sync/atomic"
	"time"
)

// rate admits so many connections per second. It is used by many goroutines.
type rate struct {
	most     int64
	rejected func(n int64) // is told of the rejections of a second when it is over
	second   atomic.Int64
	count    atomic.Int64
}

// admit reports whether one more connection may begin at now.
func (r *rate) admit(now time.Time) bool {
	if r.most <= 0 {
		return true
	}
	second := now.Unix()
	if old := r.second.Load(); old < second && r.second.CompareAndSwap(old, second) {
		if over := r.count.Swap(0) - r.most; over > 0 {
			r.rejected(over)
		}
	}
	return r.count.Add(1) <= r.most
}
