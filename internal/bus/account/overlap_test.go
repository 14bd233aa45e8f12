package account

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// masks returns patterns of width tokens that all overlap and none of which covers another: half of the
// tokens of each are wildcards.
func masks(width int) (all []string) {
	for m := range 1 << width {
		if bits.OnesCount(uint(m)) != width/2 {
			continue
		}
		tokens := make([]string, width)
		for j := range tokens {
			tokens[j] = "*"
			if m>>j&1 == 1 {
				tokens[j] = "x"
			}
		}
		all = append(all, strings.Join(tokens, "."))
	}
	return all
}

// inForce counts the imports of an account that are, and those that go beyond the budget.
func inForce(t *testing.T, a *Account) (good, refused int) {
	t.Helper()
	for _, i := range a.Imports() {
		if i.Err == nil {
			good++
			continue
		}
		require.ErrorIs(t, i.Err, ErrTooMany)
		refused++
	}
	return good, refused
}

// Of streams that overlap an account has so many, and others do not wait long for it.
func TestOverlappingImportsAreBounded(t *testing.T) {
	r := NewRegistry()
	a := r.Put(Spec{Name: "A", Exports: everything})
	spec := Spec{Name: "B"}
	for _, pattern := range masks(12) {
		spec.Imports = append(spec.Imports, Import{Account: "A", Subject: pattern})
	}
	spec.Imports = append(spec.Imports, Import{Account: "A", Subject: "y"})
	begin := time.Now()
	b := r.Put(spec)
	good, refused := inForce(t, b)
	require.Equal(t, len(spec.Imports), good+refused)
	require.Greater(t, good, 80)
	require.Less(t, good, 100)
	require.NoError(t, b.Imports()[len(spec.Imports)-1].Err, "it overlaps none")
	require.ErrorIs(t, r.Check([]Spec{*a.Spec(), spec}), ErrTooMany)
	for range 100 {
		b.Subscribe(NewSub(&Owner{}, []byte("1"), nil), []byte(">"))
	}
	require.Less(t, time.Since(begin), 5*time.Second)
	var m Matches
	a.Match([]byte("y"), &m)
	require.Len(t, m.Plain, 100)
}

// Streams that come over several accounts are bounded in each, however many there may be.
func TestPathsAreBounded(t *testing.T) {
	for _, kind := range []Kind{Stream, Service} {
		r := NewRegistry()
		r.Put(Spec{Name: "L0", Exports: everything})
		begin := time.Now()
		for layer := 1; layer < 5; layer++ {
			s := Spec{Name: fmt.Sprint("L", layer), Exports: everything}
			for _, pattern := range masks(6) {
				s.Imports = append(s.Imports, Import{Kind: kind, Account: fmt.Sprint("L", layer-1), Subject: pattern})
			}
			a := r.Put(s)
			_, refused := inForce(t, a)
			require.Equal(t, kind == Stream && layer > 1, refused > 0)
			require.LessOrEqual(t, len(a.plan.Load().paths), len(s.Imports)+mostJoined)
		}
		require.Less(t, time.Since(begin), 10*time.Second)
	}
}

// An account that gathers one stream of each of many others has all of them, and so has who gets them from
// there; and each change is quick.
func TestManyImportsThatDoNotOverlap(t *testing.T) {
	const many = 1100
	r := NewRegistry()
	hub := Spec{Name: "hub", Exports: everything}
	for i := range many {
		name := fmt.Sprint("T", i)
		r.Put(Spec{Name: name, Exports: everything, Imports: []Import{{Account: "hub", Subject: "news." + name}}})
		hub.Imports = append(hub.Imports, Import{Account: name, Subject: "m.>", Local: name + ".m.>"})
		hub.Imports = append(hub.Imports, Import{Account: "hub2", Subject: fmt.Sprint("a", i), Local: fmt.Sprint("b", i)})
	}
	r.Put(Spec{Name: "hub2", Exports: everything})
	begin := time.Now()
	h := r.Put(hub)
	view := r.Put(Spec{Name: "view", Imports: []Import{{Account: "hub", Subject: ">"}}})
	good, refused := inForce(t, h)
	require.Equal(t, 2*many, good)
	require.Zero(t, refused)
	require.NoError(t, view.Imports()[0].Err)
	require.Len(t, view.plan.Load().paths, 1+2*many)
	hub.Exports = hub.Exports[:1]
	r.Put(hub) // all others are concerned, too
	require.Less(t, time.Since(begin), 20*time.Second)
	good, refused = inForce(t, r.Get("T7"))
	require.Equal(t, 1, good)
	require.Zero(t, refused)
}
