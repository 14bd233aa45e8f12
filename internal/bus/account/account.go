// Package account holds accounts: isolated subject spaces with an index of who wants what.
//
// An Account ties core/interest to the receivers of messages. The package knows no sockets, no
// credentials and no wire format. Accounts, subscriptions and the registry may be used by any
// goroutine; each account's index has one leaf lock, the registry another.
package account

import (
	"sync/atomic"

	"github.com/baridmq/barid/internal/core/interest"
)

// Global is the name of the account of connections that are given no other.
const Global = "$G"

// Limits bound what an account may use. Values below 0 set no bound.
type Limits struct {
	// Connections is the number of client connections at a time.
	Connections int
	// Subscriptions is the number of subscriptions of one connection.
	Subscriptions int
	// Payload is the size of header and payload of a message, in bytes.
	Payload int
}

// Unlimited sets no bounds.
func Unlimited() Limits { return Limits{Connections: -1, Subscriptions: -1, Payload: -1} }

// Spec is the plain data that an account is built from, whatever it came from.
type Spec struct {
	// Name identifies the account in its server. It must not be empty.
	Name   string
	Limits Limits
}

// Account is one subject space.
type Account struct {
	name        string
	index       *interest.Index[Sub]
	spec        atomic.Pointer[Spec]
	connections atomic.Int64
}

func newAccount(s Spec) *Account {
	a := &Account{name: s.Name, index: interest.New[Sub]()}
	a.spec.Store(&s)
	return a
}

// Name returns the account's name.
func (a *Account) Name() string { return a.name }

// Limits returns the limits in force now.
func (a *Account) Limits() Limits { return a.spec.Load().Limits }

// Join counts a new connection. It reports false, and counts nothing, when the account has as
// many as it may have.
func (a *Account) Join() bool {
	for { // it never counts too many, not even for a moment: Yield would take them for real
		limit, n := int64(a.Limits().Connections), a.connections.Load()
		if limit >= 0 && n >= limit {
			return false
		}
		if a.connections.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Leave takes back one successful Join.
func (a *Account) Leave() { a.connections.Add(-1) }

// Connections is the number of connections that joined and did not leave.
func (a *Account) Connections() int { return int(a.connections.Load()) }

// Subscriptions is the number of entries in the account's index.
func (a *Account) Subscriptions() int { return a.index.Len() }

// Yield takes back one successful Join if the account has more connections than it may have, and
// reports whether it did. So many callers get true as are too many.
func (a *Account) Yield() bool {
	for {
		limit, n := int64(a.Limits().Connections), a.connections.Load()
		if limit < 0 || n <= limit {
			return false
		}
		if a.connections.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// Stats are the counts of the account's index, for reports.
type Stats = interest.Stats

// Stats returns the counts of the account's index. Each is exact, but they are not of one moment.
func (a *Account) Stats() Stats { return a.index.Stats() }

// Subscribe enters s under subject, which must be a valid subscription subject; it is copied. A
// message published after Subscribe has returned reaches s.
func (a *Account) Subscribe(s *Sub, subject []byte) {
	s.node.Store(a.index.Insert(subject, s.Queue(), s))
}

// Unsubscribe takes s out and reports whether it was in. Of several concurrent callers one gets
// true.
func (a *Account) Unsubscribe(s *Sub) bool {
	return a.index.Remove(s.node.Load(), s.Queue(), s)
}

// Match fills m with the subscriptions that want the literal subject.
func (a *Account) Match(subject []byte, m *Matches) { a.index.Match(subject, m) }

// Each calls f for every subscription until f returns false, without a lock. Those that come or
// go meanwhile may be left out.
func (a *Account) Each(f func(*Sub) bool) {
	a.index.Each(func(_ *interest.Node[Sub], _ string, s *Sub) bool {
		return s.node.Load() == nil || f(s)
	})
}

// Matches are the receivers of a subject; see interest.Matches for its lifetime.
type Matches = interest.Matches[Sub]
