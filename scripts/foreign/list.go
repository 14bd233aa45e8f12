package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// What the list says of tests. All other words say which part of barid a test needs that is
// missing.
const (
	passes = "pass"
	slow   = "slow" // passes, but takes so long that it is run with -all only
)

// test is one test of a package.
type test struct{ pkg, name string }

// String returns package and name.
func (t test) String() string { return t.pkg + " " + t.name }

// list says what is expected of tests.
type list map[test]string

// readList reads a file with a line for each test: what is expected, the package, the name. Empty
// lines and those that begin with # do not count.
func readList(name string) (list, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l := list{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) != 3 {
			return nil, fmt.Errorf("%s:%d: %q is not an expectation, a package and a test", name, n, line)
		}
		t := test{words[1], words[2]}
		if l[t] != "" {
			return nil, fmt.Errorf("%s:%d: %s is there twice", name, n, t)
		}
		l[t] = words[0]
	}
	return l, lines.Err()
}

// of returns the tests of a package of which that is expected, in no order.
func (l list) of(pkg, expected string) (names []string) {
	for t, e := range l {
		if t.pkg == pkg && e == expected {
			names = append(names, t.name)
		}
	}
	return names
}
