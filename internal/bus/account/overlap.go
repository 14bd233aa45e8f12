package account

import (
	"slices"
	"strings"

	"github.com/baridmq/barid/internal/core/subject"
)

// # What imports may cost
//
// Imports are chosen by those who import, but other accounts wait while plans are made, and publishers of
// the exporter find the shadows. So an account has a budget: of pairs of streams in which the same message
// may come under the same name, of streams that come over other accounts, and of comparisons that all this
// takes. An import that goes beyond it is not in force, with ErrTooMany or ErrCycleDepth.

const (
	// mostPairs bounds the pairs of streams that overlap: 90 that all do.
	mostPairs = 4096
	// mostCompared bounds the comparisons of subjects that one decision about the imports of an account takes.
	mostCompared = 1 << 21
	// mostJoined bounds how often a stream is asked whether it goes on by an import of an account.
	mostJoined = 1 << 13
	// longestWay bounds the accounts on one path.
	longestWay = 32
)

// flow is a stream between two accounts: from is its pattern where it is published, local where it is
// wanted.
type flow struct{ source, from, local string }

// overlaps reports whether messages of both may come under the same subject.
func (f *flow) overlaps(o *flow) bool {
	return subject.Overlaps(f.from, o.from) && subject.Overlaps(f.local, o.local)
}

// first is the source and the first token of the pattern there.
type first struct{ source, token string }

// overlaps finds the flows into one account that overlap. Those are compared only that have the same source
// and may have the same first token.
type overlaps struct {
	flows    []flow
	pairs    int
	compared int
	byFirst  map[first][]int32
	bySource map[string][]int32
}

func newOverlaps() *overlaps {
	return &overlaps{byFirst: map[first][]int32{}, bySource: map[string][]int32{}}
}

// add notes a flow and returns the numbers of those before it that it overlaps. If there are too many it
// reports false and forgets f.
func (o *overlaps) add(f flow) (with []int32, ok bool) {
	token, _, _ := strings.Cut(f.from, ".")
	at, wild := first{f.source, token}, first{f.source, "*"}
	if token == ">" || token == "*" {
		at = wild
		with, ok = o.compare(&f, o.bySource[f.source], nil)
	} else if with, ok = o.compare(&f, o.byFirst[at], nil); ok {
		with, ok = o.compare(&f, o.byFirst[wild], with)
	}
	if !ok {
		return nil, false
	}
	i := int32(len(o.flows))
	o.flows = append(o.flows, f)
	o.pairs += len(with)
	o.byFirst[at] = append(o.byFirst[at], i)
	o.bySource[f.source] = append(o.bySource[f.source], i)
	return with, true
}

// compare appends to with those of the flows that f overlaps. It reports false if that is too much.
func (o *overlaps) compare(f *flow, numbers, with []int32) ([]int32, bool) {
	if o.compared += len(numbers); o.compared > mostCompared {
		return nil, false
	}
	for _, n := range numbers {
		if f.overlaps(&o.flows[n]) {
			with = append(with, n)
		}
	}
	return with, o.pairs+len(with) <= mostPairs
}

// near is a path that overlaps another one: its number, and whether what comes by both always has the same
// subject.
type near struct {
	other int32
	alike bool
}

// neighbors works out which of the paths into an account overlap, and keeps those of the imports that fit
// into its budget. refuse is told of the others.
func neighbors(paths []*Path, refuse func(*link)) ([]*Path, [][]near) {
	for {
		all, refused := pair(paths)
		if len(refused) == 0 {
			return paths, all
		}
		for l := range refused {
			refuse(l)
		}
		// What is left fits: it did so in greater company.
		paths = slices.DeleteFunc(paths, func(p *Path) bool { return refused[p.last] })
	}
}

// pair returns the neighbors of each path, nil if none has any, and the imports that go beyond the budget.
func pair(paths []*Path) (all [][]near, refused map[*link]bool) {
	if len(paths) < 2 {
		return nil, nil
	}
	found := newOverlaps()
	for i, p := range paths {
		with, ok := found.add(flow{p.source.name, p.from, p.local})
		switch {
		case !ok && refused == nil:
			refused = map[*link]bool{p.last: true}
		case !ok:
			refused[p.last] = true
		}
		if len(with) == 0 || refused != nil {
			continue
		}
		if all == nil {
			all = make([][]near, len(paths))
		}
		for _, j := range with {
			alike := sameNames(p, paths[j], p.from, paths[j].from)
			all[i] = append(all[i], near{j, alike})
			all[j] = append(all[j], near{int32(i), alike})
		}
	}
	return all, refused
}
