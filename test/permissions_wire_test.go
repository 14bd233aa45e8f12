package test_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// permitted is a gate with one user of those permissions, ann, and one of none, boss. Both have the
// password the-password.
func permitted(t *testing.T, permissions string) *gate {
	return guarded(t, permitting(permissions), "the-password")
}

func permitting(permissions string) string {
	return fmt.Sprintf(`authorization { users: [
		{user: ann, password: the-password, permissions: {%s}}
		{user: boss, password: the-password}
	] }`, permissions)
}

const (
	asAnn  = `ann connects with {"verbose":false,"pedantic":false,"user":"ann","pass":"the-password"}` + "\n"
	asBoss = `boss connects with {"verbose":false,"pedantic":false,"user":"boss","pass":"the-password"}` + "\n"
)

// A refused publish is answered with an error and goes nowhere; the connection stays.
func TestPublishPermissions(t *testing.T) {
	t.Parallel()
	told(t, permitting(`publish: {allow: ["a", "b.*", "c.>", "_INBOX.>"], deny: ["b.no", "c.*.secret"]}`), asAnn+asBoss+`
boss > SUB > 1
boss quiet
ann > PUB a 1
ann > 1
ann > PUB b.x 1
ann > 2
ann > PUB c.x.y.z 1
ann > 3
ann > PUB d 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "d"'
ann > PUB b 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "b"'
ann > PUB b.x.y 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "b.x.y"'
ann > PUB b.no 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "b.no"'
ann > PUB c.x.secret 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "c.x.secret"'
ann > PUB c 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "c"'
# The reply subject needs no permission.
ann > PUB c.x d 1
ann > 4
# A wildcard is a text like any other when it is published.
ann > PUB b.* 1
ann > 5
ann > PUB * 1
ann > x
ann < -ERR 'Permissions Violation for Publish to "*"'
ann > PUB a"quote" 0
ann >
ann < -ERR 'Permissions Violation for Publish to "a\\"quote\\""'
# In one write, too, each is judged by itself.
ann > PUB d 1
ann > x
ann > PUB a 1
ann > 6
ann > PUB d 1
ann > x
ann > PUB a 1
ann > 7
ann < -ERR 'Permissions Violation for Publish to "d"'
ann < -ERR 'Permissions Violation for Publish to "d"'
ann quiet
boss < MSG a 1 1
boss < 1
boss < MSG b.x 1 1
boss < 2
boss < MSG c.x.y.z 1 1
boss < 3
boss < MSG c.x 1 d 1
boss < 4
boss < MSG b.* 1 1
boss < 5
boss < MSG a 1 1
boss < 6
boss < MSG a 1 1
boss < 7
boss quiet
`, "the-password")
}

// A subscription has to lie within what is allowed and outside of what is denied.
func TestSubscribePermissions(t *testing.T) {
	t.Parallel()
	told(t, permitting(`subscribe: {allow: ["a", "b.*", "c.>"], deny: ["b.no", "c.x.*"]}`), asAnn+asBoss+`
ann > SUB a 1
ann > SUB b.* 2
ann > SUB b.yes 3
ann > SUB c.> 4
ann quiet
ann > SUB * 9
ann < -ERR 'Permissions Violation for Subscription to "*"'
ann > SUB > 9
ann < -ERR 'Permissions Violation for Subscription to ">"'
ann > SUB b.no 9
ann < -ERR 'Permissions Violation for Subscription to "b.no"'
ann > SUB c.x.y 9
ann < -ERR 'Permissions Violation for Subscription to "c.x.y"'
ann > SUB c.x.* 9
ann < -ERR 'Permissions Violation for Subscription to "c.x.*"'
ann > SUB d q 9
ann < -ERR 'Permissions Violation for Subscription to "d" using queue "q"'
ann > SUB a.b 9
ann < -ERR 'Permissions Violation for Subscription to "a.b"'
# The sid of a refused subscription is free.
ann > SUB a 9
ann > UNSUB 9
ann quiet
# What is denied is held back from the wider ones.
boss > PUB b.no 1
boss > x
boss > PUB b.yes 1
boss > 1
boss > PUB c.x.y 1
boss > x
boss > PUB c.x 1
boss > 2
boss > PUB c.x.y.z 1
boss > 3
boss > PUB d 1
boss > x
boss quiet
ann <~ MSG b.yes 2 1\r\n1
ann <~ MSG b.yes 3 1\r\n1
ann < MSG c.x 4 1
ann < 2
ann < MSG c.x.y.z 4 1
ann < 3
ann quiet
`, "the-password")
}

