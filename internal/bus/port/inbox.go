package port

import (
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
)

// receiver is a Subscription as its account sees it.
type receiver Subscription

// Deliver implements account.Receiver: it copies what there is room for into the inbox.
func (r *receiver) Deliver(st *account.Stage, run msg.Run, s *account.Sub) account.Outcome {
	p := r.port
	if p.cfg.Share != nil {
		return r.deliverShared(&st.Batch, run, s)
	}
	var few [8]item // on the stack
	items := few[:0]
	for i := run.From; i < run.To; i++ {
		m := p.admit(&st.Batch, i, s)
		if m == nil {
			break
		}
		items = append(items, item{sub: (*Subscription)(r), m: m})
	}
	if !p.enqueue(items) {
		return account.Refused
	}
	return outcome(&st.Batch, run, len(items))
}

// admit copies message i for s if it may have it and there is room, else it returns nil.
func (p *Port) admit(b *msg.Batch, i int32, s *account.Sub) *Message {
	if p.closed.Load() || s.GivenUp() {
		return nil
	}
	m := &b.Msgs[i]
	size := sizeOf(m)
	if !p.reserve(size) {
		return nil
	}
	if n, _ := s.Count(1); n == 0 {
		p.pending.Add(-size)
		return nil
	}
	return copied(b.Buf, m)
}

// sizeOf is what a message that is not copied yet will count in an inbox.
func sizeOf(m *msg.Message) int64 {
	return int64(m.Subject.Len) + int64(m.Reply.Len) + int64(m.Data.Len) + overhead
}

// reserve has size bytes count as pending and reports whether there is room for them.
func (p *Port) reserve(size int64) bool {
	if p.pending.Add(size) <= int64(p.cfg.MaxPending) {
		return true
	}
	p.pending.Add(-size)
	p.refused.Add(1)
	return false
}

// outcome says that the first n messages of run were taken.
func outcome(b *msg.Batch, run msg.Run, n int) account.Outcome {
	switch n {
	case 0:
		return account.Refused
	case run.Len():
		return account.Taken
	}
	for i := run.From; i < run.From+int32(n); i++ {
		b.Take(i)
	}
	return account.Partly
}

// enqueue puts items into the inbox and sees that somebody handles them. It reports false, and drops
// them, when nobody will.
func (p *Port) enqueue(items []item) bool {
	if len(items) == 0 {
		return false
	}
	p.mu.Lock()
	if p.closed.Load() {
		p.mu.Unlock()
		return false
	}
	p.mu.queue = append(p.mu.queue, items...)
	start := !p.mu.running
	p.mu.running = true
	p.mu.Unlock()
	return p.begin(start)
}

// begin has a goroutine handle what is in the inbox, if start says that there is none, and reports
// whether anybody does.
func (p *Port) begin(start bool) bool {
	if start && !p.cfg.Tasks.Go(p.cfg.Name, p.work) {
		p.Close() // the server ends
		return false
	}
	return true
}

// largestIdle is the capacity that a queue may keep when it is empty.
const largestIdle = 256

// work handles what is in the inbox, until it is empty. A handler that panics takes this goroutine
// with it; another one goes on behind its message.
func (p *Port) work() {
	over := false
	defer func() {
		if !over && !p.cfg.Tasks.Go(p.cfg.Name, p.work) {
			p.Close()
		}
	}()
	for p.refill() {
		for p.at < len(p.batch) {
			it := p.batch[p.at]
			p.batch[p.at] = item{}
			p.at++
			p.pending.Add(-it.m.size())
			if !it.sub.closed.Load() && !p.closed.Load() {
				it.sub.handle(it.m)
			}
		}
		p.report()
	}
	over = true
}

// refill makes sure that there is something in the batch. If there is not, and nothing waits, it
// reports false, and the goroutine must end.
func (p *Port) refill() bool {
	if p.at < len(p.batch) {
		return true // left by one that panicked
	}
	empty := p.batch[:0]
	if cap(empty) > largestIdle {
		empty = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = 0
	if p.cfg.Share != nil {
		p.batch = p.roundLocked(empty)
	} else {
		p.batch, p.mu.queue = p.mu.queue, empty
	}
	if len(p.batch) > 0 {
		return true
	}
	if cap(p.batch) > largestIdle {
		p.batch = nil
	}
	p.mu.running = false
	return false
}

// reportGap is the least time between two lines of the log.
const reportGap = time.Second

// report logs how many messages found no room, but not too often: the next line counts the rest.
func (p *Port) report() {
	if p.refused.Load() == 0 || time.Since(p.reported) < reportGap {
		return
	}
	p.reported = time.Now()
	if n := p.refused.Swap(0); n > 0 && p.cfg.Errorf != nil {
		p.cfg.Errorf("%s: %d messages were refused because the inbox was full", p.cfg.Name, n)
	}
}
