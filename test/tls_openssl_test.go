package test_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

// stranger is a client that has its TLS from another library: openssl s_client, by hand.
type stranger struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	done chan struct{}

	mu    sync.Mutex
	heard strings.Builder
}

// newStranger connects to a server with handshake_first. Where openssl is not installed the test is
// skipped, but fails if the environment says CI=true.
func newStranger(t *testing.T, s *server.Server, a *authority, args ...string) *stranger {
	t.Helper()
	binary, err := exec.LookPath("openssl")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "openssl is not installed, and this run must meet it")
		t.Skip("openssl is not installed: no stranger to meet")
	}
	args = append([]string{"s_client", "-connect", s.Addr().String(), "-CAfile", a.certFile, "-verify_return_error"}, args...)
	c := &stranger{t: t, cmd: exec.Command(binary, args...), done: make(chan struct{})}
	c.in, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	c.cmd.Stderr = c.cmd.Stdout
	require.NoError(t, c.cmd.Start())
	go func() {
		defer close(c.done)
		in := bufio.NewReader(out)
		for {
			p := make([]byte, 64<<10)
			n, err := in.Read(p)
			c.mu.Lock()
			c.heard.Write(p[:n])
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.done
		_ = c.cmd.Wait()
	})
	return c
}

func (c *stranger) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard.String()
}

// says writes text, which is a command of s_client if it begins with one of its letters, and waits
// until want was heard once more.
func (c *stranger) says(text, want string) {
	c.t.Helper()
	before := strings.Count(c.text(), want)
	_, err := io.WriteString(c.in, text)
	require.NoError(c.t, err)
	eventually(c.t, func() bool { return strings.Count(c.text(), want) > before }, "%q after %q", want, text)
}

// hears waits until want was heard.
func (c *stranger) hears(want string) {
	c.t.Helper()
	eventually(c.t, func() bool { return strings.Contains(c.text(), want) }, "%q", want)
}

// leaves says goodbye and waits for the end.
func (c *stranger) leaves() {
	c.t.Helper()
	_, _ = io.WriteString(c.in, "Q\n")
	select {
	case <-c.done:
	case <-time.After(soon):
		require.FailNow(c.t, "it does not end", c.text())
	}
}

func forStrangers(t *testing.T, a *authority, change ...func(*server.TLSConfigOpts)) *server.Server {
	return run(t, secured(t, a, change...), func(opts *server.Options) { opts.TLSHandshakeFirst = true })
}

const hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"stranger\"}\r\nPING\r\n"

// Another library's handshake, records and goodbye, in both versions.
func TestStrangers(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for _, version := range []string{"1.2", "1.3"} {
		t.Run(version, func(t *testing.T) {
			s := forStrangers(t, a)
			c := newStranger(t, s, a, "-tls"+strings.ReplaceAll(version, ".", "_"), "-alpn", "nats", "-servername", "server")
			c.hears("INFO {")
			c.says(hello, "PONG")
			c.says("SUB a 1\r\nPUB a 5\r\nhello\r\n", "MSG a 1 5\r\nhello\r\n")
			large := strings.Repeat("x", 100_000)
			c.says("PUB a 100000\r\n"+large+"\r\nPING\r\n", "PONG")
			c.hears("MSG a 1 100000\r\n" + large[:1000])
			c.hears("Verification: OK")
			c.hears("No ALPN negotiated")
			shown := connections(t, monitor(s), "")[0]
			require.Equal(t, version, shown["tls_version"])
			require.Equal(t, true, shown["tls_first"])
			require.Equal(t, "stranger", shown["name"])
			c.leaves()
			eventually(t, func() bool { return len(connections(t, monitor(s), "?state=closed")) == 1 })
			require.Equal(t, "Client Closed", connections(t, monitor(s), "?state=closed")[0]["reason"])
		})
	}
}

// New keys for one direction or both, at any time, change nothing for those who talk.
func TestStrangersChangeKeys(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := forStrangers(t, a)
	c := newStranger(t, s, a, "-tls1_3")
	c.hears("INFO {")
	c.says("K\n", "KEYUPDATE") // before it has said who it is
	c.says(hello, "PONG")
	for _, command := range []string{"k\n", "K\n", "K\n", "k\n", "K\n"} {
		c.says(command, "KEYUPDATE")
		c.says("PING\r\n", "PONG")
	}
	for range 5 { // nothing is said in between
		c.says("K\n", "KEYUPDATE")
	}
	c.says("SUB a 1\r\nPUB a 5\r\nhello\r\n", "MSG a 1 5\r\nhello\r\n")
	require.Equal(t, 1, s.NumClients())
	c.leaves()
}

// Tickets work with another library, too.
func TestStrangersComeBack(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := forStrangers(t, a)
	t.Run("1.2", func(t *testing.T) {
		c := newStranger(t, s, a, "-tls1_2", "-reconnect")
		eventually(t, func() bool { return strings.Count(c.text(), "Reused, TLSv1.2") == 5 })
		c.says(hello, "PONG")
		c.leaves()
	})
	t.Run("1.3", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "session")
		c := newStranger(t, s, a, "-tls1_3", "-sess_out", file)
		c.says(hello, "PONG")
		eventually(t, func() bool { _, err := os.Stat(file); return err == nil })
		c.leaves()
		c = newStranger(t, s, a, "-tls1_3", "-sess_in", file)
		c.hears("Reused, TLSv1.3")
		c.says(hello, "PONG")
		c.leaves()
	})
}

// What the server does not speak or trust is refused with an alert that the other library understands.
func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	client := a.issue("client")
	s := forStrangers(t, a, verified, func(tc *server.TLSConfigOpts) { tc.MinVersion = 0x0304 })
	c := newStranger(t, s, a, "-tls1_2")
	c.hears("alert protocol version")
	c = newStranger(t, s, a, "-tls1_3")
	c.hears("alert certificate required")
	c = newStranger(t, s, a, "-tls1_3", "-cert", client.certFile, "-key", client.keyFile)
	c.hears("INFO {")
	c.says(hello, "PONG")
	c.leaves()
}

// A renegotiation, which TLS 1.2 knows, is refused: it ends the connection and nothing else.
func TestStrangersRenegotiate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := forStrangers(t, a)
	c := newStranger(t, s, a, "-tls1_2")
	c.says(hello, "PONG")
	c.says("R\n", "RENEGOTIATING")
	eventually(t, func() bool { return s.NumClients() == 0 })
	other := newStranger(t, s, a)
	other.says(hello, "PONG")
	other.leaves()
}
