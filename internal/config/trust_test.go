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

	"github.com/baridmq/barid/internal/bus/account"
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

func TestOperatorsRefuseWhatDoesNotGoWithThem(t *testing.T) {
	_, id := newKey(t, nkeys.PrefixByteAccount)
	memory := &options.ResolverConfig{Kind: options.ResolverMemory}
	for _, c := range []struct {
		set  func(o *options.Options)
		want string // "" for nothing wrong
	}{
		{func(*options.Options) {}, ""},
		{func(o *options.Options) { o.Username, o.Password = "ignored", "too" }, ""},
		{func(o *options.Options) { o.Resolver = nil }, "operators require an account resolver to be configured"},
		{func(o *options.Options) { o.Resolver, o.AccountResolver = nil, struct{ options.AccountResolver }{} }, ""},
		{func(o *options.Options) { o.Accounts = []*options.Account{{Name: "A"}} }, "operators do not allow Accounts to be configured directly"},
		{func(o *options.Options) { o.Users = []*options.User{{Username: "a"}} }, "operators do not allow users to be configured directly"},
		{func(o *options.Options) { o.TrustedKeys = []string{o.TrustedOperators[0].Subject} },
			"conflicting options for 'TrustedKeys' and 'TrustedOperators'"},
		{func(o *options.Options) { o.SystemAccount = id }, ""},
		{func(o *options.Options) { o.TrustedOperators[0].SystemAccount, o.SystemAccount = "B", id },
			"system_account in config and operator JWT must be identical"},
		{func(o *options.Options) { o.Resolver = &options.ResolverConfig{Kind: options.ResolverCache, Dir: "x"} },
			"using nats based account resolver - the system account needs to be specified in configuration or the operator jwt"},
		{func(o *options.Options) { o.TrustedOperators[0].SigningKeys.Add(id) },
			`trusted Keys "` + id + `" are required to be a valid public operator nkey`},
		{func(o *options.Options) { o.TrustedOperators = append(o.TrustedOperators, nil) }, "operators: an entry is nil"},
		{func(o *options.Options) { o.ResolverPinnedAccounts = []string{"x"} }, `pinned account key "x" is not a valid public account nkey`},
		{func(o *options.Options) { o.NoAuthUser = "x" }, "no_auth_user not compatible with Trusted Operator"},
		{func(o *options.Options) { o.ResolverPreload = map[string]string{id: "x"} }, "invalid account JWT"},
		{func(o *options.Options) { o.DefaultSentinel = "x" }, "default sentinel JWT not valid"},
		{func(o *options.Options) { o.Resolver = &options.ResolverConfig{Kind: "x"} }, errResolver},
		{func(o *options.Options) { o.TrustedOperators = nil }, ""},
	} {
		err := Validate(completed(func(o *options.Options) {
			o.TrustedOperators, o.Resolver = []*jwt.OperatorClaims{newOperator(t, nil)}, memory
			c.set(o)
		}))
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, c.want)
		require.Contains(t, strings.Split(err.Error(), "\n"), c.want)
	}
}

func TestStampedKeys(t *testing.T) {
	_, one := newKey(t, nkeys.PrefixByteOperator)
	_, two := newKey(t, nkeys.PrefixByteOperator)
	_, none := newKey(t, nkeys.PrefixByteAccount)
	keys, err := Stamped(" \n", &options.Options{TrustedKeys: []string{one}})
	require.NoError(t, err)
	require.Nil(t, keys)
	keys, err = Stamped(one+"  "+two+"\n", &options.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{one, two}, keys)
	for _, c := range []struct {
		text string
		o    options.Options
	}{
		{one + " " + none, options.Options{}},
		{one, options.Options{TrustedKeys: []string{two}}},
		{one, options.Options{TrustedOperators: []*jwt.OperatorClaims{newOperator(t, nil)}}},
	} {
		_, err := Stamped(c.text, &c.o)
		require.ErrorIs(t, err, ErrStamped)
		require.ErrorContains(t, err, "Error processing trusted operator keys")
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

func TestAccountSpecs(t *testing.T) {
	o, _, err := File("testdata/good/bus.conf")
	require.NoError(t, err)
	Complete(o)
	specs := AccountSpecs(o)
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"$G", "$SYS", "A", "B"}, names)
	require.Len(t, specs[0].Mappings, 2)
	require.Equal(t, account.SystemExports(), specs[1].Exports)
	require.Empty(t, specs[1].Imports)
	a, b := specs[2], specs[3]
	require.Equal(t, account.Export{Kind: account.Service, Subject: "add", Accounts: []string{"B"},
		Latency: &account.Latency{Sampling: 50, Subject: "lat.add"}}, a.Exports[2])
	require.Equal(t, account.Streamed, a.Exports[3].Response)
	require.Equal(t, account.Chunked, a.Exports[4].Response)
	require.Equal(t, account.Import{Account: "A", Subject: "news.*.x", Local: "in.news.*.x", AllowTrace: true}, b.Imports[1])
	require.Equal(t, account.Import{Kind: account.Service, Account: "A", Subject: "add", Local: "math.add", Share: true}, b.Imports[3])
	require.Equal(t, account.SystemImports("$SYS", "B"), b.Imports[6:])
	require.NoError(t, account.NewRegistry().Check(specs))
	require.NotContains(t, specOf(AccountSpecs(completed(func(o *options.Options) { o.SystemAccount = "" }))), "$SYS")

	operators := completed(func(o *options.Options) { o.TrustedKeys, o.SystemAccount = []string{"O"}, "A" })
	require.Equal(t, map[string]bool{"$G": true}, specOf(AccountSpecs(operators)))
}

func specOf(specs []account.Spec) map[string]bool {
	names := map[string]bool{}
	for _, s := range specs {
		names[s.Name] = true
	}
	return names
}

// What a program says of accounts is checked as what a file says.
func TestRulesOfProgramsAreChecked(t *testing.T) {
	a, b := options.NewAccount("A"), options.NewAccount("B")
	require.NoError(t, a.AddServiceExport("add", []*options.Account{}))
	require.NoError(t, b.AddServiceImport(a, "math.add", "add"))
	with := func(o *options.Options) { o.Accounts = []*options.Account{a, b} }
	require.EqualError(t, Validate(completed(with)), `account "B": Error adding service import "add": service import not authorized`)
	require.NoError(t, a.AddServiceExport("add", []*options.Account{b}))
	require.NoError(t, Validate(completed(with)))
	require.NoError(t, a.AddStreamImport(options.NewAccount("C"), "x", ""))
	require.EqualError(t, Validate(completed(with)), `"C" account not defined for stream import`)
	for _, broken := range []*options.Account{
		{Name: "A", Exports: []*options.AccountExport{nil}}, {Name: "A", Imports: []*options.AccountImport{nil}},
		{Name: "A", Mappings: []*options.SubjectMapping{nil}}, {Name: "A", Mappings: []*options.SubjectMapping{{Destinations: []*options.MapDest{nil}}}},
	} {
		require.EqualError(t, Validate(completed(func(o *options.Options) { o.Accounts = []*options.Account{broken} })),
			`account "A": an entry of its exports, imports or mappings is nil`)
	}
	require.EqualError(t, Validate(completed(func(o *options.Options) { o.Mappings = []*options.SubjectMapping{nil} })), "mappings: an entry is nil")
	require.EqualError(t, Validate(completed(func(o *options.Options) { o.Mappings = []*options.SubjectMapping{{Source: ""}} })),
		`Subject "" is not a valid subject`)
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
