package report

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/server/status"
)

var connNow = time.Date(2026, 8, 1, 14, 0, 0, 0, zone)

// ago returns the time so many seconds before the report.
func ago(seconds int) time.Time { return connNow.Add(-time.Duration(seconds) * time.Second) }

// openConns are three connections whose figures are in another order for each sort key.
func openConns() []Conn {
	return []Conn{
		{
			CID: 5, Kind: "Client", Type: "nats", IP: "192.0.2.5", Port: 50005, Start: ago(100),
			LastActivity: ago(3), RTT: 796*time.Microsecond + 400, Pending: 10, In: Tally{1, 300},
			Out: Tally{2, 200}, NumSubs: 2, Software: Software{"worker", "go", "1.55.0"},
			Login: Login{User: "ann", Account: "A", NameTag: "Team A"},
		},
		{
			CID: 7, Kind: "Client", Type: "websocket", IP: "192.0.2.7", Port: 50007, Start: ago(90),
			LastActivity: ago(1), RTT: 3 * time.Millisecond, Pending: 30, In: Tally{2, 100},
			Out: Tally{3, 300}, Stalls: 2, NumSubs: 1, Software: Software{"page", "nats.js", "3.4.0"},
			ProxyKey: "UPROXY",
			TLS: &TLS{Version: tls.VersionTLS13, Cipher: tls.TLS_AES_128_GCM_SHA256, First: true,
				PeerCerts: []*x509.Certificate{{Subject: pkix.Name{CommonName: "page"}, Raw: []byte("c"), RawSubjectPublicKeyInfo: []byte("k")}}},
			Login: Login{UserKey: "UPAGE", Account: "B", NameTag: "Team B", JWT: "page.jwt", IssuerKey: "ABB", Tags: []string{"web"}},
		},
		{
			CID: 6, Kind: "Leafnode", IP: "192.0.2.6", Port: 50006, Start: ago(95), LastActivity: ago(2),
			Pending: 20, In: Tally{3, 200}, Out: Tally{1, 100}, NumSubs: 3,
			Login: Login{NKey: "ULEAF", User: "leaf", Account: "A"},
		},
	}
}

func closedConns() []Conn {
	return []Conn{
		{
			CID: 1, Kind: "Client", Type: "nats", IP: "192.0.2.1", Port: 50001, Start: ago(500), LastActivity: ago(410),
			Stop: ago(400), Reason: "Stale Connection", NumSubs: 1,
			Login: Login{UserKey: "UBEAR", Account: "A", JWT: "bearer.jwt", Bearer: true},
		},
		{
			CID: 2, Kind: "Client", Type: "mqtt", IP: "192.0.2.2", Port: 50002, Start: ago(300), LastActivity: ago(299),
			Stop: ago(298), Reason: "Client Closed", MQTTClient: "sensor-1",
			TLS:   &TLS{Version: 0x300, Cipher: 0xffff, PeerCerts: []*x509.Certificate{{Raw: []byte("c")}}},
			Login: Login{Token: true, Account: "$G", NameTag: "$G"},
		},
		{
			CID: 3, Kind: "Client", Type: "nats", IP: "192.0.2.3", Port: 50003, Start: ago(299), LastActivity: ago(299),
			Stop: ago(297), Reason: "Authentication Failure",
		},
	}
}

// subs are those of the connections above.
var subs = map[uint64][]Sub{
	1: {{CID: 1, Subject: "old", SID: "1"}},
	5: {{CID: 5, Subject: "jobs.>", Queue: "q", SID: "1", Msgs: 4, Max: 9}, {CID: 5, Subject: "ping", SID: "2"}},
	7: {{CID: 7, Subject: "news.*", SID: "a<b"}},
}

// listOf lets conns be read one by one.
func listOf(conns []Conn) Conns {
	return Conns{Len: len(conns), At: func(i int) Conn { return conns[i] }}
}

