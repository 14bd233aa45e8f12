package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // whoever tests may have stores and servers of their own
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "NATS_") || strings.HasPrefix(name, "NSC_") || name == "NKEYS_PATH" {
			os.Unsetenv(name)
		}
	}
	lab.VerifyNoLeaks(m)
}

// misuse is an error of the command line in these tests.
type misuse struct{ error }

// home gives a test a store of its own, and makes its folder the current one.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Chdir(dir)
	return dir
}

// ask runs a command line without "barid trust".
func ask(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, told bytes.Buffer
	root := &cobra.Command{Use: "barid", SilenceErrors: true, SilenceUsage: true}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misuse{err} })
	root.AddCommand(Command(Host{
		Misuse: func(err error) error { return misuse{err} },
		Clean:  func(text string) string { return strings.ReplaceAll(text, "\x1b", "?") },
		PrintJSON: func(w io.Writer, value any) error {
			return json.NewEncoder(w).Encode(value)
		},
	}))
	root.SetArgs(append([]string{"trust"}, args...))
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&told)
	err = root.ExecuteContext(t.Context())
	return out.String(), told.String(), err
}

// succeed runs a command line, with words separated by spaces, that must do what it is asked.
func succeed(t *testing.T, line string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := ask(t, "", strings.Fields(line)...)
	require.NoError(t, err, "%s\n%s%s", line, stdout, stderr)
	return stdout, stderr
}

// fail runs a command line that must fail with an error.
func fail(t *testing.T, line, want string) {
	t.Helper()
	_, _, err := ask(t, "", strings.Fields(line)...)
	require.ErrorContains(t, err, want, line)
}

// misunderstood runs a command line that must not be understood.
func misunderstood(t *testing.T, line, want string) {
	t.Helper()
	_, _, err := ask(t, "", strings.Fields(line)...)
	require.ErrorContains(t, err, want, line)
	_, ok := errors.AsType[misuse](err)
	require.True(t, ok, "%s: %v", line, err)
}

// seeds returns the seeds of a store.
func seeds(t *testing.T, dir string) (all []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".nk") {
			all = append(all, strings.TrimSpace(read(t, path)))
		}
		return err
	}))
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}
