package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	host     = "127.0.0.1"    // where servers listen
	lifetime = 24 * time.Hour // of a certificate; no run takes that long
)

// An identity is what servers show to clients: a certificate that signs itself, with a key on P-256.
type identity struct {
	cert, key string // files in PEM
	roots     *x509.CertPool
}

func newIdentity(dir string) (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		NotBefore:    now.Add(-time.Hour), // clocks may be set back
		NotAfter:     now.Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.ParseIP(host)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	shown := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	id := &identity{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool()}
	id.roots.AppendCertsFromPEM(shown)
	return id, errors.Join(
		os.WriteFile(id.cert, shown, 0o600),
		os.WriteFile(id.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
	)
}

// client leaves servers no choice but the cipher: one version, one key exchange even if only one of
// them knows a newer one, and no sessions of before. Records are as large as they can be.
func (id *identity) client() *tls.Config {
	return &tls.Config{
		MinVersion:                  tls.VersionTLS13,
		CurvePreferences:            []tls.CurveID{tls.X25519},
		RootCAs:                     id.roots,
		ServerName:                  host,
		DynamicRecordSizingDisabled: true,
	}
}
