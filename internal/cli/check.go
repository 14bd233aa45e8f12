package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

func checkCommand() *cobra.Command {
	return group("check", "check a server for monitoring systems", `Check a server. The exit status is 0 for OK, 1 for WARNING, 2 for CRITICAL and 3 for UNKNOWN, which
is also that of a command line that is not understood. What is checked is printed as --format says:
nagios, json (one object), prometheus (metrics named NAMESPACE_CHECK_NAME) or text.`,
		checkConnectionCommand(), checkServerCommand(), checkHealthCommand())
}

// limits are the thresholds of a time.
type limits struct{ warn, critical time.Duration }

func checkConnectionCommand() *cobra.Command {
	var a *access
	r := &result{check: "connection", name: "Connection"}
	all := limits{}
	each := map[string]*limits{"connect": {}, "rtt": {}, "req": {}}
	cmd := &cobra.Command{
		Use:   "connection",
		Short: "connect, ask for a round trip and for an answer",
		Long: `Connect and measure three times: that of connecting, a round trip (PING and PONG), and a request
that the check answers itself, if it may. They are compared with --warn and --critical, or with those
of their own.`,
		Example: `  barid check connection -s nats://host:4222
  barid check connection --warn 100ms --critical 1s --format prometheus`,
		Args: words(cobra.NoArgs),
	}
	a = accessOf(cmd)
	r.flags(cmd)
	f := cmd.Flags()
	f.DurationVar(&all.warn, "warn", 500*time.Millisecond, "longest time that is good")
	f.DurationVar(&all.critical, "critical", time.Second, "longest time that is not critical")
	for name, l := range each {
		f.DurationVar(&l.warn, name+"-warn", 0, "--warn of this time alone")
		f.DurationVar(&l.critical, name+"-critical", 0, "--critical of this time alone")
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.valid(); err != nil {
			return err
		}
		for name, l := range each {
			if !f.Changed(name + "-warn") {
				l.warn = all.warn
			}
			if !f.Changed(name + "-critical") {
				l.critical = all.critical
			}
			if l.warn <= 0 || l.critical < l.warn {
				return misused("--%s-critical has to be above --%[1]s-warn, and that above 0", name)
			}
		}
		return checkConnection(cmd.Context(), a, r, each)
	}
	return cmd
}

func checkConnection(ctx context.Context, a *access, r *result, each map[string]*limits) error {
	if _, err := a.resolve(); err != nil {
		return err // says nothing of the server
	}
	if _, err := a.wait(); err != nil {
		return err
	}
	begin := time.Now()
	l, err := a.dial(false)
	if err != nil {
		r.add(critical, "%v", err)
		return r.end(a.cmd)
	}
	defer l.shut()
	r.took("connect_time", "connected to "+l.server, time.Since(begin), each["connect"])
	begin = time.Now()
	if err := l.FlushTimeout(l.timeout); err != nil {
		r.add(critical, "no round trip: %v", err)
		return r.end(a.cmd)
	}
	r.took("rtt", "round trip", time.Since(begin), each["rtt"])
	begin = time.Now()
	switch err := echo(ctx, l); {
	case err == nil:
		r.took("request_time", "request", time.Since(begin), each["req"])
	default:
		r.add(critical, "no answer to a request: %v", err)
	}
	return r.end(a.cmd)
}

// echo sends a message to itself and waits for it.
func echo(ctx context.Context, l *link) error {
	inbox, got := l.NewInbox(), make(chan *nats.Msg, 1)
	if _, err := l.ChanSubscribe(inbox, got); err != nil {
		return err
	}
	if err := l.Publish(inbox, []byte("barid")); err != nil {
		return err
	}
	wait := time.NewTimer(l.timeout)
	defer wait.Stop()
	select {
	case <-got:
		return nil
	case err := <-l.faults:
		return err
	case <-ctx.Done():
		return errInterrupted
	case <-wait.C:
		return fmt.Errorf("none within %v", l.timeout)
	}
}

// threshold is a warning and a critical limit of a number. If the critical one is below the warning
// one, less is worse.
type threshold struct {
	flag, metric   string // the beginning of its flags, and its name
	unit, help     string
	lowerIsWorse   bool
	parse          func(string) (float64, error)
	read           func(*varz) float64
	warn, critical string
}

