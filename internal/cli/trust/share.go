package trust

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/flags"
)

// shareFlags are those of what accounts export and import.
type shareFlags struct {
	account, subject, name string
	service, private       bool
	response, latency      string
	threshold              time.Duration
	position               uint
	sampling               int
	advertise              bool
	description, infoURL   string
}

// kind is the type of export that the flags mean.
func (f *shareFlags) kind() jwt.ExportType {
	if f.service {
		return jwt.Service
	}
	return jwt.Stream
}

// which adds the flags that say which export is meant.
func (f *shareFlags) which(t *tool, cmd *cobra.Command, what string) {
	fl := cmd.Flags()
	fl.StringVarP(&f.account, "account", "a", "", "`NAME` of the account (default: the current one)")
	fl.StringVarP(&f.subject, "subject", "s", "", "`SUBJECT` "+what)
	fl.BoolVar(&f.service, "service", false, "requests that are answered, and not a stream of messages")
}

// find returns the export of an account with the subject and kind of the flags.
func (f *shareFlags) find(c *jwt.AccountClaims) (int, error) {
	i := slices.IndexFunc(c.Exports, func(e *jwt.Export) bool { return string(e.Subject) == f.subject && e.Type == f.kind() })
	if i < 0 {
		return 0, fmt.Errorf("account %q exports no %s %q; it exports: %s", c.Name, f.kind(), f.subject, exported(c))
	}
	return i, nil
}

