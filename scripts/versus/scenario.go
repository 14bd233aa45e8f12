package main

import (
	"context"
	"time"

	"github.com/baridmq/barid/scripts/versus/config"
)

// A scenario is one kind of work that both servers do in turn.
type scenario struct {
	name  string
	about string
	setup config.Setup
	bar   bar
	count counting
	run   runFunc
}

// A runFunc lets the target do n operations of the scenario's work and returns what that cost. It
// leaves no connection open. An error means that the work could not be finished; messages that
// were lost, doubled or out of order are no error but stand in the sample.
type runFunc func(ctx context.Context, t *target, n int) (sample, error)

// counting says how many operations one measurement has.
type counting struct {
	first int // the first guess of the calibration
	most  int // upper bound of the calibrated count; 0: none
	fixed int // the count itself, which then is not calibrated; 0: calibrated
}

// A sample is what one measurement of one server gave.
type sample struct {
	Ops    int           `json:"ops"`
	Wall   time.Duration `json:"wall_ns"`
	CPU    time.Duration `json:"server_cpu_ns"`    // user and system time of the server in the measured part
	Own    time.Duration `json:"generator_cpu_ns"` // the same of this process
	RSS    int64         `json:"server_rss"`       // bytes resident after the measured part
	Peak   int64         `json:"server_peak_rss"`  // bytes, since the server started
	Others float64       `json:"others"`           // share of the machine that neither server nor generator used
	Values []value       `json:"values,omitempty"`
	Faults faults        `json:"faults"`
	TLS    string        `json:"tls,omitempty"` // version, cipher and key exchange
}

// plus is the sample of two measured parts together, s being the earlier one; it has no values.
func (s sample) plus(later sample) sample {
	sum := sample{
		Ops: s.Ops + later.Ops, Wall: s.Wall + later.Wall, CPU: s.CPU + later.CPU, Own: s.Own + later.Own,
		RSS: later.RSS, Peak: later.Peak, Faults: s.Faults,
	}
	if sum.Wall > 0 {
		sum.Others = (s.Others*s.Wall.Seconds() + later.Others*later.Wall.Seconds()) / sum.Wall.Seconds()
	}
	sum.Faults.add(later.Faults)
	return sum
}

// A value is a figure that only some scenarios have.
type value struct {
	Name string  `json:"name"`
	X    float64 `json:"value"`
}

// Names of the figures that every sample has; bars and tables refer to them.
const (
	perSecond = "ops/s"       // operations per second of wall time
	cpuPerM   = "cpu s/M ops" // server CPU seconds per million operations
)

// figure returns the figure called name, and false if the sample has none of that name.
func (s sample) figure(name string) (float64, bool) {
	switch name {
	case perSecond:
		return float64(s.Ops) / s.Wall.Seconds(), true
	case cpuPerM:
		return s.CPU.Seconds() / float64(s.Ops) * 1e6, true
	}
	for _, v := range s.Values {
		if v.Name == name {
			return v.X, true
		}
	}
	return 0, false
}

// scenarios returns all scenarios in the order in which they run by default.
func scenarios() []scenario {
	var all []scenario
	all = append(all, streamScenarios()...)
	all = append(all, subjectScenarios()...)
	all = append(all, requestScenarios()...)
	all = append(all, connectionScenarios()...)
	all = append(all, consumerScenarios()...)
	return append(all, securedScenarios()...)
}
