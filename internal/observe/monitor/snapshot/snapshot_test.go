package snapshot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

// The snapshot of a connection becomes that of a report, field by field.
func TestConnForReports(t *testing.T) {
	at := time.Unix(1000, 0)
	i := client.Info{
		ID: 7, IP: "10.0.0.1", Port: 8, Start: at, LastActivity: at.Add(1), Stop: at.Add(2), Reason: closed.StaleConnection,
		RTT: 3, Pending: 4, InMsgs: 5, InBytes: 6, OutMsgs: 7, OutBytes: 8, Stalls: 9, Subscriptions: 10,
		Name: "n", Lang: "l", Version: "v", Account: "A", NameTag: "Team A", Label: "user:u",
		Login: client.Login{User: "u", NKey: "UKEY", Proxy: "UPROXY",
			Claims: &identity.Claims{Token: "x.y.z", Name: "ann", Tags: []string{"t"}, IssuerKey: "AKEY"}},
	}
	c := Conn(&i)
	require.Equal(t, []any{uint64(7), "Client", "nats", "10.0.0.1", 8, at, at.Add(1), at.Add(2), "Stale Connection"},
		[]any{c.CID, c.Kind, c.Type, c.IP, c.Port, c.Start, c.LastActivity, c.Stop, c.Reason})
	require.Equal(t, []any{time.Duration(3), 4, int64(5), int64(6), int64(7), int64(8), int64(9), uint32(10)},
		[]any{c.RTT, c.Pending, c.In.Msgs, c.In.Bytes, c.Out.Msgs, c.Out.Bytes, c.Stalls, c.NumSubs})
	require.Equal(t, []any{"n", "l", "v", "A"}, []any{c.Software.Name, c.Software.Lang, c.Software.Version, c.Login.Account})
	require.Equal(t, report.Login{
		NKey: "UKEY", User: "u", Account: "A", NameTag: "Team A", JWT: "x.y.z", IssuerKey: "AKEY", Tags: []string{"t"},
	}, c.Login)
	require.Equal(t, "UPROXY", c.ProxyKey)
	i.Claims = &identity.Claims{Token: "x.y.z", Bearer: true}
	require.Empty(t, Conn(&i).Login.JWT, "it alone lets in")
	i.Reason = closed.Open
	require.Empty(t, Conn(&i).Reason)
}

func TestSubscriptionsByConnection(t *testing.T) {
	accounts := account.NewRegistry()
	one, two := &account.Owner{ID: 1}, &account.Owner{ID: 2}
	g := accounts.Get(account.Global)
	other := accounts.Put(account.Spec{Name: "A", Limits: account.Unlimited()})
	limited := account.NewSub(one, []byte("9"), []byte("q"))
	g.Subscribe(limited, []byte("a.>"))
	limited.SetMax(5)
	limited.Count(2)
	g.Subscribe(account.NewSub(two, []byte("x"), nil), []byte("b"))
	other.Subscribe(account.NewSub(two, []byte("y"), nil), []byte("c"))
	require.Len(t, Subscriptions(accounts.All(), map[uint64]int{2: 9}), 1)
	require.Len(t, Subscriptions(accounts.All(), map[uint64]int{2: 1})[2], 1, "no more than are wanted")
	require.Empty(t, Subscriptions(accounts.All(), nil))
	by := Subscriptions(accounts.All(), map[uint64]int{1: 9, 2: 9, 3: 9})
	require.Len(t, by, 2)
	require.Len(t, by[2], 2)
	sub := by[1][0]
	require.Equal(t, []any{"a.>", "q", "9", int64(2), int64(5)}, []any{sub.Subject, sub.Queue, sub.SID, sub.Msgs, sub.Max})

	require.Equal(t, map[uint64]bool{1: true}, Interested(g, "a.*"))
	require.Empty(t, Interested(g, "c"))
	require.Empty(t, Interested(nil, "a"))
	x := Account(other, client.AccountTotals{Totals: client.Totals{InMsgs: 1, OutBytes: 2}, Slow: 3})
	require.Equal(t, []any{"A", uint32(1), uint64(1), int64(1), int64(2), int64(3)},
		[]any{x.Name, x.Index.Subs, x.Index.Inserts, x.In.Msgs, x.Out.Bytes, x.Slow})
	z, err := report.Subsz("N", time.Now(), &status.SubszOptions{Subscriptions: true, Test: "a.b"}, []report.Index{Index(g), Index(other)})
	require.NoError(t, err)
	require.Equal(t, []int{3, 1, 1}, []int{int(z.NumSubs), z.Total, len(z.Subs)})
	require.Equal(t, "a.>", z.Subs[0].Subject)
}

func TestTotals(t *testing.T) {
	got := Totals([]client.Info{{Pending: 1, Subscriptions: 2, InMsgs: 3}, {Pending: 10, InBytes: 5, OutMsgs: 6, OutBytes: 7}})
	require.Equal(t, report.OpenTotals{
		Connections: 2, Pending: 11, Subscriptions: 2, In: report.Tally{Msgs: 3, Bytes: 5}, Out: report.Tally{Msgs: 6, Bytes: 7},
	}, got)
}
