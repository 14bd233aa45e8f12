package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
)

// tcp connects over the loopback and takes the INFO.
func (st *site) tcp() *peer {
	st.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(st.t, err)
	defer ln.Close()
	theirs, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(st.t, err)
	ours, err := ln.Accept()
	require.NoError(st.t, err)
	p := newPeer(st, theirs)
	st.Accept(ours, identity.Standard)
	require.Regexp(st.t, `^INFO \{.*\} \r\n$`, p.until("\r\n"))
	return p
}

// transports are the ways in.
func transports(st *site) map[string]func() *peer {
	return map[string]func() *peer{"tcp": st.tcp, "pipe": st.dial}
}

// However a connection ends: its subscriptions go, its goroutines go, the account is left, and
// the report remembers it with its reason.
func TestAfterTheEndNothingIsLeft(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(st *site, p *peer)
		answer string
		reason closed.Reason
	}{
		{"the client closes", func(_ *site, p *peer) { p.close() }, "", closed.ClientClosed},
		{"a fault", func(_ *site, p *peer) { p.say("\r\n") }, "-ERR 'Unknown Protocol Operation'\r\n", closed.ProtocolViolation},
		{"a silent fault", func(_ *site, p *peer) { p.say("PUB\ta\r\n") }, "", closed.ProtocolViolation},
		{"a complaint", func(_ *site, p *peer) { p.say("-ERR 'no'\r\n") }, "", closed.ParseError},
		{"a long line", func(_ *site, p *peer) { p.say("SUB " + fmt.Sprintf("%05000d", 1) + " 1\r\n") }, "-ERR 'maximum control line exceeded'\r\n", closed.MaxControlLine},
		{"a large message", func(_ *site, p *peer) { p.say("PUB a 2000000\r\n") }, "-ERR 'Maximum Payload Violation'\r\n", closed.MaxPayload},
		{"shutdown", func(st *site, _ *peer) { st.Shutdown() }, "", closed.ServerShutdown},
		{"abort", func(st *site, _ *peer) { st.Abort() }, "", closed.ServerShutdown},
	} {
		for _, way := range []string{"tcp", "pipe"} {
			t.Run(c.name+"/"+way, func(t *testing.T) {
				st := build(t)
				p := transports(st)[way]()
				p.say("CONNECT " + quietly + "\r\nSUB a 1\r\nSUB b q 2\r\nSUB c three\r\nUNSUB 1 1\r\n" + pub("a", "x") + "PING\r\n")
				p.expect(msgLine("a", "1", "x") + "PONG\r\n")
				require.Equal(t, 2, st.global().Subscriptions())
				require.Equal(t, 1, st.global().Connections())
				c.end(st, p)
				p.expect(c.answer)
				if c.answer == "" || way == "tcp" { // on a pipe a finished connection lingers
					require.Empty(t, p.ended())
				}
				p.close()
				require.Empty(t, st.cfg().Tasks.Wait(st.patience))
				require.Zero(t, st.global().Subscriptions())
				require.Zero(t, st.global().Connections())
				r := st.Report()
				require.Empty(t, r.Open)
				require.Zero(t, st.Connections())
				require.Len(t, r.Ended, 1)
				ended := r.Ended[0]
				require.Equal(t, c.reason, ended.Reason)
				require.False(t, ended.Stop.Before(ended.Start))
				require.Equal(t, [4]uint64{1, 1, 1, 1}, [4]uint64{ended.InMsgs, ended.InBytes, ended.OutMsgs, ended.OutBytes})
				require.Equal(t, 2, ended.Subscriptions)
				require.Contains(t, st.log.text("DBG"), "Client connection closed: "+c.reason.String())
			})
		}
	}
}

// A panic in one connection is its own end and nobody else's.
func TestAPanicEndsOneConnection(t *testing.T) {
	for _, way := range []string{"tcp", "pipe"} {
		st := build(t, guarded(false, func(r *account.Registry) map[string]*identity.Identity {
			return map[string]*identity.Identity{"": {Account: r.Get(account.Global), Limits: account.Unlimited()}}
		}))
		x := st.client(quietly)
		x.say("SUB a 1\r\nPING\r\n")
		x.expect("PONG\r\n")
		bomb := transports(st)[way]()
		bomb.say("SUB a 1\r\n" + `CONNECT {"user":"bomb"}` + "\r\n")
		require.Equal(t, "+OK\r\n", bomb.ended())
		st.eventually(func() bool { return len(st.Report().Ended) == 1 && st.panics.Load() == 1 }, "the report")
		require.Equal(t, closed.InternalError, st.Report().Ended[0].Reason)
		require.Equal(t, 1, st.global().Subscriptions())
		require.Equal(t, 1, st.global().Connections())

		p := st.client(quietly)
		p.say(pub("a", "still here"))
		x.expect(msgLine("a", "1", "still here"))
	}
}

