// Package guard holds the mutex types of barid. Their names bear the rank that house rules
// give a lock, so lock order is a property of types and not of a document.
//
// A Leaf is held by code that calls nothing that locks, sends, logs, does I/O or leaves its
// package. An Owner is held by the few who change several things as one: they may take leaves under
// it, one at a time, but no second Owner, and call out no more than others. In normal builds the types are plain mutexes and cost nothing; under the build tag
// "guard" they panic when a goroutine that holds a leaf takes another lock, one that holds an
// Owner takes another Owner, or one unlocks what it does not hold.
//
// The package starts no goroutine and knows nothing of what the locks guard. Under the tag it
// has one lock of its own, below all others.
package guard

// Violation is the value of the panic when a lock rule is broken: the rule, and where the
// locks concerned were taken. Normal builds never panic with it. Whoever recovers panics
// should pass it on, since the program is wrong and not its input.
type Violation string
