package trust

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/store"
)

// The system account and its user, as nsc calls them.
const (
	systemAccount = "SYS"
	systemUser    = "sys"
)

// initFlags are those of init.
type initFlags struct {
	strict             bool
	account, user, url string
	config, seed       string
	server             serverFlags
}

func (t *tool) initCommand() *cobra.Command {
	f := initFlags{}
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "make an operator, its first account and user, and the configuration of a server",
		Long: `Makes an operator (named operator, unless NAME says otherwise) with a signing key, the system account
SYS with its user sys, a first account with a user, the credentials of both users, and a file with
which barid -c starts a server that trusts the operator.`,
		Example: `  barid trust init
  barid trust init ACME --account ORDERS --user web --url tls://nats.example.org:4222 --strict`,
		Args: t.words(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "operator"
			if len(args) == 1 {
				name = args[0]
			}
			return t.initialise(cmd, name, &f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.strict, "strict", false, "only signing keys may sign accounts and users, not the identities")
	fl.StringVar(&f.account, "account", "APP", "`NAME` of the first account")
	fl.StringVar(&f.user, "user", "app", "`NAME` of its user")
	fl.StringVar(&f.url, "url", "nats://127.0.0.1:4222", "`URL` at which clients and this tool find the server")
	fl.StringVar(&f.config, "config", "barid.conf", "`FILE` for the configuration of the server")
	fl.StringVar(&f.seed, "operator-seed", "", "`FILE` with the seed of an operator, to be its identity")
	f.server.add(cmd)
	return cmd
}

func (t *tool) initialise(cmd *cobra.Command, name string, f *initFlags) error {
	if err := cmp.Or(named("an operator", name), named("an account", f.account), named("a user", f.user), serverURL(f.url)); err != nil {
		return t.host.Misuse(err)
	}
	if f.account == systemAccount {
		return t.misused("%s is the system account; choose another name with --account", systemAccount)
	}
	if err := f.server.check(t); err != nil {
		return err
	}
	r, err := t.prepare(cmd, true)
	if err != nil {
		return err
	}
	defer r.close()
	r.name = name
	switch {
	case store.Exists(filepath.Join(r.OperatorDir(name), store.Marker)):
		return fmt.Errorf("%s exists already; choose another name, or go on with it: barid trust account add NAME --operator %s", r.OperatorDir(name), quoted(name))
	case store.Exists(r.OperatorDir(name)):
		return fmt.Errorf("%s exists, without an operator: an init may have been killed; remove it, and %s, or choose another name",
			r.OperatorDir(name), filepath.Dir(filepath.Dir(r.Creds(name, systemAccount, systemUser))))
	}
	if err := r.found(f); err != nil {
		return err
	}
	config, err := filepath.Abs(f.config)
	if err != nil {
		return err
	}
	if f.server.dir == "" {
		f.server.dir = filepath.Join(filepath.Dir(config), "jwt")
	}
	text, err := r.serverConfig(&f.server)
	if err != nil {
		return err
	}
	r.draft.Add(config, text)
	if err := r.selected(f.account); err != nil {
		return err
	}
	r.draft.Add(filepath.Join(r.OperatorDir(name), store.Marker), // last: without it there is no operator
		fmt.Appendf(nil, "{\n  \"managed\": false,\n  \"name\": %q,\n  \"kind\": \"operator\",\n  \"version\": \"1\"\n}\n", name))
	if err := r.draft.Write(); err != nil {
		return err
	}
	for _, line := range r.done {
		t.print(cmd, "%s", line)
	}
	t.print(cmd, "server configuration %s", config)
	t.print(cmd, "\nNext:\n  barid -c %s", quoted(config))
	if f.server.kind == "full" {
		t.print(cmd, "  barid trust push")
	}
	creds := quoted(r.Creds(name, f.account, f.user))
	t.print(cmd, "  barid sub --server %s --creds %s '>'", quoted(f.url), creds)
	t.print(cmd, "  barid pub --server %s --creds %s hello world", quoted(f.url), creds)
	t.print(cmd, "\nSeeds are in %s: back them up, and show them to nobody.", filepath.Join(r.Keys, "keys"))
	return nil
}

// found drafts the operator and its first accounts and users.
func (r *realm) found(f *initFlags) error {
	id, _, err := r.create(nkeys.PrefixByteOperator, f.seed)
	if err != nil {
		return err
	}
	signing, _, err := r.create(nkeys.PrefixByteOperator, "")
	if err != nil {
		return err
	}
	r.operator = jwt.NewOperatorClaims(id)
	r.operator.Name = r.name
	r.operator.SigningKeys.Add(signing)
	r.operator.StrictSigningKeyUsage = f.strict
	r.operator.OperatorServiceURLs.Add(f.url)
	r.operator.AccountServerURL = f.url
	system, err := r.newAccount(systemAccount, "", true)
	if err != nil {
		return err
	}
	system.Exports.Add(
		&jwt.Export{Name: "account-monitoring-services", Subject: "$SYS.REQ.ACCOUNT.*.*", Type: jwt.Service,
			ResponseType: jwt.ResponseTypeStream, AccountTokenPosition: 4},
		&jwt.Export{Name: "account-monitoring-streams", Subject: "$SYS.ACCOUNT.*.>", Type: jwt.Stream, AccountTokenPosition: 3})
	first, err := r.newAccount(f.account, "", true)
	if err != nil {
		return err
	}
	r.operator.SystemAccount = system.Subject
	if err := r.saveOperator(); err != nil {
		return err
	}
	r.noted("operator %s  %s", r.name, id)
	for _, x := range []struct {
		account *jwt.AccountClaims
		user    string
	}{{system, systemUser}, {first, f.user}} {
		if err := r.saveAccount(x.account.Name, x.account); err != nil {
			return err
		}
		r.noted("account %s  %s", x.account.Name, x.account.Subject)
		if err := r.addUser(x.account.Name, x.account, jwt.NewUserClaims("new"), x.user, "", ""); err != nil {
			return err
		}
	}
	return nil
}

// newAccount makes an account, with a signing key if asked for. Its keys are drafted.
func (r *realm) newAccount(name, seed string, signing bool) (*jwt.AccountClaims, error) {
	id, _, err := r.create(nkeys.PrefixByteAccount, seed)
	if err != nil {
		return nil, err
	}
	c := jwt.NewAccountClaims(id)
	c.Name = name
	if signing {
		k, _, err := r.create(nkeys.PrefixByteAccount, "")
		if err != nil {
			return nil, err
		}
		c.SigningKeys.Add(k)
	}
	return c, nil
}

// serverURL returns an error if no client can connect to a URL.
func serverURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("%q is no URL", text)
	}
	if u.User != nil || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("the URL of a server is of the form nats://host:port (or tls, ws, wss), without user and path")
	}
	return nil
}

// quoted is a word for a shell.
func quoted(word string) string {
	if word != "" && !strings.ContainsAny(word, " '\"$&|;()<>*?`\\!#~[]{}\t\r\n") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
