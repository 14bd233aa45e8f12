// Package interest holds who wants which subject: an Index of subscriptions that is asked once
// or more per message and must answer without a lock, without allocating and with as few
// waits for memory as can be.
//
// It stores pointers to its user's items and hands them back; it never calls or reads them. It
// knows nothing of connections, accounts or messages. It starts no goroutine. Each Index owns
// one leaf lock, under which all changes are made; matching never takes it.
//
// # The two halves
//
// Subscriptions without wildcards, nearly all of them, stand in a hash table (directory.go,
// table.go). A lookup reads one cache line of it, finds the candidate by a tag of eight bits and
// reads the candidate's cell, which holds the subject's bytes too. So a subject that is not in
// the cache costs two waits for memory. Subscriptions with wildcards stand in a trie of tokens
// (trie.go), whose branches find their children in the same kind of table. While there are no
// wildcards there is no trie to walk.
//
// Results are not cached: a walk costs about as much as the lookup in a shared cache, which many
// subjects would thrash and every change would have to empty.
//
// # What a concurrent match sees
//
// Everything that a matcher reads is an atomic pointer to something immutable, or to something
// that has such pointers in it. A match that runs beside changes sees each change or does not;
// an item that was there before the match began and stays is seen exactly once. Four rules
// keep this true:
//
//  1. A cell stands at one place of one table from its linking to its unlinking. A table that is
//     too small or too large is replaced whole; the old one is never touched again, so a
//     matcher that holds it sees the moment of the replacement.
//  2. What is unlinked is never linked again, and only linked things are changed. Who inserts on
//     the subject of a node that was just given up makes a new node.
//  3. Lists of items are immutable. Appending may share the array, beyond what anybody sees.
//  4. Where a word decides which of two other words counts (see sink), the order of writing is
//     the reverse of the order of reading.
package interest

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/baridmq/barid/internal/core/guard"
	"github.com/baridmq/barid/internal/core/subject"
)

// Index knows which items want which subject. All methods may be called by any goroutine at any
// time. It must be made with New and not be copied.
type Index[T any] struct {
	// fixed
	seed maphash.Seed // an own one for each index, so that nobody can choose subjects that collide

	// atomic: read by matchers, changed under mu
	literals directory[sink[T]]
	wild     atomic.Pointer[branch[T]] // nil while there are no wildcards

	_ [64]byte // matchers on other cores need not reload the words above when a count changes

	// atomic: changed under mu
	inserts   atomic.Uint64
	removes   atomic.Uint64
	nodes     atomic.Uint64
	wildcards atomic.Uint64

	mu guard.Leaf // held for every change of the words above and of all they lead to
}

// New returns an empty index.
func New[T any]() *Index[T] {
	return &Index[T]{seed: maphash.MakeSeed()}
}

// Insert adds item under subject, which must be valid (subject.ValidSubscription), and returns
// the subject's node, which Remove wants to have back. A queue of "" makes it a plain
// subscription, any other a member of that queue group. An item that is inserted several times
// at one place is there several times: a queue member of greater weight. Each removal of such an
// item costs a copy of all of them, so weights of many thousands should be scaled down.
//
// The bytes of subject are copied if they are new to the index and never kept. The string queue
// may be kept as long as the group exists. item must not be nil.
func (x *Index[T]) Insert(subject []byte, queue string, item *T) *Node[T] {
	key := textOf(subject)
	wild := isWild(key)
	x.mu.Lock()
	defer x.mu.Unlock()
	var n *Node[T]
	if wild {
		n = x.growWildLocked(key)
		x.wildcards.Add(1)
	} else {
		n = x.growLiteralLocked(key)
	}
	n.val.add(x.seed, queue, item)
	x.inserts.Add(1)
	return n
}

