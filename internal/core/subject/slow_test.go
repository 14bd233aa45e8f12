package subject

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A second implementation by lists of tokens: slow, and plain enough to be believed.

func slowValidSubscription(s string) bool {
	tokens := strings.Split(s, ".")
	i := slices.Index(tokens, ">")
	return !slices.Contains(tokens, "") && (i < 0 || i == len(tokens)-1)
}

func slowHasWildcard(s string) bool {
	tokens := strings.Split(s, ".")
	return slices.Contains(tokens, "*") || slices.Contains(tokens, ">")
}

func slowValidPublish(s string) bool {
	return !slices.Contains(strings.Split(s, "."), "") && !slowHasWildcard(s)
}

func slowTokens(s string) int {
	if s == "" {
		return 0
	}
	return len(strings.Split(s, "."))
}

func slowMatches(subject, pattern string) bool {
	s, p := strings.Split(subject, "."), strings.Split(pattern, ".")
	if slices.Contains(s, "") || !slowValidSubscription(pattern) {
		return false
	}
	if last := len(p) - 1; p[last] == ">" {
		if len(s) < len(p) {
			return false
		}
		s, p = s[:last], p[:last]
	}
	return slices.EqualFunc(s, p, func(s, p string) bool { return p == "*" || p == s })
}

func slowCovers(pattern, sub string) bool {
	if !slowValidSubscription(pattern) || !slowValidSubscription(sub) {
		return false
	}
	p, s := strings.Split(pattern, "."), strings.Split(sub, ".")
	if last := len(p) - 1; p[last] == ">" {
		if len(s) < len(p) {
			return false
		}
		s, p = s[:last], p[:last]
	}
	return slices.EqualFunc(s, p, func(s, p string) bool { return s != ">" && (p == "*" || p == s) })
}

func slowOverlaps(a, b string) bool {
	if !slowValidSubscription(a) || !slowValidSubscription(b) {
		return false
	}
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	if x[len(x)-1] != ">" {
		x, y = y, x
	}
	if last := len(x) - 1; x[last] == ">" {
		shorter := min(len(x), len(y))
		if len(y) < len(x) && y[len(y)-1] != ">" {
			return false
		}
		x, y = x[:shorter-1], y[:shorter-1]
	}
	return slices.EqualFunc(x, y, func(x, y string) bool { return x == y || x == "*" || y == "*" })
}

func checkAgainstSlow(t *testing.T, s string) {
	t.Helper()
	b := []byte(s)
	require.Equal(t, slowValidSubscription(s), ValidSubscription(s), "ValidSubscription(%q)", s)
	require.Equal(t, slowValidSubscription(s), ValidSubscription(b), "ValidSubscription(%q)", b)
	require.Equal(t, slowValidPublish(s), ValidPublish(s), "ValidPublish(%q)", s)
	require.Equal(t, slowValidPublish(s), ValidPublish(b), "ValidPublish(%q)", b)
	require.Equal(t, slowHasWildcard(s), HasWildcard(s), "HasWildcard(%q)", s)
	require.Equal(t, slowHasWildcard(s), HasWildcard(b), "HasWildcard(%q)", b)
	require.Equal(t, slowTokens(s), Tokens(s), "Tokens(%q)", s)
	require.Equal(t, slowTokens(s), Tokens(b), "Tokens(%q)", b)
}

func checkPairAgainstSlow(t *testing.T, a, b string) {
	t.Helper()
	bytes := []byte(a)
	require.Equal(t, slowMatches(a, b), Matches(a, b), "Matches(%q, %q)", a, b)
	require.Equal(t, slowMatches(a, b), Matches(bytes, b), "Matches(%q, %q)", bytes, b)
	require.Equal(t, slowCovers(a, b), Covers(a, b), "Covers(%q, %q)", a, b)
	require.Equal(t, slowCovers(a, b), Covers(bytes, b), "Covers(%q, %q)", bytes, b)
	require.Equal(t, slowOverlaps(a, b), Overlaps(a, b), "Overlaps(%q, %q)", a, b)
	require.Equal(t, slowOverlaps(a, b), Overlaps(bytes, b), "Overlaps(%q, %q)", bytes, b)
}

// TestSlowPairs compares every pair of short subjects, valid or not.
func TestSlowPairs(t *testing.T) {
	all := lists([]string{"a", "b", "*", ">", ""}, 3)
	for _, a := range all {
		checkAgainstSlow(t, a)
		for _, b := range all {
			if Matches(a, b) != slowMatches(a, b) || Covers(a, b) != slowCovers(a, b) || Overlaps(a, b) != slowOverlaps(a, b) {
				checkPairAgainstSlow(t, a, b)
			}
		}
	}
}

func FuzzSubject(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", "a..b", "*", ">", "a.*", "a.>", ">.a", "a*.>b", "."} {
		f.Add(s)
	}
	f.Fuzz(checkAgainstSlow)
}

func FuzzPair(f *testing.F) {
	for _, p := range [][2]string{{"a.b", "a.*"}, {"a.b.c", "a.>"}, {"*.b", "a.*"}, {"a.>", "a.*.c"}, {"a..b", ">"}, {"", ""}} {
		f.Add(p[0], p[1])
	}
	f.Fuzz(checkPairAgainstSlow)
}
