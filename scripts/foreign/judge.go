package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Results of tests, as the testing package writes them.
const (
	passed  = "PASS"
	failed  = "FAIL"
	skipped = "SKIP"
	missing = "none" // there is no such test, or the process ended before it did
)

// judge runs the tests and compares them with what is expected. The error says how many did not do
// what they should.
func (s *suite) judge(ctx context.Context, out io.Writer, expected list, o options) error {
	bad := 0
	for _, pkg := range packages {
		binary, err := s.compile(ctx, pkg)
		if err != nil {
			return err
		}
		s.tellLeftOut(out)
		p := process{binary: binary, dir: filepath.Join(s.dir, pkg), timeout: o.timeout}
		if o.all {
			bad += p.everything(ctx, out, pkg, expected)
		} else {
			bad += p.expected(ctx, out, pkg, expected.of(pkg, passes))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, pkg := range compiledOnly {
		if _, err := s.compile(ctx, pkg); err != nil {
			return err
		}
		bad += len(s.leftOut)
		s.tellLeftOut(out)
	}
	if bad > 0 {
		return fmt.Errorf("%d tests or files did not do what is expected of them", bad)
	}
	return nil
}

// tellLeftOut tells of the files that did not compile.
func (s *suite) tellLeftOut(out io.Writer) {
	for _, file := range s.leftOut {
		fmt.Fprintf(out, "%s: does not compile, left out\n", file)
	}
	s.leftOut = nil
}

// process runs the binary of a package.
type process struct {
	binary, dir string
	timeout     time.Duration
}

// run runs tests and returns the result of each that ended, and all that was printed.
func (p process) run(ctx context.Context, names ...string) (map[string]string, []byte) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout+10*time.Second)
	defer cancel()
	c := command(ctx, p.dir, p.binary, "-test.v", "-test.timeout", p.timeout.String(),
		"-test.run", "^("+strings.Join(names, "|")+")$")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	c.WaitDelay = time.Second
	err := c.Run()
	results := readResults(out.Bytes())
	if err != nil && len(results) == len(names) && !slices.Contains(slices.Collect(maps.Values(results)), failed) {
		fmt.Fprintf(&out, "the process ended with %v\n", err)
		for n := range results {
			results[n] = failed
		}
	}
	return results, out.Bytes()
}

var resultLine = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\w+) \(`)

// readResults finds the results of tests, without those of their parts, in what -test.v prints.
func readResults(out []byte) map[string]string {
	results := map[string]string{}
	for _, m := range resultLine.FindAllSubmatch(out, -1) {
		results[string(m[2])] = string(m[1])
	}
	return results
}

// attempts is how often a test that fails is run, in the end alone: many depend on time.
const attempts = 3

// expected runs the tests that should pass and returns how many do not.
func (p process) expected(ctx context.Context, out io.Writer, pkg string, names []string) (bad int) {
	if len(names) == 0 {
		return 0
	}
	slices.Sort(names)
	start := time.Now()
	results, _ := p.run(ctx, names...)
	for _, n := range names {
		result := orMissing(results[n])
		var text []byte
		for try := 2; result != passed && try <= attempts && ctx.Err() == nil; try++ {
			fmt.Fprintf(out, "%s %s: %s, attempt %d\n", pkg, n, result, try)
			var again map[string]string
			again, text = p.run(ctx, n)
			result = orMissing(again[n])
		}
		if result != passed {
			bad++
			fmt.Fprintf(out, "%s %s: %s\n%s\n", pkg, n, result, indent(text))
		}
	}
	fmt.Fprintf(out, "%s: %d tests in %.0f s, %d failed\n", pkg, len(names), time.Since(start).Seconds(), bad)
	return bad
}

// everything runs all tests of a package, each in its own process, and returns how many of those
// that should pass do not. It tells of all that do something else than the list says.
func (p process) everything(ctx context.Context, out io.Writer, pkg string, l list) (bad int) {
	names, err := p.names(ctx)
	if err != nil {
		fmt.Fprintf(out, "%s: %v\n", pkg, err)
		return 1
	}
	counts := map[string]int{}
	for _, n := range names {
		if ctx.Err() != nil {
			return bad
		}
		start := time.Now()
		results, text := p.run(ctx, n)
		result, expected := orMissing(results[n]), l[test{pkg, n}]
		good := expected == passes || expected == slow
		counts[result]++
		fmt.Fprintf(out, "%s %s %s %.1fs %s\n", result, pkg, n, time.Since(start).Seconds(), expected)
		switch {
		case result == passed && !good:
			fmt.Fprintf(out, "  passes, though the list says %q\n", expected)
		case result != passed && good:
			bad++
			fmt.Fprintln(out, indent(text))
		case result != passed && expected == "":
			fmt.Fprintln(out, indent(text))
		}
	}
	for t, e := range l {
		if t.pkg == pkg && !slices.Contains(names, t.name) {
			bad++
			fmt.Fprintf(out, "%s: the list says %q, but there is no such test\n", t, e)
		}
	}
	fmt.Fprintf(out, "%s: %d tests: %v\n", pkg, len(names), counts)
	return bad
}

// names lists the tests of the binary.
func (p process) names(ctx context.Context) ([]string, error) {
	c := command(ctx, p.dir, p.binary, "-test.list", "^Test")
	text, err := c.Output()
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(text)), nil
}

func orMissing(result string) string {
	if result == "" {
		return missing
	}
	return result
}

// mostShown bounds the output of a failed test that is shown, in bytes.
const mostShown = 3000

// indent prepares the output of a test for a report: its beginning, where the reason stands.
func indent(text []byte) string {
	text = bytes.TrimSpace(text)
	if len(text) > mostShown {
		text = append(text[:mostShown:mostShown], " ..."...)
	}
	return "    " + strings.ReplaceAll(string(text), "\n", "\n    ")
}

// offender finds the file that an error of the compiler is about.
var offender = regexp.MustCompile(`(?m)^(?:\./)?([\w./-]+_test\.go):\d+`)

// compile builds the tests of a package and returns the name of the binary. Test files that do not
// compile are left out, until the rest does.
func (s *suite) compile(ctx context.Context, pkg string) (string, error) {
	name := "root.test"
	if pkg != "." {
		name = strings.ReplaceAll(pkg, "/", "_") + ".test"
	}
	binary := filepath.Join(filepath.Dir(s.dir), name)
	for {
		_, err := goTool(ctx, s.dir, "test", "-c", "-gcflags=-e", "-o", binary, "./"+pkg)
		if err == nil {
			return binary, nil
		}
		left, problem := s.leaveOut(err.Error())
		if problem != nil {
			return "", problem
		}
		if left == 0 {
			return "", err
		}
	}
}

// leaveOut takes away the test files that the errors of the compiler are about.
func (s *suite) leaveOut(problems string) (n int, err error) {
	files := map[string]bool{}
	for _, m := range offender.FindAllStringSubmatch(problems, -1) {
		files[m[1]] = true
	}
	for _, f := range slices.Sorted(maps.Keys(files)) {
		s.leftOut = append(s.leftOut, f)
		err = errors.Join(err, os.Remove(filepath.Join(s.dir, f)))
	}
	return len(files), err
}
