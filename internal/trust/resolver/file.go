package resolver

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"
)

// Files that are being written begin and end so. What a crash left behind is removed at the next start.
const (
	draftPrefix = ".barid-"
	draftSuffix = ".tmp"
)

var (
	errNoFile = errors.New("no regular file")
	errNoRoom = errors.New("dir needs to point to an accessible directory")
)

// openRoot makes a directory if there is none, and sees that files can be made there.
func openRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoRoom, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoRoom, err)
	}
	name := draft()
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), root.Remove(name))
	}
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("%w: %w", errNoRoom, err)
	}
	return root, nil
}

func draft() string { return draftPrefix + rand.Text() + draftSuffix }

// read returns what is in a file, without blanks around it. It opens nothing but regular files, waits
// for no pipe, and reads no more than a JWT may have.
func (d *Directory) read(name string) (string, fs.FileInfo, error) {
	before, err := d.root.Lstat(name)
	if err != nil {
		return "", nil, err
	}
	if !before.Mode().IsRegular() {
		return "", nil, errNoFile
	}
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", nil, err
	case !info.Mode().IsRegular():
		return "", nil, errNoFile
	case info.Size() > MaxToken:
		return "", nil, tooLarge(int(min(info.Size(), 1<<30)))
	}
	var content bytes.Buffer
	content.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(f, MaxToken+1)); err != nil {
		return "", nil, err
	}
	if content.Len() > MaxToken {
		return "", nil, tooLarge(content.Len())
	}
	return strings.TrimSpace(content.String()), info, nil
}

// write puts content into a file, whole or not at all. The caller has the turn.
func (d *Directory) write(name, content string) (err error) {
	temporary := path.Join(path.Dir(name), draft())
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(d.fill(f, content), f.Close())
	if err == nil {
		err = d.root.Rename(temporary, name)
	}
	if err != nil {
		_ = d.root.Remove(temporary)
		return err
	}
	return d.syncFolder(path.Dir(name))
}

// fill writes content and waits until the disk has it.
func fill(f *os.File, content string) error {
	if _, err := f.WriteString(content); err != nil {
		return err
	}
	return f.Sync()
}

// syncFolder makes the names of a folder outlive a loss of power.
func (d *Directory) syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil // cannot, and need not: renames are journalled
	}
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
