// Command barid is a message broker that speaks the NATS protocol.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/baridmq/barid/server"
)

const usage = `Usage: barid [options]

Server:
  -a, --addr, --net HOST       address to listen on (default 0.0.0.0)
  -p, --port PORT              port for clients (default 4222, -1 for a free one)
  -n, --name, --server_name NAME
                               name of the server (default: its id)
  -m, --http_port PORT         port for monitoring (default none, -1 for a free one)
  -P, --pid FILE               write the process id to FILE

Logging:
  -l, --log FILE               log to FILE (default: standard error)
  -T, --logtime=false          no time on log lines
  -D, --debug                  debug lines
  -V, --trace                  trace every operation
  -DV                          both

Other:
  -h, --help                   this text
  -v, --version                the version

Signals: INT and TERM shut down.
`

// gcPercent is the garbage collector's target, unless GOGC says otherwise. Messages on their way
// allocate nothing, so the collector hardly runs and may as well keep the heap small.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	var o server.Options
	show, err := parse(&o, args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "barid: %v\n\n%s", err, usage)
		return 1
	case show != "":
		fmt.Fprint(stdout, show)
		return 0
	}
	s, err := server.NewServer(&o)
	if err == nil {
		err = s.ConfigureLogger()
	}
	if err != nil {
		fmt.Fprintf(stderr, "barid: %v\n", err)
		return 1
	}
	s.Start()
	s.WaitForShutdown()
	if s.Err() != nil {
		return 1
	}
	return 0
}

// parse reads the command line into o. show is a text to print in place of running.
func parse(o *server.Options, args []string) (show string, err error) {
	fs := flag.NewFlagSet("barid", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // run prints errors and usage
	both := fs.Bool("DV", false, "")
	version := false
	for _, name := range []string{"v", "version"} {
		fs.BoolVar(&version, name, false, "")
	}
	text := func(p *string, names ...string) {
		for _, n := range names {
			fs.StringVar(p, n, "", "")
		}
	}
	number := func(p *int, names ...string) {
		for _, n := range names {
			fs.IntVar(p, n, 0, "")
		}
	}
	choice := func(p *bool, byDefault bool, names ...string) {
		for _, n := range names {
			fs.BoolVar(p, n, byDefault, "")
		}
	}
	text(&o.Host, "a", "addr", "net")
	number(&o.Port, "p", "port")
	text(&o.ServerName, "n", "name", "server_name")
	number(&o.HTTPPort, "m", "http_port")
	text(&o.PidFile, "P", "pid")
	text(&o.LogFile, "l", "log")
	choice(&o.Logtime, true, "T", "logtime")
	choice(&o.Debug, false, "D", "debug")
	choice(&o.Trace, false, "V", "trace")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return usage, nil
		}
		return "", err
	}
	o.Debug, o.Trace = o.Debug || *both, o.Trace || *both
	switch word := strings.ToLower(fs.Arg(0)); {
	case version, word == "version":
		return "barid: v" + server.BaridVersion + "\n", nil
	case word == "help":
		return usage, nil
	case word != "":
		return "", fmt.Errorf("unrecognized command: %q", fs.Arg(0))
	}
	return "", nil
}
