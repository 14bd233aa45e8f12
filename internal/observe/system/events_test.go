package system

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server/status"
)

func TestConnectAndDisconnectAreTold(t *testing.T) {
	h := began(t, never())
	all := h.listen(h.asker, "$SYS.ACCOUNT.*.*")
	i := somebody(7, "A")
	i.Claims = &identity.Claims{Token: "e.y.J", Name: "u", Tags: []string{"t"}, IssuerKey: "AKEY"}
	h.Connected(i)
	h.Disconnected(gone(7, "A", closed.Kicked))

	m := next(t, all)
	require.Equal(t, "$SYS.ACCOUNT.A.CONNECT", m.Subject)
	c := decoded[status.ConnectEventMsg](t, m)
	require.Len(t, c.ID, 22)
	require.JSONEq(t, `{"type":"io.nats.server.advisory.v1.client_connect","id":"`+c.ID+`","timestamp":"`+c.Time.Format(time.RFC3339Nano)+`",
		"server":{"name":"front","host":"0.0.0.0","id":"NTEST","cluster":"east","domain":"hub","ver":"2.15.0","tags":["Zone:1","ssd"],
			"metadata":{"rack":"7"},"jetstream":false,"flags":0,"seq":2,"time":"`+c.Server.Time.Format(time.RFC3339Nano)+`"},
		"client":{"start":"2026-08-01T12:00:00Z","host":"127.0.0.1","id":7,"acc":"A","user":"alice","name":"n","lang":"go","ver":"1",
			"jwt":"e.y.J","issuer_key":"AKEY","name_tag":"A-tag","tags":["t"],"kind":"Client","client_type":"nats"}}`, string(m.Data))

	m = next(t, all)
	require.Equal(t, "$SYS.ACCOUNT.A.DISCONNECT", m.Subject)
	d := decoded[status.DisconnectEventMsg](t, m)
	require.Equal(t, uint64(3), d.Server.Seq)
	require.JSONEq(t, `{"type":"io.nats.server.advisory.v1.client_disconnect","id":"`+d.ID+`","timestamp":"2026-08-01T12:01:00Z",
		"server":{"name":"front","host":"0.0.0.0","id":"NTEST","cluster":"east","domain":"hub","ver":"2.15.0","tags":["Zone:1","ssd"],
			"metadata":{"rack":"7"},"jetstream":false,"flags":0,"seq":3,"time":"`+d.Server.Time.Format(time.RFC3339Nano)+`"},
		"client":{"start":"2026-08-01T12:00:00Z","host":"127.0.0.1","id":7,"acc":"A","user":"alice","name":"n","lang":"go","ver":"1",
			"rtt":1000000,"stop":"2026-08-01T12:01:00Z","name_tag":"A-tag","kind":"Client","client_type":"nats"},
		"sent":{"msgs":1,"bytes":2},"received":{"msgs":3,"bytes":4},"reason":"Kicked"}`, string(m.Data))
	require.NotEqual(t, c.ID, d.ID)
}

// Who was not let in is told to the owners of the server and of the account, and goes without having
// come.
func TestDeniedAreToldInBothAccounts(t *testing.T) {
	h := began(t, never())
	system := h.listen(h.asker, "$SYS.>")
	inA := h.into("A")
	defer inA.Close()
	tenant := h.listen(inA, "$SYS.>")
	i := gone(8, "A", closed.AuthenticationFailure)
	i.Denied = "not on Sundays"
	h.Denied(i)
	h.Disconnected(gone(8, "A", closed.AuthenticationFailure))

	m := next(t, system)
	require.Equal(t, "$SYS.SERVER.NTEST.CLIENT.AUTH.ERR", m.Subject)
	d := decoded[status.DisconnectEventMsg](t, m)
	require.Equal(t, []string{status.DisconnectEventType, "Authentication Failure", "A"}, []string{d.Type, d.Reason, d.Client.Account})
	require.Equal(t, "$SYS.ACCOUNT.A.DISCONNECT", next(t, system).Subject)
	m = next(t, tenant)
	require.Equal(t, "$SYS.ACCOUNT.CLIENT.AUTH.ERR", m.Subject)
	d = decoded[status.DisconnectEventMsg](t, m)
	require.Equal(t, []string{status.DisconnectEventType, "not on Sundays", "A"}, []string{d.Type, d.Reason, d.Client.Account})
	h.Denied(gone(9, "A", closed.AuthenticationFailure)) // nothing is said of why
	d = decoded[status.DisconnectEventMsg](t, next(t, system))
	require.Equal(t, "Authentication Failure", d.Reason)
	d = decoded[status.DisconnectEventMsg](t, next(t, tenant))
	require.Empty(t, d.Reason)
	require.Empty(t, system)
	require.Empty(t, tenant)
}

