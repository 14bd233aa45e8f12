// Package store is where barid trust keeps tokens and seeds: the folders of the nsc tool, files that are
// written as a whole or not at all, and a lock against two commands that write at once.
//
// The package knows no tokens. It starts no goroutine; its lock is one on a file, between processes.
package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// lockPatience is how long a command waits for another one that writes.
const lockPatience = 5 * time.Second

// Lock keeps other commands from writing to the store until release is called. It waits five
// seconds for another one at most.
func Lock(ctx context.Context, dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, ".barid.lock")
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		release, got, err := tryLock(name)
		if err != nil {
			return nil, fmt.Errorf("cannot lock the store: %w", err)
		}
		if got {
			return release, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another command writes to the store (%s is locked); try again when it has ended", name)
		case <-tick.C:
		}
	}
}

// Draft is what a command wants to write. Nothing is written before everything is known to be right.
//
// It is for one goroutine.
type Draft struct{ files []page }

// page is a file of a draft.
type page struct {
	name    string
	text    []byte
	replace bool
}

// Add drafts a file that must not be there yet.
func (d *Draft) Add(name string, text []byte) { d.files = append(d.files, page{name, text, false}) }

// Put drafts a file that may replace another.
func (d *Draft) Put(name string, text []byte) { d.files = append(d.files, page{name, text, true}) }

// Write makes all files, in the order of the draft, each at once or not at all. If one fails, the new ones
// are removed again.
func (d *Draft) Write() error {
	for _, p := range d.files {
		if _, err := os.Lstat(p.name); err == nil && !p.replace {
			return fmt.Errorf("%s exists already; nothing was written", p.name)
		} else if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	var made []string
	for _, p := range d.files {
		if err := writeFile(p.name, p.text); err != nil {
			for _, name := range made {
				os.Remove(name)
			}
			return err
		}
		if !p.replace {
			made = append(made, p.name)
		}
	}
	d.files = nil
	return nil
}

// writeFile puts a file of mode 0600 in its place when all of it is on the disk.
func writeFile(name string, text []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".barid-*") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// Text returns what is drafted for a file.
func (d *Draft) Text(name string) ([]byte, bool) {
	for _, p := range slices.Backward(d.files) {
		if p.name == name {
			return p.text, true
		}
	}
	return nil, false
}

// Names returns the files of the draft in order.
func (d *Draft) Names() (names []string) {
	for _, p := range d.files {
		names = append(names, p.name)
	}
	return names
}

// Exists reports whether there is a file or folder of a name.
func Exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
