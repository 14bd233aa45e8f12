package port

import (
	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
)

const (
	// part is what a key that waits alone may have of an inbox with keys: one in so many.
	part = 16
	// mostShares bounds the keys that wait at a time. What comes for more of them counts for the empty key.
	mostShares = 1024
)

// share is what waits in an inbox for one key.
type share struct {
	queue []item
	bytes int64 // of the queue and of what is about to come into it
}

// room has size bytes, which count as pending already, wait for key and reports whether they may: each
// key may have as much as a fixed part of what is still free. So one alone gets one in so many of the
// inbox, and however many come, there is something left for the next. It returns the key that they
// count for.
func (p *Port) room(key string, size int64) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return key, false
	}
	s := p.mu.shares[key]
	if s == nil && len(p.mu.shares) >= mostShares {
		key = ""
		s = p.mu.shares[key]
	}
	had := int64(0)
	if s != nil {
		had = s.bytes
	}
	if had+size > (int64(p.cfg.MaxPending)-p.pending.Load())/(part-1) {
		return key, false
	}
	if s == nil {
		s = new(share)
		p.mu.shares[key] = s
	}
	s.bytes += size
	return key, true
}

// giveBack ends the wait of size bytes for key that did not come after all.
func (p *Port) giveBack(key string, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lessLocked(key, size)
}

func (p *Port) lessLocked(key string, size int64) {
	s := p.mu.shares[key]
	if s == nil {
		return // the port was closed meanwhile
	}
	if s.bytes -= size; s.bytes == 0 {
		delete(p.mu.shares, key)
	}
}

// deliverShared is Deliver for a port with keys.
func (r *receiver) deliverShared(b *msg.Batch, run msg.Run, s *account.Sub) account.Outcome {
	taken := 0
	for i := run.From; i < run.To && r.take(b, i, s); i++ {
		taken++
	}
	return outcome(b, run, taken)
}

// take copies message i into the share of its key, if there is room, and reports whether it did.
func (r *receiver) take(b *msg.Batch, i int32, s *account.Sub) bool {
	p, m := r.port, &b.Msgs[i]
	size := sizeOf(m)
	if p.closed.Load() || s.GivenUp() || !p.reserve(size) {
		return false
	}
	key, ok := p.room(p.cfg.Share(m.Data.Of(b.Buf)[:m.Header]), size)
	if !ok {
		p.pending.Add(-size)
		p.refused.Add(1)
		return false
	}
	if n, _ := s.Count(1); n == 0 {
		p.giveBack(key, size)
		p.pending.Add(-size)
		return false
	}
	it := item{sub: (*Subscription)(r), m: copied(b.Buf, m)}
	p.mu.Lock()
	sh := p.mu.shares[key]
	if sh == nil { // the port was closed meanwhile
		p.mu.Unlock()
		return false
	}
	sh.queue = append(sh.queue, it)
	start := !p.mu.running
	p.mu.running = true
	p.mu.Unlock()
	return p.begin(start)
}

// roundLocked appends to batch the first message of each key that waits.
func (p *Port) roundLocked(batch []item) []item {
	for key, s := range p.mu.shares {
		if len(s.queue) == 0 {
			continue
		}
		it := s.queue[0]
		s.queue[0] = item{}
		s.queue = s.queue[1:]
		batch = append(batch, it)
		p.lessLocked(key, it.m.size())
	}
	return batch
}
