package server

import (
	"crypto/tls"
	"time"

	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/monitor/snapshot"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/internal/transport/certs"
)

// Varz returns the general state of the server, as /varz does. The options may be nil; there is
// never an error.
func (s *Server) Varz(*VarzOptions) (*Varz, error) {
	o := s.options()
	var doors client.Summary
	if d := s.served(); d != nil {
		doors = d.Summary()
	}
	in := snapshot.Tally(doors.Totals.InMsgs, doors.Totals.InBytes)
	out := snapshot.Tally(doors.Totals.OutMsgs, doors.Totals.OutBytes)
	return report.Varz(report.Server{
		Identity: report.Identity{ID: s.id, Name: s.Name(), Version: VERSION, BaridVersion: BaridVersion, Proto: 1, GitCommit: commit()},
		Listener: report.Listener{
			Host: o.Host, Port: o.Port, AuthRequired: s.auth.Required(), AuthTimeout: seconds(o.AuthTimeout),
			TLSRequired: o.TLSConfig != nil && !o.AllowNonTLS, TLSVerify: verifies(o), TLSTimeout: seconds(o.TLSTimeout),
			TLSCertNotAfter: certs.NotAfter(o.TLSConfig),
		},
		Monitor: report.Monitor{Host: o.HTTPHost, Port: o.HTTPPort, TLSPort: o.HTTPSPort, BasePath: o.HTTPBasePath, Requests: s.requests.Requests()},
		Limits: report.Limits{
			MaxConnections: o.MaxConn, MaxSubscriptions: max(o.MaxSubs, 0),
			PingInterval: o.PingInterval, MaxPingsOut: o.MaxPingsOut,
			MaxControlLine: o.MaxControlLine, MaxPayload: int(o.MaxPayload), MaxPending: o.MaxPending,
			WriteDeadline: o.WriteDeadline,
		},
		Load: report.Load{
			Connections: doors.Open, TotalConnections: doors.Accepted,
			Subscriptions: s.NumSubscriptions(),
		},
		Traffic: report.Traffic{In: in, InClients: in, Out: out, OutClients: out},
		Faults: report.Faults{
			Slow:   report.ByKind{Clients: uint64(doors.Slow)},
			Stale:  report.ByKind{Clients: uint64(doors.Stale)},
			Stalls: doors.Totals.Stalls, PinnedAccountFails: s.tenants.PinnedFails(),
		},
		Config: report.Config{LoadTime: s.ConfigTime(), Digest: o.ConfigDigest, Tags: o.Tags, Metadata: o.Metadata},
		Trust:  s.trust(o),
		Start:  s.created, Now: time.Now(),
	}, s.sampler.Sample()), nil
}

// trust is whom the server trusts.
func (s *Server) trust(o *Options) report.Trust {
	t := s.tenants.Trust()
	t.Proxies = proxies(o)
	return t
}

// verifies reports whether clients have to show certificates that an authority vouches for.
func verifies(o *Options) bool {
	cfg := clientTLS(o)
	return cfg != nil && cfg.ClientAuth == tls.RequireAndVerifyClientCert
}

// proxies are those that the server trusts, nil if it was told of none.
func proxies(o *Options) *ProxiesOptsVarz {
	if o.Proxies == nil {
		return nil
	}
	z := new(ProxiesOptsVarz)
	for _, p := range o.Proxies.Trusted {
		z.Trusted = append(z.Trusted, &ProxyInfo{Key: p.Key})
	}
	return z
}
