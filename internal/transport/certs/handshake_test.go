package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// meeting is what both sides know after a handshake and a byte of the server.
type meeting struct {
	server       tls.ConnectionState
	client       tls.ConnectionState
	refused      error // of the server
	disappointed error // of the client
}

// sockets are the two ends of a connection; net.Pipe would not do, as it blocks both ends when
// they write at the same time.
func sockets(t *testing.T) (here, there net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	there, err = net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	here, err = ln.Accept()
	require.NoError(t, err)
	return here, there
}

// meet lets client and server shake hands. The byte that follows brings the client its ticket, or
// the alert of a server that refuses its certificate.
func meet(t *testing.T, server, client *tls.Config) meeting {
	t.Helper()
	here, there := sockets(t)
	deadline := time.Now().Add(10 * time.Second)
	require.NoError(t, here.SetDeadline(deadline))
	require.NoError(t, there.SetDeadline(deadline))
	s, c := tls.Server(here, server), tls.Client(there, client)
	var m meeting
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer here.Close()
		if m.refused = s.Handshake(); m.refused == nil {
			_, m.refused = s.Write([]byte{'+'})
		}
		m.server = s.ConnectionState()
	}()
	if m.disappointed = c.Handshake(); m.disappointed == nil {
		_, m.disappointed = c.Read(make([]byte, 1))
	}
	m.client = c.ConnectionState()
	there.Close()
	<-done
	return m
}

// trusting is a client that trusts ca and shows the certificates of me.
func trusting(ca *issued, name string, me ...*issued) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	cfg := &tls.Config{RootCAs: pool, ServerName: name}
	for _, i := range me {
		cfg.Certificates = append(cfg.Certificates, i.tls)
	}
	return cfg
}

func server(t *testing.T, o Options) *tls.Config {
	t.Helper()
	cfg, err := Server(o)
	require.NoError(t, err)
	return cfg
}

func TestHandshakeVersions(t *testing.T) {
	ca := issue(t, nil, "ca")
	a := issue(t, ca, "a")
	for _, c := range []struct {
		name    string
		min     uint16
		client  uint16 // the newest that the client speaks
		refused string
	}{
		{"newest", 0, tls.VersionTLS13, ""},
		{"1.2 is enough", 0, tls.VersionTLS12, ""},
		{"1.1 is not", 0, tls.VersionTLS11, "tls: client offered only unsupported versions: [302]"},
		{"1.3 demanded", tls.VersionTLS13, tls.VersionTLS13, ""},
		{"1.3 demanded and not spoken", tls.VersionTLS13, tls.VersionTLS12, "tls: client offered only unsupported versions: [303]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := trusting(ca, "a")
			client.MinVersion, client.MaxVersion = min(c.client, tls.VersionTLS12), c.client
			m := meet(t, server(t, Options{CertFile: a.CertFile, KeyFile: a.KeyFile, MinVersion: c.min}), client)
			if c.refused != "" {
				require.EqualError(t, m.refused, c.refused)
				return
			}
			require.NoError(t, m.refused)
			require.Equal(t, c.client, m.server.Version)
		})
	}
}

func TestHandshakeCiphersAndCurves(t *testing.T) {
	ca := issue(t, nil, "ca")
	a := issue(t, ca, "a")
	suite, _, _ := Cipher("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")
	curve, _ := Curve("CurveP384")
	cfg := server(t, Options{CertFile: a.CertFile, KeyFile: a.KeyFile,
		Ciphers: []uint16{suite}, Curves: []tls.CurveID{curve}})
	client := trusting(ca, "a")
	client.MaxVersion = tls.VersionTLS12
	m := meet(t, cfg, client)
	require.NoError(t, m.refused)
	require.Equal(t, suite, m.server.CipherSuite)
	require.Equal(t, curve, m.server.CurveID)

	client.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	require.ErrorContains(t, meet(t, cfg, client).refused, "no cipher suite supported by both client and server")

	client = trusting(ca, "a")
	client.CurvePreferences = []tls.CurveID{tls.X25519}
	require.EqualError(t, meet(t, cfg, client).refused, "tls: no key exchanges supported by both client and server")
}

