// Package monitor answers the HTTP monitoring requests: it knows their paths, parameters,
// status codes and headers, and gets what it shows from a Source.
//
// It knows nothing of listeners and TLS, and nothing of how a server comes to its figures. It
// owns no goroutine and no lock; handlers run in those of the HTTP server.
package monitor

import (
	"encoding/json"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/baridmq/barid/server/status"
)

// Paths of the endpoints, without the base path.
const (
	RootPath           = "/"
	VarzPath           = "/varz"
	ConnzPath          = "/connz"
	SubszPath          = "/subsz"
	SubscriptionszPath = "/subscriptionsz" // another name of SubszPath
	HealthzPath        = "/healthz"
)

// Source is where a Handler gets its data. Its functions are called by many goroutines at the
// same time; the results are the handler's to read. An endpoint whose function is nil does
// not exist.
type Source struct {
	// Varz must not be slow: monitors poll it.
	Varz func() *status.Varz

	// Connz fails only if the options do not go together; the reader sees the error's text.
	Connz func(*status.ConnzOptions) (*status.Connz, error)

	// Subsz fails only if the options are wrong; the reader sees the error's text.
	Subsz func(*status.SubszOptions) (*status.Subsz, error)

	// Health may wait a moment for listeners that are about to be ready. StatusCode of the
	// result becomes the answer's; 0 stands for 200.
	Health func(*status.HealthzOptions) *status.HealthStatus
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
	source    Source
	counters  *Counters
	endpoints map[string]http.HandlerFunc // by full path
	page      []byte                      // root page
	unhealthy *throttle
	outdated  *throttle
}

// New returns the handler of all endpoints that cfg's source has data for.
func New(cfg Config) *Handler {
	h := &Handler{
		source:    cfg.Source,
		counters:  cfg.Counters,
		endpoints: make(map[string]http.HandlerFunc),
		unhealthy: newThrottle(cfg.Warnf),
		outdated:  newThrottle(cfg.Warnf),
	}
	if h.counters == nil {
		h.counters = new(Counters)
	}
	base := BasePath(cfg.BasePath)
	var links []link
	mount := func(has bool, label, at string, f http.HandlerFunc, others ...string) {
		if !has {
			return
		}
		links = append(links, link{label, at})
		for _, p := range append(others, at) {
			h.endpoints[path.Join(base, p)] = f
		}
	}
	src := &cfg.Source
	mount(src.Varz != nil, "General", VarzPath, h.varz)
	mount(src.Connz != nil, "Connections", ConnzPath, h.connz)
	mount(src.Subsz != nil, "Subscriptions", SubszPath, h.subsz, SubscriptionszPath)
	mount(src.Health != nil, "Health Probe", HealthzPath, h.healthz)

	h.page = rootPage(base, cfg.Version, cfg.BaridVersion, links)
	h.endpoints[base] = h.root
	return h
}

// BasePath normalises a configured base path: it begins with a slash, ends without one unless
// it is the root, and has no empty, "." or ".." elements.
func BasePath(configured string) string { return path.Join("/", configured) }

// ServeHTTP answers one request. Doubled slashes in the path are forgiven, as they come from
// joined URLs; a trailing one names something else.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := path.Clean(r.URL.Path)
	if f := h.endpoints[p]; f != nil && (p == "/" || !strings.HasSuffix(r.URL.Path, "/")) {
		f(w, r)
		return
	}
	http.NotFound(w, r)
}

func (h *Handler) root(w http.ResponseWriter, _ *http.Request) {
	h.counters.add(RootPath)
	write(w, http.StatusOK, "text/html; charset=utf-8", h.page)
}

func (h *Handler) varz(w http.ResponseWriter, _ *http.Request) {
	h.counters.add(VarzPath)
	writeValue(w, h.source.Varz(), nil)
}

// connz counts a request only if its parameters can be read, unlike the other endpoints: so
// the figures compare with those of other servers.
func (h *Handler) connz(w http.ResponseWriter, r *http.Request) {
	opts, err := connzOptions(r.URL.Query())
	if err != nil {
		writeError(w, err)
		return
	}
	h.counters.add(ConnzPath)
	z, err := h.source.Connz(opts)
	writeValue(w, z, err)
}

func (h *Handler) subsz(w http.ResponseWriter, r *http.Request) {
	h.counters.add(SubszPath)
	opts, err := subszOptions(r.URL.Query())
	if err != nil {
		writeError(w, err)
		return
	}
	z, err := h.source.Subsz(opts)
	writeValue(w, z, err)
}

func (h *Handler) healthz(w http.ResponseWriter, r *http.Request) {
	h.counters.add(HealthzPath)
	opts, err := healthzOptions(r.URL.Query())
	if err != nil {
		writeError(w, err)
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
		writeFault(w, err)
		return
	}
	writeJSON(w, code, body)
}

// writeValue answers with v in indented JSON or, if there is an error, with that.
func writeValue(w http.ResponseWriter, v any, err error) {
	if err != nil {
		writeError(w, err)
		return
	}
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		writeFault(w, err)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// writeJSON answers with a body that pages of any origin may read.
func writeJSON(w http.ResponseWriter, code int, body []byte) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	write(w, code, "application/json", body)
}

// writeError answers that the request was wrong.
func writeError(w http.ResponseWriter, err error) {
	write(w, http.StatusBadRequest, "text/plain; charset=utf-8", []byte(err.Error()))
}

// writeFault answers that the source has given a value that JSON cannot express.
func writeFault(w http.ResponseWriter, err error) {
	write(w, http.StatusInternalServerError, "text/plain; charset=utf-8", []byte(err.Error()))
}

// write sends an answer; if the reader has gone meanwhile, nobody is left to be told.
func write(w http.ResponseWriter, code int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
