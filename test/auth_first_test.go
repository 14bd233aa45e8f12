package test_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/status"
)

// Who says nothing of himself is the user of the configuration; who says something has to be right.
func TestNoAuthUser(t *testing.T) {
	t.Parallel()
	ann, guest := newKey(t, nkeys.CreateUser), newKey(t, nkeys.CreateUser)
	for name, as := range map[string]string{"user": "guest", "nkey": guest.public} {
		t.Run(name, func(t *testing.T) {
			g := guarded(t, fmt.Sprintf(`
				accounts {
					A { users: [ {user: guest, password: the-password}, {nkey: %s} ] }
					B { users: [ {user: bob, password: b-password}, {nkey: %s} ] }
				}
				no_auth_user: %s`, guest.public, ann.public, as), "the-password", "b-password", "the-guess", guest.seed)
			// The first INFO asks for nothing, so that clients need not have anything.
			require.False(t, g.wire().info.Auth)
			label, shown := "A/user:guest", "guest"
			if name == "nkey" {
				label, shown = "A/nkey:"+guest.public, guest.public
			}
			g.tries(
				attempt{name: "nothing", user: label, shown: shown},
				attempt{name: "other", options: []nats.Option{nats.UserInfo("bob", "b-password")}, user: "B/user:bob", shown: "bob"},
				attempt{name: "wrong", options: []nats.Option{nats.UserInfo("bob", "the-guess")}, said: ` - User "bob"`},
				attempt{name: "unknown", options: []nats.Option{nats.UserInfo("eve", "the-guess")}, said: ` - User "eve"`},
				attempt{name: "token", options: []nats.Option{nats.Token("the-guess")}, said: ` - Token "[REDACTED]"`},
				attempt{name: "by name", options: []nats.Option{nats.UserInfo("guest", "the-password")}, user: "A/user:guest", shown: "guest"},
				attempt{name: "by name, wrong", options: []nats.Option{nats.UserInfo("guest", "the-guess")}, said: ` - User "guest"`},
			)
			// Without CONNECT, too.
			w := g.wire()
			w.say("PING")
			require.Equal(t, "PONG", w.hear())
			require.Equal(t, "A", g.entered(w.info.CID, status.ConnOpen).Account)
			w.say("SUB a 1")
			require.Equal(t, "+OK", w.hear())
			// A later INFO of the same connection says that there are logins.
			w.enters(`"protocol":1`)
			info, isInfo := strings.CutPrefix(w.hear(), "INFO ")
			require.True(t, isInfo)
			require.NoError(t, json.Unmarshal([]byte(info), &w.info))
			require.True(t, w.info.Auth)
			require.Contains(t, info, `"remote_account":"A"`)
			// And it may become somebody else.
			w.enters(`"user":"bob","pass":"b-password"`)
			require.Equal(t, "B", g.entered(w.info.CID, status.ConnOpen).Account)
		})
	}
}

// If there is no user but those of the system account, everybody else enters as before.
func TestSystemUsersAloneLockNobodyOut(t *testing.T) {
	t.Parallel()
	const users = `accounts { $SYS { users: [ {user: admin, password: the-password} ] } }`
	g := guarded(t, users, "the-password", "the-guess")
	require.False(t, g.wire().info.Auth)
	w := g.wire().enters(`"protocol":0`)
	open := g.entered(w.info.CID, status.ConnOpen)
	require.Regexp(t, `^nats-.{8}$`, open.AuthorizedUser)
	require.Empty(t, open.Account, "it is $G")
	g.tries(
		attempt{name: "admin", options: []nats.Option{nats.UserInfo("admin", "the-password")}, user: "$SYS/user:admin", shown: "admin"},
		attempt{name: "wrong", options: []nats.Option{nats.UserInfo("admin", "the-guess")}, said: ` - User "admin"`},
	)
	// The hidden user belongs to nobody else: its name is another each time.
	second := guarded(t, users)
	v := second.wire().enters(`"protocol":0`)
	require.NotEqual(t, open.AuthorizedUser, second.entered(v.info.CID, status.ConnOpen).AuthorizedUser)

	for _, more := range []string{
		`accounts { $SYS { users: [ {user: admin, password: the-password} ] }, A { users: [ {user: ann, password: the-password} ] } }`,
		users + "\nauthorization { users: [ {user: ann, password: the-password} ] }",
	} {
		g := guarded(t, more, "the-password")
		require.True(t, g.wire().info.Auth, more)
		g.tries(attempt{name: "nothing"})
	}
	// Another account can be the system account, and the rule is the same.
	renamed := guarded(t, strings.ReplaceAll(users, "$SYS", "OPS")+"\nsystem_account: OPS")
	renamed.wire().enters(`"protocol":0`)
	renamed.tries(attempt{name: "admin", options: []nats.Option{nats.UserInfo("admin", "the-password")}, user: "OPS/user:admin", shown: "admin"})
}

