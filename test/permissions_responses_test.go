package test_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A service may answer what it is asked, once, and nothing else.
func TestResponses(t *testing.T) {
	t.Parallel()
	told(t, permitting(`subscribe: service, allow_responses: true`), asAnn+asBoss+`
ann > SUB service 1
ann > PUB answers.1 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "answers.1"'
# Without a list of what may be published, that is nothing but answers.
ann > PUB other 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "other"'
boss > SUB answers.* 1
boss > PUB service answers.1 3
boss > ask
ann < MSG service 1 answers.1 3
ann < ask
ann > PUB answers.1 2
ann > ok
ann > PUB answers.1 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "answers.1"'
ann > PUB answers.2 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "answers.2"'
boss < MSG answers.1 1 2
boss < ok
# A request without a reply subject allows nothing; a second one allows one more.
boss > PUB service 3
boss > ask
ann < MSG service 1 3
ann < ask
boss > PUB service answers.1 3
boss > ask
ann < MSG service 1 answers.1 3
ann < ask
ann > PUB answers.1 5
ann > again
boss < MSG answers.1 1 5
boss < again
ann quiet
boss quiet
`, "the-password")
}

// So many answers as the configuration says, for each request by itself.
func TestResponsesOfANumber(t *testing.T) {
	t.Parallel()
	steps := asAnn + asBoss + `
ann > SUB service 1
ann quiet
boss > SUB answers.* 1
boss > PUB service answers.1 0
boss >
boss > PUB service answers.2 0
boss >
ann < MSG service 1 answers.1 0
ann <
ann < MSG service 1 answers.2 0
ann <
ann > PUB answers.2 1
ann > 1
ann > PUB answers.1 1
ann > 2
ann > PUB answers.1 1
ann > 3
ann > PUB answers.2 1
ann > 4
`
	told(t, permitting(`subscribe: service, allow_responses: {max: 2, expires: "1h"}`), steps+`
ann > PUB answers.1 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "answers.1"'
ann > PUB answers.2 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "answers.2"'
boss < MSG answers.2 1 1
boss < 1
boss < MSG answers.1 1 1
boss < 2
boss < MSG answers.1 1 1
boss < 3
boss < MSG answers.2 1 1
boss < 4
boss quiet
`, "the-password")
	unlimited := permitted(t, `subscribe: service, allow_responses: {max: -1}`)
	for range 3 {
		steps += "ann > PUB answers.1 0\nann >\nann > PUB answers.2 0\nann >\n"
	}
	unlimited.tells(steps + "ann quiet\n")
}

// The right to answer ends after its time.
func TestResponsesExpire(t *testing.T) {
	t.Parallel()
	const within = 50 * time.Millisecond
	g := permitted(t, `subscribe: service, allow_responses: {max: -1, expires: "50ms"}`)
	boss := g.wire().enters(`"user":"boss","pass":"the-password"`)
	ann := g.wire().enters(`"user":"ann","pass":"the-password"`)
	ann.say("SUB service 1\r\nPING")
	require.Equal(t, "PONG", ann.hear())
	boss.say("PUB service answer 0\r\n")
	require.Equal(t, "MSG service 1 answer 0", ann.hear())
	require.Empty(t, ann.hear())
	asked := time.Now()
	<-time.After(within - time.Since(asked)) // it counts from before that
	ann.say("PUB answer 0\r\n\r\nPING")
	require.Equal(t, `-ERR 'Permissions Violation for Publish to "answer"'`, ann.hear())
	require.Equal(t, "PONG", ann.hear())
}

// What one may publish anyway stays as it is, and what is denied may be answered all the same.
func TestResponsesBesidePermissions(t *testing.T) {
	t.Parallel()
	told(t, permitting(`publish: {allow: ["a.>"], deny: ["a.no"]}, allow_responses: {max: 1, expires: "1h"}`), asAnn+asBoss+`
ann > SUB service 1
ann quiet
boss > PUB service a.yes 0
boss >
ann < MSG service 1 a.yes 0
ann <
ann > PUB a.yes 0
ann >
ann > PUB a.yes 0
ann >
ann quiet
ann > PUB b 0
ann >
ann < -ERR 'Permissions Violation for Publish to "b"'
boss > PUB service b 0
boss >
ann < MSG service 1 b 0
ann <
ann > PUB b 0
ann >
ann quiet
ann > PUB b 0
ann >
ann < -ERR 'Permissions Violation for Publish to "b"'
boss > PUB service a.no 0
boss >
ann < MSG service 1 a.no 0
ann <
ann > PUB a.no 0
ann >
ann quiet
`, "the-password")
}

// The right belongs to who was asked: another connection of the same user was not, nor was a member of
// the group that did not get the message, nor anybody to whom it was denied.
func TestResponsesOfWhomWasAsked(t *testing.T) {
	t.Parallel()
	told(t, permitting(`subscribe: {deny: "service.no"}, allow_responses: true`), `
one connects with {"verbose":false,"user":"ann","pass":"the-password"}
two connects with {"verbose":false,"user":"ann","pass":"the-password"}
`+asBoss+`
one > SUB service.* 1
one quiet
boss > PUB service.yes answer 0
boss >
one < MSG service.yes 1 answer 0
one <
two > PUB answer 0
two >
two < -ERR 'Permissions Violation for Publish to "answer"'
boss > PUB service.no other 0
boss >
boss quiet
one > PUB other 0
one >
one < -ERR 'Permissions Violation for Publish to "other"'
one > PUB answer 0
one >
one quiet
# A new login knows nothing of what the former one was asked.
boss > PUB service.yes answer 0
boss >
one < MSG service.yes 1 answer 0
one <
one > CONNECT {}
one > PUB answer 0
one >
one < -ERR 'Permissions Violation for Publish to "answer"'
one quiet
`, "the-password")
}

// A service of the client library answers many requests with nothing but that permission.
func TestServiceWithResponsesOnly(t *testing.T) {
	t.Parallel()
	g := permitted(t, `subscribe: [service], allow_responses: true`)
	ann, boss := g.client(t, "ann"), g.client(t, "boss")
	subscribe(t, ann, "service", "", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	for range 200 {
		msg, err := boss.Request("service", []byte("ask"), soon)
		require.NoError(t, err)
		require.Equal(t, "ask", string(msg.Data))
	}
}
