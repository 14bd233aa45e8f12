// Package cli is the client in the box: the commands of barid that are no server, built on the public
// client library. Run is all of it for package main.
//
// The package knows the server only from outside, over its ports. Nothing of it runs, and no command
// is built, before Run is called. Goroutines of its own are those of the clients of a bench, which
// end with it, the one that waits for an interrupt, which ends with Run, and the one that reads the
// keys of top, which ends with the program.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust"
)

// Exit statuses of all commands but check, which has those that monitoring systems expect.
const (
	statusOK     = 0
	statusFailed = 1
	statusUsage  = 2
)

// Commands returns the words that begin the command line of a client.
func Commands() []string {
	return []string{"bench", "check", "completion", "context", "pub", "reply", "request", "sub", "top", "trust"}
}

// Owns reports whether a command line, without the name of the program, is one for Run: one that
// begins with a word of Commands or asks for the help of such a word, or that a shell sends to
// complete a line.
func Owns(args []string) bool {
	switch {
	case len(args) == 0:
		return false
	case args[0] == "help":
		return len(args) > 1 && slices.Contains(Commands(), args[1])
	case args[0] == cobra.ShellCompRequestCmd, args[0] == cobra.ShellCompNoDescRequestCmd:
		return true
	}
	return slices.Contains(Commands(), args[0])
}

// Summary is what the usage of the server says of the commands.
func Summary() string {
	return "\nClient commands (barid COMMAND --help):\n    " + strings.Join(Commands(), ", ") + "\n"
}

// Run executes a command line, without the name of the program, and returns the exit status: 0 if it
// did what it was asked, 1 if not, 2 if it was not understood. Of check these are 0 to 3 for OK,
// WARNING, CRITICAL and UNKNOWN. An interrupt or a TERM signal ends the command. What is asked for
// goes to stdout, everything else to stderr.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { // a second interrupt ends the program at once
		<-ctx.Done()
		stop()
	}()
	return run(ctx, args, stdin, stdout, stderr)
}

// run is Run with the context that an interrupt ends.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := commands()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	addCompletion(root)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return statusOK
	}
	status := statusFailed
	if ended, ok := errors.AsType[exit](err); ok {
		return int(ended)
	}
	fmt.Fprintf(stderr, "barid: %s\n", clean(err.Error())) // it may quote what a server says
	if _, ok := errors.AsType[misuse](err); ok {
		fmt.Fprintf(stderr, "see %s --help\n", cmd.CommandPath())
		status = statusUsage
	}
	if slices.Contains(args[:min(1, len(args))], "check") {
		status = int(unknown)
	}
	return status
}

// commands builds the tree of commands.
func commands() *cobra.Command {
	root := &cobra.Command{
		Use:           "barid",
		Short:         "a message broker that speaks the NATS protocol, and its client",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misuse{err} })
	root.AddCommand(pubCommand(), subCommand(), requestCommand(), replyCommand(), benchCommand(), topCommand(),
		checkCommand(), contextCommand(), trust.Command(trust.Host{Misuse: func(err error) error { return misuse{err} }, Clean: clean, PrintJSON: printJSON}))
	return root
}

// group makes a command that only holds others.
func group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long}
	mustChoose(cmd, commands)
	cmd.AddCommand(commands...)
	return cmd
}

// mustChoose makes it a misuse of a command to name none of those that it holds.
func mustChoose(cmd *cobra.Command, commands []*cobra.Command) {
	cmd.Args = words(cobra.NoArgs)
	cmd.RunE = func(*cobra.Command, []string) error {
		var names []string
		for _, c := range commands {
			names = append(names, c.Name())
		}
		return misused("say which: %s", strings.Join(names, ", "))
	}
}

// addCompletion adds the library's command for shells, which would take any word. It writes where root
// does by now.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return // the library knows none
	}
	mustChoose(completion, completion.Commands())
	for _, shell := range completion.Commands() {
		shell.Args = words(cobra.NoArgs)
	}
}

// misuse is a command line that is not understood.
type misuse struct{ error }

func misused(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

// exit is the status of a command that has already said everything.
type exit int

// Error is there for the interface; nobody sees it.
func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// words makes wrong arguments a misuse.
func words(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return misuse{err}
		}
		return nil
	}
}

// say tells the user something that is no output.
func say(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintln(cmd.ErrOrStderr(), clean(fmt.Sprintf(format, args...))) // it may quote what others send
}
