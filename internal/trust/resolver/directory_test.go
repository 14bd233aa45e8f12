package resolver

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func put(t testing.TB, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
}

func fileOf(d *Directory, id string) string { return filepath.Join(d.Path(), id+".jwt") }

func names(t testing.TB, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestDirectoryIsMadeForItsOwnerOnly(t *testing.T) {
	at := filepath.Join(t.TempDir(), "a", "jwt")
	d, log := open(t, DirectoryConfig{Path: at})
	id := account(t)
	_, err := d.Save(id, made(id, "a", 1, 0))
	require.NoError(t, err)
	for name, mode := range map[string]os.FileMode{at: 0o700, fileOf(d, id): 0o600} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		if runtime.GOOS != "windows" {
			require.Equal(t, mode, info.Mode().Perm())
		}
	}
	content, err := os.ReadFile(fileOf(d, id))
	require.NoError(t, err)
	require.Equal(t, made(id, "a", 1, 0), string(content))
	require.Equal(t, []string{id + ".jwt"}, names(t, at))
	require.Empty(t, log.text())
}

func TestDirectoryThatCannotBeUsed(t *testing.T) {
	_, err := OpenDirectory(DirectoryConfig{})
	require.EqualError(t, err, "dir has no value and needs to point to a directory")
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "")
	for _, at := range []string{file, filepath.Join(file, "below")} {
		_, err = OpenDirectory(DirectoryConfig{Path: at})
		require.ErrorContains(t, err, "dir needs to point to an accessible directory: ")
	}
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("this user may write everywhere")
	}
	readOnly := t.TempDir()
	require.NoError(t, os.Chmod(readOnly, 0o500))
	_, err = OpenDirectory(DirectoryConfig{Path: readOnly})
	require.ErrorContains(t, err, "dir needs to point to an accessible directory: ")
}

func TestDirectoryFindsWhatIsThere(t *testing.T) {
	at := t.TempDir()
	top, below := account(t), account(t)
	require.NoError(t, os.MkdirAll(filepath.Join(at, "x", "y"), 0o700))
	put(t, filepath.Join(at, top+".jwt"), made(top, "top", 1, 0)+"\n")
	put(t, filepath.Join(at, "x", "y", below+".jwt"), made(below, "below", 1, 0))
	d, log := open(t, DirectoryConfig{Path: at, AllowDelete: true})
	require.Equal(t, 2, d.Len())
	require.Empty(t, log.text())
	token, err := d.Fetch(t.Context(), top)
	require.NoError(t, err)
	require.Equal(t, made(top, "top", 1, 0), token, "without the end of the line")

	_, err = d.Save(below, made(below, "new", 2, 0))
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(at, "x", "y", below+".jwt"))
	require.NoError(t, err)
	require.Equal(t, made(below, "new", 2, 0), string(content), "replaced where it was")
	require.NoError(t, d.Delete(below))
	require.Equal(t, []string{below + ".jwt.deleted"}, names(t, filepath.Join(at, "x", "y")))
}

func TestDirectoryRefusesWhatIsNoFile(t *testing.T) {
	d, _ := open(t, DirectoryConfig{AllowDelete: true})
	id := account(t)
	token := made(id, "a", 1, 0)
	for _, bad := range []string{"", "a", "../" + id, id + "/../x", "O" + id[1:], strings.ToLower(id)} {
		_, err := d.Save(bad, token)
		require.ErrorIs(t, err, ErrKey)
		_, err = d.SaveNewer(bad, token)
		require.ErrorIs(t, err, ErrKey)
		_, err = d.Fetch(t.Context(), bad)
		require.ErrorIs(t, err, ErrKey)
		require.ErrorIs(t, d.Delete(bad), ErrKey)
	}
	_, err := d.Save(account(t), token)
	require.EqualError(t, err, "jwt subject nkey and provided nkey do not match")
	_, err = d.Save(id, "no token")
	require.Error(t, err)
	_, err = d.Save(id, strings.Repeat("x", MaxToken+1))
	require.ErrorContains(t, err, "token too large")
	require.Empty(t, names(t, d.Path()))
}

