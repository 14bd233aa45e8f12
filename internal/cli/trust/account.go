package trust

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/flags"
)

// accountFlags are those of account add and edit.
type accountFlags struct {
	flags.Limits
	flags.Common

	rights   flags.Rights
	role     string
	seed     string
	identity bool // no signing key
	signing  bool
	remove   []string
}

func (t *tool) accountCommand() *cobra.Command {
	return t.group("account", "add, change, list and delete accounts", `An account is a space of subjects of its own. Its users see only what other accounts export to it.
Changes count for servers after barid trust push.`, t.accountAdd(), t.accountEdit(), t.accountList(), t.accountDelete())
}

func (t *tool) accountAdd() *cobra.Command {
	f := accountFlags{}
	cmd := &cobra.Command{
		Use: "add NAME", Short: "make an account",
		Example: "  barid trust account add ORDERS --conns 100 --description 'all shops'",
		Args:    t.words(cobra.ExactArgs(1)),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, args []string) error {
		name := args[0]
		if err := t.usage(named("an account", name)); err != nil {
			return err
		}
		if f.identity && r.operator.StrictSigningKeyUsage {
			return fmt.Errorf("the operator lets only signing keys sign: leave out --no-signing-key")
		}
		if _, err := os.Lstat(r.AccountDir(r.name, name)); err == nil {
			return fmt.Errorf("there is an account %q already; to change it: barid trust account edit %s", name, quoted(name))
		}
		c, err := r.newAccount(name, f.seed, !f.identity)
		if err != nil {
			return err
		}
		if err := t.usage(f.Common.Apply(cmd, &c.ClaimsData, &c.Tags)); err != nil {
			return err
		}
		f.Limits.Apply(cmd, c)
		f.rights.Subjects.Apply(cmd, &c.DefaultPermissions)
		if err := r.saveAccount(name, c); err != nil {
			return err
		}
		if r.settings.Account == "" || r.settings.Operator != r.name {
			if err := r.selected(name); err != nil {
				return err
			}
		}
		r.noted("account %s  %s\nnext: barid trust user add NAME --account %s; barid trust push", name, c.Subject, quoted(name))
		return nil
	})
	f.Limits.Add(cmd)
	f.Common.Add(cmd)
	f.rights.Subjects.Add(cmd, "a user without permissions of its own")
	cmd.Flags().StringVar(&f.seed, "seed", "", "`FILE` with the seed of an account, to be its identity")
	cmd.Flags().BoolVar(&f.identity, "no-signing-key", false, "make no signing key: the identity of the account signs its users")
	return cmd
}

func (t *tool) accountEdit() *cobra.Command {
	f := accountFlags{}
	cmd := &cobra.Command{
		Use: "edit NAME", Short: "change an account, its signing keys and roles",
		Long: `Changes what the flags name and leaves the rest. A role is a signing key whose users have the
permissions and limits of the role. With --role, flags such as --allow-pub and --subs are those of the
role; without it, --allow-pub and its like are for users without permissions of their own.`,
		Example: `  barid trust account edit ORDERS --conns 10 --expiry 90d
  barid trust account edit ORDERS --signing-key
  barid trust account edit ORDERS --role service --allow-sub 'orders.>' --allow-responses 1`,
		Args: t.words(cobra.ExactArgs(1)),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, args []string) error {
		if cmd.Flags().NFlag() == 0 {
			return t.misused("say what to change")
		}
		c, err := r.account(args[0])
		if err != nil {
			return err
		}
		if err := t.usage(f.Common.Apply(cmd, &c.ClaimsData, &c.Tags)); err != nil {
			return err
		}
		f.Limits.Apply(cmd, c)
		if err := f.changeKeys(t, cmd, r, c); err != nil {
			return err
		}
		if err := r.saveAccount(args[0], c); err != nil {
			return err
		}
		r.noted("account %s is changed; next: barid trust push", args[0])
		return nil
	})
	f.Limits.Add(cmd)
	f.Common.Add(cmd)
	f.rights.Add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.role, "role", "", "`NAME` of a role to make or to change")
	fl.BoolVar(&f.signing, "signing-key", false, "make one more signing key")
	fl.StringArrayVar(&f.remove, "rm-signing-key", nil, "signing `KEY` or role to remove; users that it signed are locked out")
	return cmd
}

