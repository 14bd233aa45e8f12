package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// oracle is an Authenticator that answers what it is told to. A user is in the account of his name,
// which must be there; each answer goes through change, if there is one.
type oracle struct {
	accounts *account.Registry
	checks   atomic.Int64 // of Recheck

	mu     sync.Mutex
	change func(c *identity.Credentials, id *identity.Identity) error
}

func (o *oracle) Required() bool { return true }
func (o *oracle) Nonce() bool    { return false }

func (o *oracle) Authenticate(_ context.Context, c *identity.Credentials) (*identity.Identity, error) {
	o.mu.Lock()
	change := o.change
	o.mu.Unlock()
	name, _, _ := strings.Cut(c.User, ".")
	id := &identity.Identity{Account: o.accounts.Get(name), Limits: account.Unlimited(), Label: "user:" + c.User, User: c.User}
	if change != nil {
		if err := change(c, id); err != nil {
			return nil, err
		}
	}
	return id, nil
}

func (o *oracle) Recheck(ctx context.Context, c *identity.Credentials, _ *identity.Identity) (*identity.Identity, error) {
	o.checks.Add(1)
	return o.Authenticate(ctx, c)
}

// now has later answers go through f.
func (o *oracle) now(f func(c *identity.Credentials, id *identity.Identity) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.change = f
}

// refuse has later answers be an error.
func (o *oracle) refuse(err error) {
	o.now(func(*identity.Credentials, *identity.Identity) error { return err })
}

// asked has an oracle before the door, and accounts A and B.
func asked(o *oracle) func(*site, *Config) {
	return func(st *site, cfg *Config) {
		o.accounts = st.accounts
		for _, name := range []string{"A", "B"} {
			st.accounts.Put(account.Spec{Name: name, Limits: account.Unlimited()})
		}
		cfg.Auth, cfg.AuthConfigured = o, true
	}
}

// searched waits until the door has looked for the sessions that Renew was called for.
func (st *site) searched() {
	st.t.Helper()
	st.eventually(func() bool {
		st.again.mu.Lock()
		defer st.again.mu.Unlock()
		return !st.again.mu.searching
	}, "the search is over")
}

// What the client, the log and reports get to hear of an error of the authenticator, at login and later.
func TestErrorsOfTheAuthenticator(t *testing.T) {
	const violation = "-ERR 'Authorization Violation'\r\n"
	wrap := func(err error) error { return fmt.Errorf("because: %w", err) }
	for _, c := range []struct {
		name   string
		err    error
		told   string
		reason closed.Reason
		log    string // empty for none
	}{
		{"denied", identity.ErrDenied, violation, closed.AuthenticationFailure, `authentication error - User "A.1"`},
		{"unknown", errors.New("no"), violation, closed.AuthenticationFailure, `authentication error - User "A.1"`},
		{"refused", &identity.Refused{Why: "secret", Err: identity.ErrDenied}, violation, closed.AuthenticationFailure,
			`authentication error - User "A.1"`},
		{"own line", wrap(&proto.Error{Text: "Authorization Violation", Reason: closed.AuthenticationFailure, Log: "authentication error - who"}),
			violation, closed.AuthenticationFailure, "authentication error - who"},
		{"usual line", wrap(proto.ErrAuthorization), violation, closed.AuthenticationFailure, `authentication error - User "A.1"`},
		{"expired", wrap(proto.ErrUserExpired), "-ERR 'User Authentication Expired'\r\n", closed.AuthenticationExpired, ""},
		{"revoked", proto.ErrUserRevoked, "-ERR 'User Authentication Revoked'\r\n", closed.CredentialsRevoked, ""},
		{"account expired", proto.ErrAccountExpired, "-ERR 'Account Authentication Expired'\r\n", closed.AuthenticationExpired, ""},
		{"signer gone", wrap(proto.ErrSignerGone), "", closed.AuthenticationFailure, ""},
		{"registration", fmt.Errorf("Problem registering with account %q: %w", "A", proto.ErrRegistration),
			"-ERR 'Failed Account Registration'\r\n", closed.AuthenticationFailure, `Problem registering with account "A": `},
		{"full", proto.ErrMaxAccountConnections, "-ERR 'maximum account active connections exceeded'\r\n", closed.MaxAccountConnections,
			"maximum account active connections exceeded"},
		{"proxy", identity.ErrProxyRequired, violation, closed.ProxyRequired, "proxy connection required"},
		{"late", wrap(context.DeadlineExceeded), "", closed.AuthenticationTimeout, "authentication took too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, later := range []bool{false, true} {
				o := &oracle{}
				st := build(t, asked(o))
				p := st.dial()
				if !later {
					o.refuse(c.err)
				}
				p.say("CONNECT " + login("A.1", "") + "\r\n")
				if later {
					p.say("PING\r\n")
					p.until("PONG\r\n")
					o.refuse(c.err)
					st.Renew(st.accounts.Get("A"))
				}
				require.Equal(t, c.told, p.ended())
				require.Equal(t, []closed.Reason{c.reason}, st.reasons(1))
				log := st.log.text("ERR")
				require.Equal(t, c.log == "", log == "", log)
				require.Contains(t, log, c.log)
				require.NotContains(t, st.log.text(), "secret")
			}
		})
	}
}

