package fanout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
)

func TestMessagesWithTheSameReceiversAreOneRun(t *testing.T) {
	a, p := newAccount(), newPublisher()
	all, some := newTaker(2), newTaker(3)
	all.sub(a, ">", "1", "")
	some.sub(a, "b.*", "2", "")
	p.publish(t, a, "a=0 a=1 c=22 b.x=3 b.y=4 b.y=5 a=6")
	require.Equal(t, []msg.Run{{From: 0, To: 3}, {From: 3, To: 6}, {From: 6, To: 7}}, all.runs)
	require.Equal(t, []msg.Run{{From: 3, To: 6}}, some.runs)
	require.Equal(t, "1:a=0 1:a=1 1:c=22 1:b.x=3 1:b.y=4 1:b.y=5 1:a=6 ", all.take())
	require.Equal(t, "2:b.x=3 2:b.y=4 2:b.y=5 ", some.take())
}

// Subjects that nobody wants interrupt nothing: they are runs of their own.
func TestUnwantedMessagesBetweenOthers(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k := newTaker(2)
	k.sub(a, "a", "1", "")
	p.publish(t, a, "x=0 a=1 x=2 x=3 a=4 x=5")
	require.Equal(t, []msg.Run{{From: 1, To: 2}, {From: 4, To: 5}}, k.runs)
	require.Equal(t, "1:a=1 1:a=4 ", k.take())
}

func TestARunEndsWithItsAccount(t *testing.T) {
	p := newPublisher()
	a, b := newAccount(), newAccount()
	k := newTaker(2)
	k.sub(a, "s", "1", "")
	k.sub(b, "s", "2", "")
	trip, msgs := p.begin(t, "s=0 s=1 s=2 s=3")
	trip.Add(a, &msgs[0])
	trip.Add(b, &msgs[1])
	trip.Add(b, &msgs[2])
	trip.Add(a, &msgs[3])
	trip.Flush()
	require.Equal(t, "1:s=0 2:s=1 2:s=2 1:s=3 ", k.take())
}

// What changes after Settle counts for the messages behind it, even of an equal subject.
func TestSettleSeparates(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k := newTaker(2)
	first := k.sub(a, "s", "1", "")
	trip, msgs := p.begin(t, "s=0 s=1 s=2 s=3")
	require.True(t, msgs[1].Same)
	trip.Add(a, &msgs[0])
	trip.Settle()
	trip.Settle()
	k.sub(a, "s", "2", "")
	trip.Add(a, &msgs[1])
	trip.Settle()
	require.True(t, a.Unsubscribe(first))
	trip.Add(a, &msgs[2])
	trip.Add(a, &msgs[3])
	trip.Flush()
	require.Equal(t, "1:s=0 1:s=1 2:s=1 2:s=2 2:s=3 ", k.take())
}

func TestEachSubscriptionOfAConnectionCounts(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k := newTaker(2)
	k.sub(a, "s", "1", "")
	k.sub(a, "s", "2", "")
	k.sub(a, "*", "3", "")
	p.publish(t, a, "s=x")
	require.ElementsMatch(t, []string{"1:s=x", "2:s=x", "3:s=x"}, strings.Fields(k.take()))
}

func TestOneOfEachQueueGroup(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k, m := newTaker(2), newTaker(3)
	k.sub(a, "s", "1", "q")
	m.sub(a, "*", "2", "q") // the same group, though its subject differs
	m.sub(a, "s", "3", "r")
	m.sub(a, "s", "4", "")
	for i := range 200 {
		p.publish(t, a, fmt.Sprintf("s=%d", i))
		of := map[string]int{}
		for _, word := range strings.Fields(k.take() + m.take()) {
			sid, rest, _ := strings.Cut(word, ":")
			require.Equal(t, fmt.Sprintf("s=%d", i), rest)
			of[sid]++
		}
		require.Equal(t, 1, of["1"]+of["2"])
		require.Equal(t, 1, of["3"])
		require.Equal(t, 1, of["4"])
	}
}