// exported lists what an account exports.
func exported(c *jwt.AccountClaims) string {
	var list []string
	for _, e := range c.Exports {
		list = append(list, fmt.Sprintf("%s %q", e.Type, e.Subject))
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func (t *tool) exportCommand() *cobra.Command {
	return t.group("export", "let other accounts use subjects of an account", `An export lets other accounts receive the messages of a subject (a stream), or send requests to it (a
service). A private one needs an activation token: barid trust activate.`,
		t.exportAdd(), t.exportRevoke(), t.exportDelete())
}

func (t *tool) exportAdd() *cobra.Command {
	f := shareFlags{}
	cmd := &cobra.Command{
		Use: "add", Short: "export a subject",
		Example: `  barid trust export add --account SVC --service --private --name calc --subject 'calc.>'
  barid trust export add --account SVC --subject 'news.>'`,
		Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error {
		account, c, err := r.current(f.account)
		if err != nil {
			return err
		}
		responses := map[string]jwt.ResponseType{"": "", "singleton": jwt.ResponseTypeSingleton, "stream": jwt.ResponseTypeStream,
			"chunked": jwt.ResponseTypeChunked}
		response, ok := responses[strings.ToLower(f.response)]
		if !ok {
			return t.misused("--response %q is not singleton, stream or chunked", f.response)
		}
		e := &jwt.Export{Name: f.name, Subject: jwt.Subject(f.subject), Type: f.kind(), TokenReq: f.private,
			ResponseType: response, ResponseThreshold: f.threshold, AccountTokenPosition: f.position, Advertise: f.advertise,
			Info: jwt.Info{Description: f.description, InfoURL: f.infoURL}}
		if f.latency != "" {
			e.Latency = &jwt.ServiceLatency{Sampling: jwt.SamplingRate(f.sampling), Results: jwt.Subject(f.latency)}
		}
		if i := slices.IndexFunc(c.Exports, func(x *jwt.Export) bool { return x.Subject == e.Subject && x.Type == e.Type }); i >= 0 {
			return fmt.Errorf("account %q exports that already; delete it first: barid trust export delete", account)
		}
		c.Exports.Add(e)
		r.noted("account %s exports the %s %q; next: barid trust push --account %s", account, e.Type, e.Subject, quoted(account))
		return r.saveAccount(account, c)
	})
	f.which(t, cmd, "to export")
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "`NAME` of the export, for people")
	fl.BoolVar(&f.private, "private", false, "only accounts with an activation token may import it")
	fl.StringVar(&f.response, "response", "", "replies of a service: singleton, stream or chunked")
	fl.DurationVar(&f.threshold, "response-threshold", 0, "longest wait for a reply of a service (0: 2m)")
	fl.StringVar(&f.latency, "latency", "", "`SUBJECT` for measurements of a service")
	fl.IntVar(&f.sampling, "sampling", 100, "per cent of requests that are measured (0: those whose headers ask for it)")
	fl.UintVar(&f.position, "account-token-position", 0, "place in the subject, from 1, where the importing account stands")
	fl.BoolVar(&f.advertise, "advertise", false, "tools may show it to everybody")
	fl.StringVar(&f.description, "description", "", "what it is for")
	fl.StringVar(&f.infoURL, "info-url", "", "`URL` that tells more")
	return cmd
}

// export returns the account that the flags name, its claims, and which of its exports is meant.
func (f *shareFlags) export(r *realm) (account string, c *jwt.AccountClaims, i int, err error) {
	if account, c, err = r.current(f.account); err == nil {
		i, err = f.find(c)
	}
	return account, c, i, err
}

func (t *tool) exportDelete() *cobra.Command {
	f := shareFlags{}
	cmd := &cobra.Command{
		Use: "delete", Short: "export a subject no longer",
		Example: "  barid trust export delete --account SVC --service --subject 'calc.>'", Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error {
		account, c, i, err := f.export(r)
		if err != nil {
			return err
		}
		c.Exports = slices.Delete(c.Exports, i, i+1)
		r.noted("account %s exports %q no longer; next: barid trust push --account %s", account, f.subject, quoted(account))
		return r.saveAccount(account, c)
	})
	f.which(t, cmd, "of the export")
	return cmd
}

func (t *tool) exportRevoke() *cobra.Command {
	f := shareFlags{}
	var target string
	var undo bool
	cmd := &cobra.Command{
		Use: "revoke", Short: "make activation tokens of an export that were issued until now worthless",
		Example: "  barid trust export revoke --account SVC --service --subject 'calc.>' --target APP", Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error {
		account, c, i, err := f.export(r)
		if err != nil {
			return err
		}
		id := target
		if id != jwt.All {
			if id, err = r.accountID(target); err != nil {
				return err
			}
		}
		if _, revoked := c.Exports[i].Revocations[id]; undo && !revoked {
			return fmt.Errorf("the tokens of %s are not revoked", target)
		}
		if undo {
			c.Exports[i].ClearRevocation(id)
			r.noted("the revocation is gone; next: barid trust push --account %s", quoted(account))
		} else {
			c.Exports[i].Revoke(id)
			r.noted("the tokens of %s for %q are revoked; next: barid trust push --account %s", target, f.subject, quoted(account))
		}
		return r.saveAccount(account, c)
	})
	f.which(t, cmd, "of the export")
	cmd.Flags().StringVarP(&target, "target", "t", "", "name or public key of the importing `ACCOUNT`, or * for all")
	cmd.Flags().BoolVar(&undo, "undo", false, "take the revocation back")
	return cmd
}

func (t *tool) activateCommand() *cobra.Command {
	f := shareFlags{}
	var target, output string
	var life flags.Common
	cmd := &cobra.Command{
		Use: "activate", Short: "make a token with which another account may import a private export",
		Example: "  barid trust activate --account SVC --service --subject calc.add --target APP --output calc.act --expiry 90d",
		Args:    t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error {
		account, c, err := r.current(f.account)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(c.Exports, func(e *jwt.Export) bool { return covers(e, f.kind(), f.subject) }) {
			return fmt.Errorf("account %q exports no %s that contains %q; it exports: %s", account, f.kind(), f.subject, exported(c))
		}
		id, err := r.accountID(target)
		if err != nil {
			return err
		}
		if id == c.Subject {
			return t.misused("an account cannot import from itself")
		}
		a := jwt.NewActivationClaims(id)
		a.Name, a.ImportSubject, a.ImportType = f.subject, jwt.Subject(f.subject), f.kind()
		if err := t.usage(life.Apply(cmd, &a.ClaimsData, &a.Tags)); err != nil {
			return err
		}
		signer, issuer, err := r.accountKey(c, "")
		if err != nil {
			return err
		}
		a.IssuerAccount = issuer
		if err := r.valid("the activation", a); err != nil {
			return err
		}
		token, err := a.Encode(signer)
		if err != nil {
			return err
		}
		text, err := jwt.DecorateJWT(token)
		if err != nil {
			return err
		}
		if output == "" {
			_, err := cmd.OutOrStdout().Write(text)
			return err
		}
		r.draft.Add(output, text)
		r.noted("activation %s; give it to the importing account: barid trust import add --account %s --token %s", output, quoted(target), quoted(output))
		return nil
	})
	f.which(t, cmd, "that may be imported, of the export or within it")
	life.Add(cmd)
	cmd.Flags().StringVarP(&target, "target", "t", "", "name or public key of the importing `ACCOUNT`")
	cmd.Flags().StringVar(&output, "output", "", "`FILE` for the token (default: it is printed)")
	return cmd
}

func (t *tool) importCommand() *cobra.Command {
	return t.group("import", "use subjects of other accounts", `An import brings an export of another account under a subject of this one.`,
		t.importAdd(), t.importDelete())
}

// importFlags are those of import add.
type importFlags struct {
	shareFlags
	from, local, token string
	share, allowTrace  bool
}

func (t *tool) importAdd() *cobra.Command {
	f := importFlags{}
	cmd := &cobra.Command{
		Use: "add", Short: "import a subject of another account",
		Example: `  barid trust import add --account APP --from SVC --subject 'news.>' --local-subject 'svc.news.>'
  barid trust import add --account APP --token calc.act --local-subject math.add`,
		Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error {
		account, c, err := r.current(f.account)
		if err != nil {
			return err
		}
		im, err := f.build(t, r, c)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(c.Imports, func(x *jwt.Import) bool {
			return x.Account == im.Account && x.Subject == im.Subject && x.LocalSubject == im.LocalSubject && x.Type == im.Type
		}) {
			return fmt.Errorf("account %q imports that already; delete it first: barid trust import delete", account)
		}
		c.Imports.Add(im)
		if err := r.matched(im); err != nil {
			return err
		}
		r.noted("account %s imports the %s %q; next: barid trust push --account %s", account, im.Type, im.Subject, quoted(account))
		return r.saveAccount(account, c)
	})
	f.which(t, cmd, "of the export, or within it (default: that of the token)")
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", "name or public key of the exporting `ACCOUNT` (default: that of the token)")
	fl.StringVar(&f.local, "local-subject", "", "`SUBJECT` in this account, with $1 for the first * of the other (default: the same)")
	fl.StringVar(&f.token, "token", "", "`FILE` with the activation token of a private export")
	fl.StringVar(&f.name, "name", "", "`NAME` of the import, for people")
	fl.BoolVar(&f.share, "share", false, "tell the service who asks")
	fl.BoolVar(&f.allowTrace, "allow-trace", false, "traces of messages may enter with the stream")
	return cmd
}

// build makes an import of the flags, with what the token says where they are silent.
func (f *importFlags) build(t *tool, r *realm, c *jwt.AccountClaims) (*jwt.Import, error) {
	im := &jwt.Import{Name: f.name, Subject: jwt.Subject(f.subject), Type: f.kind(), LocalSubject: jwt.RenamingSubject(f.local),
		Share: f.share, AllowTrace: f.allowTrace}
	if f.token != "" {
		token, err := r.token(f.token)
		if err != nil {
			return nil, err
		}
		a, err := jwt.DecodeActivationClaims(token)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.token, err)
		}
		if a.Subject != c.Subject {
			return nil, fmt.Errorf("%s was made for account %s, not for %q", f.token, a.Subject, c.Name)
		}
		im.Token, im.Type, im.Account = token, a.ImportType, a.Issuer
		if a.IssuerAccount != "" {
			im.Account = a.IssuerAccount
		}
		if f.subject == "" {
			im.Subject = a.ImportSubject
		}
		if im.Name == "" {
			im.Name = a.Name
		}
	}
	if f.from != "" {
		id, err := r.accountID(f.from)
		if err != nil {
			return nil, err
		}
		if im.Account != "" && im.Account != id {
			return nil, fmt.Errorf("the token %s is of account %s, not of %s", f.token, im.Account, f.from)
		}
		im.Account = id
	}
	switch {
	case im.Account == "" || im.Subject == "":
		return nil, t.misused("say what to import: --from ACCOUNT --subject SUBJECT, or --token FILE")
	case im.Account == c.Subject:
		return nil, t.misused("an account cannot import from itself")
	}
	return im, nil
}

