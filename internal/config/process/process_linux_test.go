package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServersByName(t *testing.T) {
	proc := t.TempDir()
	add := func(pid, comm, state, called string, args ...string) {
		if args == nil {
			args = []string{"-c", "f"}
		}
		dir := filepath.Join(proc, pid)
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "stat"), fmt.Appendf(nil, "%s (%s) %s 1 1", pid, comm, state), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "cmdline"), []byte(strings.Join(append([]string{called}, args...), "\x00")+"\x00"), 0o600))
	}
	add("1", "init", "S", "init")
	add("10", "barid", "S", "/usr/bin/barid")
	add("11", "barid", "Z", "")
	add("12", "barid", "X", "")
	add("13", "barid2", "S", "barid2")
	add("14", "bar", "S", "bar")
	add("15", "a) S (barid", "S", "x")
	add("16", "barid) S", "R", "x")
	add("17", "barid", "S", "barid", "sub", "-c", "f")
	add("18", "barid", "S", "barid", "")
	add("20", "barid-with-a-lo", "S", "./barid-with-a-long-name")
	add("22", "barid-with-a-lo", "S", "barid-with-a-long-name", "bench")
	add("21", "barid-with-a-lo", "S", "barid-with-a-longer-name")
	add("self", "barid", "S", "barid")
	add("23", "barid", "S", "barid")
	require.NoError(t, os.WriteFile(filepath.Join(proc, "23", "cmdline"), []byte("barid\x00"), 0o600)) // no arguments
	require.NoError(t, os.Mkdir(filepath.Join(proc, "30"), 0o700))                                     // it ends while we look
	add("31", "", "", "")
	require.NoError(t, os.WriteFile(filepath.Join(proc, "31", "stat"), []byte("31 (barid)"), 0o600))
	for name, want := range map[string][]int{
		"barid":                   {10, 23},
		"barid) S":                {16},
		"barid-with-a-long-name":  {20},
		"barid-with-a-longer-nam": nil,
		"nothing":                 nil,
	} {
		pids, err := serversIn(proc, name)
		require.NoError(t, err)
		slices.Sort(pids)
		require.Equal(t, want, pids, name)
	}
}

// Where no list of processes is mounted, tools have it.
func TestServersByTool(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := serversIn(filepath.Join(t.TempDir(), "none"), "barid")
	require.ErrorIs(t, err, errFindProcess)
	for _, c := range []struct {
		pgrep, ps string
		want      []int
	}{
		{"echo 7; echo 8", "echo '  7 /a dir/barid -c f'; echo '8 barid'", []int{7, 8}},
		{"echo 7; echo 8; echo 9", "echo '  7 /a dir/barid sub -c f'; echo '8 barid bench'; echo '9 barid -D sub'", []int{9}},
		{"echo 7", "echo '7 another sub'", nil},
		{"echo 7; echo 8", "[ \"$*\" = '-o pid=,args= -p 7,8' ] && echo '8 barid'", []int{8}},
		{"echo 7", "exit 1", nil}, // it has ended
		{"exit 1", "echo 7 barid", nil},
	} {
		dir := t.TempDir()
		for name, script := range map[string]string{"pgrep": c.pgrep, "ps": c.ps} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
		}
		t.Setenv("PATH", dir)
		pids, err := byTool("barid")
		require.NoError(t, err)
		require.Equal(t, c.want, pids, "%+v", c)
	}
	for _, bad := range []string{"echo x", "exit 2", "echo 7"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "pgrep"), []byte("#!/bin/sh\n"+bad+"\n"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "ps"), []byte("#!/bin/sh\necho x barid\n"), 0o700))
		t.Setenv("PATH", dir)
		_, err := byTool("barid")
		require.ErrorIs(t, err, errFindProcess)
	}
}
