package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

func TestPublish(t *testing.T) {
	s := serve(t)
	sub, err := connect(t, s).SubscribeSync("a.>")
	require.NoError(t, err)
	for _, c := range []struct {
		stdin string
		args  []string
		want  []string // payloads
		told  string
	}{
		{"", []string{"a.x", "body"}, []string{"body"}, "published 1 to \"a.x\"\n"},
		{"piped", []string{"a.x"}, []string{"piped"}, "published 1 to \"a.x\"\n"},
		{"piped", []string{"a.x", "-"}, []string{"piped"}, "published 1 to \"a.x\"\n"},
		{"piped", []string{"a.x", ""}, []string{""}, "published 1 to \"a.x\"\n"},
		{"", []string{"a.x", "b", "--count", "3", "--sleep", "1ms"}, []string{"b", "b", "b"}, "published 3 to \"a.x\"\n"},
		{"", []string{"a.x", "{{Count}}", "--count", "2", "--templates", "-q"}, []string{"1", "2"}, ""},
		{"", []string{"a.x", "{{Count}}"}, []string{"{{Count}}"}, "published 1 to \"a.x\"\n"},
		{"one\ntwo\r\n\nfour", []string{"a.x", "--lines"}, []string{"one", "two", "", "four"}, "published 4 to \"a.x\"\n"},
	} {
		status, stdout, stderr := ask(t, c.stdin, append([]string{"pub"}, c.args...)...)
		require.Zero(t, status, stderr)
		require.Empty(t, stdout)
		require.Equal(t, c.told, stderr)
		for _, payload := range c.want {
			m, err := sub.NextMsg(lab.Patience)
			require.NoError(t, err)
			require.Equal(t, payload, string(m.Data), c.args)
		}
	}
	succeed(t, "pub", "a.{{Count}}", "b", "--templates", "--reply", "r", "-H", "Key: a value", "-H", "Key:2", "-H", "url:http://h")
	m, err := sub.NextMsg(lab.Patience)
	require.NoError(t, err)
	require.Equal(t, "a.1", m.Subject)
	require.Equal(t, "r", m.Reply)
	require.Equal(t, nats.Header{"Key": {"a value", "2"}, "url": {"http://h"}}, m.Header)
}

func TestPublishFails(t *testing.T) {
	s := serve(t, func(o *server.Options) {
		o.MaxPayload = 10
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"yes", "_INBOX.>"}},
			Subscribe: &server.SubjectPermission{Allow: []string{"yes", "_INBOX.>"}}}}}
	})
	t.Setenv("NATS_USER", "u")
	t.Setenv("NATS_PASSWORD", "p")
	for _, c := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{"", []string{"pub", "no", "x"}, `Permissions Violation for Publish to "no"`},
		{"", []string{"pub", "yes", "longer than ten"}, "maximum payload"},
		{"longer than ten", []string{"pub", "yes"}, "the input is longer than the 10 bytes that the server takes"},
		{"short\nlonger than ten\n", []string{"pub", "--lines", "yes"}, "line 2 of the input: "},
		{"", []string{"pub", "a b", "x"}, "nats: invalid subject"},
		{"", []string{"sub", "yes", "no"}, `Permissions Violation for Subscription to "no"`},
		{"", []string{"request", "no", "x"}, `Permissions Violation for Publish to "no"`},
		{"", []string{"request", "--inbox-prefix", "mine", "yes", "x"}, `Permissions Violation for Subscription to "mine.`},
		{"", []string{"request", "yes", "x"}, "no responders"},
		{"", []string{"bench", "pub", "no", "--msgs", "10", "--size", "1"}, `Permissions Violation for Publish to "no"`},
		{"", []string{"bench", "sub", "no"}, `Permissions Violation for Subscription to "no"`},
		{"", []string{"bench", "request", "yes", "--msgs", "1", "--size", "1"}, "no responders"},
		{"", []string{"bench", "pub", "yes", "--size", "11"}, "the server takes at most 10 bytes"},
		{"", []string{"reply", "yes", "--command", "there-is-no-such-program"}, "executable file not found"},
	} {
		status, _, stderr := ask(t, c.stdin, c.args...)
		require.Equal(t, 1, status, c.args)
		require.Contains(t, stderr, c.want, c.args)
		require.NotContains(t, stderr, "--help", c.args)
	}
	s.Shutdown()
	status, _, stderr := ask(t, "", "pub", "yes", "x")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "barid: cannot connect to nats://127.0.0.1:")
}

