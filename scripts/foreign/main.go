// Command foreign runs test suites of other programs against barid: suites that start the servers
// they need in their own process. It writes a module of aliases for the package that they import,
// generated from what barid exports, copies the suite from the module cache, compiles the one with
// the other, and runs the tests that tests.txt lists. Nothing of a suite is kept.
//
// It starts the go command and the test binaries, one at a time, and owns no goroutine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	version string
	all     bool
	list    string
	keep    bool
	timeout time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "foreign: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	fs := flag.NewFlagSet("foreign", flag.ContinueOnError)
	fs.StringVar(&o.version, "version", "v1.52.0", "`version` of nats.go whose tests are run")
	fs.BoolVar(&o.all, "all", false, "run every test there is, each in a process of its own, and compare with the list")
	fs.StringVar(&o.list, "list", "", "`file` of tests, in place of the one that belongs to the program")
	fs.BoolVar(&o.keep, "keep", false, "keep the temporary folder and print its name")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "`time` for one package, or with -all for one test")
	if err := fs.Parse(args); err != nil {
		return err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	if o.list == "" {
		o.list = filepath.Join(root, "scripts", "foreign", "tests.txt")
	}
	expected, err := readList(o.list)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "foreign-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Fprintf(out, "working in %s\n", dir)
	} else {
		defer removeAll(dir)
	}
	s, err := prepare(ctx, dir, root, o.version)
	if err != nil {
		return err
	}
	return s.judge(ctx, out, expected, o)
}

// removeAll removes a folder, files without write permission included.
func removeAll(dir string) {
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
	os.RemoveAll(dir)
}