// What nobody wants is not made.
func TestNothingIsMadeForNobody(t *testing.T) {
	h := began(t, never())
	h.Connected(somebody(7, "A"))
	h.Denied(gone(8, "A", closed.AuthenticationFailure))
	h.Denied(gone(8, "gone", closed.AuthenticationFailure))
	h.Disconnected(gone(7, "A", closed.ClientClosed))
	h.Connected(somebody(9, "not a token"))
	require.Empty(t, h.fetch().events)
	require.Equal(t, uint64(1), h.seq.Load())
}

// A crowd that comes and goes does not fill the memory: what is too much is dropped and told once.
func TestEventsOfACrowdAreBounded(t *testing.T) {
	held, hold := make(chan struct{}), make(chan struct{})
	const most = 100
	r := quickly()
	r.events = most
	h := began(t, r, func(c *Config) {
		statz := c.Source.AccountStatz
		first := true
		c.Source.AccountStatz = func(o *status.AccountStatzOptions) (*status.AccountStatz, error) {
			if first {
				first = false
				close(held)
				<-hold
			}
			return statz(o)
		}
	})
	all := h.listen(h.asker, "$SYS.ACCOUNT.A.>")
	h.changed("A")
	<-held // the goroutine is busy
	for range most + 7 {
		h.Connected(somebody(7, "A"))
	}
	h.LameDuck() // is never too much
	require.Empty(t, h.logged())
	close(hold)
	last := uint64(0)
	for n := 0; n < most; {
		m := next(t, all)
		if m.Subject == "$SYS.ACCOUNT.A.SERVER.CONNS" {
			continue
		}
		n++
		seq := decoded[status.ConnectEventMsg](t, m).Server.Seq
		require.Greater(t, seq, last, "in the order of their numbers")
		last = seq
	}
	require.Eventually(t, func() bool { return h.logged() != "" }, lab.Patience, time.Millisecond)
	require.Equal(t, "warn System account: 7 events of connections were dropped, as too many came and went at a time", h.logged())
}

func TestNumbersOfConnectionsAreTold(t *testing.T) {
	h := began(t, quickly())
	all := h.listen(h.asker, "$SYS.>")
	h.count("A", 2)
	h.count("$G", 5)
	h.changed("A")
	h.changed("$G")
	older, newer := next(t, all), next(t, all)
	require.Equal(t, "$SYS.SERVER.ACCOUNT.A.CONNS", older.Subject)
	require.Equal(t, "$SYS.ACCOUNT.A.SERVER.CONNS", newer.Subject)
	require.Equal(t, string(older.Data), string(newer.Data))
	n := decoded[status.AccountNumConns](t, newer)
	require.JSONEq(t, `{"type":"io.nats.server.advisory.v1.account_connections","id":"`+n.ID+`","timestamp":"`+n.Time.Format(time.RFC3339Nano)+`",
		"server":{"name":"front","host":"0.0.0.0","id":"NTEST","cluster":"east","domain":"hub","ver":"2.15.0","tags":["Zone:1","ssd"],
			"metadata":{"rack":"7"},"jetstream":false,"flags":0,"seq":2,"time":"`+n.Server.Time.Format(time.RFC3339Nano)+`"},
		"acc":"A","name":"A","conns":2,"leafnodes":0,"total_conns":2,"num_subscriptions":0,
		"sent":{"msgs":0,"bytes":0,"gateways":{"msgs":0,"bytes":0},"routes":{"msgs":0,"bytes":0},"leafs":{"msgs":0,"bytes":0}},
		"received":{"msgs":0,"bytes":0,"gateways":{"msgs":0,"bytes":0},"routes":{"msgs":0,"bytes":0},"leafs":{"msgs":0,"bytes":0}},
		"slow_consumers":0}`, string(newer.Data))

	h.count("A", 0)
	h.changed("A")
	require.Zero(t, decoded[status.AccountNumConns](t, next(t, all)).Conns, "the last one has gone")
	next(t, all)
	require.Empty(t, all)
}

