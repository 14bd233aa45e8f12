package server

import (
	"net"
	"runtime"
	"strconv"

	"github.com/baridmq/barid/internal/observe/monitor/profile"
	"github.com/baridmq/barid/internal/transport/httpd"
)

// StartProfiler opens the listener for profiles if the options ask for one and it is not open yet.
// Start does so, too. What goes wrong is logged.
func (s *Server) StartProfiler() {
	s.life.Lock()
	defer s.life.Unlock()
	if s.ending.Err() != nil {
		return
	}
	if err := s.startProfiler(); err != nil {
		s.logs.Errorf("%v", err)
	}
}

// ProfilerAddr returns the address of the listener for profiles, nil when there is none.
func (s *Server) ProfilerAddr() *net.TCPAddr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.profiler == nil {
		return nil
	}
	return s.mu.profiler.Addr()
}

// startProfiler is StartProfiler for those who hold s.life.
func (s *Server) startProfiler() error {
	o := s.options()
	if o.ProfBlockRate != 0 {
		runtime.SetBlockProfileRate(o.ProfBlockRate)
	}
	if o.ProfPort == 0 || s.ProfilerAddr() != nil {
		return nil
	}
	h, err := httpd.Listen(httpd.Config{
		Name: "profile", Handler: profile.Handler(s.ending.Done()), ReadTimeout: requestTime,
		Addr:     net.JoinHostPort(o.Host, strconv.Itoa(max(o.ProfPort, 0))),
		ErrorLog: func(text string) { s.logs.Errorf("profiling: %s", text) },
	})
	if err != nil {
		return fatalf("error starting profiler: %s", err)
	}
	s.logs.Noticef("profiling port: %d", h.Addr().Port)
	h.Serve(s.tasks)
	s.mu.Lock()
	s.mu.profiler = h
	s.mu.Unlock()
	return nil
}
