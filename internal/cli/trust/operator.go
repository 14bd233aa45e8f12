package trust

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/flags"
	"github.com/baridmq/barid/internal/cli/trust/store"
)

func (t *tool) operatorCommand() *cobra.Command {
	return t.group("operator", "change the operator, and choose one", "The operator signs accounts. Servers learn of its changes by a new configuration: barid trust config.",
		t.operatorEdit(), t.operatorSelect())
}

func (t *tool) operatorEdit() *cobra.Command {
	var life flags.Common
	var strict, signing bool
	var urls, remove []string
	cmd := &cobra.Command{
		Use: "edit", Short: "change the operator and its signing keys",
		Example: `  barid trust operator edit --strict --url nats://a.example.org:4222 --url nats://b.example.org:4222
  barid trust operator edit --signing-key`,
		Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error {
		if cmd.Flags().NFlag() == 0 {
			return t.misused("say what to change")
		}
		if err := t.usage(life.Apply(cmd, &r.operator.ClaimsData, &r.operator.Tags)); err != nil {
			return err
		}
		if cmd.Flags().Changed("url") {
			r.operator.OperatorServiceURLs = nil
			for _, u := range urls {
				if err := serverURL(u); err != nil {
					return t.host.Misuse(err)
				}
				r.operator.OperatorServiceURLs.Add(u)
			}
			r.operator.AccountServerURL = urls[0]
		}
		for _, k := range remove {
			if !slices.Contains(r.operator.SigningKeys, k) {
				return fmt.Errorf("%s is no signing key of the operator; see barid trust keys list", k)
			}
			r.operator.SigningKeys.Remove(k)
		}
		if signing {
			k, _, err := r.create(nkeys.PrefixByteOperator, "")
			if err != nil {
				return err
			}
			r.operator.SigningKeys.Add(k)
			r.noted("signing key %s", k)
		}
		if cmd.Flags().Changed("strict") {
			r.operator.StrictSigningKeyUsage = strict
		}
		if r.operator.StrictSigningKeyUsage && len(r.operator.SigningKeys) == 0 {
			return errors.New("a strict operator needs a signing key: give --signing-key")
		}
		r.noted("operator %s is changed; next: barid trust config, and restart the servers with it", r.name)
		if err := r.saveOperator(); err != nil {
			return err
		}
		return r.resign()
	})
	life.Add(cmd)
	f := cmd.Flags()
	f.BoolVar(&strict, "strict", false, "only signing keys may sign accounts and users, not the identities")
	f.StringArrayVar(&urls, "url", nil, "`URL` at which clients and this tool find a server; may be repeated")
	f.BoolVar(&signing, "signing-key", false, "make one more signing key")
	f.StringArrayVar(&remove, "rm-signing-key", nil, "signing `KEY` to remove; accounts that it signed are signed anew")
	return cmd
}

// resign signs accounts anew that the operator as it is now does not vouch for.
func (r *realm) resign() error {
	names, err := r.accounts()
	if err != nil {
		return err
	}
	for _, name := range names {
		c, err := r.account(name)
		if err != nil {
			return err
		}
		if r.vouches(c.Issuer) {
			continue
		}
		if err := r.saveAccount(name, c); err != nil {
			return err
		}
		r.noted("account %s is signed anew; next: barid trust push", name)
		if r.operator.StrictSigningKeyUsage && len(c.SigningKeys) == 0 {
			r.noted("account %s has no signing key, so nobody can log in to it; make one: barid trust account edit %s --signing-key", name, quoted(name))
		}
	}
	return nil
}

// vouches reports whether a key may sign accounts of the operator.
func (r *realm) vouches(issuer string) bool {
	return slices.Contains(r.operator.SigningKeys, issuer) || issuer == r.operator.Subject && !r.operator.StrictSigningKeyUsage
}

// trusted decodes an account and checks that the operator vouches for it.
func (r *realm) trusted(token string, now time.Time) (*jwt.AccountClaims, error) {
	c, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return nil, err
	}
	if !r.vouches(c.Issuer) {
		return nil, fmt.Errorf("it is signed by %s, which is no key of operator %q that may sign", c.Issuer, r.name)
	}
	if c.Expires != 0 && c.Expires < now.Unix() {
		r.tool.say(r.cmd, "note: account %q has expired; renew it: barid trust account edit %s --expiry WHEN", c.Name, quoted(c.Name))
	}
	return c, nil
}

func (t *tool) operatorSelect() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "select NAME", Short: "make an operator, and an account of it, the current ones",
		Example: "  barid trust operator select ACME --account ORDERS", Args: t.words(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := t.prepare(cmd, true)
			if err != nil {
				return err
			}
			defer r.close()
			if t.operator != "" && t.operator != args[0] {
				return t.misused("--operator names another operator")
			}
			if err := t.usage(store.Safe("an operator", args[0])); err != nil {
				return err
			}
			r.tool.operator = args[0]
			if err := r.choose(); err != nil {
				return err
			}
			if account != "" {
				if _, err := r.account(account); err != nil {
					return err
				}
			}
			if err := r.selected(account); err != nil {
				return err
			}
			if err := r.draft.Write(); err != nil {
				return err
			}
			with := "no account of it; name one with --account"
			if account != "" {
				with = "its account " + account
			}
			t.say(cmd, "operator %s is selected, and %s", r.name, with)
			return nil
		},
	}
	cmd.Flags().StringVarP(&account, "account", "a", "", "`NAME` of the account")
	return cmd
}
