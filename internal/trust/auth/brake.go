package auth

import (
	"container/list"
	"context"
	"fmt"
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/baridmq/barid/internal/core/guard"
)

// What an address may do to guess.
const (
	failures = 32               // that an address may have before it is slowed down
	recovery = 10 * time.Second // gives one of them back
	penalty  = time.Second      // for each failure after that
	lanes    = 4                // queues of an address, chosen by the name of the user
	abreast  = 4                // logins of a lane at a time
	// addresses are known at a time; of more, those that failed last.
	addresses = 4096
)

// brake slows down those who guess, by address.
//
// While an address is slowed down, its logins need a turn. There are few, and a failure
// keeps its turn for the time of the penalty, even if nobody waits for the answer any more: so
// the number of guesses per second is bounded, whatever the number of connections. Success gives
// the turn on at once, and the guesses for one name leave the other lanes to others who share
// the address.
//
// The lock guards the table; turns are passed through channels.
type brake struct {
	mu    guard.Leaf
	known map[netip.Prefix]*list.Element // of *address
	order list.List                      // the last that failed first
	seed  maphash.Seed                   // so that nobody can choose a lane
}

// address is somebody who failed.
type address struct {
	from netip.Prefix
	// whole is when nothing of its failures is left.
	whole time.Time
	// slow is set while it is slowed down: from when it had no failure left until whole. So who
	// goes on cannot slip in between with many logins at a time.
	slow bool
	// turns has the turns of each lane, nil before they were needed. A turn is the time from
	// which it is good.
	turns [lanes]chan time.Time
}

func newBrake() *brake {
	return &brake{known: map[netip.Prefix]*list.Element{}, seed: maphash.MakeSeed()}
}

// visit is a login under way.
type visit struct {
	brake *brake // nil for one that is not counted
	from  netip.Prefix
	turns chan time.Time // where its turn goes back to, nil if it has none
}

// enter waits until a login for name may be looked at. Without an error, leave must follow.
// Peers without an IP address are part of this process and not counted.
func (b *brake) enter(ctx context.Context, remote, name string) (visit, error) {
	from, ok := prefixOf(remote)
	if !ok {
		return visit{}, nil
	}
	v := visit{brake: b, from: from, turns: b.lane(from, name)}
	if v.turns == nil {
		return v, nil
	}
	select {
	case good := <-v.turns:
		if pause(ctx, time.Until(good)) {
			return v, nil
		}
		v.turns <- good
	case <-ctx.Done():
	}
	return visit{}, fmt.Errorf("auth: waiting for a turn after many failures: %w", ctx.Err())
}

// leave ends the visit. If it failed and its address has done so too often, it waits for the
// time of the penalty or until ctx ends.
func (v visit) leave(ctx context.Context, failed bool) {
	if v.brake == nil {
		return
	}
	now := time.Now()
	slow := failed && v.brake.fail(v.from, now)
	if v.turns != nil {
		if failed {
			now = now.Add(penalty)
		}
		v.turns <- now // has room, as the turn came from there
	}
	if slow {
		pause(ctx, penalty)
	}
}

// lane returns the turns that a login for name needs one of, nil if it needs none.
func (b *brake) lane(from netip.Prefix, name string) chan time.Time {
	i := maphash.String(b.seed, name) % lanes
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.known[from]
	if e == nil {
		return nil
	}
	a := e.Value.(*address)
	if !a.slowed(time.Now()) {
		return nil
	}
	if a.turns[i] == nil {
		a.turns[i] = make(chan time.Time, abreast)
		for range abreast {
			a.turns[i] <- time.Time{}
		}
	}
	return a.turns[i]
}

// fail counts a failure and reports whether the address was slowed down before.
func (b *brake) fail(from netip.Prefix, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.known[from]
	if e == nil {
		if len(b.known) == addresses {
			delete(b.known, b.order.Remove(b.order.Back()).(*address).from)
		}
		e = b.order.PushFront(&address{from: from})
		b.known[from] = e
	}
	b.order.MoveToFront(e)
	a := e.Value.(*address)
	slowed := a.slowed(now)
	if a.whole.Before(now) {
		a.whole = now
	}
	a.whole = a.whole.Add(recovery)
	if last := now.Add(failures * recovery); a.whole.After(last) {
		a.whole = last
	}
	return slowed
}

// slowed reports whether a is slowed down. The lock must be held.
func (a *address) slowed(now time.Time) bool {
	switch left := a.whole.Sub(now); {
	case left > (failures-1)*recovery:
		a.slow = true
	case left <= 0:
		a.slow = false
	}
	return a.slow
}

// prefixOf returns what of an address is counted as one peer: an IPv4 address, or the 64 bits of
// an IPv6 network, whose hosts choose the rest as they like.
func prefixOf(remote string) (netip.Prefix, bool) {
	ip, err := netip.ParseAddr(remote)
	if err != nil {
		return netip.Prefix{}, false
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, err := ip.Prefix(bits)
	return p, err == nil
}

// pause waits for d and reports true, or false if ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