// A tail wildcard covers more than one of one token. (The peer takes it for a token here, and then
// delivers what was not allowed.)
func TestTailWildcardNeedsOne(t *testing.T) {
	t.Parallel()
	permitted(t, `subscribe: ["b.*", "c.*.>"]`).tells(asAnn + `
ann > SUB b.> 9
ann < -ERR 'Permissions Violation for Subscription to "b.>"'
ann > SUB c.> 9
ann < -ERR 'Permissions Violation for Subscription to "c.>"'
ann > SUB > 9
ann < -ERR 'Permissions Violation for Subscription to ">"'
ann > SUB c.a.> 1
ann > SUB c.*.> 2
ann > SUB c.*.* 3
ann quiet
`)
}

// The operator reads who was refused what.
func TestViolationsInTheLog(t *testing.T) {
	t.Parallel()
	g := permitted(t, `publish: a, subscribe: a`)
	g.tells(asAnn + `
ann > PUB d 0
ann >
ann > SUB d 9
ann > SUB d q 10
ann < -ERR 'Permissions Violation for Publish to "d"'
ann < -ERR 'Permissions Violation for Subscription to "d"'
ann < -ERR 'Permissions Violation for Subscription to "d" using queue "q"'
`)
	g.logs("ERR ", `"$G/user:ann" - Publish Violation - Subject "d"`)
	g.logs("ERR ", `"$G/user:ann" - Subscription Violation - Subject "d", SID 9`)
	g.logs("ERR ", `"$G/user:ann" - Subscription Violation - Subject "d", Queue: "q", SID 10`)
	g.logs("TRC ", `->> [-ERR Permissions Violation for Publish to "d"]`)
}

// In verbose mode what is refused gets its error in place of +OK.
func TestPermissionsInVerboseMode(t *testing.T) {
	t.Parallel()
	told(t, permitting(`publish: a, subscribe: [a, "b q"]`), `
ann connects with {"verbose":true,"pedantic":true,"user":"ann","pass":"the-password"}
ann < +OK
ann > SUB a 1
ann < +OK
ann > SUB b 2
ann < -ERR 'Permissions Violation for Subscription to "b"'
ann > SUB b q 2
ann < +OK
ann > SUB b r 3
ann < -ERR 'Permissions Violation for Subscription to "b" using queue "r"'
ann > PUB a 1
ann > 1
ann < +OK
ann < MSG a 1 1
ann < 1
ann > PUB b 1
ann > 2
ann < -ERR 'Permissions Violation for Publish to "b"'
# Pedantic: the subject is complained of, too.
ann > PUB b. 1
ann > 2
ann < -ERR 'Invalid Publish Subject'
ann < -ERR 'Permissions Violation for Publish to "b."'
ann > UNSUB 1
ann < +OK
ann quiet
`, "the-password")
}

