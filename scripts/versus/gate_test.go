package main

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestGateHoldsAndFrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		require.NoError(t, g.pass(t.Context(), 10))
		passed := make(chan error, 1)
		go func() { passed <- g.pass(t.Context(), 11) }()
		synctest.Wait()
		g.add(5)
		synctest.Wait()
		require.Empty(t, passed, "half of the limit is not free yet")
		g.add(1)
		require.NoError(t, <-passed)
	})
}

func TestGateAwaitsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		done := make(chan error, 1)
		go func() { done <- g.await(t.Context(), 1000) }()
		for range 999 {
			g.add(1)
		}
		synctest.Wait()
		require.Empty(t, done)
		g.add(1)
		require.NoError(t, <-done)
		require.NoError(t, g.await(t.Context(), 1000))
	})
}

func TestGateGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		g.add(3)
		err := g.await(t.Context(), 5)
		require.ErrorIs(t, err, errStalled)
		require.ErrorContains(t, err, "2 of 5")
	})
}

func TestGateEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(context.DeadlineExceeded)
		require.ErrorIs(t, newGate(10).await(ctx, 1), context.DeadlineExceeded)
	})
}
