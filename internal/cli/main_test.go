package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/test"
)

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // whoever tests may have servers and logins of their own
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "NATS_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("XDG_CONFIG_HOME", filepath.Join(os.TempDir(), "barid-has-no-contexts-here"))
	lab.VerifyNoLeaks(m)
}

// serve starts a server with monitoring for a test, and makes it the default of the commands.
func serve(t testing.TB, changes ...func(*server.Options)) *server.Server {
	t.Helper()
	o := test.DefaultTestOptions
	o.Port, o.HTTPHost, o.HTTPPort = -1, "127.0.0.1", -1
	for _, change := range changes {
		change(&o)
	}
	s := test.RunServer(&o)
	t.Cleanup(s.Shutdown)
	if t, ok := t.(*testing.T); ok {
		t.Setenv("NATS_URL", s.ClientURL())
	}
	return s
}

func monitorURL(s *server.Server) string { return "http://" + s.MonitorAddr().String() }

// output is a writer that a test may look into while others write.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is a command that goes on.
type running struct {
	t              *testing.T
	stdout, stderr output
	interrupt      func()
	ended          chan int
}

// start begins a command. It is interrupted when the test ends.
func start(t *testing.T, stdin string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, interrupt: cancel, ended: make(chan int, 1)}
	var in io.Reader = strings.NewReader(stdin)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.ended <- run(ctx, args, in, &r.stdout, &r.stderr)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r
}

// wait returns the status of a command that ends.
func (r *running) wait() int {
	r.t.Helper()
	select {
	case status := <-r.ended:
		return status
	case <-time.After(lab.Patience):
		require.Fail(r.t, "the command goes on", "%s\n%s", r.stdout.String(), r.stderr.String())
		return -1
	}
}

// listening starts a command and returns when it has subscribed.
func listening(t *testing.T, args ...string) *running {
	t.Helper()
	r := start(t, "", args...)
	require.Eventually(t, func() bool { return strings.Contains(r.stderr.String(), "subscribed to ") },
		lab.Patience, time.Millisecond, args)
	return r
}

// ask runs a command to its end.
func ask(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	r := start(t, stdin, args...)
	status = r.wait()
	return status, r.stdout.String(), r.stderr.String()
}

// succeed runs a command that must do what it is asked, and returns its output.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	status, stdout, stderr := ask(t, "", args...)
	require.Zero(t, status, "%q: %s%s", args, stdout, stderr)
	return stdout
}

// connect is a client beside the commands.
func connect(t *testing.T, s *server.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), options...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// write makes a file of a test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// certificate makes one that signs itself, good for server and client, and its two files.
func certificate(t *testing.T) (pair tls.Certificate, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "barid"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	secret, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	cert = write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})))
	pair, err = tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	return pair, cert, key
}
