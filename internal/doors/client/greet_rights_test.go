package client

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
)

// answering may answer what it is sent, so often and so long, and publish nothing else.
func answering(times int, expires time.Duration) func(*site, *Config) {
	return restricted(perm.Rules{
		Publish:   perm.List{Allow: []string{"log"}},
		Responses: &perm.Responses{Max: times, Expires: expires},
	})
}

func noPub(subject string) string {
	return fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'\r\n", subject)
}

// request publishes a message to subject that asks for an answer at reply.
func (h *hand) request(subject, reply string) { h.do("PUB " + subject + " " + reply + " 0\r\n\r\n") }

// Whoever is asked may answer, exactly there and so often; what he may publish anyway is not counted.
func TestAnswersAreAllowed(t *testing.T) {
	for _, c := range []struct{ max, allowed int }{{1, 1}, {0, 1}, {3, 3}, {-1, 10}} {
		t.Run(fmt.Sprint(c.max), func(t *testing.T) {
			st := build(t, answering(c.max, 0))
			alice, bob := st.hand(as("alice")), st.hand(as("bob"))
			alice.do("SUB q 1\r\n")
			bob.do("SUB r.> 1\r\nSUB log 2\r\n")
			alice.do(pub("r.1", "early"))
			require.Equal(t, noPub("r.1"), alice.got(), "nobody has asked")
			bob.request("q", "r.1")
			bob.request("q", "log")
			require.Equal(t, "MSG q 1 r.1 0\r\n\r\nMSG q 1 log 0\r\n\r\n", alice.got())
			alice.do(pubs("log", 5))
			require.Equal(t, msgLines("log", "2", 0, 5), bob.got())
			alice.do(pubs("r.1", c.allowed) + pub("r.2", "x"))
			require.Equal(t, noPub("r.2"), alice.got())
			require.Equal(t, msgLines("r.1", "1", 0, c.allowed), bob.got())
			if c.max >= 0 {
				alice.do(pub("r.1", "one more") + pub("r.1", "two more"))
				require.Equal(t, noPub("r.1")+noPub("r.1"), alice.got())
				require.Empty(t, bob.got())
				bob.request("q", "r.1")
				alice.got()
				alice.do(pub("r.1", "again"))
				require.Equal(t, msgLine("r.1", "1", "again"), bob.got(), "a new request counts anew")
			}
		})
	}
}

// Each of several requests may be answered, in any order and in one piece.
func TestAnswersInOnePiece(t *testing.T) {
	st := build(t, answering(1, 0))
	alice, bob := st.hand(as("alice")), st.hand(as("bob"))
	alice.do("SUB q 1\r\n")
	bob.do("SUB r.* 1\r\n")
	for i := range 4 {
		bob.request("q", fmt.Sprint("r.", i))
	}
	alice.got()
	alice.do(pub("r.3", "a") + pub("r.3", "b") + pub("r.0", "c") + pub("r.2", "d") + pub("r.0", "e"))
	require.Equal(t, noPub("r.3")+noPub("r.0"), alice.got())
	require.Equal(t, msgLine("r.3", "1", "a")+msgLine("r.0", "1", "c")+msgLine("r.2", "1", "d"), bob.got())
}

// A right to answer ends with its time, not before.
func TestAnswersExpire(t *testing.T) {
	for _, c := range []struct {
		expires, after time.Duration
		fine           bool
	}{
		{time.Minute, time.Minute - time.Millisecond, true},
		{time.Minute, time.Minute + time.Millisecond, false},
		{0, 2*time.Minute - time.Millisecond, true}, // the default
		{0, 2*time.Minute + time.Millisecond, false},
		{-1, 1000 * time.Hour, true},
	} {
		bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
			st := build(answering(-1, c.expires), func(_ *site, cfg *Config) { cfg.Pings.Interval = 1 << 60 })
			alice, bob := st.client(as("alice")), st.client(as("bob"))
			alice.say("SUB q 1\r\nPING\r\n")
			alice.expect("PONG\r\n")
			bob.say("SUB r 1\r\nPUB q r 0\r\n\r\n")
			alice.expect("MSG q 1 r 0\r\n\r\n")
			time.Sleep(c.after)
			alice.say(pub("r", "answer") + "PING\r\n")
			if c.fine {
				alice.expect("PONG\r\n")
				bob.expect(msgLine("r", "1", "answer"))
			} else {
				alice.expect(noPub("r") + "PONG\r\n")
			}
		})
	}
}

// A second CONNECT begins anew: what was asked before it may not be answered.
func TestAnswersEndWithASecondConnect(t *testing.T) {
	st := build(t, answering(-1, -1))
	alice, bob := st.hand(as("alice")), st.hand(as("bob"))
	alice.do("SUB q 1\r\n")
	bob.do("SUB r 1\r\n")
	bob.request("q", "r")
	alice.got()
	alice.do(pub("r", "1") + "CONNECT " + as("alice") + "\r\n" + pub("r", "2"))
	require.Equal(t, noPub("r"), alice.got())
	require.Equal(t, msgLine("r", "1", "1"), bob.got())
	alice.do("SUB q 1\r\n")
	bob.request("q", "r")
	alice.got()
	alice.do(pub("r", "3"))
	require.Equal(t, msgLine("r", "1", "3"), bob.got())
}

