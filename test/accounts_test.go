package test_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/server/status"
)

const twoAccounts = `
	accounts {
		A { users: [ {user: ann, password: the-password}, {user: amy, password: the-password} ] }
		B { users: [ {user: bob, password: the-password} ] }
	}
	authorization { users: [ {user: gus, password: the-password} ] }`

// everywhere are connections to each account that there is, the default one included, by the names of
// users.
func everywhere(t *testing.T, g *gate) map[string]*nats.Conn {
	all := map[string]*nats.Conn{}
	for _, user := range []string{"ann", "bob", "gus"} {
		all[user] = g.client(t, user)
	}
	return all
}

// The same subject in two accounts is two subjects, whoever listens to whatever.
func TestAccountsAreIsolated(t *testing.T) {
	t.Parallel()
	g := guarded(t, twoAccounts, "the-password")
	all := everywhere(t, g)
	subs := map[string][]*nats.Subscription{}
	for user, nc := range all {
		for _, pattern := range []string{"news", "*", ">"} {
			sub, err := nc.SubscribeSync(pattern)
			require.NoError(t, err)
			subs[user] = append(subs[user], sub)
		}
		require.NoError(t, nc.Flush())
	}
	const n = 50
	for i := range n {
		for user, nc := range all {
			require.NoError(t, nc.Publish("news", fmt.Append(nil, user, i)))
		}
	}
	for range 2 {
		for _, nc := range all {
			require.NoError(t, nc.Flush())
		}
	}
	for user, list := range subs {
		for _, sub := range list {
			for i := range n {
				msg, err := sub.NextMsg(soon)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint(user, i), string(msg.Data))
			}
			waiting, _, err := sub.Pending()
			require.NoError(t, err)
			require.Zero(t, waiting, "%s has messages of others", user)
		}
	}
}

// To the byte: what somebody does in another account shows nowhere, nor does a second login leave
// anything behind.
func TestAccountsOnTheWire(t *testing.T) {
	t.Parallel()
	told(t, twoAccounts, `
ann connects with {"verbose":false,"user":"ann","pass":"the-password","headers":true,"no_responders":true}
amy connects with {"verbose":false,"user":"amy","pass":"the-password"}
bob connects with {"verbose":false,"user":"bob","pass":"the-password"}
gus connects with {"verbose":false,"user":"gus","pass":"the-password"}
amy > SUB > 1
amy > SUB news q 2
bob > SUB > 1
bob > SUB news q 2
bob > SUB inbox 3
gus > SUB > 1
amy quiet
bob quiet
gus quiet
bob > PUB news inbox 3
bob > bob
bob <~ MSG news 1 inbox 3\r\nbob
bob <~ MSG news 2 inbox 3\r\nbob
ann > SUB inbox 7
ann > PUB help inbox 1
ann > ?
amy < MSG help 1 inbox 1
amy < ?
amy > UNSUB 1
amy quiet
# Others listen to everything, and nobody is there.
ann > PUB help inbox 1
ann > ?
ann < HMSG inbox 7 {digits} {digits}
ann < NATS/1.0 503
ann leaves
bob quiet
gus quiet
# Bob becomes another and hears what the others say, but nothing by what he had asked for before.
bob > CONNECT {"user":"amy"}
bob > SUB > 9
bob quiet
amy > PUB news 1
amy > !
amy < MSG news 2 1
amy < !
bob < MSG news 9 1
bob < !
bob quiet
gus quiet
gus > PUB news 1
gus > -
gus < MSG news 1 1
gus < -
bob quiet
# What is merged has to be right as a whole.
gus > CONNECT {"user":"bob","pass":"the-guess"}
gus < -ERR 'Authorization Violation'
gus closed: Authentication Failure
amy > CONNECT {"account":"A"}
amy < -ERR 'Authorization Violation'
amy closed: Authentication Failure
`, "the-password", "the-guess")
}

// A queue group of the same name in another account is another group.
func TestQueueGroupsOfAccounts(t *testing.T) {
	t.Parallel()
	g := guarded(t, twoAccounts, "the-password")
	all := everywhere(t, g)
	all["amy"] = g.client(t, "amy")
	const n = 90
	subs := map[string]*nats.Subscription{}
	for user, nc := range all {
		sub, err := nc.QueueSubscribeSync("work.*", "workers")
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		subs[user] = sub
	}
	for range n {
		for _, user := range []string{"ann", "bob", "gus"} {
			require.NoError(t, all[user].Publish("work.x", []byte(user)))
		}
	}
	for range 2 {
		for _, nc := range all {
			require.NoError(t, nc.Flush())
		}
	}
	count := func(user, of string) int {
		sub := subs[user]
		waiting, _, err := sub.Pending()
		require.NoError(t, err)
		for range waiting {
			msg, err := sub.NextMsg(soon)
			require.NoError(t, err)
			require.Equal(t, of, string(msg.Data))
		}
		return waiting
	}
	require.Equal(t, n, count("bob", "bob"))
	require.Equal(t, n, count("gus", "gus"))
	ann, amy := count("ann", "ann"), count("amy", "ann")
	require.Equal(t, n, ann+amy)
	require.Positive(t, ann)
	require.Positive(t, amy)
}

