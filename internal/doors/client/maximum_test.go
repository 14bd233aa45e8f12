package client

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMaximum(t *testing.T) {
	for _, c := range []struct {
		name  string
		subs  string
		batch []int // messages published, batch by batch
		want  int   // messages that come
	}{
		{"one batch", "SUB a 1\r\nUNSUB 1 3\r\n", []int{10}, 3},
		{"exactly", "SUB a 1\r\nUNSUB 1 3\r\n", []int{3, 2}, 3},
		{"several batches", "SUB a 1\r\nUNSUB 1 5\r\n", []int{2, 1, 4, 2}, 5},
		{"not reached", "SUB a 1\r\nUNSUB 1 50\r\n", []int{10, 10}, 20},
		{"raised", "SUB a 1\r\nUNSUB 1 2\r\nUNSUB 1 4\r\n", []int{3, 3}, 4},
		{"lowered", "SUB a 1\r\nUNSUB 1 9\r\nUNSUB 1 4\r\n", []int{3, 3}, 4},
		{"a sid in words", "SUB a one\r\nUNSUB one 3\r\n", []int{2, 2}, 3},
		{"a queue", "SUB a q 1\r\nUNSUB 1 3\r\n", []int{2, 2}, 3},
		{"nine digits", "SUB a 1\r\nUNSUB 1 999999999\r\n", []int{5}, 5},
		{"ten digits are none", "SUB a 1\r\nUNSUB 1 0000000002\r\n", []int{5}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := build(t)
			p, x := st.hand(quietly), st.hand(quietly)
			x.do(c.subs)
			got, want := []string{}, []string{}
			for _, n := range c.batch {
				p.do(pubs("a", n))
				want = append(want, numbers(n)...)
				got = append(got, payloads(t, x.got())...)
			}
			require.Equal(t, want[:c.want], got)
			left := 0
			if c.want == len(want) {
				left = 1
			}
			require.Equal(t, left, st.global().Subscriptions())
			require.EqualValues(t, left, x.subs.Load())
		})
	}
}

// A client that asks for a maximum waits for that many messages. Those that were on their way
// when it asked count and must come, whether or not they reach the maximum.
func TestMaximumWhileMessagesAreOnTheirWay(t *testing.T) {
	for _, c := range []struct {
		max, after int // the maximum, and how many messages are published after it was set
		want       int
	}{
		{max: 3, after: 2, want: 3},
		{max: 2, after: 2, want: 3}, // one was on its way already
		{max: 1, after: 0, want: 3},
		{max: 5, after: 9, want: 5},
	} {
		for _, queue := range []string{"", "q "} {
			t.Run(fmt.Sprintf("%d of %d %s", c.max, 3+c.after, queue), func(t *testing.T) {
				st := build(t)
				p, x := st.hand(quietly), st.hand(quietly)
				x.do("SUB a " + queue + "1\r\n")
				trip := p.stage(pubs("a", 3))
				x.do(fmt.Sprintf("UNSUB 1 %d\r\nPING\r\n", c.max))
				require.Equal(t, "PONG\r\n", x.got())
				finish(trip)
				p.do(pubs("a", c.after))
				require.Equal(t, append(numbers(3), numbers(c.after)...)[:c.want], payloads(t, x.got()))
				require.Zero(t, st.global().Subscriptions())

				x.do("SUB b 1\r\n")
				p.do(pub("b", "again") + pub("a", "no"))
				require.Equal(t, msgLine("b", "1", "again"), x.got(), "the sid is free")
			})
		}
	}
}

// However many publish at once, each subscription gets as many messages as it asked for.
func TestMaximumAmongManyPublishers(t *testing.T) {
	const publishers, batches, each = 4, 40, 25
	st := build(t)
	x := st.hand(quietly)
	maxima := []int{1, 2, 7, 100, 1000, publishers*batches*each - 1, publishers * batches * each, 1 << 20}
	for i, max := range maxima {
		x.do(fmt.Sprintf("SUB a %d\r\nUNSUB %d %d\r\n", i, i, max))
	}
	var all sync.WaitGroup
	for range publishers {
		p := st.hand(quietly)
		all.Go(func() {
			for range batches {
				p.do(strings.Repeat(pub("a", "x"), each))
			}
		})
	}
	all.Wait()
	got := x.got()
	for i, max := range maxima {
		n := strings.Count(got, fmt.Sprintf("MSG a %d 1\r\n", i))
		require.Equal(t, min(max, publishers*batches*each), n, "maximum %d", max)
	}
	require.Equal(t, 1, st.global().Subscriptions(), "only one did not reach its maximum")
	require.EqualValues(t, 1, x.subs.Load())
	require.EqualValues(t, len(maxima)-1, x.spent.Load())
}

// A member that has had its maximum leaves the rest to its group.
func TestMaximumInAQueueGroup(t *testing.T) {
	const publishers, batches, each = 3, 20, 30
	for _, others := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(others), func(t *testing.T) {
			st := build(t)
			x := st.hand(quietly)
			x.do("SUB a q 1\r\nUNSUB 1 100\r\n")
			var ys []*hand
			for range others {
				y := st.hand(quietly)
				y.do("SUB * q 1\r\n")
				ys = append(ys, y)
			}
			var all sync.WaitGroup
			for range publishers {
				p := st.hand(quietly)
				all.Go(func() {
					for range batches {
						p.do(strings.Repeat(pub("a", "x"), each))
					}
				})
			}
			all.Wait()
			require.Len(t, payloads(t, x.got()), 100)
			sum := 0
			for _, y := range ys {
				sum += len(payloads(t, y.got()))
			}
			if others > 0 {
				require.Equal(t, publishers*batches*each-100, sum)
			}
		})
	}
}

