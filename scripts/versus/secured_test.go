package main

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/scripts/versus/config"
)

// encrypt lets the mill speak TLS and returns how clients do.
func (m *mill) encrypt(t *testing.T) *tls.Config {
	papers, err := config.NewPapers(t.TempDir())
	require.NoError(t, err)
	m.tls, err = papers.ServerTLS()
	require.NoError(t, err)
	a, err := papers.Arrange(config.Setup{TLS: true})
	require.NoError(t, err)
	return a.TLS
}

func TestLanesWithTLS(t *testing.T) {
	server := &mill{times: once}
	client := server.encrypt(t)
	target := server.start(t)
	target.TLS = client
	ls, err := openLanes(t.Context(), target, fan(3, 32, false)())
	defer ls.close()
	require.NoError(t, err)
	require.NoError(t, ls.publish(5000))
	require.Regexp(t, `^TLS 1\.3, TLS_\w+, X25519$`, ls.all[0].pub.cipher())
	bad, err := ls.finish()
	require.NoError(t, err)
	require.Equal(t, faults{}, bad)
}

// A server that does not encrypt, does so unasked, or shows another certificate, is found out by the first
// connection.
func TestTLSMustBeAsArranged(t *testing.T) {
	var other, encrypted mill
	client := other.encrypt(t)
	encrypted.encrypt(t)
	for _, tc := range []struct {
		server *mill
		client *tls.Config
		want   string
	}{
		{&mill{}, client, "INFO asks for TLS: false"},
		{&encrypted, nil, "INFO asks for TLS: true"},
		{&encrypted, client, "TLS: tls: failed to verify"},
	} {
		target := tc.server.start(t)
		target.TLS = tc.client
		_, err := target.dial(t.Context(), 64)
		require.ErrorContains(t, err, tc.want)
	}
}

func TestRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		server *mill
		want   string
	}{
		"a good one":                {&mill{wantsLogin: true, denies: true}, ""},
		"one that lets everyone in": {&mill{denies: true}, "no password"},
		"one without permissions":   {&mill{wantsLogin: true}, "does not refuse"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.server.times = once
			target := tc.server.start(t)
			target.Login = userLogin
			err := target.refuses(t.Context())
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}
