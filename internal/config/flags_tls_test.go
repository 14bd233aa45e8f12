package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/options"
)

func TestTLSByFlagsAlone(t *testing.T) {
	setFiles(t)
	for _, c := range []struct{ args, fault string }{
		{"--tls --tlscert $T_CERT --tlskey $T_KEY", ""},
		{"--tlscert $T_CERT --tlskey $T_KEY", ""}, // each of them switches TLS on
		{"--tlsverify --tlscert $T_CERT --tlskey $T_KEY --tlscacert $T_CERT", ""},
		{"--tls", "TLS Server certificate must be present and valid"},
		{"--tls=true", "TLS Server certificate must be present and valid"},
		{"--tlsverify", "TLS Server certificate must be present and valid"},
		{"--tlsverify=false", "TLS Server certificate must be present and valid"},
		{"--tlscacert $T_CERT", "TLS Server certificate must be present and valid"},
		{"--tlskey $T_KEY", "TLS Server certificate must be present and valid"},
		{"--tlscert $T_CERT", "TLS Server private key must be present and valid"},
		{"--tlscert $T_CERT --tlskey $T_KEY2", "error parsing X509 certificate/key pair: tls: private key does not match public key"},
		{"--tls --tlscert $T_CERT --tlskey $T_KEY --tlscacert $T_TEXT", "failed to parse root ca certificate"},
	} {
		o, err := optionsOf(strings.Fields(os.ExpandEnv(c.args))...)
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, c.args)
			continue
		}
		require.NoError(t, err, c.args)
		require.True(t, o.TLS, c.args)
		require.Len(t, o.TLSConfig.Certificates, 1, c.args)
		verify := strings.Contains(c.args, "verify")
		require.Equal(t, verify, o.TLSConfig.ClientAuth == tls.RequireAndVerifyClientCert, c.args)
		require.Equal(t, verify, o.TLSConfig.ClientCAs != nil, c.args)
	}
}

func TestTLSCanBeSwitchedOff(t *testing.T) {
	setFiles(t)
	file := filepath.Join(t.TempDir(), "conf")
	require.NoError(t, os.WriteFile(file, []byte(`tls { cert_file: $T_CERT, key_file: $T_KEY, ca_file: $T_CERT, verify_and_map: true
		first: true, pinned_certs: ["`+strings.Repeat("a", 64)+`"] }`), 0o600))
	for _, line := range []string{"--tls=false", "--tls=false --tlscert nowhere", "--tlsverify --tls=false"} {
		o, err := optionsOf(append(strings.Fields(line), "-c", file)...)
		require.NoError(t, err, line)
		require.Nil(t, o.TLSConfig, line)
		o.ConfigFile, o.ConfigDigest, o.TLSTimeout = "", "", 0
		require.Equal(t, &options.Options{Logtime: true}, o, line)
	}
	_, err := optionsOf("--tls=false")
	require.NoError(t, err, "there need not be any")
}

// What flags leave open stays as the file has it.
func TestTLSOfFlagsOverThatOfAFile(t *testing.T) {
	setFiles(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	const rest = `, min_version: "1.3", curve_preferences: [X25519], cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
		timeout: 7, verify_and_map: true, ca_file: $T_CERT }`
	single := write("single", "tls { cert_file: $T_CERT, key_file: $T_KEY"+rest)
	several := write("several", "tls { certs: [{cert_file: $T_CERT, key_file: $T_KEY}, {cert_file: $T_CERT2, key_file: $T_KEY2}]"+rest)
	check := func(file string, certificates int, map_ bool, args ...string) *options.Options {
		t.Helper()
		o, err := optionsOf(append(args, "-c", file)...)
		require.NoError(t, err)
		require.Len(t, o.TLSConfig.Certificates, certificates)
		require.EqualValues(t, tls.VersionTLS13, o.TLSConfig.MinVersion)
		require.Equal(t, []tls.CurveID{tls.X25519}, o.TLSConfig.CurvePreferences)
		require.Equal(t, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, o.TLSConfig.CipherSuites)
		require.NotNil(t, o.TLSConfig.ClientCAs)
		require.EqualValues(t, 7, o.TLSTimeout)
		require.Equal(t, map_, o.TLSMap)
		require.Equal(t, map_, o.TLSConfig.ClientAuth == tls.RequireAndVerifyClientCert)
		return o
	}
	first := check(single, 1, true, "--tls").TLSConfig.Certificates[0].Certificate[0]
	check(single, 1, false, "--tlsverify=false") // there is nobody to take users from then
	second := check(single, 1, true, "--tlscert", os.Getenv("T_CERT2"), "--tlskey", os.Getenv("T_KEY2")).TLSConfig.Certificates[0].Certificate[0]
	require.NotEqual(t, first, second)
	ca := check(single, 1, true, "--tlscacert", os.Getenv("T_CERT2")).TLSConfig.ClientCAs
	parsed, err := x509.ParseCertificate(second)
	require.NoError(t, err)
	want := x509.NewCertPool()
	want.AddCert(parsed)
	require.True(t, want.Equal(ca))
	check(several, 2, true, "--tls")
	check(several, 2, false, "--tlsverify=false")
	check(several, 1, true, "--tlscert", os.Getenv("T_CERT"), "--tlskey", os.Getenv("T_KEY"))
	_, err = optionsOf("-c", several, "--tlscert", os.Getenv("T_CERT"))
	require.EqualError(t, err, "TLS Server private key must be present and valid")
	_, err = optionsOf("-c", several, "--tlskey", os.Getenv("T_KEY"))
	require.EqualError(t, err, "TLS Server certificate must be present and valid")
}
