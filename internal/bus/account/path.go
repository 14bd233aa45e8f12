package account

import (
	"errors"
	"strings"

	"github.com/baridmq/barid/internal/core/subject"
)

var errSubject = errors.New("invalid subject")

// Path is how a stream comes from the account in which it is published to one that imports it, over as
// many accounts as there are between them. It is immutable.
type Path struct {
	source *Account // where it is published
	from   string   // pattern of the subjects there
	local  string   // pattern of the subjects in the importer
	steps  []*link  // the renamings, in the order of the way; empty if the subjects are equal
	key    string   // equal for paths that do the same
	last   *link    // the import of the account where it ends
}

// Rename appends the local subject of a message that is published on subj at the source. ok is false, and
// dst as it was, if the path is not for it. scratch is memory for that; it is returned, as it may grow.
func (p *Path) Rename(dst, subj, scratch []byte) (out, memory []byte, ok bool) {
	if len(p.steps) == 0 {
		return append(dst, subj...), scratch, true
	}
	last := len(p.steps) - 1
	for i, s := range p.steps[:last] {
		// The subject so far is at the beginning of scratch, the next is put behind it.
		begin := len(scratch)
		if i == 0 {
			begin, scratch = 0, scratch[:0]
		}
		if scratch, ok = s.forth.Append(scratch, subj); !ok {
			return dst, scratch, false
		}
		subj = scratch[begin:]
	}
	out, ok = p.steps[last].forth.Append(dst, subj)
	return out, scratch, ok
}

// origin returns the pattern at the source of what is the pattern local, which p.local covers.
func (p *Path) origin(local string) (string, bool) {
	at := []byte(local)
	for i := len(p.steps) - 1; i >= 0; i-- {
		var ok bool
		if at, ok = p.steps[i].back.Append(nil, at); !ok {
			return "", false
		}
	}
	return string(at), true
}

// routes works out paths, for one change of a registry.
type routes struct {
	account func(name string) *Account
	made    map[string]*plan // those to be worked out; the others have theirs
	links   func(name string) []*link
	done    map[*link][]*Path
	seeded  map[string]bool
	refused map[*link]bool       // they go beyond the budget
	spent   map[string]*spending // of each account
	depth   int
}

// spending is what an account has of its budget; see overlap.go.
type spending struct{ compared, joined int }

func (s *spending) exhausted() bool { return s.compared > mostCompared || s.joined > mostJoined }

func newRoutes(account func(string) *Account, made map[string]*plan, links func(string) []*link) *routes {
	return &routes{
		account: account, made: made, links: links,
		done: map[*link][]*Path{}, seeded: map[string]bool{}, refused: map[*link]bool{}, spent: map[string]*spending{},
	}
}

// complete works out the paths of the plan p of the account name. Imports that go beyond the budget are not
// in force.
func (r *routes) complete(name string, p *plan) {
	var all []*Path
	for _, l := range p.links {
		if l.imp.Kind == Stream {
			all = append(all, r.by(name, l)...)
		}
	}
	p.paths, p.near = neighbors(all, func(l *link) { r.refused[l], r.done[l] = true, nil })
	for _, l := range p.links {
		if !r.refused[l] {
			continue
		}
		for i := range p.states {
			if p.states[i].Import == l.imp {
				p.states[i].Err = ErrTooMany
			}
		}
	}
}

// seed takes over the paths of an account that is not concerned by the change.
func (r *routes) seed(name string) {
	if r.seeded[name] || r.made[name] != nil {
		return
	}
	r.seeded[name] = true
	for _, l := range r.links(name) {
		r.done[l] = nil
	}
	if a := r.account(name); a != nil {
		for _, p := range a.plan.Load().paths {
			r.done[p.last] = append(r.done[p.last], p)
		}
	}
}

// by returns the paths that end with l, an import of the account name: from its exporter, and from where
// that imports what l wants.
func (r *routes) by(name string, l *link) []*Path {
	r.seed(name)
	all, known := r.done[l]
	source := r.account(l.imp.Account)
	if known || source == nil || r.depth >= longestWay {
		return all
	}
	r.done[l] = nil // for a cycle, though those are refused elsewhere
	spent := r.spent[name]
	if spent == nil {
		spent = &spending{}
		r.spent[name] = spent
	}
	r.depth++
	defer func() { r.depth-- }()
	all = append(all, newPath(source, l.imp.Subject, l.local, nil, l))
	links := r.links(l.imp.Account)
	if spent.compared += len(links); spent.exhausted() {
		links = nil
	}
	for _, before := range links {
		if before.imp.Kind != Stream || spent.exhausted() || !subject.Overlaps(before.local, l.imp.Subject) {
			continue
		}
		for _, p := range r.by(l.imp.Account, before) {
			if spent.joined++; spent.joined > mostJoined {
				break
			}
			if longer := p.and(l); longer != nil {
				all = append(all, longer)
			}
		}
	}
	if spent.exhausted() {
		r.refused[l] = true
		return nil
	}
	r.done[l] = all
	return all
}

func newPath(source *Account, from, local string, steps []*link, last *link) *Path {
	p := &Path{source: source, from: from, local: local, last: last}
	if last.forth != nil {
		steps = append(steps[:len(steps):len(steps)], last)
	}
	var key strings.Builder
	key.WriteString(source.name + " " + from + " " + local)
	for _, s := range steps {
		key.WriteString(" " + s.imp.Subject + " " + s.imp.Local)
	}
	p.steps, p.key = steps, key.String()
	return p
}

// and returns the path that goes on from the end of p by l; nil if they do not meet.
func (p *Path) and(l *link) *Path {
	meeting, ok := subject.Intersect(p.local, l.imp.Subject)
	if !ok {
		return nil
	}
	from, ok := p.origin(meeting)
	if !ok {
		return nil
	}
	local := meeting
	if l.forth != nil {
		end, ok := l.forth.Append(nil, []byte(meeting))
		if !ok {
			return nil
		}
		local = string(end)
	}
	return newPath(p.source, from, local, p.steps, l)
}

// samePaths reports whether two lists of paths do the same.
func samePaths(a, b []*Path) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].source != b[i].source || a[i].key != b[i].key {
			return false
		}
	}
	return true
}
