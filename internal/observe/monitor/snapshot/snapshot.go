// Package snapshot takes snapshots of accounts and of the connections of clients in the shapes that
// package report wants.
//
// It knows nothing of servers and configurations. It owns neither goroutines nor locks, and holds
// none while it looks through the subscriptions of an account; those that come or go meanwhile may
// be left out.
package snapshot

import (
	"runtime"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/report"
)

// Conns lets a report read connections one by one. The infos are borrowed.
func Conns(infos []client.Info) report.Conns {
	return report.Conns{Len: len(infos), At: func(i int) report.Conn { return Conn(&infos[i]) }}
}

// Conn is what a report shows of a client connection.
func Conn(i *client.Info) report.Conn {
	c := report.Conn{
		CID: i.ID, Kind: "Client", Type: "nats", IP: i.IP, Port: i.Port,
		Start: i.Start, LastActivity: i.LastActivity, Stop: i.Stop,
		RTT: i.RTT, Pending: i.Pending,
		In: Tally(i.InMsgs, i.InBytes), Out: Tally(i.OutMsgs, i.OutBytes),
		Stalls: i.Stalls, NumSubs: uint32(i.Subscriptions),
		Software: report.Software{Name: i.Name, Lang: i.Lang, Version: i.Version},
		Login:    report.Login{Account: i.Account, NameTag: i.NameTag, User: i.User, NKey: i.NKey, Token: i.Label == "token"},
		ProxyKey: i.Proxy,
	}
	if u := i.Claims; u != nil {
		c.Login.IssuerKey, c.Login.Tags, c.Login.Bearer = u.IssuerKey, u.Tags, u.Bearer
		if !u.Bearer {
			c.Login.JWT = u.Token
		}
	}
	if t := i.TLS; t != nil {
		c.TLS = &report.TLS{Version: t.Version, Cipher: t.CipherSuite, First: i.First, PeerCerts: t.PeerCertificates}
	}
	if i.Reason != closed.Open {
		c.Reason = i.Reason.String()
	}
	return c
}

// Tally is a count of messages and bytes as reports have it.
func Tally(msgs, bytes uint64) report.Tally {
	return report.Tally{Msgs: int64(msgs), Bytes: int64(bytes)}
}

// Totals sums up open connections.
func Totals(open []client.Info) (t report.OpenTotals) {
	t.Connections = len(open)
	for i := range open {
		c := &open[i]
		t.Pending += int64(c.Pending)
		t.Subscriptions += int64(c.Subscriptions)
		t.In.Msgs += int64(c.InMsgs)
		t.In.Bytes += int64(c.InBytes)
		t.Out.Msgs += int64(c.OutMsgs)
		t.Out.Bytes += int64(c.OutBytes)
	}
	return t
}

// Account is what a report shows of an account. Whether it is the server's own and since when its
// settings are in force, what became of its imports, and what a JWT says of it, is for the caller to say.
func Account(a *account.Account, t client.AccountTotals) report.Account {
	return report.Account{
		Name: a.Name(), Clients: a.Connections(), Slow: t.Slow, Index: Index(a),
		In: Tally(t.InMsgs, t.InBytes), Out: Tally(t.OutMsgs, t.OutBytes),
		Spec: a.Spec(),
	}
}

// Index is what a report shows of the index of an account. It has no cache of results, and to count
// the matches would cost every message.
func Index(a *account.Account) report.Index {
	stats := a.Stats()
	return report.Index{
		Account: a.Name(), Tag: a.Spec().Tag, Subs: uint32(stats.Subscriptions), Inserts: stats.Inserts, Removes: stats.Removes,
		Each: func(f func(report.Entry) bool) {
			each(a, func(sub *account.Sub) bool { return f(entry{sub}) })
		},
	}
}

// Subscriptions lists those of the connections whose ids have a quota, and no more of each than
// that. There is nobody to ask but the indexes of the accounts: what a connection has is known to its
// reader alone. The search ends when all quotas are used up.
func Subscriptions(accounts []*account.Account, quota map[uint64]int) map[uint64][]report.Sub {
	by := make(map[uint64][]report.Sub, len(quota))
	rest := 0
	for _, n := range quota {
		rest += n
	}
	for _, a := range accounts {
		if rest == 0 {
			break
		}
		each(a, func(sub *account.Sub) bool {
			if id := sub.Owner().ID; len(by[id]) < quota[id] {
				by[id] = append(by[id], entry{sub}.Snapshot())
				rest--
			}
			return rest > 0
		})
	}
	return by
}

// Interested returns the ids of the connections with a subscription in the account, which may be nil,
// that overlaps the subject.
func Interested(a *account.Account, filter string) map[uint64]bool {
	ids := map[uint64]bool{}
	if a == nil {
		return ids
	}
	each(a, func(sub *account.Sub) bool {
		if subject.Overlaps(sub.Subject(), filter) {
			ids[sub.Owner().ID] = true
		}
		return true
	})
	return ids
}

// politeness is the number of subscriptions after which a search lets others run: a search through a
// million takes a second, and messages must not wait until the scheduler interrupts it.
const politeness = 256

// each calls f for the subscriptions of an account until it returns false.
func each(a *account.Account, f func(*account.Sub) bool) {
	n := 0
	a.Each(func(sub *account.Sub) bool {
		if n++; n%politeness == 0 {
			runtime.Gosched()
		}
		return f(sub)
	})
}

// entry is a subscription as reports want it.
type entry struct{ *account.Sub }

// Snapshot implements report.Entry.
func (e entry) Snapshot() report.Sub {
	return report.Sub{
		Subject: e.Subject(), Queue: e.Queue(), SID: string(e.AppendSID(nil)), CID: e.Owner().ID,
		Msgs: int64(e.Taken()), Max: int64(e.Max()),
	}
}
