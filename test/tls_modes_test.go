package test_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/server/options"
	"github.com/baridmq/barid/test"
)

// The certificate says who a client is; by which of its names, and that a name in CONNECT is not it.
func TestTLSVerifyAndMap(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	accounts := map[string]*server.Account{}
	var users []*server.User
	for _, name := range []string{"mail@example.com", "host.example.com", "spiffe://example.com/agent", "CN=plain,OU=unit,O=org", "alice"} {
		accounts[name] = server.NewAccount("of " + name)
		users = append(users, &server.User{Username: name, Account: accounts[name]})
	}
	s := run(t, secured(t, a, mapped), func(opts *server.Options) {
		for _, account := range accounts {
			opts.Accounts = append(opts.Accounts, account)
		}
		opts.Users = users
	})
	agent, err := url.Parse("spiffe://example.com/agent")
	require.NoError(t, err)
	dn := pkix.Name{Organization: []string{"org"}, OrganizationalUnit: []string{"unit"}, CommonName: "plain"}
	for _, c := range []struct {
		name   string
		user   string // "" for nobody
		change func(*x509.Certificate)
	}{
		{"email", "mail@example.com", func(c *x509.Certificate) { c.EmailAddresses, c.DNSNames = []string{"mail@example.com"}, nil }},
		{"email before host", "mail@example.com", func(c *x509.Certificate) {
			c.EmailAddresses, c.DNSNames = []string{"x@y", "mail@example.com"}, []string{"host.example.com"}
		}},
		{"host", "host.example.com", func(c *x509.Certificate) { c.DNSNames = []string{"other", "host.example.com"} }},
		{"URI", "spiffe://example.com/agent", func(c *x509.Certificate) { c.DNSNames, c.URIs = nil, []*url.URL{agent} }},
		{"subject", "CN=plain,OU=unit,O=org", func(c *x509.Certificate) { c.DNSNames, c.Subject = nil, dn }},
		{"nobody", "", func(c *x509.Certificate) { c.DNSNames = []string{"nobody.example.com"} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := a.issue("client", c.change)
			for _, login := range [][]nats.Option{nil, {nats.UserInfo("alice", "")}} {
				nc, err := nats.Connect(s.ClientURL(), append(login, nats.Secure(a.trusting(client)))...)
				if c.user == "" {
					require.ErrorIs(t, err, nats.ErrAuthorization)
					continue
				}
				require.NoError(t, err)
				goesRound(t, nc)
				page, err := s.Connz(&server.ConnzOptions{Username: true})
				require.NoError(t, err)
				last := page.Conns[len(page.Conns)-1]
				require.Equal(t, []string{"of " + c.user, c.user}, []string{last.Account, last.AuthorizedUser})
				nc.Close()
				eventually(t, func() bool { return s.NumClients() == 0 })
			}
		})
	}
}

// What is agreed upon: the version, and with 1.2 the cipher.
func TestTLSVersionsAndCiphers(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for _, c := range []struct {
		name         string
		server       func(*server.TLSConfigOpts)
		client       uint16 // newest version
		version      string // "" for none
		cipherSuites []string
	}{
		{"newest", func(*server.TLSConfigOpts) {}, tls.VersionTLS13, "1.3", []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}},
		{"1.2", func(tc *server.TLSConfigOpts) {
			tc.Ciphers = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		}, tls.VersionTLS12, "1.2", []string{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}},
		{"1.2 where 1.3 is demanded", func(tc *server.TLSConfigOpts) { tc.MinVersion = tls.VersionTLS13 }, tls.VersionTLS12, "", nil},
		{"1.1", func(*server.TLSConfigOpts) {}, tls.VersionTLS11, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := run(t, secured(t, a, c.server))
			cfg := a.trusting()
			cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS10, c.client
			nc, err := nats.Connect(s.ClientURL(), nats.Secure(cfg))
			if c.version == "" {
				require.ErrorContains(t, err, "protocol version")
				return
			}
			require.NoError(t, err)
			defer nc.Close()
			goesRound(t, nc)
			got := connections(t, monitor(s), "")[0]
			require.Equal(t, c.version, got["tls_version"])
			require.Contains(t, c.cipherSuites, got["tls_cipher_suite"])
			require.Equal(t, got["tls_cipher_suite"], tls.CipherSuiteName(encryptedBy(t, nc).CipherSuite))
		})
	}
}

