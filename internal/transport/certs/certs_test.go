package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Operators search for these texts.
func TestServerSaysWhatIsWrong(t *testing.T) {
	ca := issue(t, nil, "ca")
	a, b := issue(t, ca, "a"), issue(t, ca, "b")
	dir := t.TempDir()
	empty := write(t, dir, "empty.pem", nil)
	garbage := write(t, dir, "garbage.pem", []byte("no PEM"))
	broken := write(t, dir, "broken.pem", block("CERTIFICATE", []byte("no DER")))
	sealed := write(t, dir, "sealed.pem", block("ENCRYPTED PRIVATE KEY", []byte("secret")))
	locked := write(t, dir, "locked.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY",
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("secret")}))
	missing := filepath.Join(dir, "missing.pem")
	_, notFound := os.Open(missing)
	_, notHome := os.Open("~/cert.pem")
	huge := write(t, dir, "huge.pem", nil)
	require.NoError(t, os.Truncate(huge, maxFile+1))

	const pair = "error parsing X509 certificate/key pair: "
	const notDecrypted = " is encrypted: store it decrypted, readable only for the server"
	for _, c := range []struct {
		name string
		o    Options
		err  string
	}{
		{"no key", Options{CertFile: a.CertFile}, "missing 'key_file' in TLS configuration"},
		{"no certificate", Options{KeyFile: a.KeyFile}, "missing 'cert_file' in TLS configuration"},
		{"certificate file missing", Options{CertFile: missing, KeyFile: a.KeyFile}, pair + "cert_file: " + notFound.Error()},
		{"key file missing", Options{CertFile: a.CertFile, KeyFile: missing}, pair + "key_file: " + notFound.Error()},
		{"home is not expanded", Options{CertFile: "~/cert.pem", KeyFile: a.KeyFile}, pair + "cert_file: " + notHome.Error()},
		{"certificate empty", Options{CertFile: empty, KeyFile: a.KeyFile}, pair + "tls: failed to find any PEM data in certificate input"},
		{"key garbage", Options{CertFile: a.CertFile, KeyFile: garbage}, pair + "tls: failed to find any PEM data in key input"},
		{"certificate broken", Options{CertFile: broken, KeyFile: a.KeyFile}, pair + "x509: malformed certificate"},
		{"key of another", Options{CertFile: a.CertFile, KeyFile: b.KeyFile}, pair + "tls: private key does not match public key"},
		{"files switched", Options{CertFile: a.KeyFile, KeyFile: a.CertFile}, pair + "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched"},
		{"key encrypted", Options{CertFile: a.CertFile, KeyFile: sealed}, pair + "the private key in " + sealed + notDecrypted},
		{"key encrypted the old way", Options{CertFile: a.CertFile, KeyFile: locked}, pair + "the private key in " + locked + notDecrypted},
		{"huge", Options{CertFile: huge, KeyFile: a.KeyFile}, pair + "cert_file: " + huge + " is larger than 16 MiB"},

		{"both ways", Options{CertFile: a.CertFile, Pairs: []Pair{b.Pair}}, "error parsing tls config, cannot combine 'cert_file' option with 'certs' option"},
		{"half a pair", Options{Pairs: []Pair{a.Pair, {CertFile: b.CertFile}}}, "error parsing certificates config: both 'cert_file' and 'cert_key' options are required"},
		{"second of several", Options{Pairs: []Pair{a.Pair, {b.CertFile, garbage}}}, "error parsing X509 certificate/key pair 2/2: tls: failed to find any PEM data in key input"},

		{"authorities garbage", Options{CaFile: garbage}, "failed to parse root ca certificate"},
		{"authorities broken", Options{CaFile: broken}, "failed to parse root ca certificate"},
		{"authorities missing", Options{CaFile: missing}, "ca_file: " + notFound.Error()},
		{"authorities huge", Options{CaFile: huge}, "ca_file: " + huge + " is larger than 16 MiB"},

		{"version too old", Options{MinVersion: tls.VersionTLS11}, "error parsing tls config: unsupported TLS version: TLS 1.1"},
		{"version of the future", Options{MinVersion: 0x0305}, "error parsing tls config: unsupported TLS version: 0x0305"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := Server(c.o)
			require.EqualError(t, err, c.err)
			require.Nil(t, cfg)
		})
	}
}

