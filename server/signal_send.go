package server

import "github.com/baridmq/barid/internal/config/process"

// Command is what a running server is told to do by a signal.
type Command = process.Command

// Commands of ProcessSignal.
const (
	// CommandStop ends the process at once.
	CommandStop = process.Stop
	// CommandQuit shuts the server down.
	CommandQuit = process.Quit
	// CommandTerm shuts the server down unless it retires already.
	CommandTerm = process.Term
	// CommandReopen opens the log file again.
	CommandReopen = process.Reopen
	// CommandReload reads the configuration again.
	CommandReload = process.Reload
	// CommandLameDuck retires the server.
	CommandLameDuck = process.LameDuck
)

// ProcessSignal sends the signal of a command to running servers. The process is given by its
// number, by a file that holds it, or by the beginning of its number and a star, which may mean
// several. If pidExpr is empty it is the one that runs the same program as this process. Servers that
// are searched for are known by their command line: it has flags only. The error says which process
// was not there or could not be reached.
func ProcessSignal(command Command, pidExpr string) error { return process.Send(command, pidExpr) }
