package server

import (
	"os"
	"os/signal"
)

// handleSignals begins to obey the signals of the operating system, until the server ends.
func (s *Server) handleSignals() {
	signals := make(chan os.Signal, 8) // some may come while one is obeyed
	signal.Notify(signals, obeyed()...)
	s.control.Go("signals", func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-s.ending.Done():
				return
			case sig := <-signals:
				s.logs.Noticef("Trapped %q signal", sig)
				s.obey(sig)
			}
		}
	})
}

// aside does what takes time, so that the next signal is not left waiting.
func (s *Server) aside(name string, f func()) { s.control.Go(name, f) }
