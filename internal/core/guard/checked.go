//go:build guard

package guard

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
)

// Leaf is a mutex under which no other lock may be taken. The zero value is unlocked. Its
// methods are those of sync.Mutex and panic with a Violation when a goroutine that holds any
// leaf takes one, or a goroutine unlocks a leaf that it does not hold.
type Leaf struct{ mu sync.Mutex }

// Lock locks l.
func (l *Leaf) Lock() {
	me := mayLock(l)
	l.mu.Lock()
	locked(me, l, false)
}

// TryLock locks l if that is possible at once and reports whether it did. It obeys the rule
// of Lock even if it fails.
func (l *Leaf) TryLock() bool {
	me := mayLock(l)
	if !l.mu.TryLock() {
		return false
	}
	locked(me, l, false)
	return true
}

// Unlock unlocks l, which the calling goroutine must have locked.
func (l *Leaf) Unlock() {
	unlocking(l, false)
	l.mu.Unlock()
}

// RWLeaf is a reader/writer mutex under which no other lock may be taken. The zero value is
// unlocked. Its methods are those of sync.RWMutex and panic as those of Leaf do; a read lock
// counts like any other.
type RWLeaf struct{ mu sync.RWMutex }

// Lock locks l for writing.
func (l *RWLeaf) Lock() {
	me := mayLock(l)
	l.mu.Lock()
	locked(me, l, false)
}

// TryLock locks l for writing if that is possible at once and reports whether it did.
func (l *RWLeaf) TryLock() bool {
	me := mayLock(l)
	if !l.mu.TryLock() {
		return false
	}
	locked(me, l, false)
	return true
}

// Unlock undoes Lock of the same goroutine.
func (l *RWLeaf) Unlock() {
	unlocking(l, false)
	l.mu.Unlock()
}

// RLock locks l for reading. A second read lock of the same goroutine is refused like any
// other second lock: it deadlocks when a writer asks between the two.
func (l *RWLeaf) RLock() {
	me := mayLock(l)
	l.mu.RLock()
	locked(me, l, true)
}

// TryRLock locks l for reading if that is possible at once and reports whether it did.
func (l *RWLeaf) TryRLock() bool {
	me := mayLock(l)
	if !l.mu.TryRLock() {
		return false
	}
	locked(me, l, true)
	return true
}

// RUnlock undoes RLock of the same goroutine.
func (l *RWLeaf) RUnlock() {
	unlocking(l, true)
	l.mu.RUnlock()
}

// RLocker returns a locker whose methods are RLock and RUnlock of l.
func (l *RWLeaf) RLocker() sync.Locker { return (*readLocker)(l) }

type readLocker RWLeaf

func (r *readLocker) Lock()   { (*RWLeaf)(r).RLock() }
func (r *readLocker) Unlock() { (*RWLeaf)(r).RUnlock() }

// hold says which leaf a goroutine holds. One is enough, as nobody gets a second.
type hold struct {
	leaf any // *Leaf or *RWLeaf
	read bool
	site string // where it was taken
}

// books has the hold of each goroutine that has one. Numbers of goroutines are never used
// again, so one that ends with a lock in hand leaves an entry that harms nobody.
var books struct {
	sync.Mutex
	held map[uint64]hold
}

// mayLock panics if the calling goroutine holds a leaf already, and returns its number.
func mayLock(leaf any) uint64 {
	me := goroutine()
	books.Lock()
	h, holds := books.held[me]
	books.Unlock()
	switch {
	case !holds:
		return me
	case h.leaf == leaf:
		panic(Violation(fmt.Sprintf("guard: goroutine %d takes a %s at %s that it holds already, since %s",
			me, name(leaf), caller(), h.site)))
	default:
		panic(Violation(fmt.Sprintf("guard: goroutine %d takes a %s at %s while it holds a %s, since %s",
			me, name(leaf), caller(), name(h.leaf), h.site)))
	}
}

// locked enters that goroutine me has got the leaf.
func locked(me uint64, leaf any, read bool) {
	h := hold{leaf: leaf, read: read, site: caller()}
	books.Lock()
	defer books.Unlock()
	if books.held == nil {
		books.held = make(map[uint64]hold)
	}
	books.held[me] = h
}

// unlocking takes the calling goroutine's hold off the books; it panics if there is none that
// fits.
func unlocking(leaf any, read bool) {
	me := goroutine()
	books.Lock()
	h, holds := books.held[me]
	fits := holds && h.leaf == leaf && h.read == read
	if fits {
		delete(books.held, me)
	}
	owners := ""
	if !fits {
		owners = holdersLocked(leaf)
	}
	books.Unlock()
	if !fits {
		panic(Violation(fmt.Sprintf("guard: goroutine %d unlocks a %s at %s %s; it is held by %s",
			me, name(leaf), caller(), misfit(h, leaf), owners)))
	}
}

// misfit says what is wrong about an unlock by a goroutine whose hold is h.
func misfit(h hold, leaf any) string {
	switch {
	case h.leaf != leaf:
		return "that it does not hold"
	case h.read:
		return "for writing that it holds for reading"
	default:
		return "for reading that it holds for writing"
	}
}

// holdersLocked lists who holds the leaf.
func holdersLocked(leaf any) string {
	var b bytes.Buffer
	for id, h := range books.held {
		if h.leaf != leaf {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "goroutine %d since %s", id, h.site)
	}
	if b.Len() == 0 {
		return "nobody"
	}
	return b.String()
}

func name(leaf any) string {
	if _, ok := leaf.(*RWLeaf); ok {
		return "guard.RWLeaf"
	}
	return "guard.Leaf"
}

// caller returns file and line of the innermost caller outside this file.
func caller() string {
	_, here, _, _ := runtime.Caller(0)
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if f.File != here && f.File != "<autogenerated>" {
			return filepath.Base(filepath.Dir(f.File)) + "/" + filepath.Base(f.File) + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// goroutine returns the number of the calling goroutine, which the runtime tells only in the
// first line of a stack trace: "goroutine 12 [running]:".
func goroutine() uint64 {
	var buf [64]byte
	line := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(line, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		panic("guard: no goroutine number in a stack trace: " + err.Error())
	}
	return id
}
