package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// patience is how long a gate waits without any progress before it gives up.
const patience = 10 * time.Second

// errStalled means that messages are missing: the server had the time of patience to deliver them.
var errStalled = errors.New("nothing more arrives")

// A gate is the flow control of a lane: it bounds how many deliveries are on their way, so that no
// server has a reason to take a subscriber for a slow one. One publisher waits at it; any number of
// subscribers tell what they got.
type gate struct {
	limit    int64         // deliveries on their way
	patience time.Duration // see there

	got   atomic.Int64  // deliveries received
	alarm atomic.Int64  // wake the publisher when got reaches this; 0: it is not waiting
	wake  chan struct{} // of capacity 1
}

func newGate(limit int) *gate {
	return &gate{limit: int64(limit), patience: patience, wake: make(chan struct{}, 1)}
}

// add tells of n more deliveries received.
func (g *gate) add(n int) {
	got := g.got.Add(int64(n))
	if alarm := g.alarm.Load(); alarm != 0 && got >= alarm {
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
}

// pass waits until deliveries in all may have been caused. A publisher that has to wait does so
// until half of the limit is free, lest it wakes for every read of a subscriber.
func (g *gate) pass(ctx context.Context, deliveries int64) error {
	if deliveries-g.got.Load() <= g.limit {
		return nil
	}
	return g.await(ctx, deliveries-g.limit/2)
}

// await waits until the given number of deliveries has been received, or there was no progress for
// the time of patience.
func (g *gate) await(ctx context.Context, deliveries int64) error {
	if g.got.Load() >= deliveries {
		return nil
	}
	g.alarm.Store(deliveries)
	defer g.alarm.Store(0)
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	before := g.got.Load()
	for g.got.Load() < deliveries {
		select {
		case <-g.wake: // perhaps a late one for an earlier alarm
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			now := g.got.Load()
			if now == before {
				return fmt.Errorf("%w, %d of %d deliveries outstanding", errStalled, deliveries-now, deliveries)
			}
			before = now
			timer.Reset(g.patience)
		}
	}
	return nil
}
