// Package fanout is the trip of messages from their publisher to everybody who wants them.
//
// A Trip is the scratch space of one publisher while it works through one read batch: the
// messages, the receivers of the last subject, the stage that gathers what each destination
// gets. It belongs to one goroutine, takes no lock of its own and allocates nothing once its
// buffers have grown, but for requests to other accounts. What crosses the borders of accounts travels
// on the same trip (cross.go). The package starts no goroutine and knows no sockets and no wire format
// but that of headers.
package fanout

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/outbox"
)

// mostStaged bounds the bytes that one flush may write, over all destinations, and mostEntries the
// notes that a stage may hold: a wide fan-out of a large batch would otherwise keep its reader
// from reading for too long, or take too much memory.
const (
	mostStaged  = 32 << 20
	mostEntries = 128 << 10
)

// Publisher is whose messages a trip carries.
type Publisher interface {
	// Unheard is told of a message with a reply subject that nobody took; i is its index in the
	// batch. It is called by the goroutine of the trip, which is not inside a flush.
	Unheard(t *Trip, i int32)
}

// Trip carries the messages of one read batch. Get one, Begin it, Add messages in the order in
// which they were read, Flush it, and Put it back.
type Trip struct {
	// Stage is where receivers leave what they take. Its Batch holds the messages.
	Stage account.Stage

	from    Publisher   // told of unheard messages; nil for nobody
	own     *outbox.Box // the publisher's; nil for none
	said    []byte      // what own gets before anything staged for it
	now     time.Time
	acc     *account.Account
	open    bool // run was not delivered yet
	run     msg.Run
	matches [2]account.Matches
	current int // which of matches are the receivers of run
	again   account.Matches
	staged  int64 // bytes that the stage stands for, roughly, over all destinations
	random  rand.PCG
	cross   crossing
}

var pool = sync.Pool{New: func() any {
	t := &Trip{}
	t.Stage.Host = t
	t.random.Seed(rand.Uint64(), rand.Uint64())
	return t
}}

// Get returns a trip from the pool.
func Get() *Trip { return pool.Get().(*Trip) }

// Batch says whose messages a trip carries.
type Batch struct {
	// Origin is the id of the publishing connection; 0 for none.
	Origin uint64
	// Buf is the memory in which the messages lie, until the trip is put back.
	Buf []byte
	// Own is the publisher's box, which is served last; nil for none.
	Own *outbox.Box
	// From is told of unheard messages; nil for nobody.
	From Publisher
	// Pressure makes the publisher wait for slow consumers; nil for never.
	Pressure *outbox.Pressure
	// Now is the time of the batch.
	Now time.Time
}

// Begin starts a batch.
func (t *Trip) Begin(b Batch) {
	t.Stage.Batch.Reset(b.Origin, b.Buf)
	t.Stage.Pressure = b.Pressure
	t.own, t.from, t.now = b.Own, b.From, b.Now
}

// Put gives t back. It must have been flushed.
func (t *Trip) Put() {
	t.Stage.Batch.Reset(0, nil)
	t.Stage.Pressure = nil
	t.matches[0].Reset()
	t.matches[1].Reset()
	t.again.Reset()
	t.own, t.from, t.acc = nil, nil, nil
	t.cross.forget(&t.Stage)
	pool.Put(t)
}

// Add appends m to the batch and publishes it in a, on the subject that mappings of a make of its own.
// Messages that follow each other and have the same receivers form a run and travel together; they are
// delivered with the next Settle.
func (t *Trip) Add(a *account.Account, m *msg.Message) {
	b := &t.Stage.Batch
	i := int32(len(b.Msgs))
	b.Msgs = append(b.Msgs, *m)
	follows := t.open && t.acc == a
	subject := m.Subject.Of(b.Buf)
	if !follows || !(m.Same || bytes.Equal(subject, b.Msgs[i-1].Subject.Of(b.Buf))) {
		if maps := a.Mapping(); maps != nil {
			t.addMapped(a, i, maps)
			return
		}
		t.find(a, subject, i, follows)
	}
	t.run.To = i + 1
	if int64(b.Extent(t.run))*t.width() > mostStaged {
		t.Settle()
	}
}

// find looks up the receivers of subject for message i, which goes with the run before it if they are the
// same.
func (t *Trip) find(a *account.Account, subject []byte, i int32, follows bool) {
	other := &t.matches[1-t.current]
	a.Match(subject, other)
	if !follows || !other.Equal(&t.matches[t.current]) {
		t.Settle()
		t.acc, t.open, t.current = a, true, 1-t.current
		t.run = msg.Run{From: i, To: i}
	}
}

