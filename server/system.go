package server

import (
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/system"
	"github.com/baridmq/barid/internal/tenancy"
	"github.com/baridmq/barid/server/status"
)

// systemConfig is what the services of the system account get of the server.
func (s *Server) systemConfig() system.Config {
	o := s.options()
	return system.Config{
		Server: system.Server{
			ID: s.id, Name: s.Name(), Host: o.Host, Version: VERSION, Cluster: o.Cluster.Name,
			Tags: o.Tags, Metadata: o.Metadata,
		},
		Source: system.Source{
			Varz:         func() *status.Varz { v, _ := s.Varz(nil); return v },
			Active:       func() int { return int(s.NumActiveAccounts()) },
			Health:       s.Healthz,
			Connz:        s.Connz,
			Subsz:        s.Subsz,
			Routez:       s.Routez,
			Gatewayz:     s.Gatewayz,
			Leafz:        s.Leafz,
			Accountz:     s.Accountz,
			AccountStatz: s.AccountStatz,
			Jsz:          s.Jsz,
		},
		Lookup:  system.Lookup{User: s.userInfo, IsClient: s.isClient},
		Actions: system.Actions{Reload: s.Reload, Kick: s.kick, Announce: s.announce},
		Log:     &s.logs,
	}
}

// isClient reports whether a number is that of a client connection.
func (s *Server) isClient(id uint64) bool {
	d := s.served()
	return d != nil && d.Identity(id) != nil
}

// kick closes a connection for a tool.
func (s *Server) kick(id uint64) error {
	if d := s.served(); d != nil && d.Disconnect(id) == nil {
		return nil
	}
	return system.ErrNoConnection
}

// announce tells a connection that it should go elsewhere, for a tool.
func (s *Server) announce(id uint64) error {
	if d := s.served(); d != nil {
		return d.Announce(id)
	}
	return client.ErrNoClient
}

// userInfo is what the user of a connection may know of itself, nil if there is no such connection.
func (s *Server) userInfo(id uint64) *status.UserInfo {
	if d := s.served(); d != nil {
		return tenancy.UserInfo(d.Identity(id))
	}
	return nil
}
