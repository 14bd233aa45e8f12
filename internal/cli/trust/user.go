package trust

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/flags"
)

// userFlags are those of user add and edit.
type userFlags struct {
	flags.Rights
	flags.Common

	account, role, seed string
}

func (t *tool) userCommand() *cobra.Command {
	return t.group("user", "add, renew, revoke and list users", `A user is who a client logs in as, with a credentials file. Servers learn of a user when it connects:
nothing has to be pushed, unless one is revoked.`, t.userAdd(), t.userEdit(), t.userRevoke(), t.userList())
}

func (t *tool) userAdd() *cobra.Command {
	f := userFlags{}
	cmd := &cobra.Command{
		Use: "add NAME", Short: "make a user and its credentials",
		Example: `  barid trust user add web --account ORDERS --allow-pub 'orders.>' --allow-sub '_INBOX.>'
  barid trust user add worker --account ORDERS --role service --expiry 30d`,
		Args: t.words(cobra.ExactArgs(1)),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, args []string) error {
		if err := t.usage(named("a user", args[0])); err != nil {
			return err
		}
		account, c, err := r.current(f.account)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(r.UserJWT(r.name, account, args[0])); err == nil {
			return fmt.Errorf("account %q has a user %q already; to change it: barid trust user edit %s --account %s", account, args[0], quoted(args[0]), quoted(account))
		}
		u := jwt.NewUserClaims("new")
		if err := f.apply(t, cmd, u); err != nil {
			return err
		}
		return r.addUser(account, c, u, args[0], f.role, f.seed)
	})
	f.add(cmd)
	cmd.Flags().StringVar(&f.seed, "seed", "", "`FILE` with the seed of a user, to be its key")
	return cmd
}

func (f *userFlags) add(cmd *cobra.Command) {
	f.Rights.Add(cmd)
	f.Common.Add(cmd)
	cmd.Flags().StringVarP(&f.account, "account", "a", "", "`NAME` of the account (default: the current one)")
	cmd.Flags().StringVar(&f.role, "role", "", "`NAME` of a role of the account, which says what the user may do")
}

// apply changes a user as the flags say.
func (f *userFlags) apply(t *tool, cmd *cobra.Command, u *jwt.UserClaims) error {
	if f.role != "" && f.Given(cmd) {
		return t.misused("a user of a role may do what the role says: give permissions and limits to the role, with barid trust account edit --role")
	}
	if err := f.Common.Apply(cmd, &u.ClaimsData, &u.Tags); err != nil {
		return t.host.Misuse(err)
	}
	return t.usage(f.Rights.Apply(cmd, &u.UserPermissionLimits))
}

// addUser drafts a new user with its key and credentials.
func (r *realm) addUser(account string, c *jwt.AccountClaims, u *jwt.UserClaims, name, role, seed string) error {
	public, _, err := r.create(nkeys.PrefixByteUser, seed)
	if err != nil {
		return err
	}
	u.Subject, u.Name = public, name
	if err := r.saveUser(account, c, u, role, false); err != nil {
		return err
	}
	r.noted("user %s/%s  %s\ncredentials %s", account, name, public, r.Creds(r.name, account, name))
	return nil
}

// saveUser drafts a user, and its credentials if its seed is at hand.
func (r *realm) saveUser(account string, c *jwt.AccountClaims, u *jwt.UserClaims, role string, replace bool) error {
	signer, issuer, err := r.accountKey(c, role)
	if err != nil {
		return err
	}
	if role != "" {
		u.SetScoped(true)
	}
	u.IssuerAccount = issuer
	if err := r.valid("user "+u.Name, u); err != nil {
		return err
	}
	token, err := u.Encode(signer)
	if err != nil {
		return err
	}
	write := r.draft.Add
	if replace {
		write = r.draft.Put
	}
	write(r.UserJWT(r.name, account, u.Name), []byte(token))
	pair, err := r.key(u.Subject)
	if err != nil {
		r.noted("no credentials were written: %v", err)
		return nil
	}
	seed, err := pair.Seed()
	if err != nil {
		return err
	}
	creds, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		return err
	}
	write(r.Creds(r.name, account, u.Name), creds)
	return nil
}

func (t *tool) userEdit() *cobra.Command {
	f := userFlags{}
	cmd := &cobra.Command{
		Use: "edit NAME", Aliases: []string{"renew"}, Short: "renew the token of a user, with changes if flags say so",
		Long: `Signs the token of a user anew and writes its credentials again. Give them to the client: the old ones
stay valid until they expire or the user is revoked. A token that is renewed after that is good again.`,
		Example: "  barid trust user edit web --account ORDERS --expiry 30d --deny-pub 'orders.admin.>'",
		Args:    t.words(cobra.ExactArgs(1)),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, args []string) error {
		account, c, err := r.current(f.account)
		if err != nil {
			return err
		}
		u, err := r.user(account, args[0])
		if err != nil {
			return err
		}
		role := f.role
		if us, scoped := c.SigningKeys[u.Issuer].(*jwt.UserScope); scoped && role == "" {
			role = us.Role
		}
		if f.role = role; role != "" && f.Given(cmd) {
			return t.misused("%s has the role %s: change that, with barid trust account edit %s --role %s", args[0], role, quoted(account), quoted(role))
		}
		if err := f.apply(t, cmd, u); err != nil {
			return err
		}
		u.Name = args[0]
		if err := passed(cmd.Context(), max(c.Revocations[u.Subject], c.Revocations[jwt.All])); err != nil {
			return fmt.Errorf("user %s is revoked: %w", args[0], err)
		}
		if err := r.saveUser(account, c, u, role, true); err != nil {
			return err
		}
		r.noted("user %s/%s is renewed\ncredentials %s", account, args[0], r.Creds(r.name, account, args[0]))
		return nil
	})
	f.add(cmd)
	return cmd
}

