package trust

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/store"
)

// serverFlags say what the configuration of a server looks like.
type serverFlags struct {
	kind, dir   string
	allowDelete bool
}

func (s *serverFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.kind, "resolver", "full", "where the server has accounts: full (a folder, changed by push), memory (the configuration)")
	f.StringVar(&s.dir, "dir", "", "`FOLDER` of a full resolver (default: jwt, beside the configuration)")
	f.BoolVar(&s.allowDelete, "allow-delete", false, "let barid trust push --prune delete accounts of the server")
}

func (s *serverFlags) check(t *tool) error {
	switch {
	case s.kind != "full" && s.kind != "memory":
		return t.misused("--resolver %q is not full or memory", s.kind)
	case s.kind == "memory" && (s.dir != "" || s.allowDelete):
		return t.misused("--dir and --allow-delete are for --resolver full")
	case strings.ContainsAny(s.dir, "'\n\r"):
		return t.misused("--dir cannot have quotes or line breaks in it")
	}
	return nil
}

func (t *tool) configCommand() *cobra.Command {
	s := serverFlags{}
	var output string
	var replace bool
	cmd := &cobra.Command{
		Use: "config", Short: "print or write the configuration of a server anew",
		Long: `Prints what a server needs to trust the operator. With --resolver memory all accounts are in it:
write it anew after each change, and let the server reload it. A server has to be restarted when the
operator was changed: it refuses to reload another one.`,
		Example: "  barid trust config --resolver memory --output barid.conf --replace", Args: t.words(cobra.NoArgs),
	}
	cmd.RunE = t.writing(func(cmd *cobra.Command, r *realm, _ []string) error {
		if err := s.check(t); err != nil {
			return err
		}
		dir := "."
		if output != "" {
			full, err := filepath.Abs(output)
			if err != nil {
				return err
			}
			output, dir = full, filepath.Dir(full)
		}
		if s.dir == "" && s.kind == "full" {
			s.dir = filepath.Join(dir, "jwt")
			if output == "" {
				s.dir = "./jwt"
			}
		}
		text, err := r.serverConfig(&s)
		if err != nil {
			return err
		}
		switch {
		case output == "":
			_, err := cmd.OutOrStdout().Write(text)
			return err
		case replace:
			r.draft.Put(output, text)
		default:
			if store.Exists(output) {
				return fmt.Errorf("%s exists already; to replace it, give --replace", output)
			}
			r.draft.Add(output, text)
		}
		running := "a running server needs a restart if the operator was changed"
		if s.kind == "memory" {
			running = "or let the running server reload it; if the operator was changed, it needs a restart"
		}
		r.noted("server configuration %s; next: barid -c %s; %s", output, quoted(output), running)
		return nil
	})
	s.add(cmd)
	cmd.Flags().StringVar(&output, "output", "", "`FILE` to write (default: it is printed)")
	cmd.Flags().BoolVar(&replace, "replace", false, "the file may exist already")
	return cmd
}

// serverConfig is the configuration of a server that trusts the operator. It sees what is drafted.
func (r *realm) serverConfig(s *serverFlags) ([]byte, error) {
	if r.operator.SystemAccount == "" {
		return nil, fmt.Errorf("operator %q has no system account", r.name)
	}
	operator, err := r.drafted(r.OperatorJWT(r.name))
	if err != nil {
		return nil, err
	}
	tokens, names, err := r.accountTokens()
	if err != nil {
		return nil, err
	}
	if tokens[r.operator.SystemAccount] == "" {
		return nil, fmt.Errorf("the system account %s of operator %q is not in the store", r.operator.SystemAccount, r.name)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Made by barid trust. There are no secrets in it.\n\n")
	if len(r.operator.OperatorServiceURLs) > 0 {
		listen(&b, r.operator.OperatorServiceURLs[0])
	}
	fmt.Fprintf(&b, "# Operator %q\noperator: %s\n\nsystem_account: %s\n\n", r.name, operator, r.operator.SystemAccount)
	if s.kind == "full" {
		fmt.Fprintf(&b, "# Accounts come by barid trust push, and are kept in this folder.\nresolver {\n    type: full\n    dir: '%s'\n", s.dir)
		fmt.Fprintf(&b, "    allow_delete: %t\n    interval: \"2m\"\n    timeout: \"1.9s\"\n}\n\n", s.allowDelete)
	} else {
		fmt.Fprintf(&b, "# All accounts are in this file: write it anew with barid trust config, and reload the server.\n# If the operator was changed, restart it.\nresolver: MEMORY\n\n")
	}
	fmt.Fprintf(&b, "resolver_preload: {\n")
	for _, id := range sorted(tokens) {
		if s.kind == "memory" || id == r.operator.SystemAccount {
			fmt.Fprintf(&b, "    # Account %q\n    %s: %s\n", names[id], id, tokens[id])
		}
	}
	fmt.Fprintf(&b, "}\n")
	return b.Bytes(), nil
}

// listen says where the server is to be found, if the URL does.
func listen(b *bytes.Buffer, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" && u.Scheme != "nats" && u.Scheme != "tls" {
		return
	}
	port := u.Port()
	if port == "" {
		port = "4222"
	}
	if u.Scheme == "ws" || u.Scheme == "wss" {
		fmt.Fprintf(b, "# Clients come to %s: add websocket { port: %s } with its certificate.\n\n", address, port)
		return
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() || u.Hostname() == "localhost" {
		fmt.Fprintf(b, "listen: \"%s\"\n\n", net.JoinHostPort(u.Hostname(), port))
	} else {
		fmt.Fprintf(b, "port: %s\n\n", port)
	}
	if u.Scheme == "tls" {
		fmt.Fprintf(b, "# Clients come to %s: add tls { cert_file: \"...\", key_file: \"...\" }.\n\n", address)
	}
}

// drafted returns the token of a file, or that which is to be written to it.
func (r *realm) drafted(name string) (string, error) {
	if text, ok := r.draft.Text(name); ok {
		return string(text), nil
	}
	return r.token(name)
}

// accountTokens returns the tokens of all accounts by their keys, and their names.
func (r *realm) accountTokens() (tokens, names map[string]string, err error) {
	list, err := r.accounts()
	if err != nil {
		return nil, nil, err
	}
	base := r.AccountDir(r.name, "") + string(os.PathSeparator)
	for _, file := range r.draft.Names() {
		rest, ok := strings.CutPrefix(file, base)
		if name := filepath.Dir(rest); ok && file == r.AccountJWT(r.name, name) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	tokens, names = map[string]string{}, map[string]string{}
	for _, name := range list {
		token, err := r.drafted(r.AccountJWT(r.name, name))
		if err != nil {
			return nil, nil, err
		}
		c, err := r.trusted(token, time.Now())
		if err != nil {
			return nil, nil, fmt.Errorf("account %q: %w", name, err)
		}
		tokens[c.Subject], names[c.Subject] = token, name
	}
	return tokens, names, nil
}
