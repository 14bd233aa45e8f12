// Package trust is the command barid trust: it makes operators, accounts and users, whose JSON web
// tokens a server trusts, and keeps them in the folders that the nsc tool uses.
//
// The package knows nothing of the server's inside and nothing of the other commands of the client; it
// meets servers over their ports only. It starts no goroutine and holds no lock in memory; commands
// that write exclude each other by a lock on a file of the store. Seeds are read from and written to
// files of mode 0600 and are never printed.
package trust

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/store"
)

// Host is what the program around the commands lends them. All of it is needed.
type Host struct {
	Misuse    func(error) error          // marks an error of the command line
	Clean     func(string) string        // makes text of others harmless for a terminal
	PrintJSON func(io.Writer, any) error // writes a value as a line
}

// Command builds barid trust with all below it. What is asked for goes to the output of the command,
// everything else to its error output.
func Command(h Host) *cobra.Command {
	t := &tool{host: h}
	root := t.group("trust", "operators, accounts and users by JWT", `Makes an operator, its accounts and their users, and brings them to servers.

Tokens and seeds are kept in the folders of the nsc tool, which may be used beside this one:
$XDG_DATA_HOME/nats/nsc/stores and keys (NKEYS_PATH), and $XDG_CONFIG_HOME/nats/nsc/nsc.json (NSC_HOME).
Seeds are in files that only their owner may read. They are never printed.`,
		t.initCommand(), t.operatorCommand(), t.accountCommand(), t.userCommand(), t.exportCommand(), t.importCommand(),
		t.activateCommand(), t.pushCommand(), t.pullCommand(), t.inspectCommand(), t.configCommand(), t.keysCommand())
	f := root.PersistentFlags()
	f.StringVar(&t.places.Config, "config-dir", "", "`FOLDER` of nsc.json (NSC_HOME)")
	f.StringVar(&t.places.Data, "data-dir", "", "`FOLDER` with a folder for each operator")
	f.StringVar(&t.places.Keys, "keystore-dir", "", "`FOLDER` of seeds and credentials (NKEYS_PATH)")
	f.StringVarP(&t.operator, "operator", "o", "", "`NAME` of the operator (default: the current one)")
	f.StringArrayVar(&t.keysFrom, "keys-from", nil, "`FILE` or folder with more seeds to sign with; may be repeated")
	t.complete(root, "trust")
	return root
}

// tool is what all commands share: the flags before any of them.
type tool struct {
	host     Host
	places   store.Places
	operator string
	keysFrom []string
}

// group makes a command that only holds others.
func (t *tool) group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name())
	}
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: t.words(cobra.NoArgs)}
	cmd.RunE = func(*cobra.Command, []string) error { return t.misused("say which: %s", strings.Join(names, ", ")) }
	cmd.AddCommand(commands...)
	return cmd
}

// words makes wrong arguments a misuse.
func (t *tool) words(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return t.usage(check(cmd, args))
	}
}

// usage makes an error, if there is one, a misuse.
func (t *tool) usage(err error) error {
	if err != nil {
		err = t.host.Misuse(err)
	}
	return err
}

func (t *tool) misused(format string, args ...any) error {
	return t.host.Misuse(fmt.Errorf(format, args...))
}

// say tells the user something that is no output.
func (t *tool) say(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintln(cmd.ErrOrStderr(), t.host.Clean(fmt.Sprintf(format, args...)))
}

// print writes a line of output.
func (t *tool) print(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintln(cmd.OutOrStdout(), t.host.Clean(fmt.Sprintf(format, args...)))
}

// reading runs a command that changes nothing.
func (t *tool) reading(run func(cmd *cobra.Command, r *realm, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		r, err := t.open(cmd, false)
		if err != nil {
			return err
		}
		defer r.close()
		return run(cmd, r, args)
	}
}

// writing runs a command that drafts changes, writes them if it succeeds, and says what it did.
func (t *tool) writing(run func(cmd *cobra.Command, r *realm, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		r, err := t.open(cmd, true)
		if err != nil {
			return err
		}
		defer r.close()
		if err := run(cmd, r, args); err != nil {
			return err
		}
		if err := r.draft.Write(); err != nil {
			return err
		}
		for _, line := range r.done {
			t.say(cmd, "%s", line)
		}
		return r.failed
	}
}

// named returns an error if a text is no good as the name of something new. What other tools have made
// may have other names.
func named(what, name string) error {
	in := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	first, _ := utf8.DecodeRuneInString(name)
	last, _ := utf8.DecodeLastRuneInString(name)
	if len(name) > 100 || !in(first) || !in(last) || strings.ContainsFunc(name, func(r rune) bool { return !in(r) && !strings.ContainsRune("-_.", r) }) {
		return fmt.Errorf("%q cannot be the name of %s: use up to 100 letters, digits, and - _ . within", name, what)
	}
	return nil
}

// sorted returns the keys of a map in order.
func sorted[M ~map[K]V, K ~string, V any](m M) []K { return slices.Sorted(maps.Keys(m)) }
