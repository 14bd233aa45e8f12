package main

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// stamped is a message of lane 3 with the given number on subscription 1.
func stamped(seq uint64) *message {
	return &message{sid: 1, payload: binary.LittleEndian.AppendUint64(nil, stamp(3, seq))}
}

func TestOrdered(t *testing.T) {
	other := stamped(2)
	other.sid = 2
	foreign := &message{sid: 1, payload: binary.LittleEndian.AppendUint64(nil, stamp(4, 2))}
	short := &message{sid: 1, payload: []byte("1234567")}
	for name, tc := range map[string]struct {
		got  []uint64
		more []*message
		want faults
	}{
		"all":                      {got: []uint64{0, 1, 2, 3, 4}},
		"none":                     {want: faults{Lost: 5}},
		"lost at the start":        {got: []uint64{2, 3, 4}, want: faults{Lost: 2}},
		"lost in the middle":       {got: []uint64{0, 1, 3, 4}, want: faults{Lost: 1}},
		"lost at the end":          {got: []uint64{0, 1, 2}, want: faults{Lost: 2}},
		"swapped":                  {got: []uint64{0, 2, 1, 3, 4}, want: faults{OutOfOrder: 1}},
		"one late from a wide gap": {got: []uint64{0, 4, 2}, want: faults{OutOfOrder: 1, Lost: 2}},
		"last becomes first":       {got: []uint64{4, 0, 1, 2, 3}, want: faults{OutOfOrder: 4}},
		"doubled":                  {got: []uint64{0, 1, 1, 2, 3, 4}, want: faults{Duplicate: 1}},
		"late one doubled":         {got: []uint64{0, 2, 1, 1, 3, 4}, want: faults{OutOfOrder: 1, Duplicate: 1}},
		"never published":          {got: []uint64{0, 1, 2, 3, 4, 5}, want: faults{Misrouted: 1}},
		"wrong subscription":       {got: []uint64{0, 1}, more: []*message{other, stamped(3), stamped(4)}, want: faults{Misrouted: 1, Lost: 1}},
		"wrong lane":               {got: []uint64{0, 1, 2, 3, 4}, more: []*message{foreign}, want: faults{Misrouted: 1}},
		"no stamp":                 {got: []uint64{0, 1, 2, 3, 4}, more: []*message{short}, want: faults{Misrouted: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &ordered{lane: 3, sid: 1}
			for _, seq := range tc.got {
				o.take(stamped(seq))
			}
			for _, m := range tc.more {
				o.take(m)
			}
			require.Equal(t, tc.want, o.finish(5))
		})
	}
}

// routed is a connection that gets positions 1 and 3 of a script of four, as sids 7 and 8.
func routed() *ordered {
	s := newScript([]post{{"a", 8}, {"b", 8}, {"c", 8}, {"d", 8}})
	return &ordered{lane: 3, route: newRoute(s, func(i int) int { return []int{0, 7, 0, 8}[i] })}
}

func TestOrderedWithRoute(t *testing.T) {
	type got struct {
		seq     uint64
		subject string
		sid     int
	}
	for name, tc := range map[string]struct {
		got       []got
		published int
		want      faults
	}{
		"two passes":      {[]got{{1, "b", 7}, {3, "d", 8}, {5, "b", 7}, {7, "d", 8}}, 8, faults{}},
		"pass and a half": {[]got{{1, "b", 7}, {3, "d", 8}, {5, "b", 7}}, 6, faults{}},
		"lost":            {[]got{{1, "b", 7}, {5, "b", 7}, {7, "d", 8}}, 8, faults{Lost: 1}},
		"swapped":         {[]got{{3, "d", 8}, {1, "b", 7}}, 4, faults{OutOfOrder: 1}},
		"doubled":         {[]got{{1, "b", 7}, {1, "b", 7}, {3, "d", 8}}, 4, faults{Duplicate: 1}},
		"for another":     {[]got{{1, "b", 7}, {2, "c", 7}, {3, "d", 8}}, 4, faults{Misrouted: 1}},
		"wrong sid":       {[]got{{1, "b", 8}, {3, "d", 8}}, 4, faults{Misrouted: 1, Lost: 1}},
		"wrong subject":   {[]got{{1, "x", 7}, {3, "d", 8}}, 4, faults{Misrouted: 1, Lost: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			o := routed()
			for _, g := range tc.got {
				m := stamped(g.seq)
				m.subject, m.sid = []byte(g.subject), g.sid
				o.take(m)
			}
			require.Equal(t, tc.want, o.finish(tc.published))
		})
	}
}

func TestGroup(t *testing.T) {
	for name, tc := range map[string]struct {
		a, b []uint64 // what the two members get
		want faults
	}{
		"shared":            {[]uint64{0, 2, 3}, []uint64{1, 4}, faults{}},
		"one has all":       {[]uint64{0, 1, 2, 3, 4}, nil, faults{}},
		"lost":              {[]uint64{0, 3}, []uint64{1, 4}, faults{Lost: 1}},
		"lost at the end":   {[]uint64{0, 2}, []uint64{1}, faults{Lost: 2}},
		"both got it":       {[]uint64{0, 2, 3}, []uint64{1, 2, 4}, faults{Duplicate: 1}},
		"one got it twice":  {[]uint64{0, 2, 2, 3}, []uint64{1, 4}, faults{Duplicate: 1}},
		"member's order":    {[]uint64{0, 3, 2}, []uint64{1, 4}, faults{OutOfOrder: 1}},
		"never published":   {[]uint64{0, 2, 3, 64}, []uint64{1, 4}, faults{Misrouted: 1}},
		"alien hides a gap": {[]uint64{0, 2, 3, 5}, []uint64{1}, faults{Misrouted: 1, Lost: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGroup(3, 2)
			for i, seqs := range [][]uint64{tc.a, tc.b} {
				for _, seq := range seqs {
					g.members[i].take(stamped(seq))
				}
			}
			var f faults
			for _, m := range g.members {
				f.add(m.finish(5))
			}
			require.Equal(t, tc.want, f)
		})
	}
}

func TestGroupWrongSubscription(t *testing.T) {
	g := newGroup(3, 1)
	m := stamped(0)
	m.sid = 2
	g.members[0].take(m)
	require.Equal(t, faults{Misrouted: 1, Lost: 1}, g.members[0].finish(1))
}

func TestFaultsString(t *testing.T) {
	require.Equal(t, "none", faults{}.String())
	require.Equal(t, "1 lost, 2 duplicate, 3 out of order, 4 misrouted", faults{1, 2, 3, 4}.String())
}

func TestRequesterTake(t *testing.T) {
	r := &requester{lane: 3, seq: 5}
	take := func(seq uint64, subject string) bool {
		m := stamped(seq)
		m.subject = []byte(subject)
		return r.take(m, []byte("inbox.5"))
	}
	require.True(t, take(5, "inbox.5"))
	require.Equal(t, faults{}, r.bad)
	require.False(t, take(4, "inbox.4"))
	require.Equal(t, faults{Duplicate: 1}, r.bad)
	require.False(t, take(6, "inbox.6"))
	require.True(t, take(5, "inbox.4"))
	require.Equal(t, faults{Duplicate: 1, Misrouted: 2}, r.bad)
}