// A panic in Open ends the connection, too.
func TestAPanicAtTheBeginning(t *testing.T) {
	st := build(t, func(_ *site, cfg *Config) { cfg.Auth = always{} })
	ours, theirs := net.Pipe()
	p := newPeer(st, theirs)
	st.Accept(ours, identity.Standard)
	require.Empty(t, p.ended())
	st.eventually(func() bool { return st.panics.Load() == 1 && len(st.Report().Ended) == 1 }, "the report")
	require.Zero(t, st.Connections())
}

// always panics.
type always struct{}

func (always) Required() bool { return false }
func (always) Nonce() bool    { panic("boom") }

func (always) Authenticate(context.Context, *identity.Credentials) (*identity.Identity, error) {
	return nil, identity.ErrDenied
}

func (always) Recheck(context.Context, *identity.Credentials, *identity.Identity) (*identity.Identity, error) {
	return nil, identity.ErrDenied
}

func TestTooManyConnections(t *testing.T) {
	for _, most := range []int{-1, 1, 2} {
		st := build(t, func(_ *site, cfg *Config) { cfg.MaxConnections = most })
		var in []*peer
		for range max(most, 0) {
			in = append(in, st.client(quietly))
		}
		for range 3 {
			p := st.dial()
			p.expect("-ERR 'maximum connections exceeded'\r\n")
			p.close()
		}
		require.Equal(t, max(most, 0), st.Connections())
		require.Len(t, st.Report().Open, max(most, 0))
		st.eventually(func() bool { return len(st.Report().Ended) == 3 }, "the report")
		require.Equal(t, closed.MaxConnections, st.Report().Ended[0].Reason)
		if most > 0 {
			in[0].close()
			st.eventually(func() bool { return st.Connections() == most-1 }, "a place is free")
			st.client(quietly)
		}
	}
}

// Refused connections are not kept waiting when there are very many of them.
func TestManyRefusedConnections(t *testing.T) {
	st := build(t, func(_ *site, cfg *Config) { cfg.MaxConnections, cfg.MaxClosed = -1, 1000 })
	for range mostRefused + 50 {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		st.Accept(ours, identity.Standard)
	}
	st.eventually(func() bool { return len(st.Report().Ended) == mostRefused+50 }, "all are gone")
	require.Zero(t, st.table.refused())
	require.Zero(t, st.Connections())
}

func TestAClosedDoorTakesNobody(t *testing.T) {
	st := build(t)
	st.Shutdown()
	ours, theirs := net.Pipe()
	p := newPeer(st, theirs)
	st.Accept(ours, identity.Standard)
	require.Empty(t, p.ended())
	r := st.Report()
	require.Empty(t, r.Open)
	require.Empty(t, r.Ended)
	require.Zero(t, r.Accepted)
}

// After the tasks have ended a connection cannot be served; it must not stay in the table.
func TestADoorWithoutTasksTakesNobody(t *testing.T) {
	st := build(t)
	st.cfg().Tasks.Close()
	ours, theirs := net.Pipe()
	p := newPeer(st, theirs)
	st.Accept(ours, identity.Standard)
	require.Empty(t, p.ended())
	require.Zero(t, st.Connections())
}

// Connections come and go while others look, publish, and shut down.
func TestComingAndGoing(t *testing.T) {
	st := build(t, func(_ *site, cfg *Config) { cfg.MaxClosed = 10 })
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 25 {
				ours, theirs := net.Pipe()
				st.Accept(ours, identity.Standard)
				drained := make(chan struct{})
				go func() {
					defer close(drained)
					_, _ = io.Copy(io.Discard, theirs)
				}()
				_, _ = io.WriteString(theirs, "CONNECT "+quietly+"\r\nSUB a 1\r\nSUB a q 2\r\n"+pub("a", fmt.Sprint(i, j))+"UNSUB 1\r\nPING\r\n")
				if j%2 == 0 {
					_, _ = io.WriteString(theirs, "PING\r\n")
				}
				theirs.Close()
				<-drained
			}
		})
	}
	all.Go(func() {
		for range 100 {
			r := st.Report()
			require.LessOrEqual(st.t, len(r.Ended), 10)
			st.global().Each(func(s *account.Sub) bool { return s.Subject() == "a" })
		}
	})
	all.Wait()
	require.Empty(t, st.cfg().Tasks.Wait(st.patience))
	r := st.Report()
	require.EqualValues(t, 100, r.Accepted)
	require.EqualValues(t, 100, r.Totals.InMsgs)
	require.Len(t, r.Ended, 10)
	require.Zero(t, st.global().Subscriptions())
	require.Zero(t, st.global().Connections())
}

