package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInputIsBounded(t *testing.T) {
	_, err := Parse(strings.Repeat(" ", maxInput))
	require.NoError(t, err)
	_, err = Parse(strings.Repeat(" ", maxInput+1))
	require.ErrorContains(t, err, "configuration is larger than 8388608 bytes")

	dir := write(t, map[string]string{
		"main":  strings.Repeat("include part\n", 9),
		"part":  strings.Repeat("#", 1<<20),
		"large": strings.Repeat("#", maxInput+1),
	})
	_, err = ParseFile(filepath.Join(dir, "main"))
	require.ErrorContains(t, err, "configuration is larger than")
	_, err = ParseFile(filepath.Join(dir, "large"))
	require.ErrorContains(t, err, "large: configuration is larger than")

	_, err = Parse("a [" + strings.Repeat("1,", maxValues) + "]")
	require.ErrorContains(t, err, "configuration has more than 1048576 values")
}

func TestDepthIsBounded(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	_, err := Parse("a " + deep(maxDepth))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"arrays":                 "a " + deep(maxDepth+1),
		"maps":                   strings.Repeat("a {", maxDepth+1),
		"a variable in an array": "a " + deep(maxDepth) + "\nb [$a]",
		"variables in variables": grow(maxDepth+2, "[$a%[2]d]"),
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, "maps and arrays are nested more than 128 deep", name)
	}
	t.Setenv("BARID_DEEP", deep(maxDepth))
	_, err = Parse("a [$BARID_DEEP]")
	require.ErrorContains(t, err, "maps and arrays are nested more than 128 deep")

	dir := write(t, map[string]string{"main": "a [{ include deep }]", "deep": "b " + deep(maxDepth-1)})
	_, err = ParseFile(filepath.Join(dir, "main"))
	require.ErrorContains(t, err, "maps and arrays are nested more than 128 deep")
}

// grow returns a text of n keys of which each refers to the one before as the format says.
func grow(n int, format string) string {
	var b strings.Builder
	b.WriteString("a0: lol\n")
	for i := range n {
		fmt.Fprintf(&b, "a%[1]d: "+format+"\n", i+1, i)
	}
	return b.String()
}

func TestVariablesCannotBlowUp(t *testing.T) {
	for _, format := range []string{"[$a%[2]d, $a%[2]d]", "{x: $a%[2]d, y: $a%[2]d}"} {
		_, err := Parse(grow(15, format))
		require.NoError(t, err)
		_, err = Parse(grow(60, format))
		require.ErrorContains(t, err, "variables repeat more than 8388608 bytes")
	}
	for i := range 40 {
		t.Setenv(fmt.Sprintf("BARID_%d", i), fmt.Sprintf("[$BARID_%d, $BARID_%[1]d, '%s']", i+1, strings.Repeat("x", 100)))
	}
	t.Setenv("BARID_30", "1")
	_, err := Parse("a: $BARID_0")
	require.ErrorContains(t, err, "variables repeat more than 8388608 bytes")
}

func TestFilesThatIncludeEachOtherAreBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range maxNested + 1 {
		text := fmt.Sprintf("include f%d", i+1)
		if i == maxNested {
			text = "a 1"
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d", i)), []byte(text), 0o600))
	}
	d, err := ParseFile(filepath.Join(dir, "f1"))
	require.NoError(t, err)
	require.Equal(t, `{"a":1}`, tree(d))
	_, err = ParseFile(filepath.Join(dir, "f0"))
	require.ErrorContains(t, err, "more than 32 files include each other")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "many"), []byte(strings.Repeat("include f32\n", maxIncludes+1)), 0o600))
	_, err = ParseFile(filepath.Join(dir, "many"))
	require.ErrorContains(t, err, "more than 1024 includes")
}

// Reading takes time in proportion to the text, whatever is in it.
func TestManyDuplicatesAndLines(t *testing.T) {
	d, err := Parse(strings.Repeat("a 1\n", 200_000) + strings.Repeat("\n", 200_000) + "b: 1")
	require.NoError(t, err)
	require.Len(t, d.Root.Pairs, 2)
	require.Equal(t, 400_001, get(d.Root, "b").At.Line)
}