// population are the connections above with what they want.
func population() Population {
	return Population{
		Open: listOf(openConns()), Closed: listOf(closedConns()),
		Subs: func(quota map[uint64]int) map[uint64][]Sub {
			chosen := map[uint64][]Sub{}
			for id, most := range quota {
				chosen[id] = subs[id][:min(most, len(subs[id]))]
			}
			return chosen
		},
		Interested: func(account, filter string) map[uint64]bool {
			ids := map[uint64]bool{}
			for _, c := range append(openConns(), closedConns()...) {
				for _, s := range subs[c.CID] {
					ids[c.CID] = ids[c.CID] || c.Login.Account == account && subject.Overlaps(s.Subject, filter)
				}
			}
			return ids
		},
	}
}

func connz(t *testing.T, o status.ConnzOptions) *status.Connz {
	t.Helper()
	z, err := Connz(serverID, connNow, &o, population())
	require.NoError(t, err)
	require.Equal(t, len(z.Conns), z.NumConns)
	return z
}

// A page lists a bounded number of subscriptions, those of the first connections, and counts all.
func TestConnzListsABoundedNumberOfSubscriptions(t *testing.T) {
	conns := []Conn{{CID: 1, NumSubs: 60_000}, {CID: 2, NumSubs: 60_000, Stop: connNow}, {CID: 3, NumSubs: 60_000}, {CID: 4, NumSubs: 1}}
	var asked map[uint64]int
	from := Population{Open: listOf(conns), Subs: func(quota map[uint64]int) map[uint64][]Sub {
		asked = quota
		return nil
	}}
	z, err := Connz(serverID, connNow, &status.ConnzOptions{Subscriptions: true}, from)
	require.NoError(t, err)
	require.Equal(t, map[uint64]int{1: 60_000, 3: MostListed - 60_000}, asked)
	require.EqualValues(t, 60_000, z.Conns[2].NumSubs)
	asked = nil
	_, err = Connz(serverID, connNow, &status.ConnzOptions{}, from)
	require.NoError(t, err)
	require.Nil(t, asked, "nobody wants them")
}

func cids(z *status.Connz) (list []uint64) {
	for _, c := range z.Conns {
		list = append(list, c.Cid)
	}
	return list
}

func TestConnzGolden(t *testing.T) {
	for name, o := range map[string]status.ConnzOptions{
		"connz_open":        {},
		"connz_open_auth":   {Username: true},
		"connz_open_subs":   {Subscriptions: true},
		"connz_open_detail": {Subscriptions: true, SubscriptionsDetail: true, Limit: 2},
		"connz_closed":      {State: status.ConnClosed},
		"connz_closed_auth": {State: status.ConnClosed, Username: true, Subscriptions: true},
		"connz_none":        {CID: 99},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, connz(t, o)) })
	}
}

