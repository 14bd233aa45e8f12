package trust

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/store"
)

// realm is an operator with its store, open for a command.
type realm struct {
	store.Places
	tool     *tool
	cmd      *cobra.Command
	settings *store.Settings
	name     string
	operator *jwt.OperatorClaims
	more     map[string]nkeys.KeyPair // keys of --keys-from and those made by this command, by public key
	draft    store.Draft
	done     []string // what to say when the draft is written
	failed   error    // of the command, which nevertheless writes its draft
	release  func()
}

// open finds the current operator.
func (t *tool) open(cmd *cobra.Command, write bool) (*realm, error) {
	r, err := t.prepare(cmd, write)
	if err != nil {
		return nil, err
	}
	if err := r.choose(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// prepare opens a store without choosing an operator.
func (t *tool) prepare(cmd *cobra.Command, write bool) (*realm, error) {
	r := &realm{tool: t, cmd: cmd, release: func() {}, more: map[string]nkeys.KeyPair{}}
	var err error
	if r.Places, r.settings, err = t.places.Find(); err != nil {
		return nil, err
	}
	for _, name := range t.keysFrom {
		if err := r.readKeys(name); err != nil {
			return nil, fmt.Errorf("--keys-from %s: %w", name, err)
		}
	}
	if write {
		if r.release, err = store.Lock(cmd.Context(), r.Data); err != nil {
			return nil, err
		}
		if _, r.settings, err = t.places.Find(); err != nil { // another command may have written it meanwhile
			r.close()
			return nil, err
		}
	}
	return r, nil
}

// close lets other commands write.
func (r *realm) close() { r.release() }

// choose reads the operator that a flag or the settings name, or the only one.
func (r *realm) choose() error {
	names, err := r.Operators()
	if err != nil {
		return err
	}
	switch {
	case r.tool.operator != "":
		r.name = r.tool.operator
	case slices.Contains(names, r.settings.Operator):
		r.name = r.settings.Operator
	case len(names) == 1:
		r.name = names[0]
	case len(names) == 0:
		return fmt.Errorf("there is no operator in %s; make one: barid trust init", r.Data)
	default:
		return fmt.Errorf("there are several operators; choose one with --operator: %s", strings.Join(names, ", "))
	}
	if !slices.Contains(names, r.name) {
		return fmt.Errorf("there is no operator %q in %s", r.name, r.Data)
	}
	token, err := r.token(r.OperatorJWT(r.name))
	if err != nil {
		return err
	}
	if r.operator, err = jwt.DecodeOperatorClaims(token); err != nil {
		return fmt.Errorf("%s: %w", r.OperatorJWT(r.name), err)
	}
	return nil
}

// token reads the JWT of a file.
func (r *realm) token(name string) (string, error) {
	text, err := store.ReadFile(name, store.MaxFile)
	if err != nil {
		return "", err
	}
	token, err := jwt.ParseDecoratedJWT(text)
	return strings.TrimSpace(token), err
}

// accounts returns the names of all accounts in order.
func (r *realm) accounts() ([]string, error) { return r.Accounts(r.name) }

// users returns the names of the users of an account in order.
func (r *realm) users(account string) ([]string, error) { return r.Users(r.name, account) }

// account reads an account by its name.
func (r *realm) account(name string) (*jwt.AccountClaims, error) {
	if err := store.Safe("an account", name); err != nil {
		return nil, err
	}
	token, err := r.token(r.AccountJWT(r.name, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("operator %q has no account %q; see barid trust account list", r.name, name)
	}
	if err != nil {
		return nil, err
	}
	c, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.AccountJWT(r.name, name), err)
	}
	return c, nil
}

// current returns the account that a flag names, or the current one, or the only one besides the system account.
func (r *realm) current(flag string) (string, *jwt.AccountClaims, error) {
	name := flag
	if name == "" {
		names, err := r.accounts()
		if err != nil {
			return "", nil, err
		}
		if slices.Contains(names, r.settings.Account) && r.settings.Operator == r.name {
			name = r.settings.Account
		} else {
			return "", nil, r.tool.misused("say which account: --account NAME (one of %s)", strings.Join(names, ", "))
		}
	}
	c, err := r.account(name)
	return name, c, err
}

// accountID returns the public key of an account by its name or key.
func (r *realm) accountID(nameOrKey string) (string, error) {
	if nkeys.IsValidPublicAccountKey(nameOrKey) {
		return nameOrKey, nil
	}
	c, err := r.account(nameOrKey)
	if err != nil {
		return "", err
	}
	return c.Subject, nil
}

// user reads a user by its name.
func (r *realm) user(account, name string) (*jwt.UserClaims, error) {
	if err := store.Safe("a user", name); err != nil {
		return nil, err
	}
	token, err := r.token(r.UserJWT(r.name, account, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("account %q has no user %q; see barid trust user list", account, name)
	}
	if err != nil {
		return nil, err
	}
	return jwt.DecodeUserClaims(token)
}

// selected drafts that the operator and an account of it are the current ones.
func (r *realm) selected(account string) error {
	r.settings.StoreRoot, r.settings.Operator, r.settings.Account = r.Data, r.name, account
	text, err := r.settings.Text()
	if err == nil {
		r.draft.Put(r.File(), text)
	}
	return err
}

// saveOperator drafts the operator anew. Only its identity key may sign it.
func (r *realm) saveOperator() error {
	if err := r.valid("operator "+r.name, r.operator); err != nil {
		return err
	}
	key, err := r.key(r.operator.Subject)
	if err != nil {
		return err
	}
	token, err := r.operator.Encode(key)
	if err != nil {
		return err
	}
	r.draft.Put(r.OperatorJWT(r.name), []byte(token))
	return nil
}

// saveAccount drafts an account, signed by the operator.
func (r *realm) saveAccount(name string, c *jwt.AccountClaims) error {
	c.Issuer = r.operator.Subject // limits of accounts that sign themselves would be complained about
	if err := r.valid("account "+name, c); err != nil {
		return err
	}
	key, err := r.operatorKey()
	if err != nil {
		return err
	}
	token, err := c.Encode(key)
	if err != nil {
		return err
	}
	r.draft.Put(r.AccountJWT(r.name, name), []byte(token))
	return nil
}

// valid shows what is wrong with claims before anything is written.
func (r *realm) valid(what string, c jwt.Claims) error {
	vr := jwt.CreateValidationResults()
	c.Validate(vr)
	var errs []string
	for _, issue := range vr.Issues {
		if issue.Blocking {
			errs = append(errs, issue.Description)
		} else {
			r.tool.say(r.cmd, "note on %s: %s", what, issue.Description)
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%s is not valid, nothing was written: %s", what, strings.Join(errs, "; "))
	}
	return nil
}

// noted adds a line for when everything is written.
func (r *realm) noted(format string, args ...any) {
	r.done = append(r.done, fmt.Sprintf(format, args...))
}
