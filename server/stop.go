package server

import (
	"context"
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
	s.life.Lock() // a start or a reload in progress is waited for
	defer s.life.Unlock()
	s.logs.Noticef("Initiating Shutdown...")
	s.notifyStopping()
	s.removePorts()
	s.stopListening()
	s.leaveTenants()
	s.dropClients()
	for _, h := range s.webs() {
		h.Shutdown(flushTime)
	}
	s.tasks.Close()
	for _, late := range append(s.connTask.Wait(endTime), s.tasks.Wait(endTime)...) {
		s.logs.Errorf("Still running after shutdown: %s", late)
	}
	s.logs.Noticef("Server Exiting..")
	l, _ := s.ownLog()
	closeLog(l)
	close(s.done)
}

// beginStop reports true to the first caller.
func (s *Server) beginStop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.stopping {
		return false
	}
	s.mu.stopping = true
	s.end()
	return true
}

// stopListening gives the port for clients free, once; a lame duck has done so already.
func (s *Server) stopListening() {
	s.mu.Lock()
	l, deaf := s.mu.listener, s.mu.deaf
	s.mu.deaf = true
	s.mu.Unlock()
	if l != nil && !deaf {
		l.Close()
	}
}

// leaveTenants tells the system account of the end, while there are clients to read it.
func (s *Server) leaveTenants() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	s.tenants.Stop(ctx)
}

// dropClients ends all connections of clients. Those that do not take what waits for them in time
// lose it.
func (s *Server) dropClients() {
	door := s.served()
	if door != nil {
		door.Shutdown()
		if late := s.connTask.Wait(flushTime); len(late) > 0 {
			door.Abort()
		}
	}
	s.connTask.Close()
}

// WaitForShutdown returns when a Shutdown is done.
func (s *Server) WaitForShutdown() { <-s.done }