// Every message reaches exactly one member, and the members get about equal parts.
func TestAQueueGroupSharesEvenly(t *testing.T) {
	const members, rounds, each = 8, 80, 100
	a, p := newAccount(), newPublisher()
	var ks []*taker
	for i := range members {
		k := newTaker(uint64(2 + i))
		k.sub(a, "s", "1", "q")
		ks = append(ks, k)
	}
	for round := range rounds {
		var text strings.Builder
		for i := range each {
			fmt.Fprintf(&text, "s=%d ", round*each+i)
		}
		p.publish(t, a, text.String())
	}
	seen := map[string]bool{}
	for _, k := range ks {
		last, mine := -1, strings.Fields(k.take())
		for _, word := range mine {
			require.False(t, seen[word], "%s came twice", word)
			seen[word] = true
			var n int
			_, err := fmt.Sscanf(word, "1:s=%d", &n)
			require.NoError(t, err)
			require.Greater(t, n, last, "out of order")
			last = n
		}
		require.InDelta(t, rounds*each/members, len(mine), 250) // eight times the standard deviation
	}
	require.Len(t, seen, rounds*each)
}

func TestAQueueGroupTriesItsNextMember(t *testing.T) {
	a, p := newAccount(), newPublisher()
	var ks []*taker
	for i := range 5 {
		k := newTaker(uint64(2 + i))
		k.closed = i != 3
		k.sub(a, "*", "1", "q")
		ks = append(ks, k)
	}
	ks[1].closed = false
	ks[1].filter = func(subject string) bool { return subject == "odd" }
	ks[3].filter = func(subject string) bool { return subject == "even" }
	p.publish(t, a, "odd>r=1 even>r=2 odd>r=3 odd>r=5 even>r=6 none>r=7 even>r=8")
	require.Equal(t, "1:odd=1 1:odd=3 1:odd=5 ", ks[1].take())
	require.Equal(t, "1:even=2 1:even=6 1:even=8 ", ks[3].take())
	require.Equal(t, []string{"none=7"}, p.unheard)
}

func TestUnheard(t *testing.T) {
	odd := func(subject string) bool { return strings.HasSuffix(subject, "1") }
	for _, c := range []struct {
		name  string
		setup func(a *account.Account, k, m *taker)
		want  []string
	}{
		{"nobody", func(*account.Account, *taker, *taker) {}, []string{"s.0=a", "s.1=b", "s.1=d"}},
		{"somebody else", func(a *account.Account, k, _ *taker) { k.sub(a, "t", "1", "") }, []string{"s.0=a", "s.1=b", "s.1=d"}},
		{"one subject", func(a *account.Account, k, _ *taker) { k.sub(a, "s.1", "1", "") }, []string{"s.0=a"}},
		{"everything", func(a *account.Account, k, _ *taker) { k.sub(a, "s.*", "1", "") }, nil},
		{"a queue", func(a *account.Account, k, _ *taker) { k.sub(a, "s.*", "1", "q") }, nil},
		{"refused", func(a *account.Account, k, m *taker) {
			k.sub(a, "s.*", "1", "")
			m.sub(a, "s.*", "1", "q")
			k.closed, m.closed = true, true
		}, []string{"s.0=a", "s.1=b", "s.1=d"}},
		{"refused by one of two", func(a *account.Account, k, m *taker) {
			k.sub(a, "s.*", "1", "")
			m.sub(a, "s.*", "1", "")
			k.closed = true
		}, nil},
		{"taken in part", func(a *account.Account, k, _ *taker) {
			k.sub(a, "s.*", "1", "")
			k.filter = odd
		}, []string{"s.0=a"}},
		{"taken in part by a queue", func(a *account.Account, k, _ *taker) {
			k.sub(a, "s.*", "1", "q")
			k.filter = odd
		}, []string{"s.0=a"}},
		{"taken by two in parts", func(a *account.Account, k, m *taker) {
			k.sub(a, "s.*", "1", "")
			m.sub(a, "s.*", "1", "q")
			k.filter = odd
			m.filter = func(subject string) bool { return !odd(subject) }
		}, nil},
		{"up to a maximum", func(a *account.Account, k, _ *taker) {
			k.sub(a, "s.*", "1", "").SetMax(2)
		}, []string{"s.1=d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, p := newAccount(), newPublisher()
			c.setup(a, newTaker(2), newTaker(3))
			p.publish(t, a, "s.0>r=a s.1>r=b s.0=c s.1>r=d")
			require.Equal(t, c.want, p.unheard)
			p.unheard = nil
			p.publish(t, a, "s.0=a s.1=b")
			require.Empty(t, p.unheard, "without a reply nobody waits")
		})
	}
}