func TestConnzSelection(t *testing.T) {
	for _, tt := range []struct {
		name   string
		opts   status.ConnzOptions
		cids   []uint64
		total  int
		offset int
		limit  int // 0 = the default
	}{
		{name: "open", cids: []uint64{5, 6, 7}, total: 3},
		{name: "closed", opts: status.ConnzOptions{State: status.ConnClosed}, cids: []uint64{1, 2, 3}, total: 3},
		{name: "all", opts: status.ConnzOptions{State: status.ConnAll}, cids: []uint64{1, 2, 3, 5, 6, 7}, total: 6},
		{name: "second page", opts: status.ConnzOptions{Offset: 1, Limit: 1}, cids: []uint64{6}, total: 3, offset: 1, limit: 1},
		{name: "last page", opts: status.ConnzOptions{Offset: 2, Limit: 5}, cids: []uint64{7}, total: 3, offset: 2, limit: 5},
		{name: "behind the last page", opts: status.ConnzOptions{Offset: 9}, total: 3, offset: 9},
		{name: "negative page", opts: status.ConnzOptions{Offset: -3, Limit: -1}, cids: []uint64{5, 6, 7}, total: 3},
		{name: "cid", opts: status.ConnzOptions{CID: 6}, cids: []uint64{6}, total: 3, limit: 1},
		{name: "cid and page", opts: status.ConnzOptions{CID: 6, Offset: 2, Limit: 50}, cids: []uint64{6}, total: 3, limit: 1},
		{name: "cid of another state", opts: status.ConnzOptions{CID: 1}, total: 3, limit: 1},
		{name: "cid in all", opts: status.ConnzOptions{CID: 1, State: status.ConnAll}, cids: []uint64{1}, total: 6, limit: 1},
		{name: "cid of another account", opts: status.ConnzOptions{CID: 6, Account: "B"}, total: 1, limit: 1},
		{name: "account", opts: status.ConnzOptions{Account: "A"}, cids: []uint64{5, 6}, total: 2},
		{name: "unknown account", opts: status.ConnzOptions{Account: "Z"}, total: 0},
		{name: "global account", opts: status.ConnzOptions{Account: "$G", State: status.ConnAll}, cids: []uint64{2}, total: 1},
		{name: "user name", opts: status.ConnzOptions{User: "ann"}, cids: []uint64{5}, total: 3},
		{name: "user key", opts: status.ConnzOptions{User: "UPAGE"}, cids: []uint64{7}, total: 3},
		{name: "nkey", opts: status.ConnzOptions{User: "ULEAF"}, cids: []uint64{6}, total: 3},
		{name: "name behind an nkey", opts: status.ConnzOptions{User: "leaf"}, total: 3},
		{name: "MQTT client", opts: status.ConnzOptions{MQTTClient: "sensor-1", State: status.ConnClosed}, cids: []uint64{2}, total: 3},
		{name: "subject", opts: status.ConnzOptions{Account: "A", FilterSubject: "jobs.1"}, cids: []uint64{5}, total: 2},
		{name: "pattern", opts: status.ConnzOptions{Account: "A", FilterSubject: "*"}, cids: []uint64{5}, total: 2},
		{name: "no such subject", opts: status.ConnzOptions{Account: "B", FilterSubject: "news"}, total: 1},
		{name: "every subject", opts: status.ConnzOptions{FilterSubject: ">"}, cids: []uint64{5, 6, 7}, total: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z := connz(t, tt.opts)
			require.Equal(t, tt.cids, cids(z))
			require.NotNil(t, z.Conns, "shows as [] in JSON")
			if tt.limit == 0 {
				tt.limit = status.DefaultConnListSize
			}
			require.Equal(t, []int{tt.total, tt.offset, tt.limit}, []int{z.Total, z.Offset, z.Limit})
		})
	}
}

func TestConnzOrder(t *testing.T) {
	for key, want := range map[status.SortOpt]string{
		"":                "[5 6 7]",
		status.ByCid:      "[5 6 7]",
		status.ByStart:    "[5 6 7]",
		status.BySubs:     "[6 5 7]",
		status.ByPending:  "[7 6 5]",
		status.ByOutMsgs:  "[7 5 6]",
		status.ByInMsgs:   "[6 7 5]",
		status.ByOutBytes: "[7 5 6]",
		status.ByInBytes:  "[5 6 7]",
		status.ByLast:     "[7 6 5]",
		status.ByIdle:     "[5 6 7]",
		status.ByUptime:   "[7 6 5]",
		status.ByRTT:      "[7 5 6]",
	} {
		require.Equal(t, want, fmt.Sprint(cids(connz(t, status.ConnzOptions{Sort: key}))), "by %q", key)
	}
	for key, want := range map[status.SortOpt]string{
		status.ByStop:   "[3 2 1]",
		status.ByReason: "[3 2 1]", // Authentication, Client, Stale
		status.ByIdle:   "[1 3 2]",
		status.ByUptime: "[2 3 1]",
		status.ByLast:   "[2 3 1]", // two at the same time
	} {
		got := cids(connz(t, status.ConnzOptions{Sort: key, State: status.ConnClosed}))
		require.Equal(t, want, fmt.Sprint(got), "closed by %q", key)
	}
}

// TestConnzPagesFit checks that reading page by page gives each connection once, in the order
// of one long page, even where many have equal keys.
func TestConnzPagesFit(t *testing.T) {
	var conns []Conn
	for i := range uint64(100) {
		conns = append(conns, Conn{CID: 100 - i, NumSubs: uint32(i % 3), Start: connNow, LastActivity: connNow, Stop: connNow})
	}
	for _, key := range strings.Fields("cid start subs pending msgs_to msgs_from bytes_to bytes_from last idle uptime stop reason rtt") {
		o := status.ConnzOptions{Sort: status.SortOpt(key), State: status.ConnClosed}
		whole, err := Connz(serverID, connNow, &o, Population{Closed: listOf(conns)})
		require.NoError(t, err)
		require.Len(t, whole.Conns, 100)

		var joined []uint64
		for o.Limit = 7; o.Offset < 100; o.Offset += o.Limit {
			part, err := Connz(serverID, connNow, &o, Population{Closed: listOf(conns)})
			require.NoError(t, err)
			joined = append(joined, cids(part)...)
		}
		require.Equal(t, cids(whole), joined, "by %s", key)
	}
}

