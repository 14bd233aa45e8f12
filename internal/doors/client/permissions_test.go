package client

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/msg"
)

// restricted lets alice in with rules, and bob without any bound.
func restricted(rules perm.Rules) func(*site, *Config) {
	return guarded(true, func(r *account.Registry) map[string]*identity.Identity {
		g := r.Get(account.Global)
		p, err := perm.Compile(rules)
		if err != nil {
			panic(err)
		}
		return map[string]*identity.Identity{
			"alice": {Account: g, Limits: account.Unlimited(), Permissions: p},
			"bob":   {Account: g, Limits: account.Unlimited()},
		}
	})
}

// loud is like as, with headers and notices.
func loud(user string) string {
	return fmt.Sprintf(`{"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"user":%q,"pass":%q}`, user, backwards(user))
}

func TestPublishDenied(t *testing.T) {
	st := build(t, restricted(perm.Rules{Publish: perm.List{Allow: []string{"a.>"}, Deny: []string{"a.no"}}}))
	alice, bob := st.hand(as("alice")), st.hand(as("bob"))
	bob.do("SUB > 1\r\n")
	alice.do(pub("a.no", "1") + pub("a.no", "2") + pub("a.b", "3") + pub("b", "4") + pub("a.no", "5") + pub("a.b", "6") + "PING\r\n")
	denied := func(subject string) string {
		return fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'\r\n", subject)
	}
	require.Equal(t, denied("a.no")+denied("a.no")+denied("b")+denied("a.no")+"PONG\r\n", alice.got(), "and the connection stays")
	require.Equal(t, msgLine("a.b", "1", "3")+msgLine("a.b", "1", "6"), bob.got())
	require.Contains(t, st.log.text("ERR"), `Publish Violation - Subject "a.no"`)
	bob.do(pub("a.no", "x"))
	require.Equal(t, msgLine("a.no", "1", "x"), bob.got(), "others may")
}

// A refused message gives -ERR and no +OK.
func TestPublishDeniedToAVerboseClient(t *testing.T) {
	st := build(t, restricted(perm.Rules{Publish: perm.List{Deny: []string{"no"}}}))
	alice := st.hand(`{"pedantic":true,"user":"alice","pass":"ecila"}`)
	alice.do(pub("no", "x") + pub("yes", "x") + pub("no", "x"))
	denied := "-ERR 'Permissions Violation for Publish to \"no\"'\r\n"
	require.Equal(t, denied+"+OK\r\n"+denied, alice.got())
}

// A message that was refused keeps its memory: a Same message behind it is not delivered in its place.
func TestAllowedAndRefusedMessagesAlternate(t *testing.T) {
	st := build(t, restricted(perm.Rules{Publish: perm.List{Deny: []string{"b"}}}))
	alice, bob := st.hand(as("alice")), st.hand(as("bob"))
	bob.do("SUB a 1\r\nSUB b 2\r\n")
	alice.do(pub("a", "1") + pub("b", "2") + pub("b", "3") + pub("a", "4") + pub("a", "5") + pub("b", "6"))
	require.Equal(t, msgLine("a", "1", "1")+msgLine("a", "1", "4")+msgLine("a", "1", "5"), bob.got())
}

func TestReservedSubjects(t *testing.T) {
	for _, c := range []struct{ line, text string }{
		{"PUB _GR_.a.b 0", `Permissions Violation for Publish to "_GR_.a.b"`},
		{"PUB $NRG.a 0", `Permissions Violation for Publish to "$NRG.a"`},
		{"PUB a _R_.x 0", `Permissions Violation for Publish with Reply of "_R_.x"`},
		{"PUB a $JS.ACK.x 0", `Permissions Violation for Publish with Reply of "$JS.ACK.x"`},
		{"PUB a _GR_.x 0", `Permissions Violation for Publish with Reply of "_GR_.x"`},
		{"PUB _GR_ 0", ""},
		{"PUB $NRG 0", ""},
		{"PUB _R_.x 0", ""},
		{"PUB $JS.ACK.x 0", ""},
		{"PUB a _R_ 0", ""},
		{"PUB a $JS.ACKS.x 0", ""},
	} {
		st := build(t)
		h, x := st.hand(quietly), st.hand(quietly)
		x.do("SUB > 1\r\n")
		h.do(c.line + "\r\n\r\n")
		if c.text == "" {
			require.Empty(t, h.got(), c.line)
			require.NotEmpty(t, x.got(), c.line)
		} else {
			require.Equal(t, "-ERR '"+c.text+"'\r\n", h.got())
			require.Empty(t, x.got(), c.line)
		}
	}
}