func TestFullDirectoryRefusesBeyondItsLimit(t *testing.T) {
	d, _ := open(t, DirectoryConfig{Limit: 2, AllowDelete: true})
	a, b, c := account(t), account(t), account(t)
	for _, id := range []string{a, b} {
		_, err := d.Save(id, made(id, "x", 1, 0))
		require.NoError(t, err)
	}
	_, err := d.Save(c, made(c, "x", 1, 0))
	require.EqualError(t, err, "jwt store is full")
	_, err = d.SaveNewer(c, made(c, "x", 1, 0))
	require.ErrorIs(t, err, ErrFull)
	_, err = d.Save(a, made(a, "y", 2, 0))
	require.NoError(t, err, "others may change")
	require.NoError(t, d.Delete(b))
	_, err = d.Save(c, made(c, "x", 1, 0))
	require.NoError(t, err)
}

func TestCacheGivesUpWhatHasWaitedLongest(t *testing.T) {
	at := t.TempDir()
	d, _ := open(t, DirectoryConfig{Path: at, Cache: true, Limit: 2})
	a, b, c := account(t), account(t), account(t)
	for _, id := range []string{a, b} {
		_, err := d.Save(id, made(id, "x", 1, 0))
		require.NoError(t, err)
	}
	_, err := d.Fetch(t.Context(), a)
	require.NoError(t, err)
	_, err = d.Save(c, made(c, "x", 1, 0))
	require.NoError(t, err)
	require.NoFileExists(t, fileOf(d, b))
	require.FileExists(t, fileOf(d, a))

	require.NoError(t, os.Chtimes(fileOf(d, a), time.Now(), time.Now().Add(-time.Hour)))
	again, _ := open(t, DirectoryConfig{Path: at, Cache: true, Limit: 1})
	require.Equal(t, 1, again.Len())
	require.Equal(t, []string{c + ".jwt"}, names(t, at), "a lower limit at the next start")
}

func TestDirectoryForgetsWhatExpires(t *testing.T) {
	start := time.Unix(2_000_000_000, 0)
	for _, c := range []struct {
		name    string
		cfg     DirectoryConfig
		expires int64 // seconds after start
		use     time.Duration
		alive   time.Duration
		over    time.Duration
	}{
		{name: "the second in which it expires counts", expires: 10, alive: 10*time.Second + 900*time.Millisecond, over: 11 * time.Second},
		{name: "never", alive: 1000 * time.Hour},
		{name: "a cache goes by the JWT", cfg: DirectoryConfig{Cache: true}, expires: 10, alive: 10 * time.Second, over: 11 * time.Second},
		{name: "or by its use", cfg: DirectoryConfig{Cache: true, TTL: time.Hour}, expires: 10, alive: 59 * time.Minute, over: time.Hour},
		{
			name: "which renews it", cfg: DirectoryConfig{Cache: true, TTL: time.Hour},
			use: 59 * time.Minute, alive: 118 * time.Minute, over: 119 * time.Minute,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := open(t, c.cfg)
			time := &clock{at: start}
			d.now = time.now
			id := account(t)
			exp := int64(0)
			if c.expires > 0 {
				exp = start.Unix() + c.expires
			}
			_, err := d.Save(id, made(id, "x", 1, exp))
			require.NoError(t, err)
			if c.use > 0 {
				time.pass(c.use)
				_, err := d.Fetch(t.Context(), id)
				require.NoError(t, err)
			}
			time.pass(c.alive - c.use)
			require.Zero(t, d.Expire())
			ids, _ := d.List()
			require.Len(t, ids, 1)
			if c.over == 0 {
				return
			}
			time.pass(c.over - c.alive)
			ids, _ = d.List()
			require.Empty(t, ids)
			require.NotZero(t, d.Hash(), "the file is still there")
			require.Equal(t, 1, d.Expire())
			require.Empty(t, names(t, d.Path()))
			require.Zero(t, d.Hash())
		})
	}
	d, _ := open(t, DirectoryConfig{Cache: true, TTL: time.Second})
	require.Equal(t, time.Second/2, d.Interval())
	d, _ = open(t, DirectoryConfig{Cache: true, TTL: time.Hour})
	require.Equal(t, time.Minute, d.Interval())
}

