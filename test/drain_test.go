package test_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestDrainHandlesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	const messages = 2000
	s := run(t)
	reader, writer := connect(t, s), connect(t, s)
	var got atomic.Int64
	begin := make(chan struct{})
	subscribe(t, reader, "work", "", func(*nats.Msg) {
		<-begin
		got.Add(1)
	})
	for range messages {
		require.NoError(t, writer.Publish("work", nil))
	}
	require.NoError(t, writer.Flush())
	require.NoError(t, reader.Drain())
	close(begin)
	eventually(t, reader.IsClosed)
	require.EqualValues(t, messages, got.Load())
}

// Members of a queue group leave one after another by draining while a publisher runs. Every message
// is handled exactly once.
func TestDrainOfQueueMembersLosesNothing(t *testing.T) {
	t.Parallel()
	const members, messages = 5, 20_000
	s := run(t)
	handled := make([]atomic.Int32, messages)
	var total atomic.Int64
	var group []*nats.Conn
	for range members {
		nc := connect(t, s)
		subscribe(t, nc, "work", "group", func(m *nats.Msg) {
			n, err := strconv.Atoi(string(m.Data))
			if err != nil {
				t.Errorf("payload %q", m.Data)
				return
			}
			handled[n].Add(1)
			total.Add(1)
		})
		group = append(group, nc)
	}
	writer := connect(t, s)
	published := make(chan error, 1)
	go func() {
		for n := range messages {
			if err := writer.Publish("work", []byte(strconv.Itoa(n))); err != nil {
				published <- err
				return
			}
		}
		published <- writer.Flush()
	}()
	for i, nc := range group[:members-1] {
		share := int64(messages * (i + 1) / (2 * members))
		eventually(t, func() bool { return total.Load() >= share })
		require.NoError(t, nc.Drain())
		eventually(t, nc.IsClosed)
	}
	require.NoError(t, <-published)
	eventually(t, func() bool { return total.Load() >= messages })
	for n := range handled {
		require.EqualValues(t, 1, handled[n].Load(), "message %d", n)
	}
}

// Members come, work for a while and drain, again and again, while publishers run without a pause.
func TestComingAndDrainingLosesNothing(t *testing.T) {
	t.Parallel()
	const writers, rounds = 2, 8
	s := run(t)
	var handled atomic.Int64
	work := func(*nats.Msg) { handled.Add(1) }
	subscribe(t, connect(t, s), "work", "group", work)
	var published atomic.Int64
	enough := make(chan struct{})
	done := make(chan error, writers)
	for range writers {
		nc := connect(t, s)
		go func() {
			done <- func() error {
				for n := 0; ; n++ {
					select {
					case <-enough:
						return nc.Flush()
					default:
					}
					if err := nc.Publish("work", nil); err != nil {
						return err
					}
					published.Add(1)
					if n%500 == 0 { // so that nothing ever waits for long
						if err := nc.Flush(); err != nil {
							return err
						}
					}
				}
			}()
		}()
	}
	for range rounds {
		nc := connect(t, s)
		var own atomic.Int64
		subscribe(t, nc, "work", "group", func(m *nats.Msg) {
			own.Add(1)
			work(m)
		})
		eventually(t, func() bool { return own.Load() > 100 })
		require.NoError(t, nc.Drain())
		eventually(t, nc.IsClosed)
	}
	close(enough)
	for range writers {
		require.NoError(t, <-done)
	}
	eventually(t, func() bool { return handled.Load() >= published.Load() },
		"messages were lost on the way to members that left")
	require.Equal(t, published.Load(), handled.Load())
}

// A subscription that drains lets the rest of its connection be.
func TestDrainOfOneSubscription(t *testing.T) {
	t.Parallel()
	s := run(t)
	nc := connect(t, s)
	sub := subscribe(t, nc, "a", "", func(*nats.Msg) {})
	other, err := nc.SubscribeSync("b")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	before := s.NumSubscriptions()
	require.NoError(t, sub.Drain())
	eventually(t, func() bool { return !sub.IsValid() })
	require.NoError(t, nc.Flush())
	require.Equal(t, before-1, s.NumSubscriptions())
	require.NoError(t, nc.Publish("b", []byte("still here")))
	msg, err := other.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "still here", string(msg.Data))
}
