package client

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/guard"
	"github.com/baridmq/barid/internal/core/proto"
)

// # Changes of an account
//
// Renew notes the account and leaves the rest to a goroutine, of which there is one at a time: it
// looks through the open sessions once for all accounts that were noted meanwhile, and posts recheck
// to those of them, once until that has run. A session whose login was under way has no view yet by
// which it could be found. So each search has a number, and a session that finds another one after
// its login than before asks again by itself.

// renewals are the accounts whose sessions are to be asked again.
type renewals struct {
	number atomic.Uint64 // of searches that have begun
	mu     struct {
		guard.Leaf
		accounts  map[*account.Account]struct{}
		searching bool
	}
}

// What a session has to do again, from little to much.
const (
	nothingAgain = iota
	askAgain     // who it is
	askOrYield   // and leave, if its account has more connections than it may have
)

// Renew has the connections of account a ask the authenticator again who they are, by its Recheck,
// each on its own reader. They get the permissions and limits of now. If a has more connections than
// it may have, the oldest stay. Renew does not wait, and may be called at any rate: what a connection
// has not done yet, it does once.
func (d *Door) Renew(a *account.Account) {
	r := &d.again
	r.mu.Lock()
	if r.mu.accounts == nil {
		r.mu.accounts = map[*account.Account]struct{}{}
	}
	r.mu.accounts[a] = struct{}{}
	start := !r.mu.searching
	r.mu.searching = true
	r.mu.Unlock()
	if start {
		d.tasks.Go("renew", d.search) // or all connections are about to end
	}
}

// search posts to the sessions of the accounts that were noted, until there are no more.
func (d *Door) search() {
	for {
		r := &d.again
		r.mu.Lock()
		wanted := r.mu.accounts
		r.mu.accounts = nil
		r.mu.searching = len(wanted) > 0
		r.mu.Unlock()
		if len(wanted) == 0 {
			return
		}
		for a, sessions := range d.present(wanted) {
			for _, s := range surplus(a, sessions) {
				s.again(true)
			}
			for _, s := range sessions {
				s.again(false) // if it need not do more already
			}
		}
	}
}

// present returns the open sessions by their accounts, the oldest first. Of accounts that are not
// wanted there are none; nil stands for all. What it does not find has yet to see that it was called.
func (d *Door) present(wanted map[*account.Account]struct{}) map[*account.Account][]*session {
	d.again.number.Add(1)
	by := map[*account.Account][]*session{}
	if wanted != nil && !inhabited(wanted) {
		return by
	}
	open, _, _ := d.table.sum(nil)
	for _, s := range open {
		v := s.view.Load()
		if v == nil || s.conn.Ended() {
			continue
		}
		if _, ok := wanted[v.id.Account]; ok || wanted == nil {
			by[v.id.Account] = append(by[v.id.Account], s)
		}
	}
	for _, sessions := range by {
		slices.SortFunc(sessions, func(a, b *session) int { return cmp.Compare(a.owner.ID, b.owner.ID) })
	}
	return by
}

// inhabited reports whether one of the accounts has connections.
func inhabited(accounts map[*account.Account]struct{}) bool {
	for a := range accounts {
		if a.Connections() > 0 {
			return true
		}
	}
	return false
}

// surplus are those of the sessions, the last ones, that account a may not have.
func surplus(a *account.Account, sessions []*session) []*session {
	limit := a.Limits().Connections
	if limit < 0 {
		return nil
	}
	return sessions[min(limit, len(sessions)):]
}

// again has the session ask the authenticator once more, or yield before that. It may be called by any
// goroutine.
func (s *session) again(yield bool) {
	want := int32(askAgain)
	if yield {
		want = askOrYield
	}
	for {
		due := s.due.Load()
		if due >= want {
			return
		}
		if s.due.CompareAndSwap(due, want) {
			if due == nothingAgain {
				s.conn.Post(s.askAgain)
			}
			return
		}
	}
}

// askAgain does what is due.
func (s *session) askAgain() error {
	due := s.due.Swap(nothingAgain) // what is noted from here on is posted again
	if s.id == nil || s.conn.Ended() {
		return nil
	}
	if due == askOrYield && s.id.Account.Yield() {
		s.joined = false
		return s.part(proto.ErrMaxAccountConnections)
	}
	if s.cfg != s.door.cfg() {
		return s.renew()
	}
	return s.review()
}

// sinceLogin asks again what was changed while the session logged in, which began when the searches
// had that number.
func (s *session) sinceLogin(number uint64) {
	if s.door.again.number.Load() != number {
		s.again(true)
	}
}

// review asks the authenticator again and gives up what is not allowed any more. An error ends the
// connection, which was told.
func (s *session) review() error {
	err := s.recheck()
	if err == nil {
		err = s.prune()
	}
	if err != nil {
		return s.part(err)
	}
	return nil
}
