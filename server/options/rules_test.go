package options

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRulesOfAnAccountWithoutAServer(t *testing.T) {
	a, b := NewAccount("A"), NewAccount("B")
	require.NoError(t, a.AddStreamExport("news.>", nil))
	require.NoError(t, a.AddServiceExport("add", []*Account{b}))
	require.NoError(t, a.AddServiceExport("none", []*Account{}))
	require.NoError(t, a.AddServiceExport("none", []*Account{}), "again is the same")
	require.Equal(t, []*AccountExport{{Subject: "news.>"}, {Service: true, Subject: "add", Accounts: []string{"B"}},
		{Service: true, Subject: "none", Accounts: []string{}}}, a.Exports)

	require.NoError(t, b.AddStreamImport(a, "news.eu", ""))
	require.NoError(t, b.AddStreamImport(a, "news.*", "in"))
	require.NoError(t, b.AddServiceImport(a, "math.add", "add"))
	require.NoError(t, b.AddServiceImport(a, "add", ""))
	require.NoError(t, b.SetServiceImportSharing(a, "math.add", true))
	require.Equal(t, []*AccountImport{{Account: "A", Subject: "news.eu"}, {Account: "A", Subject: "news.*", To: "in.news.*"},
		{Service: true, Account: "A", Subject: "add", To: "math.add", Share: true}, {Service: true, Account: "A", Subject: "add"}}, b.Imports)
	require.Equal(t, 2, b.NumServiceImports())
	require.Zero(t, a.NumPendingAllResponses()+a.NumPendingReverseResponses()+a.NumPendingResponses("add"))

	require.NoError(t, a.TrackServiceExportWithSampling("add", "lat", 50))
	require.Equal(t, &ServiceLatency{Sampling: 50, Subject: "lat"}, a.Exports[1].Latency)
	a.UnTrackServiceExport("add")
	require.Nil(t, a.Exports[1].Latency)
	a.UnTrackServiceExport("unknown")

	threshold, err := a.ServiceExportResponseThreshold("add")
	require.NoError(t, err)
	require.Equal(t, 2*time.Minute, threshold)
	require.NoError(t, a.SetServiceExportResponseThreshold("add", time.Second))
	threshold, err = a.ServiceExportResponseThreshold("add")
	require.NoError(t, err)
	require.Equal(t, time.Second, threshold)
}

func TestRulesThatCannotBe(t *testing.T) {
	a, b := NewAccount("A"), NewAccount("B")
	require.NoError(t, a.AddServiceExport("add", nil))
	a.Exports = append(a.Exports, &AccountExport{Service: true, Subject: "many", Response: "Stream"})
	require.ErrorIs(t, a.AddStreamExport("x", []*Account{nil}), ErrMissingAccount)
	require.ErrorIs(t, b.AddStreamImport(nil, "x", ""), ErrMissingAccount)
	require.ErrorIs(t, b.AddServiceImport(nil, "x", ""), ErrMissingAccount)
	require.ErrorIs(t, b.AddStreamImport(a, "x", "a.*"), ErrStreamImportBadPrefix)
	require.ErrorIs(t, b.SetServiceImportSharing(a, "add", true), ErrMissingService)
	require.ErrorIs(t, b.SetServiceImportSharing(nil, "add", true), ErrMissingAccount)
	require.ErrorIs(t, a.TrackServiceExportWithSampling("add", "x", 101), ErrBadSampling)
	require.ErrorIs(t, a.TrackServiceExportWithSampling("add", "x.*", 1), ErrBadPublishSubject)
	require.ErrorIs(t, a.TrackServiceExportWithSampling("x", "x", 1), ErrMissingService)
	require.ErrorIs(t, a.TrackServiceExportWithSampling("many", "x", 1), ErrBadServiceType)
	_, err := a.ServiceExportResponseThreshold("x")
	require.EqualError(t, err, `no export defined for "x"`)
	require.EqualError(t, a.SetServiceExportResponseThreshold("x", 1), `no export defined for "x"`)
	require.Len(t, a.Exports, 2)
	require.Empty(t, b.Imports)
}

// running is an account of a server.
type running struct {
	rules AccountRules
	fault error
}

func (*running) Connections() int      { return 1 }
func (*running) Subscriptions() int    { return 2 }
func (*running) Interest(string) int   { return 3 }
func (*running) PendingResponses() int { return 4 }
func (r *running) Rules() AccountRules { return r.rules.Clone() }
func (r *running) Change(f func(*AccountRules) error) error {
	next := r.rules.Clone()
	if err := f(&next); err != nil {
		return err
	}
	if r.fault == nil {
		r.rules = next
	}
	return r.fault
}

func TestRulesOfALiveAccount(t *testing.T) {
	a, live := NewAccount("A"), &running{}
	a.Attach(live)
	require.NoError(t, a.AddServiceExport("add", nil))
	require.NoError(t, a.AddServiceImport(NewAccount("B"), "x", ""))
	require.Empty(t, a.Exports, "the fields are not touched")
	require.Len(t, live.rules.Exports, 1)
	require.Equal(t, 1, a.NumServiceImports())
	require.Equal(t, 4, a.NumPendingResponses("add"))
	live.fault = errors.New("import forms a cycle")
	require.ErrorIs(t, a.AddStreamImport(NewAccount("B"), "x", ""), live.fault)
	require.Len(t, live.rules.Imports, 1)
}