func TestSubscribe(t *testing.T) {
	s := serve(t)
	nc := connect(t, s)
	for _, c := range []struct{ flags, want string }{
		{"", "[#1] Received on \"a.b\" with reply \"r\"\nK: v\\x1b\n\nhi\x1b\n\n[#2] Received on \"c\"\n\n\n"},
		{"--raw", "hi\x1b\n\n"},
		{"--headers-only", "[#1] Received on \"a.b\" with reply \"r\"\nK: v\\x1b\n\n[#2] Received on \"c\"\n\n"},
	} {
		r := listening(t, append([]string{"sub", "a.>", "c", "--count", "2"}, strings.Fields(c.flags)...)...)
		require.NoError(t, nc.PublishMsg(&nats.Msg{Subject: "a.b", Reply: "r", Header: nats.Header{"K": {"v\x1b"}}, Data: []byte("hi\x1b")}))
		require.NoError(t, nc.Flush())
		require.Eventually(t, func() bool { return r.stdout.String() != "" }, lab.Patience, time.Millisecond)
		require.NoError(t, nc.Publish("c", nil))
		require.Zero(t, r.wait())
		require.Equal(t, c.want, r.stdout.String())
		require.Equal(t, "subscribed to a.>, c\n", r.stderr.String())
	}
	r := listening(t, "sub", "a", "--count", "1", "--timestamp")
	require.NoError(t, nc.Publish("a", nil))
	require.Zero(t, r.wait())
	require.Regexp(t, `Received on "a" at \d{4}-`, r.stdout.String())
}

func TestSubscribeAsJSON(t *testing.T) {
	s := serve(t)
	nc := connect(t, s)
	r := listening(t, "sub", "a", "--count", "3", "--json")
	require.NoError(t, nc.PublishMsg(&nats.Msg{Subject: "a", Reply: "r", Header: nats.Header{"K": {"v"}}, Data: []byte("<\"\n>")}))
	require.NoError(t, nc.Publish("a", []byte{0xff, 0}))
	require.NoError(t, nc.Publish("a", nil))
	require.Zero(t, r.wait())
	lines := strings.Split(strings.TrimSpace(r.stdout.String()), "\n")
	require.Len(t, lines, 3)
	for i, want := range []string{
		`{"seq":1,"subject":"a","reply":"r","headers":{"K":["v"]},"data":"<\"\n>"}`,
		`{"seq":2,"subject":"a","data_base64":"/wA="}`,
		`{"seq":3,"subject":"a","data":""}`,
	} {
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &got))
		require.NotEmpty(t, got["time"])
		delete(got, "time")
		text, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, want, string(text))
	}
}

// After an interrupt everything that the server had sent is printed, and the status is good.
func TestAnInterruptedSubscriptionIsDrained(t *testing.T) {
	s := serve(t)
	nc := connect(t, s)
	r := listening(t, "sub", "a", "--raw")
	const n = 5000
	for range n {
		require.NoError(t, nc.Publish("a", []byte("x")))
	}
	require.NoError(t, nc.Flush())
	r.interrupt()
	require.Zero(t, r.wait(), r.stderr.String())
	require.Equal(t, n, strings.Count(r.stdout.String(), "x\n"))
}

func TestSubscriptionsOfAQueueGroupShare(t *testing.T) {
	s := serve(t)
	nc := connect(t, s)
	one, two := listening(t, "sub", "a", "--queue", "g", "--count", "2", "--raw"), listening(t, "sub", "a", "--queue", "g", "--raw")
	for range 200 {
		require.NoError(t, nc.Publish("a", []byte("x")))
	}
	require.Zero(t, one.wait())
	require.Eventually(t, func() bool { return strings.Count(two.stdout.String(), "x\n") == 198 }, lab.Patience, time.Millisecond)
}

func TestASilentSubscriptionEnds(t *testing.T) {
	s := serve(t)
	r := listening(t, "sub", "a", "--quiet", "50ms")
	require.NoError(t, connect(t, s).Publish("a", []byte("x")))
	require.Equal(t, 1, r.wait())
	require.Contains(t, r.stderr.String(), "barid: no message for 50ms\n")
}

