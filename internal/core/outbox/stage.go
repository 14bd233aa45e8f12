package outbox

import (
	"time"

	"github.com/baridmq/barid/internal/core/msg"
)

// Encoder turns messages into the bytes of one destination. Its methods are called by the
// publisher's goroutine while it flushes, and must not block.
type Encoder[R any] interface {
	// Encode appends messages r of b as the destination wants them for its subscription ref.
	// It returns the extended dst and the header and payload bytes it appended.
	Encode(dst []byte, b *msg.Batch, r msg.Run, ref *R) ([]byte, int)
	// Live reports whether ref still may get what was staged for it.
	Live(ref *R) bool
	// Shape is a number that is equal for two subscriptions, of whatever destination, whose
	// encodings of a run are equal. 0 says that nothing is known.
	Shape(ref *R) uint64
}

// Stage gathers what the messages of one batch mean for each destination, so that a destination
// costs one lock and one write per batch and the bytes of one run are encoded destination by
// destination, in memory that is hot. It belongs to one publisher's goroutine.
type Stage[R any] struct {
	// Batch holds the messages that are delivered now. Staged runs refer to it or to Side.
	Batch msg.Batch
	// Side is the other batch: of messages that were made on the way of those that were read, as for
	// another account, or the read ones while those are delivered. See Swap.
	Side msg.Batch
	// Host is whose stage it is, for receivers that have it carry messages on; it may be nil.
	Host any
	// Pressure makes the publisher wait for slow consumers; nil for publishers that never wait.
	Pressure *Pressure

	targets []target[R]
	entries []entry[R]
	slots   []int32 // open addressing by box: index into targets + 1
	last    *target[R]
	scratch []byte
	lost    []Lost[R]
	crowd   []*Box // boxes that this flush left full
	swapped bool   // Batch is the batch of messages made on the way
}

// Swap exchanges Batch and Side. What is staged keeps its batch. Since one chain of notes per
// destination holds runs of both, each destination gets its messages in the order of their staging.
func (s *Stage[R]) Swap() {
	s.Batch, s.Side = s.Side, s.Batch
	s.swapped = !s.swapped
}

// Swapped reports whether Batch holds the messages made on the way.
func (s *Stage[R]) Swapped() bool { return s.swapped }

// batch returns the batch of the runs that were staged while Swapped was as told.
func (s *Stage[R]) batch(swapped bool) *msg.Batch {
	if swapped == s.swapped {
		return &s.Batch
	}
	return &s.Side
}

type target[R any] struct {
	box        *Box
	enc        Encoder[R]
	id         uint64
	gen        uint64
	head, tail int32 // chain of entries
}

type entry[R any] struct {
	ref   *R
	shape uint64
	run   msg.Run
	next  int32
	made  bool // run is of the batch of messages made on the way
}

// Destination is where staged messages go.
type Destination[R any] struct {
	Box *Box
	Enc Encoder[R]
	// ID distinguishes destinations; small consecutive numbers spread best.
	ID uint64
}

// Add stages run for subscription ref of d. gen is the generation of d.Box, read before it was
// decided that ref may have the run.
func (s *Stage[R]) Add(d *Destination[R], gen uint64, run msg.Run, ref *R) {
	t := s.last
	if t == nil || t.box != d.Box {
		t = s.target(d, gen)
		s.last = t
	}
	if t.tail >= 0 {
		if e := &s.entries[t.tail]; e.ref == ref && e.run.To == run.From && e.made == s.swapped {
			e.run.To = run.To
			return
		}
	}
	i := int32(len(s.entries))
	s.entries = append(s.entries, entry[R]{ref: ref, shape: d.Enc.Shape(ref), run: run, next: -1, made: s.swapped})
	if t.tail < 0 {
		t.head = i
	} else {
		s.entries[t.tail].next = i
	}
	t.tail = i
}

// target finds or makes the target of d.
func (s *Stage[R]) target(d *Destination[R], gen uint64) *target[R] {
	if 2*len(s.targets) >= len(s.slots) {
		s.grow()
	}
	mask := uint64(len(s.slots) - 1)
	for at := slot(d.ID) & mask; ; at = (at + 1) & mask {
		i := s.slots[at]
		if i == 0 {
			s.targets = append(s.targets, target[R]{box: d.Box, enc: d.Enc, id: d.ID, gen: gen, head: -1, tail: -1})
			s.slots[at] = int32(len(s.targets))
			return &s.targets[len(s.targets)-1]
		}
		if t := &s.targets[i-1]; t.box == d.Box {
			return t
		}
	}
}

