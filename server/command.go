package server

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/config/process"
)

// UsageError is a command line that ConfigureOptions does not understand. Say with it where
// the usage is found.
type UsageError = config.UsageError

// ConfigureOptions makes options of a command line, without the name of the program, and of the
// configuration file that it names. It is what package main of barid begins with, for programs
// that ship the server under another name.
//
// It adds the flags of barid to fs, whose output gets warnings, a line for each, beginning with
// the name of fs. Flags that are given win over the file. The functions print what a flag or word
// asks for. Options are nil without an error if nothing is left to do: one of them has printed, or
// a configuration file was tested and found good, which the output was told.
//
// Errors are returned, whatever fs does with errors otherwise. If args are os.Args[1:], passwords
// in them are made unreadable, on Linux also for ps.
func ConfigureOptions(fs *flag.FlagSet, args []string, printVersion, printHelp, printTLSHelp func()) (*Options, error) {
	line, err := config.ParseFlags(fs, args)
	if err != nil {
		return nil, err
	}
	version, help, err := ProcessCommandLineArgs(fs)
	switch {
	case line.Version:
		printVersion()
	case line.Help:
		printHelp()
	case line.HelpTLS:
		printTLSHelp()
	case err != nil:
		return nil, err
	case version:
		printVersion()
	case help:
		printHelp()
	case line.Signal != "":
		return nil, process.SendFlag(line.Signal)
	case line.Test:
		return nil, test(fs, line)
	default:
		return read(fs, line)
	}
	return nil, nil
}

// ProcessCommandLineArgs looks at the words behind the flags that fs has parsed. The first may be
// version or help, in any case; another is an error.
func ProcessCommandLineArgs(fs *flag.FlagSet) (showVersion, showHelp bool, err error) {
	switch strings.ToLower(fs.Arg(0)) {
	case "version":
		return true, false, nil
	case "help":
		return false, true, nil
	}
	if fs.NArg() > 0 {
		return false, false, config.Unrecognized(fs.Arg(0))
	}
	return false, false, nil
}

// read returns the options of a command line. Warnings about its file are printed; notes are logged
// by the server.
func read(fs *flag.FlagSet, line *config.CommandLine) (*Options, error) {
	o, remarks, err := line.Options()
	if err != nil {
		return nil, allOf(remarks.Warnings, err)
	}
	tell(fs, remarks.Warnings)
	if line.ConfigFile != "" {
		o.Reread = func() (*Options, []string, error) {
			again, remarks, err := line.Options()
			return again, remarks.Warnings, err
		}
	}
	return o, nil
}

// test checks everything that would keep a server from starting, except for what depends on the
// moment. Warnings are errors here.
func test(fs *flag.FlagSet, line *config.CommandLine) error {
	if line.ConfigFile == "" {
		return errors.New("must specify [-c, --config] option to check configuration file syntax")
	}
	o, remarks, err := line.Options()
	tell(fs, remarks.Notes)
	if err == nil {
		_, err = NewServer(o.Clone())
	}
	if err := allOf(remarks.Warnings, err); err != nil {
		return err
	}
	fmt.Fprintf(fs.Output(), "%s: configuration file %s is valid (%s)\n", fs.Name(), o.ConfigFile, o.ConfigDigest)
	return nil
}

// tell prints remarks.
func tell(fs *flag.FlagSet, remarks []string) {
	for _, r := range remarks {
		fmt.Fprintf(fs.Output(), "%s: %s\n", fs.Name(), r)
	}
}

// allOf returns an error that has the warnings before err; nil if there is neither.
func allOf(warnings []string, err error) error {
	var all []error
	for _, w := range warnings {
		all = append(all, errors.New(w))
	}
	return errors.Join(append(all, err)...)
}

// Usage is the text about the command line that ConfigureOptions understands.
func Usage() string { return config.Usage() }

// TLSHelp is the text about TLS in configuration files, with the names of ciphers and curves.
func TLSHelp() string { return config.TLSHelp() }

// PrintServerAndExit prints the version to standard output and ends the process with status 0.
func PrintServerAndExit() {
	fmt.Printf("barid: v%s\n", BaridVersion)
	os.Exit(0)
}

// PrintTLSHelpAndDie prints TLSHelp to standard output and ends the process with status 0.
func PrintTLSHelpAndDie() {
	fmt.Print(TLSHelp())
	os.Exit(0)
}

// PrintAndDie prints msg to standard error and ends the process with status 1.
func PrintAndDie(msg string) {
	fmt.Fprintln(os.Stderr, msg)
	os.Exit(1)
}

// Run starts the server as what the process is there for, and returns when it accepts connections,
// or with the reason why it does not; it is shut down then. Unless the server leaves signals to
// others, the service manager that has started the process, if there is one, gets to know how the
// server fares.
func Run(s *Server) error {
	s.managed.Store(!s.options().NoSigs)
	s.Start()
	return s.Err()
}
