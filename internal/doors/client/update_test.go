package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/trust/auth"
)

// update gives the door a changed copy of its configuration.
func (st *site) update(change func(*Config)) {
	cfg := st.cfg().Config
	change(&cfg)
	st.Update(cfg)
}

// renewed updates and waits until the clients, who must stay, have taken it over.
func (st *site) renewed(change func(*Config), clients ...*peer) {
	st.t.Helper()
	st.update(change)
	for _, p := range clients {
		p.settled()
	}
}

// settled waits for what was posted, and for what was said before.
func (p *peer) settled() {
	p.st.t.Helper()
	p.st.eventually(func() bool {
		for _, s := range p.st.table.all() {
			if s.conn.Posted() {
				return false
			}
		}
		return true
	}, "posts were run")
}

// logins are an Authenticator for users who are all in account A unless they say otherwise.
func (st *site) logins(before identity.Authenticator, users ...auth.User) *auth.Logins {
	st.t.Helper()
	for i := range users {
		if users[i].Account == nil {
			users[i].Account = st.accounts.Get("A")
		}
		users[i].Limits = account.Unlimited()
	}
	l, err := auth.New(auth.Config{Users: users, Before: before})
	require.NoError(st.t, err)
	return l
}

// user is one with a password, and perhaps permissions.
func user(t *testing.T, name, pass string, rules ...perm.Rules) auth.User {
	t.Helper()
	u := auth.User{Name: name, Password: pass}
	for _, r := range rules {
		var err error
		u.Permissions, err = perm.Compile(r)
		require.NoError(t, err)
	}
	return u
}

// populated has account A and users in front of the door.
func populated(users ...auth.User) func(*site, *Config) {
	return func(st *site, cfg *Config) {
		st.accounts.Put(account.Spec{Name: "A", Limits: account.Unlimited()})
		cfg.Auth, cfg.AuthConfigured = st.logins(nil, users...), true
	}
}

// login are CONNECT options.
func login(name, pass string) string {
	return fmt.Sprintf(`{"verbose":false,"pedantic":false,"user":%q,"pass":%q}`, name, pass)
}

// reasons are why the last connections have ended, once there are so many.
func (st *site) reasons(n int) (all []closed.Reason) {
	st.t.Helper()
	st.eventually(func() bool { return len(st.Report().Ended) >= n }, "connections end")
	for _, i := range st.Report().Ended {
		all = append(all, i.Reason)
	}
	return all
}

// What becomes of a client of user alice when the logins change.
func TestIdentityIsCheckedAgain(t *testing.T) {
	const refused = "-ERR 'Authorization Violation'\r\n"
	for _, c := range []struct {
		name   string
		after  func(st *site) identity.Authenticator
		told   string
		reason closed.Reason // Open if it stays
		log    string
	}{
		{"nothing changed", func(st *site) identity.Authenticator { return st.logins(nil, user(st.t, "alice", "p")) }, "", closed.Open, ""},
		{"user is gone", func(st *site) identity.Authenticator { return st.logins(nil, user(st.t, "bob", "p")) }, "", closed.ClientClosed, ""},
		{"other account", func(st *site) identity.Authenticator {
			u := user(st.t, "alice", "p")
			u.Account = st.accounts.Put(account.Spec{Name: "B", Limits: account.Unlimited()})
			return st.logins(nil, u)
		}, "", closed.ClientClosed, ""},
		{"account removed and made again", func(st *site) identity.Authenticator {
			require.True(st.t, st.accounts.Remove("A"))
			st.accounts.Put(account.Spec{Name: "A", Limits: account.Unlimited()})
			return st.logins(nil, user(st.t, "alice", "p"))
		}, "", closed.ClientClosed, ""},
		{"other password", func(st *site) identity.Authenticator { return st.logins(nil, user(st.t, "alice", "q")) }, refused,
			closed.AuthenticationFailure, `authentication error - User "alice"`},
		{"kind is not allowed", func(st *site) identity.Authenticator {
			u := user(st.t, "alice", "p")
			u.Kinds = []identity.Kind{identity.InProcess}
			return st.logins(nil, u)
		}, refused, closed.AuthenticationFailure, `authentication error - User "alice"`},
		{"a proxy is required", func(st *site) identity.Authenticator {
			u := user(st.t, "alice", "p")
			u.ProxyRequired = true
			return st.logins(nil, u)
		}, refused, closed.ProxyRequired, "proxy connection required"},
		{"no logins any more", func(st *site) identity.Authenticator { return auth.NewOpen(st.global()) }, "", closed.ClientClosed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := build(t, populated(user(t, "alice", "p")))
			p := st.client(login("alice", "p"))
			st.update(func(cfg *Config) { cfg.Auth = c.after(st) })
			if c.reason == closed.Open {
				p.say("PING\r\n")
				p.expect("PONG\r\n")
				require.Equal(t, 1, st.accounts.Get("A").Connections())
				return
			}
			require.Equal(t, c.told, p.ended())
			require.Equal(t, []closed.Reason{c.reason}, st.reasons(1))
			require.Contains(t, st.log.text("ERR"), c.log)
			require.Equal(t, c.log == "", st.log.text("ERR") == "")
			st.eventually(func() bool { return st.Connections() == 0 }, "the end")
			require.Zero(t, st.accounts.Get("A").Connections())
		})
	}
}

