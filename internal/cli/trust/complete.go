package trust

import (
	"slices"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/spf13/cobra"
)

// lister returns the names in the store that may stand at a place of a command line.
type lister func(r *realm, cmd *cobra.Command, args []string) ([]string, error)

// complete lets shells complete the names of operators, accounts, users and roles in a command and all
// below it, and no names of files where those of new things stand. The path is that of the command.
func (t *tool) complete(cmd *cobra.Command, path string) {
	for _, c := range cmd.Commands() {
		t.complete(c, path+" "+c.Name())
	}
	words := lister(none)
	switch path {
	case "trust inspect", "trust keys import":
		words = nil // files
	case "trust account edit", "trust account delete":
		words = first((*realm).accountNames)
	case "trust user edit", "trust user revoke":
		words = first((*realm).userNames)
	case "trust operator select":
		words = first((*realm).operatorNames)
	}
	if words != nil {
		cmd.ValidArgsFunction = t.completion(words)
	}
	at := map[string]lister{"operator": (*realm).operatorNames, "account": (*realm).accountNames, "from": (*realm).accountNames,
		"target": (*realm).accountNames, "role": (*realm).roleNames, "rm-signing-key": (*realm).roleNames, "user": none, "name": none}
	switch path {
	case "trust init":
		at["account"] = none // a new one
	case "trust operator edit":
		at["rm-signing-key"] = (*realm).operatorKeys
	}
	for flag, names := range at {
		if cmd.Flags().Lookup(flag) != nil || cmd.PersistentFlags().Lookup(flag) != nil {
			_ = cmd.RegisterFlagCompletionFunc(flag, t.completion(names)) // it is there, and only once
		}
	}
}

// completion makes a lister what a shell asks. An error leaves nothing to complete.
func (t *tool) completion(names lister) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		r := &realm{tool: t, cmd: cmd, release: func() {}}
		var err error
		var list []string
		if r.Places, r.settings, err = t.places.Find(); err == nil {
			list, _ = names(r, cmd, args)
		}
		list = slices.DeleteFunc(list, func(name string) bool { return !strings.HasPrefix(name, begun) || t.host.Clean(name) != name })
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// none completes nothing.
func none(*realm, *cobra.Command, []string) ([]string, error) { return nil, nil }

// first completes only the first word.
func first(names lister) lister {
	return func(r *realm, cmd *cobra.Command, args []string) ([]string, error) {
		if len(args) > 0 {
			return nil, nil
		}
		return names(r, cmd, args)
	}
}

func (r *realm) operatorNames(*cobra.Command, []string) ([]string, error) { return r.Operators() }

// operatorKeys are the signing keys of the operator.
func (r *realm) operatorKeys(*cobra.Command, []string) ([]string, error) {
	if err := r.choose(); err != nil {
		return nil, err
	}
	return slices.Clone(r.operator.SigningKeys), nil
}

// accountNames are those of the operator that is chosen, for operator select the one of its argument.
func (r *realm) accountNames(cmd *cobra.Command, args []string) ([]string, error) {
	if cmd.Name() == "select" && len(args) > 0 {
		r.tool.operator = args[0]
	}
	if err := r.choose(); err != nil {
		return nil, err
	}
	return r.accounts()
}

// userNames are those of the account that a flag names, or of the current one.
func (r *realm) userNames(cmd *cobra.Command, _ []string) ([]string, error) {
	name, _, err := r.meant(cmd, nil)
	if err != nil {
		return nil, err
	}
	return r.users(name)
}

// roleNames are those of the account that a word or a flag names, or of the current one.
func (r *realm) roleNames(cmd *cobra.Command, args []string) (names []string, err error) {
	_, c, err := r.meant(cmd, args)
	if err != nil {
		return nil, err
	}
	for _, k := range sorted(c.SigningKeys) {
		if us, scoped := c.SigningKeys[k].(*jwt.UserScope); scoped {
			names = append(names, us.Role)
		}
	}
	slices.Sort(names)
	return names, nil
}

// meant is the account of a command line that is not complete.
func (r *realm) meant(cmd *cobra.Command, args []string) (string, *jwt.AccountClaims, error) {
	if err := r.choose(); err != nil {
		return "", nil, err
	}
	name := ""
	if f := cmd.Flags().Lookup("account"); f != nil {
		name = f.Value.String()
	} else if len(args) > 0 {
		name = args[0]
	}
	return r.current(name)
}
