package conf

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// write makes files below a new directory, and returns that.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func TestIncludesAddTheirPairs(t *testing.T) {
	dir := write(t, map[string]string{
		"sub/a.conf": "x: 1; y: 2\n include b.conf",
		"sub/b.conf": "z: 3",
		"c d":        "w: 4",
		"empty":      "",
	})
	for text, want := range map[string]string{
		"include sub/a.conf":                       `{"x":1,"y":2,"z":3}`,
		"  INCLUDE\t'sub/a.conf' # c":              `{"x":1,"y":2,"z":3}`,
		"include ./sub/b.conf; a 1":                `{"a":1,"z":3}`,
		"m {include sub/b.conf}":                   `{"m":{"z":3}}`,
		"m {include sub/b.conf}\nn 1":              `{"m":{"z":3},"n":1}`,
		`m {include "c d", a 1}`:                   `{"m":{"a":1,"w":4}}`,
		"z 1\ninclude sub/b.conf":                  `{"z":3}`,
		"include sub/b.conf\nz 1":                  `{"z":1}`,
		"include sub/b.conf; a $z":                 `{"a":3,"z":3}`,
		"include empty":                            `{}`,
		"include: sub/b.conf":                      `{"include":"sub/b.conf"}`,
		"include = sub/b.conf":                     `{"include":"sub/b.conf"}`,
		"'include' sub/b.conf":                     `{"include":"sub/b.conf"}`,
		"includes sub/b.conf":                      `{"includes":"sub/b.conf"}`,
		"include '" + dir + "/sub/b.conf'":         `{"z":3}`,
		"include /sub/b.conf":                      `{"z":3}`,
		"include sub/b.conf\ninclude 'sub/b.conf'": `{"z":3}`,
	} {
		path := filepath.Join(dir, "main.conf")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		d, err := ParseFile(path)
		require.NoError(t, err, text)
		require.Equal(t, want, tree(d), text)
	}
}

func TestIncludedPairsKnowTheirFile(t *testing.T) {
	dir := write(t, map[string]string{"main.conf": "a 1\ninclude sub/b.conf", "sub/b.conf": "\nb 1\ninclude ../c.conf", "c.conf": "c 1"})
	d, err := ParseFile(filepath.Join(dir, "main.conf"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "main.conf"), d.File)
	require.Equal(t, Position{filepath.Join(dir, "main.conf"), 1, 0}, get(d.Root, "a").At)
	require.Equal(t, Position{filepath.Join(dir, "sub", "b.conf"), 2, 1}, get(d.Root, "b").At)
	require.Equal(t, Position{filepath.Join(dir, "c.conf"), 1, 0}, get(d.Root, "c").At)
}

func TestIncludesThatFail(t *testing.T) {
	dir := write(t, map[string]string{
		"bad.conf":   "a {",
		"self.conf":  "m { include ./self.conf }",
		"ping.conf":  "include pong.conf",
		"pong.conf":  "include ping.conf",
		"blind.conf": "b: $hidden",
	})
	main := filepath.Join(dir, "main.conf")
	for text, want := range map[string]string{
		"include bad.conf": "error parsing include file 'bad.conf', " + filepath.Join(dir, "bad.conf") +
			":1:2: Parse error on line 1: 'Unexpected EOF processing map.'",
		"include self.conf":            "it includes itself",
		"include ping.conf":            "it includes itself",
		"include main.conf":            "error parsing include file 'main.conf', it includes itself",
		"hidden 1; include blind.conf": "variable reference for 'hidden' on line 1 can not be found",
		"include nothing":              "error parsing include file 'nothing', open ",
		"include /nothing":             "error parsing include file '/nothing', open ",
		"include ''":                   "error parsing include file '', its name is empty",
		"include b.conf, c 1":          "error parsing include file 'b.conf,', open ",
		"include \nbad.conf":           "Parse error on line 1: 'Expected include value but found new line'",
		"include\nbad.conf":            "'Expected include value but found new line'",
		"include 1":                    "'Expected include value but found start of a number'",
		"include -1":                   "'Expected include value but found start of a number'",
		"include [1]":                  "'Expected include value but found start of an array'",
		"include {a}":                  "'Expected include value but found start of a map'",
		"include (a":                   "'Expected include value but found start of a block'",
		`include \n`:                   "'Expected include value but found escape sequence'",
		`include "bad`:                 "'Unexpected EOF.'",
		"m { include empty c }":        "error parsing include file 'empty'",
	} {
		require.NoError(t, os.WriteFile(main, []byte(text), 0o600))
		_, err := ParseFile(main)
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, main+":1:", text)
	}
	_, err := ParseFile(filepath.Join(dir, "none.conf"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(main, []byte("include nothing"), 0o600))
	_, err = ParseFile(main)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestIncludesOfATextAreRelativeToTheWorkingDirectory(t *testing.T) {
	t.Chdir(write(t, map[string]string{"a.conf": "a 1"}))
	judge(t, []reads{{"include a.conf", `{"a":1}`}})
}
