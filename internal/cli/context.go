package cli

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/profile"
)

// contextJSON is a context as a line of JSON.
type contextJSON struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Server      string `json:"server,omitempty"` // without secrets
	Selected    bool   `json:"selected"`
	Error       string `json:"error,omitempty"` // why it cannot be used
}

func contextCommand() *cobra.Command {
	var asJSON bool
	list := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "list the contexts",
		Example: "  barid context ls",
		Args:    words(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return listContexts(cmd, asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each context")
	choose := &cobra.Command{
		Use:     "select NAME",
		Short:   "use a context whenever no other is named",
		Example: "  barid context select staging",
		Args:    words(cobra.ExactArgs(1)),
		RunE:    func(_ *cobra.Command, args []string) error { return profile.Select(args[0]) },
	}
	return group("context", "list and select contexts", `Contexts are saved ways to connect: files of the nats command line tool, NAME.json in nats/context
of the configuration folder ($XDG_CONFIG_HOME, or .config at home). Flags win over the environment,
and that over the context.`, list, choose)
}

func listContexts(cmd *cobra.Command, asJSON bool) error {
	names, selected, err := profile.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		line := contextJSON{Name: name, Selected: name == selected}
		if p, err := profile.Named(name); err != nil {
			line.Error = err.Error()
		} else if line.Description = p.Description; p.URL != "" {
			if line.Server, err = profile.Hosts(p.URL); err != nil {
				line.Error = err.Error()
			}
		}
		if asJSON {
			if err := printJSON(cmd.OutOrStdout(), line); err != nil {
				return err
			}
			continue
		}
		mark := " "
		if line.Selected {
			mark = "*"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %-20s %s\n", mark, clean(name), clean(cmp.Or(line.Error, line.Server+"  "+line.Description)))
	}
	return nil
}
