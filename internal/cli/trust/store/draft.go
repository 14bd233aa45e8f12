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

// Write makes all files, in the order of the draft, each at once or not at all. If one fails, the folders
// and files are made as they were before; the error tells what could not be.
func (d *Draft) Write() error {
	for _, p := range d.files {
		if _, err := os.Lstat(p.name); err == nil && !p.replace {
			return fmt.Errorf("%s exists already; nothing was written", p.name)
		} else if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	var undo []func() error
	for _, p := range d.files {
		if err := p.write(&undo); err != nil {
			return undone(err, undo)
		}
	}
	d.files = nil
	return nil
}

// undone undoes what was written before an error, the last first, and adds to the error what stays.
func undone(err error, undo []func() error) error {
	for _, back := range slices.Backward(undo) {
		if stays := back(); stays != nil {
			err = fmt.Errorf("%w; what was written could not be undone: %w", err, stays)
		}
	}
	return err
}

// write makes the file and its folders, and adds how to undo what it did even if it fails.
func (p *page) write(undo *[]func() error) error {
	back, err := restore(p.name)
	if err != nil {
		return err
	}
	if err := makeFolder(filepath.Dir(p.name), undo); err != nil {
		return err
	}
	if err := writeFile(p.name, p.text); err != nil {
		return err
	}
	*undo = append(*undo, back)
	return nil
}

// restore returns how to bring back what is there now under a name, be it nothing.
func restore(name string) (func() error, error) {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return func() error { return os.Remove(name) }, nil
	case err != nil:
		return nil, err
	case info.Mode()&os.ModeSymlink != 0:
		to, err := os.Readlink(name)
		return func() error { return errors.Join(os.Remove(name), os.Symlink(to, name)) }, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file that could be replaced", name)
	}
	old, err := os.ReadFile(name)
	return func() error { return errors.Join(writeFile(name, old), os.Chmod(name, info.Mode().Perm())) }, err
}

// makeFolder makes a folder and those above it, of mode 0700.
func makeFolder(dir string, undo *[]func() error) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, os.ErrNotExist) && filepath.Dir(dir) != dir {
		if err := makeFolder(filepath.Dir(dir), undo); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil {
		*undo = append(*undo, func() error { return os.Remove(dir) })
		return nil
	}
	if info, stat := os.Stat(dir); stat == nil && info.IsDir() {
		return nil
	}
	return err
}

// writeFile puts a file of mode 0600 in its place when all of it is on the disk.
func writeFile(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".barid-*") // of mode 0600
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
