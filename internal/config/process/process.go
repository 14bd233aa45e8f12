// Package process finds running servers and sends them signals: what the flag --signal asks for. It
// knows of the operating system's list of processes and of pid files. Of servers it knows that their
// command line holds flags alone: one whose first argument is a word, such as sub, is that of a
// client in the same program.
package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Command is what a running server is told to do by a signal.
type Command string

// Commands of Send.
const (
	Stop     Command = "stop"   // ends the process at once
	Quit     Command = "quit"   // shuts the server down
	Term     Command = "term"   // shuts the server down unless it retires already
	Reopen   Command = "reopen" // opens the log file again
	Reload   Command = "reload" // reads the configuration again
	LameDuck Command = "ldm"    // retires the server
)

// errFindProcess says that this system does not tell which processes run.
var errFindProcess = errors.New("unable to resolve pid, try providing one")

// maxPidFile bounds what is read of a pid file, in bytes.
const maxPidFile = 64

// Send sends the signal of a command to running servers. The process is given by its number or by a
// file that holds it, and gets the signal whatever it runs. Or it is looked for among the other
// servers that run the same program as this process: by the beginning of its number and a star,
// which may mean several, or, if pidExpr is empty, as the only one. The error says which process was
// not there or could not be reached.
func Send(command Command, pidExpr string) error {
	if !known(command) {
		return fmt.Errorf("unknown signal %q", command)
	}
	pids, err := resolve(pidExpr)
	if err != nil {
		return err
	}
	var failed strings.Builder
	for _, pid := range pids {
		if err := deliver(command, pid); err != nil {
			fmt.Fprintf(&failed, "\nsignal %q %d: %s", command, pid, err)
		}
	}
	if failed.Len() > 0 {
		return errors.New(failed.String())
	}
	return nil
}

// SendFlag is Send for the value of the flag, command or command=process.
func SendFlag(value string) error {
	parts := strings.Split(value, "=")
	if len(parts) > 2 {
		return fmt.Errorf("invalid signal parameters: %v", parts[2:])
	}
	return Send(Command(parts[0]), strings.Join(parts[1:], ""))
}

func known(c Command) bool {
	return slices.Contains([]Command{Stop, Quit, Term, Reopen, Reload, LameDuck}, c)
}

// resolve returns the processes that expr names.
func resolve(expr string) ([]int, error) {
	if prefix, ok := strings.CutSuffix(expr, "*"); ok {
		if strings.Trim(prefix, "0123456789") != "" {
			return nil, fmt.Errorf("invalid pid: %s", expr)
		}
		return others(prefix)
	}
	if expr != "" {
		pid, err := single(expr)
		return []int{pid}, err
	}
	pids, err := others("")
	if err == nil && len(pids) > 1 {
		text := "multiple " + program() + " processes running:"
		for _, pid := range pids {
			text += fmt.Sprintf("\n%d", pid)
		}
		err = errors.New(text)
	}
	return pids, err
}

// single returns the process that expr is the number of, or a file with the number.
func single(expr string) (int, error) {
	text := expr
	if f, err := os.Open(expr); err == nil {
		defer f.Close()
		held := make([]byte, maxPidFile)
		n, _ := f.Read(held) // nothing is no number
		text = strings.TrimSpace(string(held[:n]))
	}
	pid, err := strconv.ParseInt(text, 10, 32) // the kernel cuts longer ones: 1<<32-1 would be -1, all processes
	if err != nil || pid <= 0 {                // those mean groups of processes
		return 0, fmt.Errorf("invalid pid: %s", text)
	}
	return int(pid), nil
}

// others returns the other servers that run this program, in order, whose number begins with
// prefix. There is at least one if there is no error.
func others(prefix string) ([]int, error) {
	pids, err := servers(program())
	if err != nil {
		return nil, err
	}
	pids = slices.DeleteFunc(pids, func(pid int) bool {
		return pid == os.Getpid() || !strings.HasPrefix(strconv.Itoa(pid), prefix)
	})
	if len(pids) == 0 {
		return nil, fmt.Errorf("no %s processes running", program())
	}
	slices.Sort(pids)
	return pids, nil
}

// program is the name of the program that runs.
func program() string { return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") }

// isWord reports whether the first argument of a command line makes it no server's.
func isWord(argument string) bool { return !strings.HasPrefix(argument, "-") }