// A request is heard in its own account, and where nobody is there the client is told at once, though
// somebody elsewhere listens to the same subject, or even to the reply.
func TestRequestsOfAccounts(t *testing.T) {
	t.Parallel()
	g := guarded(t, twoAccounts, "the-password")
	all := everywhere(t, g)
	subscribe(t, all["ann"], "help", "", func(m *nats.Msg) { _ = m.Respond([]byte("from A")) })
	subscribe(t, all["gus"], "help", "", func(m *nats.Msg) { _ = m.Respond([]byte("from $G")) })
	spy, err := all["ann"].SubscribeSync(">")
	require.NoError(t, err)
	require.NoError(t, all["ann"].Flush())

	_, err = all["bob"].Request("help", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	msg, err := g.client(t, "amy").Request("help", []byte("amy asks"), soon)
	require.NoError(t, err)
	require.Equal(t, "from A", string(msg.Data))
	msg, err = g.client(t, "gus").Request("help", nil, soon)
	require.NoError(t, err)
	require.Equal(t, "from $G", string(msg.Data))

	require.NoError(t, all["ann"].Flush())
	waiting, _, err := spy.Pending()
	require.NoError(t, err)
	require.Equal(t, 2, waiting, "the request of amy and the answer")
}

// Monitoring shows the connections of an account, and the system account is one like the others.
func TestAccountsInMonitoring(t *testing.T) {
	t.Parallel()
	g := guarded(t, `accounts {
		$SYS { users: [ {user: admin, password: the-password} ] }
		A { users: [ {user: ann, password: the-password} ] }
	}`, "the-password")
	all, err := g.client(t, "admin").SubscribeSync("*") // > would get what the server says of connections
	require.NoError(t, err)
	nc := g.client(t, "ann")
	require.NoError(t, nc.Publish("news", nil))
	require.NoError(t, nc.Flush())
	own, err := nc.SubscribeSync(">")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	waiting, _, err := all.Pending()
	require.NoError(t, err)
	require.Zero(t, waiting)
	require.NoError(t, own.Unsubscribe())
	for account, user := range map[string]string{"A": "ann", "$SYS": "admin"} {
		shown := connections(t, monitor(g.Server), "?auth=1&acc="+account)
		require.Len(t, shown, 1)
		require.Equal(t, user, shown[0]["authorized_user"])
		require.Equal(t, account, shown[0]["account"])
	}
}

const limited = `
	max_payload: 100
	max_subscriptions: 4
	accounts {
		A { users: [ {user: ann, password: the-password}, {user: amy, password: the-password} ]
			limits { max_connections: 2, max_subscriptions: 3, max_payload: 10 } }
		B { users: [ {user: bob, password: the-password} ]
			limits { max_subs: 1000, max_payload: 1000, max_conn: -1 } }
	}`

// The connections of an account are counted together. One that leaves makes room.
func TestAccountConnectionLimit(t *testing.T) {
	t.Parallel()
	g := guarded(t, limited, "the-password")
	first := g.client(t, "ann")
	second := g.wire().enters(`"user":"amy","pass":"the-password"`)
	for range 5 {
		g.client(t, "bob")
	}
	_, err := nats.Connect(g.ClientURL(), nats.UserInfo("ann", "the-password"), nats.Timeout(soon))
	require.ErrorContains(t, err, nats.ErrMaxAccountConnectionsExceeded.Error()[len("nats: "):])
	refused := g.wire()
	refused.say(`CONNECT {"user":"amy","pass":"the-password"}`)
	refused.turnedAway("maximum account active connections exceeded", "Maximum Account Connections Exceeded")
	g.logs("ERR ", fmt.Sprintf("cid:%d", refused.info.CID), "maximum account active connections exceeded")
	require.Equal(t, "A", func() string {
		cid, err := first.GetClientID()
		require.NoError(t, err)
		return g.entered(cid, status.ConnOpen).Account
	}())

	for range 10 { // in whatever way they leave
		require.NoError(t, second.conn.Close())
		g.ended(second.info.CID)
		second = g.wire().enters(`"user":"amy","pass":"the-password"`)
	}
	first.Close()
	second.refused(`"account":"x"`, "Authentication Failure")
	eventually(t, func() bool { return g.NumClients() == 5 })
	g.client(t, "ann")
	g.client(t, "amy")
}

// A connection that fails to enter takes no place.
func TestFailuresTakeNoPlaceInTheAccount(t *testing.T) {
	t.Parallel()
	g := guarded(t, limited, "the-password", "the-guess")
	for range 3 {
		g.wire().refused(`"user":"ann","pass":"the-guess"`, "Authentication Failure")
		w := g.wire()
		w.say(`CONNECT {"user":"ann","pass":"the-password","protocol":7}`)
		w.turnedAway("invalid client protocol", "Bad Client Protocol Version")
	}
	g.client(t, "ann")
	g.client(t, "ann")
}

// Of the limits of server and account the smaller one counts, for each connection.
func TestAccountSubscriptionLimit(t *testing.T) {
	t.Parallel()
	g := guarded(t, limited, "the-password")
	for user, limit := range map[string]int{"ann": 3, "bob": 4} {
		w := g.wire().enters(fmt.Sprintf(`"user":%q,"pass":"the-password"`, user))
		for i := range limit {
			w.say("SUB a %d", i)
		}
		w.say("SUB a x\r\nPING")
		require.Equal(t, "-ERR 'maximum subscriptions exceeded'", w.hear())
		require.Equal(t, "PONG", w.hear())
		w.say("UNSUB 0\r\nSUB a x\r\nPUB a 0\r\n\r\nPING")
		for range limit {
			require.Regexp(t, `^MSG a [123x] 0$`, w.hear())
			require.Empty(t, w.hear())
		}
		require.Equal(t, "PONG", w.hear())
	}
	said := make(chan error, 5)
	nc := g.client(t, "amy", nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { said <- err }))
	for range 4 {
		_, err := nc.SubscribeSync("a")
		require.NoError(t, err)
	}
	require.NoError(t, nc.Flush())
	require.ErrorIs(t, <-said, nats.ErrMaxSubscriptionsExceeded)
	require.True(t, nc.IsConnected())
}

