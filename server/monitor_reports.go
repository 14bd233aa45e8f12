package server

import (
	"time"

	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/monitor/snapshot"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/internal/tenancy"
)

// names says which server a report is about.
func (s *Server) names() report.Names { return report.Names{ID: s.id, Name: s.Name()} }

// Connz returns a page of connections, as /connz does; nil options mean the defaults. The error
// says which options do not go together. No lock is held for longer than it takes to copy a list of
// pointers; subscriptions are looked for without one, among those of all accounts. A page lists no more
// than 100000 of them, those of its first connections.
func (s *Server) Connz(opts *ConnzOptions) (*Connz, error) {
	var doors client.Report
	if d := s.served(); d != nil {
		doors = d.Report()
	}
	return report.Connz(s.id, time.Now(), opts, report.Population{
		Open:   snapshot.Conns(doors.Open),
		Closed: snapshot.Conns(doors.Ended),
		Subs: func(quota map[uint64]int) map[uint64][]report.Sub {
			return snapshot.Subscriptions(s.tenants.Registry().All(), quota)
		},
		Interested: func(name, subject string) map[uint64]bool {
			return snapshot.Interested(s.tenants.Registry().Get(name), subject)
		},
	})
}

// Subsz returns the state of the subscription indexes, as /subsz does; nil options mean the
// defaults. The error says that the test subject is none.
func (s *Server) Subsz(opts *SubszOptions) (*Subsz, error) {
	var indexes []report.Index
	for _, a := range s.tenants.Registry().All() {
		indexes = append(indexes, snapshot.Index(a))
	}
	return report.Subsz(s.id, time.Now(), opts, indexes)
}

// Routez returns the connections to servers of the same cluster, as /routez does. There are none,
// and there is never an error.
func (s *Server) Routez(*RoutezOptions) (*Routez, error) {
	return report.Routez(s.names(), time.Now()), nil
}

// Gatewayz returns the connections to other clusters, as /gatewayz does. There are none, and there
// is never an error.
func (s *Server) Gatewayz(*GatewayzOptions) (*Gatewayz, error) {
	return report.Gatewayz(s.names(), time.Now()), nil
}

// Leafz returns the leafnode connections, as /leafz does. There are none, and there is never an
// error.
func (s *Server) Leafz(*LeafzOptions) (*Leafz, error) {
	return report.Leafz(s.names(), time.Now()), nil
}

// Jsz returns the state of JetStream, as /jsz does: it is disabled. The error says that this server
// does not lead, if only a leader was asked.
func (s *Server) Jsz(opts *JSzOptions) (*JSInfo, error) {
	return report.Jsz(s.names(), time.Now(), opts)
}

// Accountz returns the names of the accounts, or describes the one that the options name, as
// /accountz does. The error says that there is no account of that name.
func (s *Server) Accountz(opts *AccountzOptions) (*Accountz, error) {
	var asked string
	if opts != nil {
		asked = opts.Account
	}
	return report.Accountz(s.id, time.Now(), opts, s.accountReports(nil, asked))
}

// AccountStatz returns what the accounts use, as /accstatz does; nil options mean the defaults.
// There is never an error.
func (s *Server) AccountStatz(opts *AccountStatzOptions) (*AccountStatz, error) {
	var totals map[string]client.AccountTotals
	if d := s.served(); d != nil {
		totals = d.ByAccount()
	}
	return report.AccountStatz(s.id, time.Now(), opts, s.accountReports(totals, "")), nil
}

// accountReports lists the accounts with the traffic that is known of each, and the details of one.
func (s *Server) accountReports(totals map[string]client.AccountTotals, detailed string) []report.Account {
	system, updated := tenancy.SystemAccount(s.options()), s.ConfigTime()
	var list []report.Account
	for _, a := range s.tenants.Registry().All() {
		x := snapshot.Account(a, totals[a.Name()])
		x.System, x.Updated = x.Name == system, updated
		s.tenants.Describe(a, &x, x.Name == detailed)
		list = append(list, x)
	}
	return list
}

// openTotals sums up the open connections.
func (s *Server) openTotals() (t report.OpenTotals) {
	if d := s.served(); d != nil {
		t = snapshot.Totals(d.Report().Open)
	}
	return t
}

// Healthz says whether the server is ready for clients, as /healthz does; nil options ask for
// everything. A lame duck is not.
func (s *Server) Healthz(opts *HealthzOptions) *HealthStatus {
	var waiting []string
	if !s.ReadyForConnections(report.ReadyWait) {
		waiting = append(waiting, "server")
	}
	return report.Health(opts, waiting)
}
