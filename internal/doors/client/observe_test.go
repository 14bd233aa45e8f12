package client

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
)

// watcher is an Observer that keeps what it is told.
type watcher struct {
	mu    sync.Mutex
	calls []string
	infos []Info
}

func (w *watcher) add(what string, i *Info) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, strings.TrimSpace(fmt.Sprint(what, " ", i.ID, " ", i.Account, " ", i.User, i.Label, " ", i.Reason)))
	w.infos = append(w.infos, *i)
}

func (w *watcher) Connected(i *Info)    { w.add("connected", i) }
func (w *watcher) Denied(i *Info)       { w.add("denied", i) }
func (w *watcher) Disconnected(i *Info) { w.add("disconnected", i) }

// told waits for n calls and returns all.
func (w *watcher) told(st *site, n int) []string {
	st.t.Helper()
	st.eventually(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.calls) >= n
	}, "the observer is told")
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// watched has w and an oracle at the door.
func watched(w *watcher, o *oracle) func(*site, *Config) {
	return func(st *site, cfg *Config) {
		asked(o)(st, cfg)
		cfg.Observer = w
	}
}

// Who comes and goes is told in order and once, with the totals.
func TestObserverOfAConnection(t *testing.T) {
	w := &watcher{}
	st := build(t, watched(w, &oracle{}))
	st.accounts.Put(account.Spec{Name: "A", Tag: "Team A", Limits: account.Unlimited()})
	p := st.client(login("A.1", ""))
	p.say("CONNECT " + login("A.1", "") + "\r\nSUB a 1\r\n" + pub("a", "xyz") + "PING\r\n")
	p.until("PONG\r\n")
	require.Equal(t, []string{"connected 1 A A.1user:A.1"}, w.told(st, 1))
	require.Equal(t, "Team A", w.infos[0].NameTag)
	require.Zero(t, w.infos[0].Stop)
	p.close()
	require.Equal(t, []string{"connected 1 A A.1user:A.1", "disconnected 1 A A.1user:A.1 Client Closed"}, w.told(st, 2))
	end := w.infos[1]
	require.EqualValues(t, []uint64{1, 3, 1, 3}, []uint64{end.InMsgs, end.InBytes, end.OutMsgs, end.OutBytes})
	require.False(t, end.Stop.IsZero())
	require.Zero(t, st.accounts.Get("A").Connections(), "its place was free before")
}

// Who does not get in is told, too, as somebody of the account that it would have been.
func TestObserverOfTheDenied(t *testing.T) {
	for _, c := range []struct {
		name, say string
		err       func(st *site) error
		want      []string
		why       string
	}{
		{"password", "CONNECT " + login("A.1", "") + "\r\n", func(*site) error { return identity.ErrDenied },
			[]string{"denied 1 $G A.1 Authentication Failure", "disconnected 1 $G A.1 Authentication Failure"}, "Authentication Failure"},
		{"known account", "CONNECT " + login("A.1", "") + "\r\n",
			func(st *site) error {
				return fmt.Errorf("x: %w", &identity.Refused{Account: st.accounts.Get("A"), Why: "Revoked", Err: identity.ErrDenied})
			},
			[]string{"denied 1 A A.1 Authentication Failure", "disconnected 1 $G A.1 Authentication Failure"}, "Revoked"},
		{"nothing is said of why", "CONNECT " + login("A.1", "") + "\r\n",
			func(st *site) error {
				return &identity.Refused{Account: st.accounts.Get("A"), Silent: true, Err: identity.ErrDenied}
			},
			[]string{"denied 1 A A.1 Authentication Failure", "disconnected 1 $G A.1 Authentication Failure"}, ""},
		{"proxy", `CONNECT {"auth_token":"s3cr3t"}` + "\r\n", func(*site) error { return identity.ErrProxyRequired },
			[]string{"denied 1 $G token Proxy Required", "disconnected 1 $G token Proxy Required"}, "Proxy Required"},
		{"no CONNECT", "PING\r\n", nil, []string{"denied 1 $G  Authentication Failure", "disconnected 1 $G  Authentication Failure"}, "Authentication Failure"},
		{"account", `CONNECT {"user":"A.1","account":"x"}` + "\r\n", nil,
			[]string{"denied 1 A A.1user:A.1 Authentication Failure", "disconnected 1 A A.1user:A.1 Authentication Failure"}, "Authentication Failure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, o := &watcher{}, &oracle{}
			st := build(t, watched(w, o))
			if c.err != nil {
				o.refuse(c.err(st))
			}
			p := st.dial()
			p.say(c.say)
			p.ended()
			got := w.told(st, 2)
			require.Len(t, got, 2)
			require.Equal(t, c.want, got)
			require.Equal(t, c.why, w.infos[0].Denied)
			require.Empty(t, w.infos[1].Denied)
			for _, i := range w.infos {
				require.NotContains(t, fmt.Sprintf("%+v", i), "s3cr3t")
			}
		})
	}
}