// changeKeys changes signing keys, roles and default permissions.
func (f *accountFlags) changeKeys(t *tool, cmd *cobra.Command, r *realm, c *jwt.AccountClaims) error {
	for _, x := range f.remove {
		before := len(c.SigningKeys)
		for _, k := range sorted(c.SigningKeys) {
			if us, scoped := c.SigningKeys[k].(*jwt.UserScope); k == x || scoped && us.Role == x {
				c.SigningKeys.Remove(k)
			}
		}
		if len(c.SigningKeys) == before {
			return fmt.Errorf("account %q has no signing key and no role %q", c.Name, x)
		}
	}
	if f.signing {
		k, _, err := r.create(nkeys.PrefixByteAccount, "")
		if err != nil {
			return err
		}
		c.SigningKeys.Add(k)
		r.noted("signing key %s", k)
	}
	if f.role == "" {
		for _, flag := range []string{"source-network", "time", "time-zone", "conn-type", "subs", "payload", "data", "bearer", "proxy-required"} {
			if cmd.Flags().Changed(flag) {
				return t.misused("--%s is for a role or a user: name the role with --role, or use barid trust user edit", flag)
			}
		}
		f.rights.Subjects.Apply(cmd, &c.DefaultPermissions)
		return nil
	}
	for _, scope := range c.SigningKeys {
		if us, scoped := scope.(*jwt.UserScope); scoped && us.Role == f.role {
			return t.usage(f.rights.Apply(cmd, &us.Template))
		}
	}
	if err := t.usage(named("a role", f.role)); err != nil {
		return err
	}
	k, _, err := r.create(nkeys.PrefixByteAccount, "")
	if err != nil {
		return err
	}
	us := jwt.NewUserScope()
	us.Key, us.Role = k, f.role
	c.SigningKeys.AddScopedSigner(us)
	r.noted("role %s  %s", f.role, k)
	return t.usage(f.rights.Apply(cmd, &us.Template))
}

// accountLine is an account as a line of JSON.
type accountLine struct {
	Name    string   `json:"name"`
	Key     string   `json:"key"`
	System  bool     `json:"system"`
	Expires int64    `json:"expires,omitempty"` // seconds of Unix
	Exports int      `json:"exports"`
	Imports int      `json:"imports"`
	Users   int      `json:"users"`
	Roles   []string `json:"roles,omitempty"`
	Seed    bool     `json:"seed"` // that of the identity is at hand
}

func (t *tool) accountList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "list the accounts of the operator",
		Example: "  barid trust account list --json", Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.reading(func(cmd *cobra.Command, r *realm, _ []string) error {
		names, err := r.accounts()
		for _, name := range names {
			c, err := r.account(name)
			if err != nil {
				return err
			}
			users, err := r.users(name)
			if err != nil {
				return err
			}
			l := accountLine{Name: name, Key: c.Subject, System: c.Subject == r.operator.SystemAccount, Expires: c.Expires,
				Exports: len(c.Exports), Imports: len(c.Imports), Users: len(users), Seed: r.has(c.Subject)}
			for _, k := range sorted(c.SigningKeys) {
				if us, ok := c.SigningKeys[k].(*jwt.UserScope); ok {
					l.Roles = append(l.Roles, us.Role)
				}
			}
			if asJSON {
				err = t.host.PrintJSON(cmd.OutOrStdout(), l)
			} else {
				more := ""
				if l.System {
					more = ", system account"
				}
				if len(l.Roles) > 0 {
					more += ", roles " + strings.Join(l.Roles, " ")
				}
				t.print(cmd, "%-16s  %s  %d users, %d exports, %d imports%s%s", name, l.Key, l.Users, l.Exports, l.Imports, more, until(l.Expires))
			}
			if err != nil {
				return err
			}
		}
		return err
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each account")
	return cmd
}

func (t *tool) accountDelete() *cobra.Command {
	var seeds bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "delete an account with its users and their credentials",
		Long: `Deletes an account, its users and their credentials from the store. Servers know it until
barid trust push --prune. Its seeds stay in the key store unless --rm-keys is given.`,
		Example: "  barid trust account delete ORDERS", Args: t.words(cobra.ExactArgs(1)),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, args []string) error {
		c, err := r.account(args[0])
		if err != nil {
			return err
		}
		if c.Subject == r.operator.SystemAccount {
			return fmt.Errorf("%s is the system account of the operator: it cannot be deleted", args[0])
		}
		keys := append(sorted(c.SigningKeys), c.Subject)
		users, err := r.users(args[0])
		if err != nil {
			return err
		}
		for _, name := range users {
			if u, err := r.user(args[0], name); err == nil {
				keys = append(keys, u.Subject)
			}
		}
		dir := r.AccountDir(r.name, args[0])
		gone := filepath.Join(filepath.Dir(dir), ".deleted-"+filepath.Base(dir))
		if err := os.RemoveAll(gone); err != nil { // of a command that was killed
			return err
		}
		if err := os.Rename(dir, gone); err != nil {
			return err
		}
		if err := os.RemoveAll(gone); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Dir(r.Creds(r.name, args[0], "x"))); err != nil {
			return err
		}
		for _, k := range keys {
			if seeds && nkeys.IsValidPublicKey(k) {
				if err := os.Remove(r.Seed(k)); err != nil && !os.IsNotExist(err) {
					return err
				}
			}
		}
		r.noted("account %s is deleted here; next: barid trust push --prune", args[0])
		return nil
	})
	cmd.Flags().BoolVar(&seeds, "rm-keys", false, "delete the seeds of the account and its users, too")
	return cmd
}
