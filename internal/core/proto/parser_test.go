package proto

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/msg"
)

func newParser() *Parser { return &Parser{MaxLine: 64, MaxPayload: 100, Headers: true} }

// parse returns what p makes of input, one line for each command.
func parse(p *Parser, input []byte) (lines []string, rest int, err error) {
	p.Begin()
	var c Command
	for pos := 0; ; {
		next, err := p.Next(input, pos, &c)
		if err != nil || c.Verb == None {
			return lines, len(input) - next, err
		}
		lines = append(lines, tell(&c, input))
		pos = next
	}
}

func tell(c *Command, buf []byte) string {
	if c.Verb != Pub {
		return fmt.Sprintf("%d %s", c.Verb, c.Args.Of(buf))
	}
	m := &c.Msg
	return fmt.Sprintf("pub %s|%s|%d|%s", m.Subject.Of(buf), m.Reply.Of(buf), m.Header, m.Data.Of(buf))
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"PUB foo 5\r\nhello\r\n", "pub foo||0|hello"},
		{"pUb\t foo \t bar  5 \nhello\r\n", "pub foo|bar|0|hello"},
		{"PUB foo 000000002\r\nhi\r\n", "pub foo||0|hi"},
		{"PUB foo 0\r\n\r\n", "pub foo||0|"},
		{"HPUB foo 4 6\r\nhhhhhi\r\n", "pub foo||4|hhhhhi"},
		{"hpub foo re 0 2\r\nhi\r\n", "pub foo|re|0|hi"},
		{"SUB foo q 1\r\n", fmt.Sprintf("%d foo q 1", Sub)},
		{"unsub\t1 5\n", fmt.Sprintf("%d 1 5", Unsub)},
		{"PING\r\n", fmt.Sprintf("%d ", Ping)},
		{"PING hello\r\n", fmt.Sprintf("%d ", Ping)},
		{"PONG\n", fmt.Sprintf("%d ", Pong)},
		{"CONNECT{}\r\n", fmt.Sprintf("%d {}", Connect)},
		{"CONNECT  {} \r\n", fmt.Sprintf("%d {}", Connect)},
		{"INFO {}\r\n", fmt.Sprintf("%d {}", Info)},
		{"+OK\r\n", fmt.Sprintf("%d ", OK)},
		{"-ERR 'x'\r\n", fmt.Sprintf("%d 'x'", Err)},
	} {
		lines, rest, err := parse(newParser(), []byte(test.in))
		require.NoError(t, err, test.in)
		require.Equal(t, []string{test.want}, lines, test.in)
		require.Zero(t, rest, test.in)
	}
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("a", 65)
	for _, test := range []struct {
		in     string
		text   string
		reason closed.Reason
	}{
		{"\r\n", textUnknown, closed.ProtocolViolation},
		{"\n", textUnknown, closed.ProtocolViolation},
		{"X", textUnknown, closed.ProtocolViolation},
		{"PUX", textUnknown, closed.ProtocolViolation},
		{"PUB\r\n", textUnknown, closed.ProtocolViolation},
		{"PIN\r\n", textUnknown, closed.ProtocolViolation},
		{"MSG a 1 0\r\n\r\n", textUnknown, closed.ProtocolViolation},
		{"GET / HTTP/1.1\r\n", textUnknown, closed.ProtocolViolation},
		{"PUB foo 2\r\nhi\n", textUnknown, closed.ProtocolViolation},
		{"PUB foo 2\r\nhiX", textUnknown, closed.ProtocolViolation},
		{"PUB foo 2\r\nhi\rX", textUnknown, closed.ProtocolViolation},
		{"PUB foo\r\n", "", closed.ProtocolViolation},
		{"PUB  \r\n", "", closed.ProtocolViolation},
		{"PUB a b c 1\r\n", "", closed.ProtocolViolation},
		{"PUB foo -1\r\n", "", closed.ProtocolViolation},
		{"PUB foo +1\r\n", "", closed.ProtocolViolation},
		{"PUB foo 0000000002\r\nhi\r\n", "", closed.ProtocolViolation},
		{"PUB foo 1x\r\n", "", closed.ProtocolViolation},
		{"PUB fo\ro 2\r\nhi\r\n", "", closed.ProtocolViolation},
		{"PUB foo re\rply 2\r\nhi\r\n", "", closed.ProtocolViolation},
		{"PUB foo 2\r\r\nhi\r\n", "", closed.ProtocolViolation},
		{"SUB " + strings.Repeat(" ", 130), textMaxLine, closed.MaxControlLine},
		{"HPUB foo 3 2\r\n", "", closed.ProtocolViolation},
		{"HPUB foo 2\r\n", "", closed.ProtocolViolation},
		{"PUB foo 101\r\n", textMaxPayload, closed.MaxPayload},
		{"PUB foo 999999999\r\n", textMaxPayload, closed.MaxPayload},
		{"SUB " + long + "\r\n", textMaxLine, closed.MaxControlLine},
		{"PUB " + long + " x", textMaxLine, closed.MaxControlLine},
	} {
		_, _, err := parse(newParser(), []byte(test.in))
		var e *Error
		require.ErrorAs(t, err, &e, test.in)
		require.Equal(t, test.text, e.Text, test.in)
		require.Equal(t, test.reason, e.Reason, test.in)
	}
	p := newParser()
	p.Headers = false
	_, _, err := parse(p, []byte("HPUB a 0 0\r\n\r\n"))
	require.ErrorIs(t, err, ErrArguments)
}

