package fanout

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
)

// metricType is the type of the events that tell how long a service took.
const metricType = "io.nats.server.metric.v1.service_latency"

// Outcomes of measured requests. Their numbers are those of HTTP.
const (
	answered     = 200
	badRequest   = 400
	requesterOut = 408 // who asked has left
	unavailable  = 503
	timedOut     = 504
)

func description(status int) string {
	switch status {
	case badRequest:
		return "Bad Request"
	case requesterOut:
		return "Request Timeout"
	case unavailable:
		return "Service Unavailable"
	case timedOut:
		return "Service Timeout"
	}
	return ""
}

// metric tells how a request to a service went. Durations are in ns.
type metric struct {
	Type        string              `json:"type"`
	ID          string              `json:"id"`
	Time        time.Time           `json:"timestamp"`
	Status      int                 `json:"status"`
	Description string              `json:"description,omitempty"`
	Requestor   *account.Party      `json:"requestor,omitempty"`
	Responder   *account.Party      `json:"responder,omitempty"`
	Header      map[string][]string `json:"header,omitempty"`
	Start       time.Time           `json:"start"`
	Service     time.Duration       `json:"service"`
	System      time.Duration       `json:"system"`
	Total       time.Duration       `json:"total"`
}

// sample is a request that is measured.
type sample struct {
	start     time.Time
	requester *account.Party
	subject   string
	header    map[string][]string // what made it one; nil for chance
}

// note returns s for the table of requests.
func (s *sample) note() any {
	if s == nil {
		return nil
	}
	return s
}

// sample decides whether a request is measured; nil if not.
func (t *Trip) sample(p *account.Passage, header []byte) *sample {
	l := p.Export().Latency
	if l == nil || p.Export().Response != account.Singleton {
		return nil
	}
	s := &sample{subject: l.Subject}
	if l.Sampling < 100 && (l.Sampling <= 0 || rand.IntN(100) >= l.Sampling) {
		if s.header = traced(header); s.header == nil {
			return nil
		}
	}
	s.start, s.requester = time.Now(), t.requester(p)
	return s
}

// failed publishes that a measured request came to nothing: nothing took any time.
func (t *Trip) failed(p *account.Passage, s *sample, status int) {
	if s != nil {
		t.report(p, s, &metric{Status: status})
	}
}

// answered publishes how long the answer to a measured request took.
func (t *Trip) answered(asked *account.Request, now time.Time) {
	s, _ := asked.Measure.(*sample)
	if s == nil {
		return
	}
	responder := *t.publisher()
	if exporter := asked.Passage.Exporter().Name(); responder.Account != "" && responder.Account != exporter { // of a chain
		responder = account.Party{Account: exporter, RTT: responder.RTT}
	}
	took, system := now.Sub(s.start), time.Since(now)
	t.report(asked.Passage, s, &metric{
		Status: answered, Responder: &responder,
		Service: max(0, took-responder.RTT), System: system, Total: s.requester.RTT + took + system,
	})
}

// report publishes m, of the request s, in the account that has the service.
func (t *Trip) report(p *account.Passage, s *sample, m *metric) {
	m.Type, m.ID, m.Time, m.Description = metricType, newID(), time.Now().UTC(), description(m.Status)
	m.Requestor, m.Header, m.Start = s.requester, s.header, s.start.Add(-s.requester.RTT).UTC()
	if t.cross.depth >= mostDepth {
		return
	}
	f := t.enter(nil, nil)
	defer t.leave()
	f.subject = append(f.subject[:0], s.subject...)
	p.Exporter().Match(f.subject, &f.matches)
	if f.matches.Empty() {
		return
	}
	text, err := json.Marshal(m)
	if err != nil {
		return // it has nothing that cannot be encoded
	}
	if i, ok := t.write(f.subject, nil, nil, text, p.Exporter()); ok {
		t.deliver(&f.matches, i)
	}
}

// Tick ends the requests between the accounts of r that were not answered in time, and publishes that of
// those that are measured. A server calls it again at next, which is a tenth of a second to a second later.
func Tick(r *account.Registry, now time.Time) (next time.Time) {
	late, next := r.Expire(now)
	if len(late) == 0 {
		return next
	}
	t := Get()
	t.Begin(Batch{Now: now})
	for _, asked := range late {
		s, ok := asked.Measure.(*sample)
		if !ok {
			continue
		}
		status := timedOut
		if t.Receivers(asked.Passage.Importer(), []byte(asked.Reply)).Empty() {
			status = requesterOut
		}
		t.cross.hops = mostHops
		t.failed(asked.Passage, s, status)
		t.relieve()
	}
	t.Flush()
	t.Put()
	return next
}

// newID returns the id of an event: 22 digits of base 62.
func newID() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	id := make([]byte, 22)
	for i := range id {
		id[i] = digits[rand.IntN(len(digits))]
	}
	return string(id)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// traced returns the fields of a request's header that ask to have it measured, nil if there are none:
// those of Jaeger, Zipkin and W3C Trace Context, in this order.
func traced(header []byte) map[string][]string {
	if len(header) == 0 {
		return nil
	}
	if v, ok := msg.Field(header, "Uber-Trace-Id"); ok {
		if fields := bytes.Split(v, []byte(":")); len(fields) != 4 || !flagged(fields[3]) {
			return nil
		}
		return picked(header, "Uberctx-", "Uber-Trace-Id")
	}
	sampled, told := msg.Field(header, "X-B3-Sampled")
	if told && string(sampled) == "0" {
		return nil
	}
	if _, ok := msg.Field(header, "X-B3-TraceId"); ok || told && string(sampled) == "1" {
		return picked(header, "", "X-B3-Sampled", "X-B3-TraceId", "X-B3-ParentSpanId", "X-B3-SpanId")
	}
	if v, ok := msg.Field(header, "B3"); ok {
		if fields := bytes.Split(v, []byte("-")); string(v) == "0" || len(fields) > 2 && string(fields[2]) == "0" {
			return nil
		}
		return picked(header, "", "B3")
	}
	if v, ok := msg.Field(header, "Traceparent"); ok {
		if fields := bytes.Split(v, []byte("-")); len(fields) != 4 || !flagged(fields[3]) {
			return nil
		}
		return picked(header, "", "Traceparent", "Tracestate")
	}
	return nil
}

// flagged reports whether text is one or two hexadecimal digits with the lowest bit set.
func flagged(text []byte) bool {
	n, err := strconv.ParseUint(string(text), 16, 8)
	return err == nil && len(text) <= 2 && n&1 == 1
}

// mostTraced bounds what is kept of a header, in bytes: a request may wait long for its answer.
const mostTraced = 4 << 10

// picked returns the fields of a header that have one of the names, or begin with prefix if it is not
// empty; in whatever case. What makes it too large is left out.
func picked(header []byte, prefix string, names ...string) map[string][]string {
	found, room := map[string][]string{}, mostTraced
	msg.EachField(header, func(key, value []byte) {
		name := string(key)
		wanted := prefix != "" && len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
		for _, n := range names {
			wanted = wanted || strings.EqualFold(name, n)
		}
		if cost := len(key) + len(value) + 64; wanted && cost <= room {
			room -= cost
			found[name] = append(found[name], string(value))
		}
	})
	return found
}
