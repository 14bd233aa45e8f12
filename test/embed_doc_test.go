package test_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	codeBlock   = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	exampleBody = regexp.MustCompile(`(?ms)^func (Example\w*)\(\) \{\n(.*?)^\}$`)
)

// The code of the document on embedding is that of the examples, which are compiled and run: every
// block is an example or what stands beside one, and every example has its block.
func TestDocumentOnEmbeddingShowsTheExamples(t *testing.T) {
	document, err := os.ReadFile("../docs/embedding.md")
	require.NoError(t, err)
	shown := map[string]bool{}
	for _, block := range codeBlock.FindAllStringSubmatch(string(document), -1) {
		shown[block[1]] = true
	}
	require.NotEmpty(t, shown)

	var sources string
	examples := map[string]bool{}
	for _, name := range []string{"../server/example_test.go", "example_test.go"} {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		sources += string(source)
		found := exampleBody.FindAllStringSubmatch(string(source), -1)
		require.NotEmpty(t, found, name)
		for _, e := range found {
			body, _, _ := strings.Cut(e[2], "\t// Output:")
			body = strings.TrimPrefix(strings.ReplaceAll("\n"+body, "\n\t", "\n"), "\n")
			examples[body] = true
			require.True(t, shown[body], "%s of %s is not in the document", e[1], name)
		}
	}
	for block := range shown {
		require.True(t, examples[block] || strings.Contains(sources, "\n"+block), "no example:\n%s", block)
	}
}