func TestConnzErrors(t *testing.T) {
	for _, tt := range []struct {
		opts status.ConnzOptions
		is   error
		text string
	}{
		{status.ConnzOptions{Sort: "size"}, ErrSort, "invalid sorting option: size"},
		{status.ConnzOptions{Sort: "CID"}, ErrSort, "invalid sorting option: CID"},
		{status.ConnzOptions{Sort: "stop"}, ErrSortStop, "sort by stop only valid on closed connections"},
		{status.ConnzOptions{Sort: "stop", State: status.ConnAll}, ErrSortStop, "sort by stop only valid on closed connections"},
		{status.ConnzOptions{Sort: "reason"}, ErrSortReason, "sort by reason only valid on closed connections"},
		{status.ConnzOptions{Sort: "reason", State: status.ConnAll}, ErrSortReason, "sort by reason only valid on closed connections"},
		{status.ConnzOptions{FilterSubject: "a"}, ErrFilter, "filter by subject only valid with account filtering"},
	} {
		_, err := Connz(serverID, connNow, &tt.opts, Population{})
		require.ErrorIs(t, err, tt.is)
		require.EqualError(t, err, tt.text)
	}
}

func TestConnzWithoutOptions(t *testing.T) {
	z, err := Connz(serverID, connNow, nil, population())
	require.NoError(t, err)
	require.Equal(t, connz(t, status.ConnzOptions{}), z)
}

// TestConnzKeepsSecrets looks for what must not be on display in every kind of answer.
func TestConnzKeepsSecrets(t *testing.T) {
	for _, state := range []status.ConnState{status.ConnOpen, status.ConnClosed, status.ConnAll} {
		for _, auth := range []bool{false, true} {
			text, err := json.Marshal(connz(t, status.ConnzOptions{State: state, Username: auth, SubscriptionsDetail: true}))
			require.NoError(t, err)
			require.NotContains(t, string(text), "bearer.jwt")
			if !auth {
				for _, secret := range []string{"page.jwt", "ABB", "Team", "ann", "UPAGE", "authorized_user", `"account"`, `"tags"`, "spki_sha256"} {
					require.NotContains(t, string(text), secret)
				}
			}
		}
	}
	closed := connz(t, status.ConnzOptions{State: status.ConnClosed, Username: true})
	require.Equal(t, "[REDACTED]", closed.Conns[1].AuthorizedUser)
	require.Empty(t, closed.Conns[1].Account, "the global account has no name")
	require.Empty(t, closed.Conns[1].NameTag)
	require.Empty(t, closed.Conns[2].AuthorizedUser)
}

func TestTLSVersion(t *testing.T) {
	for v, want := range map[uint16]string{
		tls.VersionTLS10: "1.0", tls.VersionTLS11: "1.1", tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3",
		0x0300: "Unknown [0x300]",
	} {
		require.Equal(t, want, tlsVersion(v))
	}
}

func TestConnzLeavesItsInputsAlone(t *testing.T) {
	open := openConns()
	_, err := Connz(serverID, connNow, &status.ConnzOptions{Sort: status.ByRTT}, Population{Open: listOf(open)})
	require.NoError(t, err)
	require.Equal(t, []uint64{5, 7, 6}, []uint64{open[0].CID, open[1].CID, open[2].CID})
}

func BenchmarkConnz(b *testing.B) {
	conns := make([]Conn, 10_000)
	for i := range conns {
		conns[i] = Conn{CID: uint64(i), Start: ago(i), LastActivity: ago(i % 977), In: Tally{Msgs: int64(i * 7919 % 10_007)}}
	}
	for b.Loop() {
		if _, err := Connz(serverID, connNow, &status.ConnzOptions{Sort: status.ByInMsgs}, Population{Open: listOf(conns)}); err != nil {
			b.Fatal(err)
		}
	}
}
