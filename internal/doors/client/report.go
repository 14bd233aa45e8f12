package client

import (
	"crypto/tls"
	"strings"
	"time"

	"github.com/baridmq/barid/internal/core/closed"
)

// Info is a snapshot of one connection, for reports.
type Info struct {
	ID           uint64
	IP           string
	Port         int
	Start        time.Time
	LastActivity time.Time
	// Stop and Reason are set for connections that have ended.
	Stop   time.Time
	Reason closed.Reason
	// RTT is the last measured round trip; 0 when there was none.
	RTT time.Duration
	// Pending is the number of bytes that wait for the connection.
	Pending int
	// In counts what the connection published, Out what was delivered to it. Bytes are those
	// of headers and payloads.
	InMsgs, InBytes, OutMsgs, OutBytes uint64
	// Stalls is how often the connection had to wait for a slow consumer.
	Stalls        int64
	Subscriptions int
	// Name, Lang and Version are what the client said of itself.
	Name, Lang, Version string
	// Account is the name of the account, Label the user in it.
	Account, Label string
	// User or NKey is what the connection entered by, Proxy the key of the proxy it came through.
	User, NKey, Proxy string
	// TLS is the state of the encryption; nil for a plain connection.
	TLS *tls.ConnectionState
	// First says that the connection began with the handshake.
	First bool
}

// mostRemembered bounds each text of a client that is kept after its end, in bytes.
const mostRemembered = 256

// forget cuts what the client said of itself to what is worth keeping.
func (i *Info) forget() {
	for _, text := range []*string{&i.Name, &i.Lang, &i.Version, &i.Label, &i.User, &i.NKey} {
		*text = strings.Clone((*text)[:min(len(*text), mostRemembered)])
	}
	if i.TLS != nil {
		i.TLS = &tls.ConnectionState{Version: i.TLS.Version, CipherSuite: i.TLS.CipherSuite}
	}
}

// Totals are sums over connections.
type Totals struct {
	InMsgs, InBytes, OutMsgs, OutBytes uint64
	Stalls                             int64
}

func (t *Totals) add(i *Info) {
	t.InMsgs += i.InMsgs
	t.InBytes += i.InBytes
	t.OutMsgs += i.OutMsgs
	t.OutBytes += i.OutBytes
	t.Stalls += i.Stalls
}

// Report is a snapshot of a door.
type Report struct {
	// Open are the connections in the order of their ids, Ended the remembered ones that have
	// ended, oldest first.
	Open, Ended []Info
	// Accepted is the number of connections since the start.
	Accepted uint64
	// Totals are sums over all connections since the start.
	Totals Totals
	// Slow and Stale count the connections ended for that reason.
	Slow, Stale int64
}

// Report returns a snapshot of the door. The order of the entries is that of connection ids, or
// of the end.
func (d *Door) Report() Report {
	r := Report{Slow: d.slow.Load(), Stale: d.stale.Load()}
	r.Ended, r.Accepted, r.Totals = d.table.history()
	for _, s := range d.table.all() {
		if !s.admitted {
			continue
		}
		i := s.snapshot()
		r.Totals.add(&i)
		r.Open = append(r.Open, i)
	}
	return r
}

// Connections is the number of open connections.
func (d *Door) Connections() int { return d.table.size() }

// SlowConsumers is the number of connections ever cut off as slow consumers.
func (d *Door) SlowConsumers() int64 { return d.slow.Load() }

// snapshot may be called by any goroutine.
func (s *session) snapshot() Info {
	load, from := s.conn.Box.Load(), s.from.Load()
	i := Info{
		ID:            s.owner.ID,
		IP:            from.ip,
		Port:          from.port,
		First:         s.first.Load(),
		Start:         s.conn.Started(),
		LastActivity:  s.conn.Active(),
		RTT:           time.Duration(s.rtt.Load()),
		Pending:       load.Held,
		InMsgs:        s.inMsgs.Load(),
		InBytes:       s.inBytes.Load(),
		OutMsgs:       load.Messages,
		OutBytes:      load.Bytes,
		Stalls:        s.pressure.Stalls.Load(),
		Subscriptions: int(s.subs.Load()),
		TLS:           s.conn.TLS(),
	}
	if v := s.view.Load(); v != nil {
		i.Name, i.Lang, i.Version = v.options.Name, v.options.Lang, v.options.Version
		i.Account, i.Label = v.id.Account.Name(), v.id.Label
		i.User, i.NKey, i.Proxy = v.id.User, v.id.NKey, v.id.Proxy
	}
	return i
}
