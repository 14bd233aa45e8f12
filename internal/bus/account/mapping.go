package account

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/baridmq/barid/internal/core/subject"
)

// Mappings are the mappings of an account, compiled. They are immutable. A subject goes by one of them
// and is not mapped again: by the one of that very subject, or else by the most specific one.
type Mappings struct {
	literal  map[string]*mapping
	patterns []*mapping // the most specific ones first
}

// mapping is what happens to the subjects that match one source.
type mapping struct {
	source string
	shares []share
	// drop says that what no share takes is lost, and not left alone.
	drop bool
}

// share is a destination and its part of the messages. A dice below upTo, and not below that of the
// one before, is for it. A nil transform leaves the subject as it is.
type share struct {
	upTo int
	to   *subject.Transform
}

// errWeight is what tools know.
var errWeight = errors.New("total weight needs to be <= 100")

// CompileMappings compiles the mappings of an account for a server in the cluster of that name, which
// is empty for none. Destinations for that cluster count in place of those for everywhere. It returns
// nil if there are no mappings. Errors tell about invalid subjects, weights beyond 0 to 100 or which
// add up to more, and what is listed twice.
func CompileMappings(list []Mapping, cluster string) (*Mappings, error) {
	if len(list) == 0 {
		return nil, nil
	}
	m := &Mappings{literal: make(map[string]*mapping)}
	known := make(map[string]bool, len(list))
	for i := range list {
		c, err := compileMapping(&list[i], cluster)
		if err != nil {
			return nil, err
		}
		if known[c.source] {
			return nil, fmt.Errorf("duplicate entry for %q", c.source)
		}
		known[c.source] = true
		if subject.HasWildcard(c.source) {
			m.patterns = append(m.patterns, c)
		} else {
			m.literal[c.source] = c
		}
	}
	slices.SortFunc(m.patterns, func(a, b *mapping) int { return compareWidth(a.source, b.source) })
	return m, nil
}

// compileMapping checks all destinations and keeps those that hold in the cluster.
func compileMapping(m *Mapping, cluster string) (*mapping, error) {
	if !subject.ValidSubscription(m.Source) || strings.ContainsAny(m.Source, " \t\r\n") {
		return nil, fmt.Errorf("Subject %q is not a valid subject", m.Source)
	}
	total, known, here := map[string]int{}, map[[2]string]bool{}, ""
	for _, d := range m.Destinations {
		if d.Weight < 0 || d.Weight > 100 {
			return nil, fmt.Errorf("invalid weight %d for mapping destination %q", d.Weight, d.Subject)
		}
		if total[d.Cluster] += d.Weight; total[d.Cluster] > 100 {
			return nil, fmt.Errorf("mapping %q: %w", m.Source, errWeight)
		}
		key := [2]string{d.Subject, d.Cluster}
		if known[key] {
			return nil, fmt.Errorf("duplicate entry for %q", d.Subject)
		}
		known[key] = true
		if d.Cluster == cluster {
			here = cluster
		}
	}
	c := &mapping{source: m.Source}
	sum := 0
	for _, d := range m.Destinations {
		var to *subject.Transform
		if d.Subject != m.Source {
			t, err := subject.NewTransform(m.Source, d.Subject)
			if err != nil {
				return nil, fmt.Errorf("Error adding mapping for %q to %q : %w", m.Source, d.Subject, err)
			}
			to = t
		}
		if d.Cluster != here {
			continue
		}
		c.drop = c.drop || to == nil
		if d.Weight > 0 {
			sum += d.Weight
			c.shares = append(c.shares, share{sum, to})
		}
	}
	return c, nil
}

// compareWidth orders patterns so that one comes before all that cover it: a literal token before
// "*" and that before ">".
func compareWidth(a, b string) int {
	rank := func(token string) int {
		switch token {
		case "*":
			return 1
		case ">":
			return 2
		}
		return 0
	}
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x, y))
	})
}

// Append maps the subject of a published message. If mapped is set, what it appended to dst is the new
// one; if dropped is set, the message goes nowhere; else the subject stays. It picks by weight, at
// random. m may be nil. Nothing is allocated but what dst needs to grow.
func (m *Mappings) Append(dst, subject []byte) (out []byte, mapped, dropped bool) {
	if m == nil {
		return dst, false, false
	}
	c := m.find(subject)
	if c == nil {
		return dst, false, false
	}
	s, ok := c.pick()
	switch {
	case !ok:
		return dst, false, c.drop
	case s.to == nil:
		return dst, false, false
	}
	// A subject that would become too long goes nowhere: leaving it alone would defeat who maps
	// subjects to keep messages apart.
	out, ok = s.to.Append(dst, subject)
	return out, ok, !ok
}

func (m *Mappings) find(s []byte) *mapping {
	if c := m.literal[string(s)]; c != nil {
		return c
	}
	for _, c := range m.patterns {
		if subject.Matches(s, c.source) {
			return c
		}
	}
	return nil
}

// pick returns the share of the next message; false if none takes it.
func (c *mapping) pick() (*share, bool) {
	if len(c.shares) == 0 {
		return nil, false
	}
	if c.shares[0].upTo >= 100 {
		return &c.shares[0], true
	}
	dice := rand.IntN(100)
	for i := range c.shares {
		if dice < c.shares[i].upTo {
			return &c.shares[i], true
		}
	}
	return nil, false
}
