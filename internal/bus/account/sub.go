package account

import (
	"strconv"
	"sync/atomic"

	"github.com/baridmq/barid/internal/core/interest"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/outbox"
)

// Stage gathers what one read of a publisher has for each destination.
type Stage = outbox.Stage[Sub]

// Destination is where staged messages go.
type Destination = outbox.Destination[Sub]

// Outcome is a Receiver's answer to Deliver.
type Outcome uint8

const (
	// Refused says that no message of the run was taken; a queue group tries its next member.
	Refused Outcome = iota
	// Taken says that every message of the run was taken.
	Taken
	// Partly says that some were, and that each of those was marked with Batch.Take.
	Partly
)

// Receiver is where subscriptions end.
//
//  1. Deliver is called by any goroutine, also at the same time for the same subscription.
//  2. It never blocks, and takes no lock but its own and leaves.
//  3. The bytes of the run are borrowed until the stage is flushed. A receiver that wants them
//     longer copies them; one that only passes them on adds itself to the stage.
//  4. A run of one message is Taken or Refused, never Partly.
//  5. It does not publish. Only entries of imports and replies have messages carried on, by the
//     Carrier that is the host of the stage.
//  6. It refuses once its box is closed: what the box could not have is offered to other members
//     of the group, and must not come back.
type Receiver interface {
	Deliver(st *Stage, run msg.Run, s *Sub) Outcome
}

// Owner is what the subscriptions of one connection share.
type Owner struct {
	// Receiver gets the messages of the owner's subscriptions.
	Receiver Receiver
	// ID is the connection's number, unique in its server.
	ID uint64
}

// Sub is one subscription. A million of them must fit in memory, so what is rare stands apart.
type Sub struct {
	// fixed
	owner *Owner
	queue *string
	sid   uint64 // the sid as a number, or textual

	// atomic
	node  atomic.Pointer[interest.Node[Sub]] // set once, when others can find the subscription already
	taken atomic.Uint64                      // messages counted, and the marks
	rare  atomic.Pointer[rare]
}

// Marks in Sub.taken. Whoever finds one counts nothing more.
const (
	givenUp = 1 << 63 // the owner has given the subscription up
	ended   = 1 << 62 // its maximum was reached
	left    = 1 << 61 // it was taken out of its account
	marks   = givenUp | ended | left
)

// rare is what few subscriptions have.
type rare struct {
	sid string        // when it is not a plain number
	max atomic.Uint64 // messages after which the subscription ends; 0 for never
}

// textual marks a sid that is kept as text.
const textual = ^uint64(0)

// NewSub returns a subscription for owner, in the group queue unless that is empty. It is not
// entered anywhere yet. sid and queue are copied.
func NewSub(owner *Owner, sid, queue []byte) *Sub {
	s := &Sub{owner: owner}
	if len(queue) > 0 {
		q := string(queue)
		s.queue = &q
	}
	if n, ok := Canonical(sid); ok {
		s.sid = n
	} else {
		s.sid = textual
		s.rare.Store(&rare{sid: string(sid)})
	}
	return s
}

// Canonical returns the number that sid is the plain decimal form of, if it is: at most 18
// digits without leading zeros, so that the number can stand for the text.
func Canonical(sid []byte) (uint64, bool) {
	if len(sid) == 0 || len(sid) > 18 || (sid[0] == '0' && len(sid) > 1) {
		return 0, false
	}
	var n uint64
	for _, c := range sid {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	return n, true
}

// Owner returns whose subscription it is.
func (s *Sub) Owner() *Owner { return s.owner }

// Deliver hands a run to the owner's receiver.
func (s *Sub) Deliver(st *Stage, run msg.Run) Outcome {
	return s.owner.Receiver.Deliver(st, run, s)
}

// Subject returns the subject subscribed to; empty before it was entered anywhere, and still for
// a moment when a message may find it already.
func (s *Sub) Subject() string {
	if n := s.node.Load(); n != nil {
		return n.Subject()
	}
	return ""
}

// Queue returns the name of the queue group, or "".
func (s *Sub) Queue() string {
	if s.queue == nil {
		return ""
	}
	return *s.queue
}

// SID returns the sid's number; ok is false when it has none. See Canonical.
func (s *Sub) SID() (n uint64, ok bool) { return s.sid, s.sid != textual }

// AppendSID appends the sid as the owner wrote it.
func (s *Sub) AppendSID(dst []byte) []byte {
	if s.sid == textual {
		return append(dst, s.rare.Load().sid...)
	}
	return strconv.AppendUint(dst, s.sid, 10)
}

// rarely returns the rare part of s, made if there is none.
func (s *Sub) rarely() *rare {
	if r := s.rare.Load(); r != nil {
		return r
	}
	s.rare.CompareAndSwap(nil, &rare{})
	return s.rare.Load()
}

// SetMax ends the subscription after max messages, at least 1, counted since it was made, and
// reports whether it has ended already: then it had as many, or had reached an earlier maximum.
func (s *Sub) SetMax(max uint64) (reached bool) {
	s.rarely().max.Store(max)
	return s.reached(s.taken.Load())
}

// reached ends s if taken, which was read from it, is its maximum or more, and reports whether s
// has ended. Who changes taken or the maximum asks afterwards, so that of two who change them at
// the same time at least one learns of the end.
func (s *Sub) reached(taken uint64) bool {
	if max := s.Max(); max == 0 || taken < max {
		return false
	}
	s.taken.Or(ended)
	return true
}

// Max returns what SetMax has set, 0 for nothing.
func (s *Sub) Max() uint64 {
	if r := s.rare.Load(); r != nil {
		return r.max.Load()
	}
	return 0
}

// GiveUp marks s as given up by its owner: it takes nothing more.
func (s *Sub) GiveUp() { s.taken.Or(givenUp) }

// GivenUp reports whether GiveUp was called.
func (s *Sub) GivenUp() bool { return s.taken.Load()&givenUp != 0 }

// Ended reports whether the maximum was reached. A subscription that has ended never goes on.
func (s *Sub) Ended() bool { return s.taken.Load()&ended != 0 }

// Count counts n messages for s, or as many as its maximum leaves, and returns how many; none
// when s was given up. last says that the maximum is reached; more than one call may say so when
// SetMax runs beside them.
func (s *Sub) Count(n int) (counted int, last bool) {
	if s.Max() == 0 {
		taken := s.taken.Add(uint64(n))
		if taken&marks != 0 {
			return 0, false
		}
		if max := s.Max(); max != 0 && taken > max { // it was set meanwhile
			n -= int(min(uint64(n), taken-max))
		}
		return n, s.reached(taken)
	}
	for {
		limit, had := s.Max(), s.taken.Load()
		if had >= limit { // also when it is marked
			return 0, false
		}
		counted = int(min(uint64(n), limit-had))
		if s.taken.CompareAndSwap(had, had+uint64(counted)) {
			return counted, s.reached(had + uint64(counted))
		}
	}
}

// Taken is the number of messages counted so far.
func (s *Sub) Taken() uint64 { return s.taken.Load() &^ marks }
