package trust

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// completed asks what a shell asks, and returns the words without their descriptions. No word may be
// one of a file.
func completed(t *testing.T, line string) (words []string) {
	t.Helper()
	var out bytes.Buffer
	root := &cobra.Command{Use: "barid", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(Command(Host{Misuse: func(err error) error { return err },
		Clean: func(text string) string { return strings.ReplaceAll(text, "\u202e", "?") }}))
	root.SetArgs(append([]string{"__complete", "trust"}, strings.Split(line, " ")...))
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	require.NoError(t, root.ExecuteContext(t.Context()), line)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Equal(t, ":4", lines[len(lines)-1], "%s: file names would be completed", line)
	for _, l := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(l, "\t")
		words = append(words, word)
	}
	return words
}

func TestNamesOfTheStoreAreCompleted(t *testing.T) {
	home(t)
	require.Empty(t, completed(t, "account edit "), "there is no store")
	succeed(t, "init ACME")
	succeed(t, "init OTHER --account ALONE --config other.conf")
	succeed(t, "operator select ACME --account APP")
	succeed(t, "account add SVC")
	succeed(t, "user add web --account SVC")
	succeed(t, "account edit SVC --role service")
	succeed(t, "account edit APP --role reader")
	write(t, "data/nats/nsc/stores/ACME/accounts/x\u202ey/x\u202ey.jwt", "")
	op, err := jwt.DecodeOperatorClaims(read(t, "data/nats/nsc/stores/ACME/ACME.jwt"))
	require.NoError(t, err)
	for line, want := range map[string][]string{
		"account edit ":                               {"APP", "SVC", "SYS"},
		"account delete S":                            {"SVC", "SYS"},
		"account edit APP ":                           nil,
		"account add ":                                nil,
		"init ":                                       nil,
		"init --account ":                             nil,
		"account edit --operator OTHER ":              {"ALONE", "SYS"},
		"user edit ":                                  {"app"},
		"user renew ":                                 {"app"},
		"user revoke --account SVC ":                  {"web"},
		"user revoke --account NONE ":                 nil,
		"user list --account ":                        {"APP", "SVC", "SYS"},
		"user add x --account S":                      {"SVC", "SYS"},
		"user add x --role ":                          {"reader"},
		"user add x --account SVC --role ":            {"service"},
		"account edit SVC --role ":                    {"service"},
		"account edit SVC --rm-signing-key ":          {"service"},
		"operator edit --rm-signing-key ":             op.SigningKeys,
		"operator select ":                            {"ACME", "OTHER"},
		"operator select OTHER --account ":            {"ALONE", "SYS"},
		"account list --operator A":                   {"ACME"},
		"import add --from ":                          {"APP", "SVC", "SYS"},
		"activate --target A":                         {"APP"},
		"push --account SVC --account A":              {"APP"},
		"keys list ":                                  nil,
		"account edit --config-dir /nowhere --role=r": nil,
	} {
		got := completed(t, line)
		slices.Sort(got)
		require.Equal(t, want, got, line)
	}
	require.Contains(t, completed(t, "account "), "edit")
}
