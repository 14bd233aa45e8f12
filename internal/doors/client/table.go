package client

import (
	"sort"

	"github.com/baridmq/barid/internal/core/guard"
)

// table holds the open sessions of a door and remembers the ended ones.
type table struct {
	mu struct {
		guard.Leaf
		open      map[uint64]*session // also those refused, until they have read so
		admitted  int                 // of them
		parting   int                 // of those, sessions that are over but for what the client still reads
		closing   bool
		total     uint64 // sessions ever added
		ring      []Info // of ended sessions; when full, the oldest is at next
		next      int
		ended     Totals                   // sums over ended sessions
		byAccount map[string]AccountTotals // the same by account, for those that entered one
		most      int                      // sessions admitted at a time; 0 for any number, negative for none
		surplus   map[uint64]struct{}      // admitted, and about to be closed as there may not be so many
		change    chan struct{}            // closed when a session comes or goes; nil while nobody waits
	}
	max int // capacity of the ring
}

// place is what a session is to the table.
type place struct {
	admitted bool // within the limit of connections; fixed
	parting  bool // over, but for what the client still reads; guarded by the table
}

func (t *table) init(most, max int) {
	t.mu.most, t.max = most, max
	t.mu.open = map[uint64]*session{}
}

// add enters s and decides whether it is admitted; false when the door is closing.
func (t *table) add(s *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.closing {
		return false
	}
	s.admitted = t.mu.most == 0 || t.mu.admitted < t.mu.most
	if s.admitted {
		t.mu.admitted++
	}
	t.mu.open[s.owner.ID] = s
	t.mu.total++
	t.wakeLocked()
	return true
}

// remove takes s out and remembers info, unless that is nil.
func (t *table) remove(s *session, info *Info) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.open[s.owner.ID] == s && s.admitted {
		t.mu.admitted--
		if s.parting {
			t.mu.parting--
		}
	}
	delete(t.mu.open, s.owner.ID)
	delete(t.mu.surplus, s.owner.ID)
	t.wakeLocked()
	if info == nil {
		return
	}
	t.mu.ended.add(info)
	t.countLocked(info)
	switch {
	case t.max <= 0:
	case len(t.mu.ring) < t.max:
		t.mu.ring = append(t.mu.ring, *info)
	default:
		t.mu.ring[t.mu.next] = *info
		t.mu.next = (t.mu.next + 1) % t.max
	}
}

// limit sets how many sessions are admitted at a time, and returns those that are too many now, at
// random. They are returned once, and count until they are removed.
func (t *table) limit(most int) (surplus []*session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.most = most
	if most == 0 {
		return nil
	}
	over := t.mu.admitted - len(t.mu.surplus) - max(most, 0)
	if over <= 0 {
		return nil
	}
	for id, s := range t.mu.open {
		if _, known := t.mu.surplus[id]; s.admitted && !known {
			surplus = append(surplus, s)
		}
	}
	surplus = shuffled(surplus)[:over]
	if t.mu.surplus == nil {
		t.mu.surplus = map[uint64]struct{}{}
	}
	for _, s := range surplus {
		t.mu.surplus[s.owner.ID] = struct{}{}
	}
	return surplus
}

// changed returns a channel that is closed when a session comes or goes.
func (t *table) changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.change == nil {
		t.mu.change = make(chan struct{})
	}
	return t.mu.change
}

func (t *table) wakeLocked() {
	if t.mu.change != nil {
		close(t.mu.change)
		t.mu.change = nil
	}
}

// get returns the open session with the given id, or nil.
func (t *table) get(id uint64) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.open[id]
}

// close refuses further sessions and returns the open ones.
func (t *table) close() []*session {
	t.mu.Lock()
	t.mu.closing = true
	t.mu.Unlock()
	return t.all()
}

// part takes s out of what size counts. It still takes the place of a connection.
func (t *table) part(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.open[s.owner.ID] == s && s.admitted && !s.parting {
		s.parting = true
		t.mu.parting++
	}
}

// size is the number of open sessions that were admitted and are not over.
func (t *table) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.admitted - t.mu.parting
}

// refused is the number of open sessions that were not.
func (t *table) refused() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.mu.open) - t.mu.admitted
}

// all returns the open sessions in the order of their ids.
func (t *table) all() []*session {
	t.mu.Lock()
	all := make([]*session, 0, len(t.mu.open))
	for _, s := range t.mu.open {
		all = append(all, s)
	}
	t.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].owner.ID < all[j].owner.ID })
	return all
}

// sum appends the open sessions to list, in no order, and returns what history does of the others.
func (t *table) sum(list []*session) (open []*session, total uint64, sums Totals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.mu.open {
		list = append(list, s)
	}
	return list, t.mu.total, t.mu.ended
}

// history returns the remembered sessions, oldest first, how many there were in all, and the
// sums over all that have ended.
func (t *table) history() (ended []Info, total uint64, sums Totals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended = append(ended, t.mu.ring[t.mu.next:]...)
	ended = append(ended, t.mu.ring[:t.mu.next]...)
	return ended, t.mu.total, t.mu.ended
}
