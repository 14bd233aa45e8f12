package client

import (
	"sort"

	"github.com/baridmq/barid/internal/core/guard"
)

// table holds the open sessions of a door and remembers the ended ones.
type table struct {
	mu struct {
		guard.Leaf
		open     map[uint64]*session // also those refused, until they have read so
		admitted int                 // of them
		closing  bool
		total    uint64 // sessions ever added
		ring     []Info // of ended sessions; when full, the oldest is at next
		next     int
		ended    Totals // sums over ended sessions
	}
	most int // sessions admitted at a time; 0 for any number, negative for none
	max  int // capacity of the ring
}

func (t *table) init(most, max int) {
	t.most, t.max = most, max
	t.mu.open = map[uint64]*session{}
}

// add enters s and decides whether it is admitted; false when the door is closing.
func (t *table) add(s *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.closing {
		return false
	}
	s.admitted = t.most == 0 || t.mu.admitted < t.most
	if s.admitted {
		t.mu.admitted++
	}
	t.mu.open[s.owner.ID] = s
	t.mu.total++
	return true
}

// remove takes s out and remembers info, unless that is nil.
func (t *table) remove(s *session, info *Info) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.open[s.owner.ID] == s && s.admitted {
		t.mu.admitted--
	}
	delete(t.mu.open, s.owner.ID)
	if info == nil {
		return
	}
	t.mu.ended.add(info)
	switch {
	case t.max <= 0:
	case len(t.mu.ring) < t.max:
		t.mu.ring = append(t.mu.ring, *info)
	default:
		t.mu.ring[t.mu.next] = *info
		t.mu.next = (t.mu.next + 1) % t.max
	}
}

// close refuses further sessions and returns the open ones.
func (t *table) close() []*session {
	t.mu.Lock()
	t.mu.closing = true
	t.mu.Unlock()
	return t.all()
}

// size is the number of open sessions that were admitted.
func (t *table) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.admitted
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

// history returns the remembered sessions, oldest first, how many there were in all, and the
// sums over all that have ended.
func (t *table) history() (ended []Info, total uint64, sums Totals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended = append(ended, t.mu.ring[t.mu.next:]...)
	ended = append(ended, t.mu.ring[:t.mu.next]...)
	return ended, t.mu.total, t.mu.ended
}