// A subscription outlives its server.
func TestASubscriptionComesBack(t *testing.T) {
	s := serve(t)
	r := listening(t, "sub", "a", "--count", "1", "--raw")
	port := s.Addr().String()[strings.LastIndex(s.Addr().String(), ":")+1:]
	s.Shutdown()
	require.Eventually(t, func() bool { return strings.Contains(r.stderr.String(), "barid: disconnected: ") }, lab.Patience, time.Millisecond)
	again := serve(t, func(o *server.Options) { o.Port = number16(t, port) })
	nc := connect(t, again)
	everybody, err := again.LookupAccount("$G")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return everybody.SubscriptionInterest("a") }, lab.Patience, time.Millisecond)
	require.NoError(t, nc.Publish("a", []byte("again")))
	require.Zero(t, r.wait())
	require.Equal(t, "again\n", r.stdout.String())
}

func number16(t *testing.T, text string) int {
	n, err := parseNumber(text)
	require.NoError(t, err)
	return int(n)
}

func TestRequest(t *testing.T) {
	s := serve(t)
	nc := connect(t, s)
	for range 3 {
		_, err := nc.Subscribe("svc", func(m *nats.Msg) { _ = m.Respond(append([]byte("re "), m.Data...)) })
		require.NoError(t, err)
	}
	_, err := nc.SubscribeSync("deaf")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	require.Equal(t, "re hi\n", succeed(t, "request", "--raw", "svc", "hi"))
	require.Regexp(t, `^\[#1\] Received on "_INBOX\..*" in .*s\nre hi\n\n$`, succeed(t, "request", "svc", "hi"))
	require.Regexp(t, `"data":"re hi","rtt_seconds":0\.\d+}`, succeed(t, "request", "--json", "svc", "hi"))
	require.Equal(t, "re x\nre x\nre x\n", succeed(t, "request", "--raw", "--replies", "3", "--reply-timeout", "10s", "svc", "x"))
	require.Equal(t, "re x\nre x\nre x\n", succeed(t, "request", "--raw", "--replies", "0", "svc", "x"))
	require.Contains(t, succeed(t, "request", "--inbox-prefix", "mine", "svc", "hi"), `"mine.`)
	for _, c := range []struct{ line, want string }{
		{"request nobody x", "barid: nats: no responders available for request\n"},
		{"request deaf x --timeout 50ms", "barid: no reply within 50ms\n"},
		{"request --raw svc x --replies 4 --reply-timeout 50ms", "barid: 3 of 4 replies within 50ms\n"},
	} {
		status, _, stderr := ask(t, "", strings.Fields(c.line)...)
		require.Equal(t, 1, status, c.line)
		require.Equal(t, c.want, stderr)
	}
}

func TestReply(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	s := serve(t)
	nc := connect(t, s)
	for _, c := range []struct {
		args    []string
		want    string
		failure string // told
	}{
		{[]string{"body"}, "body", ""},
		{[]string{"n{{Count}}", "--templates"}, "n1", ""},
		{[]string{"--echo"}, "ping", ""},
		{[]string{"--command", "cat"}, "ping", ""},
		{[]string{"--command", "printenv", "--arg", "BARID_SUBJECT"}, "svc\n", ""},
		{[]string{"--command", "echo", "--arg", "$HOME;ls"}, "$HOME;ls\n", ""},
		{[]string{"--command", "false"}, "", "exit status 1"},
		{[]string{"--command", "sleep", "--arg", "100", "--command-timeout", "50ms"}, "", "took longer than 50ms"},
		{[]string{"--command", "cat", "--arg", self}, "", "printed more than the 1048576 bytes"},
	} {
		r := listening(t, append([]string{"reply", "svc", "--count", "1"}, c.args...)...)
		m, err := nc.RequestMsg(&nats.Msg{Subject: "svc", Header: nats.Header{"K": {"v"}}, Data: []byte("ping")}, lab.Patience)
		require.NoError(t, err, c.args)
		require.Equal(t, c.want, string(m.Data), c.args)
		require.Zero(t, r.wait())
		require.Contains(t, r.stderr.String(), c.failure)
		require.Equal(t, c.failure != "", m.Header.Get("Nats-Service-Error") != "", c.args)
		require.Equal(t, c.args[0] == "--echo", m.Header.Get("K") == "v")
	}
	r := listening(t, "reply", "svc", "x", "-H", "A:b")
	require.NoError(t, nc.Publish("svc", nil)) // wants no answer
	m, err := nc.Request("svc", nil, lab.Patience)
	require.NoError(t, err)
	require.Equal(t, "b", m.Header.Get("A"))
	r.interrupt()
	require.Zero(t, r.wait())
	require.Contains(t, r.stderr.String(), "wants no answer")
}
