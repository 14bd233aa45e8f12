// Package account holds accounts: isolated subject spaces with an index of who wants what.
//
// An Account ties core/interest to the receivers of messages. What crosses the borders of accounts
// does so by entries of their indexes: an import of a service is one in the importer, a subscription
// to an imported stream has one in each account that the stream comes from (shadow.go), and replies
// to requests come to one in the exporter (answers.go). link.go tells how accounts are wired.
//
// The package knows no sockets, no credentials and no wire format; how messages are rewritten on the way
// is told to a Carrier. It starts no goroutine. Accounts, subscriptions and the registry may be used by
// any goroutine. Each account's index has one leaf lock, its table of requests another, and so has the
// registry. Registry and accounts have one Owner lock each for wiring, which are never held together.
package account

import (
	"sync/atomic"

	"github.com/baridmq/barid/internal/core/guard"
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
	// Leafnodes is the number of leafnode connections at a time.
	Leafnodes int
}

// Unlimited sets no bounds.
func Unlimited() Limits {
	return Limits{Connections: -1, Subscriptions: -1, Payload: -1, Leafnodes: -1}
}

// Account is one subject space.
type Account struct {
	name    string
	index   *interest.Index[Sub]
	answers answers

	// atomic
	spec        atomic.Pointer[Spec]
	mapping     atomic.Pointer[Mappings]
	plan        atomic.Pointer[plan] // never nil
	connections atomic.Int64
	asking      atomic.Int64 // bytes of its requests to other accounts, over all tables
	gone        atomic.Bool  // it was removed from the registry
	shadowed    atomic.Bool  // it imports streams: its subscriptions may have shadows

	// wiring is held while a plan is carried out, and while subscriptions come and go if the account is
	// shadowed.
	wiring struct {
		guard.Owner
		done    *plan // what was carried out last
		routes  map[string]*Route
		paths   []*Path
		near    [][]near // of each path, its neighbors; nil if none has any
		shadows map[*Sub][]*shadow
	}
}

func newAccount(name string) *Account {
	a := &Account{name: name, index: interest.New[Sub]()}
	a.plan.Store(&plan{})
	a.wiring.routes, a.wiring.shadows = map[string]*Route{}, map[*Sub][]*shadow{}
	a.answers.init(a)
	return a
}

// configure takes over what s says of the account alone.
func (a *Account) configure(s *Spec) {
	a.spec.Store(s)
	m, err := CompileMappings(s.Mappings, "")
	if err != nil {
		m = nil
	}
	a.mapping.Store(m)
	for i := range s.Exports {
		if s.Exports[i].Kind == Service {
			a.answers.open()
			break
		}
	}
}

// Spec returns what the account was last made of.
func (a *Account) Spec() *Spec { return a.spec.Load() }

// Mapping returns how subjects are renamed that are published in the account, nil if none are.
func (a *Account) Mapping() *Mappings { return a.mapping.Load() }

// Imports returns the imports of the account's Spec in their order, and whether they are in force. It
// must not be changed.
func (a *Account) Imports() []ImportState { return a.plan.Load().states }

// PendingReplies is the number of requests from other accounts that may still be answered.
func (a *Account) PendingReplies() int { return int(a.answers.pending.Load()) }

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
// message published after Subscribe has returned reaches s, also one that comes from another account. A
// subscription must not be entered a second time after Unsubscribe.
func (a *Account) Subscribe(s *Sub, subject []byte) {
	s.node.Store(a.index.Insert(subject, s.Queue(), s))
	if a.shadowed.Load() { // after the node is set; see carryOutStreams
		a.shadow(s)
	}
}

// Unsubscribe takes s out and reports whether it was in. Of several concurrent callers one gets
// true.
func (a *Account) Unsubscribe(s *Sub) bool {
	if !a.index.Remove(s.node.Load(), s.Queue(), s) {
		return false
	}
	s.taken.Or(left)
	if a.shadowed.Load() { // after the mark is set: one of those who shadow and unshadow sees the other
		a.unshadow(s)
	}
	return true
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
