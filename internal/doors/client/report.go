package client

import (
	"crypto/tls"
	"strings"
	"sync"
	"time"

	"github.com/baridmq/barid/internal/bus/identity"
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
	// Account is the name of the account, NameTag what people call it, Label the user in it.
	Account, NameTag, Label string
	Login
	// TLS is the state of the encryption; nil for a plain connection. It is shared and must not be
	// changed.
	TLS *tls.ConnectionState
	// Kind is the kind of the connection.
	Kind identity.Kind
	// First says that the connection began with the handshake.
	First bool
}

// Login is what a connection entered by, or tried to.
type Login struct {
	// User is a name, NKey a public key; both are empty for a token and for nobody in particular.
	User, NKey string
	// Proxy is the key of the proxy that the connection came through.
	Proxy string
	// Claims are what a JWT says of the user; nil without one. They are shared and must not be changed.
	Claims *identity.Claims
	// Denied is, for Observer.Denied, what the owner of the account is told of why; empty for nothing.
	Denied string
}

// mostRemembered bounds each text of a client that is kept after its end, in bytes.
const mostRemembered = 256

// mostToken is the longest JWT, in bytes, that is kept after the end of a connection: what fits into a
// control line. Of others only the names are.
const mostToken = 4096

// forget cuts what the client said of itself to what is worth keeping.
func (i *Info) forget() {
	for _, text := range []*string{&i.Name, &i.Lang, &i.Version, &i.Label, &i.User, &i.NKey} {
		*text = strings.Clone((*text)[:min(len(*text), mostRemembered)])
	}
	if c := i.Claims; c != nil && len(c.Token) > mostToken {
		i.Claims = &identity.Claims{Name: cut(c.Name, mostRemembered), IssuerKey: cut(c.IssuerKey, mostRemembered), Bearer: c.Bearer}
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
	all := d.table.all()
	r.Open = make([]Info, 0, len(all))
	for _, s := range all {
		if !s.admitted {
			continue
		}
		i := s.snapshot()
		r.Totals.add(&i)
		if i.RTT == 0 && i.Lang != "" {
			s.measure()
		}
		if !s.conn.Ended() {
			r.Open = append(r.Open, i)
		}
	}
	return r
}

// Summary is what a door tells without looking at each connection closely.
type Summary struct {
	// Open is the number of open connections, Accepted that of all since the start.
	Open     int
	Accepted uint64
	// Totals are sums over all connections since the start.
	Totals Totals
	// Slow and Stale count the connections ended for that reason.
	Slow, Stale int64
}

// lists are scratch space of Summary.
var lists = sync.Pool{New: func() any { return new([]*session) }}

// Summary returns the counts of the door. It costs some atomic reads per connection and allocates
// nothing for them, so it may be asked each second.
func (d *Door) Summary() Summary {
	r := Summary{Slow: d.slow.Load(), Stale: d.stale.Load()}
	list := lists.Get().(*[]*session)
	*list, r.Accepted, r.Totals = d.table.sum(*list)
	for _, s := range *list {
		if !s.admitted {
			continue
		}
		if !s.conn.Ended() {
			r.Open++
		}
		load := s.conn.Box.Load()
		r.Totals.InMsgs += s.in.msgs.Load()
		r.Totals.InBytes += s.in.bytes.Load()
		r.Totals.OutMsgs += load.Messages
		r.Totals.OutBytes += load.Bytes
		r.Totals.Stalls += s.pressure.Stalls.Load()
	}
	clear(*list) // ended sessions must not be kept
	*list = (*list)[:0]
	lists.Put(list)
	return r
}

// Connections is the number of open connections.
func (d *Door) Connections() int { return d.table.size() }

// SlowConsumers is the number of connections ever cut off as slow consumers.
func (d *Door) SlowConsumers() int64 { return d.slow.Load() }

// lastActivity is when messages last came from or went to the client, or its subscriptions changed;
// fresh is when messages went.
func (s *session) lastActivity(fresh time.Time) time.Time {
	last := s.conn.Started()
	for _, t := range []time.Time{fresh, time.Unix(0, s.in.last.Load())} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// snapshot may be called by any goroutine.
func (s *session) snapshot() Info {
	load, from := s.conn.Box.Load(), s.from.Load()
	i := Info{
		ID:            s.owner.ID,
		IP:            from.ip,
		Port:          from.port,
		First:         s.first.Load(),
		Start:         s.conn.Started(),
		LastActivity:  s.lastActivity(load.Fresh),
		RTT:           time.Duration(max(s.rtt.Load(), 0)),
		Pending:       load.Held,
		InMsgs:        s.in.msgs.Load(),
		InBytes:       s.in.bytes.Load(),
		OutMsgs:       load.Messages,
		OutBytes:      load.Bytes,
		Stalls:        s.pressure.Stalls.Load(),
		Subscriptions: int(s.subs.Load()),
		TLS:           s.conn.TLS(),
		Kind:          s.kind,
	}
	if v := s.view.Load(); v != nil {
		i.Name, i.Lang, i.Version = v.options.Name, v.options.Lang, v.options.Version
		i.identify(v.id)
	}
	return i
}
