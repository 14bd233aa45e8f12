package certs

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCipher(t *testing.T) {
	for _, c := range []struct {
		name       string
		id         uint16
		secure, ok bool
	}{
		{"TLS_AES_128_GCM_SHA256", tls.TLS_AES_128_GCM_SHA256, true, true},
		{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, true, true},
		{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, true, true},
		{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305, true, true},
		{"TLS_RSA_WITH_RC4_128_SHA", tls.TLS_RSA_WITH_RC4_128_SHA, false, true},
		{"tls_aes_128_gcm_sha256", 0, false, false},
		{"TLS_FALLBACK_SCSV", 0, false, false},
		{"", 0, false, false},
	} {
		id, secure, ok := Cipher(c.name)
		require.Equal(t, []any{c.id, c.secure, c.ok}, []any{id, secure, ok}, c.name)
	}
	names := Ciphers()
	require.Len(t, names, len(tls.CipherSuites())+len(tls.InsecureCipherSuites()))
	insecure := false
	for _, name := range names {
		_, secure, ok := Cipher(name)
		require.True(t, ok, name)
		require.False(t, secure && insecure, "%s: the secure ones come first", name)
		insecure = !secure
	}
}

func TestCurve(t *testing.T) {
	require.Equal(t, []string{"X25519MLKEM768", "SecP384r1MLKEM1024", "SecP256r1MLKEM768",
		"X25519", "CurveP256", "CurveP384", "CurveP521"}, Curves())
	for _, name := range Curves() {
		id, ok := Curve(name)
		require.True(t, ok, name)
		require.Equal(t, name, id.String())
	}
	for _, name := range []string{"", "P256", "x25519", "CurveP224"} {
		_, ok := Curve(name)
		require.False(t, ok, name)
	}
}

func TestMinVersion(t *testing.T) {
	for text, want := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		v, err := MinVersion(text)
		require.NoError(t, err)
		require.Equal(t, want, v)
	}
	for text, want := range map[string]string{
		"1.0": "error parsing tls config: unsupported TLS version: TLS 1.0",
		"1.1": "error parsing tls config: unsupported TLS version: TLS 1.1",
		"1.4": "error parsing tls config: unknown version: 1.4",
		"":    "error parsing tls config: unknown version: ",
	} {
		_, err := MinVersion(text)
		require.EqualError(t, err, want)
	}
}

func TestValidFingerprint(t *testing.T) {
	a := issue(t, nil, "a")
	require.True(t, ValidFingerprint(Fingerprint(a.cert)))
	require.True(t, ValidFingerprint(strings.ToUpper(Fingerprint(a.cert))))
	for _, s := range []string{"", "ab", strings.Repeat("g", 64), strings.Repeat("a", 63), strings.Repeat("a", 65), strings.Repeat("é", 32)} {
		require.False(t, ValidFingerprint(s), s)
	}
}

// A pin is for a key: it holds for the renewed certificate, and for nobody who only sends the
// pinned one along.
func TestPinned(t *testing.T) {
	ca := issue(t, nil, "ca")
	a, b := issue(t, ca, "a"), issue(t, ca, "b")
	renewed := issueFor(t, ca, "a", a.key)
	set := map[string]struct{}{Fingerprint(a.cert): {}}
	for _, c := range []struct {
		name  string
		set   map[string]struct{}
		chain []*x509.Certificate
		want  bool
	}{
		{"no pins", nil, []*x509.Certificate{b.cert}, true},
		{"no pins, no certificate", nil, nil, true},
		{"pinned", set, []*x509.Certificate{a.cert, ca.cert}, true},
		{"renewed", set, []*x509.Certificate{renewed.cert}, true},
		{"other", set, []*x509.Certificate{b.cert}, false},
		{"pinned one behind another", set, []*x509.Certificate{b.cert, a.cert}, false},
		{"no certificate", set, nil, false},
		{"nobody is pinned", map[string]struct{}{}, []*x509.Certificate{a.cert}, false},
	} {
		require.Equal(t, c.want, Pinned(c.set, c.chain), c.name)
	}
}