func TestSubscribeDenied(t *testing.T) {
	st := build(t, restricted(perm.Rules{Subscribe: perm.List{Allow: []string{"a.>", "b"}, Deny: []string{"a.no"}}}))
	alice := st.hand(as("alice"))
	for _, c := range []struct{ line, text string }{
		{"SUB a.b 1", ""},
		{"SUB a.> 2", ""},
		{"SUB a.* q 3", ""},
		{"SUB b q 4", ""},
		{"SUB c 5", `Permissions Violation for Subscription to "c"`},
		{"SUB > 6", `Permissions Violation for Subscription to ">"`},
		{"SUB a.no 7", `Permissions Violation for Subscription to "a.no"`},
		{"SUB a.no q 8", `Permissions Violation for Subscription to "a.no" using queue "q"`},
		{"SUB a.b _sys_ 9", `Permissions Violation for Subscription to "a.b" using queue "_sys_"`},
	} {
		before := st.global().Subscriptions()
		alice.do(c.line + "\r\n")
		if c.text == "" {
			require.Empty(t, alice.got(), c.line)
			require.Equal(t, before+1, st.global().Subscriptions())
		} else {
			require.Equal(t, "-ERR '"+c.text+"'\r\n", alice.got())
			require.Equal(t, before, st.global().Subscriptions())
		}
	}
	require.Contains(t, st.log.text("ERR"), `Subscription Violation - Subject "a.no", Queue: "q", SID 8`)
	bob := st.hand(as("bob"))
	bob.do("SUB > 1\r\nSUB a.no q 2\r\n")
	require.Empty(t, bob.got(), "others may")
}

func TestTooManyTokens(t *testing.T) {
	st := build(t, func(_ *site, cfg *Config) { cfg.MaxTokens = 3 })
	h := st.hand(quietly)
	h.do("SUB a.b.c 1\r\nSUB a.b.> 2\r\nSUB a.b.c.d 3\r\nSUB *.*.*.> q 4\r\nSUB a..b.c 5\r\n")
	require.Equal(t, "-ERR 'Permissions Violation for Subscription to \"a.b.c.d\", too many tokens'\r\n"+
		"-ERR 'Permissions Violation for Subscription to \"*.*.*.>\", too many tokens'\r\n"+
		"-ERR 'Invalid Subject'\r\n", h.got())
	require.Equal(t, 2, st.global().Subscriptions())
}

// What is denied is held back from a broader subscription, also in the middle of a run of
// messages that have the same receivers; nobody else loses anything.
func TestDeniedMessagesAreHeldBack(t *testing.T) {
	st := build(t, restricted(perm.Rules{Subscribe: perm.List{Deny: []string{"a.no", "a.never.>"}}}))
	alice, bob, p := st.hand(as("alice")), st.hand(as("bob")), st.hand(as("bob"))
	alice.do("SUB a.> 1\r\n")
	bob.do("SUB a.> 1\r\n")
	p.do(pub("a.x", "0") + pub("a.no", "1") + pub("a.y", "2") + pub("a.y", "3") + pub("a.never.x", "4") + pub("a.never", "5") + pub("a.no", "6"))
	require.Equal(t, msgLine("a.x", "1", "0")+msgLine("a.y", "1", "2")+msgLine("a.y", "1", "3")+msgLine("a.never", "1", "5"), alice.got())
	require.Equal(t, msgLine("a.x", "1", "0")+msgLine("a.no", "1", "1")+msgLine("a.y", "1", "2")+msgLine("a.y", "1", "3")+
		msgLine("a.never.x", "1", "4")+msgLine("a.never", "1", "5")+msgLine("a.no", "1", "6"), bob.got())
}

// A subscription can be found by a message a moment before it knows its own subject. What is
// denied is held back then, too.
func TestDeniedMessagesAreHeldBackFromTheFirstMoment(t *testing.T) {
	st := build(t, restricted(perm.Rules{Subscribe: perm.List{Deny: []string{"a.no"}}}))
	alice, p := st.hand(as("alice")), st.hand(as("bob"))
	trip := p.stage(pub("a.no", "0") + pub("a.x", "1"))
	sub := account.NewSub(&alice.owner, []byte("1"), nil) // what SUB has found but not entered yet
	require.Equal(t, account.Partly, sub.Deliver(&trip.Stage, msg.Run{From: 0, To: 2}))
	finish(trip)
	require.Equal(t, msgLine("a.x", "1", "1"), alice.got())
}