func TestALineOfTheLimitPasses(t *testing.T) {
	line := "SUB   " + strings.Repeat("a", 62) + " 1  \r\n"
	lines, _, err := parse(newParser(), []byte(line))
	require.NoError(t, err)
	require.Len(t, lines, 1)
}

func TestIgnoredTextIsNotKept(t *testing.T) {
	p := newParser()
	var c Command
	for _, part := range []string{"PING ", strings.Repeat("x", 1000), "PUB foo", "\r"} {
		next, err := p.Next([]byte(part), 0, &c)
		require.NoError(t, err)
		require.Equal(t, None, c.Verb)
		require.Equal(t, len(part), next)
	}
	next, err := p.Next([]byte("\nPONG\r\n"), 0, &c)
	require.NoError(t, err)
	require.Equal(t, Ping, c.Verb)
	require.Equal(t, 1, next)
}

func TestNoPayloadLimit(t *testing.T) {
	p := newParser()
	p.MaxPayload = -1
	var c Command
	in := []byte("PUB foo 999999999\r\nabc")
	_, err := p.Next(in, 0, &c)
	require.NoError(t, err)
	require.Equal(t, None, c.Verb)
	require.Equal(t, len("PUB foo 999999999\r\n")+999999999+2, c.Need)
}

func TestSame(t *testing.T) {
	in := []byte("PUB foo re 2\r\nab\r\nPUB foo re 2\r\ncd\r\nPING\r\nPUB foo re 2\r\nef\r\nPUB foo re 1\r\ng\r\n")
	p := newParser()
	var c Command
	var same []bool
	for pos := 0; pos < len(in); {
		next, err := p.Next(in, pos, &c)
		require.NoError(t, err)
		if c.Verb == Pub {
			same = append(same, c.Msg.Same)
			require.Equal(t, "foo", string(c.Msg.Subject.Of(in)))
			require.Equal(t, "re", string(c.Msg.Reply.Of(in)))
		}
		pos = next
	}
	require.Equal(t, []bool{false, true, true, false}, same)
}

// conversation holds each kind of command, so that every way to cut it is a corner case.
const conversation = "CONNECT {\"verbose\":false}\r\nPING\r\nSUB foo.* 1\r\nPUB foo.a 5\r\nhello\r\nPUB foo.a 5\r\nworld\r\n" +
	"HPUB foo.b re 12 14\r\nNATS/1.0\r\n\r\nhi\r\nUNSUB 1\r\nPONG\r\n+OK\r\nPUB x 0\r\n\r\n"

