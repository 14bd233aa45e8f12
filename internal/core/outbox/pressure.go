package outbox

import (
	"sync/atomic"
	"time"
)

// # Back-pressure
//
// A publisher that outruns a consumer could be slowed down, or the consumer be cut off. Slowing
// the publisher for a consumer that is stuck punishes everybody behind that publisher; cutting
// off a consumer that merely needs longer than a burst loses what it could have had. So a
// publisher waits for a crowded box only while its socket takes bytes, and for as long as it
// takes only if nothing else waits behind that box. If the publisher serves others too, all its
// waits together may cost at most a share of its time; a consumer that is too slow for that
// reaches the limit of its box and is cut off.
const (
	// patience is how long ago the socket of a crowded box may have taken something last.
	// A full TCP socket goes on in steps of a good part of its buffer, so for a slow reader that
	// can be seconds.
	patience = 5 * time.Second
	// sharedPatience is the same while other destinations wait.
	sharedPatience = 250 * time.Millisecond
	// share is the part of a publisher's time that waits may take while others wait: 1/share.
	share = 12
	// mostCredit bounds one such wait.
	mostCredit = 10 * time.Millisecond
	// alone is how long a publisher must have served a single box to count as its alone.
	alone = time.Second
)

// Pressure decides how long one publisher waits for crowded boxes. The zero value is ready; it
// belongs to the publisher's goroutine, but for Stalls.
type Pressure struct {
	// Publisher is asked now and then whether waiting still makes sense.
	Publisher interface{ Ended() bool }
	// Stalls counts the waits, and Waiting says that one is going on: the publisher's input is
	// not read meanwhile.
	Stalls  atomic.Int64
	Waiting atomic.Bool

	only    *Box      // the one box served since changed; nil for several
	ever    bool      // some box was served
	changed time.Time // zero: never
	counted time.Time
	credit  time.Duration
}

// Served notes at a flush that boxes were sent to: box when it was the only one, nil for several.
func (p *Pressure) Served(box *Box, now time.Time) {
	if p.only == box {
		return
	}
	p.only = box
	if p.ever {
		p.changed = now
	}
	p.ever = true
}

// Wait waits until none of the full boxes is crowded any more, within the rules above.
func (p *Pressure) Wait(full []*Box, now time.Time) {
	p.earn(now)
	for _, b := range full {
		if p.only == b && now.Sub(p.changed) > alone {
			p.waitFor(b, patience, -1)
			continue
		}
		spent := p.waitFor(b, sharedPatience, p.credit)
		p.credit -= min(spent, p.credit)
	}
}

// earn adds the share of the time since the last wait to the credit.
func (p *Pressure) earn(now time.Time) {
	if p.counted.IsZero() {
		p.counted, p.credit = now, mostCredit
		return
	}
	p.credit = min(mostCredit, p.credit+now.Sub(p.counted)/share)
	p.counted = now
}

// waitFor waits until b is not crowded, for at most limit unless that is negative. It returns
// how long it took.
func (p *Pressure) waitFor(b *Box, patience, limit time.Duration) time.Duration {
	start := time.Now()
	now := start
	for b.Crowded(now, patience) && !p.Publisher.Ended() {
		left := patience / 8
		if limit >= 0 {
			if left = min(left, limit-now.Sub(start)); left <= 0 {
				break
			}
		}
		if now.Equal(start) {
			p.Stalls.Add(1)
			p.Waiting.Store(true)
			defer p.Waiting.Store(false)
		}
		timer := time.NewTimer(left)
		select {
		case <-b.Room():
		case <-timer.C:
		}
		timer.Stop()
		now = time.Now()
	}
	p.counted = now // what was waited earns nothing
	return now.Sub(start)
}