// Remove takes out item, which was inserted with queue and got the node n of this index. It
// reports whether item was there. When the last item of a node goes, the node goes too.
func (x *Index[T]) Remove(n *Node[T], queue string, item *T) bool {
	wild := isWild(n.key)
	x.mu.Lock()
	defer x.mu.Unlock()
	if !n.val.remove(x.seed, queue, item) {
		return false
	}
	if n.val.empty() {
		x.unlinkLocked(n, wild)
	}
	if wild {
		x.wildcards.Add(^uint64(0))
	}
	x.removes.Add(1)
	return true
}

// Match fills m with everything that wants a message published to subject. The subject is
// taken literally, its wildcard tokens are matched by wildcards only, and nobody wants one
// with empty tokens (NATS client protocol, PUB). What m held before is forgotten. The bytes
// of subject are not kept.
//
// Match takes no lock. It allocates only until the buffers of m have grown, and once when a
// very long list has come to rest after a change.
func (x *Index[T]) Match(subject []byte, m *Matches[T]) {
	m.begin()
	key := textOf(subject)
	if t := x.literals.at.Load(); t != nil {
		if c := t.find(maphash.String(x.seed, key), key); c != nil {
			c.val.collect(m)
		}
	}
	if b := x.wild.Load(); b != nil && m.split(key) {
		x.walk(b, 0, key, m)
	}
}

// Len returns the number of subscriptions there are now.
func (x *Index[T]) Len() int {
	removes := x.removes.Load() // first, so that the difference is never negative
	return int(x.inserts.Load() - removes)
}

// Wildcards returns how many of the subscriptions have a wildcard in their subject.
func (x *Index[T]) Wildcards() int {
	return int(x.wildcards.Load())
}

// Stats is what an index tells for monitoring.
type Stats struct {
	Subscriptions uint64 // there now
	Nodes         uint64 // distinct subjects of these
	Inserts       uint64 // since New
	Removes       uint64 // successful ones since New
}

// Stats returns the counts of the index. Each is exact, but they are not of one moment.
func (x *Index[T]) Stats() Stats {
	s := Stats{Removes: x.removes.Load(), Nodes: x.nodes.Load()}
	s.Inserts = x.inserts.Load()
	s.Subscriptions = s.Inserts - s.Removes
	return s
}

// Each calls fn for every subscription, in no particular order, until fn returns false. No lock
// is held meanwhile, so fn may use the index. What Match promises about changes made at the
// same time holds here too.
func (x *Index[T]) Each(fn func(n *Node[T], queue string, item *T) bool) {
	for c := range x.literals.all(x.seed) {
		if !(*Node[T])(c).each(fn) {
			return
		}
	}
	if b := x.wild.Load(); b != nil {
		b.each(x.seed, fn)
	}
}

// growLiteralLocked returns the node of the literal key, a new one if there is none.
func (x *Index[T]) growLiteralLocked(key string) *Node[T] {
	hash := maphash.String(x.seed, key)
	c := x.literals.find(hash, key)
	if c == nil {
		c = newCell[sink[T]](key)
		x.literals.add(c, hash, x.seed)
		x.nodes.Add(1)
	}
	return (*Node[T])(c)
}

// growWildLocked returns the node of the wildcard subject key, a new one if there is none.
func (x *Index[T]) growWildLocked(key string) *Node[T] {
	b := x.wild.Load()
	if b == nil {
		b = new(branch[T])
		x.wild.Store(b)
	}
	place := b.grow(x.seed, key)
	n := place.Load()
	if n == nil {
		n = (*Node[T])(newCell[sink[T]](key))
		place.Store(n)
		x.nodes.Add(1)
	}
	return n
}

// unlinkLocked takes the node n, which has become empty, out of the index.
func (x *Index[T]) unlinkLocked(n *Node[T], wild bool) {
	x.nodes.Add(^uint64(0))
	if !wild {
		x.literals.drop((*cell[sink[T]])(n), maphash.String(x.seed, n.key), x.seed)
		return
	}
	if b := x.wild.Load(); b.prune(x.seed, n.key) {
		x.wild.Store(nil)
	}
}

// isWild reports whether the subscription subject key belongs into the trie.
func isWild(key string) bool { return subject.HasWildcard(key) }
