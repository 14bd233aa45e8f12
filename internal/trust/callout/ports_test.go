package callout

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
)

// A slow service gets so many requests at a time; the others wait for their turn.
func TestRequestsAtATimeAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 4
		w := newWorld(t)
		require.Equal(t, atOnce, w.ports.atOnce)
		w.ports.atOnce = most
		a := w.static(nil)
		s := w.serve("AUTH", func(*jwt.AuthorizationRequestClaims) string { return "" })
		var all sync.WaitGroup
		for range 3 * most {
			all.Go(func() {
				if _, err := enter(a, "alice", "secret"); err == nil {
					t.Error("nobody answered")
				}
			})
		}
		synctest.Wait()
		require.EqualValues(t, most, s.asked.Load())
		l, err := w.ports.enter(w.account("AUTH"))
		require.NoError(t, err)
		require.Len(t, l.turns, most)
		w.ports.leave(l)
		all.Wait() // all of them give up at the same time
		require.Empty(t, l.turns)
		require.Zero(t, l.busy)
	})
}

func TestIdlePortsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		use := func(i int) *line {
			l, err := w.ports.enter(w.account(fmt.Sprint(i)))
			require.NoError(t, err)
			return l
		}
		busy := use(0)
		for i := range fewPorts - 1 {
			w.ports.leave(use(1 + i))
		}
		time.Sleep(2 * idleTime)
		require.Len(t, w.ports.mu.lines, fewPorts)
		w.ports.leave(use(1000))
		require.Len(t, w.ports.mu.lines, 2)
		require.False(t, busy.port.Closed())
		w.ports.leave(busy)
		require.Same(t, busy, use(0))
	})
}

// However many accounts have a service: beyond a bound, the port that was idle longest gives way.
func TestPortsAreBounded(t *testing.T) {
	w := newWorld(t)
	registry := account.NewRegistry()
	acc := func(i int) *account.Account {
		return registry.Put(account.Spec{Name: fmt.Sprint(i), Limits: account.Unlimited()})
	}
	var lines []*line
	for i := range mostPorts {
		l, err := w.ports.enter(acc(i))
		require.NoError(t, err)
		lines = append(lines, l)
	}
	_, err := w.ports.enter(acc(mostPorts))
	require.ErrorIs(t, err, errBusy)
	w.ports.leave(lines[7])
	_, err = w.ports.enter(acc(mostPorts))
	require.NoError(t, err)
	require.True(t, lines[7].port.Closed())
	require.Len(t, w.ports.mu.lines, mostPorts)
}

func TestPortsOfManyAtATime(t *testing.T) {
	w := newWorld(t)
	a := w.static(nil)
	w.serve("AUTH", w.admit(nil))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := enter(a, "alice", "secret"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Len(t, w.ports.mu.lines, 1)
	w.ports.Close()
	_, err := w.ports.request(context.Background(), w.account("AUTH"), nil)
	require.ErrorIs(t, err, errClosed)
}