// Entries may name the queue group of a subscription; both, group and subject, may be patterns.
func TestQueuePermissions(t *testing.T) {
	t.Parallel()
	denied := func(subject, queue string) string {
		return fmt.Sprintf("ann < -ERR 'Permissions Violation for Subscription to \"%s\" using queue \"%s\"'\n", subject, queue)
	}
	for _, c := range []struct {
		name, permissions, steps string
	}{
		{"without a queue plain and any queue", `subscribe: [foo]`, "ann > SUB foo 1\nann > SUB foo v1 2\nann > SUB foo v2 3\nann quiet\n"},
		{"with a queue only that", `subscribe: ["foo v1"]`, "ann > SUB foo v1 1\nann quiet\nann > SUB foo v2 2\n" + denied("foo", "v2") +
			"ann > SUB foo 3\nann < -ERR 'Permissions Violation for Subscription to \"foo\"'\n"},
		{"both", `subscribe: ["foo", "foo v1"]`, "ann > SUB foo 1\nann > SUB foo v1 2\nann quiet\nann > SUB foo v2 3\n" + denied("foo", "v2")},
		{"pattern of queues", `subscribe: ["foo v1.*", "bar.> x.>"]`, "ann > SUB foo v1.a 1\nann > SUB bar.a.b x.y.z 2\nann quiet\n" +
			"ann > SUB foo v1 3\n" + denied("foo", "v1") + "ann > SUB foo v1.a.b 3\n" + denied("foo", "v1.a.b") + "ann > SUB bar x.y 3\n" + denied("bar", "x.y")},
		{"deny with a queue only that", `subscribe: {deny: ["foo v1"]}`, "ann > SUB foo 1\nann > SUB foo v2 2\nann quiet\n" +
			"ann > SUB foo v1 3\n" + denied("foo", "v1")},
		{"deny without a queue all", `subscribe: {allow: ["foo", "bar v1"], deny: "bar"}`, "ann > SUB foo q 1\nann quiet\nann > SUB bar v1 2\n" + denied("bar", "v1")},
		{"queue of the server", `subscribe: ">"`, "ann > SUB foo _sys_ 1\n" + denied("foo", "_sys_")},
	} {
		t.Run(c.name, func(t *testing.T) {
			told(t, permitting(c.permissions), asAnn+c.steps+"ann quiet\n", "the-password")
		})
	}
}

// A member of a group gets nothing that is denied to it: another member does.
func TestDeniedMessagesGoToOtherMembers(t *testing.T) {
	t.Parallel()
	g := permitted(t, `subscribe: {deny: ["a.no", "b.no workers"]}`)
	ann, boss, writer := g.client(t, "ann"), g.client(t, "boss"), g.client(t, "boss")
	const n = 60
	count := map[string]int{}
	take := func(nc *nats.Conn, who, subject string) *nats.Subscription {
		sub, err := nc.QueueSubscribeSync(subject, "workers")
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		return sub
	}
	subs := map[string]*nats.Subscription{
		"ann a": take(ann, "ann", "a.*"), "boss a": take(boss, "boss", "a.*"),
		"ann b": take(ann, "ann", "b.*"), "boss b": take(boss, "boss", "b.*"),
	}
	for range n {
		for _, subject := range []string{"a.no", "a.yes", "b.no", "b.yes"} {
			require.NoError(t, writer.Publish(subject, nil))
		}
	}
	require.NoError(t, writer.Flush())
	for who, sub := range subs {
		require.NoError(t, ann.Flush())
		require.NoError(t, boss.Flush())
		for waiting, _, err := sub.Pending(); waiting > 0; waiting, _, err = sub.Pending() {
			require.NoError(t, err)
			msg, err := sub.NextMsg(soon)
			require.NoError(t, err)
			count[who+" "+msg.Subject]++
		}
	}
	for _, prefix := range []string{"a", "b"} {
		require.Zero(t, count["ann "+prefix+" "+prefix+".no"])
		require.Equal(t, n, count["boss "+prefix+" "+prefix+".no"])
		require.Positive(t, count["ann "+prefix+" "+prefix+".yes"])
		require.Equal(t, n, count["ann "+prefix+" "+prefix+".yes"]+count["boss "+prefix+" "+prefix+".yes"])
	}
}

// client connects a user of permitted with the client library.
func (g *gate) client(t *testing.T, user string, options ...nats.Option) *nats.Conn {
	return connect(t, g.Server, append(options, nats.UserInfo(user, "the-password"), nats.Timeout(soon))...)
}

