package client

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
)

// gate is an Authenticator that knows users by name; their password is the name backwards. Users
// whose name is "bomb" make it panic.
type gate struct {
	required bool
	users    map[string]*identity.Identity // "" is who gives no name

	mu   sync.Mutex
	seen []identity.Credentials
}

func (g *gate) Required() bool { return g.required }
func (g *gate) Nonce() bool    { return false }

func (g *gate) Authenticate(_ context.Context, c *identity.Credentials) (*identity.Identity, error) {
	g.mu.Lock()
	g.seen = append(g.seen, *c)
	g.mu.Unlock()
	if c.User == "bomb" {
		panic("boom")
	}
	id := g.users[c.User]
	if id == nil || (c.User != "" && c.Pass != backwards(c.User)) {
		return nil, identity.ErrDenied
	}
	return id, nil
}

func (g *gate) Recheck(ctx context.Context, c *identity.Credentials, _ *identity.Identity) (*identity.Identity, error) {
	return g.Authenticate(ctx, c)
}

func backwards(s string) string {
	b := []byte(s)
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	return string(b)
}

// guarded puts a gate before the door. users are made by a function that gets the accounts.
func guarded(required bool, users func(r *account.Registry) map[string]*identity.Identity) func(*site, *Config) {
	return func(st *site, cfg *Config) {
		cfg.Auth = &gate{required: required, users: users(st.accounts)}
	}
}

// as are CONNECT options for a user of a gate.
func as(user string) string {
	return fmt.Sprintf(`{"verbose":false,"pedantic":false,"user":%q,"pass":%q}`, user, backwards(user))
}

// one is a single user, in an account of the given limits.
func one(limits account.Limits, own account.Limits) func(r *account.Registry) map[string]*identity.Identity {
	return func(r *account.Registry) map[string]*identity.Identity {
		a := r.Put(account.Spec{Name: "A", Limits: limits})
		return map[string]*identity.Identity{"alice": {Account: a, Limits: own, Label: "user:alice"}}
	}
}

func TestTheFirstOperationMustBeConnect(t *testing.T) {
	for _, c := range []struct {
		say  string
		fine bool
	}{
		{"CONNECT " + as("alice") + "\r\n", true},
		{"connect" + as("alice") + "\r\nPING\r\n", true},
		{"CONNECT " + as("mallory") + "\r\n", false},
		{`CONNECT {"user":"alice","pass":"wrong"}` + "\r\n", false},
		{"CONNECT {}\r\n", false},
		{"PING\r\n", false},
		{"PONG\r\n", false},
		{"+OK\r\n", false},
		{"INFO {}\r\n", false},
		{"SUB a 1\r\n", false},
		{"PUB a 1\r\nx\r\n", false},
		{"P", false}, // it needs no more to be wrong
		{"\r\n", false},
	} {
		t.Run(c.say, func(t *testing.T) {
			st := build(t, guarded(true, one(account.Unlimited(), account.Unlimited())))
			h := st.hand("")
			if c.fine {
				h.do(c.say)
				return
			}
			h.fail(c.say, closed.AuthenticationFailure)
			require.Equal(t, "-ERR 'Authorization Violation'\r\n", h.peer.until("\r\n"))
			require.Zero(t, st.accounts.Get("A").Connections())
		})
	}
}

// A C alone may become CONNECT, so it is waited for.
func TestAnUnfinishedConnectIsNoViolation(t *testing.T) {
	st := build(t, guarded(true, one(account.Unlimited(), account.Unlimited())))
	h := st.hand("")
	used, _, err := h.Read([]byte("CONN"), h.conn.Started())
	require.NoError(t, err)
	require.Zero(t, used)
}

func TestInfoSaysWhetherCredentialsAreWanted(t *testing.T) {
	for _, required := range []bool{true, false} {
		st := build(t, guarded(required, func(r *account.Registry) map[string]*identity.Identity {
			return map[string]*identity.Identity{"": {Account: r.Get(account.Global), Limits: account.Unlimited()}}
		}))
		ours, theirs := net.Pipe()
		p := newPeer(st, theirs)
		st.Accept(ours, identity.Standard)
		require.Equal(t, required, strings.Contains(p.until("\r\n"), `"auth_required":true`))
	}
}

// The authenticator gets what the client gave, and nothing else.
func TestCredentials(t *testing.T) {
	st := build(t, guarded(true, one(account.Unlimited(), account.Unlimited())))
	h := st.hand("")
	h.do(`CONNECT {"user":"alice","pass":"ecila","auth_token":"t","jwt":"j","nkey":"n","sig":"s","proxy_sig":"p"}` + "\r\n")
	g := st.cfg().Auth.(*gate)
	require.Equal(t, []identity.Credentials{{
		User: "alice", Pass: "ecila", Token: "t", JWT: "j", NKey: "n", Sig: "s", ProxySig: "p",
		Kind: identity.Standard, Remote: "pipe",
		ID: h.owner.ID, Addr: h.conn.Socket().RemoteAddr(), Options: h.options,
	}}, g.seen)
}

