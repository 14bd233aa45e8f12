package tenancy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/options"
)

// A report of an account shows each of its imports once, with the measurement of the service.
func TestReportsShowImports(t *testing.T) {
	a, b := options.NewAccount("A"), options.NewAccount("B")
	a.Exports = []*options.AccountExport{{Service: true, Subject: "add.*", Latency: &options.ServiceLatency{Sampling: 50, Subject: "took"}}}
	b.Imports = []*options.AccountImport{{Service: true, Account: "A", Subject: "add.1"}}
	x, _, err := tenants(t, &options.Options{Accounts: []*options.Account{a, b}})
	require.NoError(t, err)
	var r report.Account
	x.Describe(x.Registry().Get("B"), &r, false)
	require.Empty(t, r.Imports, "no details")
	x.Describe(x.Registry().Get("B"), &r, true)
	require.Len(t, r.Imports, 5, "four are of the system account")
	for _, i := range r.Imports {
		if i.Account != "A" {
			require.Nil(t, i.Latency)
			continue
		}
		require.Equal(t, &account.Latency{Sampling: 50, Subject: "took"}, i.Latency)
		require.False(t, i.Invalid)
	}
}
