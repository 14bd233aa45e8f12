package account

import (
	"maps"
	"slices"
	"time"

	"github.com/baridmq/barid/internal/core/subject"
)

// # How accounts are wired
//
// A Spec says what an account wants; its plan says what it gets. The registry makes plans, under one
// lock, for an account that has changed and for those that depend on it: which imports are in force,
// what their subjects are, and, through chains of stream imports, which other accounts the streams come
// from in the end. Each account then carries its plan out, under a lock of its own. That is level, not
// edge: it always looks at the newest plan, so it makes no difference in which order two changes get
// there.

// link is an import that is in force. It is immutable.
type link struct {
	imp   *Import
	exp   *Export
	local string // the pattern of the subject in the importer

	// The renaming of the exporter's subject to the local one, and its reverse; nil if they are equal.
	forth, back *subject.Transform
}

// key tells links apart; two of the same key do the same.
func (l *link) key() string {
	return l.imp.Account + " " + l.imp.Subject + " " + l.imp.LocalSubject()
}

// compileLink works out the subjects of i.
func compileLink(i *Import) (*link, error) {
	l := &link{imp: i, local: i.Subject}
	if i.LocalSubject() == i.Subject {
		if !subject.ValidSubscription(i.Subject) {
			return nil, errSubject
		}
		return l, nil
	}
	var err error
	if l.forth, err = subject.NewRename(i.Subject, i.Local); err != nil {
		return nil, err
	}
	if l.back, err = l.forth.Reverse(); err != nil {
		return nil, err
	}
	l.local = l.forth.Pattern()
	return l, nil
}

// plan is what an account gets of other accounts. It is immutable.
type plan struct {
	states   []ImportState
	links    []*link
	services []*Passage
	paths    []*Path
	near     [][]near // of each path; nil if there are none
}

// world is what accounts are judged by: those of a registry, or of a configuration.
type world struct {
	now   time.Time
	spec  func(name string) *Spec   // nil if there is no such account
	links func(name string) []*link // what is in force there

	// For one decision about an account.
	compared int                // of mostCompared, so far
	safe     [2]map[string]bool // accounts, by kind, to which nothing of it comes
}

// judge decides about the imports of s, one after the other.
func (w *world) judge(s *Spec) (states []ImportState, links []*link) {
	if len(s.Imports) == 0 {
		return nil, nil
	}
	inner := *w
	inner.compared, inner.safe = 0, [2]map[string]bool{{}, {}}
	inner.links = func(name string) []*link { // its own are those found so far
		if name == s.Name {
			return links
		}
		return w.links(name)
	}
	states = make([]ImportState, 0, len(s.Imports))
	seen, overlap := newDuplicates(), newOverlaps()
	for n := range s.Imports {
		i := &s.Imports[n]
		l, expires, err := inner.admit(s, i)
		if dup := seen.add(i, l); err == nil {
			err = dup
		}
		if err == nil && i.Kind == Stream {
			if _, fits := overlap.add(flow{i.Account, i.Subject, l.local}); !fits {
				err = ErrTooMany
			}
		}
		if err == nil {
			links = append(links, l)
		}
		states = append(states, ImportState{Import: i, Err: err, Expires: expires})
	}
	return states, links
}

// admit decides about one import.
func (w *world) admit(s *Spec, i *Import) (l *link, expires time.Time, err error) {
	l, err = compileLink(i)
	if err != nil {
		return nil, expires, err
	}
	exporter := w.spec(i.Account)
	if exporter == nil {
		return l, expires, ErrNoExporter
	}
	if l.exp, expires, err = exporter.authorize(i, s.Name, w.now); err != nil {
		return l, expires, err
	}
	return l, expires, w.cycle(s.Name, l)
}

// duplicates finds imports that are there twice.
type duplicates struct {
	streams  map[[2]string]bool
	services map[[2]string]*Import
}

