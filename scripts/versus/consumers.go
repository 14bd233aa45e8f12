package main

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	stuckPeers  = 49
	stuckSize   = 1 << 10 // bytes of payload
	stuckTotal  = 100_000 // messages beside the stuck one: 100 MB for it, where 64 MiB are allowed
	stuckTurns  = 5
	stuckTime   = 4 * time.Second // of measured time beside a stuck one no further turn begins
	slowSize    = 1 << 10
	slowTotal   = 96 << 10 // messages, 96 MiB
	slowRate    = 8 << 20  // bytes per second that the slow one reads
	slowerRate  = 2 << 20  // the same for the slower one
	cutOffLimit = 5 * time.Second
	keptRate    = "kept rate" // rate beside a stuck subscriber relative to without
	survived    = "survived"  // 1: the slow subscriber was not cut off
	slowLost    = "lost"      // messages the slow subscriber missed
)

// consumerScenarios are those about subscribers that do not keep up.
func consumerScenarios() []scenario {
	return []scenario{
		{name: "stuck", about: "49 subscribers beside one that stops reading, until it is cut off, 1 KiB", bar: bar{of: keptRate, limit: 0.95, atLeast: true}, count: counting{fixed: stuckTotal}, run: stuck},
		{name: "slow", about: "one subscriber that reads 8 MiB/s, and a publisher that does not wait, 1 KiB", bar: bar{of: survived, limit: 1, atLeast: true}, count: counting{fixed: slowTotal}, run: slow(slowRate)},
		{name: "slower", about: "the same with 2 MiB/s", bar: bar{of: survived, limit: 1, atLeast: true}, count: counting{fixed: slowTotal}, run: slow(slowerRate)},
	}
}

// stuck measures the 49 alone and beside a stuck one in turns, beginning and ending alone, so that a
// drift of the machine does not count. A server that is done soon gets more turns. Apart from the kept
// rate, the sample's figures are those of the time beside a stuck one.
func stuck(ctx context.Context, t *target, n int) (sample, error) {
	ls, err := openLanes(ctx, t, fan(stuckPeers, stuckSize, false)())
	defer ls.close()
	if err != nil {
		return sample{}, err
	}
	if err := ls.publish(n / warmUpPart); err != nil {
		return sample{}, err
	}
	alone, err := ls.measure(t, n/2)
	if err != nil {
		return alone, err
	}
	var beside sample
	for turn := 0; turn < stuckTurns && beside.Wall < stuckTime; turn++ {
		s, err := ls.besideStuck(ctx, t, n)
		if err != nil {
			return s, err
		}
		beside = beside.plus(s)
		again, err := ls.measure(t, n/2)
		if err != nil {
			return again, err
		}
		alone = alone.plus(again)
	}
	with, _ := beside.figure(perSecond)
	without, _ := alone.figure(perSecond)
	beside.Values = []value{{keptRate, with / without}}
	beside.Faults, err = ls.finish()
	return beside, err
}

// besideStuck carries n messages while there is another subscriber that never reads.
func (ls *lanes) besideStuck(ctx context.Context, t *target, n int) (sample, error) {
	silent, err := t.dial(ctx, 4<<10)
	if err != nil {
		return sample{}, err
	}
	defer silent.close()
	if err := silent.subscribe([]subscription{{subject: "bench.news"}}); err != nil {
		return sample{}, err
	}
	s, err := ls.measure(t, n)
	if err != nil {
		return s, err
	}
	return s, silent.mustBeCutOff()
}

// mustBeCutOff reads what is left in the socket and fails unless the end of the connection comes.
func (c *client) mustBeCutOff() error {
	_ = c.conn.SetReadDeadline(time.Now().Add(cutOffLimit)) // cannot fail on an open socket
	_, err := io.Copy(io.Discard, c.conn)
	if err == nil || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return errors.Join(errors.New("the stuck subscriber was not cut off, so the figure would mean nothing"), err)
}

// slow makes the run of a publisher without regard to a subscriber that reads steadily but slowly, at
// rate bytes per second.
func slow(rate int) runFunc {
	return func(ctx context.Context, t *target, n int) (sample, error) {
		var hurry atomic.Bool
		plan := pairs(1, slowSize)()[0]
		plan.listeners[0].pace = atMost(rate, &hurry)
		ls, err := openLanes(ctx, t, []lanePlan{plan})
		defer ls.close()
		if err != nil {
			return sample{}, err
		}
		ls.all[0].gate.limit = int64(n) // open
		s, failed := ls.flood(t, n)
		hurry.Store(true)
		if failed == nil {
			s.Faults, failed = ls.finish()
		}
		if failed == nil {
			s.Values = []value{{survived, 1}, {slowLost, float64(s.Faults.Lost)}}
			return s, nil
		}
		if ctx.Err() != nil || !cutOff(context.Cause(ls.crew.ctx)) {
			return s, failed
		}
		ls.crew.dismiss() // now nobody else uses the check
		s.Values = []value{{survived, 0}, {slowLost, float64(ls.all[0].verdict().Lost)}}
		return s, nil
	}
}

// flood sends n messages on the only lane and waits until the server, not the subscriber, has them. Its
// sample is of use also if it fails.
func (ls *lanes) flood(t *target, n int) (sample, error) {
	l := ls.all[0]
	m, err := t.mark()
	if err != nil {
		return sample{}, err
	}
	err = l.send(ls.crew.ctx, n)
	if err == nil {
		err = l.pub.sync(nil)
	}
	s, failed := t.since(m, max(1, l.seq))
	return s, errors.Join(err, failed)
}

// cutOff reports whether an error of I/O says that the server has closed the connection.
func cutOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// atMost returns a pace of rate bytes per second, until there is a hurry.
func atMost(rate int, hurry *atomic.Bool) func(bytes int) {
	var start time.Time
	total := 0
	return func(n int) {
		if total == 0 {
			start = time.Now()
		}
		total += n
		if !hurry.Load() {
			time.Sleep(time.Until(start.Add(time.Duration(total) * time.Second / time.Duration(rate))))
		}
	}
}
