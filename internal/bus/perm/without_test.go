package perm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWithoutPublish(t *testing.T) {
	for _, r := range []Rules{
		{},
		{Publish: List{Allow: []string{"a.>"}}},
		{Publish: List{Deny: []string{"a.b", "b", "c", "d", "e", "f.*.g", "h.>"}}},
		{Subscribe: List{Deny: []string{"a.b.c"}}, Responses: &Responses{}},
	} {
		before, err := Compile(r)
		require.NoError(t, err)
		p, err := before.WithoutPublish("a.b.c")
		require.NoError(t, err)
		all := Rules{Publish: List{Allow: r.Publish.Allow, Deny: append([]string{"a.b.c"}, r.Publish.Deny...)},
			Subscribe: r.Subscribe, Responses: r.Responses}
		require.ElementsMatch(t, all.Publish.Deny, p.Rules().Publish.Deny)
		again, err := p.WithoutPublish("a.b.c")
		require.NoError(t, err)
		require.Equal(t, p.Rules(), again.Rules())
		want, was := model(all), model(r)
		for _, s := range []string{"a.b.c", "a.b", "a.b.d", "a.b.c.d", "a", "b", "c", "d", "e", "f.x.g", "f.g", "h.i", "z"} {
			want.check(t, p, s, "")
			was.check(t, before, s, "")
		}
	}
	_, err := (*Permissions)(nil).WithoutPublish("a..b")
	require.Error(t, err)
	p, err := Compile(Rules{Publish: List{Deny: []string{"x"}}})
	require.NoError(t, err)
	_, err = p.WithoutPublish("a b")
	require.Error(t, err)
}

// Reports show what was written down.
func TestRulesAreThoseOfTheSource(t *testing.T) {
	p, err := Compile(Rules{Publish: List{Allow: []string{"a.>"}}, Responses: &Responses{Max: 3}})
	require.NoError(t, err)
	less, err := p.WithoutPublish("x")
	require.NoError(t, err)
	require.Equal(t, List{Allow: []string{"a.>"}, Deny: []string{"x"}}, less.Rules().Publish)
	require.Equal(t, List{Allow: []string{"a.>"}}, p.Rules().Publish)
	require.Equal(t, 3, p.Rules().Responses.Max)
	require.Empty(t, (*Permissions)(nil).Rules())
}
