package client

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/outbox"
	"github.com/baridmq/barid/internal/lab"
)

// What a publisher has staged is sent one batch late. These tests come in between: a publisher
// stages, somebody else changes what it relied on, and then the publisher flushes.

// Nothing of a subscription follows the answer that says that it has ended.
func TestNothingFollowsTheEndOfASubscription(t *testing.T) {
	for _, c := range []struct {
		name, options, subs string
		between, want       string // what the subscriber says, and all that it gets
	}{
		{"UNSUB and PING", quietly, "SUB a 1\r\n", "UNSUB 1\r\nPING\r\n", "PONG\r\n"},
		{"UNSUB, PING later", quietly, "SUB a 1\r\n", "UNSUB 1\r\n", ""},
		{"a verbose UNSUB", `{"pedantic":false}`, "SUB a 1\r\n", "UNSUB 1\r\n", "+OK\r\n"},
		{"with a maximum of 0", quietly, "SUB a 1\r\n", "UNSUB 1 0\r\nPING\r\n", "PONG\r\n"},
		{"with a bad maximum", quietly, "SUB a 1\r\n", "UNSUB 1 x\r\nPING\r\n", "PONG\r\n"},
		{"a queue member", quietly, "SUB a q 1\r\n", "UNSUB 1\r\nPING\r\n", "PONG\r\n"},
		{"one of two", quietly, "SUB a 1\r\nSUB a 2\r\n", "UNSUB 1\r\nPING\r\n", "PONG\r\n" + msgLines("a", "2", 0, 3)},
		{"the other of two", quietly, "SUB a 1\r\nSUB a 2\r\n", "UNSUB 2\r\nPING\r\n", "PONG\r\n" + msgLines("a", "1", 0, 3)},
		{"a wildcard beside it", quietly, "SUB a 1\r\nSUB * 2\r\n", "UNSUB 1\r\nPING\r\n", "PONG\r\n" + msgLines("a", "2", 0, 3)},
		{"a sid in words", quietly, "SUB a one\r\nSUB a two\r\n", "UNSUB one\r\nPING\r\n", "PONG\r\n" + msgLines("a", "two", 0, 3)},
		{"another CONNECT", quietly, "SUB a 1\r\n", "CONNECT " + quietly + "\r\nPING\r\n", "PONG\r\n"},
		{"a sid that begins anew", quietly, "SUB a 1\r\n", "UNSUB 1\r\nSUB b 1\r\nPING\r\n", "PONG\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := build(t)
			p, x := st.hand(quietly), st.hand(c.options)
			x.do(c.subs)
			x.got()
			trip := p.stage(pubs("a", 3))
			x.do(c.between)
			finish(trip)
			require.Equal(t, c.want, x.got())
			x.do("PING\r\n") // the answer lets nothing out that was held back
			require.Equal(t, "PONG\r\n", x.got())
		})
	}
}

// A subscription made after a message was published does not get it, not even under a sid that
// was in use.
func TestASubscriptionGetsWhatIsPublishedAfterIt(t *testing.T) {
	st := build(t)
	p, x := st.hand(quietly), st.hand(quietly)
	x.do("SUB a 1\r\n")
	trip := p.stage(pub("a", "before"))
	x.do("UNSUB 1\r\nSUB a 1\r\nPING\r\n")
	require.Equal(t, "PONG\r\n", x.got())
	finish(trip)
	p.do(pub("a", "after"))
	require.Equal(t, msgLine("a", "1", "after"), x.got())
}

// A queue member that is lost before the flush loses nothing for its group: what was staged for
// it goes to another member, once.
func TestAnotherQueueMemberStandsIn(t *testing.T) {
	const n = 40
	for _, c := range []struct {
		name  string
		leave func(x *hand)
	}{
		{"UNSUB", func(x *hand) { x.do("UNSUB 1\r\nPING\r\n") }},
		{"another CONNECT", func(x *hand) { x.do("CONNECT " + quietly + "\r\n") }},
		{"closed", func(x *hand) { x.conn.Close(closed.StaleConnection) }},
		{"aborted", func(x *hand) { x.conn.Abort(closed.ServerShutdown) }},
		{"gone", func(x *hand) { x.leave(closed.ClientClosed) }},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/late=%t", c.name, late), func(t *testing.T) {
				st := build(t)
				p, x, y := st.hand(quietly), st.hand(quietly), st.hand(quietly)
				plain := st.hand(quietly)
				plain.do("SUB a 9\r\n")
				x.do("SUB a q 1\r\n")
				if !late { // then some of the messages are for y from the beginning
					y.do("SUB * q 5\r\n")
				}
				trip := p.stage(pubs("a", n))
				if late {
					y.do("SUB * q 5\r\n")
				}
				c.leave(x)
				finish(trip)
				require.ElementsMatch(t, numbers(n), payloads(t, y.got()))
				require.Equal(t, msgLines("a", "9", 0, n), plain.got(), "others hear it once")
				if x.conn.Reason() == closed.Open {
					require.NotContains(t, x.got(), "MSG")
				}
			})
		}
	}
}

