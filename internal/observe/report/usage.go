package report

import "time"

// Usage is what the operating system tells of the process. What it does not tell is 0.
type Usage struct {
	CPU       time.Duration // processor time so far, in user and in system mode
	Resident  int64         // bytes in memory
	Virtual   int64         // bytes of address space
	OpenFiles int           // open file descriptors
	MaxFiles  uint64        // as many may be open
	Started   time.Time
}

// MeasureUsage asks the operating system. It may take a millisecond for many open descriptors.
func MeasureUsage() Usage {
	u := Usage{CPU: cpuTime(), Resident: resident(), MaxFiles: maxFiles()}
	u.measure()
	return u
}