// However the bytes are cut into reads, the same commands come out.
func TestCutAnywhere(t *testing.T) {
	want, rest, err := parse(newParser(), []byte(conversation))
	require.NoError(t, err)
	require.Zero(t, rest)
	for cut := range len(conversation) {
		var got []string
		p := newParser()
		held := []byte(conversation[:cut])
		lines, rest, err := parse(p, held)
		require.NoError(t, err, "cut at %d", cut)
		got = append(got, lines...)
		held = append(held[len(held)-rest:], conversation[cut:]...)
		lines, _, err = parse(p, held)
		require.NoError(t, err, "cut at %d", cut)
		require.Equal(t, want, append(got, lines...), "cut at %d", cut)
	}
}

// FuzzParse: no panic, spans within the buffer, and the same answer however the input is cut.
func FuzzParse(f *testing.F) {
	f.Add([]byte(conversation), 7)
	f.Add([]byte("PUB a 1\r\nx\r\nPUB a 1\r\nx\rPUB"), 12)
	f.Add([]byte("pub  a\tb 3 \nabc\r\nunsub 1 \r\r\n"), 3)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		whole, rest, err := parse(newParser(), in)
		if cut < 0 || cut > len(in) {
			return
		}
		p := newParser()
		first, left, firstErr := parse(p, in[:cut])
		if firstErr != nil {
			require.Error(t, err, "an error in a part is one in the whole")
			require.Equal(t, whole[:len(first)], first)
			return
		}
		again := append(bytes.Clone(in[cut-left:cut]), in[cut:]...)
		second, secondRest, secondErr := parse(p, again)
		require.Equal(t, whole, append(first, second...))
		require.Equal(t, rest, secondRest)
		var a, b *Error
		require.Equal(t, errors.As(err, &a), errors.As(secondErr, &b))
		if a != nil {
			require.Equal(t, a.Reason, b.Reason)
		}
	})
}