// Two that leave one after the other lose nothing, either.
func TestStandInsMayLeaveToo(t *testing.T) {
	const n = 60
	st := build(t)
	p, x, y, z := st.hand(quietly), st.hand(quietly), st.hand(quietly), st.hand(quietly)
	x.do("SUB a q 1\r\n")
	y.do("SUB a q 1\r\n")
	z.do("SUB a q 1\r\n")
	trip := p.stage(pubs("a", n))
	x.do("UNSUB 1\r\nPING\r\n")
	y.conn.Close(closed.StaleConnection)
	finish(trip)
	require.ElementsMatch(t, numbers(n), payloads(t, z.got()))
	require.Equal(t, "PONG\r\n", x.got())
}

// A connection that is closed and not torn down yet still has its subscriptions. Two of them in
// one group must not pass a message to each other for ever.
func TestMembersOfAClosedConnectionAreNoWayOut(t *testing.T) {
	for _, c := range []struct {
		name string
		own  bool // the publisher's own connection is the closed one
	}{{"own", true}, {"another's", false}} {
		t.Run(c.name, func(t *testing.T) {
			st := build(t)
			p := st.hand(quietly)
			x := p
			if !c.own {
				x = st.hand(quietly)
			}
			x.do("SUB a q 1\r\nSUB a q 2\r\n")
			trip := p.stage(pubs("a", 5))
			x.conn.Close(closed.StaleConnection)
			done := make(chan struct{})
			go func() {
				defer close(done)
				finish(trip)
			}()
			select {
			case <-done:
			case <-time.After(lab.Patience):
				t.Fatal("the flush does not end")
			}
		})
	}
}

// What a closed connection has subscribed to counts as nobody: a request hears so.
func TestAClosedConnectionHearsNothing(t *testing.T) {
	st := build(t)
	p := st.hand(`{"verbose":false,"headers":true,"no_responders":true}`)
	p.do("SUB r 1\r\n")
	x := st.hand(quietly)
	x.do("SUB a 1\r\n")
	x.conn.Close(closed.StaleConnection)
	p.do("PUB a r 2\r\nhi\r\n")
	require.Contains(t, p.got(), "NATS/1.0 503")
}

// A second CONNECT takes the place of a queue member for a moment. Messages that are published
// meanwhile go to others; none is lost, none comes twice.
func TestConnectingAgainLosesNothingForTheGroup(t *testing.T) {
	const batches, each = 300, 20
	st := build(t)
	x, y := st.hand(quietly), st.hand(quietly)
	y.do("SUB a q 1\r\n")
	p := st.hand(quietly)
	stop := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-stop:
				return
			default:
				x.do("SUB a q 1\r\nCONNECT " + quietly + "\r\n")
			}
		}
	}()
	for i := range batches {
		var text strings.Builder
		for j := range each {
			text.WriteString(pub("a", fmt.Sprint(i*each+j)))
		}
		p.do(text.String())
	}
	close(stop)
	<-over
	all := append(payloads(t, x.got()), payloads(t, y.got())...)
	require.ElementsMatch(t, numbers(batches*each), all)
	require.EqualValues(t, 0, x.subs.Load())
	require.EqualValues(t, 0, x.spent.Load())
}

// The messages of a client to itself take effect in order with its own commands.
func TestOwnCommandsTakeEffectInOrder(t *testing.T) {
	for _, c := range []struct{ name, say, want string }{
		{"UNSUB", "SUB a 1\r\n" + pub("a", "x") + "UNSUB 1\r\nPING\r\n" + pub("a", "y"), msgLine("a", "1", "x") + "PONG\r\n"},
		{"UNSUB with a maximum", "SUB a 1\r\n" + pub("a", "x") + "UNSUB 1 2\r\n" + pub("a", "y") + pub("a", "z"), msgLine("a", "1", "x") + msgLine("a", "1", "y")},
		{"UNSUB with a maximum that was reached", "SUB a 1\r\n" + pub("a", "x") + pub("a", "y") + "UNSUB 1 1\r\n" + pub("a", "z"), msgLine("a", "1", "x") + msgLine("a", "1", "y")},
		{"SUB", pub("a", "x") + "SUB a 1\r\n" + pub("a", "y"), msgLine("a", "1", "y")},
		{"a sid used again", "SUB a 1\r\n" + pub("a", "x") + "UNSUB 1\r\nSUB b 1\r\n" + pub("a", "y") + pub("b", "z"), msgLine("a", "1", "x") + msgLine("b", "1", "z")},
		{"a sid in use", "SUB a 1\r\nSUB b 1\r\n" + pub("b", "y") + pub("a", "x"), msgLine("a", "1", "x")},
		{"CONNECT", "SUB a 1\r\n" + pub("a", "x") + "CONNECT " + quietly + "\r\n" + pub("a", "y") + "PING\r\n", msgLine("a", "1", "x") + "PONG\r\n"},
		{"a queue", "SUB a q 1\r\n" + pub("a", "x") + "UNSUB 1\r\n" + pub("a", "y") + "PING\r\n", msgLine("a", "1", "x") + "PONG\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := build(t)
			h := st.hand(quietly)
			h.do(c.say)
			require.Equal(t, c.want, h.got())
		})
	}
}

