package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/server/options"
)

// What a program says of accounts is checked as what a file says.
func TestRulesOfProgramsAreChecked(t *testing.T) {
	a, b := options.NewAccount("A"), options.NewAccount("B")
	require.NoError(t, a.AddServiceExport("add", []*options.Account{}))
	require.NoError(t, b.AddServiceImport(a, "math.add", "add"))
	with := func(o *options.Options) { o.Accounts = []*options.Account{a, b} }
	require.EqualError(t, config.Validate(completed(with)), `account "B": Error adding service import "add": service import not authorized`)
	require.NoError(t, a.AddServiceExport("add", []*options.Account{b}))
	require.NoError(t, config.Validate(completed(with)))
	require.NoError(t, a.AddStreamImport(options.NewAccount("C"), "x", ""))
	require.EqualError(t, config.Validate(completed(with)), `"C" account not defined for stream import`)
	for _, broken := range []*options.Account{
		{Name: "A", Exports: []*options.AccountExport{nil}}, {Name: "A", Imports: []*options.AccountImport{nil}},
		{Name: "A", Mappings: []*options.SubjectMapping{nil}}, {Name: "A", Mappings: []*options.SubjectMapping{{Destinations: []*options.MapDest{nil}}}},
	} {
		require.EqualError(t, config.Validate(completed(func(o *options.Options) { o.Accounts = []*options.Account{broken} })),
			`account "A": an entry of its exports, imports or mappings is nil`)
	}
	require.EqualError(t, config.Validate(completed(func(o *options.Options) { o.Mappings = []*options.SubjectMapping{nil} })), "mappings: an entry is nil")
	require.EqualError(t, config.Validate(completed(func(o *options.Options) { o.Mappings = []*options.SubjectMapping{{Source: ""}} })),
		`Subject "" is not a valid subject`)
}
