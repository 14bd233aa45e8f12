package accounts

import (
	"container/heap"
	"time"
)

// longestNap bounds how long the timers wait for, so that they notice when the clock was set.
const longestNap = time.Minute

// watch waits for what expires, until Close.
func (a *Accounts) watch() {
	for {
		due, nap := a.due(time.Now())
		for _, s := range due {
			a.ring(s)
		}
		if len(due) > 0 {
			continue
		}
		t := time.NewTimer(nap)
		select {
		case <-t.C:
		case <-a.wake:
		case <-a.open.Done():
			t.Stop()
			return
		}
		t.Stop()
	}
}

// due takes out the slots whose time has come, and says how long it is to the next.
func (a *Accounts) due(now time.Time) (due []*slot, nap time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.mu.timers) > 0 {
		first := a.mu.timers[0]
		if first.at.After(now) {
			return due, min(first.at.Sub(now), longestNap)
		}
		due = append(due, heap.Pop(&a.mu.timers).(*slot))
	}
	return due, longestNap
}

// ring does what the time of a slot came for: the account expired, or a grant began or ended.
func (a *Accounts) ring(s *slot) {
	t, now := s.now.Load(), time.Now()
	if t == nil {
		return
	}
	t = a.expire(s, t)
	a.cfg.Registry.Rewire(s.id)
	a.reschedule(s, t.next(now))
}

// expire notes that the account has expired if its time is over, and returns what is in the slot now.
func (a *Accounts) expire(s *slot, t *Tenant) *Tenant {
	if t.expired || !t.over(time.Now()) {
		return t
	}
	over := *t
	over.expired = true
	if !s.now.CompareAndSwap(t, &over) { // it was changed or noted meanwhile
		return s.now.Load()
	}
	a.cfg.Log.Debugf("Account [%s] has expired", s.id)
	a.cfg.Changed(over.Account)
	return &over
}

// schedule sets the timer of a slot; the zero time for none.
func (a *Accounts) schedule(s *slot, at time.Time) {
	a.mu.Lock()
	if s.index >= 0 {
		heap.Remove(&a.mu.timers, s.index)
	}
	a.setLocked(s, at)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// reschedule is schedule for the timer that rang, unless it was set anew meanwhile.
func (a *Accounts) reschedule(s *slot, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.index < 0 {
		a.setLocked(s, at)
	}
}

func (a *Accounts) setLocked(s *slot, at time.Time) {
	if s.at = at; !at.IsZero() {
		heap.Push(&a.mu.timers, s)
	}
}

// timers is a heap of slots, the one whose time comes first on top.
type timers []*slot

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

func (t *timers) Push(x any) {
	s := x.(*slot)
	s.index = len(*t)
	*t = append(*t, s)
}

func (t *timers) Pop() any {
	last := len(*t) - 1
	s := (*t)[last]
	(*t)[last], s.index = nil, -1
	*t = (*t)[:last]
	return s
}