func newDuplicates() *duplicates {
	return &duplicates{streams: map[[2]string]bool{}, services: map[[2]string]*Import{}}
}

// add notes an import, whose link is l if its subjects are good, and tells if there was one like it.
func (d *duplicates) add(i *Import, l *link) error {
	if i.Kind == Stream {
		key := [2]string{i.Account, i.Subject}
		if d.streams[key] {
			return ErrStreamExists
		}
		d.streams[key] = true
		return nil
	}
	if l == nil {
		return nil
	}
	key := [2]string{i.Account, l.local}
	if old := d.services[key]; old != nil {
		return &DuplicateError{Local: l.local, Account: old.Account, Subject: old.Subject}
	}
	d.services[key] = i
	return nil
}

const (
	// mostSearched is how many accounts the search for cycles looks at.
	mostSearched = 1024
	// longSearch is after how many comparisons it asks whether there can be one at all.
	longSearch = 8192
)

// cycle reports whether what the account name gets by l comes from itself in the end, or whether what
// it sends there comes back.
func (w *world) cycle(name string, l *link) error {
	type place struct{ account, subject string }
	seen := map[place]bool{}
	accounts := map[string]bool{}
	todo := []place{{l.imp.Account, l.imp.Subject}}
	here, sure := 0, false
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if at.account == name && subject.Overlaps(at.subject, l.local) {
			return ErrCycle
		}
		if seen[at] {
			continue
		}
		seen[at], accounts[at.account] = true, true
		links := w.links(at.account)
		w.compared += len(links)
		if here += len(links); !sure && (here > longSearch || len(accounts) > mostSearched) {
			if sure = true; !w.reaches(name, l) {
				return nil
			}
		}
		if len(accounts) > mostSearched || len(seen) > 4*mostSearched || w.compared > mostCompared {
			return ErrCycleDepth
		}
		for _, next := range links {
			if next.imp.Kind == l.imp.Kind && subject.Overlaps(next.local, at.subject) {
				todo = append(todo, place{next.imp.Account, next.imp.Subject})
			}
		}
	}
	return nil
}

// reaches reports whether there is a way from the account name over imports back to it by l, whatever
// their subjects. Mostly there is none.
func (w *world) reaches(name string, l *link) bool {
	safe := w.safe[l.imp.Kind]
	if safe[l.imp.Account] {
		return false
	}
	found := map[string]bool{l.imp.Account: true}
	for todo := []string{l.imp.Account}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if at == name || w.compared > mostCompared {
			return true
		}
		links := w.links(at)
		w.compared += len(links)
		for _, next := range links {
			if from := next.imp.Account; next.imp.Kind == l.imp.Kind && !found[from] && !safe[from] {
				found[from] = true
				todo = append(todo, from)
			}
		}
	}
	maps.Copy(safe, found)
	return false
}

// Check reports what is wrong with the imports of a configuration that has all these accounts: those that
// are not authorized, cycles and duplicates. Errors are, or have in them, an *ImportError. Nothing is
// changed.
func (r *Registry) Check(specs []Spec) error {
	byName := make(map[string]*Spec, len(specs))
	for i := range specs {
		byName[specs[i].Name] = &specs[i]
	}
	links := map[string][]*link{}
	w := world{
		now:   time.Now(),
		spec:  func(name string) *Spec { return byName[name] },
		links: func(name string) []*link { return links[name] },
	}
	for i := range specs {
		s := &specs[i]
		states, found := w.judge(s)
		for _, state := range states {
			if state.Err != nil {
				return &ImportError{Account: s.Name, Import: state.Import, Err: state.Err}
			}
		}
		links[s.Name] = found
	}
	return nil
}

// retry reports whether one of the states may be out of date because of the order in which accounts were
// judged.
func retry(states []ImportState) bool {
	return slices.ContainsFunc(states, func(s ImportState) bool { return s.Err == ErrCycle || s.Err == ErrCycleDepth })
}
