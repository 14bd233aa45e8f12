// Package task starts goroutines. It holds the only go statements of barid, so that every
// goroutine has a name, a group that waits for it and somebody who hears of its panic.
//
// It knows nothing of what the goroutines do. A Group has one leaf lock and no goroutine of
// its own.
package task

import (
	"context"
	"maps"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"

	"github.com/baridmq/barid/internal/core/guard"
)

// Group is a set of named goroutines that end together. All methods may be called from any
// goroutine at any time; a Group is made by New and must not be copied.
type Group struct {
	// fixed
	onPanic func(name string, value any, stack []byte)

	mu struct {
		guard.Leaf
		closed bool
		total  int                 // running goroutines of all names
		names  map[string]*counter // entries stay, as names are few and come again
		idle   chan struct{}       // closed when total falls to 0; nil while nobody waits
	}
}

// counter is what a group knows of one name.
type counter struct {
	labels  context.Context // fixed; the profiler's labels of the name
	running int             // guarded by Group.mu
}

// New returns an open, empty group. onPanic is called in the goroutine that panicked, after
// its stack was taken and before the goroutine counts as ended; it must not panic itself. If
// onPanic is nil a panic is not caught and ends the process.
func New(onPanic func(name string, value any, stack []byte)) *Group {
	g := &Group{onPanic: onPanic}
	g.mu.names = make(map[string]*counter)
	return g
}

// Go starts f in a new goroutine and reports whether it did: once the group is closed f is
// not run. The name, a constant of the caller, says what kind of goroutine it is; it appears
// in Wait and Running and as label "task" in profiles. Go may be called by goroutines of the
// group.
func (g *Group) Go(name string, f func()) bool {
	g.mu.Lock()
	if g.mu.closed {
		g.mu.Unlock()
		return false
	}
	c := g.mu.names[name]
	if c == nil {
		c = &counter{labels: pprof.WithLabels(context.Background(), pprof.Labels("task", name))}
		g.mu.names[name] = c
	}
	c.running++
	g.mu.total++
	g.mu.Unlock()

	go g.run(name, c, f)
	return true
}

// Aside runs f in a goroutine of the group and waits for it, or runs it right here when the group
// is closed. Stacks grow and seldom shrink, so a goroutine that will idle for long on a small
// stack has work that needs a large one done aside.
func (g *Group) Aside(name string, f func()) {
	done := make(chan struct{})
	if g.Go(name, func() { defer close(done); f() }) {
		<-done
		return
	}
	f()
}

// run is the life of one goroutine. It is over for the group only when onPanic has returned,
// so whoever waited for the group has also seen its last panic reported.
func (g *Group) run(name string, c *counter, f func()) {
	defer g.ended(c)
	if g.onPanic != nil {
		defer g.rescue(name)
	}
	pprof.SetGoroutineLabels(c.labels)
	f()
}

// rescue hands a panic to onPanic. A broken lock rule is passed on instead: a run that looks
// for those has to fail, whatever its owner does about panics.
func (g *Group) rescue(name string) {
	value := recover()
	if value == nil {
		return
	}
	if v, ok := value.(guard.Violation); ok {
		panic(v)
	}
	g.onPanic(name, value, debug.Stack())
}

// ended takes one goroutine off the books and wakes those who wait for the last one.
func (g *Group) ended(c *counter) {
	var idle chan struct{}
	g.mu.Lock()
	c.running--
	g.mu.total--
	if g.mu.total == 0 {
		idle, g.mu.idle = g.mu.idle, nil
	}
	g.mu.Unlock()
	if idle != nil {
		close(idle)
	}
}

// Close lets no new goroutine start; those that run go on. It may be called again.
func (g *Group) Close() {
	g.mu.Lock()
	g.mu.closed = true
	g.mu.Unlock()
}

// Wait returns nil as soon as no goroutine of the group runs. When timeout passes first it
// returns the names of those that still do, in order, with their count if there are several
// of one name ("acceptor", "reader x3"); a timeout of 0 or less does not wait at all. The
// result is final only for a closed group. A goroutine of the group that calls Wait waits
// for itself, in vain.
func (g *Group) Wait(timeout time.Duration) (late []string) {
	idle := g.untilIdle()
	if idle == nil {
		return nil
	}
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-idle:
			return nil
		case <-timer.C:
		}
	}
	running := g.Running()
	for _, name := range slices.Sorted(maps.Keys(running)) {
		if n := running[name]; n > 1 {
			name += " x" + strconv.Itoa(n)
		}
		late = append(late, name)
	}
	return late
}

// untilIdle returns a channel that is closed when the last goroutine ends, nil if none runs.
func (g *Group) untilIdle() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.total == 0 {
		return nil
	}
	if g.mu.idle == nil {
		g.mu.idle = make(chan struct{})
	}
	return g.mu.idle
}

// Running returns how many goroutines of each name run now; names without any are left out.
// The map is the caller's.
func (g *Group) Running() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	running := make(map[string]int, len(g.mu.names))
	for name, c := range g.mu.names {
		if c.running > 0 {
			running[name] = c.running
		}
	}
	return running
}
