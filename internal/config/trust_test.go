package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/options"
)

// newKey returns a new key of a kind.
func newKey(t *testing.T, kind nkeys.PrefixByte) (nkeys.KeyPair, string) {
	k, err := nkeys.CreatePair(kind)
	require.NoError(t, err)
	public, err := k.PublicKey()
	require.NoError(t, err)
	return k, public
}

// newOperator returns the claims of an operator, changed by f.
func newOperator(t *testing.T, f func(*jwt.OperatorClaims)) *jwt.OperatorClaims {
	_, public := newKey(t, nkeys.PrefixByteOperator)
	c := jwt.NewOperatorClaims(public)
	if f != nil {
		f(c)
	}
	return c
}

func TestASingleOperatorGivesWhatIsNotConfigured(t *testing.T) {
	_, system := newKey(t, nkeys.PrefixByteAccount)
	operator := func(server string) *jwt.OperatorClaims {
		return newOperator(t, func(c *jwt.OperatorClaims) { c.SystemAccount, c.AccountServerURL = system, server })
	}
	for _, c := range []struct {
		name       string
		given      options.Options
		system     string
		resolverAt string // "" for none
	}{
		{"all", options.Options{TrustedOperators: []*jwt.OperatorClaims{operator("http://h:9090/jwt/v1")}}, system, "http://h:9090/jwt/v1/accounts/"},
		{"with a slash", options.Options{TrustedOperators: []*jwt.OperatorClaims{operator("https://h/")}}, system, "https://h/accounts/"},
		{"a server that is none of HTTP", options.Options{TrustedOperators: []*jwt.OperatorClaims{operator("nats://h:4222")}}, system, ""},
		{"no server", options.Options{TrustedOperators: []*jwt.OperatorClaims{operator("")}}, system, ""},
		{"two operators", options.Options{TrustedOperators: []*jwt.OperatorClaims{operator("http://h"), operator("http://h")}}, "$SYS", ""},
		{"configured", options.Options{TrustedOperators: []*jwt.OperatorClaims{operator("http://h")}, SystemAccount: "S",
			Resolver: &options.ResolverConfig{Kind: options.ResolverURL, URL: "http://other"}}, "S", "http://other"},
		{"a resolver of a program", options.Options{TrustedOperators: []*jwt.OperatorClaims{operator("http://h")},
			AccountResolver: struct{ options.AccountResolver }{}}, system, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			Complete(&c.given)
			require.Equal(t, c.system, c.given.SystemAccount)
			if c.resolverAt == "" {
				require.Nil(t, c.given.Resolver)
				return
			}
			require.Equal(t, &options.ResolverConfig{Kind: options.ResolverURL, URL: c.resolverAt}, c.given.Resolver)
		})
	}
}

func TestReloadOfTrust(t *testing.T) {
	operator := newOperator(t, nil)
	memory := &options.ResolverConfig{Kind: options.ResolverMemory}
	for _, c := range []struct {
		name     string
		from, to func(o *options.Options)
		line     string
		err      string // its beginning
	}{
		{"operators", func(o *options.Options) {}, func(o *options.Options) { o.TrustedOperators = []*jwt.OperatorClaims{operator} },
			"", "config reload not supported for TrustedOperators: old=[], new=[" + operator.Subject},
		{"keys", func(o *options.Options) {}, func(o *options.Options) { o.TrustedKeys = []string{"O"} },
			"", "config reload not supported for TrustedKeys: old=[], new=[O]"},
		{"system account", func(o *options.Options) { o.SystemAccount = "A" }, func(o *options.Options) { o.SystemAccount = "B" },
			"", "config reload not supported for SystemAccount: old=A, new=B"},
		{"to a resolver", func(o *options.Options) {}, func(o *options.Options) { o.Resolver = memory },
			"", "config reload does not support moving to or from an account resolver"},
		{"from a resolver", func(o *options.Options) { o.Resolver = memory }, func(o *options.Options) {},
			"", "config reload does not support moving to or from an account resolver"},
		{"between resolvers", func(o *options.Options) { o.Resolver = memory },
			func(o *options.Options) { o.Resolver = &options.ResolverConfig{Kind: options.ResolverFull, Dir: "x"} }, "Reloaded: resolver", ""},
		{"callout", func(o *options.Options) {}, func(o *options.Options) { o.AuthCallout = &options.AuthCallout{Issuer: "A"} },
			"", "config reload not supported for AuthCallout: old=none, new={Issuer:A "},
		{"oidc", func(o *options.Options) {}, func(o *options.Options) { o.OIDC = &options.OIDC{} }, "Reloaded: authorization oidc", ""},
		{"mappings go", func(o *options.Options) { o.Mappings = []*options.SubjectMapping{{}} }, func(o *options.Options) {}, "Reloaded: mappings", ""},
		{"exports", func(o *options.Options) { o.Accounts = []*options.Account{{Name: "A"}} },
			func(o *options.Options) {
				o.Accounts = []*options.Account{{Name: "A", Exports: []*options.AccountExport{{Subject: "a"}}}}
			}, "Reloaded: accounts", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes, err := Changes(completed(c.from), completed(c.to))
			if c.err != "" {
				require.Error(t, err)
				require.True(t, strings.HasPrefix(err.Error(), c.err), err.Error())
				return
			}
			require.NoError(t, err)
			require.Len(t, changes, 1)
			require.Equal(t, c.line, changes[0].Line)
		})
	}
}

var confBlock = regexp.MustCompile("(?ms)^```conf\n(.*?)^```$")

// The examples of the documentation make servers.
func TestExamplesOfTheDocumentation(t *testing.T) {
	document, err := os.ReadFile(filepath.FromSlash("../../docs/configuration.md"))
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, name := range []string{"op.jwt", "account.jwt"} {
		text, err := os.ReadFile(filepath.Join("testdata", "good", name))
		require.NoError(t, err)
		files[name] = text
	}
	blocks := confBlock.FindAllStringSubmatch(string(document), -1)
	require.GreaterOrEqual(t, len(blocks), 5)
	t.Chdir(t.TempDir())
	for name, text := range files {
		require.NoError(t, os.WriteFile(name, text, 0o600))
	}
	for _, block := range blocks {
		require.NoError(t, os.WriteFile("example.conf", []byte(block[1]), 0o600))
		o, remarks, err := File("example.conf")
		require.NoError(t, err, block[1])
		require.Empty(t, remarks.Warnings, block[1])
		Complete(o)
		require.NoError(t, Validate(o), block[1])
	}
}