func FuzzConnect(f *testing.F) {
	f.Add([]byte(`{"verbose":false,"user":"a","protocol":1}`))
	f.Add([]byte(`{"verbose":1}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		o := DefaultClientOptions()
		merged, err := o.Merge(in)
		require.Equal(t, DefaultClientOptions(), o)
		if err != nil {
			require.ErrorIs(t, err, ErrArguments)
			require.Nil(t, merged)
			return
		}
		again, err := merged.Merge([]byte("{}"))
		require.NoError(t, err)
		require.Equal(t, merged, again)
	})
}

func TestMerge(t *testing.T) {
	o := DefaultClientOptions()
	first, err := o.Merge([]byte(`{"verbose":false,"name":"a","unknown":{"x":1}}`))
	require.NoError(t, err)
	require.False(t, first.Verbose)
	require.True(t, first.Pedantic)
	second, err := first.Merge([]byte(`{"pedantic":false}`))
	require.NoError(t, err)
	require.Equal(t, []any{false, false, true, "a"}, []any{second.Verbose, second.Pedantic, second.Echo, second.Name})
	for _, bad := range []string{``, `{`, `[]`, `{"verbose":"yes"}`, `{"name":1}`, `{} {}`} {
		_, err := o.Merge([]byte(bad))
		require.ErrorIs(t, err, ErrArguments, bad)
	}
}

func TestInfoLine(t *testing.T) {
	l := NewInfoLine(&ServerInfo{ID: "N1", Name: "a<b", Version: "2.12.0", Proto: 1, Go: "go1", Host: "::", Port: 4222, Headers: true, Rest: ServerInfoRest{APILevel: 2, XKey: "X1"}})
	require.Equal(t, `INFO {"server_id":"N1","server_name":"a\u003cb","version":"2.12.0","proto":1,"go":"go1","host":"::","port":4222,`+
		`"headers":true,"max_payload":-1,"client_id":7,"client_ip":"127.0.0.1","api_lvl":2,"xkey":"X1"} `+"\r\n",
		string(l.Append(nil, &ConnInfo{MaxPayload: -1, ClientID: 7, ClientIP: "127.0.0.1"})))
	require.Contains(t, string(l.Append(nil, &ConnInfo{Account: `a"b`})), `"connect_info":true,"remote_account":"a\"b","api_lvl"`)
}

func TestAppendRun(t *testing.T) {
	in := []byte("PUB foo re 2\r\nab\r\nPUB foo re 2\r\ncd\r\nHPUB bar 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPUB bar 0\r\n\r\n")
	var b msg.Batch
	b.Reset(1, in)
	p := newParser()
	var c Command
	for pos := 0; pos < len(in); {
		next, err := p.Next(in, pos, &c)
		require.NoError(t, err)
		b.Msgs = append(b.Msgs, c.Msg)
		pos = next
	}
	all := msg.Run{From: 0, To: 4}
	out, n := AppendRun(nil, &b, all, []byte("9"), true)
	require.Equal(t, "MSG foo 9 re 2\r\nab\r\nMSG foo 9 re 2\r\ncd\r\nHMSG bar 9 12 14\r\nNATS/1.0\r\n\r\nhi\r\nMSG bar 9 0\r\n\r\n", string(out))
	require.Equal(t, 2+2+14, n)
	out, n = AppendRun([]byte("x"), &b, msg.Run{From: 1, To: 3}, []byte("s"), false)
	require.Equal(t, "xMSG foo s re 2\r\ncd\r\nMSG bar s 2\r\nhi\r\n", string(out))
	require.Equal(t, 2+2, n)
}

func TestAppendNoResponders(t *testing.T) {
	require.Equal(t, "HMSG _INBOX.1 9 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n",
		string(AppendNoResponders(nil, []byte("_INBOX.1"), []byte("9"), []byte("nobody"))))
}

func benchmarkParse(b *testing.B, command func(i int) string) {
	var in []byte
	n := 0
	for ; len(in) < 256<<10; n++ {
		in = append(in, command(n)...)
	}
	p := &Parser{MaxLine: 4096, MaxPayload: 1 << 20, Headers: true}
	var c Command
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		p.Begin()
		for pos := 0; pos < len(in); {
			pos, _ = p.Next(in, pos, &c)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/command")
}

func BenchmarkParse(b *testing.B) {
	payload := strings.Repeat("x", 16)
	b.Run("pub same", func(b *testing.B) {
		benchmarkParse(b, func(int) string { return "PUB orders.created 16\r\n" + payload + "\r\n" })
	})
	b.Run("pub changing", func(b *testing.B) {
		benchmarkParse(b, func(i int) string { return fmt.Sprintf("PUB orders.%d 16\r\n%s\r\n", i, payload) })
	})
	b.Run("hpub reply", func(b *testing.B) {
		benchmarkParse(b, func(i int) string { return fmt.Sprintf("HPUB orders.%d _INBOX.x 4 16\r\n%s\r\n", i, payload) })
	})
	b.Run("sub", func(b *testing.B) {
		benchmarkParse(b, func(i int) string { return fmt.Sprintf("SUB orders.%d %d\r\n", i, i) })
	})
}

// CONNECT may have a bound of its own, which is that of no other line.
func TestALongConnect(t *testing.T) {
	p := newParser()
	p.MaxConnect = 200
	for _, size := range []int{65, 200, 201} {
		line := "CONNECT " + strings.Repeat("x", size)
		_, _, err := parse(p, []byte(line+"\r\n"))
		_, _, partly := parse(p, []byte(line+"xx"))
		if size > 200 {
			require.ErrorIs(t, err, errControlLine)
			require.ErrorIs(t, partly, errControlLine, "nothing is kept for it")
			continue
		}
		require.NoError(t, err)
		_, _, err = parse(p, []byte(line))
		require.NoError(t, err)
	}
	for _, verb := range []string{"SUB ", "INFO ", "PUB "} {
		_, _, err := parse(p, []byte(verb+strings.Repeat("x", 65)+"\r\n"))
		require.ErrorIs(t, err, errControlLine, verb)
	}
}