// matched notes it if the exporting account is in the store and does not export what is imported: servers
// refuse the import until it does.
func (r *realm) matched(im *jwt.Import) error {
	names, err := r.accounts()
	if err != nil {
		return err
	}
	for _, name := range names {
		c, err := r.account(name)
		if err != nil {
			return err
		}
		if c.Subject != im.Account {
			continue
		}
		if !slices.ContainsFunc(c.Exports, func(e *jwt.Export) bool { return covers(e, im.Type, string(im.Subject)) }) {
			r.noted("warning: account %s exports no %s that contains %q yet; it exports: %s", name, im.Type, im.Subject, exported(c))
		}
	}
	return nil
}

// covers reports whether a subject is within an export of a kind.
func covers(e *jwt.Export, kind jwt.ExportType, subject string) bool {
	return e.Type == kind && jwt.Subject(subject).IsContainedIn(e.Subject)
}

func (t *tool) importDelete() *cobra.Command {
	f := importFlags{}
	cmd := &cobra.Command{
		Use: "delete", Short: "import a subject no longer",
		Example: "  barid trust import delete --account APP --service --subject calc.add", Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error {
		account, c, err := r.current(f.account)
		if err != nil {
			return err
		}
		from := ""
		if f.from != "" {
			if from, err = r.accountID(f.from); err != nil {
				return err
			}
		}
		matches := func(x *jwt.Import) bool {
			return string(x.Subject) == f.subject && x.Type == f.kind() && (from == "" || x.Account == from)
		}
		before := len(c.Imports)
		c.Imports = slices.DeleteFunc(c.Imports, matches)
		switch before - len(c.Imports) {
		case 0:
			return fmt.Errorf("account %q imports no %s %q", account, f.kind(), f.subject)
		case 1:
		default:
			return fmt.Errorf("account %q imports several such; say of whom with --from ACCOUNT", account)
		}
		r.noted("account %s imports %q no longer; next: barid trust push --account %s", account, f.subject, quoted(account))
		return r.saveAccount(account, c)
	})
	f.which(t, cmd, "of the export")
	cmd.Flags().StringVar(&f.from, "from", "", "name or public key of the exporting `ACCOUNT`")
	return cmd
}
