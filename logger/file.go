package logger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// backupLayout is what a rotated file gets behind its name and a dot: local time to the
// nanosecond.
const backupLayout = "2006.01.02.15.04.05.000000000"

// rotating is put into a file that is too large when it is opened; as any line, it is followed
// by the rotation.
const rotating = "Rotating logfile..."

// file is a sink that writes to a file, which it renames when it has grown too large. All of
// it is guarded by the mutex of its logger.
//
// If the file cannot be opened again after a rotation, lines go to standard error, and each
// first tries to open it once more.
type file struct {
	// fixed
	path string
	keep int // files to keep after a rotation, with the live one; 0 means all

	limit  int64    // size after which the file is rotated; 0 means never. A failure doubles it.
	size   int64    // bytes in f
	f      *os.File // nil before the first open, after close and while it cannot be opened
	closed bool
}

func (s *file) reopen() ([]remark, error) {
	if s.closed {
		return nil, os.ErrClosed
	}
	old := s.f
	if err := s.open(); err != nil {
		return nil, err
	}
	if old != nil {
		_ = old.Close()
	}
	if s.full() {
		return []remark{{notice, rotating}}, nil
	}
	return nil, nil
}

// open puts a freshly opened file in the place of f; if that fails f stays.
func (s *file) open() error {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	s.f, s.size = f, info.Size()
	return nil
}

func (s *file) full() bool { return s.limit > 0 && s.size > s.limit }

func (s *file) put(line []byte, settle bool) []remark {
	if s.closed {
		return nil
	}
	if s.f == nil && s.open() != nil {
		_, _ = os.Stderr.Write(line)
		return nil
	}
	n, _ := s.f.Write(line)
	s.size += int64(n)
	if settle || !s.full() {
		return nil
	}
	return s.rotate()
}

// rotate renames the file and opens a new one. It closes first, since not every system renames
// open files. When a step fails the same file is used on, and the limit doubled so that the
// failure does not come back with every line.
func (s *file) rotate() []remark {
	err := s.f.Close()
	s.f = nil
	if err != nil {
		return s.postpone("Unable to close logfile for rotation", err)
	}
	backup, err := s.setAside()
	if err != nil {
		return s.postpone("Unable to rename logfile for rotation", err)
	}
	remarks := []remark{{notice, `Rotated log, backup saved as "` + backup + `"`}}
	if err := s.open(); err != nil {
		remarks = append(remarks, remark{failure, fmt.Sprintf("Unable to open logfile after rotation (%v)", err)})
	}
	return append(remarks, s.purge()...)
}

// postpone goes on with the file that could not be rotated.
func (s *file) postpone(what string, err error) []remark {
	s.limit *= 2
	_ = s.open() // put tries again
	return []remark{{failure, fmt.Sprintf("%s (%v), will attempt next rotation at size %d", what, err, s.limit)}}
}

// setAside renames the file to the first name for a backup from now on that is free.
func (s *file) setAside() (backup string, err error) {
	for at := time.Now().Local(); ; at = at.Add(1) {
		backup = s.path + "." + at.Format(backupLayout)
		if _, err := os.Lstat(backup); errors.Is(err, os.ErrNotExist) {
			return backup, os.Rename(s.path, backup)
		} else if err != nil {
			return "", err
		}
	}
}

// purge removes the oldest backups until, with the live file, as many are left as are to be
// kept.
func (s *file) purge() (remarks []remark) {
	if s.keep <= 0 {
		return nil
	}
	backups, err := s.backups()
	if err != nil {
		return []remark{{failure, fmt.Sprintf("Unable to list log files for purge (%v)", err)}}
	}
	for _, backup := range backups[:max(0, len(backups)-(s.keep-1))] {
		if err := os.Remove(backup); err != nil {
			remarks = append(remarks, remark{failure, fmt.Sprintf("Unable to purge log file (%v)", err)})
			continue
		}
		remarks = append(remarks, remark{notice, `Purged log file "` + backup + `"`})
	}
	return remarks
}

// backups lists the rotated files, oldest first. A name counts only if it is exactly one that
// setAside makes: other files that begin alike belong to somebody else.
func (s *file) backups() ([]string, error) {
	dir, base := filepath.Split(s.path)
	entries, err := os.ReadDir(filepath.Join(dir, "."))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		stamp, ok := strings.CutPrefix(e.Name(), base+".")
		if !ok || e.IsDir() {
			continue
		}
		if at, err := time.Parse(backupLayout, stamp); err != nil || at.Format(backupLayout) != stamp {
			continue
		}
		found = append(found, dir+e.Name())
	}
	slices.Sort(found)
	return found, nil
}

func (s *file) close() error {
	s.closed = true
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	s.f = nil
	return err
}
