package main

import (
	"context"
	"sync"
)

// A crew is a set of goroutines that end together: the first error cancels the context of all.
type crew struct {
	wg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func newCrew(ctx context.Context) *crew {
	c := &crew{}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	return c
}

// start runs f in a goroutine of its own.
func (c *crew) start(f func() error) {
	c.wg.Go(func() {
		if err := f(); err != nil {
			c.cancel(err)
		}
	})
}

// wait returns when all have ended, with the first error.
func (c *crew) wait() error {
	c.wg.Wait()
	defer c.cancel(nil)
	return context.Cause(c.ctx)
}

// dismiss ends the context and waits; errors that this brings about are of no interest.
func (c *crew) dismiss() {
	c.cancel(nil)
	c.wg.Wait()
}
