package account

import (
	"slices"
	"strings"

	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/subject"
)

// # Shadows
//
// A subscription that overlaps what its account imports as a stream has a shadow in the account where the
// stream is published: an entry with the pattern of what both want, by the exporter's names, in the queue
// group of the same name. The shadow hands messages on to the subscription, which decides as if they had
// been published in its own account, under the local subject: echo, permissions and its maximum count
// there. Streams that come over several accounts have their shadows at the source, not one in each.
//
// Entries of imports and replies have no shadows: a stream does not become a request.

// Carrier carries messages over the borders of accounts, as the trips of package fanout do.
type Carrier interface {
	// Stream delivers run, of what is published at the source of via, to a subscription at its end.
	Stream(run msg.Run, via *Path, to *Sub) Outcome
	// Request sends run on to the exporter of a service.
	Request(run msg.Run, via *Route) Outcome
	// Answer sends run, of replies to requests from other accounts, on to those who asked. find tells
	// who asked.
	Answer(run msg.Run, find Finder) Outcome
}

// shadow is the entry of a subscription in another account.
type shadow struct {
	owner Owner
	sub   Sub
	of    *Sub
	via   *Path
	not   []string // patterns at the source of what comes by other shadows
}

// Deliver implements Receiver.
func (w *shadow) Deliver(st *Stage, run msg.Run, _ *Sub) Outcome {
	if len(w.not) == 0 {
		return w.deliver(st, run)
	}
	taken := 0
	for i := run.From; i < run.To; i++ {
		if !w.elsewhere(st.Batch.Msgs[i].Subject.Of(st.Batch.Buf)) && w.deliver(st, msg.Run{From: i, To: i + 1}) == Taken {
			st.Batch.Take(i)
			taken++
		}
	}
	switch taken {
	case 0:
		return Refused
	case run.Len():
		return Taken
	}
	return Partly
}

// elsewhere reports whether what is published on subj comes by another shadow of the subscription.
func (w *shadow) elsewhere(subj []byte) bool {
	for _, pattern := range w.not {
		if subject.Matches(subj, pattern) {
			return true
		}
	}
	return false
}

func (w *shadow) deliver(st *Stage, run msg.Run) Outcome {
	if len(w.via.steps) == 0 { // nothing is to be renamed
		return w.of.Deliver(st, run)
	}
	c, ok := st.Host.(Carrier)
	if !ok {
		return Refused
	}
	return c.Stream(run, w.via, w.of)
}

// inner is a Receiver of this package.
type inner interface{ isInner() }

func (*shadow) isInner()  {}
func (*Route) isInner()   {}
func (*answers) isInner() {}

// Foreign reports whether s is no subscription of somebody in the account: it stands for one in another
// account, or for an import.
func (s *Sub) Foreign() bool {
	_, is := s.owner.Receiver.(inner)
	return is
}

// want is a shadow that a subscription should have.
type want struct {
	via  *Path
	path int      // its number
	from string   // the pattern at the source
	not  []string // patterns there of what others bring
}

// wants returns the shadows that a subscription to the pattern subj should have. What comes by several
// imports under the same local subject is taken once. neighbors are those of the paths.
func wants(paths []*Path, neighbors [][]near, subj string) []want {
	var all []want
	for i, p := range paths {
		local, ok := subject.Intersect(p.local, subj)
		if !ok {
			continue
		}
		if from, ok := p.origin(local); ok {
			all = append(all, want{via: p, path: i, from: from})
		}
	}
	if len(all) < 2 || neighbors == nil {
		return all
	}
	byPath := make([]*want, len(paths))
	for i := range all {
		byPath[all[i].path] = &all[i]
	}
	for i := range all {
		if w := &all[i]; w.needless(neighbors[w.path], byPath) {
			byPath[w.path] = nil
		}
	}
	kept := all[:0:0]
	for i := range all {
		if w := &all[i]; byPath[w.path] != nil {
			w.leave(neighbors[w.path], byPath)
			kept = append(kept, *w)
		}
	}
	return kept
}

// needless reports whether all of w comes by another one. Of two that bring the same the first is needed.
func (w *want) needless(neighbors []near, byPath []*want) bool {
	for _, n := range neighbors {
		o := byPath[n.other]
		if o != nil && subject.Covers(o.from, w.from) && (o.path < w.path || !subject.Covers(w.from, o.from)) && n.likens(o, w) {
			return true
		}
	}
	return false
}

// leave leaves to those before w what they bring.
func (w *want) leave(neighbors []near, byPath []*want) {
	for _, n := range neighbors {
		o := byPath[n.other]
		if o != nil && o.path < w.path && subject.Overlaps(o.from, w.from) && n.likens(o, w) {
			w.not = append(w.not, o.from)
		}
	}
}

// likens reports whether what comes both by o and by w, which n says are neighbors, has the same subject.
func (n *near) likens(o, w *want) bool {
	return n.alike || sameNames(o.via, w.via, o.from, w.from)
}

