// Package sids finds the subscriptions of one connection by the sid that its client chose.
//
// It knows nothing of sessions. Nothing in it may be used by two goroutines at a time.
package sids

import "github.com/baridmq/barid/internal/bus/account"

// Table holds subscriptions by their sids. Nearly all clients count up from 1, so numbers within a
// window lie in a slice; the rest in maps. The zero value is empty.
type Table struct {
	base   uint64         // sid of window[0]
	window []*account.Sub // nil: free
	far    map[uint64]*account.Sub
	named  map[string]*account.Sub
	count  int
}

// windowSlack is how many free places the window may have beyond as many as are taken.
const windowSlack = 256

// Len is the number of subscriptions.
func (t *Table) Len() int { return t.count }

// Get returns the subscription with the given sid, or nil.
func (t *Table) Get(sid []byte) *account.Sub {
	n, ok := account.Canonical(sid)
	if !ok {
		return t.named[string(sid)]
	}
	if n-t.base < uint64(len(t.window)) && t.window[n-t.base] != nil {
		return t.window[n-t.base]
	}
	return t.far[n]
}

// Put enters s, whose sid must be free.
func (t *Table) Put(s *account.Sub) {
	t.count++
	n, ok := s.SID()
	switch {
	case !ok:
		if t.named == nil {
			t.named = map[string]*account.Sub{}
		}
		t.named[string(s.AppendSID(nil))] = s
	case t.reach(n):
		t.window[n-t.base] = s
	default:
		if t.far == nil {
			t.far = map[uint64]*account.Sub{}
		}
		t.far[n] = s
	}
}

// reach makes the window reach sid n, if that is worth its memory.
func (t *Table) reach(n uint64) bool {
	reach := uint64(2*t.count + windowSlack)
	if n-t.base > reach {
		t.slide()
	}
	if len(t.window) == 0 {
		t.base = n
	}
	if n < t.base || n-t.base > reach {
		return false
	}
	for uint64(len(t.window)) <= n-t.base {
		t.window = append(t.window, nil)
	}
	return true
}

// slide moves the window to its first taken place, if that makes much of it free.
func (t *Table) slide() {
	free := 0
	for free < len(t.window) && t.window[free] == nil {
		free++
	}
	if 2*free >= len(t.window) {
		t.window = append(t.window[:0:0], t.window[free:]...)
		t.base += uint64(free)
	}
}

// Remove takes s out.
func (t *Table) Remove(s *account.Sub) {
	t.count--
	n, ok := s.SID()
	switch {
	case !ok:
		delete(t.named, string(s.AppendSID(nil)))
	case n-t.base < uint64(len(t.window)) && t.window[n-t.base] == s:
		t.window[n-t.base] = nil
	default:
		delete(t.far, n)
	}
}

// Each calls f for every subscription. f may remove the one it is called with.
func (t *Table) Each(f func(*account.Sub)) {
	for _, s := range t.window {
		if s != nil {
			f(s)
		}
	}
	for _, s := range t.far {
		f(s)
	}
	for _, s := range t.named {
		f(s)
	}
}
