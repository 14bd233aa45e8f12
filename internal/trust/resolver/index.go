package resolver

import (
	"crypto/sha256"
	"math"
	"time"
)

// index is what a directory knows of its files without reading them. An entry has about 250 bytes
// with its share of the map; the JWTs stay on disk, and the system's cache has those that are used.
type index struct {
	entries map[string]*entry
	sum     digest // all sums of entries, XORed: equal for equal directories

	// used is the anchor of a ring in which used.next was used last and used.prev has waited longest.
	used entry
}

// entry is one file.
type entry struct {
	id     string
	folder string // below the directory, for files that somebody else put there; "" for most
	sum    digest // of the JWT
	issued int64  // seconds since 1970
	// expires is when the file may go, in nanoseconds since 1970; never for no time.
	expires    int64
	prev, next *entry
}

type digest = [sha256.Size]byte

const never = math.MaxInt64

func newIndex() *index {
	x := &index{entries: make(map[string]*entry)}
	x.used.prev, x.used.next = &x.used, &x.used
	return x
}

// put adds e, as the one used last, in the place of another with its id.
func (x *index) put(e *entry) {
	x.drop(e.id)
	x.entries[e.id] = e
	x.flip(e.sum)
	x.front(e)
}

// drop takes an entry out, if there is one, and returns it.
func (x *index) drop(id string) *entry {
	e := x.entries[id]
	if e == nil {
		return nil
	}
	delete(x.entries, id)
	x.flip(e.sum)
	e.prev.next, e.next.prev = e.next, e.prev
	return e
}

// touch notes that e was used.
func (x *index) touch(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	x.front(e)
}

func (x *index) front(e *entry) {
	e.prev, e.next = &x.used, x.used.next
	e.prev.next, e.next.prev = e, e
}

// oldest returns the entry that was not used for the longest time; nil if there is none.
func (x *index) oldest() *entry {
	if x.used.prev == &x.used {
		return nil
	}
	return x.used.prev
}

func (x *index) flip(sum digest) {
	for i, b := range sum {
		x.sum[i] ^= b
	}
}

func (e *entry) expired(now time.Time) bool { return now.UnixNano() >= e.expires }

// expiry returns when something that expires in the second exp, which still counts, is over.
func expiry(exp int64) int64 {
	switch {
	case exp == 0 || exp >= never/int64(time.Second)-1:
		return never
	case exp < 0:
		return 0
	}
	return (exp + 1) * int64(time.Second)
}