func slot(id uint64) uint64 { return id * 0x9e3779b97f4a7c15 >> 32 }

func (s *Stage[R]) grow() {
	size := max(16, 2*len(s.slots))
	s.slots = make([]int32, size)
	mask := uint64(size - 1)
	for i := range s.targets {
		at := slot(s.targets[i].id) & mask
		for s.slots[at] != 0 {
			at = (at + 1) & mask
		}
		s.slots[at] = int32(i + 1)
	}
}

// Empty reports whether nothing is staged.
func (s *Stage[R]) Empty() bool { return len(s.targets) == 0 }

// Len is the number of notes that the stage holds.
func (s *Stage[R]) Len() int { return len(s.entries) }

// Holds reports whether something is staged for box.
func (s *Stage[R]) Holds(box *Box) bool {
	for i := range s.targets {
		if s.targets[i].box == box {
			return true
		}
	}
	return false
}

// Flush encodes and sends everything staged and empties the stage, but not the batches. The box own
// is served last and gets the bytes said first; own may be nil if said is empty. It returns what its subscriptions can no longer have, because they were given
// up or their boxes closed while it was staged; the slice is good until the next Flush. With a
// Pressure it waits for full boxes, as far as that allows; now is the time for its accounts.
func (s *Stage[R]) Flush(own *Box, said []byte, now time.Time) []Lost[R] {
	clear(s.lost)
	s.lost = s.lost[:0]
	mine := -1
	var have encoded
	if s.Pressure != nil {
		s.account(now)
	}
	for i := range s.targets {
		if s.targets[i].box == own {
			mine = i
			continue
		}
		s.targets[i].box.freshen(now)
		s.send(&s.targets[i], &have)
	}
	if len(said) > 0 {
		own.Send(said, 0, 0, Any)
	}
	if mine >= 0 {
		own.freshen(now)
		s.send(&s.targets[mine], &have)
	}
	if s.Pressure != nil && len(s.crowd) > 0 {
		s.Pressure.Wait(s.crowd, now)
	}
	s.clear()
	return s.lost
}

// account tells the Pressure whom this flush serves, before any wait is judged by that.
func (s *Stage[R]) account(now time.Time) {
	switch len(s.targets) {
	case 0:
	case 1:
		s.Pressure.Served(s.targets[0].box, now)
	default:
		s.Pressure.Served(nil, now)
	}
}

// Lost is a run that was staged and could not be sent.
type Lost[R any] struct {
	Ref *R
	Run msg.Run
	// Made says that the run is of the batch of messages made on the way.
	Made bool
}

// encoded remembers what the scratch holds, for the next destination that wants the same.
type encoded struct {
	valid           bool
	head            int32 // chain that it was made from
	messages, bytes int
}

// cursor is a place in a chain of entries: message from of entry at. An entry behind -1 does
// not exist.
type cursor struct{ at, from int32 }

// send encodes the chain of t, in pieces, and hands them to its box.
func (s *Stage[R]) send(t *target[R], have *encoded) {
	piece := t.box.Piece()
	if have.valid && len(s.scratch) <= piece && s.alike(t.head, have.head) {
		switch t.box.Send(s.scratch, have.messages, have.bytes, t.gen) {
		case Sent:
			return
		case Full:
			s.crowd = append(s.crowd, t.box)
			return
		}
	}
	*have = encoded{}
	again := false
	for c := s.start(t.head); c.at >= 0; {
		next, messages, bytes := s.encode(t.enc, c, piece)
		verdict, stale := s.hand(t, c, next, messages, bytes)
		again = again || stale
		switch verdict {
		case Stale:
			piece = max(leastPiece, piece/2)
			continue
		case Gone:
			s.giveUp(c, cursor{at: -1}, nil)
			return
		case Full:
			s.full(t.box, next.at >= 0)
		}
		if next.at < 0 && c == s.start(t.head) && !again {
			*have = encoded{valid: true, head: t.head, messages: messages, bytes: bytes}
		}
		c = next
	}
}

