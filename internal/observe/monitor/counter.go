package monitor

import (
	"sync"
	"sync/atomic"
)

// Counters counts requests by path. The zero value is ready; it may be shared by handlers and
// used by many goroutines at once, and must not be copied.
type Counters struct {
	// atomic
	paths sync.Map // path without base path -> *atomic.Uint64; only paths of endpoints
}

func (c *Counters) add(path string) {
	n, ok := c.paths.Load(path)
	if !ok {
		n, _ = c.paths.LoadOrStore(path, new(atomic.Uint64))
	}
	n.(*atomic.Uint64).Add(1)
}

// Requests returns the number of requests by path without the base path; paths that were
// never asked for are left out. The map is the caller's.
func (c *Counters) Requests() map[string]uint64 {
	requests := make(map[string]uint64)
	c.paths.Range(func(path, n any) bool {
		requests[path.(string)] = n.(*atomic.Uint64).Load()
		return true
	})
	return requests
}
