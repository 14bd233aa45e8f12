package config

import (
	"fmt"
	"slices"
	"strings"
)

// vocabulary is a kind of block with the names that it knows.
type vocabulary struct {
	title string // how it is written
	names []string
}

// vocabularies are those of all blocks.
func vocabularies() []vocabulary {
	return []vocabulary{
		{"the top level", topLevel.names()},
		{"tls { }", tlsBlock.names()},
		{"authorization { }", authorizationBlock.names()},
		{"users [ { } ]", userBlock.names()},
		{"accounts { NAME { } }", accountBlock.names()},
		{"limits { } of an account", limitsBlock.names()},
		{"exports [ { } ]", exportBlock.names()},
		{"latency { }", latencyBlock.names()},
		{"imports [ { } ]", importBlock.names()},
		{"stream { } or service { } of an import", sourceBlock.names()},
		{"destinations of mappings", destinationBlock.names()},
		{"auth_callout { }", calloutBlock.names()},
		{"oidc { }", oidcBlock.names()},
		{"roles { NAME { } } of oidc", roleBlock.names()},
		{"resolver { }", resolverBlock.names()},
		{"permissions { }", permissionsBlock.names()},
		{"publish { } or subscribe { }", subjectBlock.names()},
		{"allow_responses { }", responseBlock.names()},
		{"proxies { }", proxies.names()},
		{"trusted [ { } ] of proxies", proxy.names()},
	}
}

// advise says what may be meant by a key that a block does not know, of the names that it knows.
func (d *decoder) advise(key string, known []string) string {
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	var titles []string
	for _, v := range d.blocks {
		if slices.ContainsFunc(v.names, func(name string) bool { return strings.EqualFold(name, key) }) {
			titles = append(titles, v.title)
		}
	}
	if titles == nil {
		return ""
	}
	return fmt.Sprintf("; %q belongs into %s", key, strings.Join(titles, " or "))
}

// nearest is the name with the fewest slips of typing between it and the key, empty if that are
// too many.
func nearest(key string, names []string) (best string) {
	key = strings.ToLower(key)
	const longest = 64 // no name is longer
	if key == "" || len(key) > longest {
		return ""
	}
	fewest := 3
	for _, name := range names {
		allowed := 1 // a short word is soon another one
		if len(name) > 5 {
			allowed = 2
		}
		if n := slips(key, name); n <= allowed && n < fewest {
			best, fewest = name, n
		}
	}
	return best
}

// slips counts the letters to insert, to leave out, to replace or to swap with the next one that
// make b of a (optimal string alignment).
func slips(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			n := min(rows[i-1][j], rows[i][j-1]) + 1
			if a[i-1] == b[j-1] {
				n = min(n, rows[i-1][j-1])
			} else {
				n = min(n, rows[i-1][j-1]+1)
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, rows[i-2][j-2]+1)
			}
			rows[i][j] = n
		}
	}
	return rows[len(a)][len(b)]
}
