package test_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// as connects as the user of an account, which has the account's name.
func (f *filed) as(user string) *nats.Conn {
	nc, _ := f.client(nats.UserInfo(user, user))
	return nc
}

const threeAccounts = `
accounts {
  A { users [{user: a, password: a}]
      exports [
        {stream: "pub.>"}
        {stream: "own.*.>", accounts: [B]}
        {service: "add.*"}
        {service: "many", response: stream, threshold: "2s"}
      ]
      mappings { "old.*": "new.$1" } }
  B { users [{user: b, password: b}]
      imports [
        {stream: {account: A, subject: "pub.>"}, prefix: "from.a"}
        {stream: {account: A, subject: "own.*.>"}, to: "mine.$1.>"}
        {service: {account: A, subject: "add.*"}, to: "math.$1.add"}
        {service: {account: A, subject: "many"}}
      ]
      exports [{service: "math.*.add"}, {stream: "from.a.>"}] }
  C { users [{user: c, password: c}]
      imports [
        {service: {account: B, subject: "math.*.add"}, to: "sum.$1", share: true}
        {stream: {account: B, subject: "from.a.>"}}
      ] }
}
`

func TestStreamsCrossAccounts(t *testing.T) {
	t.Parallel()
	f := fromFile(t, threeAccounts)
	a, b, c := f.as("a"), f.as("b"), f.as("c")
	got := make(chan string, 10)
	note := func(m *nats.Msg) { got <- m.Sub.Subject + " " + m.Subject + " " + string(m.Data) }
	subscribe(t, b, "from.a.pub.*", "", note)
	subscribe(t, b, "mine.x.>", "q", note)
	subscribe(t, c, "from.>", "", note)
	subscribe(t, c, "pub.>", "", note) // nobody may give it that
	next := func() string {
		select {
		case s := <-got:
			return s
		case <-time.After(soon):
			require.Fail(t, "nothing came")
		}
		return ""
	}
	require.NoError(t, a.Publish("pub.1", []byte("one")))
	require.ElementsMatch(t, []string{"from.a.pub.* from.a.pub.1 one", "from.> from.a.pub.1 one"}, []string{next(), next()})
	require.NoError(t, a.Publish("own.x.y.z", []byte("two")))
	require.Equal(t, "mine.x.> mine.x.y.z two", next())
	require.NoError(t, b.Publish("from.a.pub.2", nil)) // B's own, which reaches B and, by its export, C
	require.ElementsMatch(t, []string{"from.a.pub.* from.a.pub.2 ", "from.> from.a.pub.2 "}, []string{next(), next()})
	require.NoError(t, a.Flush())
	require.NoError(t, c.Flush())
	require.Empty(t, got)
}

func TestServicesCrossAccounts(t *testing.T) {
	t.Parallel()
	f := fromFile(t, threeAccounts)
	a, b, c := f.as("a"), f.as("b"), f.as("c")
	_, err := b.Request("math.1.add", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders, "nobody listens in the other account")
	_, err = c.Request("sum.1", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders, "nor behind two borders")

	infos := make(chan string, 10)
	subscribe(t, a, "add.*", "workers", func(m *nats.Msg) {
		infos <- m.Header.Get("Nats-Request-Info")
		_ = m.Respond([]byte(m.Subject + "=" + string(m.Data)))
		_ = m.Respond([]byte("a second one"))
	})
	reply, err := b.Request("math.7.add", []byte("x"), soon)
	require.NoError(t, err)
	require.Equal(t, "add.7=x", string(reply.Data))
	var info map[string]any
	require.NoError(t, json.Unmarshal([]byte(<-infos), &info))
	require.Equal(t, "B", info["acc"])
	require.Positive(t, info["rtt"], "from the first request on")
	require.NotContains(t, info, "user")

	reply, err = c.Request("sum.9", []byte("y"), soon)
	require.NoError(t, err)
	require.Equal(t, "add.9=y", string(reply.Data))
	info = nil
	require.NoError(t, json.Unmarshal([]byte(<-infos), &info))
	require.Equal(t, "C", info["acc"])
	require.Equal(t, "B", info["svc"])
	require.Equal(t, "c", info["user"], "it shares who asks")

	subscribe(t, a, "many", "", func(m *nats.Msg) {
		for _, part := range []string{"1", "2", "3", ""} {
			_ = m.Respond([]byte(part))
		}
	})
	inbox := nats.NewInbox()
	parts, err := b.SubscribeSync(inbox)
	require.NoError(t, err)
	require.NoError(t, b.PublishRequest("many", inbox, nil))
	for _, want := range []string{"1", "2", "3", ""} {
		m, err := parts.NextMsg(soon)
		require.NoError(t, err)
		require.Equal(t, want, string(m.Data))
	}
}

