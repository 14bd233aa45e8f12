package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/server/status"
)

func someAccounts() []Account {
	return []Account{
		{Name: "$SYS", System: true, Updated: connNow},
		{Name: "A", Updated: connNow, Clients: 2, In: Tally{1, 2}, Out: Tally{3, 4}, Slow: 5, Index: Index{Subs: 6, Inserts: 7, Removes: 1}},
	}
}

func TestAccountz(t *testing.T) {
	z, err := Accountz(serverID, connNow, nil, someAccounts())
	require.NoError(t, err)
	golden(t, "accountz", z)
	z, err = Accountz(serverID, connNow, &status.AccountzOptions{Account: "A"}, someAccounts())
	require.NoError(t, err)
	golden(t, "accountz_one", z)
	_, err = Accountz(serverID, connNow, &status.AccountzOptions{Account: "B"}, someAccounts())
	require.EqualError(t, err, "Account B does not exist")
	require.ErrorIs(t, err, UnknownAccount("B"))
}

// All that is known of an account that a JWT describes is shown.
func TestAccountOfAJWT(t *testing.T) {
	stream := account.Import{Kind: account.Stream, Account: "B", Subject: "s.>", Local: "from.b.s.>", AllowTrace: true}
	service := account.Import{Kind: account.Service, Account: "B", Subject: "q.*", Title: "ask", Share: true}
	a := Account{
		Name: "AAKEY", Updated: connNow, Expired: true,
		Spec: &account.Spec{
			Name: "AAKEY", Tag: "orders",
			Exports: []account.Export{
				{Kind: account.Stream, Subject: "o.>", Title: "orders", Accounts: []string{"Y", "X"}, Revoked: map[string]int64{"*": 100}},
				{Kind: account.Service, Subject: "p.*", TokenRequired: true, TokenPosition: 2, Response: account.Streamed,
					Threshold: time.Second, Latency: &account.Latency{Sampling: 10, Subject: "m"}, AllowTrace: true},
			},
			Mappings: []account.Mapping{{Source: "a", Destinations: []account.Destined{
				{Subject: "b", Weight: 20}, {Subject: "c", Weight: 80, Cluster: "east"}}}},
		},
		Imports: Imports([]account.ImportState{{Import: &stream}, {Import: &service, Err: errors.New("not authorized")}},
			func(string) *account.Spec { return nil }),
		Token: Token{
			JWT: "e.y.J", Issuer: "OKEY", Tags: []string{"t"}, Claims: json.RawMessage(`{"sub":"AAKEY"}`),
			Issues: []Issue{{Text: "expired", Blocking: true, Time: true}}, Revoked: map[string]int64{"UKEY": 200},
		},
	}
	z, err := Accountz(serverID, connNow, &status.AccountzOptions{Account: "AAKEY"}, []Account{a})
	require.NoError(t, err)
	golden(t, "accountz_jwt", z)
	require.Equal(t, "orders", AccountStatz(serverID, connNow, &status.AccountStatzOptions{IncludeUnused: true}, []Account{a}).Accounts[0].Name)
}

// An import of a service shows whether the service is measured, if the exporter is known and lets it.
func TestImportsShowLatency(t *testing.T) {
	exporter := &account.Spec{Name: "B", Exports: []account.Export{
		{Kind: account.Service, Subject: "q.>"},
		{Kind: account.Service, Subject: "q.*", Latency: &account.Latency{Sampling: 10, Subject: "m"}},
		{Kind: account.Stream, Subject: "s"},
	}}
	imports := []account.Import{
		{Kind: account.Service, Account: "B", Subject: "q.1"}, {Kind: account.Service, Account: "B", Subject: "q.1.2"},
		{Kind: account.Service, Account: "B", Subject: "other"}, {Kind: account.Stream, Account: "B", Subject: "s"},
		{Kind: account.Service, Account: "C", Subject: "q.1"}, {Kind: account.Service, Account: "B", Subject: "q.2"},
	}
	states := make([]account.ImportState, len(imports))
	for i := range imports {
		states[i].Import = &imports[i]
	}
	states[5].Err = errors.New("not authorized")
	a := Account{Name: "A", Imports: Imports(states, func(name string) *account.Spec {
		return map[string]*account.Spec{"B": exporter}[name]
	})}
	z, err := Accountz(serverID, connNow, &status.AccountzOptions{Account: "A"}, []Account{a})
	require.NoError(t, err)
	for i, x := range z.Account.Imports {
		if i == 0 {
			require.Equal(t, &status.ServiceSampling{Sampling: 10, Results: "m"}, x.Latency)
			continue
		}
		require.Nil(t, x.Latency, "import %d", i)
	}
	require.Len(t, z.Account.Imports, len(imports))
}

func TestStatsz(t *testing.T) {
	require.Equal(t, status.ServerStats{ActiveServers: 1}, Statsz(new(status.Varz), 0))
	s := Statsz(&status.Varz{
		Connections: 1, TotalConnections: 2, Subscriptions: 3, OutMsgs: 4, OutClientMsgs: 5, InBytes: 6, InClientBytes: 7,
		SlowConsumers: 8, SlowConsumersStats: status.SlowConsumersStats{Clients: 8},
		StaleConnections: 9, StaleConnectionStats: status.StaleConnectionStats{Clients: 9}, StalledClients: 10,
	}, 11)
	require.Equal(t, []int64{4, 5, 6, 7, 8, 9, 10, 11}, []int64{s.Sent.Msgs, s.SentClients.Msgs, s.Received.Bytes,
		s.ReceivedClients.Bytes, int64(s.SlowConsumersStats.Clients), int64(s.StaleStats.Clients), s.StalledClients, int64(s.ActiveAccounts)})
}

