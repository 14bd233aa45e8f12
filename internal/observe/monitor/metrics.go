package monitor

import (
	"net/http"
	"strconv"
	"time"

	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

// kindMetrics is the content type of the Prometheus text format.
const kindMetrics = "text/plain; version=0.0.4; charset=utf-8"

// metrics is an exposition of one server.
type metrics struct {
	exposition
	server label // the server's id
}

// metrics answers with figures in the Prometheus text format. With connz=detailed they have those
// of single connections, too, of as many as a page of /connz has.
func (h *Handler) metrics(w http.ResponseWriter, r *http.Request) {
	detailed := false
	switch v := r.URL.Query().Get("connz"); v {
	case "":
	case "detailed":
		detailed = true
	default:
		h.send(w, &answer{code: http.StatusBadRequest, kind: kindText, body: []byte("Error decoding connz for " + v)})
		return
	}
	question := MetricsPath + " " + strconv.FormatBool(detailed)
	h.send(w, h.share.get(r.Context(), question, func() *answer {
		body, err := h.expose(detailed)
		if err != nil {
			return &answer{code: http.StatusInternalServerError, kind: kindText, body: []byte(err.Error())}
		}
		return &answer{code: http.StatusOK, kind: kindMetrics, body: body}
	}))
}

// expose gathers everything. None of the requests that it makes can be wrong, so an error means
// that something in the server is.
func (h *Handler) expose(detailed bool) ([]byte, error) {
	varz := h.source.Varz()
	m := metrics{server: label{"server_id", varz.ID}}
	m.flatten("varz", varz)
	subsz, err := h.source.Subsz(&status.SubszOptions{})
	if err != nil {
		return nil, err
	}
	m.flatten("subsz", subsz)
	routez, err := h.source.Routez(&status.RoutezOptions{})
	if err != nil {
		return nil, err
	}
	m.flatten("routez", routez)
	m.open(h.source.Open())
	if detailed {
		connz, err := h.source.Connz(&status.ConnzOptions{Username: true})
		if err != nil {
			return nil, err
		}
		for _, c := range connz.Conns {
			m.connection(c, connz.Now)
		}
	}
	leafz, err := h.source.Leafz(&status.LeafzOptions{})
	if err != nil {
		return nil, err
	}
	m.leafs(leafz)
	if err := h.exposeAccounts(&m); err != nil {
		return nil, err
	}
	m.health("gnatsd_healthz", h.source.Health(&status.HealthzOptions{}))
	m.health("gnatsd_healthz_js_enabled_only", h.source.Health(&status.HealthzOptions{JSEnabledOnly: true}))
	m.health("gnatsd_healthz_js_server_only", h.source.Health(&status.HealthzOptions{JSServerOnly: true}))
	jsz, err := h.source.Jsz(&status.JSzOptions{})
	if err != nil {
		return nil, err
	}
	m.jetStream(jsz, varz.Name)
	m.runtime()
	m.process(report.MeasureUsage())
	return m.text(), nil
}

func (h *Handler) exposeAccounts(m *metrics) error {
	statz, err := h.source.AccountStatz(&status.AccountStatzOptions{IncludeUnused: true})
	if err != nil {
		return err
	}
	for _, a := range statz.Accounts {
		m.accountStat(a)
	}
	for _, a := range statz.Accounts {
		z, err := h.source.Accountz(&status.AccountzOptions{Account: a.Account})
		if err != nil {
			continue // it has gone meanwhile
		}
		m.account(z.Account)
	}
	return nil
}

// sample is a metric of a group that shares a prefix and labels.
type sample struct {
	short, kind string
	value       float64
}

// group adds metrics whose help texts are their short names.
func (m *metrics) group(prefix string, labels []label, samples ...sample) {
	for _, s := range samples {
		m.add(prefix+s.short, s.kind, s.short, s.value, labels...)
	}
}

// open adds the sums over the open connections.
func (m *metrics) open(t report.OpenTotals) {
	m.group("gnatsd_connz_", []label{m.server},
		sample{"num_connections", gauge, float64(t.Connections)},
		sample{"total", gauge, float64(t.Connections)},
		sample{"offset", gauge, 0},
		sample{"limit", gauge, status.DefaultConnListSize})
	m.figures([]label{m.server}, t.Pending, t.Subscriptions, t.In, t.Out)
}

// figures adds what is told of single connections and of their sum.
func (m *metrics) figures(labels []label, pending, subscriptions int64, in, out report.Tally) {
	m.group("gnatsd_connz_", labels,
		sample{"pending_bytes", gauge, float64(pending)},
		sample{"subscriptions", gauge, float64(subscriptions)},
		sample{"in_bytes", counter, float64(in.Bytes)},
		sample{"out_bytes", counter, float64(out.Bytes)},
		sample{"in_msgs", counter, float64(in.Msgs)},
		sample{"out_msgs", counter, float64(out.Msgs)})
}

// connection adds a single connection.
func (m *metrics) connection(c *status.ConnInfo, now time.Time) {
	labels := []label{
		m.server, {"cid", strconv.FormatUint(c.Cid, 10)}, {"kind", c.Kind}, {"type", c.Type}, {"ip", c.IP},
		{"port", strconv.Itoa(c.Port)}, {"name", c.Name}, {"name_tag", c.NameTag}, {"account", c.Account},
		{"account_id", c.Account}, {"lang", c.Lang}, {"version", c.Version}, {"tls_version", c.TLSVersion},
		{"tls_cipher_suite", c.TLSCipher},
	}
	m.figures(labels, int64(c.Pending), int64(c.NumSubs),
		report.Tally{Msgs: c.InMsgs, Bytes: c.InBytes}, report.Tally{Msgs: c.OutMsgs, Bytes: c.OutBytes})
	rtt, _ := time.ParseDuration(c.RTT) // it is one
	m.group("gnatsd_connz_", labels,
		sample{"start", untyped, float64(c.Start.UnixMilli())},
		sample{"last_activity", untyped, float64(c.LastActivity.UnixMilli())},
		sample{"rtt", gauge, float64(rtt) / float64(time.Microsecond)},
		sample{"uptime", untyped, float64(now.Sub(c.Start).Milliseconds())},
		sample{"idle", gauge, float64(max(now.Sub(c.LastActivity), 0).Milliseconds())})
}

func (m *metrics) leafs(z *status.Leafz) {
	m.add("gnatsd_leafz_conn_nodes_total", gauge, "conn_nodes_total", float64(z.NumLeafs), m.server)
	for _, l := range z.Leafs {
		labels := []label{
			m.server, {"account", l.Account}, {"account_id", l.Account}, {"ip", l.IP},
			{"port", strconv.Itoa(l.Port)}, {"name", l.Name},
		}
		rtt, _ := time.ParseDuration(l.RTT) // it is one
		m.group("gnatsd_leafz_", labels,
			sample{"info", gauge, 1},
			sample{"conn_rtt", gauge, rtt.Seconds()},
			sample{"conn_in_msgs", gauge, float64(l.InMsgs)},
			sample{"conn_out_msgs", gauge, float64(l.OutMsgs)},
			sample{"conn_in_bytes", gauge, float64(l.InBytes)},
			sample{"conn_out_bytes", gauge, float64(l.OutBytes)},
			sample{"conn_subscriptions_total", gauge, float64(l.NumSubs)})
	}
}

func (m *metrics) accountStat(a *status.AccountStat) {
	labels := []label{m.server, {"account", a.Account}, {"account_id", a.Account}, {"account_name", a.Name}}
	m.group("gnatsd_accstatz_", labels,
		sample{"current_connections", gauge, float64(a.Conns)},
		sample{"total_connections", gauge, float64(a.TotalConns)},
		sample{"subscriptions", gauge, float64(a.NumSubs)},
		sample{"leaf_nodes", gauge, float64(a.LeafNodes)},
		sample{"sent_messages", gauge, float64(a.Sent.Msgs)},
		sample{"sent_bytes", gauge, float64(a.Sent.Bytes)},
		sample{"received_messages", gauge, float64(a.Received.Msgs)},
		sample{"received_bytes", gauge, float64(a.Received.Bytes)},
		sample{"slow_consumers", gauge, float64(a.SlowConsumers)})
}

func (m *metrics) account(a *status.AccountInfo) {
	m.group("gnatsd_accountz_", []label{m.server, {"account_id", a.AccountName}, {"account_name", a.NameTag}},
		sample{"client_connections", gauge, float64(a.ClientCnt)},
		sample{"leafnode_connections", gauge, float64(a.LeafCnt)},
		sample{"subscriptions", gauge, float64(a.SubCnt)},
		sample{"is_system", gauge, truth(a.IsSystem)},
		sample{"expired", gauge, truth(a.Expired)},
		sample{"complete", gauge, truth(a.Complete)},
		sample{"jetstream_enabled", gauge, truth(a.JetStream)})
}

// health adds the outcome of a health check: 0 when the server is well.
func (m *metrics) health(prefix string, s *status.HealthStatus) {
	well := s.Status == "ok"
	m.add(prefix+"_status", gauge, "status", truth(!well), m.server)
	m.add(prefix+"_status_value", gauge, "status_value", truth(well), m.server, label{"value", s.Status})
}

func (m *metrics) jetStream(z *status.JSInfo, name string) {
	cluster, leader := "", ""
	if z.Meta != nil {
		cluster, leader = z.Meta.Name, z.Meta.Leader
	}
	labels := []label{
		m.server, {"server_name", name}, {"cluster", cluster}, {"domain", z.Config.Domain}, {"meta_leader", leader},
		{"is_meta_leader", strconv.FormatBool(leader == "" || leader == name)},
	}
	m.group("jetstream_server_", labels,
		sample{"jetstream_disabled", gauge, truth(z.Disabled)},
		sample{"total_streams", gauge, float64(z.Streams)},
		sample{"total_consumers", gauge, float64(z.Consumers)},
		sample{"total_messages", gauge, float64(z.Messages)},
		sample{"total_message_bytes", gauge, float64(z.Bytes)},
		sample{"max_memory", gauge, float64(z.Config.MaxMemory)},
		sample{"max_storage", gauge, float64(z.Config.MaxStore)})
}

// truth is 1 for what is true.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
