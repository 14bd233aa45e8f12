package test_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

// paper is a certificate with its key, also as files.
type paper struct {
	certFile, keyFile string
	cert              *x509.Certificate
	key               *ecdsa.PrivateKey
	pair              tls.Certificate
}

// authority signs papers.
type authority struct {
	*paper
	t    testing.TB
	pool *x509.CertPool
}

// newAuthority makes one that nobody knows.
func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.paper = a.issue("authority", func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	})
	a.pool.AddCert(a.cert)
	return a
}

// issue makes a paper for name, good for servers on this machine and for clients; change may change it.
func (a *authority) issue(name string, change ...func(*x509.Certificate)) *paper {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(a.t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour).Truncate(time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{name},
	}
	for _, f := range change {
		f(template)
	}
	signer, signerKey := template, key
	if a.paper != nil {
		signer, signerKey = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), signerKey)
	require.NoError(a.t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	dir := a.t.TempDir()
	p := &paper{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), cert: cert, key: key,
		pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
	for file, block := range map[string]*pem.Block{
		p.certFile: {Type: "CERTIFICATE", Bytes: der}, p.keyFile: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		require.NoError(a.t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return p
}

// fingerprint is what pinned_certs takes.
func (p *paper) fingerprint() string {
	sum := sha256.Sum256(p.cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// trusting is a client that trusts a and shows the papers.
func (a *authority) trusting(papers ...*paper) *tls.Config {
	cfg := &tls.Config{RootCAs: a.pool}
	for _, p := range papers {
		cfg.Certificates = append(cfg.Certificates, p.pair)
	}
	return cfg
}

// secured are options for a server with a paper of a, which may change what TLS is made from.
func secured(t testing.TB, a *authority, change ...func(*server.TLSConfigOpts)) func(*server.Options) {
	p := a.issue("server")
	return func(opts *server.Options) {
		tc := &server.TLSConfigOpts{CertFile: p.certFile, KeyFile: p.keyFile, CaFile: a.certFile}
		for _, f := range change {
			f(tc)
		}
		cfg, err := server.GenTLSConfig(tc)
		require.NoError(t, err)
		opts.TLSConfig, opts.TLSTimeout, opts.AuthTimeout = cfg, soon.Seconds(), soon.Seconds()
		opts.TLSVerify, opts.TLSMap, opts.TLSPinnedCerts = tc.Verify || tc.Map, tc.Map, tc.PinnedCerts
	}
}

func verified(tc *server.TLSConfigOpts) { tc.Verify = true }
func mapped(tc *server.TLSConfigOpts)   { tc.Map = true }

// goesRound has a message go round.
func goesRound(t testing.TB, nc *nats.Conn) {
	t.Helper()
	sub, err := nc.SubscribeSync(nc.NewInbox())
	require.NoError(t, err)
	require.NoError(t, nc.Publish(sub.Subject, []byte("hello")))
	msg, err := sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "hello", string(msg.Data))
	require.NoError(t, sub.Unsubscribe())
}

// encryptedBy is the state of a client's encryption.
func encryptedBy(t testing.TB, nc *nats.Conn) tls.ConnectionState {
	t.Helper()
	state, err := nc.TLSConnectionState()
	require.NoError(t, err)
	return state
}

// rawTLS connects without the client library; first says that the handshake comes first. INFO was
// read if it came before.
func rawTLS(t testing.TB, s *server.Server, cfg *tls.Config, first bool) *tls.Conn {
	t.Helper()
	raw, err := dialer(s)()
	require.NoError(t, err)
	t.Cleanup(func() { raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(soon))
	if !first {
		info, err := bufio.NewReaderSize(raw, 16).ReadString('\n') // nothing comes behind it
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(info, "INFO "), info)
	}
	cfg = cfg.Clone()
	cfg.ServerName = "127.0.0.1"
	c := tls.Client(raw, cfg)
	require.NoError(t, c.Handshake())
	return c
}

// A server with a certificate and nothing else, and what its reports say of that.
func TestTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a))
	require.True(t, strings.HasPrefix(s.ClientURL(), "tls://"))
	nc := connect(t, s, nats.Secure(a.trusting()))
	goesRound(t, nc)
	require.EqualValues(t, tls.VersionTLS13, encryptedBy(t, nc).Version)
	c := connections(t, monitor(s), "?auth=true")[0]
	require.Equal(t, "1.3", c["tls_version"])
	require.Regexp(t, "^TLS_", c["tls_cipher_suite"])
	require.NotContains(t, c, "tls_peer_certs")
	require.NotContains(t, c, "tls_first")
	v := object(t, monitor(s), "/varz")
	require.Equal(t, true, v["tls_required"])
	require.NotContains(t, v, "tls_verify")
	require.Equal(t, soon.Seconds(), v["tls_timeout"])
	require.Equal(t, s.ID(), v["server_id"])
	until, err := time.Parse(time.RFC3339Nano, v["tls_cert_not_after"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, a.cert.NotAfter, until, time.Minute)
}

// Who does not trust the server's authority does not connect, and neither does who speaks plainly.
func TestTLSWithoutTrust(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a))
	_, err := nats.Connect(s.ClientURL(), nats.Secure(newAuthority(t).trusting()))
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	_, err = nats.Connect(s.ClientURL(), nats.Secure(&tls.Config{RootCAs: a.pool, ServerName: "another"}))
	require.ErrorContains(t, err, "not another")
	raw, err := dialer(s)()
	require.NoError(t, err)
	defer raw.Close()
	_, err = raw.Write([]byte("CONNECT {}\r\nPING\r\n"))
	require.NoError(t, err)
	eventually(t, func() bool { return len(connections(t, monitor(s), "?state=closed")) == 3 })
	for _, c := range connections(t, monitor(s), "?state=closed") {
		require.Equal(t, "TLS Handshake Failure", c["reason"])
	}
	require.Zero(t, s.NumClients())
}

