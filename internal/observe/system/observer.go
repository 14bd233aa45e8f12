package system

import (
	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/internal/doors/client"
)

// event is something to publish.
type event struct {
	kind eventKind
	info *client.Info // of the connection concerned
}

type eventKind uint8

const (
	connected eventKind = iota
	denied
	disconnected
	lameDuck
	shutdown
)

// Connected implements client.Observer.
func (s *System) Connected(i *client.Info) {
	s.changed(i.Account)
	if s.heard(connectSubject(i.Account)) {
		s.enqueue(event{connected, i})
	}
}

// Denied implements client.Observer.
func (s *System) Denied(i *client.Info) {
	if s.heard(s.deniedSubject()) || s.concerned(i.Account) {
		s.enqueue(event{denied, i})
	}
}

// Disconnected implements client.Observer.
func (s *System) Disconnected(i *client.Info) {
	s.changed(i.Account)
	if s.heard(disconnectSubject(i.Account)) {
		s.enqueue(event{disconnected, i})
	}
}

// heard reports whether anybody wants what is published on subj, which is not valid if the name of the
// account in it is no token.
func (s *System) heard(subj string) bool { return subject.ValidPublish(subj) && s.pings.Interest(subj) }

// concerned reports whether somebody in an account wants to hear who was not let in.
func (s *System) concerned(name string) bool {
	a := s.cfg.Lookup.Account(name)
	if a == nil {
		return false
	}
	var m account.Matches
	a.Match([]byte(deniedHere), &m)
	return !m.Empty()
}

// enqueue leaves e to the goroutine, unless too many wait. The end of the server is never too much.
func (s *System) enqueue(e event) {
	if e.info != nil {
		e.info.TLS = nil // large, and not told
	}
	s.mu.Lock()
	switch {
	case s.mu.closed:
	case len(s.mu.queue) >= s.rhythm.events && e.info != nil:
		s.mu.dropped++
	default:
		s.mu.queue = append(s.mu.queue, e)
		s.mu.closed = e.kind == shutdown // the last word
	}
	s.mu.Unlock()
	s.rouse()
}

// changed notes that an account may have another number of connections.
func (s *System) changed(name string) {
	if name == "" || name == account.Global {
		return // nobody is told of the global account
	}
	s.mu.Lock()
	if !s.mu.closed {
		s.mu.changed[name] = struct{}{}
	}
	s.mu.Unlock()
	s.rouse()
}

// rouse wakes the goroutine.
func (s *System) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// news is what waited for the goroutine.
type news struct {
	events  []event
	dropped int
	settled bool // nothing changed in the numbers of connections
}

// fetch takes what waits.
func (s *System) fetch() (n news) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = news{events: s.mu.queue, dropped: s.mu.dropped, settled: len(s.mu.changed) == 0}
	s.mu.queue, s.mu.dropped = nil, 0
	return n
}

// fetchChanged takes the names of the accounts whose number of connections changed.
func (s *System) fetchChanged() map[string]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.mu.changed
	s.mu.changed = map[string]struct{}{}
	return names
}
