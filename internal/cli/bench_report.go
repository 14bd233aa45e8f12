package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// benchJSON is the result of a bench as JSON.
type benchJSON struct {
	Bench     string       `json:"bench"` // pub, sub, request or reply
	Clients   int          `json:"clients"`
	Size      int          `json:"size,omitempty"` // of a payload, in bytes
	Total     pace         `json:"total"`
	PerClient []pace       `json:"per_client"`
	Spread    *spread      `json:"spread,omitempty"` // of more than one client
	Latency   *latencyJSON `json:"latency_seconds,omitempty"`
	Checked   int64        `json:"checked,omitempty"` // messages whose order was checked
	Lost      int64        `json:"lost"`
	Reordered int64        `json:"reordered"`
	Complete  bool         `json:"complete"`
	Errors    []string     `json:"errors,omitempty"`
}

// pace is how much was done in which time.
type pace struct {
	Msgs    int64   `json:"msgs"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"msgs_per_second"`
	Bytes   float64 `json:"bytes_per_second,omitempty"` // of payloads that were sent
}

// spread is that of the rates of the clients.
type spread struct {
	Min    float64 `json:"min"`
	Avg    float64 `json:"avg"`
	Max    float64 `json:"max"`
	StdDev float64 `json:"stddev"`
}

// latencyJSON is that of requests, in seconds.
type latencyJSON struct {
	Min  float64 `json:"min"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

// paceOf is the pace of msgs in a time; it is 0 if there was no time to measure.
func (b *bench) paceOf(msgs int64, d time.Duration) pace {
	p := pace{Msgs: msgs, Seconds: d.Seconds()}
	if d > 0 {
		p.Rate = float64(msgs) / d.Seconds()
		p.Bytes = p.Rate * float64(b.size)
	}
	return p
}

// report prints the result. Loss, wrong order and errors are a failure.
func (b *bench) report(cmd *cobra.Command, all []*benchClient) error {
	r := b.result(all)
	var err error
	if b.json {
		err = printJSON(cmd.OutOrStdout(), r)
	} else {
		err = r.text(cmd.OutOrStdout())
	}
	var failed error
	for _, c := range all {
		if c.failed != nil {
			failed = c.failed // one says enough: they are alike
		}
	}
	switch {
	case err != nil || failed != nil:
	case r.Lost > 0 || r.Reordered > 0:
		failed = fmt.Errorf("%d messages lost, %d out of order", r.Lost, r.Reordered)
	case !r.Complete && (b.role != "reply" || b.msgs > 0):
		failed = errors.New("the bench ended before all messages")
	}
	return errors.Join(err, failed)
}

// result puts together what the clients did.
func (b *bench) result(all []*benchClient) *benchJSON {
	r := &benchJSON{Bench: b.role, Clients: len(all), Size: b.size}
	var begin, end time.Time
	var rates []float64
	var latency []time.Duration
	for _, c := range all {
		if !c.begin.IsZero() && (begin.IsZero() || c.begin.Before(begin)) {
			begin = c.begin
		}
		if c.end.After(end) {
			end = c.end
		}
		p := b.paceOf(c.done.Load(), c.end.Sub(c.begin))
		r.PerClient = append(r.PerClient, p)
		rates = append(rates, p.Rate)
		latency = append(latency, c.latency...)
		r.Checked += c.audit.checked
		r.Lost += c.audit.lost
		r.Reordered += c.audit.reordered
		if c.failed != nil {
			r.Errors = append(r.Errors, c.failed.Error())
		}
	}
	r.Total = b.paceOf(total(all), end.Sub(begin))
	expected := int64(b.msgs)
	if b.role == "sub" && b.queue == "" {
		expected *= int64(len(all))
	}
	r.Complete = r.Total.Msgs >= expected && len(r.Errors) == 0
	if b.role == "reply" {
		r.Lost, r.Reordered, r.Checked = 0, 0, 0 // requests of many, which nobody ordered
	}
	if len(all) > 1 {
		r.Spread = spreadOf(rates)
	}
	if len(latency) > 0 {
		r.Latency = latencyOf(latency)
	}
	return r
}

func spreadOf(rates []float64) *spread {
	s := &spread{Min: slices.Min(rates), Max: slices.Max(rates)}
	for _, r := range rates {
		s.Avg += r / float64(len(rates))
	}
	for _, r := range rates {
		s.StdDev += (r - s.Avg) * (r - s.Avg) / float64(len(rates))
	}
	s.StdDev = math.Sqrt(s.StdDev)
	return s
}

// latencyOf sorts the times and takes percentiles: the least time that is not below that share.
func latencyOf(times []time.Duration) *latencyJSON {
	slices.Sort(times)
	at := func(share float64) float64 {
		return times[max(0, int(math.Ceil(share*float64(len(times))))-1)].Seconds()
	}
	return &latencyJSON{times[0].Seconds(), at(0.5), at(0.9), at(0.99), at(0.999), times[len(times)-1].Seconds()}
}

// text writes the result for people.
func (r *benchJSON) text(w io.Writer) error {
	line := func(p pace) string {
		text := fmt.Sprintf("%.0f msgs/s", p.Rate)
		if p.Bytes > 0 {
			text += fmt.Sprintf(", %sB/s", size(p.Bytes))
		}
		return fmt.Sprintf("%s (%d in %.3fs)", text, p.Msgs, p.Seconds)
	}
	fmt.Fprintf(w, "%s: %s\n", r.Bench, line(r.Total))
	if r.Spread != nil {
		for i, p := range r.PerClient {
			fmt.Fprintf(w, "  [%d] %s\n", i+1, line(p))
		}
		fmt.Fprintf(w, "  min %.0f, avg %.0f, max %.0f, stddev %.0f msgs/s\n", r.Spread.Min, r.Spread.Avg, r.Spread.Max, r.Spread.StdDev)
	}
	if l := r.Latency; l != nil {
		d := func(seconds float64) time.Duration {
			return time.Duration(seconds * float64(time.Second)).Round(time.Microsecond)
		}
		fmt.Fprintf(w, "  latency: min %v, p50 %v, p90 %v, p99 %v, p99.9 %v, max %v\n",
			d(l.Min), d(l.P50), d(l.P90), d(l.P99), d(l.P999), d(l.Max))
	}
	var err error
	if r.Checked > 0 {
		_, err = fmt.Fprintf(w, "  order of %d messages checked: %d lost, %d out of order\n", r.Checked, r.Lost, r.Reordered)
	}
	return err
}

// progress is a bar, or nothing.
type progress struct{ bar *progressbar.ProgressBar }

// bar makes the bar of a bench: only people on a terminal see one.
func (b *bench) bar(cmd *cobra.Command, expected int) progress {
	if b.json || b.noProgress || expected == 0 || !isTerminal(cmd.ErrOrStderr()) {
		return progress{}
	}
	return progress{progressbar.NewOptions64(int64(expected), progressbar.OptionSetWriter(cmd.ErrOrStderr()),
		progressbar.OptionSetDescription(b.role), progressbar.OptionShowCount(), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())}
}

// set shows how much is done. A terminal that is gone is no reason to end.
func (p progress) set(done int64) {
	if p.bar != nil {
		_ = p.bar.Set64(done)
	}
}

// end removes the bar.
func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