func TestAccountPayloadLimit(t *testing.T) {
	t.Parallel()
	told(t, limited, `
ann connects
ann > CONNECT {"verbose":false,"user":"ann","pass":"the-password","protocol":1,"headers":true}
ann > PING
ann < PONG
ann < INFO {json max_payload=10}
ann > SUB a 1
ann > PUB a 10
ann > 0123456789
ann < MSG a 1 10
ann < 0123456789
ann > PUB a 11
ann > 01234567890
ann < -ERR 'Maximum Payload Violation'
ann closed: Maximum Message Payload Exceeded
# The limit of the account is wider than that of the server.
bob connects with {"verbose":false,"user":"bob","pass":"the-password"}
bob > PUB a 100
bob > {x*100}
bob > PUB a 101
bob > {x*101}
bob < -ERR 'Maximum Payload Violation'
bob closed: Maximum Message Payload Exceeded
`, "the-password")
	// The client library knows the server's limit from the first INFO, and the account's from the second.
	nc := guarded(t, limited, "the-password").client(t, "ann")
	eventually(t, func() bool { return nc.MaxPayload() == 10 })
	require.ErrorIs(t, nc.Publish("a", bytes.Repeat([]byte("x"), 11)), nats.ErrMaxPayload)
	require.NoError(t, nc.Publish("a", bytes.Repeat([]byte("x"), 10)))
	require.NoError(t, nc.Flush())
}

// A program that embeds the server names accounts by its users alone, and one account may have users of
// both sorts. Names have to be unique over all.
func TestAccountsOfAnEmbeddingProgram(t *testing.T) {
	t.Parallel()
	a := server.NewAccount("A")
	a.Limits = &server.AccountLimits{MaxConnections: 2, MaxSubscriptions: -1, MaxPayload: -1}
	users := func(opts *server.Options) {
		opts.Users = []*server.User{
			{Username: "ann", Password: "the-password", Account: a},
			{Username: "amy", Password: "the-password", Account: a, Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Deny: []string{"secret"}}}},
			{Username: "gus", Password: "the-password"},
		}
	}
	s := run(t, users)
	ann := connect(t, s, nats.UserInfo("ann", "the-password"))
	amy := connect(t, s, nats.UserInfo("amy", "the-password"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	gus := connect(t, s, nats.UserInfo("gus", "the-password"))
	_, err := nats.Connect(s.ClientURL(), nats.UserInfo("amy", "the-password"), nats.Timeout(soon))
	require.Error(t, err)
	sub, err := ann.SubscribeSync(">")
	require.NoError(t, err)
	require.NoError(t, ann.Flush())
	for nc, subjects := range map[*nats.Conn][]string{amy: {"secret", "open"}, gus: {"other"}} {
		for _, subject := range subjects {
			require.NoError(t, nc.Publish(subject, nil))
		}
		require.NoError(t, nc.Flush())
	}
	msg, err := sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "open", msg.Subject)
	require.NoError(t, ann.Flush())
	waiting, _, err := sub.Pending()
	require.NoError(t, err)
	require.Zero(t, waiting)

	twice := freePorts()
	users(twice)
	twice.Users = append(twice.Users, &server.User{Username: "gus", Password: "other-password"})
	_, err = server.NewServer(twice)
	require.ErrorContains(t, err, `Duplicate user "gus" detected`)
	require.NotContains(t, errors.Join(err).Error(), "password")
}
