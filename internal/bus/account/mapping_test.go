package account

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// mapAll maps a subject often and returns the part of the messages of each result, in percent; ""
// is what was dropped.
func mapAll(t *testing.T, m *Mappings, subject string) map[string]float64 {
	const often = 20000
	got := map[string]float64{}
	for range often {
		out, mapped, dropped := m.Append([]byte("x"), []byte(subject))
		require.False(t, mapped && dropped)
		switch {
		case mapped:
			require.Equal(t, "x", string(out[:1]))
			got[string(out[1:])] += 100.0 / often
		case dropped:
			got[""] += 100.0 / often
		default:
			require.Equal(t, "x", string(out))
			got[subject] += 100.0 / often
		}
	}
	return got
}

func TestMappingsShareMessagesByWeight(t *testing.T) {
	tests := []struct {
		name, cluster string
		mapping       Mapping
		subject       string
		want          map[string]float64
	}{
		{"all", "", Mapping{"a", []Destined{{"b", 100, ""}}}, "a", map[string]float64{"b": 100}},
		{"another subject", "", Mapping{"a", []Destined{{"b", 100, ""}}}, "a.x", map[string]float64{"a.x": 100}},
		{"the rest stays", "", Mapping{"a", []Destined{{"b", 30, ""}}}, "a", map[string]float64{"b": 30, "a": 70}},
		{"two", "", Mapping{"a.*", []Destined{{"b.$1", 30, ""}, {"c.$1", 70, ""}}}, "a.x", map[string]float64{"b.x": 30, "c.x": 70}},
		{"the rest is lost", "", Mapping{"a", []Destined{{"b", 30, ""}, {"a", 20, ""}}}, "a", map[string]float64{"b": 30, "a": 20, "": 50}},
		{"all is lost", "", Mapping{"a", []Destined{{"a", 0, ""}}}, "a", map[string]float64{"": 100}},
		{"no weight", "", Mapping{"a", []Destined{{"b", 0, ""}}}, "a", map[string]float64{"a": 100}},
		{"no destination", "", Mapping{"a", nil}, "a", map[string]float64{"a": 100}},
		{"in the cluster", "C", Mapping{"a", []Destined{{"b", 100, ""}, {"c", 40, "C"}}}, "a", map[string]float64{"c": 40, "a": 60}},
		{"in another one", "D", Mapping{"a", []Destined{{"b", 100, ""}, {"c", 40, "C"}}}, "a", map[string]float64{"b": 100}},
		{"in no cluster", "", Mapping{"a", []Destined{{"c", 40, "C"}}}, "a", map[string]float64{"a": 100}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := CompileMappings([]Mapping{tt.mapping}, tt.cluster)
			require.NoError(t, err)
			got := mapAll(t, m, tt.subject)
			require.Len(t, got, len(tt.want), "%v", got)
			for s, part := range tt.want {
				require.Less(t, math.Abs(got[s]-part), 3.0, "%q: %v", s, got)
			}
		})
	}
}

func TestMostSpecificMappingCounts(t *testing.T) {
	to := func(s string) []Destined { return []Destined{{s, 100, ""}} }
	m, err := CompileMappings([]Mapping{
		{">", to("all.>")}, {"a.>", to("rest.>")}, {"a.*.c", to("middle.$1")}, {"a.*.*", to("two.$1")},
		{"*.b.c", to("first.$1")}, {"a.b.*", to("last.$1")}, {"a.b.c", to("literal")}, {"b", to("a.b.c")},
	}, "")
	require.NoError(t, err)
	for subject, want := range map[string]string{"a.b.c": "literal", "a.b.x": "last.x", "a.x.c": "middle.x", "a.x.y": "two.x",
		"x.b.c": "first.x", "a.x": "rest.x", "y": "all.y", "b": "a.b.c"} {
		out, mapped, _ := m.Append(nil, []byte(subject))
		require.True(t, mapped)
		require.Equal(t, want, string(out))
	}
	_, mapped, dropped := m.Append(nil, []byte("a..b"))
	require.False(t, mapped || dropped)
}

func TestNoMappings(t *testing.T) {
	m, err := CompileMappings(nil, "C")
	require.NoError(t, err)
	require.Nil(t, m)
	_, mapped, dropped := m.Append(nil, []byte("a"))
	require.False(t, mapped || dropped)
}

func TestTooLongSubjectGoesNowhere(t *testing.T) {
	m, err := CompileMappings([]Mapping{{"*", []Destined{{"$1.$1", 100, ""}}}}, "")
	require.NoError(t, err)
	out, mapped, dropped := m.Append([]byte("x"), make([]byte, 64<<10))
	require.False(t, mapped)
	require.True(t, dropped)
	require.Equal(t, "x", string(out))
}

func TestMappingErrors(t *testing.T) {
	tests := []struct {
		want string
		list []Mapping
	}{
		{`Subject "a..b" is not a valid subject`, []Mapping{{"a..b", nil}}},
		{`Error adding mapping for "a.*" to "b.$2" : invalid mapping destination: wildcard index out of range in $2: [2]`,
			[]Mapping{{"a.*", []Destined{{"b.$2", 100, ""}}}}},
		{`Error adding mapping for "a" to "b.>" : invalid subject`, []Mapping{{"a", []Destined{{"b.>", 100, "elsewhere"}}}}},
		{`mapping "a": total weight needs to be <= 100`, []Mapping{{"a", []Destined{{"b", 60, ""}, {"c", 41, ""}}}}},
		{`mapping "a": total weight needs to be <= 100`, []Mapping{{"a", []Destined{{"b", 60, "C"}, {"c", 41, "C"}}}}},
		{`invalid weight 101 for mapping destination "b"`, []Mapping{{"a", []Destined{{"b", 101, ""}}}}},
		{`invalid weight -1 for mapping destination "b"`, []Mapping{{"a", []Destined{{"b", -1, ""}}}}},
		{`duplicate entry for "b"`, []Mapping{{"a", []Destined{{"b", 50, ""}, {"b", 50, ""}}}}},
		{`duplicate entry for "a"`, []Mapping{{"a", nil}, {"a", nil}}},
	}
	for _, tt := range tests {
		m, err := CompileMappings(tt.list, "")
		require.EqualError(t, err, tt.want)
		require.Nil(t, m)
	}
}

func TestMappingAllocatesNothing(t *testing.T) {
	m, err := CompileMappings([]Mapping{{"a.*", []Destined{{"b.$1", 50, ""}, {"c.$1", 50, ""}}}, {"b", []Destined{{"c", 100, ""}}}}, "")
	require.NoError(t, err)
	buffer, one, two := make([]byte, 0, 64), []byte("a.12345678901234567890123456789012345"), []byte("b")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		m.Append(buffer, one)
		m.Append(buffer, two)
	}))
}