func TestHashIsThatOfAllFiles(t *testing.T) {
	at := t.TempDir()
	d, _ := open(t, DirectoryConfig{Path: at, AllowDelete: true})
	require.Zero(t, d.Hash())
	var want [sha256.Size]byte
	var last string
	for i := range 10 {
		last = account(t)
		token := made(last, fmt.Sprint("n", i), int64(i), 0)
		_, err := d.Save(last, made(last, "before", 0, 0))
		require.NoError(t, err)
		_, err = d.Save(last, token)
		require.NoError(t, err)
		for j, b := range sha256.Sum256([]byte(token)) {
			want[j] ^= b
		}
	}
	require.Equal(t, want, d.Hash())
	again, _ := open(t, DirectoryConfig{Path: at})
	require.Equal(t, want, again.Hash())
	require.NoError(t, d.Delete(last))
	require.NotEqual(t, want, d.Hash())
	d.Each(func(id, token string) bool {
		require.NoError(t, d.Delete(id))
		return true
	})
	require.Zero(t, d.Hash())
}

func TestReloadTellsWhatSomebodyChanged(t *testing.T) {
	for _, cache := range []bool{false, true} {
		d, _ := open(t, DirectoryConfig{Cache: cache, AllowDelete: true})
		same, other, gone, fresh, restored := account(t), account(t), account(t), account(t), account(t)
		for _, id := range []string{same, other, gone, restored} {
			_, err := d.Save(id, made(id, "x", 1, 0))
			require.NoError(t, err)
		}
		if !cache {
			require.NoError(t, d.Delete(restored))
			require.NoError(t, os.Rename(fileOf(d, restored)+".deleted", fileOf(d, restored)))
		}
		put(t, fileOf(d, other), made(other, "y", 2, 0))
		put(t, fileOf(d, fresh), made(fresh, "z", 3, 0))
		before := d.Hash()
		require.NoError(t, os.Remove(fileOf(d, gone)))
		require.Equal(t, before, d.Hash(), "not noticed yet")
		token, err := d.Fetch(t.Context(), fresh)
		require.NoError(t, err, "read without an index")
		require.Equal(t, made(fresh, "z", 3, 0), token)

		changed := d.Reload()
		want := []string{other, fresh, restored}
		if cache {
			want = append(want, same)
		}
		require.ElementsMatch(t, want, changed)
		require.Equal(t, 4, d.Len())
		_, err = d.SaveNewer(restored, made(restored, "newer", 2, 0))
		require.NoError(t, err)
	}
}

// A full disk, as any other failure, leaves what was there.
func TestSaveThatFailsLeavesTheOldFile(t *testing.T) {
	d, _ := open(t, DirectoryConfig{})
	id, fresh := account(t), account(t)
	_, err := d.Save(id, made(id, "old", 1, 0))
	require.NoError(t, err)
	before := d.Hash()
	d.fill = func(f *os.File, content string) error {
		_, _ = f.WriteString(content[:10])
		return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	}
	for _, id := range []string{id, fresh} {
		changed, err := d.Save(id, made(id, "new", 2, 0))
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "the JWT could not be stored: ")
		require.False(t, changed)
	}
	require.Equal(t, []string{id + ".jwt"}, names(t, d.Path()), "no draft is left")
	require.Equal(t, before, d.Hash())
	token, err := d.Fetch(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, made(id, "old", 1, 0), token)
}

func TestSaveBringsBackAFileThatSomebodyRemoved(t *testing.T) {
	d, _ := open(t, DirectoryConfig{})
	id := account(t)
	_, err := d.Save(id, made(id, "a", 1, 0))
	require.NoError(t, err)
	require.NoError(t, os.Remove(fileOf(d, id)))
	_, err = d.Save(id, made(id, "a", 1, 0))
	require.NoError(t, err)
	require.FileExists(t, fileOf(d, id))
}

func mkdir(t testing.TB, name string) {
	t.Helper()
	require.NoError(t, os.Mkdir(name, 0o700))
}
