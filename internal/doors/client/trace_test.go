package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// traced turns trace lines on.
func traced(st *site, _ *Config) { st.log.tracing.Store(true) }

// trace returns the operations in the log, without what stands before them.
func (r *record) trace() (all []string) {
	for line := range strings.Lines(r.text("TRC")) {
		_, line, _ = strings.Cut(strings.TrimSuffix(line, "\n"), " - cid:")
		_, line, _ = strings.Cut(line, " - ")
		all = append(all, line)
	}
	return all
}

// The lines stand in the order in which things happen on the wire.
func TestTraceLines(t *testing.T) {
	st := build(t, traced, func(_ *site, cfg *Config) { cfg.Trace.MaxPayload = 5 })
	h := st.hand(`{"verbose":true,"pedantic":true,"headers":true}`)
	h.do("sub  a   1 \r\nSUB a q 2\r\nUNSUB 2\r\nUNSUB 1 9\r\nPING hello\r\nPONG\r\n+OK x\r\nINFO {}\r\n")
	h.do("PUB a 5\r\nhello\r\nPUB a 0\r\n\r\nhpub a r 12 18\r\nNATS/1.0\r\n\r\nhello!\r\nSUB a..b 3\r\n")
	h.got()
	require.Equal(t, []string{
		`<<- [CONNECT {"verbose":true,"pedantic":true,"headers":true}]`,
		"->> [OK]",
		"<<- [SUB a   1]", "->> [OK]",
		"<<- [SUB a q 2]", "->> [OK]",
		"<<- [UNSUB 2]", "<-> [DELSUB 2]", "->> [OK]",
		"<<- [UNSUB 1 9]", "->> [OK]",
		"<<- [PING]", "->> [PONG]",
		"<<- [PONG]",
		"<<- [OK]",
		"<<- [INFO {}]",
		"<<- [PUB a 5]", `<<- MSG_PAYLOAD: ["hello"]`, "->> [OK]",
		"<<- [PUB a 0]", "->> [MSG a 1 5]", `->> MSG_PAYLOAD: ["hello"]`, "->> [OK]",
		"<<- [HPUB a r 12 18]", `<<- MSG_PAYLOAD: ["NATS/..."]`, "->> [MSG a 1 0]", "->> [OK]",
		"<<- [SUB a..b 3]", "->> [HMSG a 1 r 12 18]", `->> MSG_PAYLOAD: ["NATS/..."]`, "->> [-ERR Invalid Subject]",
	}, st.log.trace())
}

func TestNothingIsTracedUnlessAsked(t *testing.T) {
	st := build(t)
	h := st.hand(quietly)
	h.do("SUB a 1\r\n" + pub("a", "x") + "PING\r\n")
	h.got()
	require.Empty(t, st.log.text("TRC"))
}

// Tracing changes nothing of what is delivered.
func TestTracedDeliveries(t *testing.T) {
	st := build(t, traced)
	p := st.hand(quietly)
	var xs []*hand
	for range 3 {
		x := st.hand(quietly)
		x.do("SUB a 1\r\n")
		xs = append(xs, x)
	}
	p.do(pubs("a", 5))
	for _, x := range xs {
		require.Equal(t, msgLines("a", "1", 0, 5), x.got())
	}
	require.Equal(t, 15, strings.Count(st.log.text("TRC"), "->> [MSG a 1 1]"))
}

// A log line names the connection, what the client says of itself, and who it is.
func TestNameInTheLog(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{`{}`, `pipe - cid:1`},
		{`{"name":"nm","lang":"go","version":"1.2"}`, `pipe - cid:1 - "v1.2:go:nm"`},
		{`{"name":"nm"}`, `pipe - cid:1 - "nm"`},
		{`{"name":"a\"b\nc"}`, `pipe - cid:1 - "a\"b\nc"`},
		{`{"version":"1.2","user":"alice","pass":"ecila"}`, `pipe - cid:1 - "v1.2" - "A/user:alice"`},
	} {
		st := build(t, guarded(false, func(r *account.Registry) map[string]*identity.Identity {
			return map[string]*identity.Identity{
				"":      {Account: r.Get(account.Global), Limits: account.Unlimited()},
				"alice": {Account: r.Put(account.Spec{Name: "A", Limits: account.Unlimited()}), Limits: account.Unlimited(), Label: "user:alice"},
			}
		}))
		h := st.hand("")
		require.Equal(t, "pipe - cid:1", h.String())
		h.do("CONNECT " + c.options + "\r\n")
		require.Equal(t, c.want, h.String())
		h.leave(closed.ClientClosed)
		require.Contains(t, st.log.text("DBG"), c.want+" - Client connection closed: Client Closed")
	}
}

