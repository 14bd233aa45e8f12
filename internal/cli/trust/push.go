package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/store"
	"github.com/baridmq/barid/internal/cli/trust/wire"
)

// errNobody is told when no server keeps accounts that can be changed.
var errNobody = errors.New("no server with a full or cache resolver answers; for one with resolver MEMORY: barid trust config --resolver memory, and reload it")

// pushFlags are those of push and pull.
type pushFlags struct {
	wireFlags

	accounts []string
	prune    bool
	json     bool
}

func (t *tool) pushCommand() *cobra.Command {
	f := pushFlags{}
	cmd := &cobra.Command{
		Use: "push", Short: "bring the accounts of the store to the servers",
		Long: `Sends the tokens of accounts to all servers and shows what each makes of them. For this a user of the
system account is made that lives two minutes and may do nothing else. With --prune, accounts that
servers have and the store has not are deleted; that is signed by the operator, and the servers need
allow_delete in their configuration.`,
		Example: "  barid trust push\n  barid trust push --account ORDERS\n  barid trust push --prune", Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.reading(func(cmd *cobra.Command, r *realm, _ []string) error { return r.push(&f) })
	f.add(cmd)
	f.common(cmd)
	cmd.Flags().BoolVar(&f.prune, "prune", false, "delete accounts of the servers that are not in the store")
	return cmd
}

// common adds the flags that push and pull share.
func (f *pushFlags) common(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.accounts, "account", "a", nil, "`NAME` of an account (default: all); may be repeated")
	cmd.Flags().BoolVar(&f.json, "json", false, "print a line of JSON for each answer")
}

func (r *realm) push(f *pushFlags) error {
	if f.prune && len(f.accounts) > 0 {
		return r.tool.misused("--prune compares all accounts: leave out --account")
	}
	tokens, names, err := r.accountTokens()
	if err != nil {
		return err
	}
	for _, name := range f.accounts {
		if !slices.Contains(slices.Collect(maps.Values(names)), name) {
			return fmt.Errorf("operator %q has no account %q; see barid trust account list", r.name, name)
		}
	}
	may := []string{wire.SubjectList, wire.SubjectUpdate}
	if f.prune {
		may = append(may, wire.SubjectDelete)
	}
	w, err := r.dial(&f.wireFlags, may...)
	if err != nil {
		return err
	}
	defer w.Shut()
	servers, theirs, err := r.list(w)
	if err != nil {
		return err
	}
	failed := 0
	ids := slices.SortedFunc(maps.Keys(tokens), func(a, b string) int { return strings.Compare(names[a], names[b]) })
	for _, id := range ids {
		if len(f.accounts) > 0 && !slices.Contains(f.accounts, names[id]) {
			continue
		}
		bad, err := r.request(f, w, wire.SubjectUpdate, names[id], []byte(tokens[id]), servers)
		if err != nil {
			return err
		}
		failed += bad
	}
	if f.prune {
		bad, err := r.prune(f, w, tokens, theirs, servers)
		if err != nil {
			return err
		}
		failed += bad
	}
	if failed > 0 {
		return fmt.Errorf("%d answers are missing or refuse", failed)
	}
	return nil
}

// list asks all servers for their accounts. It returns how many servers answered.
func (r *realm) list(w *wire.Conn) (servers int, ids map[string]bool, err error) {
	answers, err := w.Ask(r.cmd.Context(), wire.SubjectList, nil, 0, nil)
	if err != nil {
		return 0, nil, err
	}
	if len(answers) == 0 {
		return 0, nil, errNobody
	}
	ids = map[string]bool{}
	for _, text := range answers {
		var a wire.Answer
		var list []string
		if err := json.Unmarshal(text, &a); err != nil {
			return 0, nil, errors.New("a server answers with what is no JSON")
		}
		if a.Error != nil {
			return 0, nil, fmt.Errorf("server %s: %s", a.Server.Name, a.Error.Description)
		}
		if err := json.Unmarshal(a.Data, &list); err != nil {
			return 0, nil, fmt.Errorf("server %s answers without a list", a.Server.Name)
		}
		for _, id := range list {
			if nkeys.IsValidPublicAccountKey(id) {
				ids[id] = true
			}
		}
	}
	return len(answers), ids, nil
}

// request sends a request about an account to all servers, shows their answers, and counts those that are not good.
func (r *realm) request(f *pushFlags, w *wire.Conn, subject, account string, body []byte, servers int) (failed int, err error) {
	answers, err := w.Ask(r.cmd.Context(), subject, body, servers, nil)
	if err != nil {
		return 0, err
	}
	for _, text := range answers {
		v := wire.Verdict{Account: account}
		v.Read(text)
		if !v.OK {
			failed++
		}
		if err := r.show(f, &v); err != nil {
			return failed, err
		}
	}
	if missing := servers - len(answers); missing > 0 {
		failed += missing
		r.tool.say(r.cmd, "%s: %d of %d servers did not answer in %v", account, missing, servers, f.timeout)
	}
	return failed, nil
}