// Whoever writes an authorization block means it, whatever it says: nobody enters by the user that
// would have been made up.
func TestAuthorizationBlockRulesOutTheHiddenUser(t *testing.T) {
	t.Parallel()
	for _, block := range []string{"users: []", "timeout: 5"} {
		t.Run(block, func(t *testing.T) {
			g := guarded(t, `accounts { $SYS { users: [ {user: admin, password: the-password} ] } }
				authorization { `+block+` }`, "the-password")
			require.True(t, g.wire().info.Auth)
			g.tries(attempt{name: "nothing"})
		})
	}
}

// INFO tells users of the system account where they are.
func TestInfoOfSystemAccount(t *testing.T) {
	t.Parallel()
	g := guarded(t, `accounts { $SYS { users: [ {user: admin, password: the-password} ] } }`, "the-password")
	g.tells(`
admin connects with {"verbose":false,"user":"admin","pass":"the-password","protocol":1}
admin > PING
admin < PONG
admin < INFO {json remote_account="$SYS" acc_is_sys=true auth_required=true}
other connects with {"verbose":false,"protocol":1}
other > PING
other < PONG
other < INFO {json remote_account="$G" acc_is_sys=absent}
admin > SUB > 1
other > SUB > 1
admin > PUB a 1
admin > s
admin < MSG a 1 1
admin < s
other > PUB a 1
other > g
other < MSG a 1 1
other < g
admin quiet
other quiet
`)
}

// A user may be bound to some kinds of connections; any other kind is a bad login.
func TestConnectionTypes(t *testing.T) {
	t.Parallel()
	ann := newKey(t, nkeys.CreateUser)
	g := guarded(t, fmt.Sprintf(`
		authorization { users: [
			{user: net, password: the-password, allowed_connection_types: [STANDARD, websocket]}
			{user: here, password: the-password, allowed_connection_types: IN_PROCESS}
			{user: both, password: the-password, allowed_connection_types: [in_process, "standard"]}
			{user: web, password: the-password, allowed_connection_types: [WEBSOCKET]}
			{nkey: %s, allowed_connection_types: [IN_PROCESS]}
		] }`, ann.public), "the-password", ann.seed)
	dials := map[string]func() (net.Conn, error){"tcp": dialer(g.Server), "in process": g.InProcessConn}
	for _, c := range []struct {
		user, kind string
		in         bool
	}{
		{"net", "tcp", true}, {"net", "in process", false},
		{"here", "tcp", false}, {"here", "in process", true},
		{"both", "tcp", true}, {"both", "in process", true},
		{"web", "tcp", false}, {"web", "in process", false},
	} {
		steps := fmt.Sprintf("c connects with {\"verbose\":false,\"user\":%q,\"pass\":\"the-password\"}\n", c.user)
		if c.in {
			steps += "c quiet\n"
		} else {
			steps += "c < -ERR 'Authorization Violation'\nc closed: Authentication Failure\n"
		}
		g.tellsOver(dials[c.kind], steps)
	}
	w := g.wire()
	w.refused(fmt.Sprintf(`"nkey":%q,"sig":%q`, ann.public, g.secret(ann.signs(t, w.info.Nonce))), "Authentication Failure")
	inside, err := nats.Connect("", nats.InProcessServer(g), ann.option(g), nats.Timeout(soon))
	require.NoError(t, err)
	inside.Close()
}

// A program that embeds the server hears why it was refused, at once, from the client library. That
// sends CONNECT and PING as two writes, of which the second has to be taken by somebody.
func TestRefusalInProcess(t *testing.T) {
	t.Parallel()
	g := guarded(t, `authorization { users: [ {user: ann, password: the-password} ] }`, "the-password", "the-guess")
	_, err := nats.Connect("", nats.InProcessServer(g), nats.UserInfo("ann", "the-guess"), nats.Timeout(soon))
	require.ErrorIs(t, err, nats.ErrAuthorization)
	ended, _ := g.lastClosed(0)
	require.Equal(t, "Authentication Failure", ended.Reason)
}

