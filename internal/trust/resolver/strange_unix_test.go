//go:build unix

package resolver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever lies in the directory, it is reported once, not opened in a way that hurts, and left alone.
func TestDirectoryWithStrangeFiles(t *testing.T) {
	at := t.TempDir()
	id := func() string { return account(t) }
	file := func(id string) string { return filepath.Join(at, id+".jwt") }
	good, pipe, zero, outside, large, corrupt, other, empty, twice := id(), id(), id(), id(), id(), id(), id(), id(), id()
	put(t, file(good), made(good, "good", 1, 0))
	require.NoError(t, syscall.Mkfifo(file(pipe), 0o600))
	require.NoError(t, os.Symlink("/dev/zero", file(zero)))
	secret := filepath.Join(t.TempDir(), "secret")
	put(t, secret, made(outside, "outside", 1, 0))
	require.NoError(t, os.Symlink(secret, file(outside)))
	put(t, file(large), strings.Repeat("l", 2<<20))
	put(t, file(corrupt), "no JWT")
	put(t, file(other), made(good, "other", 1, 0))
	put(t, file(empty), "")
	put(t, filepath.Join(at, "README"), "hands off")
	put(t, filepath.Join(at, "AAAA.jwt"), "no key")
	require.NoError(t, os.Mkdir(file(twice), 0o700))
	left := filepath.Join(at, draftPrefix+"LEFT"+draftSuffix)
	put(t, left, "half of a J")

	d, log := open(t, DirectoryConfig{Path: at})
	strange := map[string]string{
		pipe + ".jwt": "no regular file", zero + ".jwt": "no regular file", outside + ".jwt": "no regular file",
		large + ".jwt": "token too large", corrupt + ".jwt": "expected 3 chunks",
		other + ".jwt": ErrSubject.Error(), empty + ".jwt": "expected 3 chunks",
		"README": "not named by", "AAAA.jwt": "not named by",
	}
	for range 2 {
		require.Equal(t, 1, d.Len())
		for name, why := range strange {
			require.Equal(t, 1, strings.Count(log.text(), name+`" is ignored`), "%s\n%s", name, log.text())
			require.Contains(t, log.text(), why)
			_, err := os.Lstat(filepath.Join(at, name))
			require.NoError(t, err, "it stays")
		}
		d.Reload()
	}
	require.NoFileExists(t, left)
	for _, id := range []string{pipe, zero, outside, large, corrupt, other, empty, twice} {
		token, err := d.Fetch(t.Context(), id)
		require.Error(t, err)
		require.Empty(t, token)
	}
	_, err := d.Save(pipe, made(pipe, "new", 1, 0))
	require.NoError(t, err, "a JWT takes the place of anything but a directory")
	_, err = d.Save(twice, made(twice, "new", 1, 0))
	require.ErrorContains(t, err, "the JWT could not be stored: ")
	require.NotContains(t, names(t, at), draftPrefix)
}

func TestDirectoryWarnsOfOtherWriters(t *testing.T) {
	at := t.TempDir()
	for range 3 {
		id := account(t)
		put(t, filepath.Join(at, id+".jwt"), made(id, "a", 1, 0))
		require.NoError(t, os.Chmod(filepath.Join(at, id+".jwt"), 0o660))
	}
	require.NoError(t, os.Chmod(at, 0o777))
	d, log := open(t, DirectoryConfig{Path: at})
	d.Reload()
	require.Equal(t, 3, d.Len(), "volumes are mounted so")
	require.Equal(t, "WRN DirResolver - the directory of JWTs, "+at+", can be written to by other users\n"+
		"WRN DirResolver - 3 files in "+at+" can be written to by other users", log.text())
}

func TestDirectoryWithManyStrangeFiles(t *testing.T) {
	at := t.TempDir()
	for i := range mostComplaints + 20 {
		put(t, filepath.Join(at, fmt.Sprint("strange", i)), "")
	}
	d, log := open(t, DirectoryConfig{Path: at})
	d.Reload()
	require.Equal(t, mostComplaints, strings.Count(log.text(), "is ignored"))
	require.Equal(t, 1, strings.Count(log.text(), "more files in "+at+" are ignored"))
}

// A tombstone that cannot be read is none, and a directory that cannot be read hides only itself.
func TestDirectoryWithStrangeTombstones(t *testing.T) {
	at := t.TempDir()
	corrupt, other, pipe, good := account(t), account(t), account(t), account(t)
	put(t, filepath.Join(at, corrupt+deleted), "x")
	put(t, filepath.Join(at, other+deleted), made(good, "x", 100, 0))
	require.NoError(t, syscall.Mkfifo(filepath.Join(at, pipe+deleted), 0o600))
	put(t, filepath.Join(at, "x"+deleted), "x")
	put(t, filepath.Join(at, good+deleted), made(good, "x", 100, 0))
	for _, allowed := range []bool{true, false} {
		d, _ := open(t, DirectoryConfig{Path: at, AllowDelete: allowed})
		for _, id := range []string{corrupt, other, pipe} {
			_, err := d.SaveNewer(id, made(id, "x", 1, 0))
			require.NoError(t, err)
		}
		_, err := d.SaveNewer(good, made(good, "y", 100, 0))
		require.Equal(t, allowed, err != nil)
	}
}