// Authentication is switched on: who cannot say who he is goes, who could have said so stays. Who
// has said nothing yet has the time for it from now on.
func TestAuthenticationIsSwitchedOn(t *testing.T) {
	st := build(t, func(st *site, cfg *Config) { cfg.Pings.Interval = time.Hour })
	silent, anonymous, unasked, alice := st.dial(), st.client(quietly), st.dial(), st.client(login("alice", "p"))
	unasked.say("PING\r\n")
	unasked.until("PONG\r\n")
	u := user(t, "alice", "p")
	u.Account = st.global()
	st.update(func(cfg *Config) { cfg.Auth, cfg.AuthTimeout = st.logins(nil, u), 50*time.Millisecond })
	require.Equal(t, "-ERR 'Authorization Violation'\r\n", anonymous.ended())
	require.Equal(t, "-ERR 'Authorization Violation'\r\n", unasked.ended())
	require.Equal(t, "-ERR 'Authentication Timeout'\r\n", silent.ended())
	alice.say("PING\r\n")
	alice.expect("PONG\r\n")
	st.eventually(func() bool { return st.global().Connections() == 1 }, "the others have left")
}

// Authentication is switched off: who has not said who he is need not hurry any more.
func TestAuthenticationIsSwitchedOff(t *testing.T) {
	st := build(t, populated(user(t, "alice", "p")), func(_ *site, cfg *Config) { cfg.AuthTimeout = time.Hour })
	p := st.dial()
	st.renewed(func(cfg *Config) { cfg.Auth = auth.NewOpen(st.global()) }, p)
	for _, s := range st.table.all() {
		require.True(t, s.pings.known.Load())
	}
	p.say("PING\r\n")
	p.until("PONG\r\n")
}

// Permissions are in force at once: subscriptions that are not allowed any more are removed, the
// others stay, as does the connection.
func TestPermissionsChange(t *testing.T) {
	both := perm.Rules{Subscribe: perm.List{Allow: []string{"foo", "bar", "baz q"}}}
	st := build(t, populated(user(t, "alice", "p", both), user(t, "bob", "p")))
	alice, bob := st.client(login("alice", "p")), st.client(login("bob", "p"))
	alice.say("SUB foo 1\r\nSUB bar 2\r\nSUB baz q x7\r\nSUB zzz 8\r\nPING\r\n")
	alice.until("PONG\r\n")

	fewer := perm.Rules{Subscribe: perm.List{Allow: []string{"bar", "zzz"}}, Publish: perm.List{Deny: []string{"pub"}}}
	st.renewed(func(cfg *Config) {
		cfg.Auth = st.logins(cfg.Auth, user(t, "alice", "p", fewer), user(t, "bob", "p"))
	}, alice, bob)
	alice.expect(`-ERR 'Permissions Violation for Subscription to "foo" (sid "1")'` + "\r\n" +
		`-ERR 'Permissions Violation for Subscription to "baz" using queue "q" (sid "x7")'` + "\r\n")
	log := st.log.text("INF")
	require.Contains(t, log, `Removed sub "foo" (sid "1") for User "alice" - not authorized`)
	require.Contains(t, log, `Removed sub "baz" (sid "x7") for User "alice" - not authorized`)
	require.Equal(t, 2, strings.Count(log, "Removed"))
	require.Equal(t, 1, st.accounts.Get("A").Subscriptions())

	bob.say(pub("foo", "1") + pub("bar", "2") + pub("baz", "3") + "PING\r\n")
	bob.until("PONG\r\n")
	alice.say(pub("pub", "4") + "PING\r\n")
	alice.expect(msgLine("bar", "2", "2") + `-ERR 'Permissions Violation for Publish to "pub"'` + "\r\nPONG\r\n")

	st.renewed(func(cfg *Config) { cfg.Auth = st.logins(cfg.Auth, user(t, "alice", "p"), user(t, "bob", "p")) }, alice, bob)
	alice.say("SUB foo 1\r\n" + pub("pub", "5") + "PING\r\n") // the sid is free again
	alice.expect("PONG\r\n")
	bob.say(pub("foo", "6") + "PING\r\n")
	alice.expect(msgLine("foo", "1", "6"))
}