// The user for those who say nothing may be bound to a kind of connection, too.
func TestNoAuthUserOfOneConnectionType(t *testing.T) {
	t.Parallel()
	g := guarded(t, `
		authorization { users: [ {user: guest, password: the-password, allowed_connection_types: [IN_PROCESS]} ] }
		no_auth_user: guest`)
	g.tellsOver(g.InProcessConn, "c connects\nc quiet\n")
	g.tells("c connects\nc > PING\nc < -ERR 'Authorization Violation'\nc closed: Authentication Failure\n")
	g.tells("c connects with {}\nc < -ERR 'Authorization Violation'\nc closed: Authentication Failure\n")
}

// Who does not say who he is in time has to go, whatever part of CONNECT he has sent. Others stay.
func TestAuthTimeout(t *testing.T) {
	t.Parallel()
	g := guarded(t, `authorization { timeout: 0.3, users: [ {user: ann, password: the-password} ] }`, "the-password")
	in := g.wire().enters(`"user":"ann","pass":"the-password"`)
	var silent []*wire
	for _, said := range []string{"", "C", `CONNECT {"user":"ann","pass":"the-password"`, `CONNECT {"user":"ann","pass":"the-password"}` + "\r"} {
		w := g.wire()
		_, err := w.conn.Write([]byte(said))
		require.NoError(t, err)
		silent = append(silent, w)
	}
	for _, w := range silent {
		w.turnedAway("Authentication Timeout", "Authentication Timeout")
		g.logs("ERR ", fmt.Sprintf("cid:%d - authentication timeout", w.info.CID))
	}
	in.say("PING")
	require.Equal(t, "PONG", in.hear())
	// In process, too.
	g.tellsOver(g.InProcessConn, "c connects\nc < -ERR 'Authentication Timeout'\nc closed: Authentication Timeout\n")
	require.Equal(t, 1, g.NumClients())
}

// Where one need not say who he is there is no time for it.
func TestNoAuthTimeoutWithoutNeed(t *testing.T) {
	t.Parallel()
	required := guarded(t, `authorization { timeout: 0.1, users: [ {user: ann, password: the-password} ] }`)
	open := guarded(t, `
		authorization { timeout: 0.1, users: [ {user: ann, password: the-password} ] }
		no_auth_user: ann`)
	w := open.wire()
	// It connected before one that had to go.
	required.wire().turnedAway("Authentication Timeout", "Authentication Timeout")
	w.say("PING")
	require.Equal(t, "PONG", w.hear())
}

// A second CONNECT is a new login: its account is another, its subscriptions are gone, and the
// permissions are those of the new user.
func TestSecondConnect(t *testing.T) {
	t.Parallel()
	g := guarded(t, `
		accounts {
			A { users: [ {user: ann, password: a-password} ], limits { max_connections: 1 } }
			B { users: [ {user: bob, password: b-password, permissions { publish: b, subscribe: b } } ], limits { max_payload: 5 } }
		}`, "a-password", "b-password", "the-guess")
	const ann, bob = `"user":"ann","pass":"a-password"`, `"user":"bob","pass":"b-password"`
	w := g.wire().enters(ann)
	other := g.wire().enters(bob)
	before := g.NumSubscriptions()
	w.say("SUB > 1\r\nSUB b 2\r\nPING")
	require.Equal(t, "PONG", w.hear())
	require.EqualValues(t, before+2, g.NumSubscriptions())

	w.enters(bob)
	require.Equal(t, before, g.NumSubscriptions())
	require.Equal(t, "B", g.entered(w.info.CID, status.ConnOpen).Account)
	other.say("PUB b 1\r\nx\r\nPING")
	require.Equal(t, "PONG", other.hear())
	w.say("SUB > 1\r\nSUB b 2\r\nPUB a 1\r\nx\r\nPUB b 1\r\ny\r\nPING")
	for _, want := range []string{
		`-ERR 'Permissions Violation for Subscription to ">"'`, `-ERR 'Permissions Violation for Publish to "a"'`,
		"MSG b 2 1", "y", "PONG",
	} {
		require.Equal(t, want, w.hear())
	}
	// The place in A is free again, for one.
	third := g.wire().enters(ann)
	w.say("CONNECT {%s}", ann)
	w.turnedAway("maximum account active connections exceeded", "Maximum Account Connections Exceeded")
	third.enters(ann) // its place is its own

	// Merged over the first, the second need not say everything again; and a bad one is the end.
	other.say(`CONNECT {"verbose":true}`)
	require.Equal(t, "+OK", other.hear())
	other.refused(`"pass":"the-guess"`, "Authentication Failure")
	require.Empty(t, g.entered(other.info.CID, status.ConnClosed).Account, "it went back to $G")
	eventually(t, func() bool { return g.NumClients() == 1 })
}