func TestNumbersOfConnectionsAreRepeatedWhileThereAreSome(t *testing.T) {
	r := never()
	r.again = 5 * time.Millisecond
	h := began(t, r)
	h.count("A", 1)
	h.count("$G", 1)
	all := h.listen(h.asker, "$SYS.ACCOUNT.*.SERVER.CONNS")
	for range 3 {
		require.Equal(t, "$SYS.ACCOUNT.A.SERVER.CONNS", next(t, all).Subject)
	}
}

func TestStatisticsComeAtDoublingIntervals(t *testing.T) {
	h := began(t, rhythm{events: mostEvents, first: time.Millisecond, slowest: 40 * time.Millisecond, rate: time.Hour, settle: time.Hour, again: time.Hour})
	stats := h.listen(h.asker, "$SYS.SERVER.*.STATSZ")
	var at []time.Time
	for range 6 {
		m := next(t, stats)
		require.Equal(t, "$SYS.SERVER.NTEST.STATSZ", m.Subject)
		at = append(at, decoded[status.ServerStatsMsg](t, m).Server.Time)
	}
	require.GreaterOrEqual(t, at[5].Sub(at[0]), 30*time.Millisecond)
}

// Without a subscriber there are none, but who asks without waiting for an answer gets them at once.
func TestStatisticsOnDemand(t *testing.T) {
	h := began(t, never())
	require.True(t, h.asker.Publish(msg("$SYS.REQ.SERVER.PING", "", "")))
	require.Eventually(t, func() bool { return !h.asked.Load() }, lab.Patience, time.Millisecond)
	require.Equal(t, uint64(1), h.seq.Load(), "nobody listens")

	stats := h.listen(h.asker, "$SYS.SERVER.*.STATSZ")
	for _, subj := range []string{"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER.NTEST.STATSZ"} {
		h.asker.Publish(msg(subj, "", ""))
		m := next(t, stats)
		v := decoded[status.ServerStatsMsg](t, m)
		require.JSONEq(t, `{"server":{"name":"front","host":"0.0.0.0","id":"NTEST","cluster":"east","domain":"hub","ver":"2.15.0","tags":["Zone:1","ssd"],
			"metadata":{"rack":"7"},"jetstream":false,"flags":0,"seq":`+number(v.Server.Seq)+`,"time":"`+v.Server.Time.Format(time.RFC3339Nano)+`"},
			"statsz":{"start":"2026-08-01T12:00:00Z","mem":0,"cores":0,"cpu":0,"connections":3,"total_connections":0,"active_accounts":2,
			"subscriptions":0,"sent":{"msgs":0,"bytes":0},"sent_to_clients":{"msgs":0,"bytes":0},"received":{"msgs":0,"bytes":0},
			"received_from_clients":{"msgs":0,"bytes":0},"slow_consumers":0,"active_servers":1}}`, string(m.Data))
	}
	h.asker.Publish(msg("$SYS.REQ.SERVER.PING", "", `{"server_name":"other"}`))
	h.ask("$SYS.REQ.SERVER.PING", "")
	require.False(t, h.asked.Load(), "another server is meant")
}

