package subject

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidity(t *testing.T) {
	tests := []struct {
		s                             string
		subscribe, publish, wildcards bool
		tokens                        int
	}{
		{"", false, false, false, 0},
		{".", false, false, false, 2},
		{"foo", true, true, false, 1},
		{"foo.bar", true, true, false, 2},
		{"foo..bar", false, false, false, 3},
		{".foo", false, false, false, 2},
		{"foo.", false, false, false, 2},
		{"*", true, false, true, 1},
		{">", true, false, true, 1},
		{"foo.*", true, false, true, 2},
		{"*.foo", true, false, true, 2},
		{"*.*.*", true, false, true, 3},
		{"foo.>", true, false, true, 2},
		{"*.>", true, false, true, 2},
		{">.foo", false, false, true, 2},
		{"foo.>.bar", false, false, true, 3},
		{"foo.>.", false, false, true, 3},
		{">.>", false, false, true, 2},
		{"foo*", true, true, false, 1},
		{"f*o", true, true, false, 1},
		{"**", true, true, false, 1},
		{">>", true, true, false, 1},
		{"foo.>x", true, true, false, 2},
		{"x>.foo", true, true, false, 2},
		{"\x00\xff.\x01", true, true, false, 2},
	}
	for _, tt := range tests {
		t.Run(tt.s, func(t *testing.T) {
			require.Equal(t, tt.subscribe, ValidSubscription(tt.s), "subscribe")
			require.Equal(t, tt.publish, ValidPublish(tt.s), "publish")
			require.Equal(t, tt.wildcards, HasWildcard(tt.s), "wildcard")
			require.Equal(t, tt.tokens, Tokens(tt.s), "tokens")
			checkAgainstSlow(t, tt.s)
		})
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		subject, pattern string
		want             bool
	}{
		{"foo", "foo", true},
		{"foo", "bar", false},
		{"foo", "fo", false},
		{"fo", "foo", false},
		{"foo.bar", "foo", false},
		{"foo", "foo.bar", false},
		{"foo.bar", "foo.*", true},
		{"foo.bar", "*.bar", true},
		{"foo.bar", "*.*", true},
		{"foo.bar", "*", false},
		{"foo", "*.*", false},
		{"foo", ">", true},
		{"foo.bar.baz", ">", true},
		{"foo.bar.baz", "foo.>", true},
		{"foo", "foo.>", false},
		{"foo.bar", "*.>", true},
		{"foo", "*.>", false},
		{"foo.*", "foo.*", true},
		{"foo.*", "foo.>", true},
		{"foo.*", ">", true},
		{"foo.*", "foo.bar", false},
		{"foo.>", "foo.*", true},
		{"foo.>", "foo.>", true},
		{"foo.>", "foo.bar", false},
		{"foo.>", "foo.bar.baz", false},
		{">.foo", "*.foo", true},
		{"foo*", "foo*", true},
		{"foobar", "foo*", false},
		{"foo..bar", ">", false},
		{"foo..bar", "foo.*.bar", false},
		{"foo..bar", "foo..bar", false},
		{"foo.", "foo.>", false},
		{"foo.", "foo.*", false},
		{".foo", ">", false},
		{"", ">", false},
		{"", "", false},
		{"foo.bar.baz", "foo.>.baz", false},
	}
	for _, tt := range tests {
		t.Run(tt.subject+" "+tt.pattern, func(t *testing.T) {
			require.Equal(t, tt.want, Matches(tt.subject, tt.pattern))
			checkPairAgainstSlow(t, tt.subject, tt.pattern)
		})
	}
}

func TestCoversAndOverlaps(t *testing.T) {
	tests := []struct {
		a, b             string
		covers, overlaps bool // a covers b; a and b overlap
	}{
		{"foo", "foo", true, true},
		{"foo", "bar", false, false},
		{"foo.*", "foo.bar", true, true},
		{"foo.bar", "foo.*", false, true},
		{"foo.*", "foo.*", true, true},
		{"foo.>", "foo.*", true, true},
		{"foo.*", "foo.>", false, true},
		{"foo.>", "foo.>", true, true},
		{"foo.>", "foo", false, false},
		{">", "foo", true, true},
		{">", "*.>", true, true},
		{"*.>", ">", false, true},
		{"*.>", "foo", false, false},
		{"foo.*", "*.bar", false, true},
		{"foo.*.a", "*.bar.b", false, false},
		{"foo.*", "*.bar.>", false, false},
		{"foo.*.x", "foo.>", false, true},
		{"foo..x", "foo..x", false, false},
		{"foo.>", "foo.a..x", false, false},
		{"foo.>", "foo.>.x", false, false},
		{"foo.>.x", "foo.a.x", false, false},
		{"", "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.a+" "+tt.b, func(t *testing.T) {
			require.Equal(t, tt.covers, Covers(tt.a, tt.b), "covers")
			require.Equal(t, tt.overlaps, Overlaps(tt.a, tt.b), "overlaps")
			require.Equal(t, tt.overlaps, Overlaps(tt.b, tt.a), "overlaps, the other way round")
			checkPairAgainstSlow(t, tt.a, tt.b)
		})
	}
}

// TestDefinitions checks Covers and Overlaps against what they mean, by listing every subject
// that could make a difference: tokens known to the patterns, one that is not, and one token
// more than the patterns have.
func TestDefinitions(t *testing.T) {
	subjects := lists([]string{"a", "b", "z"}, 4)
	patterns := lists([]string{"a", "b", "*", ">"}, 3)
	matched := make([][]bool, len(patterns))
	for i, p := range patterns {
		matched[i] = make([]bool, len(subjects))
		for j, s := range subjects {
			matched[i][j] = Matches(s, p)
		}
	}
	for i, a := range patterns {
		for j, b := range patterns {
			covers, overlaps := ValidSubscription(a) && ValidSubscription(b), false
			for k := range subjects {
				covers = covers && (matched[i][k] || !matched[j][k])
				overlaps = overlaps || matched[i][k] && matched[j][k]
			}
			if covers != Covers(a, b) {
				t.Errorf("Covers(%q, %q) = %v", a, b, !covers)
			}
			if overlaps != Overlaps(a, b) {
				t.Errorf("Overlaps(%q, %q) = %v", a, b, !overlaps)
			}
		}
	}
}

// lists returns every subject of one to most tokens over the given ones.
func lists(tokens []string, most int) []string {
	all, last := []string(nil), []string{""}
	for range most {
		var next []string
		for _, head := range last {
			for _, t := range tokens {
				if head != "" {
					t = head + "." + t
				}
				next = append(next, t)
			}
		}
		all, last = append(all, next...), next
	}
	return all
}

func TestNoAllocations(t *testing.T) {
	subject, pattern := []byte("orders.eu.berlin.created.12345678901234567890"), "orders.*.berlin.>"
	sink := 0
	count := func(b bool) {
		if b {
			sink++
		}
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		count(ValidSubscription(subject))
		count(ValidPublish(subject))
		count(HasWildcard(subject))
		count(Matches(subject, pattern))
		count(Matches(string(pattern), subject))
		count(Covers(pattern, subject))
		count(Overlaps(subject, pattern))
		sink += Tokens(pattern)
	}))
	require.NotZero(t, sink)
}

func BenchmarkMatches(b *testing.B) {
	for _, pattern := range []string{"orders.eu.berlin.created", "orders.*.berlin.>", "orders.us.>"} {
		b.Run(pattern, func(b *testing.B) {
			subject := []byte("orders.eu.berlin.created")
			for b.Loop() {
				Matches(subject, pattern)
			}
		})
	}
}
