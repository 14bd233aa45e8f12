package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"
)

const requestSize = 16 // bytes of a request and of its reply

// Names of the figures of requests.
const (
	medianWait = "median µs" // from sending a request until its reply is there
	p99Wait    = "p99 µs"
)

func requestScenarios() []scenario {
	return []scenario{
		{name: "reqrep1", about: "one requester that waits for each reply, one responder, 16 B", bar: cpuBar(0.65), count: counting{first: 5_000}, run: requests(1)},
		{name: "reqrep50", about: "50 such requesters, one responder", count: counting{first: 20_000}, run: requests(50)},
	}
}

// requests lets requesters, each with a connection of its own, ask one responder. They use one
// wildcard subscription for all replies and a new reply subject for each request, as client libraries
// do.
func requests(requesters int) runFunc {
	return func(ctx context.Context, t *target, n int) (sample, error) {
		c := newCrew(ctx)
		defer c.dismiss()
		responder, err := t.dial(c.ctx, 64<<10)
		if err != nil {
			return sample{}, err
		}
		defer responder.close()
		if err := responder.subscribe([]subscription{{subject: "bench.echo"}}); err != nil {
			return sample{}, err
		}
		c.start(responder.echo)
		var all []*requester
		for i := range requesters {
			r, err := newRequester(c.ctx, t, i)
			if err != nil {
				return sample{}, err
			}
			defer r.close()
			all = append(all, r)
		}
		return measureRequests(c.ctx, t, all, n)
	}
}

func measureRequests(ctx context.Context, t *target, all []*requester, n int) (sample, error) {
	each := max(1, n/len(all))
	if err := ask(ctx, all, each/warmUpPart); err != nil {
		return sample{}, err
	}
	m, err := t.mark()
	if err != nil {
		return sample{}, err
	}
	if err := ask(ctx, all, each); err != nil {
		return sample{}, err
	}
	s, err := t.since(m, each*len(all))
	if err != nil {
		return s, err
	}
	var waits []time.Duration
	for _, r := range all {
		if err := r.sync(func(*message) { r.bad.Duplicate++ }); err != nil {
			return s, err
		}
		waits = append(waits, r.waits...)
		s.Faults.add(r.bad)
	}
	slices.Sort(waits)
	micros := func(part float64) float64 {
		return float64(waits[int(part*float64(len(waits)-1))]) / float64(time.Microsecond)
	}
	s.Values = []value{{medianWait, micros(0.5)}, {p99Wait, micros(0.99)}}
	return s, nil
}

// ask lets each requester do n requests, all at the same time.
func ask(ctx context.Context, all []*requester, n int) error {
	c := newCrew(ctx)
	for _, r := range all {
		r.waits = make([]time.Duration, 0, n)
		c.start(func() error { return r.ask(n) })
	}
	return c.wait()
}

// echo answers every message with its own payload, all of one read in one write, until the
// connection ends.
func (c *client) echo() error {
	var m message
	var out []byte
	for {
		o, err := c.next(&m)
		switch {
		case err != nil:
			return err
		case o == opMsg:
			out = appendPub(out, m.reply, nil, m.payload)
		case o == opPing:
			out = append(out, "PONG\r\n"...)
		case o == opNone:
			if len(out) > 0 {
				if err := c.write(out); err != nil {
					return err
				}
				out = out[:0]
			}
			if err := c.fill(); err != nil {
				return err
			}
		}
	}
}

func appendPub(b, subject, reply, payload []byte) []byte {
	b = append(b, "PUB "...)
	b = append(b, subject...)
	if len(reply) > 0 {
		b = append(b, ' ')
		b = append(b, reply...)
	}
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, "\r\n"...)
	b = append(b, payload...)
	return append(b, "\r\n"...)
}

// A requester sends a request, waits for its reply, and sends the next.
type requester struct {
	*client
	lane  int
	inbox []byte
	seq   uint64
	waits []time.Duration
	bad   faults
}

func newRequester(ctx context.Context, t *target, lane int) (*requester, error) {
	c, err := t.dial(ctx, 4<<10)
	if err != nil {
		return nil, err
	}
	r := &requester{client: c, lane: lane, inbox: fmt.Appendf(nil, "_INBOX.Kq3vZr8Lw0uYt5NbXe%04d.", lane)}
	if err := c.subscribe([]subscription{{subject: string(r.inbox) + "*"}}); err != nil {
		c.close()
		return nil, err
	}
	return r, nil
}

// ask does n requests. A reply other than the one that is waited for is a fault.
func (r *requester) ask(n int) error {
	var m message
	var out []byte
	reply := slices.Clone(r.inbox)
	payload := make([]byte, requestSize)
	for range n {
		reply = strconv.AppendUint(reply[:len(r.inbox)], r.seq, 10)
		binary.LittleEndian.PutUint64(payload, stamp(r.lane, r.seq))
		out = appendPub(out[:0], []byte("bench.echo"), reply, payload)
		sent := time.Now()
		if err := r.write(out); err != nil {
			return err
		}
		for waiting := true; waiting; {
			o, err := r.command(&m)
			if err != nil {
				return fmt.Errorf("waiting for reply %d: %w", r.seq, err)
			}
			if o == opMsg {
				waiting = !r.take(&m, reply)
			}
		}
		r.waits = append(r.waits, time.Since(sent))
		r.seq++
	}
	return nil
}

// take looks at a reply and reports whether it is the one that is due.
func (r *requester) take(m *message, reply []byte) bool {
	seq, ok := unstamp(m, r.lane)
	switch {
	case !ok || seq > r.seq || m.sid != 1:
		r.bad.Misrouted++
		return false
	case seq < r.seq:
		r.bad.Duplicate++
		return false
	}
	if string(m.subject) != string(reply) {
		r.bad.Misrouted++
	}
	return true
}