// What must not be seen, in the tests below.
const secretText = "s3cr3t"

func TestRedact(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{`{"verbose":false,"user":"a","pass":"s3cr3t","name":"nm"}`, `{"verbose":false,"user":"a","pass":"[REDACTED]","name":"nm"}`},
		{`{"auth_token":"s3cr3t","sig":"s3cr3t","proxy_sig":"s3cr3t","nkey":"s3cr3t","jwt":"s3cr3t"}`,
			`{"auth_token":"[REDACTED]","sig":"[REDACTED]","proxy_sig":"[REDACTED]","nkey":"[REDACTED]","jwt":"[REDACTED]"}`},
		{`{"password":"s3cr3t","passwd":"s3cr3t","auth_token2":"s3cr3t"}`, `{"password":"[REDACTED]","passwd":"[REDACTED]","auth_token2":"[REDACTED]"}`},
		{`{}`, `{}`},
		{` { "user" : "a" , "pass" : "s3cr3t" , "echo" : true } `, ` { "user" : "a" , "pass" : "[REDACTED]" , "echo" : true } `},
		{"{\"pass\"\t:\t\"s3cr3t\"}", "{\"pass\"\t:\t\"[REDACTED]\"}"},
		{`{"pass":""}`, `{"pass":"[REDACTED]"}`},
		{`{"name":"<a>\u003cb","x":null,"n":-1.5e3}`, `{"name":"<a>\u003cb","x":null,"n":-1.5e3}`},

		// Values that are no plain strings.
		{`{"pass":"a\"s3cr3t","user":"u"}`, `{"pass":"[REDACTED]","user":"u"}`},
		{`{"pass":"\\","user":"u"}`, `{"pass":"[REDACTED]","user":"u"}`},
		{`{"pass":"\\\"s3cr3t\\","user":"u"}`, `{"pass":"[REDACTED]","user":"u"}`},
		{`{"pass":5333,"user":"u"}`, `{"pass":"[REDACTED]","user":"u"}`},
		{`{"pass":true}`, `{"pass":"[REDACTED]"}`},
		{`{"pass":null}`, `{"pass":"[REDACTED]"}`},
		{`{"pass":["s3cr3t"],"user":"u"}`, `{"pass":"[REDACTED]","user":"u"}`},
		{`{"pass":{"x":"s3cr3t"},"user":"u"}`, `{"pass":"[REDACTED]","user":"u"}`},
		{`{"pass":"s\u0033cr3t"}`, `{"pass":"[REDACTED]"}`},

		// Names in disguise, which the decoder takes for the same.
		{`{"PASS":"s3cr3t","Auth_Token":"s3cr3t"}`, `{"PASS":"[REDACTED]","Auth_Token":"[REDACTED]"}`},
		{`{"p\u0061ss":"s3cr3t"}`, `{"p\u0061ss":"[REDACTED]"}`},
		{`{"\u0070\u0061\u0073\u0073":"s3cr3t"}`, `{"\u0070\u0061\u0073\u0073":"[REDACTED]"}`},
		{`{"paſs":"s3cr3t","ſig":"s3cr3t","nKey":"s3cr3t"}`, `{"paſs":"[REDACTED]","ſig":"[REDACTED]","nKey":"[REDACTED]"}`},
		{`{"pass":"s3cr3t","pass":"s3cr3t"}`, `{"pass":"[REDACTED]","pass":"[REDACTED]"}`},
		{`{"pass\u0000":"s3cr3t"}`, `{"pass\u0000":"[REDACTED]"}`},
		{`{"pass\nx":"s3cr3t"}`, `{"pass\nx":"[REDACTED]"}`},

		// What is nested may be anything.
		{`{"import":{"pass":"s3cr3t"},"user":"u"}`, `{"import":"[REDACTED]","user":"u"}`},
		{`{"export":[{"pass":"s3cr3t"}],"user":"u"}`, `{"export":"[REDACTED]","user":"u"}`},

		// What is no JSON is cut off where it ceases to be.
		{`{"user":"u","pass":"s3cr3t`, `{"user":"u"[REDACTED]`},
		{`{"user":"u","pass":"s3cr3t"`, `{"user":"u","pass":"[REDACTED]"[REDACTED]`},
		{`{"user":"u","pass":s3cr3t}`, `{"user":"u"[REDACTED]`},
		{`{"user":"u","pass":'s3cr3t'}`, `{"user":"u"[REDACTED]`},
		{`{"user":"u","pass" "s3cr3t"}`, `{"user":"u"[REDACTED]`},
		{`{"user":"u" "pass":"s3cr3t"}`, `{"user":"u"[REDACTED]`},
		{`{"user":"u"},"pass":"s3cr3t"}`, `{"user":"u"}[REDACTED]`},
		{`{"user":"u"}{"pass":"s3cr3t"}`, `{"user":"u"}[REDACTED]`},
		{`{pass:"s3cr3t"}`, `{[REDACTED]`},
		{`{"user":"u",}`, `{"user":"u"[REDACTED]`},
		{`{"p\qass":"s3cr3t"}`, `{[REDACTED]`},
		{`["pass","s3cr3t"]`, `[REDACTED]`},
		{`"s3cr3t"`, `[REDACTED]`},
		{`s3cr3t`, `[REDACTED]`},
		{`:s3cr3t`, `[REDACTED]`},
		{`{`, `{[REDACTED]`},
		{``, ``},
	} {
		got := string(proto.Redact([]byte(c.args)))
		require.Equal(t, c.want, got, c.args)
		require.NotContains(t, got, secretText)
	}
}