// Without a list of what may be published the right to answer is the only one.
func TestAnswersAloneAllowNothingElse(t *testing.T) {
	st := build(t, restricted(perm.Rules{Responses: &perm.Responses{}}))
	alice := st.hand(as("alice"))
	alice.do(pub("a", "x"))
	require.Equal(t, noPub("a"), alice.got())
}

// What is denied may be answered all the same, for it was asked for; what is reserved may not.
func TestAnswersAndDenials(t *testing.T) {
	st := build(t, restricted(perm.Rules{
		Publish: perm.List{Allow: []string{">"}, Deny: []string{"r.>"}}, Responses: &perm.Responses{},
	}))
	alice, bob := st.hand(as("alice")), st.hand(as("bob"))
	alice.do("SUB q 1\r\n")
	bob.do("SUB r.> 1\r\n")
	bob.request("q", "r.1")
	alice.got()
	alice.do(pub("r.1", "x") + pub("r.1", "y"))
	require.Equal(t, noPub("r.1"), alice.got())
	require.Equal(t, msgLine("r.1", "1", "x"), bob.got())
}

// A trace of headers shows no payload.
func TestTraceHeaders(t *testing.T) {
	hpub := "HPUB a 21 26\r\nNATS/1.0\r\nKey: vv\r\n\r\n" + secretText[:5] + "\r\n"
	for _, max := range []int{0, 10} {
		st := build(t, traced, func(_ *site, cfg *Config) { cfg.Trace.Headers, cfg.Trace.MaxPayload = true, max })
		h := st.hand(`{"verbose":false,"pedantic":false,"headers":true}`)
		x := st.hand(quietly)
		h.do("SUB a 1\r\nPUB a 5\r\n" + secretText[:5] + "\r\n")
		x.do("SUB a 9\r\n")
		h.do(hpub)
		h.got()
		x.got()
		require.NotContains(t, st.log.text(), secretText[:5])
		shown := `"NATS/1.0\r\nKey: vv"`
		if max > 0 {
			shown = `"NATS/1.0\r\n..."`
		}
		all := st.log.trace()
		require.Contains(t, all, "<<- [PUB a 5]")
		require.Contains(t, all, "->> [MSG a 1 5]")
		require.Contains(t, all, "<<- [HPUB a 21 26]")
		require.Contains(t, all, "->> [HMSG a 1 21 26]")
		require.Contains(t, all, "->> [MSG a 9 5]", "who wants no headers gets none")
		require.Contains(t, all, "<<- MSG_PAYLOAD: ["+shown+"]")
		require.Contains(t, all, "->> MSG_PAYLOAD: ["+shown+"]")
	}
}

// The server's own account is traced only if asked for, the others beside it always.
func TestTraceSystem(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		st := build(t, traced, guarded(true, func(r *account.Registry) map[string]*identity.Identity {
			sys := r.Put(account.Spec{Name: "$SYS", Limits: account.Unlimited()})
			return map[string]*identity.Identity{
				"sys":   {Account: sys, Limits: account.Unlimited()},
				"alice": {Account: r.Get(account.Global), Limits: account.Unlimited()},
			}
		}), func(_ *site, cfg *Config) { cfg.System, cfg.Trace.System = "$SYS", wanted })
		sys, alice := st.hand(as("sys")), st.hand(as("alice"))
		sys.do("SUB of.system 1\r\n" + pub("of.system", "system") + "UNSUB 1\r\n")
		alice.do("SUB of.others 1\r\n" + pub("of.others", "others"))
		require.Equal(t, msgLine("of.system", "1", "system"), sys.got())
		require.Equal(t, msgLine("of.others", "1", "others"), alice.got())
		text := st.log.text("TRC")
		require.Contains(t, text, "<<- [CONNECT", "who it will be is not known yet")
		require.Contains(t, text, "->> [MSG of.others 1 6]")
		for _, of := range []string{"[SUB of.system 1]", "<<- [PUB of.system 6]", "->> [MSG of.system 1 6]", "MSG_PAYLOAD: [\"system\"]", "[DELSUB 1]"} {
			if wanted {
				require.Contains(t, text, of)
			} else {
				require.NotContains(t, text, of)
			}
		}
	}
}

// INFO tells who enters the system account that it is that.
func TestInfoOfTheSystemAccount(t *testing.T) {
	st := build(t, func(st *site, cfg *Config) {
		cfg.System = account.Global // whatever it is called
	})
	h := st.hand(`{"verbose":false,"pedantic":false,"protocol":1}`)
	h.do("PING\r\n")
	require.Contains(t, h.got(), `"connect_info":true,"remote_account":"$G","acc_is_sys":true`)
}