// A sid is free again when its subscription has ended, whatever is said about it afterwards.
func TestASidIsFreeAfterItsMaximum(t *testing.T) {
	for _, c := range []struct{ name, say, want string }{
		{"at once", "SUB b 1\r\n", msgLine("b", "1", "y")},
		{"after another UNSUB", "UNSUB 1\r\nSUB b 1\r\n", msgLine("b", "1", "y")},
		{"after another maximum", "UNSUB 1 9\r\nSUB b 1\r\n", msgLine("b", "1", "y")},
		{"with a maximum of its own", "SUB b 1\r\nUNSUB 1 1\r\n", msgLine("b", "1", "y")},
		{"for the same subject", "SUB a 1\r\n", msgLine("a", "1", "x")},
		{"another maximum alone", "UNSUB 1 9\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := build(t, func(_ *site, cfg *Config) { cfg.MaxSubscriptions = 1 })
			p, x := st.hand(quietly), st.hand(quietly)
			x.do("SUB a 1\r\nUNSUB 1 2\r\n")
			p.do(pubs("a", 5))
			require.Equal(t, msgLines("a", "1", 0, 2), x.got())
			x.do(c.say)
			p.do(pub("a", "x") + pub("b", "y"))
			require.Equal(t, c.want, x.got())
		})
	}
}

// Subscriptions that have ended do not pile up: the next thing that the client says frees them.
func TestEndedSubscriptionsAreSwept(t *testing.T) {
	st := build(t)
	p, x := st.hand(quietly), st.hand(quietly)
	for i := range 3 * mostSpent {
		sid := fmt.Sprint(i)
		if i%3 == 0 {
			sid = "s" + sid
		}
		x.do(fmt.Sprintf("SUB a %s\r\nUNSUB %s 1\r\n", sid, sid))
	}
	x.do("SUB a stays\r\nSUB b 5000000\r\n")
	p.do(pub("a", "x"))
	require.Equal(t, 3*mostSpent+1, len(payloads(t, x.got())))
	require.Equal(t, 3*mostSpent+2, x.sids.Len())
	require.EqualValues(t, 2, x.subs.Load())
	x.do("PING\r\n")
	require.Equal(t, 2, x.sids.Len())
	require.Zero(t, x.spent.Load())
	require.NotNil(t, x.sids.Get([]byte("stays")))
	require.NotNil(t, x.sids.Get([]byte("5000000")))
	x.do("UNSUB stays\r\nUNSUB 5000000\r\n")
	require.Zero(t, st.global().Subscriptions())
}

// Few that have ended may stay for a while; ending the connection forgets them like all others.
func TestEndedSubscriptionsAreForgottenWithTheirConnection(t *testing.T) {
	st := build(t)
	p, x := st.hand(quietly), st.hand(quietly)
	x.do("SUB a 1\r\nUNSUB 1 1\r\nSUB a 2\r\n")
	p.do(pub("a", "x"))
	x.got()
	x.do("CONNECT " + quietly + "\r\n")
	require.Zero(t, x.subs.Load())
	require.Zero(t, x.spent.Load())
	require.Zero(t, st.global().Subscriptions())
	x.do("SUB a 1\r\n")
	p.do(pub("a", "y"))
	require.Equal(t, msgLine("a", "1", "y"), x.got())
}

// The notice that nobody answered is no message: it does not count.
func TestNoticesDoNotCount(t *testing.T) {
	st := build(t)
	p := st.hand(`{"verbose":false,"headers":true,"no_responders":true}`)
	p.do("SUB r 1\r\nUNSUB 1 1\r\nPUB nobody r 0\r\n\r\nPUB nobody r 0\r\n\r\n")
	require.Equal(t, 2, strings.Count(p.got(), "NATS/1.0 503"))
	p.do(pub("r", "x") + pub("r", "y"))
	require.Equal(t, msgLine("r", "1", "x"), p.got())
}

// Requests beyond a maximum went to nobody, and their publisher hears so; those before did not.
func TestRequestsBeyondAMaximumAreUnheard(t *testing.T) {
	for _, queue := range []string{"", "q "} {
		st := build(t)
		p, x := st.hand(`{"verbose":false,"headers":true,"no_responders":true}`), st.hand(quietly)
		x.do("SUB a " + queue + "1\r\nUNSUB 1 2\r\n")
		p.do("SUB r.* 1\r\n")
		p.do("PUB a r.0 0\r\n\r\nPUB a r.1 0\r\n\r\nPUB a r.2 0\r\n\r\nPUB a r.3 0\r\n\r\n")
		require.Equal(t, "MSG a 1 r.0 0\r\n\r\nMSG a 1 r.1 0\r\n\r\n", x.got())
		notice := "HMSG r.%d 1 33 33\r\nNATS/1.0 503\r\nNats-Subject: a\r\n\r\n\r\n"
		require.Equal(t, fmt.Sprintf(notice, 2)+fmt.Sprintf(notice, 3), p.got())
	}
}

// The counts of a connection stay right when a subscription reaches its maximum while the
// connection drops all: the other goroutine is between the two halves of expire.
func TestCountsWhileASubscriptionEndsTwice(t *testing.T) {
	for _, say := range []string{"CONNECT " + quietly + "\r\n", "UNSUB 1\r\n"} {
		st := build(t)
		x := st.hand(quietly)
		x.do("SUB a 1\r\n")
		require.True(t, st.global().Unsubscribe(x.sids.Get([]byte("1"))))
		x.do(say)
		x.subs.Add(-1)
		x.spent.Add(1)
		require.Zero(t, x.subs.Load(), say)
		require.Zero(t, x.spent.Load(), say)
	}
}
