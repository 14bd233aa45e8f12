//go:build guard

package guard

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// violation runs f in a goroutine of its own and returns what it panicked with.
func violation(f func()) (v any) {
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		f()
	}()
	return <-done
}

func TestSecondLeafPanics(t *testing.T) {
	var a, b Leaf
	var r, s RWLeaf
	locks := []struct {
		name string
		lock func()
	}{
		{"Leaf.Lock", b.Lock},
		{"Leaf.TryLock", func() { b.TryLock() }},
		{"RWLeaf.Lock", s.Lock},
		{"RWLeaf.TryLock", func() { s.TryLock() }},
		{"RWLeaf.RLock", s.RLock},
		{"RWLeaf.TryRLock", func() { s.TryRLock() }},
		{"RLocker.Lock", s.RLocker().Lock},
	}
	holders := []struct {
		name         string
		lock, unlock func()
	}{
		{"a leaf", a.Lock, a.Unlock},
		{"a read lock", r.RLock, r.RUnlock},
		{"a write lock", r.Lock, r.Unlock},
	}
	for _, h := range holders {
		for _, l := range locks {
			t.Run(l.name+" under "+h.name, func(t *testing.T) {
				got := violation(func() {
					h.lock()
					defer h.unlock()
					l.lock()
				})
				require.IsType(t, Violation(""), got)
				require.Regexp(t, `takes a guard\.(RW)?Leaf at .+/checked_test\.go:\d+ while it holds a guard\.(RW)?Leaf, since `, got)
			})
		}
	}
	// Whoever broke the rule did not get the lock.
	require.True(t, b.TryLock())
	b.Unlock()
	require.True(t, s.TryLock())
	s.Unlock()
}

func TestSameLeafTwicePanics(t *testing.T) {
	var l Leaf
	var r RWLeaf
	for name, f := range map[string]func(){
		"leaf":  func() { l.Lock(); defer l.Unlock(); l.Lock() },
		"write": func() { r.Lock(); defer r.Unlock(); r.Lock() },
		"read":  func() { r.RLock(); defer r.RUnlock(); r.RLock() },
		"mixed": func() { r.RLock(); defer r.RUnlock(); r.Lock() },
	} {
		require.Contains(t, fmt.Sprint(violation(f)), "that it holds already, since ", name)
	}
}

func TestForeignUnlockPanics(t *testing.T) {
	var l Leaf
	var r RWLeaf
	require.Contains(t, fmt.Sprint(violation(l.Unlock)), "that it does not hold; nobody holds it")

	l.Lock()
	require.Regexp(t, `unlocks a guard\.Leaf at .* that it does not hold; it is held since .+/checked_test\.go:\d+`,
		violation(l.Unlock))
	l.Unlock() // still ours

	r.RLock()
	require.Contains(t, fmt.Sprint(violation(r.RUnlock)), "that it does not hold; it is held since ")
	r.RUnlock()
	require.Contains(t, fmt.Sprint(violation(func() { r.RLock(); defer r.RUnlock(); r.Unlock() })),
		"for writing that it holds for reading")
	require.Contains(t, fmt.Sprint(violation(func() { r.Lock(); defer r.Unlock(); r.RUnlock() })),
		"for reading that it holds for writing")
}

func TestOneAfterTheOther(t *testing.T) {
	var a, b Leaf
	var r RWLeaf
	n := 0
	for range 3 {
		a.Lock()
		n++
		a.Unlock()
		r.RLock()
		n++
		r.RUnlock()
		b.Lock()
		n++
		b.Unlock()
	}
	require.Equal(t, 9, n)
}

func TestSelf(t *testing.T) {
	here := self()
	there := make(chan uintptr)
	go func() { there <- self() }()
	require.NotZero(t, here)
	require.NotEqual(t, here, <-there)
	require.Equal(t, here, deep(1000), "a stack that moves makes no other goroutine")
}

func deep(n int) uintptr {
	var room [128]byte
	if n == 0 {
		return self()
	}
	return deep(n-1) + uintptr(room[n%len(room)])
}

// An Owner stands above the leaves: they are taken under it, one after the other, and nothing else.
func TestOwner(t *testing.T) {
	var o, p Owner
	var l Leaf
	var r RWLeaf
	under := func(outer sync.Locker, f func()) string {
		return fmt.Sprint(violation(func() {
			outer.Lock()
			defer outer.Unlock()
			f()
		}))
	}
	require.Contains(t, under(&o, func() {
		func() { l.Lock(); defer l.Unlock() }()
		func() { r.RLock(); defer r.RUnlock() }()
	}), "nil")
	require.Regexp(t, `takes a guard\.Owner at .+/checked_test\.go:\d+ while it holds a guard\.Owner, since `, under(&o, p.Lock))
	require.Contains(t, under(&o, func() { p.TryLock() }), "while it holds a guard.Owner, since ")
	require.Contains(t, under(&o, o.Lock), "while it holds a guard.Owner, since ")
	require.Contains(t, under(&l, o.Lock), "takes a guard.Owner at ")
	require.Contains(t, under(&o, func() { l.Lock(); defer l.Unlock(); r.Lock() }), "while it holds a guard.Leaf, since ")
	require.Contains(t, under(&o, func() { l.Lock(); defer l.Unlock(); o.Unlock() }), "before its leaf")
	require.Contains(t, under(&o, p.Unlock), "that it does not hold")
	require.True(t, p.TryLock())
	p.Unlock()
	require.Contains(t, fmt.Sprint(violation(o.Unlock)), "that it does not hold")
}
