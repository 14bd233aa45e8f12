package translate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/config/translate"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server/options"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

func TestAccounts(t *testing.T) {
	o, _, err := config.File("../testdata/good/bus.conf")
	require.NoError(t, err)
	config.Complete(o)
	specs := translate.Accounts(o)
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
	require.NotContains(t, specOf(translate.Accounts(&options.Options{})), "$SYS")

	operators := &options.Options{TrustedKeys: []string{"O"}, SystemAccount: "A"}
	require.Equal(t, map[string]bool{"$G": true}, specOf(translate.Accounts(operators)))
}

func specOf(specs []account.Spec) map[string]bool {
	names := map[string]bool{}
	for _, s := range specs {
		names[s.Name] = true
	}
	return names
}

func TestRules(t *testing.T) {
	require.Equal(t, perm.Rules{}, translate.Rules(nil))
	require.Equal(t, perm.Rules{}, translate.Rules(&options.Permissions{}))
	require.Equal(t, perm.Rules{
		Publish:   perm.List{Allow: []string{"a"}, Deny: []string{"b"}},
		Subscribe: perm.List{Deny: []string{"c"}},
		Responses: &perm.Responses{Max: 3, Expires: time.Second},
	}, translate.Rules(&options.Permissions{
		Publish:   &options.SubjectPermission{Allow: []string{"a"}, Deny: []string{"b"}},
		Subscribe: &options.SubjectPermission{Deny: []string{"c"}},
		Response:  &options.ResponsePermission{MaxMsgs: 3, Expires: time.Second},
	}))
}
