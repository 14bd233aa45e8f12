package interest

import (
	"slices"
	"strings"
)

// Matches is what Match found, and its scratch memory. The zero value is ready for use. It
// belongs to one goroutine at a time.
//
// What it holds is valid until the next Match or Reset with it. The lists may be parts of the
// index: they must not be written or appended to.
type Matches[T any] struct {
	Plain  []*T       // each gets the message
	Queues []Queue[T] // one of each gets the message; no name is there twice

	buf      []*T           // Plain, if it comes from several places
	buffered bool           // Plain is buf
	pool     []*T           // the lists that had to be put together
	tokens   []token        // of the subject, if there are wildcards
	names    map[string]int // name → place in Queues, if there are many
	named    int            // how many of Queues are in names
	high     marks
}

// Queue is a queue group: one of its members gets the message. Groups of the same name on
// different matching subjects are one group.
type Queue[T any] struct {
	Name    string
	Members []*T // never empty; one of greater weight is there several times
}

// token is a token of the subject that is matched. The hash is 0 until it is needed.
type token struct {
	from, to uint32
	hash     uint64
}

// marks tells how much of the buffers was used since the last Reset.
type marks struct{ buf, pool, queues int }

// manyQueues is the number of queue groups from which on they are found by a map.
const manyQueues = 32

// Empty reports whether nobody was found.
func (m *Matches[T]) Empty() bool {
	return len(m.Plain) == 0 && len(m.Queues) == 0
}

// Equal reports whether o has the same receivers in the same order.
func (m *Matches[T]) Equal(o *Matches[T]) bool {
	return sameItems(m.Plain, o.Plain) && slices.EqualFunc(m.Queues, o.Queues, func(a, b Queue[T]) bool {
		return a.Name == b.Name && sameItems(a.Members, b.Members)
	})
}

func sameItems[T any](a, b []*T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

// Reset forgets what was found. Nothing of an index is kept alive afterwards, only the empty
// buffers.
func (m *Matches[T]) Reset() {
	m.begin()
	clear(m.buf[:min(m.high.buf, cap(m.buf))])
	clear(m.pool[:min(m.high.pool, cap(m.pool))])
	clear(m.Queues[:min(m.high.queues, cap(m.Queues))])
	m.high = marks{}
}

// begin forgets what was found, for the next match.
func (m *Matches[T]) begin() {
	m.high.buf = max(m.high.buf, len(m.buf))
	m.high.pool = max(m.high.pool, len(m.pool))
	m.high.queues = max(m.high.queues, len(m.Queues))
	m.Plain, m.buffered = nil, false
	m.buf, m.pool, m.Queues = m.buf[:0], m.pool[:0], m.Queues[:0]
	if m.named > 0 {
		clear(m.names)
		m.named = 0
	}
}

// split finds the tokens of key and reports whether none is empty.
func (m *Matches[T]) split(key string) bool {
	m.tokens = m.tokens[:0]
	for from := 0; ; {
		to := strings.IndexByte(key[from:], '.') + from
		last := to < from
		if last {
			to = len(key)
		}
		if to == from {
			return false
		}
		m.tokens = append(m.tokens, token{from: uint32(from), to: uint32(to)})
		if last {
			return true
		}
		from = to + 1
	}
}

// view returns the items of l. The list may be part of the index or of the pool; its capacity ends
// with it.
func (m *Matches[T]) view(l *list[T]) (items []*T) {
	if l.parts == nil {
		return slices.Clip(l.items)
	}
	items, m.pool = l.parts.view(m.pool)
	return items
}

// addItem adds one plain item.
func (m *Matches[T]) addItem(item *T) {
	m.own()
	m.buf = append(m.buf, item)
	m.Plain = m.buf
}

// addPlain adds a list of plain items. The first is taken as it is.
func (m *Matches[T]) addPlain(items []*T) {
	if len(m.Plain) == 0 {
		m.Plain = items
		return
	}
	m.own()
	m.buf = append(m.buf, items...)
	m.Plain = m.buf
}

// own moves Plain into buf.
func (m *Matches[T]) own() {
	if !m.buffered {
		m.buf = append(m.buf, m.Plain...)
		m.buffered = true
	}
}

// addMembers adds members to the queue group called name, which was found before only if it is
// among the first others of Queues.
func (m *Matches[T]) addMembers(name string, members []*T, others int) {
	i := m.find(name, others)
	if i < 0 {
		m.Queues = append(m.Queues, Queue[T]{Name: name, Members: members})
		return
	}
	// Lists of the index have no room to spare, so one that has is in the pool and can grow.
	q := &m.Queues[i]
	if n := len(q.Members) + len(members); n > cap(q.Members) {
		q.Members = append(m.room(2*n), q.Members...)
	}
	q.Members = append(q.Members, members...)
}

// find returns the place of name among the first others of Queues, or -1.
func (m *Matches[T]) find(name string, others int) int {
	if others <= manyQueues {
		return slices.IndexFunc(m.Queues[:others], func(q Queue[T]) bool { return q.Name == name })
	}
	if m.names == nil {
		m.names = make(map[string]int)
	}
	for ; m.named < others; m.named++ {
		m.names[m.Queues[m.named].Name] = m.named
	}
	if i, ok := m.names[name]; ok {
		return i
	}
	return -1
}

// room returns an empty list for n items from the pool. When the pool must grow, the lists
// that were taken from it before stay where they are.
func (m *Matches[T]) room(n int) []*T {
	if cap(m.pool)-len(m.pool) < n {
		m.pool = make([]*T, 0, 2*cap(m.pool)+n)
	}
	start := len(m.pool)
	m.pool = m.pool[:start+n]
	return m.pool[start : start : start+n]
}
