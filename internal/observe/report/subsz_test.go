package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/status"
)

func TestSubsz(t *testing.T) {
	accounts := []Index{
		{Account: "A", Subs: 5, Inserts: 7, Removes: 2, Matches: 10, Hits: 9, Cached: 2, MaxFanout: 3, SumFanout: 4},
		{Account: "B", Subs: 1, Inserts: 1, Matches: 30, Hits: 15, Cached: 6, MaxFanout: 9, SumFanout: 12},
	}
	for _, tt := range []struct {
		golden   string
		opts     *status.SubszOptions
		accounts []Index
	}{
		{"subsz_all", nil, accounts},
		{"subsz_account", &status.SubszOptions{Account: "A", Offset: -1, Limit: 10, Test: "a.b"}, accounts},
		{"subsz_empty", &status.SubszOptions{Offset: 3}, nil},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			z, err := Subsz(serverID, connNow, tt.opts, tt.accounts)
			require.NoError(t, err)
			golden(t, tt.golden, z)
		})
	}

	_, err := Subsz(serverID, connNow, &status.SubszOptions{Test: "a.*"}, nil)
	require.ErrorIs(t, err, ErrTestSubject)
	require.EqualError(t, err, "invalid test subject, must be valid publish subject: a.*")
}
