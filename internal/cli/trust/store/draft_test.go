package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree lists what is in a folder: files with their text, links with their target.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		all[path] = info.Mode().String()
		switch {
		case d.Type().IsRegular():
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			all[path] += " " + string(text)
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			require.NoError(t, err)
			all[path] += " " + to
		}
		return nil
	}))
	return all
}

func TestDraftThatFailsLeavesEverythingAsItWas(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(in("old"), []byte("old"), 0o640))
	require.NoError(t, os.Symlink("old", in("link")))
	require.NoError(t, os.Symlink("nowhere", in("folder")))
	before := tree(t, dir)
	var d Draft
	d.Add(in("a/b/new"), []byte("1"))
	d.Put(in("a/put"), []byte("2"))
	d.Put(in("a/put"), []byte("3"))
	d.Put(in("old"), []byte("4"))
	d.Put(in("link"), []byte("5"))
	d.Add(in("c/x"), []byte("6"))
	d.Add(in("folder/x"), []byte("7"))
	err := d.Write()
	require.ErrorContains(t, err, "folder")
	require.NotContains(t, err.Error(), "undone")
	require.Equal(t, before, tree(t, dir))

	require.NoError(t, os.Remove(in("folder")))
	require.NoError(t, d.Write())
	require.Equal(t, "-rw------- 3", tree(t, dir)[in("a/put")])
	require.Equal(t, "-rw------- 5", tree(t, dir)[in("link")])
}

// What cannot be undone is said.
func TestDraftTellsWhatStays(t *testing.T) {
	dir := t.TempDir()
	p := page{name: filepath.Join(dir, "a", "b"), text: []byte("1")}
	var undo []func() error
	require.NoError(t, p.write(&undo))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "of others"), nil, 0o600))
	require.Len(t, undo, 2)
	require.ErrorContains(t, undone(os.ErrInvalid, undo), "what was written could not be undone: remove "+filepath.Join(dir, "a"))
	require.False(t, Exists(p.name))
}

func TestDraftReplacesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a"), 0o700))
	var d Draft
	d.Put(filepath.Join(dir, "a"), nil)
	require.ErrorContains(t, d.Write(), "is no file that could be replaced")
}