// Nothing that was staged for a subscription follows the word of its removal.
func TestNothingFollowsARemoval(t *testing.T) {
	st := build(t, populated(user(t, "alice", "p")))
	alice, bob := st.hand(login("alice", "p")), st.hand(login("alice", "p"))
	alice.do("SUB foo 1\r\nSUB * 2\r\n")
	trip := bob.stage(pub("foo", "x"))
	st.update(func(cfg *Config) {
		cfg.Auth = st.logins(cfg.Auth, user(t, "alice", "p", perm.Rules{Subscribe: perm.List{Allow: []string{"*"}, Deny: []string{"foo"}}}))
	})
	require.NoError(t, alice.renew())
	finish(trip)
	require.Equal(t, `-ERR 'Permissions Violation for Subscription to "foo" (sid "1")'`+"\r\n"+msgLine("foo", "2", "x"), alice.got(),
		"what was sent before the change is not taken back from the subscription that stays")
	bob.do(pub("foo", "y"))
	require.Empty(t, alice.got(), "it is denied now")
}

// Who may answer a message still may after a change of something else.
func TestRepliesSurviveAnUpdate(t *testing.T) {
	answering := perm.Rules{Subscribe: perm.List{Allow: []string{"ask"}}, Responses: &perm.Responses{Max: 2}}
	st := build(t, populated(user(t, "alice", "p", answering), user(t, "bob", "p")))
	alice, bob := st.hand(login("alice", "p")), st.hand(login("bob", "p"))
	alice.do("SUB ask 1\r\n")
	bob.do("SUB answer 1\r\nPUB ask answer 1\r\nx\r\n")
	alice.got()
	st.update(func(cfg *Config) {
		cfg.Auth = st.logins(cfg.Auth, user(t, "alice", "p", answering), user(t, "bob", "p"))
	})
	alice.do(pub("answer", "y"))
	require.Empty(t, alice.got())
	require.Equal(t, msgLine("answer", "1", "y"), bob.got())
}

// Limits of an account are those of its open connections, too.
func TestAccountLimitsChange(t *testing.T) {
	st := build(t, populated(user(t, "alice", "p")))
	oldest := st.client(login("alice", "p"))
	oldest.say("SUB a 1\r\n")
	st.client(login("alice", "p")).say("SUB a 1\r\n")
	greedy := st.client(login("alice", "p"))
	greedy.say("SUB a 1\r\nSUB b 2\r\nPING\r\n")
	greedy.until("PONG\r\n")
	st.accounts.Put(account.Spec{Name: "A", Limits: account.Limits{Connections: -1, Subscriptions: 1, Payload: 3}})
	st.update(func(*Config) {})
	require.Equal(t, "-ERR 'maximum subscriptions exceeded'\r\n", greedy.ended())
	require.Equal(t, []closed.Reason{closed.MaxSubscriptions}, st.reasons(1))
	st.eventually(func() bool { return st.Connections() == 2 }, "the others stay")

	p := st.client(login("alice", "p"))
	st.accounts.Put(account.Spec{Name: "A", Limits: account.Limits{Connections: 1, Subscriptions: 1, Payload: 2}})
	st.update(func(*Config) {})
	st.eventually(func() bool { return st.Connections() == 1 && st.accounts.Get("A").Connections() == 1 }, "the surplus goes")
	require.Equal(t, []closed.Reason{closed.MaxSubscriptions, closed.MaxAccountConnections, closed.MaxAccountConnections}, st.reasons(3))
	require.Equal(t, "-ERR 'maximum account active connections exceeded'\r\n", p.ended())
	oldest.say(pub("a", "xyz"))
	require.Equal(t, "-ERR 'Maximum Payload Violation'\r\n", oldest.ended())
}

