package server

import (
	"cmp"
	"net"
	"strconv"
)

// ID returns the server's id, its public key: 56 characters that start with N.
func (s *Server) ID() string { return s.id }

// Name returns the name of the server, its id if it was given none.
func (s *Server) Name() string { return cmp.Or(s.opts.ServerName, s.id) }

// Addr returns the address that clients connect to, nil when the server does not listen.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.listener == nil {
		return nil
	}
	return s.mu.listener.Addr()
}

// ClientURL returns the URL that clients connect to.
func (s *Server) ClientURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	scheme := "nats://"
	if s.opts.TLSConfig != nil {
		scheme = "tls://"
	}
	return scheme + net.JoinHostPort(s.opts.Host, strconv.Itoa(s.opts.Port))
}

// MonitorAddr returns the address of the monitoring listener, nil when there is none.
func (s *Server) MonitorAddr() *net.TCPAddr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.monitor == nil {
		return nil
	}
	return s.mu.monitor.Addr()
}

// NumClients returns the number of client connections.
func (s *Server) NumClients() int {
	if d := s.served(); d != nil {
		return d.Connections()
	}
	return 0
}

// NumSubscriptions returns the number of subscriptions over all accounts.
func (s *Server) NumSubscriptions() uint32 {
	n := 0
	for _, a := range s.accounts.All() {
		n += a.Subscriptions()
	}
	return uint32(n)
}

// NumSlowConsumers returns how many connections were cut off as slow consumers.
func (s *Server) NumSlowConsumers() int64 {
	if d := s.served(); d != nil {
		return d.SlowConsumers()
	}
	return 0
}