func TestHandshakeClientCertificates(t *testing.T) {
	ca, otherCA := issue(t, nil, "ca"), issue(t, nil, "other")
	a := issue(t, ca, "a")
	alice, mallory := issue(t, ca, "alice"), issue(t, otherCA, "mallory")
	for _, c := range []struct {
		name    string
		verify  bool
		client  []*issued
		refused string
	}{
		{"demanded and shown", true, []*issued{alice}, ""},
		{"demanded and missing", true, nil, "tls: client didn't provide a certificate"},
		{"signed by somebody else", true, []*issued{mallory}, "tls: client didn't provide a certificate"},
		{"not asked for", false, []*issued{alice}, ""},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(c.name+" "+tls.VersionName(version), func(t *testing.T) {
				cfg := server(t, Options{CertFile: a.CertFile, KeyFile: a.KeyFile, CaFile: ca.CertFile, Verify: c.verify})
				client := trusting(ca, "a", c.client...)
				client.MaxVersion = version
				m := meet(t, cfg, client)
				if c.refused != "" {
					require.EqualError(t, m.refused, c.refused)
					require.Error(t, m.disappointed)
					return
				}
				require.NoError(t, m.refused)
				require.NoError(t, m.disappointed)
				if !c.verify {
					require.Empty(t, m.server.PeerCertificates)
					return
				}
				require.True(t, alice.cert.Equal(m.server.PeerCertificates[0]))
				require.NotEmpty(t, m.server.VerifiedChains)
			})
		}
	}
	t.Run("forced on the server", func(t *testing.T) {
		cfg := server(t, Options{CertFile: a.CertFile, KeyFile: a.KeyFile, CaFile: ca.CertFile, Verify: true})
		client := trusting(ca, "a")
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &mallory.tls, nil }
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, meet(t, cfg, client).refused, &unknown)
	})
}

// Of several certificates the name decides that the client asks for.
func TestHandshakeChoosesByName(t *testing.T) {
	ca := issue(t, nil, "ca")
	a, b := issue(t, ca, "a.example"), issue(t, ca, "b.example")
	cfg := server(t, Options{Pairs: []Pair{a.Pair, b.Pair}})
	for name, want := range map[string]*issued{"a.example": a, "b.example": b} {
		m := meet(t, cfg, trusting(ca, name))
		require.NoError(t, m.refused)
		require.NoError(t, m.disappointed)
		require.True(t, want.cert.Equal(m.client.PeerCertificates[0]))
	}
	client := trusting(ca, "c.example")
	client.InsecureSkipVerify = true
	m := meet(t, cfg, client)
	require.NoError(t, m.refused)
	require.True(t, a.cert.Equal(m.client.PeerCertificates[0]), "the first is for all others")
	require.Equal(t, a.cert.NotAfter, NotAfter(cfg))
}

// One configuration does for both ends, as servers that connect to each other have it.
func TestHandshakeAmongServers(t *testing.T) {
	ca, otherCA := issue(t, nil, "ca"), issue(t, nil, "other")
	a, stranger := issue(t, ca, "a"), issue(t, otherCA, "a")
	both := server(t, Options{CertFile: a.CertFile, KeyFile: a.KeyFile, CaFile: ca.CertFile, Verify: true})
	dial := both.Clone()
	dial.ServerName = "a"
	m := meet(t, both, dial)
	require.NoError(t, m.refused)
	require.NoError(t, m.disappointed)

	strange := server(t, Options{CertFile: stranger.CertFile, KeyFile: stranger.KeyFile})
	require.Error(t, meet(t, strange, dial).disappointed)
	careless := server(t, Options{CaFile: ca.CertFile, Insecure: true})
	require.NoError(t, meet(t, strange, careless).disappointed)
}

// Who comes back resumes its session, with the certificate that pins are checked against. After a
// reload, which makes a configuration anew, nobody does: the new authorities decide.
func TestResumption(t *testing.T) {
	ca, newCA := issue(t, nil, "ca"), issue(t, nil, "new")
	a, alice := issue(t, ca, "a"), issue(t, ca, "alice")
	o := Options{CertFile: a.CertFile, KeyFile: a.KeyFile, CaFile: ca.CertFile, Verify: true}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			cfg := server(t, o)
			client := trusting(ca, "a", alice)
			client.MaxVersion = version
			client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			m := meet(t, cfg, client)
			require.NoError(t, m.disappointed)
			require.False(t, m.server.DidResume)
			m = meet(t, cfg, client)
			require.NoError(t, m.disappointed)
			require.True(t, m.server.DidResume)
			require.True(t, Pinned(map[string]struct{}{Fingerprint(alice.cert): {}}, m.server.PeerCertificates))
			require.False(t, Pinned(map[string]struct{}{}, m.server.PeerCertificates))

			m = meet(t, server(t, o), client)
			require.NoError(t, m.disappointed)
			require.False(t, m.server.DidResume, "another configuration has other keys")

			changed := o
			changed.CaFile = newCA.CertFile
			require.EqualError(t, meet(t, server(t, changed), client).refused, "tls: client didn't provide a certificate")
		})
	}
}
