// Package outbox holds what waits to be written: bounded bytes between many producers and one
// writer (Box), and the gathering of what one read of a publisher has for each of them (Stage).
//
// The package knows nothing of verbs, accounts or sockets; it owns no goroutine. Each Box has
// one leaf lock, under which nothing is written and nobody is called.
//
// # The turn
//
// Many readers produce for one socket, yet only one goroutine may write to it, and no reader
// may ever be stuck in the socket of another. The obvious way, a writer goroutine that is woken
// for each batch, costs a hand-over between goroutines per batch: twice the time of a request
// and its reply. So the right to write is a flag, the turn. A producer that finds the turn free
// takes it and tries to write, in attempts that cannot block. What the socket does not accept is
// put in front of what others queued meanwhile, and a writer goroutine inherits the turn: it
// writes with waiting and ends when the box is empty. Healthy and idle connections have none.
package outbox

import (
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/core/guard"
)

// Sink is the socket behind a box. All its methods are called without locks, TryWrite and Done
// only by the goroutine that holds the turn.
type Sink interface {
	// TryWrite writes what the socket accepts at once, and never waits. It returns less than
	// len(p) without an error when the socket is full. A sink that cannot try without waiting
	// returns 0 always. behind says that it has accepted all of p but itself holds a part that
	// waits for the socket, as encryption may; a writer is needed then, too.
	TryWrite(p []byte) (n int, behind bool, err error)
	// StartWriter starts a goroutine that inherits the turn and calls Take until it is refused.
	StartWriter()
	// Overflowed tells that the box was closed because it held more than its limit. It may be
	// called by any goroutine, must not block, and makes a writer that waits for the socket
	// return.
	Overflowed()
	// Broken tells that TryWrite failed with err and that the box is closed.
	Broken(err error)
	// Done tells that the box is closed and that nothing more will be written. It is called once.
	Done()
}

// Verdict is the answer of a Box to Send.
type Verdict uint8

const (
	// Sent says that the bytes were written or will be.
	Sent Verdict = iota
	// Full says the same, and that more than three quarters of the limit are held now.
	Full
	// Stale says that nothing was done because the generation of the box has moved on.
	Stale
	// Gone says that nothing was done because the box is closed.
	Gone
)

// roundsOfOthers bounds how often a producer writes what other producers left it before it
// hands the turn to a writer goroutine.
const roundsOfOthers = 3

// Box holds the output of one connection. Create it in place and call Init before use. All
// methods may be called by any goroutine unless they say otherwise.
type Box struct {
	// fixed
	sink  Sink
	limit int
	high  int

	gen   atomic.Uint64
	fresh atomic.Int64 // when messages were last staged for it, ns of Unix time; 0 for never

	mu struct {
		guard.Leaf
		queue    queue
		held     int  // bytes accepted and not yet taken by the socket
		turn     bool // somebody writes
		closed   bool // nothing is accepted any more
		discard  bool // and what is held is thrown away
		done     bool // Done was called or is about to be
		messages uint64
		bytes    uint64
		moved    time.Time     // when the socket last took something while the box was backed up
		room     chan struct{} // closed when there is room again; nil when nobody waits
	}
}

// Init sets the socket of b and the limit of the bytes it holds.
func (b *Box) Init(sink Sink, limit int) {
	b.sink, b.limit, b.high = sink, limit, limit/4*3
}

// Generation is a number that Invalidate moves. Read it before deciding what to send, and give
// it to Send.
func (b *Box) Generation() uint64 { return b.gen.Load() }

// Invalidate makes all Sends with an older generation fail with Stale: what was decided before
// is not written behind what is sent after.
func (b *Box) Invalidate() {
	b.mu.Lock()
	b.gen.Add(1)
	b.mu.Unlock()
}

// Piece is how many bytes one Send should have at the most, so that a box with a small limit
// gets the chance to drain in between.
func (b *Box) Piece() int { return max(1, min(256<<10, b.limit/8)) }

