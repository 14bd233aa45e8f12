package main

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	idleConnections   = 10_000
	manySubscriptions = 1_000_000
	subscribers       = 10 // connections that share the subscriptions
	dialers           = 8  // connections that are opened at the same time
)

// Names of the figures of memory.
const (
	perConnection   = "bytes/connection"
	perSubscription = "bytes/subscription"
)

// connectionScenarios are those about connections and subscriptions rather than messages.
func connectionScenarios() []scenario {
	return []scenario{
		{name: "churn", about: "subscribe and unsubscribe on one connection, 1000 subscriptions alive", count: counting{first: 50_000}, run: churn},
		{name: "connect", about: "connect, CONNECT, PING, PONG, close; 8 at a time", count: counting{first: 1_000, most: 20_000}, run: connect},
		{name: "idle10k", about: "10 k connections that do nothing", bar: bar{of: perConnection, limit: 0.45, ratio: true}, count: counting{fixed: idleConnections}, run: idle},
		{name: "subs1m", about: "a million subscriptions on 10 connections", bar: bar{of: perSubscription, limit: 300}, count: counting{fixed: manySubscriptions}, run: subscriptions},
	}
}

// dialMany lets several goroutines dial n connections and call each with them. The connections last
// as long as ctx.
func dialMany(ctx context.Context, t *target, n int, each func(*client)) error {
	c := newCrew(ctx)
	var begun atomic.Int64
	for range dialers {
		c.start(func() error {
			for c.ctx.Err() == nil && begun.Add(1) <= int64(n) {
				conn, err := t.dial(ctx, 1<<10)
				if err != nil {
					return err
				}
				each(conn)
			}
			return nil
		})
	}
	return c.wait()
}

// connect opens and closes connections.
func connect(ctx context.Context, t *target, n int) (sample, error) {
	if err := dialMany(ctx, t, n/warmUpPart, (*client).close); err != nil {
		return sample{}, err
	}
	m, err := t.mark()
	if err != nil {
		return sample{}, err
	}
	if err := dialMany(ctx, t, n, (*client).close); err != nil {
		return sample{}, err
	}
	return t.since(m, n)
}

// idle opens n connections, answers the PING that a server sends to each soon after CONNECT, and looks
// at the memory that is resident then.
func idle(ctx context.Context, t *target, n int) (sample, error) {
	c := newCrew(ctx)
	defer c.dismiss()
	var before sample
	if err := t.weigh(&before); err != nil {
		return sample{}, err
	}
	m, err := t.mark()
	if err != nil {
		return sample{}, err
	}
	var pinged atomic.Int64
	err = dialMany(c.ctx, t, n, func(conn *client) {
		c.start(func() error {
			defer conn.close()
			return conn.answer(&pinged)
		})
	})
	if err != nil {
		return sample{}, err
	}
	s, err := t.since(m, n)
	if err != nil {
		return s, err
	}
	const pingLimit = 4 * time.Second // servers send the first PING within 2.4 s, if at all
	for end := time.Now().Add(pingLimit); pinged.Load() < int64(n) && time.Now().Before(end); {
		rest(c.ctx, 50*time.Millisecond)
	}
	rest(c.ctx, settleTime)
	if err := context.Cause(c.ctx); err != nil {
		return s, err
	}
	if err := t.weigh(&s); err != nil {
		return s, err
	}
	s.Values = []value{{perConnection, s.growth(before, n)}}
	return s, nil
}

// answer reads until the connection ends, and counts the first PING.
func (c *client) answer(pinged *atomic.Int64) error {
	var m message
	counted := false
	for {
		o, err := c.command(&m)
		if err != nil {
			return err
		}
		if o == opPing && !counted {
			counted = true
			pinged.Add(1)
		}
	}
}