// Neither timeouts nor visitors who say nothing are told, and who expires is not denied.
func TestObserverOfTheRest(t *testing.T) {
	w, o := &watcher{}, &oracle{}
	st := build(t, watched(w, o), func(_ *site, cfg *Config) { cfg.AuthTimeout = 20 * time.Millisecond })
	require.Equal(t, "-ERR 'Authentication Timeout'\r\n", st.dial().ended())
	st.dial().close()
	st.eventually(func() bool { return len(st.Report().Ended) == 2 }, "they are gone")
	st.update(func(cfg *Config) { cfg.AuthTimeout = time.Hour })
	o.now(until(time.Now().Add(100 * time.Millisecond)))
	p := st.dial()
	p.say("CONNECT " + login("A.1", "") + "\r\n")
	require.Equal(t, expired, p.ended())
	require.Equal(t, []string{"connected 3 A A.1user:A.1", "disconnected 3 A A.1user:A.1 Authentication Expired"}, w.told(st, 2))
}

// Who is denied later was connected; a second CONNECT that fails belongs to the account of before.
func TestObserverOfAFailedSecondConnect(t *testing.T) {
	w, o := &watcher{}, &oracle{}
	st := build(t, watched(w, o))
	p := st.client(login("A.1", ""))
	o.refuse(identity.ErrDenied)
	p.say("CONNECT " + login("B.2", "") + "\r\n")
	require.Equal(t, "-ERR 'Authorization Violation'\r\n", p.ended())
	require.Equal(t, []string{"connected 1 A A.1user:A.1", "denied 1 A A.1user:A.1 Authentication Failure",
		"disconnected 1 A A.1user:A.1 Authentication Failure"}, w.told(st, 3))
}

func TestParty(t *testing.T) {
	start := time.Unix(1000, 0)
	i := Info{ID: 7, IP: "10.0.0.1", Start: start, RTT: 5, Name: "n", Lang: "go", Version: "1", Account: "A", NameTag: "Team A",
		Login: Login{User: "ann", NKey: "UKEY", Claims: &identity.Claims{Token: "x.y.z", Name: "ann", Tags: []string{"t"}, IssuerKey: "AKEY"}}}
	at := start.UTC()
	want := account.Party{Start: &at, Host: "10.0.0.1", ID: 7, Account: "A", User: "UKEY", Name: "n", Lang: "go", Version: "1", RTT: 5,
		Server: "s", NameTag: "Team A", JWT: "x.y.z", IssuerKey: "AKEY", Tags: []string{"t"}, Kind: "Client", ClientType: "nats"}
	require.Equal(t, want, i.Party("s"))

	i.NKey, i.Claims = "", &identity.Claims{Token: "x.y.z", Bearer: true}
	i.Stop, i.Reason = start.Add(time.Second), closed.ClientClosed
	p := i.Party("s")
	require.Equal(t, "ann", p.User)
	require.Empty(t, p.JWT, "it alone lets in")
	require.Equal(t, i.Stop.UTC(), *p.Stop)

	i.User, i.Label = "", "token"
	require.Equal(t, "[REDACTED]", i.Party("").User)
	i.Label = ""
	require.Empty(t, i.Party("").User)
}