// The clock decides what is due, without waiting.
func TestStatisticsAreNotTooFrequent(t *testing.T) {
	r := never()
	r.rate, r.askedRate = time.Second, 100*time.Millisecond
	h := began(t, r)
	stats := h.listen(h.asker, "$SYS.SERVER.*.STATSZ")
	c := &clock{stats: now, gap: 10 * time.Second}
	h.tickStats(c, now)
	next(t, stats)
	require.Equal(t, now.Add(20*time.Second), c.stats, "the gap has doubled")

	c.stats = now.Add(500 * time.Millisecond)
	h.tickStats(c, now.Add(500*time.Millisecond))
	require.Equal(t, now.Add(time.Second), c.stats, "put off")
	h.asked.Store(true)
	h.tickStats(c, now.Add(50*time.Millisecond))
	require.Equal(t, now.Add(100*time.Millisecond), c.stats, "put off, for less")
	require.Empty(t, stats)
	h.tickStats(c, c.stats)
	next(t, stats)
	require.False(t, h.asked.Load())
	require.Empty(t, stats)
}

// The end of a server is the last that is heard of it.
func TestShutdownIsTheLastWord(t *testing.T) {
	h := began(t, never())
	ear := h.into("$SYS")
	all := h.listen(ear, "$SYS.>")
	h.LameDuck()
	h.Connected(somebody(7, "A"))
	ctx, cancel := context.WithTimeout(context.Background(), lab.Patience)
	defer cancel()
	require.NoError(t, h.Shutdown(ctx))
	h.Connected(somebody(8, "A"))
	h.Disconnected(gone(7, "A", closed.ServerShutdown))
	h.LameDuck()
	h.System.Close() // may be repeated

	for _, want := range []string{"$SYS.SERVER.NTEST.LAMEDUCK", "$SYS.ACCOUNT.A.CONNECT", "$SYS.SERVER.NTEST.SHUTDOWN"} {
		m := next(t, all)
		require.Equal(t, want, m.Subject)
		if want == "$SYS.ACCOUNT.A.CONNECT" {
			continue
		}
		v := decoded[status.ServerInfo](t, m)
		require.Equal(t, []string{"front", "NTEST"}, []string{v.Name, v.ID}, "not in a frame")
	}
	require.Empty(t, all)
	ear.Close()
	_, err := h.request(msg("$SYS.REQ.SERVER.PING.IDZ", "", ""), lab.Patience)
	require.ErrorIs(t, err, port.ErrNoResponders)
}

// A reload may change what a server says of itself.
func TestServerInfoCanChange(t *testing.T) {
	h := began(t, never())
	v := h.cfg.Server
	v.Tags = []string{"new"}
	h.Identify(v)
	h.LameDuck()
	require.Contains(t, h.ask("$SYS.REQ.SERVER.PING", `{"tags":["NEW"]}`), `"tags":["new"]`)
}

// A fault in one report does not end the events.
func TestEventsGoOnAfterAPanic(t *testing.T) {
	broken := true
	h := began(t, quickly(), func(c *Config) {
		statz := c.Source.AccountStatz
		c.Source.AccountStatz = func(o *status.AccountStatzOptions) (*status.AccountStatz, error) {
			if broken {
				broken = false
				panic(expected)
			}
			return statz(o)
		}
	})
	all := h.listen(h.asker, "$SYS.ACCOUNT.A.SERVER.CONNS")
	require.Eventually(t, func() bool { h.changed("A"); return len(all) > 0 }, lab.Patience, 5*time.Millisecond)
}

// Readers tell of their connections all at once.
func TestManyComeAndGo(t *testing.T) {
	h := began(t, never())
	all := h.listen(h.asker, "$SYS.ACCOUNT.*.DISCONNECT")
	done := make(chan struct{})
	const crowd, each = 8, 100
	for n := range crowd {
		h.tasks.Go("client", func() {
			for range each {
				h.Connected(somebody(uint64(n), "A"))
				h.Disconnected(gone(uint64(n), "A", closed.ClientClosed))
			}
			done <- struct{}{}
		})
	}
	for range crowd {
		<-done
	}
	for range crowd * each {
		next(t, all)
	}
	require.Empty(t, h.logged())
}
