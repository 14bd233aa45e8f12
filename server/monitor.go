package server

import (
	"crypto/tls"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/monitor"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/internal/transport/certs"
	"github.com/baridmq/barid/internal/transport/httpd"
	"github.com/baridmq/barid/server/status"
)

// requestTime bounds how long a monitoring request may take to arrive.
const requestTime = 10 * time.Second

// StartMonitoring opens the monitoring listener if the options ask for one and it is not open
// yet. Start calls it first, so that a start can be watched.
func (s *Server) StartMonitoring() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.stopping {
		return errNotRunning
	}
	return s.startMonitoring()
}

// startMonitoring is StartMonitoring with the lock held.
func (s *Server) startMonitoring() error {
	o := s.opts
	if (o.HTTPPort == 0 && o.HTTPSPort == 0) || s.mu.monitor != nil {
		return nil
	}
	scheme, port := "http", o.HTTPPort
	var secured *tls.Config
	if o.HTTPSPort != 0 {
		scheme, port = "https", o.HTTPSPort
		secured = o.TLSConfig.Clone()
		secured.ClientAuth = tls.NoClientCert // tools that look at a server have none
	}
	handler := monitor.New(monitor.Config{
		BasePath: o.HTTPBasePath, Version: VERSION, BaridVersion: BaridVersion,
		Counters: &s.requests, Warnf: s.logs.Warnf,
		Source: monitor.Source{
			Varz:   func() *status.Varz { v, _ := s.Varz(nil); return v },
			Connz:  s.Connz,
			Health: s.health,
		},
	})
	m, err := httpd.Listen(httpd.Config{
		Name: "monitor", Handler: handler, TLS: secured,
		Addr:        net.JoinHostPort(o.HTTPHost, strconv.Itoa(max(port, 0))),
		ReadTimeout: requestTime,
		ErrorLog:    func(text string) { s.logs.Errorf("monitoring: %s", text) },
	})
	if err != nil {
		return err
	}
	s.logs.Noticef("Starting %s monitor on %s", scheme, net.JoinHostPort(o.HTTPHost, strconv.Itoa(m.Addr().Port)))
	m.Serve(s.tasks)
	s.mu.monitor = m
	return nil
}

// Varz returns the general state of the server, as /varz does. The options may be nil; there is
// never an error.
func (s *Server) Varz(*VarzOptions) (*Varz, error) {
	o := s.opts
	var doors client.Report
	if d := s.served(); d != nil {
		doors = d.Report()
	}
	in := tally(doors.Totals.InMsgs, doors.Totals.InBytes)
	out := tally(doors.Totals.OutMsgs, doors.Totals.OutBytes)
	return report.Varz(report.Server{
		Identity: report.Identity{ID: s.id, Name: s.Name(), Version: VERSION, BaridVersion: BaridVersion, Proto: 1, GitCommit: commit()},
		Listener: report.Listener{
			Host: o.Host, Port: o.Port, AuthRequired: s.auth.Required(), AuthTimeout: seconds(o.AuthTimeout),
			TLSRequired: o.TLSConfig != nil && !o.AllowNonTLS, TLSVerify: verifies(o), TLSTimeout: seconds(o.TLSTimeout),
			TLSCertNotAfter: certs.NotAfter(o.TLSConfig),
		},
		Monitor: report.Monitor{Host: o.HTTPHost, Port: o.HTTPPort, TLSPort: o.HTTPSPort, BasePath: o.HTTPBasePath, Requests: s.requests.Requests()},
		Limits: report.Limits{
			MaxConnections: o.MaxConn, MaxSubscriptions: o.MaxSubs,
			PingInterval: o.PingInterval, MaxPingsOut: o.MaxPingsOut,
			MaxControlLine: o.MaxControlLine, MaxPayload: int(o.MaxPayload), MaxPending: o.MaxPending,
			WriteDeadline: o.WriteDeadline,
		},
		Load: report.Load{
			Connections: len(doors.Open), TotalConnections: doors.Accepted,
			Subscriptions: s.NumSubscriptions(),
		},
		Traffic: report.Traffic{In: in, InClients: in, Out: out, OutClients: out},
		Faults: report.Faults{
			Slow:   report.ByKind{Clients: uint64(doors.Slow)},
			Stale:  report.ByKind{Clients: uint64(doors.Stale)},
			Stalls: doors.Totals.Stalls,
		},
		Config: report.Config{LoadTime: s.created, Digest: o.ConfigDigest, Tags: o.Tags, Metadata: o.Metadata},
		Trust:  report.Trust{SystemAccount: systemAccount(o)},
		Start:  s.created, Now: time.Now(),
	}, s.sampler.Sample()), nil
}

