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

// mostPaths bounds the paths by one import, and longestWay the accounts on one.
const (
	mostPaths  = 10_000
	longestWay = 32
)

// routes works out paths, for one change of a registry.
type routes struct {
	account func(name string) *Account
	links   func(name string) []*link
	done    map[*link][]*Path
	depth   int
}

// paths returns the paths that end in the account name.
func (r *routes) paths(name string) (all []*Path) {
	for _, l := range r.links(name) {
		if l.imp.Kind == Stream {
			all = append(all, r.by(l)...)
		}
	}
	return all
}

// by returns the paths that end with l: from its exporter, and from where that imports what l wants.
func (r *routes) by(l *link) []*Path {
	all, known := r.done[l]
	source := r.account(l.imp.Account)
	if known || source == nil || r.depth >= longestWay {
		return all
	}
	r.done[l] = nil // for a cycle, though those are refused elsewhere
	r.depth++
	all = append(all, newPath(source, l.imp.Subject, l.local, nil, l))
	for _, before := range r.links(l.imp.Account) {
		if before.imp.Kind != Stream || !subject.Overlaps(before.local, l.imp.Subject) {
			continue
		}
		for _, p := range r.by(before) {
			if longer := p.and(l); longer != nil && len(all) < mostPaths {
				all = append(all, longer)
			}
		}
	}
	r.depth--
	r.done[l] = all
	return all
}

func newPath(source *Account, from, local string, steps []*link, last *link) *Path {
	if last.forth != nil {
		steps = append(steps[:len(steps):len(steps)], last)
	}
	var key strings.Builder
	key.WriteString(source.name + " " + from + " " + local)
	for _, s := range steps {
		key.WriteString(" " + s.imp.Subject + " " + s.imp.Local)
	}
	return &Path{source: source, from: from, local: local, steps: steps, key: key.String()}
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
