// Command barid is a message broker that speaks the NATS protocol, and its client: a command line
// that begins with a word such as pub or sub is the client's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/baridmq/barid/internal/cli"
	"github.com/baridmq/barid/server"
)

// gcPercent is the garbage collector's target, unless GOGC says otherwise. Messages on their way
// allocate nothing, so the collector hardly runs and may as well keep the heap small.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if args := os.Args[1:]; cli.Owns(args) {
		os.Exit(cli.Run(args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the server; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("barid", flag.ContinueOnError)
	fs.SetOutput(stderr)
	show := func(text string) func() { return func() { fmt.Fprint(stdout, text) } }
	version := "barid: v" + server.BaridVersion + "\n"
	usage := server.Usage() + cli.Summary()
	opts, err := server.ConfigureOptions(fs, args, show(version), show(usage), show(server.TLSHelp()))
	if opts == nil && err == nil {
		return 0
	}
	var s *server.Server
	if err == nil {
		s, err = server.NewServer(opts)
	}
	if err == nil {
		err = s.ConfigureLogger()
	}
	if err != nil {
		fmt.Fprintf(stderr, "barid: %v\n", err)
		if _, misuse := errors.AsType[*server.UsageError](err); misuse {
			fmt.Fprintln(stderr, "see barid --help")
		}
		return 1
	}
	if server.Run(s) != nil {
		return 1 // the log says why
	}
	s.WaitForShutdown()
	return 0
}
