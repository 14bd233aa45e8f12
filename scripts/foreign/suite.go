package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// library is the module whose tests are run.
const library = "github.com/nats-io/nats.go"

// packages are the folders of the suite with tests that start servers, or that check the client
// they are run with.
var packages = [...]string{".", "test", "micro/test"}

// compiledOnly are packages that need parts which barid does not have, but no name that it lacks.
var compiledOnly = [...]string{"jetstream/test"}

// suite is a copy of the tests, ready to be compiled.
type suite struct {
	dir     string   // of the copy
	leftOut []string // files that did not compile
}

// command makes a command that keeps its errors for the caller.
func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	return c
}

// goTool runs the go command and returns what it prints.
func goTool(ctx context.Context, dir string, args ...string) ([]byte, error) {
	c := command(ctx, dir, "go", args...)
	var problems bytes.Buffer
	c.Stderr = &problems
	out, err := c.Output()
	if err != nil {
		return out, fmt.Errorf("go %s: %w\n%s%s", args[0], err, out, problems.Bytes())
	}
	return out, nil
}

// moduleRoot is the folder of barid's source.
func moduleRoot(ctx context.Context) (string, error) {
	c := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", given)
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("looking for the source of barid: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// prepare makes a folder with the suite, the aliases and a go.mod that brings them together.
func prepare(ctx context.Context, dir, root, version string) (*suite, error) {
	out, err := goTool(ctx, dir, "mod", "download", "-json", library+"@"+version)
	if err != nil {
		return nil, err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, err
	}
	s := &suite{dir: filepath.Join(dir, "suite")}
	if err := os.CopyFS(s.dir, os.DirFS(module.Dir)); err != nil {
		return nil, err
	}
	if err := writeAliases(filepath.Join(dir, "aliases"), root); err != nil {
		return nil, err
	}
	return s, s.bringTogether(ctx, root)
}

// bringTogether writes go.mod and go.sum: what the tests need and what barid needs.
func (s *suite) bringTogether(ctx context.Context, root string) error {
	mod, err := os.ReadFile(filepath.Join(s.dir, "go_test.mod"))
	if err != nil {
		return err
	}
	var sum []byte
	for _, name := range []string{filepath.Join(s.dir, "go_test.sum"), filepath.Join(root, "go.sum")} {
		more, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		sum = append(sum, more...)
	}
	for name, data := range map[string][]byte{"go.mod": mod, "go.sum": sum} {
		name = filepath.Join(s.dir, name)
		os.Remove(name) // the module cache is not writable
		if err := writeFile(name, data); err != nil {
			return err
		}
	}
	_, err = goTool(ctx, s.dir, "mod", "edit", "-go=1.26.0", "-toolchain=none",
		"-require="+given+"@v0.0.0",
		"-replace="+given+"="+root,
		"-replace="+imported+"=../aliases")
	return err
}