// Send writes or queues p, which stands for the given number of messages with payload bytes in
// them. It copies what it keeps. Pass Any as gen for bytes that do not depend on subscriptions.
func (b *Box) Send(p []byte, messages, payload int, gen uint64) Verdict {
	b.mu.Lock()
	if b.mu.closed {
		b.mu.Unlock()
		return Gone
	}
	if gen != Any && gen != b.gen.Load() {
		b.mu.Unlock()
		return Stale
	}
	b.mu.messages += uint64(messages)
	b.mu.bytes += uint64(payload)
	b.mu.held += len(p)
	if !b.mu.turn {
		b.mu.turn = true
		b.mu.Unlock()
		return b.write(p)
	}
	over, full := b.mu.held > b.limit, b.mu.held > b.high
	if over {
		b.overflowLocked()
	} else {
		b.mu.queue.add(p)
	}
	b.mu.Unlock()
	switch {
	case over:
		b.sink.Overflowed()
		return Gone
	case full:
		return Full
	}
	return Sent
}

// Any is the generation that always fits.
const Any = ^uint64(0)

// write holds the turn and passes it on: to nobody when the box is empty, else to a writer.
func (b *Box) write(p []byte) Verdict {
	var mine *chunk // chunks of others, if p lies in one
	for round := 0; ; round++ {
		n, behind, err := b.sink.TryWrite(p)
		if err != nil {
			b.broken(err)
			free(mine)
			return own(Gone, round)
		}
		b.mu.Lock()
		b.mu.held -= n
		if n < len(p) || behind {
			verdict := b.keepLocked(p[n:], mine)
			b.mu.Unlock()
			if verdict == Gone {
				b.sink.Overflowed()
			}
			b.sink.StartWriter()
			return own(verdict, round)
		}
		if mine != nil {
			rest := mine.next
			mine.next = nil
			free(mine)
			mine = rest
		}
		if mine == nil && b.mu.queue.head == nil {
			done := b.restLocked()
			b.mu.Unlock()
			if done {
				b.sink.Done()
			}
			return Sent
		}
		if round == roundsOfOthers {
			b.requeueLocked(mine)
			b.mu.Unlock()
			b.sink.StartWriter()
			return Sent
		}
		if mine == nil {
			mine = b.mu.queue.take(largestChunk)
		}
		b.mu.Unlock()
		p = mine.buf[mine.from:]
	}
}

// own is the answer for the caller's bytes when a round ended with verdict: what was written in
// the first round stays written, whatever becomes of the bytes of others.
func own(verdict Verdict, round int) Verdict {
	if verdict == Gone && round > 0 {
		return Sent
	}
	return verdict
}

// keepLocked puts what the socket refused in front of everything else, and answers like Send.
// rest lies in the first of the chunks mine, or in foreign memory when mine is nil.
func (b *Box) keepLocked(rest []byte, mine *chunk) Verdict {
	if mine != nil {
		mine.from = len(mine.buf) - len(rest)
		b.requeueLocked(mine)
	} else {
		b.mu.queue.unshift(rest)
	}
	b.mu.moved = time.Now()
	switch {
	case b.mu.closed:
	case b.mu.held > b.limit:
		b.overflowLocked()
		return Gone
	case b.mu.held > b.high:
		return Full
	}
	return Sent
}

// requeueLocked puts chunks back to the front.
func (b *Box) requeueLocked(first *chunk) {
	if first == nil {
		return
	}
	last := first
	for last.next != nil {
		last = last.next
	}
	last.next = b.mu.queue.head
	b.mu.queue.head = first
	if b.mu.queue.tail == nil {
		b.mu.queue.tail = last
	}
}

// restLocked gives the turn back and reports whether the holder must call Done.
func (b *Box) restLocked() bool {
	b.mu.turn = false
	b.wakeLocked()
	if b.mu.closed && !b.mu.done {
		b.mu.done = true
		return true
	}
	return false
}

// overflowLocked closes the box and throws away what it holds.
func (b *Box) overflowLocked() {
	b.mu.closed, b.mu.discard = true, true
	b.wakeLocked()
}

// broken closes the box after a failed write; the caller holds the turn.
func (b *Box) broken(err error) {
	b.mu.Lock()
	b.mu.closed, b.mu.discard = true, true
	b.mu.Unlock()
	b.sink.Broken(err)
	b.Take(nil, 0, 0)
}