// sameNames reports whether what the patterns a and b at the source of p and q have in common comes by both
// under the same subjects.
func sameNames(p, q *Path, a, b string) bool {
	both, ok := subject.Intersect(a, b)
	if !ok {
		return false
	}
	if len(p.steps) == 0 && len(q.steps) == 0 {
		return true
	}
	// Wildcards are tokens like others for a renaming, but all alike: marks tell them apart.
	probe := marked(both)
	x, _, ok := p.Rename(nil, probe, nil)
	y, _, also := q.Rename(nil, probe, nil)
	return ok && also && string(x) == string(y)
}

// marked returns a literal subject that pattern matches, each token of which is another one.
func marked(pattern string) []byte {
	tokens := strings.Split(pattern, ".")
	for i, t := range tokens {
		if t == "*" || t == ">" {
			tokens[i] = string(rune('\u0100' + i)) // in no subject of which it matters
		}
	}
	return []byte(strings.Join(tokens, "."))
}

// shadow gives s the shadows that it should have, if it is still in the account.
func (a *Account) shadow(s *Sub) {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	a.shadowLocked(s)
}

func (a *Account) shadowLocked(s *Sub) {
	if s.Foreign() {
		return
	}
	had := a.wiring.shadows[s]
	var wanted []want
	if s.taken.Load()&left == 0 {
		wanted = wants(a.wiring.paths, a.wiring.near, s.Subject())
	}
	if len(had) == 0 && len(wanted) == 0 {
		return
	}
	kept := make([]*shadow, 0, len(wanted))
	for _, w := range wanted {
		i := 0
		for i < len(had) && !had[i].is(&w) {
			i++
		}
		if i < len(had) {
			kept = append(kept, had[i])
			had = append(had[:i:i], had[i+1:]...)
			continue
		}
		kept = append(kept, w.enter(s))
	}
	for _, w := range had {
		w.leave()
	}
	if len(kept) == 0 {
		delete(a.wiring.shadows, s)
		return
	}
	a.wiring.shadows[s] = kept
}

// is reports whether w is the shadow that is wanted.
func (w *shadow) is(o *want) bool {
	return w.via.source == o.via.source && w.via.key == o.via.key && w.sub.Subject() == o.from && slices.Equal(w.not, o.not)
}

// enter makes the wanted shadow of s.
func (o *want) enter(s *Sub) *shadow {
	w := &shadow{of: s, via: o.via, not: o.not}
	w.owner.Receiver = w
	w.sub.owner, w.sub.queue = &w.owner, s.queue
	index := o.via.source.index
	w.sub.node.Store(index.Insert([]byte(o.from), w.sub.Queue(), &w.sub))
	return w
}

func (w *shadow) leave() {
	w.via.source.index.Remove(w.sub.node.Load(), w.sub.Queue(), &w.sub)
}

// unshadow takes the shadows of s away, which is not in the account any more.
func (a *Account) unshadow(s *Sub) {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	for _, w := range a.wiring.shadows[s] {
		w.leave()
	}
	delete(a.wiring.shadows, s)
}

// carryOut carries out the newest plan.
func (a *Account) carryOut() {
	a.wiring.Lock()
	defer a.wiring.Unlock()
	p := a.plan.Load()
	if p == a.wiring.done {
		return
	}
	a.wiring.done = p
	a.carryOutServices(p.services)
	if !samePaths(a.wiring.paths, p.paths) {
		a.wiring.near = p.near
		a.carryOutStreams(p.paths)
	}
}

// carryOutStreams gives every subscription the shadows that it should have now. One that comes meanwhile
// either is found here or finds that the account is shadowed, and waits for the lock; the same goes for
// those that leave.
func (a *Account) carryOutStreams(paths []*Path) {
	a.wiring.paths = paths
	if len(paths) > 0 {
		a.shadowed.Store(true)
		a.Each(func(s *Sub) bool {
			a.shadowLocked(s)
			return true
		})
		return
	}
	for _, all := range a.wiring.shadows {
		for _, w := range all {
			w.leave()
		}
	}
	clear(a.wiring.shadows)
	a.shadowed.Store(false)
}

// carryOutServices makes the entries of services, and keeps those that lead to the same.
func (a *Account) carryOutServices(services []*Passage) {
	if len(services) == 0 && len(a.wiring.routes) == 0 {
		return
	}
	now := make(map[string]*Route, len(services))
	for _, s := range services {
		key := s.link.key()
		r := a.wiring.routes[key]
		if r != nil {
			delete(a.wiring.routes, key)
			r.to.Store(s)
		} else {
			r = newRoute(s)
			r.sub.node.Store(a.index.Insert([]byte(s.link.local), "", &r.sub))
		}
		now[key] = r
	}
	for _, r := range a.wiring.routes {
		r.to.Store(nil)
		a.index.Remove(r.sub.node.Load(), "", &r.sub)
	}
	a.wiring.routes = now
}
