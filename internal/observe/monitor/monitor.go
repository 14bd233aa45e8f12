// Package monitor answers the HTTP monitoring requests: it knows their paths, parameters,
// status codes and headers, and the names of metrics, and gets what it shows from a Source.
//
// It knows nothing of listeners and TLS, and nothing of how a server comes to its figures. It
// owns no goroutine; handlers run in those of the HTTP server. Its one lock is a leaf of share.
package monitor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"

	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

// Paths of the endpoints, without the base path.
const (
	RootPath           = "/"
	VarzPath           = "/varz"
	ConnzPath          = "/connz"
	RoutezPath         = "/routez"
	GatewayzPath       = "/gatewayz"
	LeafzPath          = "/leafz"
	SubszPath          = "/subsz"
	SubscriptionszPath = "/subscriptionsz" // another name of SubszPath
	AccountzPath       = "/accountz"
	AccountStatzPath   = "/accstatz"
	JszPath            = "/jsz"
	HealthzPath        = "/healthz"
	IPQueueszPath      = "/ipqueuesz"
	RaftzPath          = "/raftz"
	StackszPath        = "/stacksz"
	VariablesPath      = "/debug/vars"
	MetricsPath        = "/metrics"
)

// Source is where a Handler gets its data. Its functions are called by many goroutines at the
// same time; the results are the handler's to read. An endpoint whose function is nil does
// not exist. Errors mean that the options are wrong; the reader sees their texts.
type Source struct {
	// Varz must not be slow: monitors poll it.
	Varz func() *status.Varz

	// Health may wait a moment for listeners that are about to be ready. StatusCode of the
	// result becomes the answer's; 0 stands for 200.
	Health func(*status.HealthzOptions) *status.HealthStatus

	// Those that follow are called by one goroutine at a time.
	Connz        func(*status.ConnzOptions) (*status.Connz, error)
	Subsz        func(*status.SubszOptions) (*status.Subsz, error)
	Routez       func(*status.RoutezOptions) (*status.Routez, error)
	Gatewayz     func(*status.GatewayzOptions) (*status.Gatewayz, error)
	Leafz        func(*status.LeafzOptions) (*status.Leafz, error)
	Accountz     func(*status.AccountzOptions) (*status.Accountz, error)
	AccountStatz func(*status.AccountStatzOptions) (*status.AccountStatz, error)
	Jsz          func(*status.JSzOptions) (*status.JSInfo, error)

	// Open sums up the open connections. With it, and with all of the functions above, there are
	// metrics.
	Open func() report.OpenTotals
}

// Config is what a Handler is made of.
type Config struct {
	BasePath     string // as configured; New normalises it
	Version      string // reference level, shown on the root page
	BaridVersion string // shown on the root page
	Source       Source
	Counters     *Counters // counts the requests; nil = own ones that nobody sees

	// Warnf gets the warnings about failed health checks and outdated parameters, at most one
	// of each kind in ten seconds. nil = none.
	Warnf func(format string, args ...any)
}

// Handler answers monitoring requests of all methods alike. It is an http.Handler.
type Handler struct {
	// fixed
	base      string
	source    Source
	counters  *Counters
	endpoints map[string]http.HandlerFunc // by path without the base path
	page      []byte                      // root page
	unhealthy *throttle
	outdated  *throttle
	share     *share

	// atomic
	onTheWay atomic.Int64 // bytes of answers that are being sent
}

// New returns the handler of all endpoints that cfg's source has data for.
func New(cfg Config) *Handler {
	h := &Handler{
		base:      BasePath(cfg.BasePath),
		source:    cfg.Source,
		counters:  cfg.Counters,
		unhealthy: newThrottle(cfg.Warnf),
		outdated:  newThrottle(cfg.Warnf),
		share:     newShare(),
	}
	if h.counters == nil {
		h.counters = new(Counters)
	}
	h.endpoints = map[string]http.HandlerFunc{RootPath: h.root}
	var links []link
	for _, e := range h.table() {
		if !e.has {
			continue
		}
		h.endpoints[e.path] = e.serve
		if e.label != "" {
			links = append(links, link{e.label, e.path})
		}
	}
	h.page = rootPage(h.base, cfg.Version, cfg.BaridVersion, links)
	return h
}

// endpoint is a row of the table of endpoints.
type endpoint struct {
	label string // on the root page; empty = not there
	path  string
	has   bool // the source has data for it
	serve http.HandlerFunc
}

