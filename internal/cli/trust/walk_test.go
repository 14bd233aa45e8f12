package trust

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shellWords splits a line of the document; its quotes are single ones only.
func shellWords(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// Every command of the document is run, in its order, and does what it is asked.
func TestDocumentIsAWalkThrough(t *testing.T) {
	document := read(t, "../../../docs/trust.md")
	dir := home(t)
	f := serve(t, "one")
	commands := 0
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(document, -1) {
		for line := range strings.SplitSeq(strings.TrimSpace(block[1]), "\n") {
			rest, ok := strings.CutPrefix(line, "barid trust ")
			require.True(t, ok, line)
			args := shellWords(strings.ReplaceAll(rest, "nats://127.0.0.1:4222", f.server.ClientURL()))
			switch args[0] {
			case "init":
				args = append(args, "--url", f.server.ClientURL())
			case "push", "pull":
				args = append(args, "--timeout", "100ms")
			}
			stdout, stderr, err := ask(t, "", args...)
			require.NoError(t, err, "%s\n%s%s", line, stdout, stderr)
			for _, seed := range seeds(t, dir) {
				require.NotContains(t, stdout+stderr, seed)
			}
			commands++
		}
	}
	require.Greater(t, commands, 30)
	require.Len(t, strings.Fields(f.accounts()), 2, "what is not in the store was pruned")

	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		require.NoError(t, err)
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		require.Equal(t, want, info.Mode().Perm(), path)
		require.NotContains(t, path, ".barid-", "a file was left behind")
		if !strings.HasSuffix(path, ".nk") && !strings.HasSuffix(path, ".creds") && !d.IsDir() {
			require.NotRegexp(t, `S[OAU][A-Z2-7]{56}`, read(t, path))
		}
		return nil
	}))
}

// The output of a session is a part of the product.
func TestSessionReadsLikeThis(t *testing.T) {
	dir := home(t)
	f := serve(t, "one", "two")
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(read(t, filepath.Join(golden, "session.txt.lines"))), "\n") {
		b.WriteString("$ barid trust " + line + "\n")
		stdout, stderr, err := ask(t, "", shellWords(strings.ReplaceAll(line, "URL", f.server.ClientURL()))...)
		b.WriteString(stdout + stderr)
		if err != nil {
			b.WriteString("barid: " + err.Error() + "\n")
		}
	}
	text := strings.ReplaceAll(b.String(), f.server.ClientURL(), "URL")
	text = strings.ReplaceAll(text, dir, "DIR")
	text = regexp.MustCompile(`\b([OAU])[A-Z2-7]{55}\b`).ReplaceAllString(text, "$1...")
	text = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`).ReplaceAllString(text, "TIME")
	if os.Getenv("BARID_UPDATE") != "" {
		require.NoError(t, os.WriteFile(filepath.Join(golden, "session.txt"), []byte(text), 0o600))
	}
	require.Equal(t, read(t, filepath.Join(golden, "session.txt")), text)
}

// golden is the folder of what is expected, as tests change the current one.
var golden, _ = filepath.Abs("testdata")

func TestCommandsRefuseToOverwrite(t *testing.T) {
	home(t)
	write(t, "barid.conf", "mine")
	fail(t, "init ACME", "barid.conf exists already; nothing was written")
	require.Equal(t, "mine", read(t, "barid.conf"))
	_, err := os.Stat("data/nats/nsc/keys")
	require.True(t, errors.Is(err, fs.ErrNotExist), "not even keys")
	require.NoError(t, os.Remove("barid.conf"))
	succeed(t, "init ACME")
	fail(t, "init ACME", "exists already")
	fail(t, "account add APP", "already")
	fail(t, "user add app --account APP", "already")
	fail(t, "config --output barid.conf", "exists already")
	write(t, "x.act", "mine")
	succeed(t, "export add --account APP --subject a.>")
	fail(t, "export add --account APP --subject a.>", "already")
	fail(t, "activate --account APP --subject a.b --target SYS --output x.act", "exists already")
	succeed(t, "config --output barid.conf --replace")
}

func TestCommandLinesThatAreNotUnderstood(t *testing.T) {
	home(t)
	fail(t, "account list", "make one: barid trust init")
	for line, want := range map[string]string{
		"":                               "say which: init, operator",
		"account":                        "say which: add, edit, list, delete",
		"init a b":                       "at most 1",
		"init ../x":                      "cannot be the name of an operator",
		"init --account SYS":             "is the system account",
		"init --url http://h":            "of the form nats://host:port",
		"init --url nats://u:s3@h":       "of the form nats://host:port",
		"init --resolver cache":          "is not full or memory",
		"init --resolver=memory --dir=x": "are for --resolver full",
		"init --no-such":                 "unknown flag",
	} {
		misunderstood(t, line, want)
	}
	succeed(t, "init ACME")
	for line, want := range map[string]string{
		"account add ..":                       "cannot be the name of an account",
		"account add a/b":                      "cannot be the name of an account",
		"account edit APP":                     "say what to change",
		"account edit APP --expiry soon":       "no span such as 12h",
		"account edit APP --expiry 2001-01-01": "in the past",
		"account edit APP --bearer":            "--bearer is for a role or a user",
		"user add x --conn-type PIGEON":        `"PIGEON" is not one of STANDARD`,
		"user add x --time 8-9-10 --role r":    "a user of a role may do what the role says",
		"user add x --time 8":                  "is not of the form 08:00:00-18:30:00",
		"import add":                           "say what to import",
		"export add --service --response x":    "is not singleton",
		"push --prune --account APP":           "leave out --account",
		"push --timeout 0s":                    "timeout of 0s",
		"operator edit --url ftp://x":          "of the form nats://host:port",
		"user revoke":                          "accepts 1 arg",
	} {
		misunderstood(t, line, want)
	}
	for line, want := range map[string]string{
		"account edit NONE --conns 1":            "has no account \"NONE\"",
		"user add x --allow-pub a..b":            "nothing was written: subject \"a..b\" cannot contain consecutive",
		"user add x --source-network here":       "invalid cidr",
		"user add x --time 8-9":                  "start in time range is invalid",
		"user add x --role none":                 "make it: barid trust account edit APP --role none",
		"user edit none":                         "has no user \"none\"",
		"user revoke app --undo":                 "is not revoked",
		"account delete SYS":                     "cannot be deleted",
		"export delete --subject x":              "it exports: nothing",
		"activate --subject x --target SYS":      "exports no stream that contains",
		"import delete --subject x":              "imports no stream",
		"account edit APP --rm-signing-key none": "has no signing key and no role",
		"operator edit --rm-signing-key x":       "is no signing key of the operator",
		"account list --operator NONE":           "there is no operator \"NONE\"",
		"inspect none":                           "cannot read none",
		"keys import barid.conf":                 "holds no seed",
		"account list --keys-from barid.conf":    "holds no seed",
	} {
		fail(t, line, want)
	}
	misunderstood(t, "operator select ../ACME", "cannot be the name of an operator")
}
