package port

import (
	"context"
	"strconv"
	"strings"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
)

// call is a request that waits for replies.
type call struct {
	wake    chan struct{} // holds one token while there may be replies
	replies []*Message    // guarded by Port.mu
}

// Request sends m, whose Reply it sets, and returns the first reply, ErrNoResponders, ErrClosed or
// the error of ctx. Replies do not need the port's goroutine, so a handler may call it; but while it
// waits the port handles nothing. A handler that may wait for long, or for a service on the same
// port, has a port of its own.
func (p *Port) Request(ctx context.Context, m *Message) (*Message, error) {
	var reply *Message
	err := p.Gather(ctx, m, func(r *Message) bool {
		reply = r
		return false
	})
	if err == nil && reply == nil {
		err = ctx.Err()
	}
	return reply, err
}

// Gather sends m, whose Reply it sets, and calls each for every reply, on the caller's goroutine,
// until that returns false or ctx ends, which is no error. It returns ErrNoResponders when nobody
// took the request, here or, by a first reply with the status 503, further away, and ErrClosed when the
// port is closed meanwhile. For handlers holds what Request says.
func (p *Port) Gather(ctx context.Context, m *Message, each func(*Message) (more bool)) error {
	if ctx.Err() != nil {
		return nil
	}
	if err := p.listen(); err != nil {
		return err
	}
	c := &call{wake: make(chan struct{}, 1)}
	p.mu.Lock()
	p.mu.next++
	n := p.mu.next
	p.mu.calls[n] = c
	p.mu.Unlock()
	defer p.hangUp(n, c)

	m.Reply = p.inbox + strconv.FormatUint(n, 10)
	if !p.Publish(m) {
		if p.closed.Load() {
			return ErrClosed
		}
		return ErrNoResponders
	}
	return p.collect(ctx, c, each)
}

// collect calls each for the replies of c.
func (p *Port) collect(ctx context.Context, c *call, each func(*Message) bool) error {
	some := false
	for {
		for r := p.reply(c); r != nil; r = p.reply(c) {
			switch {
			case !r.noResponders():
				some = true
				if !each(r) {
					return nil
				}
			case !some:
				return ErrNoResponders
			}
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return nil
		case <-p.done:
			return ErrClosed
		}
	}
}

// listen sees that replies can come: the first who asks subscribes, the others wait for that.
func (p *Port) listen() error {
	p.mu.Lock()
	ready := p.mu.ready
	if ready == nil {
		p.mu.ready = make(chan struct{})
		first := p.mu.ready
		p.mu.Unlock()
		s := &Subscription{port: p}
		err := p.enter(s, (*replies)(p), p.inbox+"*", "")
		close(first)
		return err
	}
	p.mu.Unlock()
	<-ready
	if p.closed.Load() {
		return ErrClosed
	}
	return nil
}

// reply takes the next reply of c, nil if there is none.
func (p *Port) reply(c *call) *Message {
	p.mu.Lock()
	if len(c.replies) == 0 {
		p.mu.Unlock()
		return nil
	}
	r := c.replies[0]
	c.replies[0] = nil
	c.replies = c.replies[1:]
	p.mu.Unlock()
	p.pending.Add(-r.size())
	return r
}

// hangUp ends request n: replies to it are refused from now on.
func (p *Port) hangUp(n uint64, c *call) {
	p.mu.Lock()
	delete(p.mu.calls, n)
	left := c.replies
	c.replies = nil
	p.mu.Unlock()
	for _, r := range left {
		p.pending.Add(-r.size())
	}
}

// replies is a Port as its account sees the subscription for replies.
type replies Port

// Deliver implements account.Receiver: replies go to the requests that wait for them.
func (r *replies) Deliver(st *account.Stage, run msg.Run, s *account.Sub) account.Outcome {
	p := (*Port)(r)
	b := &st.Batch
	taken := 0
	for i := run.From; i < run.To; i++ {
		if p.answer(b, i, s) {
			b.Take(i)
			taken++
		}
	}
	switch taken {
	case 0:
		return account.Refused
	case run.Len():
		return account.Taken
	}
	return account.Partly
}

// answer hands message i to the request that it replies to, and reports whether there is one.
func (p *Port) answer(b *msg.Batch, i int32, s *account.Sub) bool {
	c, n := p.asked(string(b.Msgs[i].Subject.Of(b.Buf)))
	if c == nil {
		return false
	}
	m := p.admit(b, i, s)
	if m == nil {
		return false
	}
	p.mu.Lock()
	waiting := p.mu.calls[n] == c
	if waiting {
		c.replies = append(c.replies, m)
	}
	p.mu.Unlock()
	if !waiting {
		p.pending.Add(-m.size())
		return false
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return true
}

// asked returns the request that a reply subject belongs to, nil if it is over, and its number.
func (p *Port) asked(reply string) (*call, uint64) {
	n, err := strconv.ParseUint(strings.TrimPrefix(reply, p.inbox), 10, 64)
	if err != nil {
		return nil, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.calls[n], n
}