func TestATripWithoutAPublisherTellsNobody(t *testing.T) {
	buf, msgs := lay(pubs("s>r=1"))
	trip := Get()
	trip.Begin(Batch{Buf: buf})
	trip.Add(newAccount(), &msgs[0])
	trip.Flush()
	trip.Put()
}

// What the publisher says stands where it was said, among its own messages; and nobody waits
// longer for what the publisher vouches for.
func TestSay(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k := newTaker(2)
	k.sub(a, "*", "1", "")
	p.sub(a, "own", "7", "")
	trip, msgs := p.begin(t, "s=0 s=1 own=2 own=3 s=4")
	trip.Add(a, &msgs[0])
	trip.Say([]byte("+OK "), false)
	require.Empty(t, k.take(), "what vouches for nothing waits for the flush")
	trip.Add(a, &msgs[1])
	trip.Say([]byte("PONG "), true)
	require.Equal(t, "1:s=0 1:s=1 ", k.take())
	trip.Add(a, &msgs[2])
	trip.Say([]byte("+OK "), false)
	trip.Add(a, &msgs[3])
	trip.Add(a, &msgs[4])
	trip.Flush()
	require.Equal(t, "+OK PONG 7:own=2 +OK 7:own=3 ", p.take())
	require.Equal(t, "1:own=2 1:own=3 1:s=4 ", k.take())
}

// A PONG is sent after what the commands before it gave to others.
func TestTheOwnBoxIsServedLast(t *testing.T) {
	a, p := newAccount(), newPublisher()
	var order []string
	p.onWrite = func(text string) { order = append(order, "own "+text) }
	p.sub(a, "s", "7", "")
	for i := range 3 {
		k := newTaker(uint64(2 + i))
		k.onWrite = func(text string) { order = append(order, text) }
		k.sub(a, "s", "1", "")
	}
	trip, msgs := p.begin(t, "s=0 s=1")
	trip.Add(a, &msgs[0])
	trip.Say([]byte("PONG "), true)
	trip.Add(a, &msgs[1])
	trip.Flush()
	require.Equal(t, []string{
		"1:s=0 ", "1:s=0 ", "1:s=0 ", "own 7:s=0 ",
		"1:s=1 ", "1:s=1 ", "1:s=1 ", "own PONG ", "own 7:s=1 ",
	}, order)
}

// What queue members gave up while it was staged goes to others of their groups.
func TestReroute(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k, m, other := newTaker(2), newTaker(3), newTaker(4)
	leaves := k.sub(a, "s", "1", "q")
	stays := k.sub(a, "s", "2", "")
	other.sub(a, "s", "4", "another group")
	trip, msgs := p.begin(t, "s=0 s=1 s=2")
	for i := range msgs {
		trip.Add(a, &msgs[i])
	}
	trip.Settle()
	m.sub(a, "s", "3", "q") // comes too late to be chosen, and in time to stand in
	leaves.GiveUp()
	a.Unsubscribe(leaves)
	k.box.Invalidate()
	trip.Flush()
	require.Equal(t, "2:s=0 2:s=1 2:s=2 ", k.take())
	require.Equal(t, "3:s=0 3:s=1 3:s=2 ", m.take())
	require.Equal(t, "4:s=0 4:s=1 4:s=2 ", other.take())
	require.False(t, stays.GivenUp())
}

func TestRerouteFromAClosedBox(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k, m := newTaker(2), newTaker(3)
	k.sub(a, "s", "1", "q")
	k.sub(a, "s", "2", "q") // of the same connection: no way out
	trip, msgs := p.begin(t, "s=0 s=1 t=2")
	for i := range msgs {
		trip.Add(a, &msgs[i])
	}
	trip.Settle()
	m.sub(a, "s", "3", "q")
	k.closed = true
	k.box.Close(true)
	trip.Flush()
	require.Empty(t, k.take())
	require.Equal(t, "3:s=0 3:s=1 ", m.take())
}