// Users of different accounts do not hear each other.
func TestAccountsAreApart(t *testing.T) {
	st := build(t, guarded(true, func(r *account.Registry) map[string]*identity.Identity {
		a, b := r.Put(account.Spec{Name: "A", Limits: account.Unlimited()}), r.Put(account.Spec{Name: "B", Limits: account.Unlimited()})
		return map[string]*identity.Identity{
			"alice": {Account: a, Limits: account.Unlimited()}, "anna": {Account: a, Limits: account.Unlimited()},
			"bob": {Account: b, Limits: account.Unlimited()},
		}
	}))
	alice, anna, bob := st.hand(as("alice")), st.hand(as("anna")), st.hand(as("bob"))
	anna.do("SUB s 1\r\n")
	bob.do("SUB s 1\r\n")
	alice.do(pub("s", "x"))
	require.Equal(t, msgLine("s", "1", "x"), anna.got())
	require.Empty(t, bob.got())
}

// A second CONNECT may change the account: what was subscribed to in the first is gone.
func TestConnectingAgainAsSomebodyElse(t *testing.T) {
	st := build(t, guarded(false, func(r *account.Registry) map[string]*identity.Identity {
		b := r.Put(account.Spec{Name: "B", Limits: account.Unlimited()})
		return map[string]*identity.Identity{
			"":    {Account: r.Get(account.Global), Limits: account.Unlimited()},
			"bob": {Account: b, Limits: account.Unlimited()},
		}
	}))
	h, p := st.hand(quietly), st.hand(quietly)
	h.do("SUB s 1\r\n" + pub("s", "x"))
	b := st.accounts.Get("B")
	require.Equal(t, []int{2, 0}, []int{st.global().Connections(), b.Connections()})
	h.do("CONNECT " + as("bob") + "\r\nSUB s 2\r\n" + pub("s", "y"))
	require.Equal(t, []int{1, 1}, []int{st.global().Connections(), b.Connections()})
	p.do(pub("s", "z"))
	require.Equal(t, msgLine("s", "1", "x")+msgLine("s", "2", "y"), h.got())
	require.Zero(t, st.global().Subscriptions())
	h.fail("CONNECT "+as("mallory")+"\r\n", closed.AuthenticationFailure)
	h.leave(closed.ClientClosed)
	require.Zero(t, b.Connections())
	require.Zero(t, b.Subscriptions())
}

func TestHistoricAccountOptionsAreRefused(t *testing.T) {
	for _, options := range []string{`{"account":"A"}`, `{"new_account":true}`} {
		st := build(t)
		h := st.hand("")
		h.fail("CONNECT "+options+"\r\n", closed.AuthenticationFailure)
		require.Equal(t, "-ERR 'Authorization Violation'\r\n", h.peer.until("\r\n"))
	}
}

func TestConnectionsOfAnAccount(t *testing.T) {
	limits := account.Unlimited()
	limits.Connections = 2
	st := build(t, guarded(true, one(limits, account.Unlimited())))
	first, _ := st.hand(as("alice")), st.hand(as("alice"))
	third := st.hand("")
	third.fail("CONNECT "+as("alice")+"\r\n", closed.MaxAccountConnections)
	require.Equal(t, "-ERR 'maximum account active connections exceeded'\r\n", third.peer.until("\r\n"))
	third.leave(closed.ClientClosed)
	require.Equal(t, 2, st.accounts.Get("A").Connections())
	first.leave(closed.ClientClosed)
	st.hand(as("alice"))
	require.Equal(t, 2, st.accounts.Get("A").Connections())
}

// A connection that has its place does not need a second one to connect again.
func TestConnectingAgainNeedsNoSecondPlace(t *testing.T) {
	limits := account.Unlimited()
	limits.Connections = 1
	for _, required := range []bool{true, false} {
		st := build(t, guarded(required, func(r *account.Registry) map[string]*identity.Identity {
			id := &identity.Identity{Account: r.Put(account.Spec{Name: "A", Limits: limits}), Limits: account.Unlimited()}
			return map[string]*identity.Identity{"": id, "alice": id}
		}))
		h := st.hand(as("alice"))
		h.do("CONNECT " + as("alice") + "\r\nPING\r\n")
		require.Equal(t, "PONG\r\n", h.got())
		require.Equal(t, 1, st.accounts.Get("A").Connections())
		h.leave(closed.ClientClosed)
		require.Zero(t, st.accounts.Get("A").Connections())
	}
}

