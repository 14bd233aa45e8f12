package main

import (
	"bytes"
	"context"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListOfTestsIsRead(t *testing.T) {
	l, err := readList("tests.txt")
	require.NoError(t, err)
	require.NotEmpty(t, l.of("test", passes))
	require.NotEmpty(t, l.of("micro/test", passes))
	require.NotContains(t, l.of("test", passes), "TestKeyValueBasics")
}

func TestListOfTestsIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"too few words": "pass test\n",
		"twice":         "pass test TestA\nstreams test TestA\n",
	} {
		file := filepath.Join(t.TempDir(), "tests.txt")
		require.NoError(t, os.WriteFile(file, []byte("# comment\n\n"+text), 0o600))
		_, err := readList(file)
		require.ErrorContains(t, err, file, name)
	}
	_, err := readList(filepath.Join(t.TempDir(), "none"))
	require.Error(t, err)
}

// Everything exported is passed on: types, constants, variables and functions.
func TestAliasesPassOnWhatIsExported(t *testing.T) {
	dir := t.TempDir()
	source := `package p

type A struct{}
type G[T any] struct{}
type b int

const (
	C = 1
	d = 2
)

var E, f = 1, 2

func H()          {}
func I[T any](T)  {}
func (A) Method() {}
`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p_test.go"), []byte("package p\n\ntype T int\n"), 0o600))
	made, err := alias(dir, "example.org/p")
	require.NoError(t, err)
	require.Equal(t, `package p

import barid "example.org/p"

type A = barid.A

const C = barid.C

var E = barid.E
var H = barid.H
`, string(made))
}

func TestAliasesOfBarid(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, writeAliases(dir, filepath.Join("..", "..")))
	for _, name := range aliased {
		file := filepath.Join(dir, name, "aliases.go")
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = parser.ParseFile(token.NewFileSet(), file, source, 0)
		require.NoError(t, err)
		require.Contains(t, string(source), "barid.")
	}
}

func TestResultsAreThoseOfWholeTests(t *testing.T) {
	out := []byte(`=== RUN   TestA
    --- FAIL: TestA/part (0.00s)
--- PASS: TestA (0.01s)
--- FAIL: TestB (1.00s)
--- SKIP: TestC (0.00s)
=== RUN   TestD
panic: gone
`)
	require.Equal(t, map[string]string{"TestA": passed, "TestB": failed, "TestC": skipped}, readResults(out))
	require.Equal(t, missing, orMissing(readResults(out)["TestD"]))
}

func TestFilesThatDoNotCompileAreLeftOut(t *testing.T) {
	s := &suite{dir: t.TempDir()}
	for _, f := range []string{"a_test.go", "b_test.go", "c_test.go"} {
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, f), nil, 0o600))
	}
	n, err := s.leaveOut("# pkg\n./a_test.go:1:2: undefined: x\n./a_test.go:3:2: undefined: y\nb_test.go:1:2: undefined: x\n")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, []string{"a_test.go", "b_test.go"}, s.leftOut)
	left, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestUnknownFlagsAreRefused(t *testing.T) {
	require.Error(t, run(context.Background(), []string{"-nothing"}, &bytes.Buffer{}))
}