// Of several certificates the name that the client wants decides, and the first one if none fits.
func TestTLSByServerName(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	one, two := a.issue("one.example.com"), a.issue("two.example.com")
	s := run(t, secured(t, a, func(tc *server.TLSConfigOpts) {
		tc.CertFile, tc.KeyFile = "", ""
		tc.Certificates = []*options.TLSCertPairOpt{{CertFile: one.certFile, KeyFile: one.keyFile}, {CertFile: two.certFile, KeyFile: two.keyFile}}
	}))
	for name, want := range map[string]*paper{"one.example.com": one, "two.example.com": two, "": one} {
		cfg := a.trusting()
		cfg.ServerName = name
		nc := connect(t, s, nats.Secure(cfg))
		goesRound(t, nc)
		require.Equal(t, want.cert.Raw, encryptedBy(t, nc).PeerCertificates[0].Raw, name)
	}
}

// Both kinds of clients on one port.
func TestAllowNonTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a), func(opts *server.Options) { opts.AllowNonTLS = true })
	plain, err := nats.Connect("nats://" + s.Addr().String())
	require.NoError(t, err)
	defer plain.Close()
	secret := connect(t, s, nats.Secure(a.trusting()))
	goesRound(t, plain)
	goesRound(t, secret)
	require.EqualValues(t, tls.VersionTLS13, encryptedBy(t, secret).Version)
	_, err = plain.TLSConnectionState()
	require.Error(t, err)
	subscribe(t, secret, "q", "", func(m *nats.Msg) { _ = m.Respond([]byte("answer")) })
	msg, err := plain.Request("q", nil, soon)
	require.NoError(t, err)
	require.Equal(t, "answer", string(msg.Data))
	page := connections(t, monitor(s), "?sort=cid")
	require.NotContains(t, page[0], "tls_version")
	require.Equal(t, "1.3", page[1]["tls_version"])
	require.NotContains(t, object(t, monitor(s), "/varz"), "tls_required")
}

// The handshake before INFO: always, or if the client begins with it.
func TestTLSHandshakeFirst(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for _, c := range []struct {
		name     string
		fallback time.Duration
	}{{"always", 0}, {"or not", 100 * time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			s := run(t, secured(t, a), func(opts *server.Options) {
				opts.TLSHandshakeFirst, opts.TLSHandshakeFirstFallback = true, c.fallback
			})
			// A client that begins with the handshake may be too late on a busy machine, and then finds INFO
			// where it wants TLS.
			var early *nats.Conn
			eventually(t, func() bool {
				nc, err := nats.Connect(s.ClientURL(), nats.Secure(a.trusting()), nats.TLSHandshakeFirst())
				early = nc
				return err == nil
			})
			defer early.Close()
			goesRound(t, early)
			require.Equal(t, true, connections(t, monitor(s), "")[0]["tls_first"])
			late, err := nats.Connect(s.ClientURL(), nats.Secure(a.trusting()), nats.Timeout(time.Second))
			if c.fallback == 0 {
				require.Error(t, err, "it waits for an INFO")
				return
			}
			require.NoError(t, err)
			defer late.Close()
			goesRound(t, late)
			require.NotContains(t, connections(t, monitor(s), "?sort=cid")[1], "tls_first")
		})
	}
}

// A client that comes back needs no certificates again; what it has shown the first time still counts.
func TestTLSResumption(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			a := newAuthority(t)
			client := a.issue("client")
			s := run(t, secured(t, a, mapped), func(opts *server.Options) {
				opts.Users = []*server.User{{Username: "client"}}
				opts.TLSPinnedCerts = server.PinnedCertSet{client.fingerprint(): {}}
			})
			cfg := a.trusting(client)
			cfg.MaxVersion, cfg.ClientSessionCache = version, tls.NewLRUClientSessionCache(4)
			for i := range 3 {
				nc, err := nats.Connect(s.ClientURL(), nats.Secure(cfg))
				require.NoError(t, err)
				goesRound(t, nc)
				require.Equal(t, i > 0, encryptedBy(t, nc).DidResume)
				c := connections(t, monitor(s), "?auth=true")
				require.Equal(t, "client", c[len(c)-1]["authorized_user"])
				require.NotEmpty(t, c[len(c)-1]["tls_peer_certs"])
				nc.Close()
				eventually(t, func() bool { return s.NumClients() == 0 })
			}
		})
	}
}