// Held back messages do not count for a maximum.
func TestHeldBackMessagesDoNotCount(t *testing.T) {
	st := build(t, restricted(perm.Rules{Subscribe: perm.List{Deny: []string{"a.no"}}}))
	alice, p := st.hand(as("alice")), st.hand(as("bob"))
	alice.do("SUB a.* 1\r\nUNSUB 1 2\r\n")
	p.do(pub("a.no", "0") + pub("a.x", "1") + pub("a.no", "2") + pub("a.y", "3") + pub("a.z", "4"))
	require.Equal(t, msgLine("a.x", "1", "1")+msgLine("a.y", "1", "3"), alice.got())
	require.Zero(t, st.global().Subscriptions())
	require.EqualValues(t, 1, alice.spent.Load())
}

// A queue member that may not have a message leaves it to another.
func TestDeniedMessagesGoToAnotherMember(t *testing.T) {
	st := build(t, restricted(perm.Rules{Subscribe: perm.List{Deny: []string{"a.no"}}}))
	alice, bob, p := st.hand(as("alice")), st.hand(as("bob")), st.hand(as("bob"))
	alice.do("SUB a.* q 1\r\n")
	bob.do("SUB a.* q 1\r\n")
	text, want := "", []string{}
	for i := range 60 {
		text += pub("a.no", fmt.Sprint(3*i)) + pub("a.x", fmt.Sprint(3*i+1)) + pub("a.no", fmt.Sprint(3*i+2))
		want = append(want, fmt.Sprint(3*i), fmt.Sprint(3*i+1), fmt.Sprint(3*i+2))
	}
	p.do(text)
	mine, others := payloads(t, alice.got()), payloads(t, bob.got())
	require.ElementsMatch(t, want, append(others, mine...))
	require.NotEmpty(t, mine)
	for _, payload := range mine {
		var n int
		_, err := fmt.Sscan(payload, &n)
		require.NoError(t, err)
		require.Equal(t, 1, n%3, "alice got what she may not have")
	}
}

// A request that is held back from its only listener is unheard, those beside it are not.
func TestHeldBackRequestsAreUnheard(t *testing.T) {
	for _, queue := range []string{"", "q "} {
		st := build(t, restricted(perm.Rules{Subscribe: perm.List{Deny: []string{"a.no"}}}))
		alice, p := st.hand(as("alice")), st.hand(loud("bob"))
		alice.do("SUB a.* " + queue + "1\r\n")
		p.do("SUB r.* 1\r\n")
		p.do("PUB a.x r.0 0\r\n\r\nPUB a.no r.1 0\r\n\r\nPUB a.y r.2 0\r\n\r\nPUB a.no r.3 0\r\n\r\n")
		require.Equal(t, "MSG a.x 1 r.0 0\r\n\r\nMSG a.y 1 r.2 0\r\n\r\n", alice.got())
		notice := "HMSG r.%d 1 36 36\r\nNATS/1.0 503\r\nNats-Subject: a.no\r\n\r\n\r\n"
		require.Equal(t, fmt.Sprintf(notice, 1)+fmt.Sprintf(notice, 3), p.got())
	}
}

// Echo off is like a denial for the own messages: plain subscriptions do not get them, and of a
// group another member does.
func TestEchoOff(t *testing.T) {
	st := build(t)
	p, x := st.hand(`{"verbose":false,"pedantic":false,"echo":false}`), st.hand(quietly)
	p.do("SUB a 1\r\nSUB a q 2\r\n")
	x.do("SUB a q 1\r\n")
	p.do(pubs("a", 30))
	require.Empty(t, p.got())
	require.Equal(t, msgLines("a", "1", 0, 30), x.got())
	x.do(pub("a", "theirs"))
	require.Contains(t, p.got(), msgLine("a", "1", "theirs"))
}

// A line that was allowed is not taken for allowed behind a CONNECT, even if it is repeated in
// one read; and one that was refused is not taken for refused.
func TestRightsChangeWithConnect(t *testing.T) {
	st := build(t, restricted(perm.Rules{Publish: perm.List{Deny: []string{"no"}}}))
	h, x := st.hand(as("bob")), st.hand(as("bob"))
	x.do("SUB no 1\r\n")
	h.do(pub("no", "0") + pub("no", "1") + "CONNECT " + as("alice") + "\r\n" + pub("no", "2") + pub("no", "3") +
		"CONNECT " + as("bob") + "\r\n" + pub("no", "4"))
	require.Equal(t, msgLine("no", "1", "0")+msgLine("no", "1", "1")+msgLine("no", "1", "4"), x.got())
	denied := "-ERR 'Permissions Violation for Publish to \"no\"'\r\n"
	require.Equal(t, denied+denied, h.got())
}
