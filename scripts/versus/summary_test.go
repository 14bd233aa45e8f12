package main

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	require.Equal(t, spread{2, 1, 9}, spreadOf([]float64{9, 1, 2}))
	require.Equal(t, spread{2.5, 1, 9}, spreadOf([]float64{9, 1, 2, 3}))
	require.True(t, math.IsNaN(spreadOf(nil).Median))
}

// worked is a sample of a million operations.
func worked(wall, cpu time.Duration, values ...value) sample {
	return sample{Ops: 1_000_000, Wall: wall, CPU: cpu, Values: values}
}

func TestFigures(t *testing.T) {
	s := worked(2*time.Second, 3*time.Second, value{"x", 7})
	for figure, want := range map[string]float64{perSecond: 500_000, cpuPerM: 3, "x": 7} {
		got, ok := s.figure(figure)
		require.True(t, ok)
		require.InDelta(t, want, got, 1e-9)
	}
	_, ok := s.figure("y")
	require.False(t, ok)
}

func TestPlus(t *testing.T) {
	a := sample{Ops: 10, Wall: 1, CPU: 2, Own: 3, RSS: 4, Peak: 5, Others: 0.2, Values: []value{{"x", 1}}, Faults: faults{Lost: 1}}
	b := sample{Ops: 20, Wall: 3, CPU: 4, Own: 5, RSS: 6, Peak: 7, Others: 0.6, Faults: faults{Lost: 2}}
	sum := a.plus(b)
	require.InDelta(t, 0.5, sum.Others, 1e-9)
	sum.Others = 0
	require.Equal(t, sample{Ops: 30, Wall: 4, CPU: 6, Own: 8, RSS: 6, Peak: 7, Faults: faults{Lost: 3}}, sum)
}

// The ratio is the median of the ratios within the rounds, not the ratio of the medians.
func TestCompareIsPairwise(t *testing.T) {
	rounds := []round{
		{Peer: worked(time.Second, 4*time.Second), Barid: worked(time.Second, 1*time.Second)},  // 0.25
		{Peer: worked(time.Second, 10*time.Second), Barid: worked(time.Second, 5*time.Second)}, // 0.5
		{Peer: worked(time.Second, 2*time.Second), Barid: worked(time.Second, 2*time.Second)},  // 1
	}
	c := compare(rounds, cpuPerM)
	require.Equal(t, spread{4, 2, 10}, c.peer)
	require.Equal(t, spread{2, 1, 5}, c.barid)
	require.Equal(t, spread{0.5, 0.25, 1}, c.ratio)
}

func TestCompareLeavesOutWhatIsMissing(t *testing.T) {
	c := compare([]round{
		{Peer: worked(1, 1, value{"x", 0}), Barid: worked(1, 1, value{"x", 3})},
		{Peer: worked(1, 1), Barid: worked(1, 1, value{"x", 5})},
	}, "x")
	require.Equal(t, spread{3, 3, 3}, c.barid)
	require.True(t, math.IsNaN(c.ratio.Median))
	require.Empty(t, c.ratio.extremes())
}

func TestJudge(t *testing.T) {
	rounds := []round{{
		Peer:  worked(time.Second, 4*time.Second, value{"x", 100}),
		Barid: worked(time.Second, 2*time.Second, value{"x", 90}),
	}}
	for name, tc := range map[string]struct {
		bar  bar
		want verdict
	}{
		"ratio met":             {cpuBar(0.5), barMet},
		"ratio missed":          {cpuBar(0.49), barMissed},
		"own figure met":        {bar{of: "x", limit: 90}, barMet},
		"own figure missed":     {bar{of: "x", limit: 89}, barMissed},
		"lower limit met":       {bar{of: "x", limit: 90, atLeast: true}, barMet},
		"lower limit missed":    {bar{of: "x", limit: 91, atLeast: true}, barMissed},
		"no such figure":        {bar{of: "y", limit: 1}, barMissed},
		"no bar":                {bar{}, noBar},
		"ratio of own, met":     {bar{of: "x", limit: 0.9, ratio: true}, barMet},
		"ratio of own, missed":  {bar{of: "x", limit: 0.89, ratio: true}, barMissed},
		"lower ratio of own":    {bar{of: "x", limit: 0.9, ratio: true, atLeast: true}, barMet},
		"lower ratio too large": {bar{of: "x", limit: 0.91, ratio: true, atLeast: true}, barMissed},
	} {
		t.Run(name, func(t *testing.T) {
			r := result{scenario: scenario{bar: tc.bar}, rounds: rounds}
			require.Equal(t, tc.want == barMissed, r.missed())
			if tc.bar.of != "" {
				_, v := r.judge(compare(rounds, tc.bar.of))
				require.Equal(t, tc.want, v)
			}
			_, v := r.judge(compare(rounds, "something else"))
			require.Equal(t, noBar, v)
		})
	}
}