// The client library gets to know of each violation and goes on.
func TestViolationsReachTheClientLibrary(t *testing.T) {
	t.Parallel()
	g := permitted(t, `publish: [a, "_INBOX.>"], subscribe: [a, "b v1", "_INBOX.>"]`)
	said := make(chan error, 10)
	nc := g.client(t, "ann", nats.PermissionErrOnSubscribe(true), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { said <- err }))
	hears := func(text string) {
		t.Helper()
		select {
		case err := <-said:
			require.ErrorIs(t, err, nats.ErrPermissionViolation)
			require.ErrorContains(t, err, text)
		case <-time.After(soon):
			t.Fatal("the client was not told")
		}
	}
	require.NoError(t, nc.Publish("b", nil))
	hears(`Permissions Violation for Publish to "b"`)
	sub, err := nc.SubscribeSync("c")
	require.NoError(t, err)
	hears(`Permissions Violation for Subscription to "c"`)
	_, err = sub.NextMsg(soon)
	require.ErrorIs(t, err, nats.ErrPermissionViolation)
	queue, err := nc.QueueSubscribeSync("b", "v2")
	require.NoError(t, err)
	hears(`Permissions Violation for Subscription to "b" using queue "v2"`)
	_, err = queue.NextMsg(soon)
	require.ErrorIs(t, err, nats.ErrPermissionViolation)
	own, err := nc.SubscribeSync("a")
	require.NoError(t, err)
	require.NoError(t, nc.Publish("a", []byte("still here")))
	msg, err := own.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "still here", string(msg.Data))
	require.True(t, nc.IsConnected())
	require.Empty(t, said)
}

// An empty list or map restricts nothing.
func TestEmptyPermissions(t *testing.T) {
	t.Parallel()
	for _, permissions := range []string{"", "publish: [], subscribe: []", "publish: {}, subscribe: {}", "publish: {allow: []}, subscribe: {deny: []}"} {
		told(t, permitting(permissions), asAnn+"ann > SUB > 1\nann > PUB a 0\nann >\nann < MSG a 1 0\nann <\nann quiet\n", "the-password")
	}
	told(t, permitting(`publish: {deny: ">"}, subscribe: {deny: ">"}`), asAnn+`
ann > SUB > 1
ann < -ERR 'Permissions Violation for Subscription to ">"'
ann > PUB a 0
ann >
ann < -ERR 'Permissions Violation for Publish to "a"'
ann quiet
`, "the-password")
}

// default_permissions are for those who have none of their own, and only of that block.
func TestDefaultPermissions(t *testing.T) {
	t.Parallel()
	ann := `{user: ann, password: the-password}`
	own := `{user: own, password: the-password, permissions: {publish: own}}`
	free := `{user: free, password: the-password, permissions: {}}`
	for name, conf := range map[string]string{
		"authorization": `authorization { default_permissions: {publish: common}, users: [` + ann + `,` + own + `,` + free + `] }
			accounts { A { users: [ {user: other, password: the-password} ] } }`,
		"account": `accounts {
			A { default_permissions: {publish: common}, users: [` + ann + `,` + own + `,` + free + `] }
			B { users: [ {user: other, password: the-password} ] } }`,
	} {
		t.Run(name, func(t *testing.T) {
			g := guarded(t, conf, "the-password")
			for user, may := range map[string][]string{"ann": {"common"}, "own": {"own"}, "free": {"common", "own", "x"}, "other": {"common", "own", "x"}} {
				steps := fmt.Sprintf("u connects with {\"verbose\":false,\"user\":%q,\"pass\":\"the-password\"}\n", user)
				for _, subject := range []string{"common", "own", "x"} {
					steps += "u > PUB " + subject + " 0\nu >\n"
					if !strings.Contains(strings.Join(may, " "), subject) {
						steps += fmt.Sprintf("u < -ERR 'Permissions Violation for Publish to \"%s\"'\n", subject)
					}
				}
				g.tells(steps + "u quiet\n")
			}
		})
	}
}

// What is reserved for the server nobody may publish, whatever is allowed.
func TestReservedSubjectsInSpiteOfPermissions(t *testing.T) {
	t.Parallel()
	told(t, permitting(`publish: ">", subscribe: ">", allow_responses: true`), asAnn+`
ann > PUB _GR_.x 0
ann >
ann < -ERR 'Permissions Violation for Publish to "_GR_.x"'
ann > PUB a _R_.x 0
ann >
ann < -ERR 'Permissions Violation for Publish with Reply of "_R_.x"'
ann quiet
`, "the-password")
}
