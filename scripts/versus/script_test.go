package main

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChunks(t *testing.T) {
	s := newScript([]post{{"a", 8}, {"b.c", 10}, {"d", 100}})
	stamped := func(seq uint64) string { return string(binary.LittleEndian.AppendUint64(nil, stamp(5, seq))) }
	first := "PUB a 8\r\n" + stamped(7) + "\r\n"
	second := "PUB b.c 10\r\n" + stamped(8) + "..\r\n"
	third := "PUB d 100\r\n" + stamped(9) + strings.Repeat(".", 92) + "\r\n"

	b, n := s.chunk(0, 10, 1000, 5, 7)
	require.Equal(t, 3, n)
	require.Equal(t, first+second+third, string(b))

	b, n = s.chunk(0, 2, 1000, 5, 7)
	require.Equal(t, 2, n, "bounded by the count")
	require.Equal(t, first+second, string(b))

	_, n = s.chunk(0, 10, len(first)+len(second), 5, 7)
	require.Equal(t, 2, n, "bounded by the bytes")

	b, n = s.chunk(2, 10, 1, 5, 9)
	require.Equal(t, 1, n, "at least one")
	require.Equal(t, third, string(b))

	require.Equal(t, "b.c", string(s.subject(1)))
	require.Equal(t, (len(first)+len(second)+len(third))/3, s.meanSize())
}

func TestUniform(t *testing.T) {
	s := uniform("a", 16)
	require.Equal(t, chunkSize/len("PUB a 16\r\n................\r\n"), s.len())
	require.LessOrEqual(t, len(s.bytes), chunkSize)
	require.Equal(t, 1, uniform("a", 64<<10).len())
}

// The plans of the scenarios with routes must give every message to exactly as many connections as
// the plan says, or the gate would wait in vain.
func TestRoutedPlans(t *testing.T) {
	for name, plans := range map[string]func() []lanePlan{"literals": literals, "wildcards": wildcards, "mix": mix} {
		t.Run(name, func(t *testing.T) {
			plan := plans()[0]
			taken := make([]int, plan.script.len())
			for _, l := range plan.listeners {
				for i, p := range l.check.(*ordered).route.places {
					if p >= 0 {
						taken[i]++
					}
				}
			}
			for _, n := range taken {
				require.Equal(t, plan.fanout, n)
			}
		})
	}
}

func TestScenariosHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, sc := range scenarios() {
		require.NotEmpty(t, sc.name)
		require.NotEmpty(t, sc.about)
		require.False(t, seen[sc.name], sc.name)
		seen[sc.name] = true
		require.NotEqual(t, sc.count.first > 0, sc.count.fixed > 0, "%s needs a first count or a fixed one", sc.name)
	}
	_, err := choose([]string{"pub16", "nothing"})
	require.Error(t, err)
	chosen, err := choose([]string{"fan100", "pub16"})
	require.NoError(t, err)
	require.Equal(t, "fan100", chosen[0].name)
	require.Equal(t, "pub16", chosen[1].name)
}