// settleTime is how long a server gets to come to rest before its memory is looked at.
const settleTime = 2 * time.Second

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// subscriptions makes n of them and looks at the memory, then checks a sample of them.
func subscriptions(ctx context.Context, t *target, n int) (sample, error) {
	c := newCrew(ctx)
	defer c.dismiss()
	var conns []*client
	for range subscribers {
		conn, err := t.dial(c.ctx, 64<<10)
		if err != nil {
			return sample{}, err
		}
		defer conn.close()
		conns = append(conns, conn)
	}
	var before sample
	if err := t.weigh(&before); err != nil {
		return sample{}, err
	}
	m, err := t.mark()
	if err != nil {
		return sample{}, err
	}
	each := n / len(conns)
	for i, conn := range conns {
		subs := make([]subscription, each)
		for j := range subs {
			subs[j].subject = numbered(i*each + j)
		}
		if err := conn.subscribe(subs); err != nil {
			return sample{}, err
		}
	}
	s, err := t.since(m, n)
	if err != nil {
		return s, err
	}
	rest(c.ctx, settleTime)
	if err := t.weigh(&s); err != nil {
		return s, err
	}
	s.Values = []value{{perSubscription, s.growth(before, n)}}
	s.Faults, err = probe(c.ctx, t, conns, each)
	return s, err
}

// probe publishes to every 997th of the numbered subjects and checks that each message comes to the
// right connection and subscription, and nothing else does.
func probe(ctx context.Context, t *target, conns []*client, each int) (faults, error) {
	var f faults
	pub, err := t.dial(ctx, 4<<10)
	if err != nil {
		return f, err
	}
	defer pub.close()
	due := make([][]int, len(conns))
	var out []byte
	for n := 0; n < each*len(conns); n += 997 {
		out = appendPub(out, []byte(numbered(n)), nil, nil)
		due[n/each] = append(due[n/each], n%each+1)
	}
	if err := pub.write(out); err != nil {
		return f, err
	}
	if err := pub.sync(nil); err != nil {
		return f, err
	}
	for i, conn := range conns {
		sids := due[i]
		err := conn.sync(func(m *message) {
			if len(sids) == 0 || sids[0] != m.sid || string(m.subject) != numbered(i*each+m.sid-1) {
				f.Misrouted++
				return
			}
			sids = sids[1:]
		})
		if err != nil {
			return f, err
		}
		f.Lost += len(sids)
	}
	return f, nil
}

// alive is how many subscriptions the churning connection keeps.
const alive = 1000

// churn subscribes to n subjects and unsubscribes from each of them again, a thousand later.
func churn(ctx context.Context, t *target, n int) (sample, error) {
	conn, err := t.dial(ctx, 64<<10)
	if err != nil {
		return sample{}, err
	}
	defer conn.close()
	warm := n/warmUpPart + alive
	if err := conn.churn(0, warm); err != nil {
		return sample{}, err
	}
	m, err := t.mark()
	if err != nil {
		return sample{}, err
	}
	if err := conn.churn(warm, warm+n); err != nil {
		return sample{}, err
	}
	s, err := t.since(m, n)
	if err != nil {
		return s, err
	}
	s.Faults, err = conn.probeChurn(warm + n)
	return s, err
}

func churned(b []byte, n int) []byte {
	b = append(b, "bench.churn."...)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, ".orders"...)
}

func (c *client) churn(from, to int) error {
	var b []byte
	for n := from; n < to; n++ {
		b = append(b, "SUB "...)
		b = churned(b, n)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(n+1), 10)
		if n >= alive {
			b = append(b, "\r\nUNSUB "...)
			b = strconv.AppendInt(b, int64(n+1-alive), 10)
		}
		b = append(b, "\r\n"...)
		if len(b) >= chunkSize || n == to-1 {
			if err := c.write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	return c.sync(nil)
}

// probeChurn publishes to the last subjects, of which the newer half is still subscribed, and checks
// that just these come.
func (c *client) probeChurn(end int) (faults, error) {
	var f faults
	var out []byte
	from := max(0, end-2*alive)
	for n := from; n < end; n++ {
		out = appendPub(out, churned(nil, n), nil, nil)
	}
	if err := c.write(out); err != nil {
		return f, err
	}
	next := end - alive
	err := c.sync(func(m *message) {
		if m.sid != next+1 || string(m.subject) != string(churned(nil, next)) {
			f.Misrouted++
			return
		}
		next++
	})
	if err != nil {
		return f, fmt.Errorf("probing subscriptions: %w", err)
	}
	f.Lost += end - next
	return f, nil
}
