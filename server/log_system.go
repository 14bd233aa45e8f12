package server

// SetLoggerV2 is SetLogger, and says whether connections of the system account are traced, too, as
// Options.TraceVerbose does.
func (s *Server) SetLoggerV2(l Logger, debug, trace, sysTrace bool) {
	s.traceSystem(sysTrace)
	s.SetLogger(l, debug, trace)
}

// traceSystem changes the options in force.
func (s *Server) traceSystem(on bool) {
	s.life.Lock()
	defer s.life.Unlock()
	o := *s.options()
	if o.TraceVerbose == on {
		return
	}
	o.TraceVerbose = on
	s.take(o)
	s.updateDoor()
}
