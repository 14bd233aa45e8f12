package trust

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// An init that fails half way leaves nothing in the way of the next one.
func TestInitAfterOneThatFailed(t *testing.T) {
	dir := home(t)
	require.NoError(t, os.Symlink("nowhere", "folder"))
	for _, file := range []string{"folder/barid.conf", "/proc/nope/barid.conf"} {
		fail(t, "init ACME --config "+file, filepath.Dir(file))
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			require.True(t, err == nil && (d.IsDir() || d.Name() == "folder" || d.Name() == ".barid.lock"), "%s is left", path)
			return err
		}))
		require.NoDirExists(t, "data/nats/nsc/stores/ACME")
	}
	succeed(t, "init ACME")
	succeed(t, "account list")
}

// One that was killed is told of: its folder holds tokens, but no operator.
func TestInitAfterOneThatWasKilled(t *testing.T) {
	home(t)
	succeed(t, "init ACME")
	require.NoError(t, os.Remove("data/nats/nsc/stores/ACME/.nsc"))
	fail(t, "account list", "there is no operator")
	fail(t, "init ACME --config other.conf", "without an operator: an init may have been killed; remove it")
	require.NoError(t, os.RemoveAll("data/nats/nsc/stores/ACME"))
	require.NoError(t, os.RemoveAll("data/nats/nsc/keys/creds/ACME"))
	succeed(t, "init ACME --config other.conf")
}

// A running server refuses to reload another operator.
func TestConfigSaysWhatToDoWithARunningServer(t *testing.T) {
	home(t)
	succeed(t, "init ACME")
	succeed(t, "operator edit --strict")
	_, told := succeed(t, "config --output full.conf")
	require.Contains(t, told, "a running server needs a restart if the operator was changed")
	require.NotContains(t, told, "reload")
	_, told = succeed(t, "config --resolver memory --output memory.conf")
	require.Contains(t, told, "let the running server reload it; if the operator was changed, it needs a restart")
}
