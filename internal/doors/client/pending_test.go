package client

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
)

// limited sets MaxPending.
func limited(bytes int) func(*site, *Config) {
	return func(_ *site, cfg *Config) { cfg.MaxPending = bytes }
}

// A connection that takes nothing may have MaxPending bytes waiting for it, and not one more.
func TestMaxPendingIsExact(t *testing.T) {
	const limit = 10_000
	for _, over := range []int{0, 1} {
		st := build(t, limited(limit))
		p, x, z := st.hand(quietly), st.hand(quietly), st.hand(quietly)
		x.do("SUB a 1\r\n")
		z.do("SUB a 1\r\n")
		z.got()
		x.pause()
		want, filled := "", 0
		publish := func(payload string) { // without the waits of a publisher
			finish(p.stage(pub("a", payload)))
			z.drained()
			want += msgLine("a", "1", payload)
			filled += len(msgLine("a", "1", payload))
		}
		for filled < limit-1000 {
			publish(strings.Repeat("x", 100))
		}
		require.Equal(t, filled, x.conn.Box.Load().Held)
		publish(strings.Repeat("y", limit-filled-len(msgLine("a", "1", strings.Repeat("y", 900)))+900+over))
		require.Equal(t, limit+over, filled)

		if over == 0 {
			require.Equal(t, limit, x.conn.Box.Load().Held)
			require.False(t, x.conn.Ended())
			x.peer.listen()
			x.peer.expect(want)
			x.drained()
			publish("more")
			x.peer.expect(msgLine("a", "1", "more"))
			require.Zero(t, st.SlowConsumers())
		} else {
			require.Equal(t, closed.SlowConsumerPending, x.conn.Reason())
			require.EqualValues(t, 1, st.SlowConsumers())
			require.Contains(t, st.log.text("INF"), "pipe - Slow Consumer Detected: MaxPending of 10000 Exceeded\n")
			publish("more")
			x.leave(closed.ClientClosed)
			ended := st.Report().Ended
			require.Len(t, ended, 1)
			require.Equal(t, "Slow Consumer (Pending Bytes)", ended[0].Reason.String())
		}
		require.Equal(t, want, z.got(), "others lose nothing")
	}
}

// What a member of a group had pending is lost with it, but nothing of what comes after: the
// batch that broke the limit goes to another member.
func TestTheBatchBeyondMaxPendingGoesToAnotherMember(t *testing.T) {
	st := build(t, limited(10_000))
	p, x, y := st.hand(quietly), st.hand(quietly), st.hand(quietly)
	x.do("SUB a q 1\r\n")
	x.pause()
	payload := strings.Repeat("x", 2000)
	for range 4 {
		finish(p.stage(pub("a", payload)))
	}
	trip := p.stage(pub("a", payload) + pub("a", "small"))
	y.do("SUB a q 1\r\n")
	finish(trip)
	require.True(t, x.conn.Ended())
	got := payloads(t, y.got())
	require.Contains(t, got, payload)
	require.Contains(t, got, "small")
	require.Len(t, got, 2)
}

// A publisher waits for a consumer that is behind, for a while; then the consumer is cut off, the
// publisher goes on, and others have everything.
func TestAStuckConsumerIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := build(t, limited(100_000))
		st.patience = time.Hour
		p, x, z := st.hand(quietly), st.hand(quietly), st.hand(quietly)
		x.do("SUB a 1\r\n")
		z.do("SUB a 1\r\n")
		x.pause()
		text := strings.Repeat(pub("a", strings.Repeat("x", 1000)), 10)
		start := time.Now()
		n := 0
		for ; !x.conn.Ended(); n++ {
			require.Less(t, n, 20)
			p.do(text)
		}
		require.Equal(t, closed.SlowConsumerPending, x.conn.Reason())
		require.Positive(t, p.pressure.Stalls.Load())
		require.Less(t, time.Since(start), 300*time.Millisecond, "others wait behind the stuck one")
		require.Len(t, payloads(t, z.got()), 10*n)
		start = time.Now()
		p.do(text)
		require.Zero(t, time.Since(start), "nobody waits for one that is gone")
	})
}

// A message larger than what is left cuts off at once, even when nothing else waits.
func TestOneMessageCanBeTooMuch(t *testing.T) {
	st := build(t, limited(1000))
	p, x := st.hand(quietly), st.hand(quietly)
	x.do("SUB a 1\r\n")
	x.pause()
	finish(p.stage(pub("a", strings.Repeat("x", 2000))))
	require.Equal(t, closed.SlowConsumerPending, x.conn.Reason())
}
