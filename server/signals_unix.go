//go:build unix

package server

import (
	"os"
	"syscall"
)

// obeyed are the signals that the server handles. QUIT is left to the runtime, which prints what
// all goroutines do.
func obeyed() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}

// obey does what a signal asks for.
func (s *Server) obey(sig os.Signal) {
	switch sig {
	case syscall.SIGINT:
		s.aside("shutdown", s.Shutdown)
	case syscall.SIGTERM:
		// Service managers send it to what they wait for anyway; a lame duck takes its time.
		if !s.retiring() {
			s.aside("shutdown", s.Shutdown)
		}
	case syscall.SIGHUP:
		s.aside("reload", s.hangUp)
	case syscall.SIGUSR1:
		s.ReOpenLogFile()
	case syscall.SIGUSR2:
		if s.beginRetirement() { // at once, so that a TERM right behind does not cut it short
			s.aside("lame duck", s.retire)
		}
	}
}

// hangUp reloads the configuration for nobody who could be told of an error.
func (s *Server) hangUp() {
	if err := s.Reload(); err != nil {
		s.logs.Errorf("Failed to reload server configuration: %s", err)
	}
}