// What is remembered of ended connections is bounded, however long their JWTs were.
func TestLongTokensAreForgotten(t *testing.T) {
	long := strings.Repeat("x", mostToken+1)
	i := Info{Login: Login{Claims: &identity.Claims{Token: long, Name: "n", Tags: []string{long}, IssuerKey: "k", Bearer: true}}}
	i.forget()
	require.Equal(t, &identity.Claims{Name: "n", IssuerKey: "k", Bearer: true}, i.Claims)
	short := &identity.Claims{Token: long[1:]}
	i.Claims = short
	i.forget()
	require.Same(t, short, i.Claims)
}

// One client is told to look for another server.
func TestAnnounce(t *testing.T) {
	st := build(t)
	require.ErrorIs(t, st.Announce(99), ErrNoClient)
	old := st.client(quietly)
	require.ErrorIs(t, st.Announce(1), ErrNotReady)
	p := st.dial()
	require.ErrorIs(t, st.Announce(2), ErrNotReady)
	p.say(`CONNECT {"verbose":false,"protocol":1}` + "\r\n" + "SUB a 1\r\n" + pub("a", "x"))
	p.until("x\r\n")
	require.ErrorIs(t, st.Announce(2), ErrNotReady, "it has not got a PONG")
	p.say("PING\r\n")
	p.until("connect_info")
	p.until("\r\n")
	require.NoError(t, st.Announce(2))
	require.Contains(t, p.until("\r\n"), `"ldm":true`)
	later := newPeer(st, st.connect())
	require.NotContains(t, later.until("\r\n"), "ldm", "the server stays")
	old.say("PING\r\n")
	old.expect("PONG\r\n")
	p.close()
	st.eventually(func() bool { return st.Announce(2) == ErrNoClient }, "it is gone")
}

// CONNECT may be longer than other lines, where that is configured.
func TestLongConnect(t *testing.T) {
	for _, c := range []struct {
		most, size int
		told       string
	}{
		{0, 4096, ""}, {0, 4097, "-ERR 'maximum control line exceeded'\r\n"},
		{65536, 65536, ""}, {65536, 65537, "-ERR 'maximum control line exceeded'\r\n"},
	} {
		st := build(t, func(_ *site, cfg *Config) { cfg.MaxConnect = c.most })
		p := st.dial()
		const before, behind = `{"verbose":false,"jwt":"`, `"}`
		say := "CONNECT " + before + strings.Repeat("x", c.size-len(before)-len(behind)) + behind + "\r\nPING\r\n"
		if c.told != "" {
			_, _ = p.nc.Write([]byte(say))
			require.Equal(t, c.told, p.ended())
			continue
		}
		p.say(say)
		p.expect("PONG\r\n")
		p.say("SUB " + strings.Repeat("x", 4096) + " 1\r\n")
		require.Equal(t, "-ERR 'maximum control line exceeded'\r\n", p.ended(), "other lines are no longer for it")
	}
	st := build(t)
	p := st.dial()
	st.renewed(func(cfg *Config) { cfg.MaxConnect = 8192 }, p)
	p.say(`CONNECT {"verbose":false,"jwt":"` + strings.Repeat("x", 8000) + `"}` + "\r\nPING\r\n")
	p.expect("PONG\r\n")
}

// A nonce is given where it is asked for, and only in the first INFO.
func TestAlwaysNonce(t *testing.T) {
	st := build(t, func(_ *site, cfg *Config) { cfg.AlwaysNonce = true })
	p := newPeer(st, st.connect())
	require.Regexp(t, `"nonce":"[A-Za-z0-9_-]{15}"`, p.until("\r\n"))
	p.say(`CONNECT {"verbose":false,"protocol":1}` + "\r\nPING\r\n")
	p.expect("PONG\r\n")
	second := p.until("\r\n")
	require.Contains(t, second, `"connect_info":true,"remote_account":"$G"`)
	require.NotContains(t, second, "nonce")
}