func TestFailed(t *testing.T) {
	bad := sample{Faults: faults{Lost: 1}}
	require.False(t, result{rounds: []round{{}}}.failed())
	require.True(t, result{rounds: []round{{}, {Peer: bad}}}.failed())
	require.True(t, result{rounds: []round{{Barid: bad}}}.failed())
	require.True(t, result{err: errors.New("broken")}.failed())
}

func TestReport(t *testing.T) {
	results := []result{
		{
			scenario: scenario{name: "one", bar: cpuBar(0.4)},
			rounds: []round{
				{Peer: worked(time.Second, 4*time.Second), Barid: worked(500*time.Millisecond, time.Second)},
				{Peer: worked(time.Second, 4*time.Second), Barid: worked(250*time.Millisecond, 2*time.Second)},
			},
		},
		{
			scenario: scenario{name: "another", bar: bar{of: "kept rate", limit: 0.95, atLeast: true}},
			rounds: []round{{
				Peer:  worked(time.Second, time.Second, value{"kept rate", 0.3}),
				Barid: worked(time.Second, time.Second, value{"kept rate", 0.9}),
			}},
		},
		{scenario: scenario{name: "broken"}, err: errors.New("no luck")},
	}
	results[0].rounds[1].Barid.Faults.Lost = 2
	results[0].rounds[0].Peer.RSS = 5 << 20
	var out bytes.Buffer
	report(&out, results)
	require.Equal(t, strings.TrimLeft(`
scenario  peer/s  barid/s  wall    min–max  peer s/M  barid s/M   CPU    min–max  RSS MiB  peak MiB  others %    bar
one        1.00M    3.00M  3.00  2.00–4.00      4.00       1.50  0.38  0.25–0.50    2 / 0     0 / 0     0 / 0  ≤ 0.4  met
another    1.00M    1.00M  1.00  1.00–1.00      1.00       1.00  1.00  1.00–1.00    0 / 0     0 / 0     0 / 0  below

scenario  figure     peer  barid  ratio    min–max     bar
another   kept rate  0.30   0.90   3.00  3.00–3.00  ≥ 0.95  MISSED

one, round 2, barid: 2 lost

broken broke off after 0 rounds: no luck
`, "\n"), out.String())
}

func TestReportOfTLS(t *testing.T) {
	encrypted := round{Peer: sample{TLS: "a cipher"}, Barid: sample{TLS: "a cipher"}}
	var out bytes.Buffer
	writeTLS(&out, []result{{rounds: []round{{}, encrypted}}, {rounds: []round{encrypted, encrypted}}})
	require.Equal(t, "\na cipher on both sides\n", out.String())

	require.NoError(t, encrypted.sameTLS())
	encrypted.Barid.TLS = "another"
	require.ErrorContains(t, encrypted.sameTLS(), `"a cipher" and barid "another"`)
}

func TestShort(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.00", 0.0123: "0.012", 0.35: "0.35", 1.2345: "1.23", 12.34: "12.3", 123.4: "123",
		12345: "12345", 123456: "123k", 1234567: "1.23M", math.Inf(1): "+InfM",
	} {
		require.Equal(t, want, short(x))
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	r := result{scenario: scenario{name: "one", about: "work", bar: cpuBar(0.1)}, count: 3, rounds: []round{{
		Peer: worked(2, 3), Barid: worked(4, 5, value{"x", 1}),
	}}, err: errors.New("no luck")}
	require.NoError(t, writeJSON(&out, []result{r}))
	require.JSONEq(t, `[{"scenario":"one","about":"work","operations":3,"bar_missed":true,"error":"no luck","rounds":[{
		"peer":{"ops":1000000,"wall_ns":2,"server_cpu_ns":3,"generator_cpu_ns":0,"server_rss":0,"server_peak_rss":0,"others":0,"faults":{}},
		"barid":{"ops":1000000,"wall_ns":4,"server_cpu_ns":5,"generator_cpu_ns":0,"server_rss":0,"server_peak_rss":0,"others":0,"faults":{},
			"values":[{"name":"x","value":1}]}}]}]`, out.String())
}
