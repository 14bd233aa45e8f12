package test_test

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestPublishReachesEverySubscriber(t *testing.T) {
	t.Parallel()
	s := run(t)
	writer := connect(t, s)
	var subs []*nats.Subscription
	for range 3 {
		nc := connect(t, s)
		sub, err := nc.SubscribeSync("greet.you")
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		subs = append(subs, sub)
	}
	require.NoError(t, writer.PublishRequest("greet.you", "back.to", []byte("hello")))
	for _, sub := range subs {
		msg, err := sub.NextMsg(soon)
		require.NoError(t, err)
		require.Equal(t, "greet.you", msg.Subject)
		require.Equal(t, "back.to", msg.Reply)
		require.Equal(t, "hello", string(msg.Data))
	}
}

// What a set of subscriptions gets for each subject is compared with a table.
func TestWildcards(t *testing.T) {
	t.Parallel()
	s := run(t)
	reader, writer := connect(t, s), connect(t, s)
	wants := map[string][]string{
		"a":       {"*", ">"},
		"a.b":     {"a.b", "a.*", "*.b", "*.*", "a.>", ">"},
		"a.c":     {"a.*", "*.*", "a.>", ">"},
		"a.b.c":   {"a.>", "a.*.c", "*.b.>", ">"},
		"a.b.d":   {"a.>", "*.b.>", ">"},
		"x.b.c.d": {"*.b.>", ">"},
		"x":       {"*", ">"},
	}
	var got sync.Map // subject + " " + pattern, once each
	for _, pattern := range []string{"*", ">", "a.b", "a.*", "*.b", "*.*", "a.>", "a.*.c", "*.b.>"} {
		subscribe(t, reader, pattern, "", func(m *nats.Msg) {
			_, twice := got.LoadOrStore(m.Subject+" "+pattern, true)
			if twice {
				t.Errorf("%s reached %s twice", m.Subject, pattern)
			}
		})
	}
	for subject := range wants {
		require.NoError(t, writer.Publish(subject, nil))
	}
	require.NoError(t, writer.Flush())
	want := map[string]bool{}
	for subject, patterns := range wants {
		for _, pattern := range patterns {
			want[subject+" "+pattern] = true
		}
	}
	seen := func() map[string]bool {
		all := map[string]bool{}
		got.Range(func(k, _ any) bool { all[k.(string)] = true; return true })
		return all
	}
	eventually(t, func() bool { return len(seen()) >= len(want) })
	// What is delivered for one subject is handled before what follows it: nothing is under way.
	require.NoError(t, reader.Drain())
	eventually(t, reader.IsClosed)
	require.Equal(t, want, seen())
}

// Each message goes to one member of each group, and no member is left out or preferred beyond
// what chance allows: with 4000 messages for four members a share outside 800 to 1200 would be a
// matter of seven standard deviations.
func TestQueueGroupsShareEvenly(t *testing.T) {
	t.Parallel()
	const members, messages = 4, 4000
	s := run(t)
	var shares [2][members]atomic.Int64
	for group := range shares {
		for member := range shares[group] {
			subscribe(t, connect(t, s), "jobs.*", fmt.Sprint("group", group), func(*nats.Msg) {
				shares[group][member].Add(1)
			})
		}
	}
	writer := connect(t, s)
	for i := range messages {
		require.NoError(t, writer.Publish(fmt.Sprint("jobs.", i%7), nil))
	}
	require.NoError(t, writer.Flush())
	for group := range shares {
		sum := func() (n int64) {
			for member := range shares[group] {
				n += shares[group][member].Load()
			}
			return n
		}
		eventually(t, func() bool { return sum() == messages }, "group %d", group)
		for member := range shares[group] {
			require.InDelta(t, messages/members, shares[group][member].Load(), 200, "group %d member %d", group, member)
		}
	}
}

// Several publishers and several subscribers: each subscriber gets everything, and what one
// publisher sent in the order in which it was sent.
func TestOrderAndCompleteness(t *testing.T) {
	t.Parallel()
	const writers, readers, messages = 4, 4, 5000
	s := run(t)
	var total atomic.Int64
	for range readers {
		var next [writers]uint32 // owned by the handler
		subscribe(t, connect(t, s), "stream.>", "", func(m *nats.Msg) {
			writer, n := binary.BigEndian.Uint32(m.Data), binary.BigEndian.Uint32(m.Data[4:])
			if next[writer] != n {
				t.Errorf("publisher %d: got %d, want %d", writer, n, next[writer])
			}
			next[writer] = n + 1
			total.Add(1)
		})
	}
	var wg sync.WaitGroup
	for w := range uint32(writers) {
		nc := connect(t, s)
		wg.Go(func() {
			for n := range uint32(messages) {
				data := binary.BigEndian.AppendUint32(nil, w)
				data = binary.BigEndian.AppendUint32(data, n)
				if err := nc.Publish(fmt.Sprintf("stream.%d.%d", w, n%3), data); err != nil {
					t.Error(err)
					return
				}
			}
			if err := nc.Flush(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	eventually(t, func() bool { return total.Load() == writers*readers*messages })
}

// Payloads of every size near the buffers' borders arrive as they were sent.
func TestPayloadsOfManySizes(t *testing.T) {
	t.Parallel()
	s := run(t)
	reader, writer := connect(t, s), connect(t, s)
	sub, err := reader.SubscribeSync("sizes")
	require.NoError(t, err)
	require.NoError(t, sub.SetPendingLimits(-1, -1))
	require.NoError(t, reader.Flush())
	pattern := make([]byte, 1<<20)
	for i := range pattern {
		pattern[i] = byte(i*7 + i>>8)
	}
	sizes := []int{0, 1, 2, 1 << 20, 1<<20 - 1}
	for _, border := range []int{64, 512, 4 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10} {
		for d := -40; d <= 40; d += 4 {
			sizes = append(sizes, border+d)
		}
	}
	for _, n := range sizes {
		require.NoError(t, writer.Publish("sizes", pattern[:n]))
	}
	require.NoError(t, writer.Flush())
	for _, n := range sizes {
		msg, err := sub.NextMsg(soon)
		require.NoError(t, err)
		require.True(t, string(pattern[:n]) == string(msg.Data), "payload of %d bytes arrived as one of %d, or changed", n, len(msg.Data))
	}
}