// Limits of the server are those of open connections, too.
func TestServerLimitsChange(t *testing.T) {
	for say, want := range map[string]string{
		pub("a", "xyz"): "-ERR 'Maximum Payload Violation'\r\n",
		"SUB " + strings.Repeat("x", 50) + " 1\r\n": "-ERR 'maximum control line exceeded'\r\n",
	} {
		st := build(t)
		fresh, p := st.dial(), st.client(quietly)
		st.update(func(cfg *Config) { cfg.MaxPayload, cfg.MaxLine = 2, 40 })
		p.say(say)
		require.Equal(t, want, p.ended())
		fresh.say(say)
		require.Contains(t, fresh.ended(), want)
		later := newPeer(st, st.connect())
		require.Contains(t, later.until("\r\n"), `"max_payload":2,`)
	}
}

// connect makes a connection and returns the client's end.
func (st *site) connect() net.Conn {
	ours, theirs := net.Pipe()
	st.Accept(ours, identity.Standard)
	return theirs
}

// Surplus connections are closed, each of them once.
func TestMaxConnectionsIsLowered(t *testing.T) {
	st := build(t)
	var peers []*peer
	for range 6 {
		peers = append(peers, st.client(quietly))
	}
	st.update(func(cfg *Config) { cfg.MaxConnections = 4 })
	st.update(func(cfg *Config) { cfg.MaxConnections = 3 })
	st.eventually(func() bool { return st.Connections() == 3 }, "the surplus goes")
	require.Contains(t, st.log.text("INF"), "Closed 2 connections to fall within max_connections")
	require.Contains(t, st.log.text("INF"), "Closed 1 connections to fall within max_connections")
	gone := func() (n int) {
		for _, p := range peers {
			p.mu.Lock()
			if p.end != nil {
				require.Equal(t, "-ERR 'maximum connections exceeded'\r\n", string(p.in))
				n++
			}
			p.mu.Unlock()
		}
		return n
	}
	st.eventually(func() bool { return gone() == 3 }, "three are told and closed")
	for _, r := range st.reasons(3) {
		require.Equal(t, closed.MaxConnections, r)
	}
	p := newPeer(st, st.connect())
	require.Contains(t, p.ended(), "maximum connections exceeded")

	st.update(func(cfg *Config) { cfg.MaxConnections = -1 })
	st.eventually(func() bool { return st.Connections() == 0 }, "all go")
	st.update(func(cfg *Config) { cfg.MaxConnections = 0 })
	st.client(quietly)
}

// Connections whose certificate is not pinned any more are closed; plain ones are not concerned.
func TestPinnedCertificatesChange(t *testing.T) {
	st := build(t, secured(func(c *TLS) { c.Config.ClientAuth = tls.RequireAnyClientCert }))
	cert, err := certificate()
	require.NoError(t, err)
	p := newPeer(st, st.connect())
	p.until("\r\n")
	p.pause()
	client := tls.Client(p.nc, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}})
	require.NoError(t, client.Handshake())
	secure := newPeer(st, client)
	secure.say("CONNECT " + quietly + "\r\nPING\r\n")
	secure.until("PONG\r\n")
	ours, theirs := net.Pipe()
	st.Accept(ours, identity.InProcess)
	plain := newPeer(st, theirs)
	plain.until("\r\n")

	st.update(func(cfg *Config) { cfg.TLS.Pinned = func(c []*x509.Certificate) bool { return len(c) == 1 } })
	secure.say("PING\r\n")
	secure.until("PONG\r\n")
	require.NotContains(t, st.log.text("INF"), "pinned")
	st.update(func(cfg *Config) { cfg.TLS.Pinned = func([]*x509.Certificate) bool { return false } })
	secure.ended()
	require.Equal(t, []closed.Reason{closed.TLSHandshakeFailure}, st.reasons(1))
	require.Contains(t, st.log.text("INF"), "Disconnect 1 clients due to pinned certs reload")
	plain.say("PING\r\n")
	plain.until("PONG\r\n")
}

// A new interval of pings is used from the next ping on.
func TestPingsChange(t *testing.T) {
	st := build(t, func(_ *site, cfg *Config) { cfg.Pings.Interval, cfg.Pings.Max = 10*time.Millisecond, 1<<20 })
	p := st.client(quietly)
	p.until("PING\r\nPING\r\n")
	st.update(func(cfg *Config) { cfg.Pings.Max = 0 })
	require.Contains(t, p.ended(), "-ERR 'Stale Connection'\r\n")
}

