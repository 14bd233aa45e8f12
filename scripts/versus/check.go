package main

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sort"
	"strings"
)

// Every payload starts with a stamp of eight bytes: the number of its lane in the upper 16 bits,
// and below them the number of the message within the lane, from 0.
const (
	stampSize = 8
	laneShift = 48
	seqMask   = 1<<laneShift - 1
)

func stamp(lane int, seq uint64) uint64 { return uint64(lane)<<laneShift | seq }

// faults counts what a server did wrong with messages.
type faults struct {
	Lost       int `json:"lost,omitempty"`
	Duplicate  int `json:"duplicate,omitempty"`
	OutOfOrder int `json:"out_of_order,omitempty"`
	Misrouted  int `json:"misrouted,omitempty"` // wrong subscription, subject or lane, or no stamp at all
}

func (f *faults) add(g faults) {
	f.Lost += g.Lost
	f.Duplicate += g.Duplicate
	f.OutOfOrder += g.OutOfOrder
	f.Misrouted += g.Misrouted
}

func (f faults) any() bool { return f != faults{} }

func (f faults) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{f.Lost, "lost"}, {f.Duplicate, "duplicate"}, {f.OutOfOrder, "out of order"}, {f.Misrouted, "misrouted"}} {
		if p.n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// A checker looks at each message that one connection receives. take belongs to the goroutine that
// reads the connection; finish is called once, after that goroutine has ended, with the number of
// messages that the lane has published.
type checker interface {
	take(m *message)
	finish(published int) faults
}

// unstamp returns the message's number within its lane, and false if the payload is not of the lane.
func unstamp(m *message, lane int) (uint64, bool) {
	if len(m.payload) < stampSize {
		return 0, false
	}
	s := binary.LittleEndian.Uint64(m.payload)
	return s & seqMask, s>>laneShift == uint64(lane)
}

// ordered checks a connection that must get messages of one lane without a gap and in order: all of
// them on the subscription sid, or with a route those that the route tells.
type ordered struct {
	lane  int
	sid   int
	route *route // nil: every message of the lane

	next    uint64 // place of the message that comes next
	missing []span // places that were jumped over, ascending
	bad     faults
}

type span struct{ from, to uint64 } // to is exclusive

func (o *ordered) take(m *message) {
	place, ok := unstamp(m, o.lane)
	if ok && o.route != nil {
		place, ok = o.route.place(place, m)
	} else if ok {
		ok = m.sid == o.sid
	}
	switch {
	case !ok:
		o.bad.Misrouted++
	case place == o.next:
		o.next++
	case place > o.next:
		o.missing = append(o.missing, span{o.next, place})
		o.next = place + 1
	case o.fill(place):
		o.bad.OutOfOrder++
	default:
		o.bad.Duplicate++
	}
}

// fill takes a place out of the missing ones and reports whether it was among them.
func (o *ordered) fill(place uint64) bool {
	i := sort.Search(len(o.missing), func(i int) bool { return o.missing[i].to > place })
	if i == len(o.missing) || o.missing[i].from > place {
		return false
	}
	whole := o.missing[i]
	rest := make([]span, 0, len(o.missing)+1)
	rest = append(rest, o.missing[:i]...)
	if whole.from < place {
		rest = append(rest, span{whole.from, place})
	}
	if place+1 < whole.to {
		rest = append(rest, span{place + 1, whole.to})
	}
	o.missing = append(rest, o.missing[i+1:]...)
	return true
}

func (o *ordered) finish(published int) faults {
	due := uint64(published)
	if o.route != nil {
		due = o.route.due(published)
	}
	f := o.bad
	for _, gap := range o.missing {
		f.Lost += int(gap.to - gap.from)
	}
	switch {
	case o.next < due:
		f.Lost += int(due - o.next)
	case o.next > due: // stamps that nobody has published
		f.Misrouted += int(o.next - due)
	}
	return f
}

// A group checks the members of one queue group: together they must get each message of the lane
// exactly once, and each of them in ascending order.
type group struct {
	lane    int
	members []*member
}

// A member is one connection of a queue group.
type member struct {
	group *group
	last  uint64 // one more than the highest number seen
	seen  bitset
	bad   faults
}

func newGroup(lane, size int) *group {
	g := &group{lane: lane}
	for range size {
		g.members = append(g.members, &member{group: g})
	}
	return g
}

func (m *member) take(msg *message) {
	seq, ok := unstamp(msg, m.group.lane)
	switch {
	case !ok || msg.sid != 1:
		m.bad.Misrouted++
		return
	case seq >= m.last:
		m.last = seq + 1
	case m.seen.has(seq):
		m.bad.Duplicate++
		return
	default:
		m.bad.OutOfOrder++
	}
	m.seen.set(seq)
}

// finish returns the faults of this member alone; the first member answers for the whole group's
// completeness as well.
func (m *member) finish(published int) faults {
	f := m.bad
	if m == m.group.members[0] {
		f.add(m.group.union(published))
	}
	return f
}

func (g *group) union(published int) faults {
	var all bitset
	taken, distinct := 0, 0
	for _, m := range g.members {
		taken += m.seen.count()
		all.merge(m.seen)
	}
	distinct = all.count()
	alien := 0
	for seq := uint64(published); seq < uint64(len(all))*64; seq++ {
		if all.has(seq) {
			alien++
		}
	}
	return faults{Lost: published - (distinct - alien), Duplicate: taken - distinct, Misrouted: alien}
}

// A bitset is a set of small numbers.
type bitset []uint64

func (b *bitset) set(n uint64) {
	for uint64(len(*b)) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b bitset) has(n uint64) bool { return n/64 < uint64(len(b)) && b[n/64]>>(n%64)&1 == 1 }

func (b bitset) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func (b *bitset) merge(other bitset) {
	for i, w := range other {
		if i == len(*b) {
			*b = append(*b, 0)
		}
		(*b)[i] |= w
	}
}
