// Package lab is for tests only: it tells stories, it plays faulty peers, and it looks for what a
// test left behind.
//
// A story is a plain-text file that says what each of several raw connections sends and what must
// come back, byte by byte. It runs against anything that yields connections, so the same file is a
// test of a listener, of in-process connections and of another server that speaks the protocol.
//
// The package knows the client protocol only as lines of text and no other package of the server,
// so that tests on every floor may use it. Each open connection of a story has one goroutine that
// reads, and each Peer has those of its process; both end when their owner is closed. Its locks
// are leaves and guard what those goroutines share with the test.
package lab

import "time"

// Patience bounds every wait of this package. It is far above what a working server needs even on
// a busy machine, so reaching it is always a failure and never a measure.
const Patience = 15 * time.Second
