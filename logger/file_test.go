package logger

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// files lists a folder, sorted.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func open(t *testing.T, path string, o Options) *Logger {
	t.Helper()
	l, err := NewFile(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestFileAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "barid.log")
	require.NoError(t, os.WriteFile(path, []byte("before\n"), 0o600))
	l := open(t, path, Options{Colors: true})
	l.Noticef("one")
	l.Errorf("two")
	require.NoError(t, l.Close())
	l.Noticef("lost")
	require.Equal(t, "before\n[INF] one\n[ERR] two\n", read(t, path))
	require.ErrorIs(t, l.Reopen(), os.ErrClosed)
	require.NoError(t, l.Close())
}

func TestFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "barid.log")
	open(t, path, Options{})
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&^0o640)
	require.NotZero(t, info.Mode().Perm()&0o600)
}

func TestFileThatCannotBeOpened(t *testing.T) {
	_, err := NewFile(filepath.Join(t.TempDir(), "none", "barid.log"), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "barid.log"), filepath.Join(dir, "moved")
	l := open(t, path, Options{Debug: true})
	l.Noticef("one")
	require.NoError(t, os.Rename(path, moved))
	l.Noticef("two")
	require.NoError(t, l.Reopen())
	l.Debugf("three")
	require.Equal(t, "[INF] one\n[INF] two\n", read(t, moved))
	require.Equal(t, "[DBG] three\n", read(t, path))
}

func TestFailedReopenKeepsTheFile(t *testing.T) {
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "barid.log"), filepath.Join(dir, "moved")
	l := open(t, path, Options{})
	require.NoError(t, os.Rename(path, moved))
	require.NoError(t, os.Mkdir(path, 0o700))
	require.Error(t, l.Reopen())
	l.Noticef("one")
	require.Equal(t, "[INF] one\n", read(t, moved))
}

// backup is what a file rotated now is called. Inside a bubble of synctest time stands still.
func backup(path string) string {
	return path + time.Now().Local().Format(".2006.01.02.15.04.05.000000000")
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "barid.log")
	synctest.Test(t, func(t *testing.T) {
		l := open(t, path, Options{SizeLimit: 20, Time: true, UTC: true})
		l.mu.sink.(*file).size = 0
		const stamp = "2000/01/01 00:00:00.000000 "
		l.Noticef("%s", strings.Repeat("x", 100))
		require.Equal(t, stamp+"[INF] "+strings.Repeat("x", 100)+"\n", read(t, backup(path)))
		require.Equal(t, stamp+"[INF] Rotated log, backup saved as \""+backup(path)+"\"\n", read(t, path),
			"the remark itself exceeds the limit, but is followed by no other rotation")
		require.Len(t, files(t, dir), 2)
	})
}

func TestRotationComesAfterTheLimit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "barid.log")
	synctest.Test(t, func(t *testing.T) {
		l := open(t, path, Options{SizeLimit: 20})
		l.Noticef("123")  // 10 bytes
		l.Noticef("1234") // 21 bytes, once both are in
		require.Equal(t, "[INF] 123\n[INF] 1234\n", read(t, backup(path)))
	})
	dir = t.TempDir()
	path = filepath.Join(dir, "barid.log")
	l := open(t, path, Options{SizeLimit: 20})
	l.Noticef("123")
	l.Noticef("123")
	require.Equal(t, []string{"barid.log"}, files(t, dir), "the limit itself is no excess")
}

func TestBackupNamesDoNotCollide(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "barid.log")
	synctest.Test(t, func(t *testing.T) {
		l := open(t, path, Options{SizeLimit: 1})
		l.Noticef("one")
		l.Noticef("two")
		l.Noticef("three")
		names := files(t, dir)
		require.Len(t, names, 4)
		for i, want := range []string{"one", "two", "three"} {
			require.Contains(t, read(t, filepath.Join(dir, names[i+1])), "[INF] "+want+"\n")
		}
	})
}

func TestTooLargeWhenOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "barid.log")
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, os.WriteFile(path, []byte("long before\n"), 0o600))
		open(t, path, Options{SizeLimit: 5})
		require.Equal(t, "long before\n[INF] Rotating logfile...\n", read(t, backup(path)))
		require.Equal(t, "[INF] Rotated log, backup saved as \""+backup(path)+"\"\n", read(t, path))
	})
}

func TestPurge(t *testing.T) {
	for _, c := range []struct {
		name     string
		maxFiles int
		left     []string // old backups that stay
		fresh    int      // new backups that stay
	}{
		{"keep all", 0, []string{"2020.01.02.03.04.05.000000001", "2021.01.02.03.04.05.000000001"}, 1},
		{"four", 4, []string{"2020.01.02.03.04.05.000000001", "2021.01.02.03.04.05.000000001"}, 1},
		{"three", 3, []string{"2021.01.02.03.04.05.000000001"}, 1},
		{"two", 2, nil, 1},
		{"only the live one", 1, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "barid.log")
			strangers := []string{
				"barid.log.gz", "barid.log.2020.01.02", "barid.log.2020.01.02.03.04.05.000000001.gz",
				"barid.log.2020.13.02.03.04.05.000000001", "barid.log.2020.01.02.03.04.05.00000001",
				"barid.log.2020.01.02.03.04.05,000000001", "other.log.2020.01.02.03.04.05.000000001",
			}
			old := []string{"2020.01.02.03.04.05.000000001", "2021.01.02.03.04.05.000000001"}
			for _, name := range strangers {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
			}
			for _, stamp := range old {
				require.NoError(t, os.WriteFile(path+"."+stamp, nil, 0o600))
			}
			l := open(t, path, Options{SizeLimit: 1, MaxFiles: c.maxFiles})
			l.Noticef("x")

			got := files(t, dir)
			for _, name := range append(strangers, "barid.log") {
				require.Contains(t, got, name)
				got = slices.DeleteFunc(got, func(s string) bool { return s == name })
			}
			log := read(t, path)
			require.Regexp(t, `^\[INF\] Rotated log, backup saved as "[^"]+"\n`, log)
			for _, stamp := range old {
				stays := slices.Contains(c.left, stamp)
				require.Equal(t, stays, slices.Contains(got, "barid.log."+stamp), stamp)
				require.Equal(t, !stays, strings.Contains(log, "[INF] Purged log file \""+path+"."+stamp+"\"\n"), stamp)
			}
			require.Len(t, got, len(c.left)+c.fresh)
			require.NotContains(t, log, "\r")
		})
	}
}

func TestFailedCloseDoublesTheLimit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "barid.log")
	l := open(t, path, Options{SizeLimit: 100})
	f := l.mu.sink.(*file)
	require.NoError(t, f.f.Close())
	f.size = 101
	l.Noticef("one")
	require.Regexp(t, `^\[ERR\] Unable to close logfile for rotation \(.*file already closed\), will attempt next rotation at size 200\n$`,
		read(t, path))
	l.Noticef("two")
	require.Contains(t, read(t, path), "[INF] two\n")
	require.Equal(t, []string{"barid.log"}, files(t, dir))
}

func TestFailedRenameDoublesTheLimit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "barid.log")
	l := open(t, path, Options{SizeLimit: 10})
	require.NoError(t, os.Remove(path))
	l.Noticef("this goes to a file without a name")
	require.Regexp(t, `^\[ERR\] Unable to rename logfile for rotation \(.*\), will attempt next rotation at size 20\n$`, read(t, path))
}

func TestLinesAreNotLostForGoodWhenTheFileCannotBeOpened(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	require.NoError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "barid.log")
	l := open(t, path, Options{SizeLimit: 10})
	require.NoError(t, os.RemoveAll(dir))

	stderr := os.Stderr
	defer func() { os.Stderr = stderr }()
	caught, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer caught.Close()
	os.Stderr = caught
	l.Noticef("rotate, please")
	l.Noticef("two")
	require.Regexp(t, `^\[ERR\] Unable to rename logfile [^\n]*\n\[INF\] two\n$`, read(t, caught.Name()))

	require.NoError(t, os.Mkdir(dir, 0o700))
	l.Noticef("three")
	require.Equal(t, "[INF] three\n", read(t, path))
}
