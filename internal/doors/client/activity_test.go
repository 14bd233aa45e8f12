package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// last is when the first client was last active.
func (st *site) last() time.Time { return st.Report().Open[0].LastActivity }

// Messages in both directions and changes of subscriptions are activity; pings are none.
func TestLastActivity(t *testing.T) {
	st := build(t)
	c, other := st.client(quietly), st.client(quietly)
	start := st.Report().Open[0].Start
	c.say("PING\r\n")
	c.until("PONG\r\n")
	require.True(t, st.last().Equal(start), "a ping is no activity")

	for _, does := range []struct {
		what string
		do   func()
	}{
		{"a subscription", func() { c.say("SUB a 1\r\nPING\r\n"); c.until("PONG\r\n") }},
		{"a message from another client", func() { other.say("PUB a 1\r\nx\r\n"); c.until("x\r\n") }},
		{"a message of its own", func() { c.say("PUB b 1\r\nx\r\nPING\r\n"); c.until("PONG\r\n") }},
		{"the end of a subscription", func() { c.say("UNSUB 1\r\nPING\r\n"); c.until("PONG\r\n") }},
	} {
		before := st.last()
		st.eventually(func() bool { return time.Since(before) > 2*time.Millisecond }, "time goes by")
		does.do()
		st.eventually(func() bool { return st.last().After(before) }, does.what+" is activity")
	}
}

// Who looks at connections whose round trip is not known has it measured, once.
func TestReportMeasures(t *testing.T) {
	st := build(t)
	p := st.client(`{"verbose":false,"lang":"go"}`)
	quiet := st.client(quietly)
	require.Zero(t, st.Report().Open[0].RTT)
	require.Zero(t, st.Report().Open[0].RTT)
	p.until("PING\r\n")
	p.say("PONG\r\nPING\r\n")
	require.Equal(t, "PONG\r\n", p.until("PONG\r\n"), "one ping for two looks")
	require.NotZero(t, st.Report().Open[0].RTT)
	quiet.say("PING\r\n")
	require.Equal(t, "PONG\r\n", quiet.until("PONG\r\n"), "software without a name is not pinged")
}