// The line of a refused login names the user of its JWT if there is no other name, by the public key only.
func TestRefusedUsersOfJWTsAreNamed(t *testing.T) {
	const public = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK"
	for _, c := range []struct{ connect, user, log string }{
		{`{"jwt":"x"}`, public, `authentication error - JWT User "` + public + `"`},
		{`{"jwt":"x"}`, "SUseed", `authentication error - JWT User "[REDACTED]"`},
		{`{"jwt":"x","user":"A.1"}`, public, `authentication error - User "A.1"`},
		{`{"jwt":"x"}`, "", "authentication error\n"},
	} {
		o := &oracle{}
		st := build(t, asked(o))
		o.refuse(fmt.Errorf("x: %w", &identity.Refused{User: c.user, Err: identity.ErrDenied}))
		p := st.dial()
		p.say("CONNECT " + c.connect + "\r\n")
		require.Equal(t, "-ERR 'Authorization Violation'\r\n", p.ended())
		require.Contains(t, st.log.text("ERR")+"\n", c.log)
	}
}

// Renew reaches the connections of its account, idle ones, too, and no others.
func TestRenewAsksAgain(t *testing.T) {
	o := &oracle{}
	st := build(t, asked(o))
	a, b := st.client(login("A.1", "")), st.client(login("B.1", ""))
	a.say("SUB foo 1\r\nSUB bar 2\r\nSUB baz 3\r\nPING\r\n")
	a.until("PONG\r\n")
	o.now(func(_ *identity.Credentials, id *identity.Identity) (err error) {
		id.Permissions, err = perm.Compile(perm.Rules{Subscribe: perm.List{Allow: []string{"bar", "baz"}}})
		return err
	})
	st.Renew(st.accounts.Get("A"))
	a.expect(`-ERR 'Permissions Violation for Subscription to "foo" (sid "1")'` + "\r\n")
	require.EqualValues(t, 1, o.checks.Load())

	st.accounts.Put(account.Spec{Name: "A", Limits: account.Limits{Connections: -1, Subscriptions: 2, Payload: 1}})
	st.Renew(st.accounts.Get("A"))
	st.searched()
	a.settled()
	a.say(pub("foo", "1") + "PING\r\n")
	a.until("PONG\r\n")
	st.accounts.Put(account.Spec{Name: "A", Limits: account.Limits{Connections: -1, Subscriptions: 1, Payload: 1}})
	st.Renew(st.accounts.Get("A"))
	require.Equal(t, "-ERR 'maximum subscriptions exceeded'\r\n", a.ended())
	b.say("SUB foo 1\r\nPING\r\n")
	b.expect("PONG\r\n")
	require.EqualValues(t, 3, o.checks.Load())
}

// However often Renew is called, a connection that has not been asked again yet is asked once.
func TestRenewIsDoneOnce(t *testing.T) {
	o := &oracle{}
	st := build(t, asked(o))
	busy, idle := st.hand(login("A.1", "")), st.client(login("A.2", ""))
	for range 1000 {
		st.Renew(st.accounts.Get("A"))
	}
	st.eventually(func() bool { return busy.due.Load() == askAgain }, "it is found")
	st.searched()
	require.NotZero(t, o.checks.Load(), "the idle one was woken")
	before := o.checks.Load()
	require.NoError(t, busy.askAgain())
	require.Equal(t, before+1, o.checks.Load())
	require.NoError(t, busy.askAgain(), "nothing is due")
	idle.say("PING\r\n")
	idle.expect("PONG\r\n")
}