// table lists the endpoints in the order of their links.
func (h *Handler) table() []endpoint {
	src := &h.source
	metrics := src.Varz != nil && src.Connz != nil && src.Subsz != nil && src.Routez != nil && src.Leafz != nil &&
		src.Accountz != nil && src.AccountStatz != nil && src.Jsz != nil && src.Health != nil && src.Open != nil
	subsz := page(h, SubszPath, countOnEntry, subszOptions, src.Subsz)
	return []endpoint{
		{"General", VarzPath, src.Varz != nil, h.varz},
		{"JetStream", JszPath, src.Jsz != nil, page(h, JszPath, countOnEntry, jszOptions, src.Jsz)},
		{"Connections", ConnzPath, src.Connz != nil, page(h, ConnzPath, countIfDecoded, connzOptions, src.Connz)},
		{"Accounts", AccountzPath, src.Accountz != nil, page(h, AccountzPath, countOnEntry, accountzOptions, src.Accountz)},
		{"Account Stats", AccountStatzPath, src.AccountStatz != nil,
			page(h, AccountStatzPath, countOnEntry, accountStatzOptions, src.AccountStatz)},
		{"Subscriptions", SubszPath, src.Subsz != nil, subsz},
		{"", SubscriptionszPath, src.Subsz != nil, subsz},
		{"Routes", RoutezPath, src.Routez != nil, page(h, RoutezPath, countIfDecoded, routezOptions, src.Routez)},
		{"LeafNodes", LeafzPath, src.Leafz != nil, page(h, LeafzPath, countOnEntry, leafzOptions, src.Leafz)},
		{"Gateways", GatewayzPath, src.Gatewayz != nil, page(h, GatewayzPath, countOnEntry, gatewayzOptions, src.Gatewayz)},
		{"Raft Groups", RaftzPath, src.Jsz != nil, h.raftz},
		{"Health Probe", HealthzPath, src.Health != nil, h.healthz},
		{"Expvar", VariablesPath, src.Varz != nil, h.shared(VariablesPath, variables)},
		{"Metrics", MetricsPath, metrics, h.metrics},
		{"", StackszPath, src.Varz != nil, h.shared(StackszPath, stacks)},
		{"", IPQueueszPath, src.Jsz != nil, h.ipqueuesz},
	}
}

// BasePath normalises a configured base path: it begins with a slash, ends without one unless
// it is the root, and has no empty, "." or ".." elements.
func BasePath(configured string) string { return path.Join("/", configured) }

// ServeHTTP answers one request. Doubled slashes in the path are forgiven, as they come from
// joined URLs; a trailing one names something else.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := path.Clean(r.URL.Path)
	if p != "/" && strings.HasSuffix(r.URL.Path, "/") {
		http.NotFound(w, r)
		return
	}
	if h.base != "/" {
		rest, ok := strings.CutPrefix(p, h.base)
		if !ok || rest != "" && rest[0] != '/' {
			http.NotFound(w, r)
			return
		}
		p = "/" + strings.TrimPrefix(rest, "/")
	}
	h.Serve(p, w, r)
}

// Serve answers a request as one to the endpoint with that path, whatever its own path is.
func (h *Handler) Serve(endpoint string, w http.ResponseWriter, r *http.Request) {
	if f := h.endpoints[endpoint]; f != nil {
		f(w, r)
		return
	}
	http.NotFound(w, r)
}

func (h *Handler) root(w http.ResponseWriter, _ *http.Request) {
	h.counters.add(RootPath)
	h.send(w, &answer{code: http.StatusOK, kind: "text/html; charset=utf-8", body: h.page})
}

func (h *Handler) varz(w http.ResponseWriter, _ *http.Request) {
	h.counters.add(VarzPath)
	h.send(w, jsonAnswer(h.source.Varz(), nil, "  "))
}

// counting says which requests count.
type counting bool

// Some pages count a request only if its parameters can be read, unlike the others: so the figures
// compare with those of other servers.
const (
	countOnEntry   counting = false
	countIfDecoded counting = true
)

// page makes the handler of a page that is made from options. The answer is shared.
func page[O, V any](h *Handler, at string, when counting, decode func(url.Values) (*O, error),
	source func(*O) (V, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if when == countOnEntry {
			h.counters.add(at)
		}
		opts, err := decode(r.URL.Query())
		if err != nil {
			h.send(w, wrong(err))
			return
		}
		if when == countIfDecoded {
			h.counters.add(at)
		}
		h.send(w, h.share.get(r.Context(), fmt.Sprintf("%s %#v", at, *opts), func() *answer {
			v, err := source(opts)
			return jsonAnswer(v, err, "  ")
		}))
	}
}

// shared makes the handler of a page without options.
func (h *Handler) shared(at string, build func() *answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { h.send(w, h.share.get(r.Context(), at, build)) }
}

// ipqueuesz answers with the queues of a server that has none between its parts.
func (h *Handler) ipqueuesz(w http.ResponseWriter, r *http.Request) {
	q := query{values: r.URL.Query()}
	q.bool("all")
	h.send(w, jsonAnswer(struct{}{}, q.err, "   "))
}

// raftz answers as a server without replication groups.
func (h *Handler) raftz(w http.ResponseWriter, _ *http.Request) {
	h.send(w, &answer{code: http.StatusNotFound, kind: kindText, body: []byte("No Raft nodes registered")})
}

func (h *Handler) healthz(w http.ResponseWriter, r *http.Request) {
	h.counters.add(HealthzPath)
	opts, err := healthzOptions(r.URL.Query())
	if err != nil {
		h.send(w, wrong(err))
		return
	}
	if opts.JSEnabled {
		h.outdated.warnf("Healthcheck: js-enabled deprecated, use js-enabled-only instead")
	}

	health := *h.source.Health(opts)
	code := health.StatusCode
	if code == 0 {
		code = http.StatusOK
	}
	health.StatusCode = 0 // the answer's first line says it
	switch {
	case len(health.Errors) > 0:
		h.unhealthy.warnf("Healthcheck failed: %d errors", len(health.Errors))
	case health.Error != "":
		h.unhealthy.warnf("Healthcheck failed: %q", health.Error)
	}
	body, err := json.Marshal(&health)
	if err != nil {
		h.send(w, jsonAnswer(nil, err, ""))
		return
	}
	h.send(w, &answer{code: code, kind: kindJSON, open: true, body: body})
}