// Everything that a session does may happen beside updates.
func TestUpdatesBesideTraffic(t *testing.T) {
	st := build(t, populated(user(t, "alice", "p")))
	st.log.tracing.Store(true)
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 4 {
		p := st.client(login("alice", "p"))
		all.Go(func() {
			for i := range 100 {
				p.say(fmt.Sprintf("SUB a.%d %d\r\n", i, i) + pub("a.1", "x") + "PING\r\n")
				p.until("PONG\r\n")
			}
			cancel()
		})
	}
	rules := []perm.Rules{{}, {Subscribe: perm.List{Deny: []string{"a.7"}}}}
	for i := 0; ctx.Err() == nil; i++ {
		st.update(func(cfg *Config) {
			cfg.Auth = st.logins(cfg.Auth, user(t, "alice", "p", rules[i%2]))
			cfg.Trace.MaxPayload, cfg.NoStall = i, i%2 == 0
		})
	}
	all.Wait()
	require.Equal(t, 4, st.Connections())
	require.Zero(t, st.panics.Load())
}

// A report tells connections of the process itself from others.
func TestReportsOfKinds(t *testing.T) {
	st := build(t)
	ours, theirs := net.Pipe()
	st.Accept(ours, identity.InProcess)
	newPeer(st, theirs).until("\r\n")
	require.Equal(t, identity.InProcess, st.Report().Open[0].Kind)
}

// The summary says the same as the report.
func TestSummary(t *testing.T) {
	st := build(t)
	a, b := st.client(quietly), st.client(quietly)
	a.say("SUB a 1\r\n" + pub("a", "xyz") + "PING\r\n")
	a.until("PONG\r\n")
	b.say(pub("a", "xyz") + "PING\r\n")
	b.until("PONG\r\n")
	b.close()
	st.eventually(func() bool { return st.Connections() == 1 }, "the end")
	r := st.Report()
	want := Summary{Open: 1, Accepted: 2, Totals: r.Totals}
	require.Equal(t, want, st.Summary())
	require.Equal(t, Totals{InMsgs: 2, InBytes: 6, OutMsgs: 2, OutBytes: 6}, want.Totals)
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return // with the race detector pools forget what they have
	}
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { st.Summary() }), 1.0)
}

// A publisher that waits for slow consumers goes on waiting though its reader is wanted: a reload that
// changes nothing must not make it overrun them.
func TestPostsWaitForConsumers(t *testing.T) {
	st := build(t)
	h := st.hand(quietly)
	h.conn.Post(func() error { return nil })
	require.False(t, h.pressure.Publisher.Ended())
	h.conn.Close(closed.ClientClosed)
	require.True(t, h.pressure.Publisher.Ended())
}

// With NoStall nobody waits for a slow consumer, also if that is said later.
func TestNoStall(t *testing.T) {
	for _, never := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			st := build(t, limited(100_000))
			st.patience = time.Hour
			slow, publisher := st.hand(quietly), st.hand(quietly)
			slow.do("SUB a 1\r\n")
			cfg := st.cfg().Config
			cfg.NoStall = never
			st.now.Store(st.settings(cfg)) // and no post, which nobody would run here
			slow.pause()
			start := time.Now()
			for !slow.conn.Ended() {
				publisher.do(strings.Repeat(pub("a", strings.Repeat("x", 1000)), 10))
			}
			require.Equal(t, never, publisher.pressure.Stalls.Load() == 0)
			require.Equal(t, never, time.Since(start) == 0)
		})
	}
}

// deciding is an Authenticator that does something while it decides.
type deciding struct {
	identity.Authenticator
	meanwhile func()
}

func (d deciding) Authenticate(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	id, err := d.Authenticator.Authenticate(ctx, c)
	d.meanwhile()
	return id, err
}

// New settings count for the rest of what was read with the command before.
func TestNewSettingsInABatch(t *testing.T) {
	before := user(t, "alice", "secret")
	after := user(t, "alice", "secret", perm.Rules{Subscribe: perm.List{Deny: []string{"a"}}})
	st := build(t, populated(before))
	old := st.cfg().Auth
	st.update(func(cfg *Config) {
		cfg.Auth = deciding{old, func() {
			st.update(func(cfg *Config) { cfg.Auth = st.logins(old, after) })
		}}
	})
	h := st.hand("")
	h.do("CONNECT " + login("alice", "secret") + "\r\nSUB a 1\r\nSUB b 2\r\nPING\r\n")
	require.Equal(t, "-ERR 'Permissions Violation for Subscription to \"a\"'\r\nPONG\r\n", h.got())
}