// Where no CONNECT is needed the account may be full all the same.
func TestAFullAccountRefuses(t *testing.T) {
	limits := account.Unlimited()
	limits.Connections = 1
	st := build(t, guarded(false, func(r *account.Registry) map[string]*identity.Identity {
		return map[string]*identity.Identity{"": {Account: r.Put(account.Spec{Name: "A", Limits: limits}), Limits: account.Unlimited()}}
	}))
	first := st.dial()
	first.say("PING\r\n")
	first.until("PONG\r\n")
	p := st.dial()
	p.say("PING\r\n")
	require.Equal(t, "-ERR 'maximum account active connections exceeded'\r\n", p.ended())
	st.eventually(func() bool { return len(st.Report().Ended) == 1 }, "the report")
	require.Equal(t, closed.MaxAccountConnections, st.Report().Ended[0].Reason)
}

// The smallest of the limits of server, account and user is in force.
func TestSubscriptionLimits(t *testing.T) {
	for _, c := range []struct {
		server, account, user int
		want                  int // -1: none
	}{
		{0, -1, -1, -1},
		{3, -1, -1, 3},
		{0, 3, -1, 3},
		{0, -1, 3, 3},
		{5, 4, 3, 3},
		{3, 4, 5, 3},
		{5, 3, 4, 3},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			of, own := account.Unlimited(), account.Unlimited()
			of.Subscriptions, own.Subscriptions = c.account, c.user
			st := build(t, guarded(true, one(of, own)), func(_ *site, cfg *Config) { cfg.MaxSubscriptions = c.server })
			h := st.hand(as("alice"))
			n := c.want
			if n < 0 {
				n = 50
			}
			for i := range n {
				h.do(fmt.Sprintf("SUB a %d\r\n", i))
			}
			require.Empty(t, h.got())
			if c.want < 0 {
				return
			}
			h.do("SUB a more\r\n")
			require.Equal(t, "-ERR 'maximum subscriptions exceeded'\r\n", h.got())
			require.Equal(t, n, st.accounts.Get("A").Subscriptions())
			if n > 0 {
				h.do("UNSUB 0\r\nSUB a more\r\n")
				require.Empty(t, h.got(), "one went, so one may come")
			}
		})
	}
}

func TestPayloadLimits(t *testing.T) {
	for _, c := range []struct {
		server, account, user int
		want                  int
	}{
		{-1, -1, -1, -1},
		{100, -1, -1, 100},
		{-1, 100, -1, 100},
		{-1, -1, 100, 100},
		{300, 200, 100, 100},
		{100, 200, 300, 100},
		{300, 100, 200, 100},
		{300, 0, -1, 0},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			of, own := account.Unlimited(), account.Unlimited()
			of.Payload, own.Payload = c.account, c.user
			st := build(t, guarded(true, one(of, own)), func(_ *site, cfg *Config) { cfg.MaxPayload = c.server })
			h := st.hand("")
			h.do(`CONNECT {"verbose":false,"pedantic":false,"protocol":1,"user":"alice","pass":"ecila"}` + "\r\nPING\r\n")
			h.peer.expect("PONG\r\n")
			info := h.peer.until("\r\n")
			require.Contains(t, info, fmt.Sprintf(`"max_payload":%d,`, c.want))
			require.Contains(t, info, `"connect_info":true,"remote_account":"A"`)
			if c.want < 0 {
				h.do(pub("a", strings.Repeat("x", 2<<20)))
				return
			}
			h.do(pub("a", strings.Repeat("x", c.want)))
			h.fail(pub("a", strings.Repeat("x", c.want+1)), closed.MaxPayload)
			require.Equal(t, "-ERR 'Maximum Payload Violation'\r\n", h.peer.until("\r\n"))
		})
	}
}

// The first INFO tells the limit of the server: nobody is known yet.
func TestTheFirstInfo(t *testing.T) {
	of := account.Unlimited()
	of.Payload = 100
	st := build(t, guarded(true, one(of, account.Unlimited())))
	ours, theirs := net.Pipe()
	p := newPeer(st, theirs)
	st.Accept(ours, identity.Standard)
	info := p.until("\r\n")
	require.Contains(t, info, `"max_payload":1048576,"client_id":1,"client_ip":"pipe",`)
	require.NotContains(t, info, "connect_info")
	require.NotContains(t, info, "remote_account")
}