// Within one read PONG stands where its PING stood, and vouches for what was before it.
func TestPongStandsWhereThePingStood(t *testing.T) {
	st := build(t)
	p, x := st.hand(quietly), st.hand(quietly)
	p.do("SUB a 7\r\n")
	x.do("SUB a 1\r\n")
	p.do(pub("a", "0") + pub("a", "1") + "PING\r\n" + pub("a", "2") + "PING\r\nPING\r\n" + pub("a", "3"))
	require.Equal(t, msgLines("a", "7", 0, 2)+"PONG\r\n"+msgLines("a", "7", 2, 3)+"PONG\r\nPONG\r\n"+msgLines("a", "7", 3, 4), p.got())
	require.Equal(t, msgLines("a", "1", 0, 4), x.got())
}

// When the PONG is sent, others have what was published before the PING: at that moment it is in
// their boxes. The client does not read here, so that its own box shows what it was sent so far.
func TestPongIsSentAfterOthersAreServed(t *testing.T) {
	for _, options := range []string{quietly, `{"pedantic":false}`} {
		st := build(t)
		x := st.hand(quietly)
		x.do("SUB a 1\r\n")
		p := st.hand(options)
		p.pause()
		served := -1
		s := &spy{onWrite: func() { served = p.conn.Box.Load().Held }}
		s.subscribe(st.global(), "a")
		before := p.conn.Box.Load().Held
		ok := ""
		if options != quietly {
			ok = "+OK\r\n"
		}
		trip := p.stage(pub("a", "x") + "PING\r\n")
		require.Equal(t, before, served, "the first thing that is written is what others get")
		require.EqualValues(t, 1, x.conn.Box.Load().Messages)
		finish(trip)
		require.Equal(t, before+len(ok+"PONG\r\n"), p.conn.Box.Load().Held)
	}
}

// A verbose publisher hears that its message was accepted before it hears the msg.
func TestOkStandsBeforeTheOwnMessage(t *testing.T) {
	st := build(t)
	h := st.hand(`{"verbose":true,"pedantic":false}`)
	h.do("SUB a 1\r\n" + pub("a", "x") + pub("a", "y") + "PING\r\n" + pub("b", "z") + "UNSUB 1\r\n" + pub("a", "w"))
	require.Equal(t, "+OK\r\n+OK\r\n"+msgLine("a", "1", "x")+"+OK\r\n"+msgLine("a", "1", "y")+"PONG\r\n+OK\r\n+OK\r\n+OK\r\n", h.got())
}

// An error stands where the refused command stood.
func TestErrorsStandWhereTheCommandStood(t *testing.T) {
	st := build(t)
	h := st.hand(`{"verbose":false,"pedantic":true}`)
	h.do("SUB > 1\r\n" + pub("a", "x") + "SUB a..b 2\r\n" + pub("a.*", "y") + pub("b", "z"))
	require.Equal(t, msgLine("a", "1", "x")+"-ERR 'Invalid Subject'\r\n-ERR 'Invalid Publish Subject'\r\n"+
		msgLine("a.*", "1", "y")+msgLine("b", "1", "z"), h.got())
}

// spy is a subscriber of the test's own, whose socket takes everything at once.
type spy struct {
	owner   account.Owner
	dest    account.Destination
	box     outbox.Box
	onWrite func()
}

func (s *spy) subscribe(a *account.Account, subject string) {
	s.owner = account.Owner{Receiver: s, ID: 1 << 40}
	s.box.Init(s, 1<<20)
	s.dest = account.Destination{Box: &s.box, Enc: s, ID: s.owner.ID}
	a.Subscribe(account.NewSub(&s.owner, []byte("1"), nil), []byte(subject))
}

func (s *spy) Deliver(st *account.Stage, run msg.Run, sub *account.Sub) account.Outcome {
	st.Add(&s.dest, s.box.Generation(), run, sub)
	return account.Taken
}

func (s *spy) Encode(dst []byte, _ *msg.Batch, _ msg.Run, _ *account.Sub) ([]byte, int) {
	return append(dst, 'x'), 1
}
func (s *spy) Live(*account.Sub) bool               { return true }
func (s *spy) Shape(*account.Sub) uint64            { return 0 }
func (s *spy) TryWrite(p []byte) (int, bool, error) { s.onWrite(); return len(p), false, nil }
func (s *spy) StartWriter()                         {}
func (s *spy) Overflowed()                          {}
func (s *spy) Broken(error)                         {}
func (s *spy) Done()                                {}