func (t *tool) userRevoke() *cobra.Command {
	var account string
	var undo bool
	cmd := &cobra.Command{
		Use: "revoke NAME|KEY|*", Short: "make all tokens of a user that were issued until now worthless",
		Long: `Makes tokens of a user that were issued until now worthless, or with * those of all users of the
account. Servers drop its connections when it is pushed. A token that is issued later is good.`,
		Example: "  barid trust user revoke web --account ORDERS", Args: t.words(cobra.ExactArgs(1)),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, args []string) error {
		name, c, err := r.current(account)
		if err != nil {
			return err
		}
		key := args[0]
		if key != jwt.All && !nkeys.IsValidPublicUserKey(key) {
			u, err := r.user(name, key)
			if err != nil {
				return err
			}
			key = u.Subject
		}
		if undo {
			if _, ok := c.Revocations[key]; !ok {
				return fmt.Errorf("%s is not revoked", args[0])
			}
			c.ClearRevocation(key)
			r.noted("the revocation of %s is gone; next: barid trust push --account %s", args[0], quoted(name))
		} else {
			c.Revoke(key)
			r.noted("%s is revoked; next: barid trust push --account %s", args[0], quoted(name))
		}
		return r.saveAccount(name, c)
	})
	cmd.Flags().StringVarP(&account, "account", "a", "", "`NAME` of the account (default: the current one)")
	cmd.Flags().BoolVar(&undo, "undo", false, "take the revocation back")
	return cmd
}

// passed waits for the second after a revocation to begin: a token of the same one would be revoked, too.
func passed(ctx context.Context, revoked int64) error {
	left := time.Until(time.Unix(revoked+1, 0))
	if left > 2*time.Second {
		return errors.New("the revocation is for later than now")
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(left):
		return nil
	}
}

// userLine is a user as a line of JSON.
type userLine struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Key     string `json:"key"`
	Role    string `json:"role,omitempty"`
	Expires int64  `json:"expires,omitempty"` // seconds of Unix
	Expired bool   `json:"expired"`
	Revoked bool   `json:"revoked"`
	Bearer  bool   `json:"bearer"`
	Creds   string `json:"creds,omitempty"` // file
}

func (t *tool) userList() *cobra.Command {
	var account string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "list the users of an account, or of all",
		Example: "  barid trust user list --account ORDERS", Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.reading(func(cmd *cobra.Command, r *realm, _ []string) error {
		names, err := r.accounts()
		if err != nil {
			return err
		}
		if account != "" {
			names = []string{account}
		}
		for _, name := range names {
			lines, err := r.userLines(name)
			if err != nil {
				return err
			}
			for _, l := range lines {
				if asJSON {
					if err := t.host.PrintJSON(cmd.OutOrStdout(), l); err != nil {
						return err
					}
					continue
				}
				t.print(cmd, "%-24s  %s%s", l.Account+"/"+l.Name, l.Key, l.remarks())
			}
		}
		return nil
	})
	cmd.Flags().StringVarP(&account, "account", "a", "", "`NAME` of the account (default: all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each user")
	return cmd
}

// userLines describes the users of an account.
func (r *realm) userLines(account string) (lines []userLine, err error) {
	c, err := r.account(account)
	if err != nil {
		return nil, err
	}
	names, err := r.users(account)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		u, err := r.user(account, name)
		if err != nil {
			return lines, fmt.Errorf("user %s/%s: %w", account, name, err)
		}
		l := userLine{Account: account, Name: name, Key: u.Subject, Expires: u.Expires, Bearer: u.BearerToken,
			Expired: u.Expires != 0 && u.Expires < time.Now().Unix(), Revoked: c.IsClaimRevoked(u)}
		if us, ok := c.SigningKeys[u.Issuer].(*jwt.UserScope); ok {
			l.Role = us.Role
		}
		if _, err := os.Stat(r.Creds(r.name, account, name)); err == nil {
			l.Creds = r.Creds(r.name, account, name)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// remarks is what is special about a user.
func (l *userLine) remarks() (text string) {
	if l.Role != "" {
		text += ", role " + l.Role
	}
	if l.Revoked {
		text += ", revoked"
	}
	if l.Bearer {
		text += ", bearer"
	}
	return text + until(l.Expires)
}

// until says when something ends.
func until(expires int64) string {
	switch {
	case expires == 0:
		return ""
	case expires < time.Now().Unix():
		return ", expired " + stamp(expires)
	}
	return ", until " + stamp(expires)
}

// stamp is a time in seconds of Unix for people.
func stamp(seconds int64) string {
	return time.Unix(seconds, 0).UTC().Format("2006-01-02 15:04:05 MST")
}