// The tls block of a configuration file.
func TestTLSFromAFile(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	srv, client, other := a.issue("server"), a.issue("client"), a.issue("other")
	for _, c := range []struct {
		name, block, rest string
		fine              []nats.Option // beside the authority
		refused           *tls.Config   // nil for nobody
		check             func(t *testing.T, s *server.Server, nc *nats.Conn)
	}{
		{name: "server only"},
		{name: "verify", block: "verify: true", fine: []nats.Option{nats.Secure(a.trusting(client))}, refused: a.trusting()},
		{name: "verify and map", block: "verify_and_map: true", rest: "authorization { users: [ { user: client } ] }",
			fine: []nats.Option{nats.Secure(a.trusting(client))}, refused: a.trusting(other)},
		{name: "pins", block: fmt.Sprintf("verify: true\n pinned_certs: [ %q ]", strings.ToUpper(client.fingerprint())),
			fine: []nats.Option{nats.Secure(a.trusting(client))}, refused: a.trusting(other)},
		{name: "version", block: `min_version: "1.3"`, refused: &tls.Config{RootCAs: a.pool, MaxVersion: tls.VersionTLS12}},
		{name: "cipher", block: "cipher_suites: [ TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ]",
			fine: []nats.Option{nats.Secure(&tls.Config{RootCAs: a.pool, MaxVersion: tls.VersionTLS12})},
			check: func(t *testing.T, _ *server.Server, nc *nats.Conn) {
				require.EqualValues(t, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, encryptedBy(t, nc).CipherSuite)
			}},
		{name: "first", block: "handshake_first: true", fine: []nats.Option{nats.Secure(a.trusting()), nats.TLSHandshakeFirst()},
			check: func(t *testing.T, s *server.Server, _ *nats.Conn) {
				require.Equal(t, true, connections(t, monitor(s), "")[0]["tls_first"])
			}},
		{name: "first or not", block: "handshake_first: auto"},
		{name: "first or not within a time", block: "handshake_first: 70ms"},
		{name: "at will", rest: "allow_non_tls: true", check: func(t *testing.T, s *server.Server, _ *nats.Conn) {
			nc, err := nats.Connect("nats://" + s.Addr().String())
			require.NoError(t, err)
			defer nc.Close()
			goesRound(t, nc)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "server.conf")
			text := fmt.Sprintf("listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\n%s\ntls {\n cert_file: %q\n key_file: %q\n ca_file: %q\n timeout: 15\n %s\n}\n",
				c.rest, srv.certFile, srv.keyFile, a.certFile, c.block)
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			s, _ := test.RunServerWithConfig(file)
			t.Cleanup(s.Shutdown)
			if c.fine == nil {
				c.fine = []nats.Option{nats.Secure(a.trusting())}
			}
			nc := connect(t, s, c.fine...)
			goesRound(t, nc)
			if c.check != nil {
				c.check(t, s, nc)
			}
			if c.refused != nil {
				_, err := nats.Connect(s.ClientURL(), nats.Secure(c.refused))
				require.Error(t, err)
			}
		})
	}
}

// A client that begins no handshake in time is told what was missing.
func TestTLSTimeout(t *testing.T) {
	t.Parallel()
	s := run(t, secured(t, newAuthority(t)), func(opts *server.Options) { opts.TLSTimeout = 0.02 })
	raw, err := dialer(s)()
	require.NoError(t, err)
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(soon))
	var got bytes.Buffer
	_, err = got.ReadFrom(raw)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(got.String(), "\r\n-ERR 'Secure Connection - TLS Required'\r\n"), got.String())
	eventually(t, func() bool { return len(connections(t, monitor(s), "?state=closed")) == 1 })
	require.Equal(t, "TLS Handshake Failure", connections(t, monitor(s), "?state=closed")[0]["reason"])
}
