// Package certs makes TLS configurations from files, and knows the names and texts that belong
// to them: ciphers, curves, versions and fingerprints.
//
// It knows neither the configuration language nor sockets. It owns no goroutine and no lock; all
// its functions may be called by any goroutine.
//
// # Resumption
//
// Session tickets are on: a client that keeps them comes back without signatures, which matters
// when thousands come back at once, and the others cost nothing. A resumed session has the
// certificates of the first one, so it must not outlive what they were checked against. The keys
// of tickets are made per configuration; tickets of the one before a reload open nothing. So
// change the trusted authorities by a new call of Server; tls.Config.Clone and GetConfigForClient
// would go on with the old keys. Pins are no part of the configuration: check them with Pinned on
// every connection, resumed or not.
package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// maxFile bounds certificate, key and authority files, in bytes. The bundles of operating systems
// have a few hundred KiB.
const maxFile = 16 << 20

// Pair names the files of a certificate with its chain and of its private key, both PEM. They may
// be the same file.
type Pair struct{ CertFile, KeyFile string }

// Options is what a configuration is made from. File names are taken literally: neither ~ nor
// variables are expanded. The slices become those of the configuration.
type Options struct {
	// CertFile and KeyFile are the one pair of most servers. Both or none.
	CertFile, KeyFile string
	// Pairs are several, of which the client's SNI chooses; the first is for those that match
	// none. Not together with CertFile.
	Pairs []Pair
	// CaFile holds the certificates of the authorities that are trusted to sign those of the
	// other side, PEM; empty for those of the operating system.
	CaFile string
	// Verify demands a certificate of clients.
	Verify bool
	// Insecure accepts any certificate of the server when the configuration is used to dial.
	Insecure bool
	// MinVersion is the oldest version that is spoken: tls.VersionTLS12 or VersionTLS13; 0 for 1.2.
	MinVersion uint16
	// Ciphers are the suites for TLS 1.2; empty for those that Go deems secure. Those of TLS 1.3
	// are not selectable.
	Ciphers []uint16
	// Curves are the key exchanges; empty for all that Go knows. Their order means nothing.
	Curves []tls.CurveID
}

// Server makes a configuration for a listener. It works for dialling too, as servers that connect
// to each other do both with one: CaFile is then the root set. Without a certificate it is good
// for nothing but that. Errors have the texts that operators know, and never content of a key.
func Server(o Options) (*tls.Config, error) {
	if o.MinVersion == 0 {
		o.MinVersion = tls.VersionTLS12
	}
	if o.MinVersion != tls.VersionTLS12 && o.MinVersion != tls.VersionTLS13 {
		return nil, unsupported(o.MinVersion)
	}
	certificates, err := o.certificates()
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{
		Certificates:       certificates,
		InsecureSkipVerify: o.Insecure,
		MinVersion:         o.MinVersion,
		CipherSuites:       o.Ciphers,
		CurvePreferences:   o.Curves,

		// Small first records would show a web page sooner; a broker only pays for them.
		DynamicRecordSizingDisabled: true,
	}
	if o.Verify {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if o.CaFile != "" {
		if cfg.RootCAs, err = authorities(o.CaFile); err != nil {
			return nil, err
		}
		cfg.ClientCAs = cfg.RootCAs
	}
	return cfg, nil
}

// certificates loads the one pair or the several.
func (o *Options) certificates() ([]tls.Certificate, error) {
	switch {
	case len(o.Pairs) > 0 && (o.CertFile != "" || o.KeyFile != ""):
		return nil, errors.New("error parsing tls config, cannot combine 'cert_file' option with 'certs' option")
	case len(o.Pairs) > 0:
		return several(o.Pairs)
	case o.CertFile == "" && o.KeyFile == "":
		return nil, nil
	case o.KeyFile == "":
		return nil, errors.New("missing 'key_file' in TLS configuration")
	case o.CertFile == "":
		return nil, errors.New("missing 'cert_file' in TLS configuration")
	}
	c, err := load(Pair{o.CertFile, o.KeyFile})
	if err != nil {
		return nil, fmt.Errorf("error parsing X509 certificate/key pair: %w", err)
	}
	return []tls.Certificate{c}, nil
}

func several(pairs []Pair) ([]tls.Certificate, error) {
	all := make([]tls.Certificate, len(pairs))
	for i, p := range pairs {
		if p.CertFile == "" || p.KeyFile == "" {
			return nil, errors.New("error parsing certificates config: both 'cert_file' and 'cert_key' options are required")
		}
		var err error
		if all[i], err = load(p); err != nil {
			return nil, fmt.Errorf("error parsing X509 certificate/key pair %d/%d: %w", i+1, len(pairs), err)
		}
	}
	return all, nil
}

func load(p Pair) (tls.Certificate, error) {
	chain, err := read(p.CertFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cert_file: %w", err)
	}
	key, err := read(p.KeyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("key_file: %w", err)
	}
	if encrypted(key) {
		return tls.Certificate{}, fmt.Errorf("the private key in %s is encrypted: store it decrypted, readable only for the server", p.KeyFile)
	}
	return tls.X509KeyPair(chain, key)
}

// encrypted reports whether the first private key of a PEM file needs a passphrase. The library
// would call it unparsable and leave one searching.
func encrypted(file []byte) bool {
	for {
		var block *pem.Block
		if block, file = pem.Decode(file); block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return strings.HasPrefix(block.Type, "ENCRYPTED ") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
		}
	}
}

// authorities reads a bundle. Certificates in it that cannot be parsed are left out, as bundles
// of operating systems have some that Go refuses; that only makes less trusted.
func authorities(file string) (*x509.CertPool, error) {
	bundle, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bundle) {
		return nil, errors.New("failed to parse root ca certificate")
	}
	return pool, nil
}

// read is os.ReadFile with a bound, which pipes and devices need too.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var content bytes.Buffer
	n, err := content.ReadFrom(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if n > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", file, maxFile>>20)
	}
	return content.Bytes(), nil
}

// NotAfter is the expiry of the first certificate of c; zero if c is nil or has none.
func NotAfter(c *tls.Config) time.Time {
	if c == nil || len(c.Certificates) == 0 {
		return time.Time{}
	}
	first := c.Certificates[0]
	if first.Leaf != nil {
		return first.Leaf.NotAfter
	}
	// Configurations of embedders may come unparsed.
	if len(first.Certificate) == 0 {
		return time.Time{}
	}
	leaf, err := x509.ParseCertificate(first.Certificate[0])
	if err != nil {
		return time.Time{}
	}
	return leaf.NotAfter
}
