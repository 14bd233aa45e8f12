//go:build guard

package guard

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
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

// Owner is a mutex under which leaves may be taken, one at a time, but no other Owner. The zero value
// is unlocked. Its methods are those of sync.Mutex and panic with a Violation when a goroutine that
// holds a leaf or an Owner takes one, or a goroutine unlocks an Owner that it does not hold.
type Owner struct{ mu sync.Mutex }

// Lock locks o.
func (o *Owner) Lock() {
	me := mayOwn(o)
	o.mu.Lock()
	owned(me, o)
}

// TryLock locks o if that is possible at once and reports whether it did. It obeys the rule of
// Lock even if it fails.
func (o *Owner) TryLock() bool {
	me := mayOwn(o)
	if !o.mu.TryLock() {
		return false
	}
	owned(me, o)
	return true
}

// Unlock unlocks o, which the calling goroutine must have locked.
func (o *Owner) Unlock() {
	me := self()
	p := pageOf(me)
	p.Lock()
	_, leaf := p.held[me]
	h, holds := p.owned[me]
	fits := holds && h.leaf == o && !leaf
	if fits {
		delete(p.owned, me)
	}
	p.Unlock()
	switch {
	case fits:
		o.mu.Unlock()
	case leaf:
		panic(Violation(fmt.Sprintf("guard: a goroutine unlocks a guard.Owner at %s before its leaf", caller())))
	default:
		panic(Violation(fmt.Sprintf("guard: a goroutine unlocks a guard.Owner at %s that it does not hold", caller())))
	}
}

// mayOwn panics if the calling goroutine holds any lock already, and returns who it is.
func mayOwn(o *Owner) uintptr {
	me := mayLock(o)
	p := pageOf(me)
	p.Lock()
	h, holds := p.owned[me]
	p.Unlock()
	if holds {
		panic(Violation(fmt.Sprintf("guard: a goroutine takes a guard.Owner at %s while it holds a guard.Owner, since %s",
			caller(), h.site())))
	}
	return me
}

// owned enters that goroutine me has got o.
func owned(me uintptr, o *Owner) {
	h := hold{leaf: o}
	runtime.Callers(2, h.stack[:])
	p := pageOf(me)
	p.Lock()
	defer p.Unlock()
	if p.owned == nil {
		p.owned = make(map[uintptr]hold)
	}
	p.owned[me] = h
}

// hold says which leaf a goroutine holds. One is enough, as nobody gets a second.
type hold struct {
	leaf  any // *Leaf or *RWLeaf; an *Owner among those owned
	read  bool
	stack [4]uintptr // where it was taken: the methods of this file, and who called them
}

// books has the hold of each goroutine that has one, in pages by what self tells.
var books [64]page

type page struct {
	sync.Mutex
	held  map[uintptr]hold
	owned map[uintptr]hold // the Owner of each goroutine that has one
}

// pageOf serves addresses, whose lowest bits are alike, and small numbers.
func pageOf(me uintptr) *page { return &books[(me^me>>9)%uintptr(len(books))] }

// mayLock panics if the calling goroutine holds a leaf already, and returns who it is.
func mayLock(leaf any) uintptr {
	me := self()
	p := pageOf(me)
	p.Lock()
	h, holds := p.held[me]
	p.Unlock()
	switch {
	case !holds:
		return me
	case h.leaf == leaf:
		panic(Violation(fmt.Sprintf("guard: a goroutine takes a %s at %s that it holds already, since %s",
			name(leaf), caller(), h.site())))
	default:
		panic(Violation(fmt.Sprintf("guard: a goroutine takes a %s at %s while it holds a %s, since %s",
			name(leaf), caller(), name(h.leaf), h.site())))
	}
}

// locked enters that goroutine me has got the leaf.
func locked(me uintptr, leaf any, read bool) {
	h := hold{leaf: leaf, read: read}
	runtime.Callers(2, h.stack[:])
	p := pageOf(me)
	p.Lock()
	defer p.Unlock()
	if p.held == nil {
		p.held = make(map[uintptr]hold)
	}
	p.held[me] = h
}

// unlocking takes the calling goroutine's hold off the books; it panics if there is none that
// fits.
func unlocking(leaf any, read bool) {
	me := self()
	p := pageOf(me)
	p.Lock()
	h, holds := p.held[me]
	fits := holds && h.leaf == leaf && h.read == read
	if fits {
		delete(p.held, me)
	}
	p.Unlock()
	if !fits {
		panic(Violation(fmt.Sprintf("guard: a goroutine unlocks a %s at %s %s; %s",
			name(leaf), caller(), misfit(h, leaf), holders(leaf))))
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

// holders says who holds the leaf.
func holders(leaf any) string {
	var found []string
	for i := range books {
		p := &books[i]
		p.Lock()
		for _, h := range p.held {
			if h.leaf == leaf {
				found = append(found, h.site())
			}
		}
		p.Unlock()
	}
	if len(found) == 0 {
		return "nobody holds it"
	}
	slices.Sort(found)
	return "it is held since " + strings.Join(found, ", ")
}

func name(leaf any) string {
	switch leaf.(type) {
	case *RWLeaf:
		return "guard.RWLeaf"
	case *Owner:
		return "guard.Owner"
	}
	return "guard.Leaf"
}

// site returns file and line where the hold began.
func (h hold) site() string { return outermost(h.stack[:]) }

// caller returns file and line of the method of this file's caller.
func caller() string {
	var stack [8]uintptr
	return outermost(stack[:runtime.Callers(2, stack[:])])
}

// outermost returns file and line of the first frame outside this file.
func outermost(stack []uintptr) string {
	_, here, _, _ := runtime.Caller(0)
	frames := runtime.CallersFrames(stack)
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
