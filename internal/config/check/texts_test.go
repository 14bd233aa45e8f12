package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every hint stands behind an error of the bad files: none is left over from another text.
func TestHintsAreGiven(t *testing.T) {
	files, err := filepath.Glob("../testdata/bad/*.golden")
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	for format, hint := range hints {
		start, _, _ := strings.Cut(format, "%")
		var given bool
		for line := range strings.Lines(all.String()) {
			given = given || strings.Contains(line, start) && strings.HasSuffix(line, "; "+hint+"\n")
		}
		require.True(t, given, "no bad file has: %s", format)
	}
}