func TestConnectChecks(t *testing.T) {
	for _, c := range []struct {
		name, options string
		headers       bool // whether the server has them
		text          string
		reason        closed.Reason
	}{
		{"protocol 2", `{"protocol":2}`, true, "invalid client protocol", closed.BadProtocolVersion},
		{"protocol -1", `{"protocol":-1}`, true, "invalid client protocol", closed.BadProtocolVersion},
		{"no responders without headers", `{"no_responders":true}`, true, "no responders requires headers support", closed.NoRespondersNeedHeaders},
		{"headers that the server has not", `{"no_responders":true,"headers":true}`, false, "no responders requires headers support", closed.NoRespondersNeedHeaders},
		{"bad JSON", `{"verbose":`, true, "", closed.ProtocolViolation},
		{"a bad type", `{"verbose":1}`, true, "", closed.ProtocolViolation},
		{"nothing", ``, true, "", closed.ProtocolViolation},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := build(t, func(_ *site, cfg *Config) { cfg.Info.Headers = c.headers })
			p := st.dial()
			p.say("CONNECT " + c.options + "\r\n")
			if c.text == "" {
				require.Empty(t, p.ended())
			} else {
				p.expect("-ERR '" + c.text + "'\r\n")
				p.close()
			}
			st.eventually(func() bool { return len(st.Report().Ended) == 1 }, "the report")
			require.Equal(t, c.reason, st.Report().Ended[0].Reason)
		})
	}
}

// The INFO that answers the first PING after CONNECT is for clients of protocol 1, once for each
// CONNECT.
func TestTheSecondInfo(t *testing.T) {
	st := build(t)
	old := st.hand("")
	old.do("PING\r\nCONNECT " + quietly + "\r\nPING\r\n")
	require.Equal(t, "PONG\r\nPONG\r\n", old.got())
	h := st.hand("")
	modern := `CONNECT {"verbose":false,"pedantic":false,"protocol":1}` + "\r\n"
	h.do("PING\r\n" + modern + "PING\r\nPING\r\n" + modern + "PING\r\n")
	h.peer.expect("PONG\r\nPONG\r\n")
	require.Contains(t, h.peer.until("\r\n"), `"connect_info":true,"remote_account":"$G"`)
	h.peer.expect("PONG\r\nPONG\r\n")
	require.Contains(t, h.peer.until("\r\n"), `"connect_info":true`)
	require.Empty(t, h.got())
}

// Before its CONNECT a client is verbose and pedantic, and has no headers.
func TestBeforeConnect(t *testing.T) {
	st := build(t)
	h := st.hand("")
	h.do("SUB a 1\r\n" + pub("a", "x") + pub("a.*", "y"))
	require.Equal(t, "+OK\r\n+OK\r\n"+msgLine("a", "1", "x")+"-ERR 'Invalid Publish Subject'\r\n+OK\r\n", h.got())
	h.do("CONNECT " + quietly + "\r\n" + pub("a", "z"))
	require.Equal(t, msgLine("a", "1", "z"), h.got(), "what was subscribed to before stays")
	other := st.hand("")
	other.fail("HPUB a 0 1\r\nx\r\n", closed.ProtocolViolation)
}

// Who begins without a name and gives one later leaves behind what he had as nobody in particular:
// it belongs to another account.
func TestANameEndsWhatWasThereBefore(t *testing.T) {
	st := build(t, guarded(false, func(r *account.Registry) map[string]*identity.Identity {
		limits := account.Unlimited()
		return map[string]*identity.Identity{
			"":    {Account: r.Put(account.Spec{Name: "X", Limits: limits}), Limits: limits},
			"bob": {Account: r.Put(account.Spec{Name: "Y", Limits: limits}), Limits: limits},
		}
	}))
	x, y := st.accounts.Get("X"), st.accounts.Get("Y")
	for range 3 {
		h := st.hand("")
		h.do("SUB a 1\r\nSUB b.* 2\r\nSUB c q 3\r\nPING\r\n")
		h.got()
		require.Equal(t, []int{3, 0}, []int{x.Subscriptions(), y.Subscriptions()})
		h.do("CONNECT " + as("bob") + "\r\nSUB a 4\r\nUNSUB 2\r\nPING\r\n")
		require.Equal(t, "PONG\r\n", h.got())
		require.Equal(t, []int{0, 1}, []int{x.Subscriptions(), y.Subscriptions()})
		require.Equal(t, []int{0, 1}, []int{x.Connections(), y.Connections()})
		h.leave(closed.ClientClosed)
		require.Equal(t, []int{0, 0, 0, 0}, []int{x.Subscriptions(), y.Subscriptions(), x.Connections(), y.Connections()})
	}
	require.Zero(t, st.Connections())
}

// Where nobody has a name, a CONNECT changes nobody, and subscriptions from before it stay.
func TestConnectKeepsWhatTheSameOneHad(t *testing.T) {
	st := build(t)
	h := st.hand("")
	h.do("SUB a 1\r\nCONNECT " + quietly + "\r\nPUB a 2\r\nhi\r\n")
	require.Contains(t, h.got(), "MSG a 1 2\r\nhi\r\n")
}
