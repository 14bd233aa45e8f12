package server

import (
	"cmp"
	"time"

	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/server/options"
)

// lookTime is how often a lame duck looks whether its clients have gone by themselves.
const lookTime = 25 * time.Millisecond

// LameDuckShutdown retires the server: it accepts no new connections and tells its clients to go
// elsewhere, waits for LameDuckGracePeriod, closes the clients that are left one by one until
// LameDuckDuration is over, and shuts down. It is faster if the clients are, and returns when the
// server is shut down, also if another call does it. Monitoring answers until then. Shutdown ends it.
func (s *Server) LameDuckShutdown() {
	if !s.beginRetirement() {
		<-s.done
		return
	}
	s.retire()
}

// beginRetirement reports true to the first caller, who then retires the server.
func (s *Server) beginRetirement() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.retiring {
		return false
	}
	s.mu.retiring = true
	return true
}

// retiring reports whether the server is a lame duck.
func (s *Server) retiring() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.retiring
}

// retire takes leave of the clients and shuts down.
func (s *Server) retire() {
	s.life.Lock() // a start in progress is waited for
	door := s.served()
	s.life.Unlock()
	if door != nil && s.ending.Err() == nil {
		s.takeLeave(door)
	}
	s.Shutdown()
}

// takeLeave returns when no clients are left or the server ends.
func (s *Server) takeLeave(door *client.Door) {
	s.logs.Noticef("Entering lame duck mode, stop accepting new clients")
	s.notifyStopping()
	s.stopListening()
	if door.Connections() == 0 {
		return
	}
	s.tenants.LameDuck()
	door.LameDuck()
	o := s.options()
	total := cmp.Or(o.LameDuckDuration, options.DefaultLameDuckDuration)
	grace := max(cmp.Or(o.LameDuckGracePeriod, options.DefaultLameDuckGracePeriod), 0)
	if s.deserted(door, min(grace, total)) {
		return
	}
	s.logs.Noticef("Closing existing clients")
	door.Dismiss(s.ending, max(total-grace, 0))
}

// deserted waits until no clients are left or the time is over, and reports whether there is
// nobody left to close: because they went, or because the server ends.
func (s *Server) deserted(door *client.Door, grace time.Duration) bool {
	over := time.NewTimer(grace)
	defer over.Stop()
	look := time.NewTicker(lookTime)
	defer look.Stop()
	for {
		select {
		case <-s.ending.Done():
			return true
		case <-over.C:
			return false
		case <-look.C:
			if door.Connections() == 0 {
				return true
			}
		}
	}
}
