package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// commLength is how much of its name the kernel keeps of a process, in bytes (proc_pid_comm(5)).
const commLength = 15

// servers returns the processes that run the program with that name as a server.
func servers(name string) ([]int, error) {
	return serversIn("/proc", name)
}

// serversIn is servers for a folder such as /proc. Without one, tools are asked.
func serversIn(proc, name string) ([]int, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return byTool(name)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && runs(filepath.Join(proc, e.Name()), name) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// runs reports whether the process with that folder runs the program as a server. One that has ended
// and was not fetched yet does not. The kernel cuts names short; the rest is looked for where the
// process says how it was called.
func runs(dir, name string) bool {
	stat, err := os.ReadFile(filepath.Join(dir, "stat")) // "pid (name) state ..."; the name may hold anything
	if err != nil {
		return false
	}
	begin, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if begin < 0 || end < begin || len(stat) < end+3 || stat[end+2] == 'Z' || stat[end+2] == 'X' {
		return false
	}
	if string(stat[begin+1:end]) != name[:min(len(name), commLength)] {
		return false
	}
	line, err := os.ReadFile(filepath.Join(dir, "cmdline")) // each argument ends with a zero
	if err != nil {
		return false
	}
	called, arguments, _ := strings.Cut(string(line), "\x00")
	if len(name) >= commLength && filepath.Base(called) != name {
		return false
	}
	first, _, some := strings.Cut(arguments, "\x00")
	return !some || !isWord(first)
}