// If an account may have fewer connections than it has, the oldest stay.
func TestTheOldestStay(t *testing.T) {
	for name, apply := range map[string]func(st *site){
		"Renew":  func(st *site) { st.Renew(st.accounts.Get("A")) },
		"Update": func(st *site) { st.update(func(*Config) {}) },
		"often": func(st *site) {
			for range 20 {
				st.Renew(st.accounts.Get("A"))
			}
			st.update(func(*Config) {})
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := build(t, asked(&oracle{}))
			var peers []*peer
			for i := range 6 {
				peers = append(peers, st.client(login(fmt.Sprint("A.", i), "")))
			}
			other := st.client(login("B.1", ""))
			st.accounts.Put(account.Spec{Name: "A", Limits: account.Limits{Connections: 2, Subscriptions: -1, Payload: -1}})
			apply(st)
			for i, p := range peers {
				if i >= 2 {
					require.Equal(t, "-ERR 'maximum account active connections exceeded'\r\n", p.ended())
				}
			}
			for _, p := range []*peer{peers[0], peers[1], other} {
				p.say("PING\r\n")
				p.expect("PONG\r\n")
			}
			st.eventually(func() bool { return st.accounts.Get("A").Connections() == 2 }, "places are given back")
			require.Equal(t, 4, strings.Count(st.log.text("ERR"), "maximum account active connections exceeded"))
		})
	}
}

// A limit that was raised again before the surplus was asked leaves everybody in.
func TestALimitThatIsRaisedAgain(t *testing.T) {
	st := build(t, asked(&oracle{}))
	old, young := st.hand(login("A.1", "")), st.hand(login("A.2", ""))
	limited := account.Limits{Connections: 1, Subscriptions: -1, Payload: -1}
	st.accounts.Put(account.Spec{Name: "A", Limits: limited})
	st.Renew(st.accounts.Get("A"))
	st.searched()
	require.EqualValues(t, askOrYield, young.due.Load())
	require.EqualValues(t, askAgain, old.due.Load())
	st.accounts.Put(account.Spec{Name: "A", Limits: account.Unlimited()})
	st.Renew(st.accounts.Get("A"))
	st.searched()
	require.NoError(t, young.askAgain())
	require.Equal(t, closed.Open, young.conn.Reason())
	require.Equal(t, 2, st.accounts.Get("A").Connections())
}

// A client whose login is under way while its account changes is asked again after it.
func TestRenewDuringALogin(t *testing.T) {
	o := &oracle{}
	st := build(t, asked(o))
	h := st.hand("")
	o.now(func(*identity.Credentials, *identity.Identity) error {
		o.change = nil // with the lock of nobody: only this login is under way
		st.Renew(st.accounts.Get("A"))
		st.searched()
		return nil
	})
	h.do("CONNECT " + login("A.1", "") + "\r\n")
	require.True(t, h.conn.Posted())
	require.EqualValues(t, askOrYield, h.due.Load())
	o.refuse(proto.ErrUserRevoked)
	require.Error(t, h.askAgain())
	require.Equal(t, closed.CredentialsRevoked, h.conn.Reason())
}

// Changes of accounts, settings and connections at a time leave nobody unasked and nothing counted.
func TestRenewUnderLoad(t *testing.T) {
	o := &oracle{}
	st := build(t, asked(o))
	a := st.accounts.Get("A")
	var all sync.WaitGroup
	stop := make(chan struct{})
	all.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			st.Renew(a)
			if i%50 == 0 {
				st.update(func(*Config) {})
			}
			time.Sleep(50 * time.Microsecond)
		}
	})
	for round := range 20 {
		var peers []*peer
		for i := range 10 {
			p := st.client(login(fmt.Sprint("A.", round, i), ""))
			p.say("SUB foo 1\r\nPING\r\n")
			peers = append(peers, p)
		}
		for _, p := range peers {
			p.until("PONG\r\n")
			p.close()
		}
	}
	close(stop)
	all.Wait()
	last := st.client(login("A.last", ""))
	o.refuse(proto.ErrUserRevoked)
	st.Renew(a)
	require.Equal(t, "-ERR 'User Authentication Revoked'\r\n", last.ended())
	st.eventually(func() bool { return a.Connections() == 0 && a.Subscriptions() == 0 }, "all are gone")
	require.Zero(t, st.panics.Load())
}
