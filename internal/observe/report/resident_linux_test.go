package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResidentPages(t *testing.T) {
	for _, tt := range []struct {
		statm string
		pages int64
		ok    bool
	}{
		{"410318 2710 1432 1120 0 20151 0\n", 2710, true},
		{"410318", 0, false},
		{"", 0, false},
		{"1 many 2", 0, false},
	} {
		pages, ok := residentPages([]byte(tt.statm))
		require.Equal(t, tt.ok, ok, tt.statm)
		if ok {
			require.Equal(t, tt.pages, pages)
		}
	}
}
