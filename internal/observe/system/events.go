package system

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

// deniedHere is where an account is told who was not let into it.
const deniedHere = "$SYS.ACCOUNT.CLIENT.AUTH.ERR"

func connectSubject(name string) string    { return "$SYS.ACCOUNT." + name + ".CONNECT" }
func disconnectSubject(name string) string { return "$SYS.ACCOUNT." + name + ".DISCONNECT" }

// numberSubjects are where the number of connections of an account is told, the older one first.
func numberSubjects(name string) [2]string {
	return [2]string{"$SYS.SERVER.ACCOUNT." + name + ".CONNS", "$SYS.ACCOUNT." + name + ".SERVER.CONNS"}
}

func (s *System) own(what string) string    { return "$SYS.SERVER." + s.server.Load().ID + "." + what }
func (s *System) deniedSubject() string     { return s.own("CLIENT.AUTH.ERR") }
func (s *System) statisticsSubject() string { return s.own("STATSZ") }

// publish makes the messages of e.
func (s *System) publish(e event) {
	switch e.kind {
	case connected:
		m := status.ConnectEventMsg{TypedEvent: typed(status.ConnectEventType, time.Now()), Client: clientInfo(e.info)}
		m.Client.RTT = 0
		m.Server = s.serverInfo()
		s.send(s.pings, connectSubject(e.info.Account), &m)
	case disconnected:
		s.send(s.pings, disconnectSubject(e.info.Account), s.goodbye(e.info, e.info.Reason.String()))
	case denied:
		s.tellDenied(e.info)
	case lameDuck:
		s.send(s.pings, s.own("LAMEDUCK"), s.serverInfo())
	case shutdown:
		s.send(s.pings, s.own("SHUTDOWN"), s.serverInfo())
	}
}

// tellDenied tells the owner of the server and that of the account who was not let in.
func (s *System) tellDenied(i *client.Info) {
	if s.heard(s.deniedSubject()) {
		s.send(s.pings, s.deniedSubject(), s.goodbye(i, i.Reason.String()))
	}
	if !s.concerned(i.Account) {
		return
	}
	a := s.cfg.Lookup.Account(i.Account)
	if a == nil {
		return
	}
	p := port.Open(port.Config{Account: a, Tasks: s.cfg.Tasks, Name: "system denials", ID: s.cfg.NextID()})
	defer p.Close()
	s.send(p, deniedHere, s.goodbye(i, i.Denied))
}

// goodbye is the event of a connection that has gone.
func (s *System) goodbye(i *client.Info, reason string) *status.DisconnectEventMsg {
	stop := i.Stop
	if stop.IsZero() {
		stop = time.Now()
	}
	m := &status.DisconnectEventMsg{
		TypedEvent: typed(status.DisconnectEventType, stop), Client: clientInfo(i), Reason: reason,
		Sent:     status.DataStats{MsgBytes: status.MsgBytes{Msgs: int64(i.InMsgs), Bytes: int64(i.InBytes)}},
		Received: status.DataStats{MsgBytes: status.MsgBytes{Msgs: int64(i.OutMsgs), Bytes: int64(i.OutBytes)}},
	}
	m.Client.Stop = &m.Time
	m.Server = s.serverInfo()
	return m
}

func typed(name string, at time.Time) status.TypedEvent {
	return status.TypedEvent{Type: name, ID: rand.Text()[:22], Time: at.UTC()}
}

// clientInfo says who a connection is.
func clientInfo(i *client.Info) status.ClientInfo {
	p := i.Party("")
	return status.ClientInfo{
		Start: p.Start, Host: p.Host, ID: p.ID, Account: p.Account, Service: p.Service, User: p.User,
		Name: p.Name, Lang: p.Lang, Version: p.Version, RTT: p.RTT, Stop: p.Stop,
		Jwt: p.JWT, IssuerKey: p.IssuerKey, NameTag: p.NameTag, Tags: p.Tags, Kind: p.Kind, ClientType: p.ClientType,
	}
}

// send publishes v as JSON. It is for the goroutine alone, which keeps the order of numbers.
func (s *System) send(p *port.Port, subj string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.cfg.Log.Errorf("System account: %s: %v", subj, err)
		return
	}
	p.Publish(&port.Message{Subject: subj, Data: b})
}

// tellStats publishes the statistics if anybody wants them, and reports whether it did.
func (s *System) tellStats() bool {
	subj := s.statisticsSubject()
	if !s.heard(subj) {
		return false
	}
	s.send(s.pings, subj, s.statistics())
	return true
}

func (s *System) statistics() *status.ServerStatsMsg {
	active := 0
	if s.cfg.Source.Active != nil {
		active = s.cfg.Source.Active()
	}
	stats := report.Statsz(s.cfg.Source.Varz(), active)
	return &status.ServerStatsMsg{Server: s.serverInfo(), Stats: stats}
}

// tellChanged publishes the numbers of connections that changed.
func (s *System) tellChanged() {
	var names []string
	for name := range s.fetchChanged() {
		if s.wanted(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	s.tellNumbers(&status.AccountStatzOptions{Accounts: names, IncludeUnused: true})
}

// tellAll publishes all numbers of connections that are not zero.
func (s *System) tellAll() { s.tellNumbers(new(status.AccountStatzOptions)) }

// wanted reports whether anybody wants the number of connections of an account.
func (s *System) wanted(name string) bool {
	for _, subj := range numberSubjects(name) {
		if s.heard(subj) {
			return true
		}
	}
	return false
}

func (s *System) tellNumbers(o *status.AccountStatzOptions) {
	if s.cfg.Source.AccountStatz == nil {
		return
	}
	z, err := s.cfg.Source.AccountStatz(o)
	if err != nil {
		s.cfg.Log.Errorf("System account: numbers of connections: %v", err)
		return
	}
	for _, a := range z.Accounts {
		if a.Account == account.Global || !s.wanted(a.Account) {
			continue
		}
		m := s.numbers(a)
		for _, subj := range numberSubjects(a.Account) {
			s.send(s.pings, subj, m)
		}
	}
}

// numbers is the event of the number of connections of an account.
func (s *System) numbers(a *status.AccountStat) *status.AccountNumConns {
	return &status.AccountNumConns{
		TypedEvent: typed(status.AccountConnectionsType, time.Now()), Server: s.serverInfo(), AccountStat: *a,
	}
}
