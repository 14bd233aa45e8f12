package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArrange(t *testing.T) {
	p, err := NewPapers(t.TempDir())
	require.NoError(t, err)

	a, err := p.Arrange(Setup{})
	require.NoError(t, err)
	require.Equal(t, Arrangement{}, a, "no configuration, no file")

	for _, s := range []Setup{{TLS: true}, {Users: true}, {TLS: true, Users: true}} {
		a, err := p.Arrange(s)
		require.NoError(t, err)
		require.Len(t, a.Args, 2)
		require.Equal(t, "-c", a.Args[0])
		doc, err := os.ReadFile(a.Args[1])
		require.NoError(t, err)
		for part, wanted := range map[string]bool{
			"tls {": s.TLS, p.identity.cert: s.TLS, p.identity.key: s.TLS,
			"authorization {": s.Users, password: s.Users,
		} {
			if wanted {
				require.Contains(t, string(doc), part)
			} else {
				require.NotContains(t, string(doc), part)
			}
		}
		require.Equal(t, s.TLS, a.TLS != nil)
		require.Equal(t, s.Users, a.Login != "")
	}
}

// The certificate is one that clients of these papers believe, and no others.
func TestIdentity(t *testing.T) {
	p, err := NewPapers(t.TempDir())
	require.NoError(t, err)
	other, err := NewPapers(t.TempDir())
	require.NoError(t, err)
	server, err := p.ServerTLS()
	require.NoError(t, err)
	verify := func(client *tls.Config) error {
		_, err := server.Certificates[0].Leaf.Verify(x509.VerifyOptions{DNSName: client.ServerName, Roots: client.RootCAs})
		return err
	}
	require.NoError(t, verify(p.identity.client()))
	require.ErrorContains(t, verify(other.identity.client()), "unknown authority")
}
