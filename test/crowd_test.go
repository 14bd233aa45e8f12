package test_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Thousands of subscriptions on few connections: each gets its own message and no other, and all are
// gone when their connections are.
func TestThousandsOfSubscriptions(t *testing.T) {
	t.Parallel()
	const conns, each = 4, 2500
	s := run(t)
	before := s.NumSubscriptions()
	got := make([]atomic.Int32, conns*each)
	var total atomic.Int64
	var readers []*nats.Conn
	for c := range conns {
		nc := connect(t, s)
		for i := range each {
			n := c*each + i
			_, err := nc.Subscribe(fmt.Sprintf("topic.%d.%d", n%50, n), func(*nats.Msg) {
				got[n].Add(1)
				total.Add(1)
			})
			require.NoError(t, err)
		}
		require.NoError(t, nc.Flush())
		readers = append(readers, nc)
	}
	require.EqualValues(t, before+conns*each, s.NumSubscriptions())
	writer := connect(t, s)
	for n := range got {
		require.NoError(t, writer.Publish(fmt.Sprintf("topic.%d.%d", n%50, n), nil))
	}
	require.NoError(t, writer.Flush())
	eventually(t, func() bool { return total.Load() == conns*each })
	for n := range got {
		require.EqualValues(t, 1, got[n].Load(), "subscription %d", n)
	}
	for _, nc := range readers {
		nc.Close()
	}
	eventually(t, func() bool { return s.NumSubscriptions() == before })
}

func TestManyConnections(t *testing.T) {
	t.Parallel()
	const conns = 120
	s := run(t)
	var got atomic.Int64
	var all []*nats.Conn
	for range conns {
		nc := connect(t, s)
		subscribe(t, nc, "all", "", func(*nats.Msg) { got.Add(1) })
		all = append(all, nc)
	}
	require.Equal(t, conns, s.NumClients())
	for _, nc := range all[:10] {
		require.NoError(t, nc.Publish("all", []byte("hello")))
		require.NoError(t, nc.Flush())
	}
	eventually(t, func() bool { return got.Load() == 10*conns })
	for _, nc := range all {
		nc.Close()
	}
	eventually(t, func() bool { return s.NumClients() == 0 })
}

// Subscribing and leaving all the time, from many connections at once, leaves nothing behind.
func TestComingAndGoing(t *testing.T) {
	t.Parallel()
	s := run(t)
	before := s.NumSubscriptions()
	steady := connect(t, s)
	var got atomic.Int64
	subscribe(t, steady, "busy.*", "", func(*nats.Msg) { got.Add(1) })
	done := make(chan error, 8)
	for w := range cap(done) {
		go func() {
			done <- func() error {
				for i := range 10 {
					nc, err := nats.Connect(s.ClientURL())
					if err != nil {
						return err
					}
					for j := range 20 {
						sub, err := nc.Subscribe(fmt.Sprintf("busy.%d", j), func(*nats.Msg) {})
						if err != nil {
							return err
						}
						if j%2 == 0 {
							_ = sub.Unsubscribe()
						}
					}
					_ = nc.Publish(fmt.Sprintf("busy.%d", w*i), nil)
					err = nc.Flush()
					nc.Close()
					if err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	eventually(t, func() bool { return got.Load() == int64(cap(done)*10) })
	eventually(t, func() bool { return s.NumClients() == 1 && s.NumSubscriptions() == before+1 })
}
