package cli

import (
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

func decoded(t *testing.T, text string) (r benchJSON) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &r), text)
	return r
}

func TestBenchOfPublishAndSubscribe(t *testing.T) {
	serve(t)
	sub := listening(t, "bench", "sub", "a", "--msgs", "2001", "--clients", "2", "--json")
	pub := decoded(t, succeed(t, "bench", "pub", "a", "--msgs", "2001", "--clients", "3", "--size", "16", "--json"))
	require.Zero(t, sub.wait(), sub.stderr.String())
	got := decoded(t, sub.stdout.String())
	require.Equal(t, int64(2001), pub.Total.Msgs)
	require.Len(t, pub.PerClient, 3)
	require.Positive(t, pub.Total.Rate)
	require.InDelta(t, pub.Total.Rate*16, pub.Total.Bytes, 1)
	require.GreaterOrEqual(t, pub.Spread.Max, pub.Spread.Avg)
	require.True(t, pub.Complete && got.Complete)
	require.Equal(t, int64(4002), got.Total.Msgs)
	require.Equal(t, int64(4002), got.Checked)
	require.Zero(t, got.Lost+got.Reordered)
}

func TestBenchOfAQueueGroup(t *testing.T) {
	serve(t)
	sub := listening(t, "bench", "sub", "a", "--msgs", "1000", "--clients", "3", "--queue", "g")
	require.Regexp(t, `^pub: \d+ msgs/s, \S+B/s \(1000 in \d+\.\d+s\)\n$`, succeed(t, "bench", "pub", "a", "--msgs", "1000"))
	require.Zero(t, sub.wait(), sub.stderr.String())
	require.Regexp(t, `^sub: \d+ msgs/s \(1000 in .*\n  \[1\] .*\n  \[2\] .*\n  \[3\] .*\n  min .*\n  order of 1000 messages checked: 0 lost, 0 out of order\n$`,
		sub.stdout.String())
}

func TestBenchOfRequests(t *testing.T) {
	serve(t)
	reply := listening(t, "bench", "reply", "a", "--clients", "2", "--json")
	r := decoded(t, succeed(t, "bench", "request", "a", "--msgs", "101", "--clients", "2", "--size", "0", "--json"))
	require.Equal(t, int64(101), r.Total.Msgs)
	require.Positive(t, r.Latency.Min)
	require.GreaterOrEqual(t, r.Latency.Max, r.Latency.P99)
	require.GreaterOrEqual(t, r.Latency.P99, r.Latency.P50)
	require.Regexp(t, `latency: min .*, p99\.9 `, succeed(t, "bench", "request", "a", "--msgs", "10"))
	reply.interrupt()
	require.Zero(t, reply.wait(), reply.stderr.String())
	require.Equal(t, int64(111), decoded(t, reply.stdout.String()).Total.Msgs)
}

// A listener that misses messages says so and fails.
func TestBenchFindsLoss(t *testing.T) {
	s := serve(t)
	nc := connect(t, s)
	send := func(sequence ...uint64) {
		for _, n := range sequence {
			payload := make([]byte, stampSize)
			binary.BigEndian.PutUint64(payload[8:], n)
			require.NoError(t, nc.Publish("a", payload))
		}
		require.NoError(t, nc.Flush())
	}
	sub := listening(t, "bench", "sub", "a", "--msgs", "4", "--json")
	send(0, 1, 4, 2)
	require.Equal(t, 1, sub.wait())
	got := decoded(t, sub.stdout.String())
	require.Equal(t, []int64{2, 1, 4}, []int64{got.Lost, got.Reordered, got.Checked})
	require.Contains(t, sub.stderr.String(), "barid: 2 messages lost, 1 out of order")

	sub = listening(t, "bench", "sub", "a", "--msgs", "4", "--timeout", "200ms", "--json")
	send(0, 1) // and no more
	require.Equal(t, 1, sub.wait())
	require.Contains(t, sub.stderr.String(), "the bench ended before all messages")
	require.False(t, decoded(t, sub.stdout.String()).Complete)
}

func TestAnInterruptedBench(t *testing.T) {
	s := serve(t)
	for _, role := range []string{"pub", "request"} {
		_, err := connect(t, s).SubscribeSync("a")
		require.NoError(t, err)
		r := start(t, "", "bench", role, "a", "--sleep", "1h", "--timeout", "200ms")
		if role == "pub" {
			require.Eventually(t, func() bool { return s.NumClients() > 1 }, lab.Patience, time.Millisecond)
		}
		r.interrupt()
		require.Equal(t, 1, r.wait(), role)
	}
	sub := listening(t, "bench", "sub", "a", "--clients", "2")
	sub.interrupt()
	require.Equal(t, 1, sub.wait())
}

func TestABenchThatLosesItsServer(t *testing.T) {
	for _, role := range []string{"sub", "reply"} {
		s := serve(t, func(*server.Options) {})
		r := listening(t, "bench", role, "a")
		s.Shutdown()
		require.Equal(t, 1, r.wait())
		require.Contains(t, r.stderr.String(), "a connection was lost")
	}
}

func TestPercentiles(t *testing.T) {
	var times []time.Duration
	for i := 1000; i > 0; i-- {
		times = append(times, time.Duration(i)*time.Millisecond)
	}
	require.Equal(t, &latencyJSON{0.001, 0.5, 0.9, 0.99, 0.999, 1}, latencyOf(times))
	require.Equal(t, &latencyJSON{1, 1, 1, 1, 1, 1}, latencyOf([]time.Duration{time.Second}))
	require.Equal(t, &spread{2, 5, 9, 2}, spreadOf([]float64{2, 4, 4, 4, 5, 5, 7, 9}))
}

// What strangers send is neither counted nor remembered without a bound.
func TestAnAuditIsBounded(t *testing.T) {
	var a audit
	payload := make([]byte, stampSize)
	a.see(payload[:stampSize-1])
	binary.BigEndian.PutUint32(payload[4:], maxClients)
	a.see(payload)
	require.Zero(t, a.checked)
	binary.BigEndian.PutUint32(payload[4:], 0)
	for i := range uint32(maxSources + 10) {
		binary.BigEndian.PutUint32(payload, i)
		a.see(payload)
	}
	require.Len(t, a.next, maxSources)
	require.Equal(t, int64(maxSources), a.checked)
}
