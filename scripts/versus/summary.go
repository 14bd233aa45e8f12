package main

import (
	"math"
	"slices"
)

// A spread is the median of some numbers with their extremes; NaN where there are none.
type spread struct {
	Median, Min, Max float64
}

func spreadOf(xs []float64) spread {
	if len(xs) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	s := slices.Sorted(slices.Values(xs))
	n := len(s)
	return spread{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

// A comparison is one figure of both servers over all rounds.
type comparison struct {
	figure      string
	peer, barid spread
	ratio       spread // of barid's figure to the peer's in the same round
}

// compare collects a figure of all rounds. Rounds without it, and ratios to zero, are left out.
func compare(rounds []round, figure string) comparison {
	var peer, barid, ratio []float64
	for _, r := range rounds {
		p, hasPeer := r.Peer.figure(figure)
		b, hasBarid := r.Barid.figure(figure)
		if !hasPeer || !hasBarid {
			continue
		}
		peer = append(peer, p)
		barid = append(barid, b)
		if p != 0 {
			ratio = append(ratio, b/p)
		}
	}
	return comparison{figure, spreadOf(peer), spreadOf(barid), spreadOf(ratio)}
}

// values returns the comparisons of the figures that only this scenario has.
func (r result) values() []comparison {
	var cs []comparison
	if len(r.rounds) > 0 {
		for _, v := range r.rounds[0].Peer.Values {
			cs = append(cs, compare(r.rounds, v.Name))
		}
	}
	return cs
}

// A verdict says how barid stands to a bar.
type verdict string

const (
	noBar     verdict = ""
	barMet    verdict = "met"
	barMissed verdict = "MISSED"
)

// judge compares with the scenario's bar if it is for this figure.
func (r result) judge(c comparison) (bar string, v verdict) {
	b := r.scenario.bar
	if b.of != c.figure {
		return "", noBar
	}
	x := c.barid.Median
	if b.ratio {
		x = c.ratio.Median
	}
	if b.met(x) {
		return b.String(), barMet
	}
	return b.String(), barMissed
}

// missed reports whether the scenario has a bar and barid did not reach it.
func (r result) missed() bool {
	if r.scenario.bar.of == "" {
		return false
	}
	_, v := r.judge(compare(r.rounds, r.scenario.bar.of))
	return v == barMissed
}

// failed reports whether the scenario broke off or messages went wrong.
func (r result) failed() bool {
	if r.err != nil {
		return true
	}
	return slices.ContainsFunc(r.rounds, func(one round) bool {
		return one.Peer.Faults.any() || one.Barid.Faults.any()
	})
}
