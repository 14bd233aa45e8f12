package perm

import (
	"time"

	"github.com/baridmq/barid/internal/core/guard"
)

// Bounds of what one connection is granted at a time. Beyond them the oldest grants are lost:
// about two megabytes, when somebody floods it with requests that it never answers.
const (
	mostGrants     = 8192
	mostGrantBytes = 1 << 20 // of reply subjects
	// dropped bounds how many expired grants one call forgets. Since a call adds one at the
	// most, two are enough to catch up.
	dropped = 2
	// roomy is the number of grants from which on their memory is given back when all are gone.
	roomy = 64
)

// Grants are the reply subjects that a connection may publish to though its permissions do not
// say so, because it was sent a message with that reply. The zero value is empty, small and
// ready for use; it must not be copied. All methods may be called by any goroutine and take the
// same time whatever is held.
type Grants struct {
	mu struct {
		guard.Leaf
		held *held // nil until the first Allow
	}
}

// held are the grants by reply subject, and a ring of them in the order they were allowed.
type held struct {
	byReply map[string]*grant
	ring    grant // its next is the oldest grant, its prev the latest
	bytes   int
	peak    int // of the number of grants, since byReply was made
}

type grant struct {
	prev, next *grant
	reply      string
	left       int       // messages; negative: any number
	expires    time.Time // zero: never
}

// Allow lets the connection publish to reply as r says (see Permissions.Responses), from now
// on. A reply that is allowed already begins anew. It is meant for replies that
// Permissions.MayPublish refuses; it does nothing if r is nil or reply empty. reply is copied.
func (g *Grants) Allow(reply []byte, r *Responses, now time.Time) {
	if r == nil || len(reply) == 0 {
		return
	}
	bounds := r.resolved()
	var expires time.Time
	if bounds.Expires > 0 {
		expires = now.Add(bounds.Expires)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.held == nil {
		g.mu.held = newHeld()
	}
	h := g.mu.held
	h.forgetExpired(now)
	one := h.latest(reply)
	one.left, one.expires = bounds.Max, expires
	h.forgetSurplus()
}

// Take reports whether the connection is allowed to publish a message to subject, and counts
// that message.
func (g *Grants) Take(subject []byte, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.mu.held
	if h == nil {
		return false
	}
	h.forgetExpired(now)
	taken := h.take(subject, now)
	if len(h.byReply) == 0 && h.peak >= roomy {
		g.mu.held = nil
	}
	return taken
}

func newHeld() *held {
	h := &held{byReply: map[string]*grant{}}
	h.ring.prev, h.ring.next = &h.ring, &h.ring
	return h
}

// latest returns the grant for reply, which it makes if there is none, as the latest one.
func (h *held) latest(reply []byte) *grant {
	one := h.byReply[string(reply)]
	if one == nil {
		one = &grant{reply: string(reply)}
		h.byReply[one.reply] = one
		h.bytes += len(reply)
		h.peak = max(h.peak, len(h.byReply))
	} else {
		one.unlink()
	}
	last := h.ring.prev
	one.prev, one.next = last, &h.ring
	last.next, h.ring.prev = one, one
	return one
}

func (h *held) take(subject []byte, now time.Time) bool {
	one := h.byReply[string(subject)]
	if one == nil {
		return false
	}
	valid := !one.expired(now)
	if one.left > 0 {
		one.left--
	}
	if one.left == 0 || !valid {
		h.forget(one)
	}
	return valid
}

func (h *held) forget(one *grant) {
	one.unlink()
	delete(h.byReply, one.reply)
	h.bytes -= len(one.reply)
}

// forgetExpired forgets some of what has expired. The oldest come first: where grants differ in
// their time, because permissions changed, some stay longer, of no use and within the bounds.
func (h *held) forgetExpired(now time.Time) {
	for range dropped {
		oldest := h.ring.next
		if oldest == &h.ring || !oldest.expired(now) {
			return
		}
		h.forget(oldest)
	}
}

// forgetSurplus keeps to the bounds, but for the latest grant.
func (h *held) forgetSurplus() {
	for len(h.byReply) > mostGrants || h.bytes > mostGrantBytes && len(h.byReply) > 1 {
		h.forget(h.ring.next)
	}
}

func (one *grant) unlink() { one.prev.next, one.next.prev = one.next, one.prev }

func (one *grant) expired(now time.Time) bool {
	return !one.expires.IsZero() && !now.Before(one.expires)
}