// show prints an answer.
func (r *realm) show(f *pushFlags, v *wire.Verdict) error {
	if f.json {
		return r.tool.host.PrintJSON(r.cmd.OutOrStdout(), v)
	}
	mark := "ok     "
	if !v.OK {
		mark = "refused"
	}
	r.tool.print(r.cmd, "%s  %-16s  %s%s", mark, v.Account, v.From(), v.Message)
	return nil
}

// prune deletes the accounts of servers that the store does not have.
func (r *realm) prune(f *pushFlags, w *wire.Conn, ours map[string]string, theirs map[string]bool, servers int) (failed int, err error) {
	var surplus []string
	for _, id := range sorted(theirs) {
		if ours[id] == "" && id != r.operator.SystemAccount {
			surplus = append(surplus, id)
		}
	}
	if len(surplus) == 0 {
		r.tool.say(r.cmd, "the servers have no accounts that are not here")
		return 0, nil
	}
	signer, err := r.operatorKey()
	if err != nil {
		return 0, err
	}
	public, err := signer.PublicKey()
	if err != nil {
		return 0, err
	}
	g := jwt.NewGenericClaims(public)
	g.Data["accounts"] = surplus
	token, err := g.Encode(signer)
	if err != nil {
		return 0, err
	}
	return r.request(f, w, wire.SubjectDelete, strings.Join(surplus, " "), []byte(token), servers)
}

func (t *tool) pullCommand() *cobra.Command {
	f := pushFlags{}
	cmd := &cobra.Command{
		Use: "pull", Short: "bring the accounts of the servers to the store",
		Long: `Asks a server for all accounts and keeps those that the operator has signed and that are newer than
those of the store. What is not signed by the operator is shown and refused.`,
		Example: "  barid trust pull", Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error { return r.pull(&f) })
	f.add(cmd)
	f.common(cmd)
	return cmd
}

func (r *realm) pull(f *pushFlags) error {
	w, err := r.dial(&f.wireFlags, wire.SubjectPack)
	if err != nil {
		return err
	}
	defer w.Shut()
	packs, err := w.Ask(r.cmd.Context(), wire.SubjectPack, nil, 0, func(text []byte) bool { return len(text) == 0 })
	if err != nil {
		return err
	}
	if len(packs) == 0 {
		return errNobody
	}
	if len(packs[len(packs)-1]) != 0 {
		return fmt.Errorf("the server stopped in the middle of its accounts; nothing was written; try again, with a longer --timeout")
	}
	_, names, err := r.accountTokens()
	if err != nil {
		return err
	}
	failed, shown := 0, []*wire.Verdict(nil)
	for _, text := range packs {
		for line := range strings.SplitSeq(string(text), "\n") {
			if line == "" {
				continue
			}
			v := r.take(f, line, names)
			if v == nil {
				continue
			}
			if !v.OK {
				failed++
			}
			shown = append(shown, v)
		}
	}
	slices.SortStableFunc(shown, func(a, b *wire.Verdict) int { return strings.Compare(a.Account, b.Account) })
	for _, v := range shown {
		if err := r.show(f, v); err != nil {
			return err
		}
	}
	if failed > 0 {
		r.failed = fmt.Errorf("%d accounts were refused; the others are kept", failed)
	}
	return nil
}

// take drafts an account of a server. It returns nil for one that was not asked for.
func (r *realm) take(f *pushFlags, line string, names map[string]string) *wire.Verdict {
	id, token, _ := strings.Cut(line, "|")
	v := &wire.Verdict{Account: id}
	c, err := r.trusted(token, time.Now())
	switch {
	case err != nil:
		v.Message = err.Error()
		return v
	case c.Subject != id:
		v.Message = "the token is of another account"
		return v
	}
	name, known := names[id]
	if !known {
		name = c.Name
	}
	if len(f.accounts) > 0 && !slices.Contains(f.accounts, name) {
		return nil
	}
	v.Account = name
	if !known && (store.Safe("an account", name) != nil || store.Exists(r.AccountDir(r.name, name))) {
		v.Account = id
		v.Message = fmt.Sprintf("its name %q is taken, or no good for a file", name)
		return v
	}
	if known {
		old, err := r.account(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			v.Message = err.Error()
			return v
		}
		if old != nil && old.IssuedAt >= c.IssuedAt {
			v.OK, v.Message = true, "is here already, as new or newer"
			return v
		}
	}
	names[id] = name
	r.draft.Put(r.AccountJWT(r.name, name), []byte(token))
	v.OK, v.Message = true, "is new here"
	return v
}
