package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/options"
)

// Each field of Options is one that a row of the tables is about, or one that no file and no flag
// is about, for a reason. So nothing can be forgotten in a reload.
func TestEveryFieldIsAccountedFor(t *testing.T) {
	o := &options.Options{}
	of := map[uintptr]string{}
	fields := reflect.ValueOf(o).Elem()
	for i := range fields.NumField() {
		of[fields.Field(i).Addr().Pointer()] = fields.Type().Field(i).Name
	}
	known := map[string]string{}
	for _, s := range settings() {
		for _, place := range s.fields(o) {
			name := of[reflect.ValueOf(place).Pointer()]
			require.NotEmpty(t, name, "%s is about a place that is no field", s.path)
			known[name] = s.path
		}
	}
	for _, group := range unsaid {
		require.NotEmpty(t, group.why)
		for _, name := range group.fields {
			require.True(t, fields.FieldByName(name).IsValid(), "no field %s", name)
			require.Empty(t, known[name], "%s is in a file", name)
			known[name] = group.why
		}
	}
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		require.NotEmpty(t, known[name], "no row of a table has Options.%s, and unsaid does not name it", name)
	}
}

// Each row says what its setting is for and what a reload does with it.
func TestRowsAreComplete(t *testing.T) {
	for _, s := range settings() {
		if s.lacks != "" {
			require.Equal(t, "not supported yet", s.form, s.path)
			continue
		}
		require.NotEmpty(t, s.meaning, s.path)
		require.NotEmpty(t, s.reload, s.path)
	}
}

const docFile = "../../docs/options.md"

// The list of options in the documentation is what the tables say. -update writes it.
func TestListOfOptions(t *testing.T) {
	got := optionsList()
	if *update {
		require.NoError(t, os.WriteFile(docFile, []byte(got), 0o600))
	}
	want, err := os.ReadFile(filepath.FromSlash(docFile))
	require.NoError(t, err)
	require.Equal(t, string(want), got, "make the list anew: go test ./internal/config -update")
}

// optionsList is the list of options as documentation.
func optionsList() string {
	var b strings.Builder
	b.WriteString(`# Options

All keys of a configuration file, and the flags that do the same. This file is made from the tables of
` + "`internal/config`" + ` (` + "`go test ./internal/config -update`" + `); [configuration.md](configuration.md) explains how to use them.

- **Value**: durations are texts like ` + "`\"10s\"`" + `; integers may end in k, m, g (powers of 1000) or kb, mb, gb (of 1024); a list may be
  a single text; "host:port" may be a port alone. Keys do not care about case; names behind the first one mean the same.
- **Reload**: what a running server does when it reads the file again and the value differs. *yes*: it is applied. *no*: the
  reload is refused, and nothing of it is applied.

`)
	section(&b, "Top level: listening", listenKeys, true)
	section(&b, "Top level: limits and times", limitKeys, true)
	section(&b, "Top level: monitoring, profiling, files", reportKeys, true)
	section(&b, "Top level: log", logKeys, true)
	section(&b, "Top level: who may enter", trustKeys, true)
	section(&b, "Top level: operators", operatorKeys, true)
	section(&b, "Top level: without effect", idleKeys, true)
	section(&b, "`tls { }`", tlsBlock.keys, false)
	section(&b, "`certs [ { } ]` in `tls`", pairBlock.keys, false)
	section(&b, "`authorization { }`", authorizationBlock.keys, true)
	section(&b, "`users [ { } ]` in `authorization` and in accounts", userBlock.keys, false)
	section(&b, "`auth_callout { }` in `authorization`", calloutBlock.keys, false)
	section(&b, "`oidc { }` in `authorization`", oidcBlock.keys, false)
	section(&b, "`roles { NAME { } }` in `oidc`", roleBlock.keys, false)
	section(&b, "`resolver { }`", resolverBlock.keys, false)
	section(&b, "`permissions { }`, `default_permissions { }`", permissionsBlock.keys, false)
	section(&b, "`publish { }`, `subscribe { }` in permissions", subjectBlock.keys, false)
	section(&b, "`allow_responses { }` in permissions", responseBlock.keys, false)
	section(&b, "`accounts { NAME { } }`", accountBlock.keys, false)
	section(&b, "`limits { }` of an account", limitsBlock.keys, false)
	section(&b, "`exports [ { } ]` of an account", exportBlock.keys, false)
	section(&b, "`latency { }` of an export", latencyBlock.keys, false)
	section(&b, "`imports [ { } ]` of an account", importBlock.keys, false)
	section(&b, "`stream { }`, `service { }` of an import", sourceBlock.keys, false)
	section(&b, "Destinations of `mappings`", destinationBlock.keys, false)
	section(&b, "`proxies { }`", proxies.keys, false)
	section(&b, "`trusted [ { } ]` in `proxies`", proxy.keys, false)

	b.WriteString(`Users, permissions, accounts with all that is in them, and oidc can all be changed by a reload; so can proxies, and what is in tls but for
` + "`verify_and_map` and `connection_rate_limit`" + `.

## Known, and refused

barid does not have these parts yet. A value that switches the part off is accepted.

| Key | Part |
|---|---|
`)
	refused(&b, "", topLevel.keys)
	refused(&b, "tls: ", tlsBlock.keys)
	refused(&b, "authorization: ", authorizationBlock.keys)
	refused(&b, "accounts: ", accountBlock.keys)
	refused(&b, "limits: ", limitsBlock.keys)

	b.WriteString(`
## Flags that are no key

A flag that is given wins over the file. ` + "`-x` and `--x`" + ` are the same.

| Flags | Value | Meaning |
|---|---|---|
`)
	for row := range flagRows() {
		if row.path == "" {
			help := row.help
			if row.lacks != "" {
				help += " (refused: barid has no " + row.lacks + " yet)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(row.names, dashed), row.arg, help)
		}
	}
	b.WriteString(`
## Environment

` + "`$NAME`" + ` as a value is a variable: a key that stands before it, else a variable of the environment, whose text is read as if it
stood in the file. ` + "`NOTIFY_SOCKET`" + ` is that of systemd. Nothing else of the environment means anything to the server.
`)
	return b.String()
}

// section writes a table of keys.
func section[T any](b *strings.Builder, title string, keys []key[T], whole bool) {
	fmt.Fprintf(b, "## %s\n\n", title)
	if whole {
		b.WriteString("| Key | Value | Default | Flag | Reload | Meaning |\n|---|---|---|---|---|---|\n")
	} else {
		b.WriteString("| Key | Value | Default | Meaning |\n|---|---|---|---|\n")
	}
	for _, k := range keys {
		e := k.about()
		if e.lacks != "" {
			continue
		}
		cells := []string{code(e.names, strings.Clone), e.form, e.standard}
		if whole {
			cells = append(cells, code(e.flags, dashed), e.reload)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(append(cells, e.meaning), " | "))
	}
	b.WriteString("\n")
}

// refused writes the keys of parts that do not exist.
func refused[T any](b *strings.Builder, prefix string, keys []key[T]) {
	for _, k := range keys {
		if e := k.about(); e.lacks != "" {
			fmt.Fprintf(b, "| %s%s | %s |\n", prefix, code(e.names, strings.Clone), e.lacks)
		}
	}
}

// code writes names as code.
func code(names string, as func(string) string) string {
	var all []string
	for name := range strings.FieldsSeq(names) {
		all = append(all, "`"+as(name)+"`")
	}
	return strings.Join(all, ", ")
}
