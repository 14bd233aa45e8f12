// Command versus measures barid and a peer server side by side: the same work, one server at a time,
// in turns, on loopback, with the server's own CPU time and memory beside the throughput. It generates
// the load itself and checks that every message arrives once and in order. It knows the protocol of
// clients, three command line flags and a few lines of configuration, and nothing else of either
// server. Each connection that receives has a goroutine of its own; a crew owns these and ends them
// together.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/baridmq/barid/scripts/versus/config"
	"github.com/baridmq/barid/scripts/versus/usage"
)

// Exit codes.
const (
	exitFine   = 0
	exitFailed = 1 // a scenario broke off, messages went wrong, or with -bars a bar was missed
	exitUsage  = 2 // nothing was measured
)

// filesNeeded is the number of open files with which every scenario works.
const filesNeeded = idleConnections + 1000

// options are the command line.
type options struct {
	peer, barid string
	rounds      int
	seconds     float64
	json        string
	quick       bool
	list        bool
	bars        bool
	names       []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	o, err := parseArgs(args)
	if errors.Is(err, flag.ErrHelp) {
		return exitFine
	}
	if err == nil && o.list {
		return list(os.Stdout)
	}
	var code int
	if err == nil {
		code, err = o.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "versus:", err)
		return exitUsage
	}
	return code
}

func parseArgs(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("versus", flag.ContinueOnError)
	fs.StringVar(&o.peer, "peer", os.Getenv("PEER"), "`path` of the peer's binary (also PEER in the environment; default: nats-server)")
	fs.StringVar(&o.barid, "barid", os.Getenv("BARID"), "`path` of barid's binary (also BARID in the environment; default: built from this module)")
	fs.IntVar(&o.rounds, "rounds", 5, "measurements of each server per scenario")
	fs.Float64Var(&o.seconds, "seconds", 2.5, "time in seconds that one measurement of the peer takes, more or less")
	fs.BoolVar(&o.quick, "quick", false, "two rounds of 0.7 seconds")
	fs.BoolVar(&o.list, "list", false, "list the scenarios and end")
	fs.BoolVar(&o.bars, "bars", false, "fail also if barid misses a bar")
	fs.StringVar(&o.json, "json", "", "write all samples to this `file`")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: versus [flags] [scenario ...]")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if o.quick {
		o.rounds, o.seconds = 2, 0.7
	}
	if o.rounds < 1 || o.seconds < 0.05 || o.seconds > 30 {
		return o, errors.New("-rounds must be at least 1 and -seconds from 0.05 to 30")
	}
	o.names = fs.Args()
	return o, nil
}

func list(w io.Writer) int {
	rows := [][]string{{"scenario", "work", "bar"}}
	for _, sc := range scenarios() {
		limit := ""
		if sc.bar.of != "" {
			limit = sc.bar.of + " " + sc.bar.String()
			if sc.bar.ratio {
				limit = "ratio of " + limit
			}
		}
		rows = append(rows, []string{sc.name, sc.about, limit})
	}
	writeTable(w, rows, len(rows[0]))
	return exitFine
}

func (o options) run(ctx context.Context) (int, error) {
	chosen, err := choose(o.names)
	if err != nil {
		return 0, err
	}
	files, err := usage.RaiseFileLimit()
	if err != nil {
		return 0, err
	}
	if files < filesNeeded {
		fmt.Fprintf(os.Stderr, "versus: only %d files may be open, idle10k needs %d\n", files, filesNeeded)
	}
	tmp, err := os.MkdirTemp("", "versus")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	b := &bench{rounds: o.rounds, seconds: time.Duration(o.seconds * float64(time.Second)), progress: os.Stderr}
	if b.papers, err = config.NewPapers(tmp); err != nil {
		return 0, err
	}
	if b.peer, err = findPeer(o.peer); err != nil {
		return 0, err
	}
	if b.barid, err = findBarid(ctx, o.barid, tmp); err != nil {
		return 0, err
	}
	if err := b.introduce(ctx, os.Stdout); err != nil {
		return 0, err
	}
	results := b.runAll(ctx, chosen)
	report(os.Stdout, results)
	if o.json != "" {
		if err := saveJSON(o.json, results); err != nil {
			return 0, err
		}
	}
	if ctx.Err() != nil || slices.ContainsFunc(results, result.failed) || o.bars && slices.ContainsFunc(results, result.missed) {
		return exitFailed, nil
	}
	return exitFine, nil
}

// runAll measures one scenario after the other, until ctx ends.
func (b *bench) runAll(ctx context.Context, chosen []scenario) []result {
	var results []result
	for _, sc := range chosen {
		if ctx.Err() != nil {
			break
		}
		r := b.run(ctx, sc)
		if r.err != nil {
			fmt.Fprintln(b.progress, sc.name, "broke off:", r.err)
		}
		results = append(results, r)
	}
	return results
}

// choose returns the scenarios with the given names, or all if there are none.
func choose(names []string) ([]scenario, error) {
	all := scenarios()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(sc scenario) bool { return sc.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario %q; -list shows all", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// introduce starts each server once and writes what is compared and where.
func (b *bench) introduce(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "%d CPUs, %s\n", runtime.NumCPU(), usage.Machine())
	for _, s := range []struct{ name, binary string }{{"peer", b.peer}, {"barid", b.barid}} {
		t, err := b.start(ctx, s.name, s.binary, config.Setup{})
		if err != nil {
			return err
		}
		t.stop()
		fmt.Fprintf(w, "%s: %s %s\n", s.name, filepath.Base(s.binary), t.version)
	}
	fmt.Fprintf(w, "%d rounds of about %v each\n\n", b.rounds, b.seconds)
	return nil
}

func findPeer(path string) (string, error) {
	if path != "" {
		return exec.LookPath(path)
	}
	if found, err := exec.LookPath("nats-server"); err == nil {
		return found, nil
	}
	const packaged = "/usr/sbin/nats-server"
	if _, err := os.Stat(packaged); err != nil {
		return "", errors.New("no nats-server found; give its path with -peer or PEER")
	}
	return packaged, nil
}

// findBarid builds the module's own binary unless a path is given.
func findBarid(ctx context.Context, path, tmp string) (string, error) {
	if path != "" {
		return exec.LookPath(path)
	}
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	binary := filepath.Join(tmp, "barid")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir = filepath.Dir(strings.TrimSpace(string(mod)))
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building barid: %w\n%s", err, out)
	}
	return binary, nil
}

func saveJSON(path string, results []result) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(writeJSON(f, results), f.Close())
}
