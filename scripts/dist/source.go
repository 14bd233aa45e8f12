package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/baridmq/barid/server"
)

// source is what the archives are made of.
type source struct {
	version string    // of barid; with the commit unless that is the one tagged with the version
	date    time.Time // of the commit, in UTC
}

// readSource asks git for the commit. SOURCE_DATE_EPOCH, seconds since 1970, beats the commit's date;
// with it the source may stand outside git and has the bare version.
func readSource(ctx context.Context) (source, error) {
	commit, gitErr := output(ctx, nil, "git", "log", "-1", "--format=%H %ct")
	hash, seconds, _ := strings.Cut(strings.TrimSpace(string(commit)), " ")
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds = epoch
	} else if gitErr != nil {
		return source{}, fmt.Errorf("neither a commit nor SOURCE_DATE_EPOCH gives the date: %w", gitErr)
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || at < 0 {
		return source{}, fmt.Errorf("%q is no number of seconds", seconds)
	}
	s := source{version: server.BaridVersion, date: time.Unix(at, 0).UTC()}
	if gitErr != nil {
		return s, nil
	}
	tags, err := output(ctx, nil, "git", "tag", "--points-at", "HEAD")
	if err != nil {
		return source{}, err
	}
	changes, err := output(ctx, nil, "git", "--no-optional-locks", "status", "--porcelain")
	if err != nil {
		return source{}, err
	}
	s.version = versionOf(server.BaridVersion, hash, strings.Fields(string(tags)), len(changes) > 0)
	return s, nil
}

// versionOf names what is built. Seven digits of the commit are said always: git itself abbreviates
// according to how much a clone holds.
func versionOf(version, commit string, tags []string, dirty bool) string {
	if dirty {
		return version + "-" + commit[:7] + "-dirty"
	}
	if slices.Contains(tags, "v"+version) {
		return version
	}
	return version + "-" + commit[:7]
}

// compile builds barid for the platform.
func (s source) compile(ctx context.Context, p platform, to string) error {
	_, err := output(ctx, p.env(), "go", "build", "-trimpath", "-buildvcs=auto", "-ldflags", "-s -w", "-o", to, ".")
	return err
}

func (p platform) env() []string {
	return []string{"CGO_ENABLED=0", "GOOS=" + p.os, "GOARCH=" + p.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT="}
}

// completions lets a program write its completions for shells.
func completions(ctx context.Context, program string) (files []file, err error) {
	for _, c := range []struct{ shell, name string }{
		{"bash", "barid.bash"}, {"fish", "barid.fish"}, {"powershell", "barid.ps1"}, {"zsh", "_barid"},
	} {
		text, err := output(ctx, nil, program, "completion", c.shell)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: "completion/" + c.name, mode: 0o644, data: text})
	}
	return files, nil
}

// contents returns the files of a platform's archive, but for the completions.
func (s source) contents(ctx context.Context, p platform, program string) ([]file, error) {
	name := "barid"
	if p.os == "windows" {
		name += ".exe"
	}
	texts := []string{"LICENSE", "README.md", "scripts/packages/nats.conf"}
	if p.os == "linux" {
		texts = append(texts, "scripts/packages/barid.service", "scripts/packages/barid.sysusers", "scripts/packages/logrotate")
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	files := []file{{name: name, mode: 0o755, data: data}}
	for _, path := range texts {
		if data, err = os.ReadFile(path); err != nil {
			return nil, err
		}
		files = append(files, file{name: filepath.Base(path), mode: 0o644, data: data})
	}
	if data, err = licences(ctx, p); err != nil {
		return nil, err
	}
	return append(files, file{name: "LICENSES-OF-OTHERS", mode: 0o644, data: data}), nil
}

// licences gathers the licences of what is linked into the program: most want to be passed on with it.
func licences(ctx context.Context, p platform) ([]byte, error) {
	list, err := output(ctx, p.env(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", ".")
	if err != nil {
		return nil, err
	}
	root, err := output(ctx, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	modules := strings.Split(strings.TrimSpace(string(list)), "\n")
	modules = append(modules, "The Go standard library "+runtime.Version()+"\t"+strings.TrimSpace(string(root)))
	slices.Sort(modules)
	var all bytes.Buffer
	for _, m := range slices.Compact(modules) {
		name, dir, ok := strings.Cut(m, "\t")
		if !ok {
			continue
		}
		texts, err := licencesIn(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(&all, "=== %s\n\n%s\n", name, texts)
	}
	return all.Bytes(), nil
}

// licencesIn returns the licence and the notice in the folder of a module, which has to have the
// former.
func licencesIn(dir string) ([]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var texts []byte
	found := false
	for _, e := range entries {
		name, _, _ := strings.Cut(strings.ToUpper(e.Name()), ".")
		licence := name == "LICENSE" || name == "LICENCE" || name == "COPYING"
		if e.IsDir() || !licence && name != "NOTICE" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(append(texts, bytes.TrimSpace(text)...), '\n')
		found = found || licence
	}
	if !found {
		return nil, errors.New("no licence found")
	}
	return texts, nil
}

// output runs a program with the environment and more, and returns what it writes.
func output(ctx context.Context, more []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), more...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
