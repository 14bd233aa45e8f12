package report

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/baridmq/barid/internal/core/guard"
)

// sampleAge is how old a processor sample must be to be replaced. It is a little less than a
// second, so that a reader who polls each second gets a new value each time.
const sampleAge = 900 * time.Millisecond

// Process says what the server's process uses.
type Process struct {
	Mem      int64   // resident set, bytes
	CPU      float64 // percent of one core, in tenths; may exceed 100
	Cores    int     // logical processors of the machine
	MaxProcs int     // of them used by Go code at the same time
	MemLimit int64   // soft limit, bytes; 0 = none
}

// Sampler measures the process. It measures only when asked: processor use is the average
// since the last sample, or since NewSampler, that is at least about a second old. All
// methods may be called by several goroutines at once.
type Sampler struct {
	// fixed
	cpuTime  func() time.Duration // processor time of the process so far
	resident func() int64         // bytes

	mu struct {
		guard.Leaf
		at      time.Time // of the last sample
		used    time.Duration
		percent float64
	}
}

// NewSampler returns a sampler of this process, which counts processor time from now on.
func NewSampler() *Sampler { return newSampler(cpuTime, resident) }

func newSampler(cpuTime func() time.Duration, resident func() int64) *Sampler {
	s := &Sampler{cpuTime: cpuTime, resident: resident}
	s.mu.at, s.mu.used = time.Now(), cpuTime()
	return s
}

// Sample returns what the process uses now.
func (s *Sampler) Sample() Process {
	p := Process{
		Mem:      s.resident(),
		CPU:      s.percent(time.Now(), s.cpuTime()),
		Cores:    runtime.NumCPU(),
		MaxProcs: runtime.GOMAXPROCS(0),
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		p.MemLimit = limit
	}
	return p
}

// percent returns the use of one core up to now, when the process had used so much time.
func (s *Sampler) percent(now time.Time, used time.Duration) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.mu.at); age >= sampleAge {
		share := float64(used-s.mu.used) / float64(age)
		s.mu.percent = math.Round(1000*max(share, 0)) / 10
		s.mu.at, s.mu.used = now, used
	}
	return s.mu.percent
}

// mapped returns the memory that the Go runtime has of the system and has not given back, an
// estimate of the resident set for where the system does not tell.
func mapped() int64 {
	m := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(m)
	return int64(m[0].Value.Uint64() - m[1].Value.Uint64())
}
