package server

import (
	"cmp"
	"net"
	"strconv"
)

// ID returns the server's id, its public key: 56 characters that start with N.
func (s *Server) ID() string { return s.id }

// Name returns the name of the server, its id if it was given none.
func (s *Server) Name() string { return cmp.Or(s.options().ServerName, s.id) }

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
	o := s.options()
	return scheme("nats", "tls", o.TLSConfig != nil) + "://" + net.JoinHostPort(o.Host, strconv.Itoa(o.Port))
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
	for _, a := range s.tenants.Registry().All() {
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

// ClusterAddr returns the address of the listener for other servers of the cluster: nil, as barid
// has no clusters yet.
func (s *Server) ClusterAddr() *net.TCPAddr { return nil }

// ClusterName returns the name of the cluster in the options, empty for none.
func (s *Server) ClusterName() string { return s.options().Cluster.Name }

// GatewayAddr returns the address of the listener for other clusters: nil, as barid has no gateways
// yet.
func (s *Server) GatewayAddr() *net.TCPAddr { return nil }

// WebsocketURL returns the URL that clients connect to by WebSocket: empty, as barid has no such
// listener yet.
func (s *Server) WebsocketURL() string { return "" }

// StoreDir returns the folder for streams in the options. barid has no streams yet and does not
// touch it.
func (s *Server) StoreDir() string { return s.options().StoreDir }

// NumRoutes returns the number of connections to servers of the same cluster: 0, as barid has no
// clusters yet.
func (s *Server) NumRoutes() int { return 0 }

// NumRemotes returns the number of other servers of the same cluster: 0, as barid has no clusters
// yet.
func (s *Server) NumRemotes() int { return 0 }

// NumLeafNodes returns the number of leafnode connections: 0, as barid has none yet.
func (s *Server) NumLeafNodes() int { return 0 }

// NumOutboundGateways returns the number of connections to other clusters: 0, as barid has no
// gateways yet.
func (s *Server) NumOutboundGateways() int { return 0 }

// DisconnectClientByID closes the connection of a client; id is its number, as in INFO and /connz.
// It returns when the connection was told to end. The error says that there is none of that number.
func (s *Server) DisconnectClientByID(id uint64) error {
	if d := s.served(); d != nil {
		return d.Disconnect(id)
	}
	return errNotRunning
}

// NonceRequired reports whether clients are given something to sign.
func (s *Server) NonceRequired() bool { return s.auth.get().Nonce() }