// Certificates of clients are wanted, and shown in reports of logins.
func TestTLSVerify(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a, verified))
	good := a.issue("client")
	nc := connect(t, s, nats.Secure(a.trusting(good)))
	goesRound(t, nc)
	for _, cfg := range []*tls.Config{a.trusting(), a.trusting(newAuthority(t).issue("client")), {RootCAs: a.pool, MaxVersion: tls.VersionTLS12}} {
		_, err := nats.Connect(s.ClientURL(), nats.Secure(cfg))
		require.Error(t, err)
	}
	require.Equal(t, true, object(t, monitor(s), "/varz")["tls_verify"])
	sum := sha256.Sum256(good.cert.Raw)
	require.Equal(t, []any{map[string]any{
		"subject": "CN=client", "spki_sha256": good.fingerprint(), "cert_sha256": hex.EncodeToString(sum[:]),
	}}, connections(t, monitor(s), "?auth=true")[0]["tls_peer_certs"])
	require.NotContains(t, connections(t, monitor(s), "")[0], "tls_peer_certs")
	eventually(t, func() bool { return s.NumClients() == 1 })
}

// Only certificates with a pinned key are good, though others verify.
func TestTLSPinnedCertificates(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	good, other := a.issue("good"), a.issue("other")
	s := run(t, secured(t, a, verified, func(tc *server.TLSConfigOpts) {
		tc.PinnedCerts = server.PinnedCertSet{good.fingerprint(): {}}
	}))
	goesRound(t, connect(t, s, nats.Secure(a.trusting(good))))
	_, err := nats.Connect(s.ClientURL(), nats.Secure(a.trusting(other)))
	require.Error(t, err)
	eventually(t, func() bool { return len(connections(t, monitor(s), "?state=closed")) == 1 })
	require.Equal(t, "TLS Handshake Failure", connections(t, monitor(s), "?state=closed")[0]["reason"])
}

// Monitoring by HTTPS has the same certificate, and wants none of who looks.
func TestHTTPSMonitoring(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a, verified), func(opts *server.Options) { opts.HTTPPort, opts.HTTPSPort = 0, -1 })
	look := func(cfg *tls.Config) (string, error) {
		c, err := tls.Dial("tcp", s.MonitorAddr().String(), cfg)
		if err != nil {
			return "", err
		}
		defer c.Close()
		_, err = c.Write([]byte("GET /varz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
		require.NoError(t, err)
		line, err := bufio.NewReader(c).ReadString('\n')
		require.NoError(t, err)
		return line, nil
	}
	line, err := look(a.trusting())
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r\n", line)
	_, err = look(&tls.Config{})
	require.Error(t, err)
	v, err := s.Varz(nil)
	require.NoError(t, err)
	require.NotZero(t, v.HTTPSPort)
	require.Zero(t, v.HTTPPort)
}
