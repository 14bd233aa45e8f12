package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// commLength is how much of its name the kernel keeps of a process, in bytes (proc_pid_comm(5)).
const commLength = 15

// processes returns those that run the program with that name.
func processes(name string) ([]int, error) {
	return processesIn("/proc", name)
}

// processesIn is processes for a folder such as /proc. Without one, a tool is asked.
func processesIn(proc, name string) ([]int, error) {
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

// runs reports whether the process with that folder runs the program. One that has ended and was
// not fetched yet does not. The kernel cuts names short; the rest is looked for where the process
// says how it was called.
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
	if len(name) < commLength {
		return true
	}
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return false
	}
	called, _, _ := bytes.Cut(line, []byte{0})
	return filepath.Base(string(called)) == name
}