func checkServerCommand() *cobra.Command {
	var m *monitor
	var needsAuth, needsTLS bool
	r := &result{check: "server", name: "Server"}
	all := []*threshold{
		{flag: "uptime", metric: "uptime", unit: "s", help: "a duration; less is worse", lowerIsWorse: true, parse: parseSeconds,
			read: func(v *varz) float64 { return v.Now.Sub(v.Start).Seconds() }},
		{flag: "cpu", metric: "cpu", unit: "%", help: "percent of a core", parse: parseNumber, read: func(v *varz) float64 { return v.CPU }},
		{flag: "mem", metric: "mem", unit: "B", help: "bytes, or such as 512MB", parse: parseBytes, read: func(v *varz) float64 { return float64(v.Mem) }},
		{flag: "conn", metric: "connections", help: "connections", parse: parseNumber, read: func(v *varz) float64 { return float64(v.Connections) }},
		{flag: "subs", metric: "subscriptions", help: "subscriptions", parse: parseNumber, read: func(v *varz) float64 { return float64(v.Subscriptions) }},
	}
	cmd := &cobra.Command{
		Use:   "server",
		Short: "look at uptime, load and sizes of a server",
		Long: `Read /varz of the server's monitoring and compare with thresholds. Without thresholds everything is
good as long as the server answers. For connections and subscriptions a critical threshold below the
warning one means that less is worse.`,
		Example: `  barid check server --cpu-warn 80 --cpu-critical 95 --mem-critical 2GB
  barid check server --monitor http://host:8222 --uptime-warn 10m --format json`,
		Args: words(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.valid(); err != nil {
				return err
			}
			return checkServer(m, r, all, needsAuth, needsTLS)
		},
	}
	m = monitorOf(cmd)
	r.flags(cmd)
	f := cmd.Flags()
	for _, t := range all {
		f.StringVar(&t.warn, t.flag+"-warn", "", "warning threshold: "+t.help)
		f.StringVar(&t.critical, t.flag+"-critical", "", "critical threshold: "+t.help)
	}
	f.BoolVar(&needsAuth, "auth-required", false, "critical if the server lets everybody in")
	f.BoolVar(&needsTLS, "tls-required", false, "critical if the server does without TLS")
	return cmd
}

func checkServer(m *monitor, r *result, all []*threshold, needsAuth, needsTLS bool) error {
	type pair struct{ warn, critical *float64 }
	pairs := make([]pair, len(all))
	for i, t := range all {
		var err error
		if pairs[i].warn, err = t.number("warn", t.warn); err != nil {
			return err
		}
		if pairs[i].critical, err = t.number("critical", t.critical); err != nil {
			return err
		}
	}
	if err := m.open(); err != nil {
		return err
	}
	defer m.shut()
	var v varz
	if err := m.read(m.cmd.Context(), "varz", nil, &v); err != nil {
		r.add(critical, "%v", err)
		return r.end(m.cmd)
	}
	if v.ID == "" {
		r.add(unknown, "/varz of %s has no server_id", m.base.Host)
		return r.end(m.cmd)
	}
	for i, t := range all {
		r.compare(t, t.read(&v), pairs[i].warn, pairs[i].critical)
	}
	if needsAuth && !v.AuthRequired {
		r.add(critical, "authentication is not required")
	}
	if needsTLS && !v.TLSRequired {
		r.add(critical, "TLS is not required")
	}
	return r.end(m.cmd)
}

// number reads a threshold; nil is none.
func (t *threshold) number(which, text string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	n, err := t.parse(text)
	if err != nil || n < 0 {
		return nil, misused("--%s-%s %q: not of the kind %s", t.flag, which, text, t.help)
	}
	return &n, nil
}

func parseNumber(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

func parseSeconds(text string) (float64, error) {
	d, err := time.ParseDuration(text)
	return d.Seconds(), err
}

// parseBytes understands the units of the configuration file: k is 1000, kb 1024.
func parseBytes(text string) (float64, error) {
	lower, factor := strings.ToLower(strings.TrimSpace(text)), 1.0
	for _, u := range []struct {
		name   string
		factor float64
	}{{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}, {"tb", 1 << 40}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"t", 1e12}} {
		if rest, ok := strings.CutSuffix(lower, u.name); ok {
			lower, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseFloat(lower, 64)
	return n * factor, err
}

func checkHealthCommand() *cobra.Command {
	var m *monitor
	var only bool
	r := &result{check: "health", name: "Health"}
	cmd := &cobra.Command{
		Use:   "health",
		Short: "ask a server whether it is well",
		Long:  `Ask /healthz of the server's monitoring. It is made for health checks of containers, too.`,
		Example: `  barid check health
  barid check health --monitor https://host:8222 --tlsca ca.pem
  HEALTHCHECK CMD ["/barid", "check", "health"]`,
		Args: words(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.valid(); err != nil {
				return err
			}
			if err := m.open(); err != nil {
				return err
			}
			defer m.shut()
			query := url.Values{}
			if only {
				query.Set("js-server-only", "true")
			}
			checkHealth(cmd.Context(), m, r, query)
			return r.end(cmd)
		},
	}
	m = monitorOf(cmd)
	r.flags(cmd)
	cmd.Flags().BoolVar(&only, "js-server-only", false, "of JetStream, only ask for the server and not for streams")
	return cmd
}

func checkHealth(ctx context.Context, m *monitor, r *result, query url.Values) {
	begin := time.Now()
	status, text, err := m.get(ctx, "healthz", query)
	if err != nil {
		r.add(critical, "%v", err)
		return
	}
	r.perf = append(r.perf, metric{Name: "time", Value: time.Since(begin).Seconds(), Unit: "s"})
	var said struct {
		Status string `json:"status"`
		Error  string `json:"error"`
	}
	_ = json.Unmarshal(text, &said) // what is no JSON is told by its beginning
	switch {
	case status == http.StatusOK && said.Status == "ok":
		r.add(ok, "%s is healthy", m.base.Host)
	case status == http.StatusOK:
		r.add(critical, "/healthz of %s says: %s", m.base.Host, beginning(text))
	default:
		r.add(critical, "%s is not healthy: status %d: %s", m.base.Host, status, clean(cmp.Or(said.Error, beginning(text))))
	}
}
