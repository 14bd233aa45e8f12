package conf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each file of testdata/good has its tree beside it, each of testdata/bad its error. To write
// them anew: CONF_UPDATE=1 go test ./conf
func TestCorpus(t *testing.T) {
	for dir, show := range map[string]func(*testing.T, *Document, error) string{
		"good": func(t *testing.T, d *Document, err error) string {
			require.NoError(t, err)
			return outline(t, d)
		},
		"bad": func(t *testing.T, _ *Document, err error) string {
			require.Error(t, err)
			return filepath.ToSlash(err.Error()) + "\n"
		},
	} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			if filepath.Ext(file) == ".golden" {
				continue
			}
			t.Run(file, func(t *testing.T) {
				d, err := ParseFile(file)
				got := show(t, d, err)
				golden := file + ".golden"
				if os.Getenv("CONF_UPDATE") != "" {
					require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
				}
				want, err := os.ReadFile(golden)
				require.NoError(t, err)
				require.Equal(t, string(want), got)
			})
		}
	}
}

// outline shows the tree of a document as JSON, and where its pairs and elements stand.
func outline(t *testing.T, d *Document) string {
	var b bytes.Buffer
	require.NoError(t, json.Indent(&b, []byte(tree(d)), "", "  "))
	b.WriteString("\n\n")
	var walk func(name string, v *Value)
	pairs := func(name string, block *Block) {
		for _, p := range block.Pairs {
			used := map[bool]string{true: " used"}[p.Used]
			fmt.Fprintf(&b, "%s %s%s\n", filepath.ToSlash(p.At.String()), name+p.Key, used)
			walk(name+p.Key, p.Value)
		}
	}
	walk = func(name string, v *Value) {
		for i, item := range v.Items {
			element := fmt.Sprintf("%s[%d]", name, i)
			fmt.Fprintf(&b, "%s %s\n", filepath.ToSlash(item.At.String()), element)
			walk(element, item)
		}
		if v.Kind == Map {
			pairs(name+" / ", v.Map)
		}
	}
	pairs("", d.Root)
	return b.String()
}

func TestPositions(t *testing.T) {
	d, err := Parse("ab 1; 'c' 2\n  \"d\" [x, \"y\", 'z', {e 1}, [1], (\n)\n]\nü ä; f 1")
	require.NoError(t, err)
	column := func(key string) int { return get(d.Root, key).At.Column }
	require.Equal(t, []int{0, 7, 4, 1, 8}, []int{column("ab"), column("c"), column("d"), column("ü"), column("f")})
	var columns []int
	for _, item := range get(d.Root, "d").Items {
		columns = append(columns, item.At.Column)
		require.Equal(t, 2, item.At.Line)
	}
	require.Equal(t, []int{8, 12, 17, 21, 28, 33}, columns)
	require.Equal(t, "1:0", d.Root.Pairs[0].At.String())
	require.Equal(t, "f:2:3", Position{"f", 2, 3}.String())
}

// get returns the value of a key, nil if there is none.
func get(b *Block, key string) *Value {
	for _, p := range b.Pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return nil
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*", "testdata/bad/*"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(string(text))
		}
	}
	for _, text := range []string{
		"a: 1; b: [$a,$a]; c: [$b,$b]", "a [1kb,-1.5,2016-05-04T18:53:41Z,1.2.3.4:5]", "a \\x41\\n'", "{{a 1}} b $2a$x", "\ufeffa\u00a01\x00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			t.Skip("would read files")
		}
		d, err := Parse(text)
		if err != nil {
			require.Nil(t, d)
			require.Less(t, len(err.Error()), 2000)
			return
		}
		again, err := Parse(text)
		require.NoError(t, err)
		require.Equal(t, d.Digest, again.Digest)
		// What was read is JSON, and that is read as the same, but for the escapes and floats of JSON.
		j := tree(d)
		require.True(t, json.Valid([]byte(j)), j)
		if strings.Contains(j, `\`) || regexp.MustCompile(`e[-+]|-0|\d{19}`).MatchString(j) {
			return
		}
		same, err := Parse(j)
		require.NoError(t, err, j)
		require.Equal(t, d.Digest, same.Digest, j)
	})
}