// width is the number of copies that a message of the current run will make.
func (t *Trip) width() int64 {
	m := &t.matches[t.current]
	return int64(len(m.Plain) + len(m.Queues))
}

// Settle delivers the messages added so far to the stage. It must be called before anything
// changes what they should meet, as a subscription of their publisher does.
func (t *Trip) Settle() {
	if !t.open {
		return
	}
	t.open = false
	t.cross.hops = mostHops * t.run.Len()
	m := &t.matches[t.current]
	heard := false
	for _, s := range m.Plain {
		if s.Deliver(&t.Stage, t.run) == account.Taken {
			heard = true
		}
	}
	for i := range m.Queues {
		if t.toOne(m.Queues[i].Members, nil, t.run) {
			heard = true
		}
	}
	if !heard && t.from != nil {
		t.unheard()
	}
	t.staged += int64(t.Stage.Batch.Extent(t.run)) * t.width()
	t.relieve()
}

// toOne gives each message of run to one of the members, but not to the member except, and
// reports whether all of them were taken. Those taken are marked in the batch if not all were.
func (t *Trip) toOne(members []*account.Sub, except *account.Sub, run msg.Run) bool {
	if len(members) == 1 {
		return members[0] != except && members[0].Deliver(&t.Stage, run) == account.Taken
	}
	taken := 0
	for i := run.From; i < run.To; i++ {
		one := msg.Run{From: i, To: i + 1}
		at := int(t.random.Uint64() >> 33 % uint64(len(members)))
		for range members {
			s := members[at]
			if s != except && s.Deliver(&t.Stage, one) == account.Taken {
				t.Stage.Batch.Take(i)
				taken++
				break
			}
			if at++; at == len(members) {
				at = 0
			}
		}
	}
	return taken == run.Len()
}

// unheard tells the publisher of the requests in the current run that nobody took.
func (t *Trip) unheard() {
	b := &t.Stage.Batch
	for i := t.run.From; i < t.run.To; i++ {
		if b.Msgs[i].Reply.Len > 0 && !b.Taken(i) {
			t.from.Unheard(t, i)
		}
	}
}

// Receivers returns who wants subject in a. The answer is good until the next call.
func (t *Trip) Receivers(a *account.Account, subject []byte) *account.Matches {
	a.Match(subject, &t.again)
	return &t.again
}

// Say appends line to the output of the publisher's own connection, behind all that earlier
// messages gave it. A line that vouches for the commands before it, like PONG, is sent after
// what they gave to others, too.
func (t *Trip) Say(line []byte, vouches bool) {
	t.Settle()
	if !t.Stage.Empty() && (vouches || t.Stage.Holds(t.own)) {
		t.Flush()
	}
	t.said = append(t.said, line...)
}

// Flush settles and sends everything staged and said. What queue members gave up while it was
// staged goes to other members.
func (t *Trip) Flush() {
	t.Settle()
	t.send()
}

// relieve sends what is staged if it is much. It does not while messages that were made on the way are
// still needed.
func (t *Trip) relieve() {
	if t.cross.depth > 0 {
		return
	}
	if t.staged > mostStaged || t.Stage.Len() > mostEntries || len(t.Stage.Side.Buf) > mostMade {
		t.send()
	}
}

// send sends everything staged and said.
func (t *Trip) send() {
	for {
		lost := t.Stage.Flush(t.own, t.said, t.now)
		t.said = t.said[:0]
		t.staged = 0
		if len(lost) == 0 || !t.reroute(lost) {
			break
		}
	}
	t.cross.restart(&t.Stage)
}

// reroute gives what queue members could not have to others of their groups. It reports whether
// there is something to flush. It comes to an end because who gave up or is closed refuses.
func (t *Trip) reroute(lost []outbox.Lost[account.Sub]) bool {
	t.cross.depth++ // nothing is sent until all are through
	for _, l := range lost {
		if l.Ref.Queue() == "" {
			continue
		}
		for i := l.Run.From; i < l.Run.To; i++ {
			t.anew(l.Ref, t.home(l.Made, i))
		}
	}
	t.cross.depth--
	return !t.Stage.Empty()
}

// anew offers a message, at the place where it was matched, to other members of the group of lost.
func (t *Trip) anew(lost *account.Sub, at home) {
	if at.made {
		t.Stage.Swap()
		defer t.Stage.Swap()
	}
	b := &t.Stage.Batch
	for _, q := range t.Receivers(at.acc, b.Msgs[at.i].Subject.Of(b.Buf)).Queues {
		if q.Name == lost.Queue() {
			t.toOne(q.Members, lost, msg.Run{From: at.i, To: at.i + 1})
		}
	}
}