// A message is not offered again to the member that could not have it.
func TestRerouteLeavesOutWhoLostIt(t *testing.T) {
	for _, others := range []int{0, 1} {
		a, p := newAccount(), newPublisher()
		k, m := newTaker(2), newTaker(3)
		k.sub(a, "s", "1", "q")
		trip, msgs := p.begin(t, "s=0")
		trip.Add(a, &msgs[0])
		trip.Settle()
		if others > 0 {
			m.sub(a, "s", "2", "q")
			m.closed = true
		}
		k.box.Close(true) // of which k knows nothing
		trip.Flush()
		require.Len(t, k.runs, 1)
		require.Len(t, m.runs, others)
	}
}

// Who stands in may be lost, too.
func TestRerouteAgain(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k, m, last := newTaker(2), newTaker(3), newTaker(4)
	first := k.sub(a, "s", "1", "q")
	trip, msgs := p.begin(t, "s=0")
	trip.Add(a, &msgs[0])
	trip.Settle()
	m.sub(a, "s", "2", "q")
	first.GiveUp()
	k.box.Invalidate()
	flushes := 0
	m.box.Close(true) // but it says so only when it is served
	m.filter = func(string) bool {
		if flushes++; flushes == 1 {
			last.sub(a, "s", "3", "q")
			return true
		}
		return false
	}
	trip.Flush()
	require.Empty(t, k.take()+m.take())
	require.Equal(t, "3:s=0 ", last.take())
}

func TestRerouteWithNobodyLeft(t *testing.T) {
	a, p := newAccount(), newPublisher()
	k := newTaker(2)
	s := k.sub(a, "s", "1", "q")
	plain := k.sub(a, "s", "2", "")
	trip, msgs := p.begin(t, "s=0")
	trip.Add(a, &msgs[0])
	trip.Settle()
	s.GiveUp()
	plain.GiveUp()
	k.box.Invalidate()
	trip.Flush()
	require.Empty(t, k.take())
}

// A wide fan-out of a large batch is written in between, so that a flush stays short.
func TestEarlyFlush(t *testing.T) {
	const width, size = 256, 32 << 10 // eight megabytes a message
	a, p := newAccount(), newPublisher()
	var ks []*taker
	for i := range width {
		k := newTaker(uint64(2 + i))
		k.sub(a, "s", "1", "")
		ks = append(ks, k)
	}
	ks[0].sub(a, "t.*", "2", "")
	big := strings.Repeat("x", size)
	for _, c := range []struct {
		name, text string
		early      bool
	}{
		{"one run", strings.Repeat("s="+big+" ", 8), true},
		{"several runs", strings.Repeat("s="+big+" t.1=y ", 8), true},
		{"many small runs", strings.Repeat("s=x t.1=y ", 520), true},
		{"fewer small runs", strings.Repeat("s=x t.1=y ", 500), false},
		{"a small batch", strings.Repeat("s="+big+" ", 3), false},
		{"one receiver", strings.Repeat("t.1="+big+" ", 20), false},
	} {
		trip, msgs := p.begin(t, c.text)
		for i := range msgs {
			trip.Add(a, &msgs[i])
		}
		if !c.early {
			trip.Settle()
		}
		require.Equal(t, c.early, ks[0].text.Len() > 0, c.name)
		trip.Flush()
		for _, k := range ks[1:] {
			got := k.take()
			require.Equal(t, strings.Count(c.text, "s="), strings.Count(got, "1:s="), c.name)
		}
		ks[0].take()
	}
}

// A trip that was put back keeps nothing alive.
func TestPutForgets(t *testing.T) {
	a, p := newAccount(), newPublisher()
	for i := range 3 {
		newTaker(uint64(2+i)).sub(a, "*", "1", []string{"", "q", "q"}[i])
	}
	buf, msgs := lay(pubs("s=0 t=1 s=2"))
	trip := Get()
	trip.Begin(Batch{Origin: 1, Buf: buf, Own: &p.box, From: p})
	for i := range msgs {
		trip.Add(a, &msgs[i])
	}
	trip.Receivers(a, []byte("x"))
	trip.Flush()
	trip.Put()
	require.Nil(t, trip.from)
	require.Nil(t, trip.own)
	require.Nil(t, trip.acc)
	require.Nil(t, trip.Stage.Batch.Buf)
	require.Empty(t, trip.Stage.Batch.Msgs)
	require.Empty(t, trip.said)
	require.True(t, trip.Stage.Empty())
	for _, m := range []*account.Matches{&trip.matches[0], &trip.matches[1], &trip.again} {
		require.True(t, m.Empty())
	}
}
