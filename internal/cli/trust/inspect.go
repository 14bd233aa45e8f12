package trust

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/inspect"
	"github.com/baridmq/barid/internal/cli/trust/store"
)

func (t *tool) inspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "inspect FILE", Short: "say what the tokens of a file allow, and whether they are good",
		Long: `Reads a token, a credentials file or the configuration of a server (- is the input), checks signatures
and times of all tokens in it, and says in plain words what they allow. Seeds are not shown. Whether
a server trusts the signer it decides itself; of keys that are in the file or in the store it is said
whose they are. The status is 1 if a token is not good.`,
		Example: "  barid trust inspect web.creds\n  barid trust inspect barid.conf --json", Args: t.words(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return t.inspect(cmd, args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each token")
	return cmd
}

func (t *tool) inspect(cmd *cobra.Command, name string, asJSON bool) error {
	var text []byte
	var err error
	if name == "-" {
		text, err = store.ReadAll(cmd.InOrStdin(), inspect.MaxText)
	} else {
		text, err = store.ReadFile(name, inspect.MaxText)
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	known := map[string]string{}
	if r, err := t.open(cmd, false); err == nil { // without a store the file has to speak for itself
		r.introduce(known)
		r.close()
	}
	findings, seeds := inspect.Look(text, known, time.Now())
	bad := 0
	for i, f := range findings {
		if !f.Valid {
			bad++
		}
		if asJSON {
			err = t.host.PrintJSON(cmd.OutOrStdout(), f)
		} else {
			if i > 0 {
				t.print(cmd, "")
			}
			t.print(cmd, "%s", strings.Join(f.Words(), "\n"))
		}
		if err != nil {
			return err
		}
	}
	for _, public := range seeds {
		what := "the file holds the seed of " + public
		if len(findings) == 1 && findings[0].Kind == "user" {
			if what += ", the user of the token"; findings[0].Subject != public {
				what = "the seed in the file is that of " + public + ", not of the user of the token"
				bad++
			}
		}
		t.say(cmd, "%s (not shown)", what)
	}
	switch {
	case len(findings) == 0 && len(seeds) == 0:
		return fmt.Errorf("%s holds no token", name)
	case bad > 0:
		return fmt.Errorf("%d of %d tokens are not good", min(bad, max(len(findings), 1)), len(findings))
	}
	return nil
}

// introduce tells whose the keys of the store are.
func (r *realm) introduce(known map[string]string) {
	inspect.Name(known, r.operator, "")
	names, _ := r.accounts()
	for _, n := range names {
		if c, err := r.account(n); err == nil {
			inspect.Name(known, c, "")
		}
	}
}
