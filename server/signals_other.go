//go:build !unix

package server

import "os"

// obeyed are the signals that the server handles: there is only one here.
func obeyed() []os.Signal { return []os.Signal{os.Interrupt} }

// obey does what a signal asks for.
func (s *Server) obey(os.Signal) { s.aside("shutdown", s.Shutdown) }
