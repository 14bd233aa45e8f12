// Package clients_test sends NATS clients of other languages on a tour of a running server.
//
// A tour is a program in the client's own language. It gets the URL of the server, takes one step
// after the other and prints a line for each; every client has to print the same lines. At "restart:
// ready" the server is stopped, at "restart: lost" it is started again on the same port. What a
// client did not expect it says on standard error, and it ends with an exit code other than 0.
package clients_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/server/status"
	"github.com/baridmq/barid/test"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

const tour = `connect: max payload 65536, headers true, seen as 127.0.0.1
flush: answered, round trip measured
publish: "hello" for back, 0 bytes, 256 bytes
wildcards: cup.*.hot has cup.tea.hot, cup.> has cup.tea cup.tea.hot cup.tea.hot.now, *.tea has cup.tea pot.tea, cup has cup
queue: 3000 of 3000 handled once by 3 members, 3000 seen by the one outside
request: 100 of 100 answers right
no responders: told
headers: Colour=red|light blue at=12:30 Song=là là: là of 3, "dear", answered "read" with Stamp=yes
unsubscribe: 5 of 10 delivered, 5 sent by the server
max payload: 65536 delivered, one byte more refused
order: 10000 of 10000 in order
drain: 1000 of 1000 handled, 1000 of 1000 sent, closed, nobody left
restart: ready
restart: lost
restart: back, heard again, answer 42
end: closed
`

// tourTime bounds a whole tour; only a failing one takes that long.
const tourTime = 4 * lab.Patience

func TestNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node is not installed")
	}
	if _, err := os.Stat("node/node_modules/@nats-io/transport-node"); err != nil {
		missing(t, "the client for Node is not installed: npm ci in test/clients/node")
	}
	take(t, "nats.js", node, "node/tour.js")
}

func TestC(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		missing(t, "gcc is not installed")
	}
	if exec.Command(gcc, "-fsyntax-only", "-include", "nats/nats.h", "-x", "c", os.DevNull).Run() != nil {
		missing(t, "the client library for C is not installed: on Debian, libnats-dev")
	}
	binary := filepath.Join(t.TempDir(), "tour")
	out, err := exec.Command(gcc, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", binary, "c/tour.c", "-lnats", "-lpthread").CombinedOutput()
	require.NoError(t, err, "%s", out)
	take(t, "C", binary)
}

// missing ends a test that cannot be made here. Where everything has to be tested that is a failure.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// take runs the command, which gets the URL of a server as its last argument, and compares what it
// prints with the tour. The server has to know all its connections by lang.
func take(t *testing.T, lang string, command ...string) {
	t.Helper()
	port := freePort(t)
	s := run(port)
	before := s.NumSubscriptions()
	defer func() { s.Shutdown() }()
	ctx, cancel := context.WithTimeout(t.Context(), tourTime)
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], s.ClientURL())...)
	var said strings.Builder
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { // nothing to do but after a failure
		cancel()
		_ = cmd.Wait()
	}()
	for in := bufio.NewScanner(stdout); in.Scan(); {
		fmt.Fprintln(&said, in.Text())
		switch in.Text() {
		case "restart: ready":
			requireLeft(t, s, lang, 1, "leaving", "member", "member", "member", "reader")
			s.Shutdown()
		case "restart: lost":
			s = run(port)
		}
	}
	err = cmd.Wait()
	require.Equal(t, tour, said.String(), "%v\n%s", err, stderr.String())
	require.NoError(t, err, "%s", stderr.String())
	require.Empty(t, stderr.String())
	requireLeft(t, s, lang, 0, "writer")
	eventually(t, func() bool { return s.NumSubscriptions() == before }, "subscriptions were left behind")
}

// freePort finds a port below those that a system gives to whoever asks for just any, so that it is
// still free when the server comes back.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(10_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no free port found")
	return 0
}

// run starts a server that takes less in a message than by default, so that clients must look.
func run(port int) *server.Server {
	opts := test.DefaultTestOptions
	opts.Port, opts.MaxPayload = port, 65536
	return test.RunServer(&opts)
}

// requireLeft waits until the server serves as many connections as are said to be open, and demands
// that those which have ended have these names, were closed by their client, and that none was slow.
func requireLeft(t *testing.T, s *server.Server, lang string, open int, names ...string) {
	t.Helper()
	eventually(t, func() bool { return s.NumClients() == open }, "not %d connections are open", open)
	page, err := s.Connz(&server.ConnzOptions{State: status.ConnClosed})
	require.NoError(t, err)
	var left []string
	for _, c := range page.Conns {
		left = append(left, c.Name)
		require.Equal(t, "Client Closed", c.Reason, c.Name)
		require.Equal(t, lang, c.Lang, c.Name)
		require.Regexp(t, `^\d+\.\d+\.\d+`, c.Version, c.Name)
	}
	require.ElementsMatch(t, names, left)
	require.Zero(t, s.NumSlowConsumers())
}

// eventually waits until the condition holds.
func eventually(t *testing.T, holds func() bool, what ...any) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(lab.Patience); !holds(); <-look.C {
		require.True(t, time.Now().Before(end), what...)
	}
}
