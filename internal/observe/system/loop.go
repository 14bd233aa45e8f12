package system

import "time"

// clock is when the goroutine has to do something without being woken. A zero time is never.
type clock struct {
	stats     time.Time     // next scheduled statistics
	gap       time.Duration // between those
	lastStats time.Time     // when they were last published
	numbers   time.Time     // when changed numbers of connections are told
	repeat    time.Time     // when all of them are
	dropped   time.Time     // before which dropped events are not logged again
}

// logEvery is how often dropped events may be logged.
const logEvery = 10 * time.Second

// run publishes events until the System ends, and then those that still wait. If a source panics,
// another goroutine goes on behind it.
func (s *System) run() {
	over := false
	defer func() {
		if over || !s.cfg.Tasks.Go("system events", s.run) {
			close(s.done)
		}
	}()
	now := time.Now()
	c := &clock{stats: now.Add(s.rhythm.first), gap: s.rhythm.first, repeat: now.Add(s.rhythm.again)}
	timer := time.NewTimer(time.Until(c.next()))
	defer timer.Stop()
	dropped := 0
	for {
		ending := false
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.ctx.Done():
			ending = true
		}
		n := s.fetch()
		for _, e := range n.events {
			s.publish(e)
		}
		dropped += n.dropped
		if dropped > 0 && (ending || !time.Now().Before(c.dropped)) {
			s.cfg.Log.Warnf("System account: %d events of connections were dropped, as too many came and went at a time", dropped)
			dropped, c.dropped = 0, time.Now().Add(logEvery)
		}
		if ending {
			over = true
			return
		}
		s.tick(c, n.settled)
		timer.Reset(time.Until(c.next()))
	}
}

// tick does what is due.
func (s *System) tick(c *clock, settled bool) {
	now := time.Now()
	if !settled && c.numbers.IsZero() {
		c.numbers = now.Add(s.rhythm.settle)
	}
	if !c.numbers.IsZero() && !now.Before(c.numbers) {
		c.numbers = time.Time{}
		s.tellChanged()
	}
	if !now.Before(c.repeat) {
		c.repeat = now.Add(s.rhythm.again)
		s.tellAll()
	}
	s.tickStats(c, now)
}

// next is when to come again.
func (c *clock) next() time.Time {
	next := c.stats
	for _, t := range []time.Time{c.numbers, c.repeat} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

// tickStats publishes statistics if it is their time, or somebody has asked and the last ones are not
// too fresh; else it puts them off.
func (s *System) tickStats(c *clock, now time.Time) {
	asked := s.asked.Load()
	limit := min(s.rhythm.rate, c.gap)
	if asked {
		limit = min(limit, s.rhythm.askedRate)
	} else if now.Before(c.stats) {
		return
	}
	if free := c.lastStats.Add(limit); now.Before(free) {
		c.stats = free
		return
	}
	s.asked.Store(false)
	if s.tellStats() {
		c.lastStats = now
	}
	if !now.Before(c.stats) {
		c.gap = min(2*c.gap, s.rhythm.slowest)
		c.stats = now.Add(c.gap)
	}
}
