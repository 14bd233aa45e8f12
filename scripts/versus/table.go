package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// report writes what was measured: a table of work, a table of the figures that only some scenarios
// have, and what went wrong.
func report(w io.Writer, results []result) {
	work := [][]string{{"scenario", "peer/s", "barid/s", "wall", "min–max", "peer s/M", "barid s/M", "CPU", "min–max", "RSS MiB", "peak MiB", "others %", "bar", ""}}
	other := [][]string{{"scenario", "figure", "peer", "barid", "ratio", "min–max", "bar", ""}}
	for _, r := range results {
		if len(r.rounds) == 0 {
			continue
		}
		work = append(work, r.workRow())
		for _, c := range r.values() {
			limit, v := r.judge(c)
			other = append(other, []string{r.scenario.name, c.figure, short(c.peer.Median), short(c.barid.Median),
				short(c.ratio.Median), c.ratio.extremes(), limit, string(v)})
		}
	}
	writeTable(w, work, 1)
	if len(other) > 1 {
		fmt.Fprintln(w)
		writeTable(w, other, 2)
	}
	writeTLS(w, results)
	writeFaults(w, results)
}

// writeTLS tells how connections were encrypted, which is the same on both sides.
func writeTLS(w io.Writer, results []result) {
	var seen []string
	for _, r := range results {
		for _, one := range r.rounds {
			if t := one.Peer.TLS; t != "" && !slices.Contains(seen, t) {
				seen = append(seen, t)
				fmt.Fprintf(w, "\n%s on both sides\n", t)
			}
		}
	}
}

const mib = 1 << 20

func (r result) workRow() []string {
	rate, cpu := compare(r.rounds, perSecond), compare(r.rounds, cpuPerM)
	limit, v := r.judge(cpu)
	if limit == "" && r.scenario.bar.of != "" {
		limit = "below"
	}
	both := func(of func(sample) float64) string {
		var peer, barid []float64
		for _, one := range r.rounds {
			peer = append(peer, of(one.Peer))
			barid = append(barid, of(one.Barid))
		}
		return fmt.Sprintf("%.0f / %.0f", spreadOf(peer).Median, spreadOf(barid).Median)
	}
	return []string{
		r.scenario.name,
		short(rate.peer.Median), short(rate.barid.Median), short(rate.ratio.Median), rate.ratio.extremes(),
		short(cpu.peer.Median), short(cpu.barid.Median), short(cpu.ratio.Median), cpu.ratio.extremes(),
		both(func(s sample) float64 { return float64(s.RSS) / mib }),
		both(func(s sample) float64 { return float64(s.Peak) / mib }),
		both(func(s sample) float64 { return s.Others * 100 }),
		limit, string(v),
	}
}

func (s spread) extremes() string {
	if math.IsNaN(s.Median) {
		return ""
	}
	return short(s.Min) + "–" + short(s.Max)
}

// short writes a number with three significant digits or so.
func short(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return "–"
	case a >= 1e6:
		return strconv.FormatFloat(x/1e6, 'f', 2, 64) + "M"
	case a >= 1e5:
		return strconv.FormatFloat(x/1e3, 'f', 0, 64) + "k"
	case a >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case a >= 0.1 || a == 0:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 3, 64)
}

// writeTable aligns the first columns to the left and the others to the right.
func writeTable(w io.Writer, rows [][]string, left int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < left {
				line.WriteString(cell + pad + "  ")
			} else {
				line.WriteString(pad + cell + "  ")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

func writeFaults(w io.Writer, results []result) {
	for _, r := range results {
		if r.err != nil {
			fmt.Fprintf(w, "\n%s broke off after %d rounds: %v\n", r.scenario.name, len(r.rounds), r.err)
		}
		for i, one := range r.rounds {
			if one.Peer.Faults.any() {
				fmt.Fprintf(w, "\n%s, round %d, peer: %s\n", r.scenario.name, i+1, one.Peer.Faults)
			}
			if one.Barid.Faults.any() {
				fmt.Fprintf(w, "\n%s, round %d, barid: %s\n", r.scenario.name, i+1, one.Barid.Faults)
			}
		}
	}
}

// writeJSON writes every sample, for other programs.
func writeJSON(w io.Writer, results []result) error {
	type entry struct {
		Scenario string  `json:"scenario"`
		About    string  `json:"about"`
		Count    int     `json:"operations"`
		Rounds   []round `json:"rounds"`
		Error    string  `json:"error,omitempty"`
		Missed   bool    `json:"bar_missed"`
	}
	var all []entry
	for _, r := range results {
		e := entry{Scenario: r.scenario.name, About: r.scenario.about, Count: r.count, Rounds: r.rounds, Missed: r.missed()}
		if r.err != nil {
			e.Error = r.err.Error()
		}
		all = append(all, e)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(all)
}