// verifies reports whether clients have to show certificates.
func verifies(o *Options) bool {
	return o.TLSConfig != nil && o.TLSConfig.ClientAuth == tls.RequireAndVerifyClientCert
}

func tally(msgs, bytes uint64) report.Tally {
	return report.Tally{Msgs: int64(msgs), Bytes: int64(bytes)}
}

// Connz returns a page of connections, as /connz does; nil options mean the defaults. The error
// says which options do not go together.
func (s *Server) Connz(opts *ConnzOptions) (*Connz, error) {
	var doors client.Report
	if d := s.served(); d != nil {
		doors = d.Report()
	}
	subs := sync.OnceValue(s.subscriptions)
	var open, ended []report.Conn
	for i := range doors.Open {
		open = append(open, conn(&doors.Open[i], subs))
	}
	for i := range doors.Ended {
		ended = append(ended, conn(&doors.Ended[i], subs))
	}
	return report.Connz(s.id, time.Now(), opts, open, ended)
}

// conn turns the snapshot of a client connection into that of a report.
func conn(i *client.Info, subs func() map[uint64][]report.Sub) report.Conn {
	c := report.Conn{
		CID: i.ID, Kind: "Client", Type: "nats", IP: i.IP, Port: i.Port,
		Start: i.Start, LastActivity: i.LastActivity, Stop: i.Stop,
		RTT: i.RTT, Pending: i.Pending,
		In: tally(i.InMsgs, i.InBytes), Out: tally(i.OutMsgs, i.OutBytes),
		Stalls: i.Stalls, NumSubs: uint32(i.Subscriptions),
		Software: report.Software{Name: i.Name, Lang: i.Lang, Version: i.Version},
		Login:    report.Login{Account: i.Account, User: i.User, NKey: i.NKey, Token: i.Label == "token"},
		ProxyKey: i.Proxy,
		Subs:     func() []report.Sub { return subs()[i.ID] },
	}
	if t := i.TLS; t != nil {
		c.TLS = &report.TLS{Version: t.Version, Cipher: t.CipherSuite, First: i.First, PeerCerts: t.PeerCertificates}
	}
	if i.Reason != closed.Open {
		c.Reason = i.Reason.String()
	}
	return c
}

// subscriptions lists all subscriptions by the connection that holds them.
func (s *Server) subscriptions() map[uint64][]report.Sub {
	by := map[uint64][]report.Sub{}
	for _, a := range s.accounts.All() {
		a.Each(func(sub *account.Sub) bool {
			id := sub.Owner().ID
			by[id] = append(by[id], report.Sub{
				Subject: sub.Subject(), Queue: sub.Queue(), SID: string(sub.AppendSID(nil)),
				Msgs: int64(sub.Taken()), Max: int64(sub.Max()),
			})
			return true
		})
	}
	return by
}

// health says whether the server is well.
func (s *Server) health(opts *status.HealthzOptions) *status.HealthStatus {
	var waiting []string
	if !s.ReadyForConnections(report.ReadyWait) {
		waiting = append(waiting, "server")
	}
	return report.Health(opts, waiting)
}