// The same by way of the log, where it counts. Most of these end the connection.
func TestSecretsAreNotTraced(t *testing.T) {
	for _, args := range []string{
		`{"pass":"s3cr3t"}`, `{"p\u0061ss" : "s3cr3t"}`, `{"pass":["s3cr3t"]}`, `{"pass":"s3cr3t`, ` pass=s3cr3t`,
	} {
		st := build(t, traced)
		h := st.hand("")
		_, _, _ = h.Read([]byte("CONNECT "+args+"\r\n"), h.conn.Started())
		require.Contains(t, st.log.text("TRC"), "<<- [CONNECT ")
		require.NotContains(t, st.log.text(), secretText, args)
	}
}

// Nothing that the decoder takes for a secret may be left, however it is written.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{
		`{"user":"u","pass":"s3cr3t"}`, `{"p\u0061ss":"s3cr3t"}`, `{"pass":"a\"s3cr3t\\"}`, `{"PASS":"s3cr3t","pass":{}}`,
		`{"pass":"s3cr3t"}x`, `{"x":{"pass":"s3cr3t"}}`, `{"sig":"` + strings.Repeat("s3cr3t", 9) + `","a":1e5}`, "{\"\xff\":\"s3cr3t\",\"nkey\":\"s3cr3t\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		got := proto.Redact(args)
		var o struct {
			Pass     any `json:"pass"`
			Token    any `json:"auth_token"`
			Sig      any `json:"sig"`
			ProxySig any `json:"proxy_sig"`
			NKey     any `json:"nkey"`
		}
		if json.Unmarshal(args, &o) != nil {
			return
		}
		// What is valid stays valid, and its secrets are gone: it says of them what Redact has put there.
		var seen = o
		require.NoError(t, json.Unmarshal(got, &seen), "%q gave %q", args, got)
		for i, pair := range [][2]any{{o.Pass, seen.Pass}, {o.Token, seen.Token}, {o.Sig, seen.Sig}, {o.ProxySig, seen.ProxySig}, {o.NKey, seen.NKey}} {
			if pair[0] != nil {
				require.Equal(t, "[REDACTED]", fmt.Sprint(pair[1]), "%d of %q gave %q", i, args, got)
			}
		}
	})
}

// What a peer can make up does not fill the log.
func TestErrorLinesAreBounded(t *testing.T) {
	st := build(t)
	h := st.hand(`{"verbose":false,"pedantic":false,"name":"` + strings.Repeat("n", 3000) + `"}`)
	h.errorf("%s", strings.Repeat("x", 100_000))
	line := st.log.text("ERR")
	require.Less(t, len(line), mostLogged+2*mostRemembered)
	require.Contains(t, line, "xxx...\n")
}

// Of what is no command the log shows the first word and no more, as a secret may follow.
func TestWhatIsNoCommandIsLogged(t *testing.T) {
	for said, want := range map[string]string{
		"foo bar\r\n":                            `i=0: proto='"foo"...'`,
		"PING\r\nCONECT{\"pass\":\"x\"}\r\n":     `i=6: proto='"CONECT"...'`,
		"\x16\x03\x01" + strings.Repeat("y", 40): `i=0: proto='"\x16\x03\x01yyyyyyyyyyyyy"...'`,
	} {
		st := build(t)
		h := st.hand("")
		h.fail(said, closed.ProtocolViolation)
		require.Contains(t, st.log.text("ERR"), "Client parser ERROR, state=0, "+want+"\n")
	}
}
