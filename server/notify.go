package server

import "github.com/coreos/go-systemd/v22/daemon"

// A service manager that started the program is told how it fares, by the protocol of systemd
// for services of type notify-reload (sd_notify(3)). Servers inside other programs keep quiet:
// what they do is not the state of the service. Where there is no such manager, nothing is sent.

// notify sends lines of state. The server does not depend on whether somebody listens.
func (s *Server) notify(state string) {
	if s.managed.Load() {
		_, _ = daemon.SdNotify(false, state)
	}
}

// notifyReady tells that a start or a reload is over.
func (s *Server) notifyReady(status string) { s.notify(daemon.SdNotifyReady + "\nSTATUS=" + status) }

// leaving reports whether the end of the server was announced. Nothing takes that back.
func (s *Server) leaving() bool { return s.retiring() || s.ending.Err() != nil }

// notifyReloading tells that a reload begins.
func (s *Server) notifyReloading() {
	if s.managed.Load() && !s.leaving() {
		s.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec() + "STATUS=Reloading the configuration")
	}
}

// notifyReloaded tells that a reload is over.
func (s *Server) notifyReloaded(err error) {
	status := "Serving clients"
	if err != nil {
		status += "; the last reload failed"
	}
	if !s.leaving() {
		s.notifyReady(status)
	}
	if s.leaving() { // perhaps since a moment ago; what is said last counts
		s.notifyStopping()
	}
}

// notifyStopping tells that the end begins.
func (s *Server) notifyStopping() {
	status := "Waiting for clients to leave"
	if s.ending.Err() != nil {
		status = "Shutting down"
	}
	s.notify(daemon.SdNotifyStopping + "\nSTATUS=" + status)
}
