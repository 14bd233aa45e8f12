package system

import (
	"errors"
	"net/http"

	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

// Errors of requests.
var (
	errTooLarge    = errors.New("the request is too large")
	errNoJetStream = errors.New("jetstream not enabled")
)

const (
	requestServer  = "$SYS.REQ.SERVER."
	requestAccount = "$SYS.REQ.ACCOUNT."
	requestUser    = "$SYS.REQ.USER."
	toAll          = "PING"
)

// service answers one kind of request.
type service struct {
	name   string
	has    bool // there is something to answer with
	answer func(*question)
}

// subscribe begins to answer.
func (s *System) subscribe() error {
	id := s.server.Load().ID
	for _, v := range s.pingServices() {
		if err := errors.Join(
			s.serve(s.pings, requestServer+id+"."+v.name, v), s.serve(s.pings, requestServer+toAll+"."+v.name, v)); err != nil {
			return err
		}
	}
	for _, v := range s.serverServices() {
		all := s.requests
		if v.name == "CONNZ" {
			all = s.tenants // every account may ask for it, as often as it likes
		}
		if err := errors.Join(
			s.serve(s.requests, requestServer+id+"."+v.name, v), s.serve(all, requestServer+toAll+"."+v.name, v)); err != nil {
			return err
		}
	}
	for _, v := range s.controlServices() {
		if err := s.serve(s.requests, requestServer+id+"."+v.name, v); err != nil {
			return err
		}
	}
	for _, v := range s.accountServices() {
		if err := s.serve(s.tenants, requestAccount+"*."+v.name, v); err != nil {
			return err
		}
	}
	return errors.Join(
		// An older name of statistics.
		s.serve(s.pings, requestServer+toAll, service{has: true, answer: (*question).statistics}),
		s.serve(s.tenants, requestUser+"*.INFO", service{has: s.cfg.Lookup.User != nil, answer: (*question).user}),
		s.serve(s.tenants, "$SYS.DEBUG.SUBSCRIBERS", service{has: true, answer: (*question).subscribers}),
	)
}

// serve has v answer the requests on subj. Without a reply subject only statistics mean anything.
func (s *System) serve(p *port.Port, subj string, v service) error {
	if !v.has {
		return nil
	}
	_, err := p.Subscribe(subj, "", func(m *port.Message) {
		v.answer(&question{system: s, port: p, m: m})
	})
	return err
}

// pingServices are those that must be answered whatever else is asked.
func (s *System) pingServices() []service {
	return []service{
		{"STATSZ", true, (*question).statistics},
		{"IDZ", true, (*question).identity},
	}
}

// serverServices are those about the server.
func (s *System) serverServices() []service {
	src := &s.cfg.Source
	return []service{
		{"VARZ", true, answer(func(*status.VarzOptions) (*status.Varz, error) { return src.Varz(), nil })},
		{"HEALTHZ", src.Health != nil, answer(func(o *status.HealthzOptions) (*status.HealthStatus, error) {
			h := *src.Health(o)
			if h.StatusCode == 0 {
				h.StatusCode = http.StatusOK
			}
			return &h, nil
		})},
		{"SUBSZ", src.Subsz != nil, answer(s.subsz)},
		{"CONNZ", src.Connz != nil, func(q *question) { ask(q, src.Connz, q.narrow, true) }},
		{"ROUTEZ", src.Routez != nil, answer(src.Routez)},
		{"GATEWAYZ", src.Gatewayz != nil, answer(src.Gatewayz)},
		{"LEAFZ", src.Leafz != nil, answer(src.Leafz)},
		{"ACCOUNTZ", src.Accountz != nil, answerOrNull(src.Accountz)},
		{"JSZ", src.Jsz != nil, answerOrNull(src.Jsz)},
		{"EXPVARZ", true, answer(func(*struct{}) (*status.ExpvarzStatus, error) { return report.Variables(), nil })},
		{"PROFILEZ", true, (*question).profile},
		// This server has neither queues between its parts nor replication groups.
		{"IPQUEUESZ", true, answer(nothing)},
		{"RAFTZ", true, answer(nothing)},
	}
}

func nothing(*struct{}) (struct{}, error) { return struct{}{}, nil }

// subsz is Subsz with a bound on the size of pages.
func (s *System) subsz(o *status.SubszOptions) (*status.Subsz, error) {
	o.Limit = min(o.Limit, report.MostListed)
	return s.cfg.Source.Subsz(o)
}

// answer makes an answer of what source returns.
func answer[O, V any](source func(*O) (V, error)) func(*question) {
	return func(q *question) { ask(q, source, nil, false) }
}

// answerOrNull is answer for requests that say next to an error that there is no data.
func answerOrNull[O, V any](source func(*O) (V, error)) func(*question) {
	return func(q *question) { ask(q, source, nil, true) }
}

// ask answers q by source, whose options force may change.
func ask[O, V any](q *question, source func(*O) (V, error), force func(*O), nullData bool) {
	opts := new(O)
	if q.m.Reply == "" || !q.read(opts) {
		return
	}
	if force != nil {
		force(opts)
	}
	v, err := source(opts)
	switch {
	case errors.Is(err, report.ErrNotLeader): // those that lead answer
	case err != nil:
		q.fail(http.StatusInternalServerError, err.Error(), nullData)
	default:
		q.data(v)
	}
}

// identity says which server this is, without the usual frame.
func (q *question) identity() {
	if q.m.Reply == "" {
		return
	}
	v := q.system.server.Load()
	q.bare(&status.ServerID{Name: v.Name, Host: v.Host, ID: v.ID})
}

// statistics answers with the load of the server, or publishes it if nobody waits for an answer.
func (q *question) statistics() {
	s := q.system
	if q.m.Reply != "" {
		if q.read(nil) {
			q.bare(s.statistics())
		}
		return
	}
	if meant, _ := q.decode(nil); meant {
		s.asked.Store(true)
		s.rouse()
	}
}
