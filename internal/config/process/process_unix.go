//go:build unix

package process

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// signal is what a command is sent as.
func (c Command) signal() syscall.Signal {
	switch c {
	case Stop:
		return syscall.SIGKILL
	case Quit:
		return syscall.SIGINT
	case Term:
		return syscall.SIGTERM
	case Reopen:
		return syscall.SIGUSR1
	case Reload:
		return syscall.SIGHUP
	default:
		return syscall.SIGUSR2
	}
}

// deliver sends the signal of a command.
func deliver(c Command, pid int) error { return syscall.Kill(pid, c.signal()) }

// byTool asks pgrep which processes run a program.
func byTool(name string) ([]int, error) {
	out, err := exec.Command("pgrep", "-x", name).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return nil, nil // it found none
	}
	if err != nil {
		return nil, errFindProcess
	}
	var pids []int
	for word := range strings.FieldsSeq(string(out)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, errFindProcess
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