func TestReport(t *testing.T) {
	st := build(t, func(_ *site, cfg *Config) { cfg.MaxClosed = 2 })
	a := st.client(`{"verbose":false,"name":"n","lang":"go","version":"1"}`)
	b := st.tcp()
	b.say("CONNECT " + quietly + "\r\nSUB s 1\r\nSUB s q 2\r\nPING\r\n")
	b.expect("PONG\r\n")
	a.say(pub("s", "12345") + pub("t", "1") + "PING\r\n")
	b.expect(msgLine("s", "1", "12345") + msgLine("s", "2", "12345"))
	a.expect("PONG\r\n")
	r := st.Report()
	require.Len(t, r.Open, 2)
	first, second := r.Open[0], r.Open[1]
	require.Equal(t, []uint64{1, 2}, []uint64{first.ID, second.ID})
	require.Equal(t, []string{"n", "go", "1", "$G", ""}, []string{first.Name, first.Lang, first.Version, first.Account, first.Label})
	require.Equal(t, "pipe", first.IP)
	require.Equal(t, "127.0.0.1", second.IP)
	require.Equal(t, b.nc.LocalAddr().(*net.TCPAddr).Port, second.Port)
	require.Equal(t, [4]uint64{2, 6, 0, 0}, [4]uint64{first.InMsgs, first.InBytes, first.OutMsgs, first.OutBytes})
	require.Equal(t, [4]uint64{0, 0, 2, 10}, [4]uint64{second.InMsgs, second.InBytes, second.OutMsgs, second.OutBytes})
	require.Equal(t, []int{0, 2}, []int{first.Subscriptions, second.Subscriptions})
	require.Equal(t, closed.Open, first.Reason)
	require.True(t, first.Stop.IsZero())

	// The oldest of the ended ones is forgotten, but not in the sums.
	for i := range 3 {
		p := st.client(quietly)
		p.say(pub("t", "x") + "PING\r\n")
		p.expect("PONG\r\n")
		p.close()
		st.eventually(func() bool { return len(st.Report().Ended) == min(i+1, 2) && st.Connections() == 2 }, "the report")
	}
	r = st.Report()
	require.Equal(t, []uint64{4, 5}, []uint64{r.Ended[0].ID, r.Ended[1].ID})
	require.EqualValues(t, 5, r.Accepted)
	require.Equal(t, Totals{InMsgs: 5, InBytes: 9, OutMsgs: 2, OutBytes: 10}, r.Totals)
}

// A door that remembers nobody still counts.
func TestReportWithoutMemory(t *testing.T) {
	st := build(t, func(_ *site, cfg *Config) { cfg.MaxClosed = -1 })
	p := st.client(quietly)
	p.say(pub("t", "x") + "PING\r\n")
	p.expect("PONG\r\n")
	p.close()
	st.eventually(func() bool { return st.Connections() == 0 }, "the end")
	r := st.Report()
	require.Empty(t, r.Ended)
	require.EqualValues(t, 1, r.Totals.InMsgs)
}

// Of refused connections, which may be very many, the log has about one line per second, and how
// many more there were.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := build(t, func(_ *site, cfg *Config) { cfg.MaxConnections = -1 })
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
		var peers []*peer
		for range 10 {
			peers = append(peers, newPeer(st, st.connect()))
		}
		for _, p := range peers { // they are told all the same
			require.Contains(t, p.ended(), "-ERR 'maximum connections exceeded'")
		}
		require.Equal(t, 1, strings.Count(st.log.text("ERR"), "\n"))
		time.Sleep(time.Second)
		newPeer(st, st.connect()).ended()
		require.Contains(t, st.log.text("ERR"), "ERR maximum connections exceeded: refused 9 more\n")
		require.Equal(t, 3, strings.Count(st.log.text("ERR"), "\n"))
	})
}

// Whoever was told that it must go is no client any more, though the socket stays open for a moment.
func TestWhoIsTurnedAwayIsNotCounted(t *testing.T) {
	st := build(t)
	st.accounts.Put(account.Spec{Name: account.Global, Limits: account.Limits{Connections: 0, Subscriptions: -1, Payload: -1}})
	h := st.hand("")
	require.Equal(t, 1, st.Connections())
	h.fail("CONNECT {}\r\n", closed.MaxAccountConnections)
	require.Equal(t, "-ERR 'maximum account active connections exceeded'\r\n", h.peer.until("\r\n"))
	require.Zero(t, st.Connections())
	require.Zero(t, st.Summary().Open)
	require.Empty(t, st.Report().Open)
}
