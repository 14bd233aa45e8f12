package test_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/cli"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/test"
)

// barid runs a command of the client in the box, which must succeed, and returns what it prints.
func barid(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := cli.Run(args, strings.NewReader(""), &stdout, &stderr)
	require.Zero(t, status, "barid %s\n%s%s", strings.Join(args, " "), &stdout, &stderr)
	return stdout.String() + stderr.String()
}

// From nothing to two accounts with a private service between them, as docs/trust.md tells it, on a
// server that the commands have configured.
func TestTrustFromNothing(t *testing.T) { // not parallel: the store is found by the environment
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, dir)
	}
	t.Setenv("NKEYS_PATH", "")
	t.Setenv("NSC_HOME", "")
	file := filepath.Join(dir, "barid.conf")
	barid(t, "trust", "init", "ACME", "--account", "APP", "--user", "app", "--allow-delete", "--config", file)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	s, _ := test.RunServerWithConfigOverrides(file, func(o *server.Options) { o.Host, o.Port = "127.0.0.1", -1 }, nil)
	t.Cleanup(s.Shutdown)
	push := func(args ...string) string {
		return barid(t, append([]string{"trust", "push", "--server", s.ClientURL()}, args...)...)
	}
	require.Contains(t, push(), "jwt updated")

	creds := func(account, user string) nats.Option {
		found, err := filepath.Glob(filepath.Join(dir, "nats/nsc/keys/creds/ACME", account, user+".creds"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		return nats.UserCredentials(found[0])
	}
	grant := filepath.Join(dir, "calc.act")
	barid(t, "trust", "account", "add", "SVC")
	barid(t, "trust", "export", "add", "--account", "SVC", "--service", "--private", "--name", "calc", "--subject", "calc.>")
	barid(t, "trust", "activate", "--account", "SVC", "--service", "--subject", "calc.add", "--target", "APP", "--output", grant, "--expiry", "90d")
	require.Contains(t, barid(t, "trust", "inspect", grant), "calc.add")
	barid(t, "trust", "import", "add", "--account", "APP", "--token", grant, "--local-subject", "math.add")
	barid(t, "trust", "user", "add", "worker", "--account", "SVC", "--allow-sub", "calc.>", "--allow-responses", "1")
	push()

	worker := connect(t, s, creds("SVC", "worker"), nats.NoReconnect())
	app := connect(t, s, creds("APP", "app"), nats.NoReconnect())
	subscribe(t, worker, "calc.>", "", func(m *nats.Msg) { _ = m.Respond([]byte(m.Subject)) })
	ask := func() error { _, err := app.Request("math.add", nil, soon); return err }
	require.NoError(t, ask())
	revoke := []string{"trust", "export", "revoke", "--account", "SVC", "--service", "--subject", "calc.>", "--target", "APP"}
	barid(t, revoke...)
	push("--account", "SVC")
	require.ErrorIs(t, ask(), nats.ErrNoResponders)
	barid(t, append(revoke, "--undo")...)
	push("--account", "SVC")
	require.NoError(t, ask())

	barid(t, "trust", "user", "revoke", "app", "--account", "APP")
	push("--account", "APP")
	requireClosed(t, app)
	_, err = nats.Connect(s.ClientURL(), creds("APP", "app"), nats.NoReconnect())
	require.ErrorIs(t, err, nats.ErrAuthorization)

	barid(t, "trust", "account", "delete", "APP")
	require.Contains(t, push("--prune"), "deleted 1 accounts")
	require.NotContains(t, barid(t, "trust", "pull", "--server", s.ClientURL()), "APP")
	goesRoundAs(t, worker)
}

// goesRoundAs checks that a connection is still served.
func goesRoundAs(t *testing.T, nc *nats.Conn) {
	t.Helper()
	require.NoError(t, nc.FlushTimeout(soon))
}
