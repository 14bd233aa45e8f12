package cli

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// verdict is the state of what is checked, and the exit status.
type verdict int

const (
	ok verdict = iota
	warning
	critical
	unknown
)

// String is the word that monitoring systems expect.
func (v verdict) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[v] }

// metric is a number of a check.
type metric struct {
	Name     string   `json:"name"`
	Value    float64  `json:"value"`
	Warning  *float64 `json:"warning,omitempty"`
	Critical *float64 `json:"critical,omitempty"`
	Unit     string   `json:"unit,omitempty"` // s, B, % or none

	less bool // than the limits is bad, not more
}

// result collects what a check finds.
type result struct {
	check     string // of the name of metrics
	name      string
	format    string
	namespace string

	state verdict
	said  [unknown + 1][]string
	perf  []metric
}

// resultJSON is a result as JSON.
type resultJSON struct {
	Status   string   `json:"status"`
	Check    string   `json:"check_suite"`
	Name     string   `json:"check_name"`
	Unknown  []string `json:"unknown,omitempty"`
	Critical []string `json:"critical,omitempty"`
	Warning  []string `json:"warning,omitempty"`
	OK       []string `json:"ok,omitempty"`
	Perf     []metric `json:"perf_data"`
}

// flags adds those of the output to a command.
func (r *result) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.format, "format", "nagios", "nagios, json, prometheus or text")
	cmd.Flags().StringVar(&r.namespace, "namespace", "nats_server_check", "beginning of the names of metrics")
}

// valid returns an error if the flags make no sense.
func (r *result) valid() error {
	if !slices.Contains([]string{"nagios", "json", "prometheus", "text"}, r.format) {
		return misused("--format %q is not nagios, json, prometheus or text", r.format)
	}
	if found, _ := regexp.MatchString(`^[a-zA-Z_][a-zA-Z0-9_]*$`, r.namespace); !found {
		return misused("--namespace %q is no beginning of a metric's name", r.namespace)
	}
	return nil
}

// add says something; the worst state counts.
func (r *result) add(v verdict, format string, args ...any) {
	r.state = max(r.state, v)
	r.said[v] = append(r.said[v], fmt.Sprintf(format, args...))
}

// took adds a time, with the limits above which it is bad.
func (r *result) took(name, what string, d time.Duration, l *limits) {
	warn, crit := l.warn.Seconds(), l.critical.Seconds()
	r.perf = append(r.perf, metric{Name: name, Value: d.Seconds(), Warning: &warn, Critical: &crit, Unit: "s"})
	state, limit := ok, ""
	switch {
	case d > l.critical:
		state, limit = critical, fmt.Sprintf(", more than %v", l.critical)
	case d > l.warn:
		state, limit = warning, fmt.Sprintf(", more than %v", l.warn)
	}
	r.add(state, "%s in %v%s", what, d.Round(time.Microsecond), limit)
}

// compare adds a number with its thresholds, of which nil is none.
func (r *result) compare(t *threshold, value float64, warn, crit *float64) {
	less := t.lowerIsWorse || warn != nil && crit != nil && *crit < *warn
	r.perf = append(r.perf, metric{Name: t.metric, Value: value, Warning: warn, Critical: crit, Unit: t.unit, less: less})
	beyond := func(limit *float64) bool {
		return limit != nil && (less && value < *limit || !less && value > *limit)
	}
	switch text := number(value) + t.unit; {
	case beyond(crit):
		r.add(critical, "%s %s, limit %s%s", t.metric, text, number(*crit), t.unit)
	case beyond(warn):
		r.add(warning, "%s %s, limit %s%s", t.metric, text, number(*warn), t.unit)
	default:
		r.add(ok, "%s %s", t.metric, text)
	}
}

// number writes a value without an exponent and without zeros that say nothing.
func number(n float64) string {
	text := strconv.FormatFloat(n, 'f', 6, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// end prints the result and returns its status.
func (r *result) end(cmd *cobra.Command) error {
	if err := r.print(cmd.OutOrStdout()); err != nil {
		return err
	}
	if r.state != ok {
		return exit(r.state)
	}
	return nil
}

// print writes the result in the format that was asked for.
func (r *result) print(w io.Writer) error {
	var b strings.Builder
	switch r.format {
	case "json":
		return printJSON(w, resultJSON{r.state.String(), r.check, r.name, r.said[unknown], r.said[critical], r.said[warning],
			r.said[ok], slices.Concat([]metric{}, r.perf)})
	case "prometheus":
		for _, m := range append(slices.Clone(r.perf), metric{Name: "status_code", Value: float64(r.state)}) {
			name := r.namespace + "_" + r.check + "_" + m.Name
			status := ""
			if m.Name == "status_code" {
				status = fmt.Sprintf(",status=%q", r.state)
			}
			fmt.Fprintf(&b, "# TYPE %s gauge\n%s{item=%q%s} %s\n", name, name, r.name, status, number(m.Value))
		}
	case "text":
		fmt.Fprintf(&b, "%s: %s\n", r.name, r.state)
		for v := unknown; v >= ok; v-- {
			for _, text := range r.said[v] {
				fmt.Fprintf(&b, "  %-8s %s\n", v, clean(text))
			}
		}
	default:
		r.nagios(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// nagios writes a line: state, what was said from bad to good, and numbers behind a bar.
func (r *result) nagios(b *strings.Builder) {
	fmt.Fprintf(b, "%s %s", r.name, r.state)
	for v := unknown; v >= ok; v-- {
		for _, text := range r.said[v] {
			text = strings.NewReplacer("|", "/", "\n", " ").Replace(clean(text)) // the bar begins the numbers
			fmt.Fprintf(b, " %s:%s", v, text)
		}
	}
	if len(r.perf) > 0 {
		b.WriteString(" |")
	}
	limit := func(m metric, n *float64) string {
		switch {
		case n == nil:
			return ""
		case m.less:
			return number(*n) + ":" // a range without an end
		}
		return number(*n)
	}
	for _, m := range r.perf {
		fmt.Fprintf(b, " %s=%s%s;%s;%s", m.Name, number(m.Value), m.Unit, limit(m, m.Warning), limit(m, m.Critical))
	}
	b.WriteByte('\n')
}
