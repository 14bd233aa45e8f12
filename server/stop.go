package server

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// flushTime is how long a shutdown waits for clients to take what is due to them.
	flushTime = 2 * time.Second
	// endTime is how long it waits for goroutines that have nothing left to wait for.
	endTime = 10 * time.Second
)

// Shutdown closes all listeners and connections and ends all work of the server. It returns when
// that is done, also if another call does it. Output that waits for clients is written, for
// about two seconds. It may be called on a server that was never started.
func (s *Server) Shutdown() {
	if !s.beginStop() {
		<-s.done
		return
	}
	s.logs.Noticef("Initiating Shutdown...")
	if s.mu.listener != nil {
		s.mu.listener.Close()
	}
	if s.door != nil {
		s.door.Shutdown()
		if late := s.connTask.Wait(flushTime); len(late) > 0 {
			s.door.Abort()
		}
	}
	s.connTask.Close()
	if s.mu.monitor != nil {
		s.mu.monitor.Shutdown(flushTime)
	}
	s.tasks.Close()
	for _, late := range append(s.connTask.Wait(endTime), s.tasks.Wait(endTime)...) {
		s.logs.Errorf("Still running after shutdown: %s", late)
	}
	s.logs.Noticef("Server Exiting..")
	if s.mu.file != nil {
		s.mu.file.Close()
	}
	close(s.done)
}

// beginStop reports true to the first caller. A start in progress is waited for; after that
// nothing under the lock changes any more.
func (s *Server) beginStop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.stopping {
		return false
	}
	s.mu.stopping = true
	close(s.quit)
	return true
}

// WaitForShutdown returns when a Shutdown is done.
func (s *Server) WaitForShutdown() { <-s.done }

// handleSignals shuts the server down at the first INT or TERM. HUP, by which tools ask for a new
// reading of the configuration, must not end it.
func (s *Server) handleSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	s.control.Go("signals", func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-s.quit:
				return
			case sig := <-signals:
				s.logs.Noticef("Trapped %q signal", sig)
				if sig != syscall.SIGHUP {
					s.Shutdown()
					return
				}
				s.logs.Errorf("Failed to reload server configuration: barid cannot do that yet, restart it")
			}
		}
	})
}
