package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/baridmq/barid/scripts/versus/config"
)

const (
	runLimit      = 3 * time.Minute // for one measurement of one server
	calibrations  = 8               // at most so many runs until the count is found
	longEnough    = 4               // a run of one part in so many of the wanted time tells the rate
	biggestGrowth = 20
)

// A bench runs scenarios on both servers in turn.
type bench struct {
	peer, barid string // paths of the binaries
	papers      *config.Papers
	seconds     time.Duration
	rounds      int
	progress    io.Writer
}

// A round is one measurement of each server.
type round struct {
	Peer  sample `json:"peer"`
	Barid sample `json:"barid"`
}

// A result is all rounds of a scenario.
type result struct {
	scenario scenario
	count    int // operations per measurement
	rounds   []round
	err      error // why there are no more rounds
}

// run measures a scenario: peer, barid, peer, barid and so on, each time a fresh server.
func (b *bench) run(ctx context.Context, sc scenario) result {
	r := result{scenario: sc}
	if r.count, r.err = b.calibrate(ctx, sc); r.err != nil {
		return r
	}
	fmt.Fprintf(b.progress, "%s: %s; %d operations\n", sc.name, sc.about, r.count)
	for i := range b.rounds {
		var one round
		if one.Peer, r.err = b.measure(ctx, "peer", b.peer, sc, r.count); r.err != nil {
			return r
		}
		if one.Barid, r.err = b.measure(ctx, "barid", b.barid, sc, r.count); r.err != nil {
			return r
		}
		if r.err = one.sameTLS(); r.err != nil {
			return r
		}
		r.rounds = append(r.rounds, one)
		fmt.Fprintf(b.progress, "  round %d: peer %s; barid %s\n", i+1, one.Peer.brief(), one.Barid.brief())
	}
	return r
}

// sameTLS fails if the servers did not choose the same encryption: then they did not do the same work.
func (r round) sameTLS() error {
	if r.Peer.TLS != r.Barid.TLS {
		return fmt.Errorf("the peer chose %q and barid %q", r.Peer.TLS, r.Barid.TLS)
	}
	return nil
}

func (s sample) brief() string {
	rate, _ := s.figure(perSecond)
	cpu, _ := s.figure(cpuPerM)
	text := fmt.Sprintf("%s/s, %s cpu s/M, %v", short(rate), short(cpu), s.Wall.Round(time.Millisecond))
	for _, v := range s.Values {
		text += fmt.Sprintf(", %s %s", v.Name, short(v.X))
	}
	if s.Faults.any() {
		text += ", FAULTS: " + s.Faults.String()
	}
	return text
}

// start starts a server with the setup.
func (b *bench) start(ctx context.Context, name, binary string, s config.Setup) (*target, error) {
	a, err := b.papers.Arrange(s)
	if err != nil {
		return nil, err
	}
	return startServer(ctx, name, binary, a)
}

// measure starts a server, runs the scenario once and stops the server.
func (b *bench) measure(ctx context.Context, name, binary string, sc scenario, n int) (sample, error) {
	t, err := b.start(ctx, name, binary, sc.setup)
	if err != nil {
		return sample{}, err
	}
	defer t.stop()
	return t.once(ctx, sc, n)
}

// once runs the scenario on a server that is up.
func (t *target) once(ctx context.Context, sc scenario, n int) (sample, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("not finished within %v", runLimit))
	defer cancel()
	s, err := sc.run(ctx, t, n)
	s.TLS = t.cipher
	if err == nil && s.Wall <= 0 {
		err = errors.New("the measured part took no time")
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w; the server said:\n%s", t.name, err, t.said)
	}
	return s, nil
}

// calibrate finds the count of operations with which the peer is busy for the wanted time.
func (b *bench) calibrate(ctx context.Context, sc scenario) (int, error) {
	if sc.count.fixed > 0 {
		return sc.count.fixed, nil
	}
	t, err := b.start(ctx, "peer", b.peer, sc.setup)
	if err != nil {
		return 0, err
	}
	defer t.stop()
	n := sc.count.first
	for range calibrations {
		s, err := t.once(ctx, sc, n)
		if err != nil {
			return 0, fmt.Errorf("calibration: %w", err)
		}
		factor := b.seconds.Seconds() / s.Wall.Seconds()
		n = max(1, int(float64(n)*min(factor, biggestGrowth)))
		if sc.count.most > 0 {
			n = min(n, sc.count.most)
		}
		if factor <= longEnough {
			break
		}
	}
	return n, nil
}
