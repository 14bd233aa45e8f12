package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/baridmq/barid/internal/observe/monitor"
	"github.com/baridmq/barid/internal/transport/httpd"
	"github.com/baridmq/barid/server/status"
)

// requestTime bounds how long a monitoring request may take to arrive.
const requestTime = 10 * time.Second

// StartMonitoring opens the monitoring listener if the options ask for one and it is not open
// yet. Start calls it first, so that a start can be watched.
func (s *Server) StartMonitoring() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.ending.Err() != nil {
		return errNotRunning
	}
	return s.startMonitoring()
}

// startMonitoring is StartMonitoring for those who hold s.life.
func (s *Server) startMonitoring() error {
	o := s.options()
	if (o.HTTPPort == 0 && o.HTTPSPort == 0) || s.MonitorAddr() != nil {
		return nil
	}
	scheme, port := "http", o.HTTPPort
	var secured *tls.Config
	if o.HTTPSPort != 0 {
		scheme, port = "https", o.HTTPSPort
		secured = s.monitorTLS()
	}
	m, err := httpd.Listen(httpd.Config{
		Name: "monitor", Handler: s.HTTPHandler(), TLS: secured,
		Addr:        net.JoinHostPort(o.HTTPHost, strconv.Itoa(max(port, 0))),
		ReadTimeout: requestTime,
		ErrorLog:    func(text string) { s.logs.Errorf("monitoring: %s", text) },
	})
	if err != nil {
		return err
	}
	s.logs.Noticef("Starting %s monitor on %s", scheme, net.JoinHostPort(o.HTTPHost, strconv.Itoa(m.Addr().Port)))
	m.Serve(s.tasks)
	s.mu.Lock()
	s.mu.monitor = m
	s.mu.Unlock()
	return nil
}

// newWatch makes the handler of monitoring requests.
func (s *Server) newWatch() *monitor.Handler {
	return monitor.New(monitor.Config{
		BasePath: s.options().HTTPBasePath, Version: VERSION, BaridVersion: BaridVersion,
		Counters: &s.requests, Warnf: s.logs.Warnf,
		Source: monitor.Source{
			Varz:         func() *status.Varz { v, _ := s.Varz(nil); return v },
			Connz:        s.Connz,
			Subsz:        s.Subsz,
			Routez:       s.Routez,
			Gatewayz:     s.Gatewayz,
			Leafz:        s.Leafz,
			Accountz:     s.Accountz,
			AccountStatz: s.AccountStatz,
			Jsz:          s.Jsz,
			Health:       s.Healthz,
			Open:         s.openTotals,
		},
	})
}

// HTTPHandler returns the handler of monitoring requests, for programs that serve them on a
// listener of their own. It answers whether or not the server has one, and knows the paths with
// Options.HTTPBasePath in front.
func (s *Server) HTTPHandler() http.Handler { return s.watch() }

// Paths of monitoring pages, without Options.HTTPBasePath.
const (
	RootPath         = monitor.RootPath
	VarzPath         = monitor.VarzPath
	ConnzPath        = monitor.ConnzPath
	RoutezPath       = monitor.RoutezPath
	GatewayzPath     = monitor.GatewayzPath
	LeafzPath        = monitor.LeafzPath
	SubszPath        = monitor.SubszPath
	StackszPath      = monitor.StackszPath
	AccountzPath     = monitor.AccountzPath
	AccountStatzPath = monitor.AccountStatzPath
	JszPath          = monitor.JszPath
	HealthzPath      = monitor.HealthzPath
)

// show answers a request as one to a page, whatever its path is.
func (s *Server) show(page string, w http.ResponseWriter, r *http.Request) {
	s.watch().Serve(page, w, r)
}

// HandleRoot answers with the page that links the others, whatever the path of the request.
func (s *Server) HandleRoot(w http.ResponseWriter, r *http.Request) { s.show(RootPath, w, r) }

// HandleVarz answers like /varz, whatever the path of the request.
func (s *Server) HandleVarz(w http.ResponseWriter, r *http.Request) { s.show(VarzPath, w, r) }

// HandleConnz answers like /connz, whatever the path of the request.
func (s *Server) HandleConnz(w http.ResponseWriter, r *http.Request) { s.show(ConnzPath, w, r) }

// HandleRoutez answers like /routez, whatever the path of the request.
func (s *Server) HandleRoutez(w http.ResponseWriter, r *http.Request) { s.show(RoutezPath, w, r) }

// HandleSubsz answers like /subsz, whatever the path of the request.
func (s *Server) HandleSubsz(w http.ResponseWriter, r *http.Request) { s.show(SubszPath, w, r) }

// HandleStacksz answers like /stacksz, whatever the path of the request.
func (s *Server) HandleStacksz(w http.ResponseWriter, r *http.Request) { s.show(StackszPath, w, r) }