func TestAccountStatz(t *testing.T) {
	golden(t, "accstatz", AccountStatz(serverID, connNow, nil, someAccounts()))
	unused := AccountStatz(serverID, connNow, &status.AccountStatzOptions{IncludeUnused: true}, someAccounts())
	require.Len(t, unused.Accounts, 2)
	named := AccountStatz(serverID, connNow, &status.AccountStatzOptions{Accounts: []string{"$SYS", "B"}, IncludeUnused: true}, someAccounts())
	require.Len(t, named.Accounts, 1)
	require.Equal(t, []*status.AccountStat{}, AccountStatz(serverID, connNow, nil, nil).Accounts, "shows as [] in JSON")
}

// A server without links to others says so in the shapes that tools decode.
func TestWithoutLinks(t *testing.T) {
	server := Names{ID: "N", Name: "n"}
	text := func(v any) string {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return string(b)
	}
	const now = `"now":"2026-08-01T12:00:00Z"`
	require.JSONEq(t, `{"server_id":"N","server_name":"n",`+now+`,"num_routes":0,"routes":[]}`, text(Routez(server, connNow)))
	require.JSONEq(t, `{"server_id":"N",`+now+`,"outbound_gateways":{},"inbound_gateways":{}}`, text(Gatewayz(server, connNow)))
	require.JSONEq(t, `{"server_id":"N",`+now+`,"leafnodes":0,"leafs":[]}`, text(Leafz(server, connNow)))
	z, err := Jsz(server, connNow, nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"memory":0,"storage":0,"reserved_memory":0,"reserved_storage":0,"accounts":0,"ha_assets":0,
		"api":{"level":0,"total":0,"errors":0},"server_id":"N",`+now+`,"disabled":true,"config":{"max_memory":0,"max_storage":0},
		"streams":0,"consumers":0,"messages":0,"bytes":0,"total":0}`, text(z))
	_, err = Jsz(server, connNow, &status.JSzOptions{LeaderOnly: true})
	require.EqualError(t, err, "filtered response: not leader")
}

// entry is a subscription of these tests.
type entry struct{ sub Sub }

func (e entry) Subject() string { return e.sub.Subject }
func (e entry) Snapshot() Sub   { return e.sub }

// indexOf makes an index of so many subscriptions and counts how many are read.
func indexOf(name string, n int, read *int) Index {
	return Index{Account: name, Subs: uint32(n), Each: func(f func(Entry) bool) {
		for i := range n {
			*read++
			if !f(entry{Sub{Subject: fmt.Sprintf("%s.%d", name, i%10), SID: fmt.Sprint(i), CID: uint64(i)}}) {
				return
			}
		}
	}}
}

func TestSubszPages(t *testing.T) {
	read := 0
	indexes := []Index{indexOf("A", 25, &read), {Account: "empty"}, indexOf("B", 40, &read)}
	list := func(o status.SubszOptions) *status.Subsz {
		o.Subscriptions = true
		z, err := Subsz(serverID, connNow, &o, indexes)
		require.NoError(t, err)
		return z
	}
	whole := list(status.SubszOptions{})
	require.Equal(t, []int{65, 65, 0, 1024}, []int{len(whole.Subs), whole.Total, whole.Offset, whole.Limit})
	require.Equal(t, status.SubDetail{Account: "B", AccountTag: "B", Subject: "B.9", Sid: "39", Cid: 39}, whole.Subs[64])
	for _, limit := range []int{1, 7, 25, 26, 64} {
		var joined []status.SubDetail
		for offset := 0; offset < 65; offset += limit {
			z := list(status.SubszOptions{Offset: offset, Limit: limit})
			require.Equal(t, 65, z.Total)
			joined = append(joined, z.Subs...)
		}
		require.Equal(t, whole.Subs, joined, "pages of %d", limit)
	}
	require.Empty(t, list(status.SubszOptions{Offset: 65}).Subs)

	read = 0
	list(status.SubszOptions{Limit: 3})
	require.Equal(t, 3, read, "reading ends with the page")
	read = 0
	list(status.SubszOptions{Offset: 30, Limit: 2})
	require.Equal(t, 7, read, "whole accounts are skipped")

	indexes[2].Tag = "bravo"
	require.Equal(t, "bravo", list(status.SubszOptions{}).Subs[64].AccountTag)
	z := list(status.SubszOptions{Test: "B.3", Offset: 1, Limit: 2})
	require.Equal(t, 4, z.Total, "all that match")
	require.Equal(t, []string{"13", "23"}, []string{z.Subs[0].Sid, z.Subs[1].Sid})
	z = list(status.SubszOptions{Account: "A", Limit: 5})
	require.Equal(t, []int{25, 25, 5}, []int{int(z.NumSubs), z.Total, len(z.Subs)})
	none, err := Subsz(serverID, connNow, &status.SubszOptions{Test: "B.3"}, indexes)
	require.NoError(t, err)
	require.Zero(t, none.Total, "no list is asked for")
}

func TestMeasureUsage(t *testing.T) {
	u := MeasureUsage()
	require.Positive(t, u.Resident)
	require.GreaterOrEqual(t, MeasureUsage().CPU, u.CPU)
	if !u.Started.IsZero() {
		require.WithinRange(t, u.Started, time.Now().Add(-24*time.Hour), time.Now().Add(time.Second))
	}
}