func TestMappingsOfAccounts(t *testing.T) {
	t.Parallel()
	f := fromFile(t, threeAccounts+`mappings { "in.*": [{destination: "out.$1", weight: 100%}] }`)
	a := f.as("a")
	sub, err := a.SubscribeSync(">")
	require.NoError(t, err)
	require.NoError(t, a.Flush())
	for _, subject := range []string{"x", "old.1", "y"} {
		require.NoError(t, a.Publish(subject, nil))
	}
	for _, want := range []string{"x", "new.1", "y"} {
		m, err := sub.NextMsg(soon)
		require.NoError(t, err)
		require.Equal(t, want, m.Subject)
	}
}

// A measured service tells how long it took, and what went wrong, also if who asks is two borders away.
func TestLatencyOfServices(t *testing.T) {
	t.Parallel()
	f := fromFile(t, `
accounts {
  A { users [{user: a, password: a}]
      exports [ {service: "work", latency: {subject: "latency.work", sampling: 100}, threshold: "200ms"}
                {service: "asked", latency: {subject: "latency.asked", sampling: headers}} ] }
  B { users [{user: b, password: b}]
      imports [ {service: {account: A, subject: "work"}}, {service: {account: A, subject: "asked"}} ]
      exports [ {service: "work"} ] }
  C { users [{user: c, password: c}], imports [ {service: {account: B, subject: "work"}, share: true} ] }
}`)
	a, b, c := f.as("a"), f.as("b"), f.as("c")
	metrics, err := a.SubscribeSync("latency.>")
	require.NoError(t, err)
	require.NoError(t, a.Flush())
	next := func(subject string) map[string]any {
		t.Helper()
		m, err := metrics.NextMsg(soon)
		require.NoError(t, err)
		require.Equal(t, subject, m.Subject)
		var v map[string]any
		require.NoError(t, json.Unmarshal(m.Data, &v))
		require.Equal(t, "io.nats.server.metric.v1.service_latency", v["type"])
		return v
	}
	_, err = c.Request("work", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	require.Equal(t, 503.0, next("latency.work")["status"])

	silent := subscribe(t, a, "work", "", func(*nats.Msg) {})
	_, err = c.Request("work", nil, 50*time.Millisecond)
	require.ErrorIs(t, err, nats.ErrTimeout)
	require.Equal(t, 504.0, next("latency.work")["status"])
	require.NoError(t, silent.Unsubscribe())

	subscribe(t, a, "*", "", func(m *nats.Msg) { _ = m.Respond([]byte("done")) })
	_, err = c.Request("work", nil, soon)
	require.NoError(t, err)
	v := next("latency.work")
	require.Equal(t, 200.0, v["status"])
	require.Equal(t, "C", v["requestor"].(map[string]any)["acc"])
	require.Equal(t, "c", v["requestor"].(map[string]any)["user"])
	require.Equal(t, "a", v["responder"].(map[string]any)["user"])
	require.Positive(t, v["total"])

	_, err = b.Request("asked", nil, soon)
	require.NoError(t, err)
	asked := nats.NewMsg("asked")
	asked.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	_, err = b.RequestMsg(asked, soon)
	require.NoError(t, err)
	require.Contains(t, next("latency.asked")["header"], "Traceparent", "only the one that wants to be measured is")
}

// Permissions count for the subject that a message is mapped to.
func TestPermissionsAndMappings(t *testing.T) {
	t.Parallel()
	f := fromFile(t, `
mappings { "in.*": "out.$1", "secret": "in.x" }
authorization { users [ {user: a, password: a, permissions {publish: ["out.*", "in.x"], subscribe: ">"}} ] }`)
	a, said := f.client(nats.UserInfo("a", "a"))
	sub, err := a.SubscribeSync(">")
	require.NoError(t, err)
	require.NoError(t, a.PublishRequest("in.1", "reply", []byte("x")))
	m, err := sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "out.1 reply x", m.Subject+" "+m.Reply+" "+string(m.Data))
	require.NoError(t, a.Publish("other", nil))
	requireSays(t, said, `Permissions Violation for Publish to "other"`)
	require.NoError(t, a.Publish("secret", nil))
	m, err = sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "in.x", m.Subject, "a message is mapped once")

	f.become(`mappings { "in.*": "else.$1" }
authorization { users [ {user: a, password: a, permissions {publish: ["else.*"], subscribe: ">"}} ] }`)
	require.NoError(t, a.Publish("in.1", nil))
	m, err = sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "else.1", m.Subject)
	f.become(`authorization { users [ {user: a, password: a} ] }`)
	require.NoError(t, a.Publish("in.1", nil))
	m, err = sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "in.1", m.Subject, "what is not configured any more does not map")
}