// Certificate, chain and key may be in one file, and what else is in it does not matter.
func TestServerTakesOneFileForAll(t *testing.T) {
	ca := issue(t, nil, "ca")
	a := issue(t, ca, "a")
	var all []byte
	for _, file := range []string{a.KeyFile, a.CertFile, ca.CertFile} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all = append(all, content...)
	}
	file := write(t, t.TempDir(), "all.pem", append([]byte("notes\n"), all...))
	cfg, err := Server(Options{CertFile: file, KeyFile: file, CaFile: file})
	require.NoError(t, err)
	require.Equal(t, [][]byte{a.cert.Raw, ca.cert.Raw}, cfg.Certificates[0].Certificate)
}

// A bundle is good if it has a certificate; what is unparsable in it is not trusted.
func TestServerTakesBundleWithBrokenCertificate(t *testing.T) {
	ca := issue(t, nil, "ca")
	content, err := os.ReadFile(ca.CertFile)
	require.NoError(t, err)
	bundle := write(t, t.TempDir(), "bundle.pem", append(block("CERTIFICATE", []byte("no DER")), content...))
	cfg, err := Server(Options{CaFile: bundle})
	require.NoError(t, err)
	want := x509.NewCertPool()
	want.AddCert(ca.cert)
	require.True(t, want.Equal(cfg.ClientCAs))
}

// What other programs and reports see of a configuration.
func TestServerSettings(t *testing.T) {
	ca := issue(t, nil, "ca")
	a := issue(t, ca, "a")

	cfg, err := Server(Options{CertFile: a.CertFile, KeyFile: a.KeyFile})
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS12), cfg.MinVersion)
	require.Equal(t, tls.NoClientCert, cfg.ClientAuth)
	require.Nil(t, cfg.CipherSuites, "those of the library")
	require.Nil(t, cfg.CurvePreferences, "those of the library")
	require.Nil(t, cfg.ClientCAs, "those of the system")
	require.False(t, cfg.InsecureSkipVerify)
	require.Equal(t, a.cert.NotAfter, NotAfter(cfg))

	cfg, err = Server(Options{CaFile: ca.CertFile, Insecure: true, Verify: true})
	require.NoError(t, err)
	require.True(t, cfg.InsecureSkipVerify)
	require.Equal(t, tls.RequireAndVerifyClientCert, cfg.ClientAuth)
	require.Same(t, cfg.RootCAs, cfg.ClientCAs)
	require.Zero(t, NotAfter(cfg), "has no certificate")
}

func TestNotAfterOfForeignConfigurations(t *testing.T) {
	a := issue(t, nil, "a")
	require.Zero(t, NotAfter(nil))
	require.Zero(t, NotAfter(&tls.Config{}))
	require.Zero(t, NotAfter(&tls.Config{Certificates: []tls.Certificate{{}}}))
	require.Zero(t, NotAfter(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{{1}}}}}))
	require.Equal(t, a.cert.NotAfter, NotAfter(&tls.Config{Certificates: []tls.Certificate{a.tls}}))
}

// Files with anything in them make no panic, and either a whole configuration or none.
func FuzzServer(f *testing.F) {
	a := issue(f, nil, "a")
	cert, err := os.ReadFile(a.CertFile)
	require.NoError(f, err)
	key, err := os.ReadFile(a.KeyFile)
	require.NoError(f, err)
	f.Add(cert, key)
	f.Add(key, cert)
	f.Add([]byte{}, []byte("-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAA==\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		dir := t.TempDir()
		o := Options{CertFile: write(t, dir, "cert", cert), KeyFile: write(t, dir, "key", key)}
		o.CaFile = o.CertFile
		cfg, err := Server(o)
		if err != nil {
			require.Nil(t, cfg)
			return
		}
		require.Len(t, cfg.Certificates, 1)
		require.Equal(t, cfg.Certificates[0].Leaf.NotAfter, NotAfter(cfg))
	})
}
