package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProcessesByName(t *testing.T) {
	proc := t.TempDir()
	add := func(pid, comm, state, called string) {
		dir := filepath.Join(proc, pid)
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "stat"), fmt.Appendf(nil, "%s (%s) %s 1 1", pid, comm, state), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "cmdline"), []byte(called+"\x00-c\x00f"), 0o600))
	}
	add("1", "init", "S", "init")
	add("10", "barid", "S", "/usr/bin/barid")
	add("11", "barid", "Z", "")
	add("12", "barid", "X", "")
	add("13", "barid2", "S", "barid2")
	add("14", "bar", "S", "bar")
	add("15", "a) S (barid", "S", "x")
	add("16", "barid) S", "R", "x")
	add("20", "barid-with-a-lo", "S", "./barid-with-a-long-name")
	add("21", "barid-with-a-lo", "S", "barid-with-a-longer-name")
	add("self", "barid", "S", "barid")
	require.NoError(t, os.Mkdir(filepath.Join(proc, "30"), 0o700)) // it ends while we look
	add("31", "", "", "")
	require.NoError(t, os.WriteFile(filepath.Join(proc, "31", "stat"), []byte("31 (barid)"), 0o600))
	for name, want := range map[string][]int{
		"barid":                   {10},
		"barid) S":                {16},
		"barid-with-a-long-name":  {20},
		"barid-with-a-longer-nam": nil,
		"nothing":                 nil,
	} {
		pids, err := processesIn(proc, name)
		require.NoError(t, err)
		slices.Sort(pids)
		require.Equal(t, want, pids, name)
	}
}

// Where no list of processes is mounted, a tool has it.
func TestProcessesByTool(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := processesIn(filepath.Join(t.TempDir(), "none"), "barid")
	require.ErrorIs(t, err, errFindProcess)
	for script, want := range map[string][]int{"echo 7; echo 8": {7, 8}, "exit 1": nil} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "pgrep"), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
		t.Setenv("PATH", dir)
		pids, err := byTool("barid")
		require.NoError(t, err)
		require.Equal(t, want, pids)
	}
}
