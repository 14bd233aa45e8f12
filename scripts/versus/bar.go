package main

import "fmt"

// A bar is the limit that barid has to keep in a scenario. The zero value is no bar.
type bar struct {
	of      string // the figure
	limit   float64
	ratio   bool // the limit is for barid's figure divided by the peer's, else for barid's own
	atLeast bool // the limit is a lower one
}

func cpuBar(limit float64) bar { return bar{of: cpuPerM, limit: limit, ratio: true} }

// met reports whether a figure or ratio keeps the bar.
func (b bar) met(x float64) bool {
	if b.atLeast {
		return x >= b.limit
	}
	return x <= b.limit
}

func (b bar) String() string {
	if b.of == "" {
		return ""
	}
	sign := "≤"
	if b.atLeast {
		sign = "≥"
	}
	return fmt.Sprintf("%s %g", sign, b.limit)
}
