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

// byTool asks pgrep which processes run a program, and ps for their command lines.
func byTool(name string) ([]int, error) {
	found, err := ask("pgrep", "-x", name)
	if err != nil {
		return nil, err
	}
	candidates := strings.Fields(found)
	if len(candidates) == 0 {
		return nil, nil
	}
	lines, err := ask("ps", "-o", "pid=,args=", "-p", strings.Join(candidates, ","))
	if err != nil {
		return nil, err
	}
	var pids []int
	for line := range strings.Lines(lines) {
		number, called, _ := strings.Cut(strings.TrimSpace(line), " ")
		pid, err := strconv.Atoi(number)
		if err != nil {
			return nil, errFindProcess
		}
		if first := argumentIn(called, name); first == "" || !isWord(first) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// ask runs a tool that ends with status 1 if it has found nothing.
func ask(tool string, args ...string) (string, error) {
	out, err := exec.Command(tool, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return "", nil
	}
	if err != nil {
		return "", errFindProcess
	}
	return string(out), nil
}

// argumentIn returns the first argument of a command line whose words are separated by blanks, empty
// if there is none. The path of the program may hold blanks, too.
func argumentIn(line, name string) string {
	_, arguments, ok := strings.Cut("/"+line+" ", "/"+name+" ")
	if !ok {
		_, arguments, _ = strings.Cut(line, " ")
	}
	first, _, _ := strings.Cut(strings.TrimSpace(arguments), " ")
	return first
}