const (
	// mostTries is how often what is encoded is offered again when the box has moved on.
	mostTries = 4
	// leastPiece is the size to which pieces shrink then.
	leastPiece = 512
)

// hand sends the scratch, which holds the messages from c to next, to the box of t. It answers
// Stale when they must be encoded again: some were given up, or the destination gives up
// subscriptions faster than this can look after them. A smaller piece is then quicker, so that
// nobody keeps a publisher busy by subscribing and unsubscribing. stale says that the box had
// moved on at least once, so that the shapes of the entries may be out of date.
func (s *Stage[R]) hand(t *target[R], c, next cursor, messages, bytes int) (verdict Verdict, stale bool) {
	verdict = t.box.Send(s.scratch, messages, bytes, t.gen)
	for try := 0; verdict == Stale; try++ {
		stale = true
		t.gen = t.box.Generation() // before Live is asked
		if s.giveUp(c, next, t.enc) || try == mostTries {
			break
		}
		verdict = t.box.Send(s.scratch, messages, bytes, t.gen)
	}
	return verdict, stale
}

// full notes that box is full. When more is to come for it, the wait is now.
func (s *Stage[R]) full(box *Box, more bool) {
	if !more {
		s.crowd = append(s.crowd, box)
	} else if s.Pressure != nil {
		s.Pressure.Wait([]*Box{box}, time.Now())
	}
}

// start is the cursor at the beginning of the entry at.
func (s *Stage[R]) start(at int32) cursor {
	if at < 0 {
		return cursor{at: -1}
	}
	return cursor{at: at, from: s.entries[at].run.From}
}

// encode fills the scratch with messages from c on, until it holds about piece bytes.
func (s *Stage[R]) encode(enc Encoder[R], c cursor, piece int) (next cursor, messages, bytes int) {
	s.scratch = s.scratch[:0]
	for c.at >= 0 && len(s.scratch) < piece {
		e := &s.entries[c.at]
		b := s.batch(e.made)
		run := b.Head(msg.Run{From: c.from, To: e.run.To}, piece-len(s.scratch))
		if e.ref != nil {
			var n int
			s.scratch, n = enc.Encode(s.scratch, b, run, e.ref)
			bytes += n
			messages += run.Len()
		}
		if c.from = run.To; c.from == e.run.To {
			c = s.start(e.next)
		}
	}
	return c, messages, bytes
}

// giveUp takes entries out of the chain, from the one of c to the one of last: all of them when
// enc is nil, else those that enc says are not live. It reports whether there were any.
func (s *Stage[R]) giveUp(c, last cursor, enc Encoder[R]) (some bool) {
	for c.at >= 0 {
		e := &s.entries[c.at]
		if e.ref != nil && (enc == nil || !enc.Live(e.ref)) {
			s.lost = append(s.lost, Lost[R]{Ref: e.ref, Run: msg.Run{From: c.from, To: e.run.To}, Made: e.made})
			e.ref = nil
			some = true
		}
		if c.at == last.at {
			break
		}
		c = s.start(e.next)
	}
	return some
}

// alike reports whether two chains have the same encoding.
func (s *Stage[R]) alike(a, b int32) bool {
	for a >= 0 && b >= 0 {
		x, y := &s.entries[a], &s.entries[b]
		if x.run != y.run || x.made != y.made {
			return false
		}
		if x.ref != y.ref && (x.shape == 0 || x.shape != y.shape) {
			return false
		}
		a, b = x.next, y.next
	}
	return a < 0 && b < 0
}

// mostScratch is how much memory a pooled stage may keep for encoding, in bytes.
// mostSlots is the same for its table of destinations, in entries.
const (
	mostScratch = 1 << 20
	mostSlots   = 4 << 10
)

// clear drops all references, so that a pooled stage keeps nothing alive.
func (s *Stage[R]) clear() {
	clear(s.targets)
	clear(s.entries)
	clear(s.crowd)
	clear(s.slots)
	s.crowd = s.crowd[:0]
	if len(s.slots) > mostSlots {
		s.slots = nil
	}
	s.targets, s.entries, s.last = s.targets[:0], s.entries[:0], nil
	if cap(s.scratch) > mostScratch {
		s.scratch = nil
	}
}
