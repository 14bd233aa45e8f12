// Command dist builds the archives of a release: for each platform a tar.gz, a zip for Windows, with
// the program and what belongs to it, and SHA256SUMS over all. The same source and version of Go give
// the same bytes wherever and whenever they are built: entries are sorted, belong to nobody and bear
// the time of the commit. It runs in the root of the repository, needs git there, or
// SOURCE_DATE_EPOCH, and a barid that can be run, since that writes its own shell completions.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Exit codes.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("dist", flag.ContinueOnError)
	fs.SetOutput(stderr)
	out := fs.String("out", "dist", "folder for the archives")
	list := fs.String("platforms", "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64",
		"what to build for, as GOOS/GOARCH, separated by blanks")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitFine
	} else if err != nil {
		return exitUsage
	}
	platforms, err := parsePlatforms(*list)
	if err != nil || fs.NArg() > 0 {
		fmt.Fprintln(stderr, "dist: not a list of platforms:", *list, fs.Args())
		return exitUsage
	}
	if err := release(ctx, *out, platforms, stdout); err != nil {
		fmt.Fprintln(stderr, "dist:", err)
		return exitFailed
	}
	return exitFine
}

// platform is what a program is built for.
type platform struct{ os, arch string }

func parsePlatforms(list string) (ps []platform, err error) {
	for _, word := range strings.Fields(list) {
		system, arch, ok := strings.Cut(word, "/")
		if !ok || system == "" || arch == "" || strings.ContainsAny(arch, `/\`) {
			return nil, fmt.Errorf("%q is not GOOS/GOARCH", word)
		}
		ps = append(ps, platform{system, arch})
	}
	if len(ps) == 0 {
		return nil, errors.New("no platform")
	}
	return ps, nil
}

// release writes the archives and their sums to the folder.
func release(ctx context.Context, out string, platforms []platform, stdout io.Writer) error {
	work, err := os.MkdirTemp("", "barid-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	s, err := readSource(ctx)
	if err != nil {
		return err
	}
	here := filepath.Join(work, "here")
	if err := s.compile(ctx, platform{runtime.GOOS, runtime.GOARCH}, here); err != nil {
		return err
	}
	completions, err := completions(ctx, here)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	sums := map[string][sha256.Size]byte{}
	for _, p := range platforms {
		name := fmt.Sprintf("barid-%s-%s-%s", s.version, p.os, p.arch)
		program := filepath.Join(work, name)
		if err := s.compile(ctx, p, program); err != nil {
			return err
		}
		files, err := s.contents(ctx, p, program)
		if err != nil {
			return err
		}
		archive, err := pack(name, append(files, completions...), p, s.date)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, archive.name), archive.data, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: %.1f MB\n", filepath.Join(out, archive.name), float64(len(archive.data))/1e6)
		sums[archive.name] = sha256.Sum256(archive.data)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), sumsFile(sums), 0o644)
}

// sumsFile lists sums in the form that sha256sum -c reads, sorted by name.
func sumsFile(sums map[string][sha256.Size]byte) (lines []byte) {
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		lines = fmt.Appendf(lines, "%x  %s\n", sums[name], name)
	}
	return lines
}
