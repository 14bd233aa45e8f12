package test_test

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/test"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// everyAccount is how many subscriptions an account has by itself: what all import of the system account.
const everyAccount = 4

// soon bounds every wait. Only a failing test ever waits that long.
const soon = lab.Patience

// eventually waits until the condition holds, which it looks at in the goroutine of the test. What is
// said when it never does is given like that of require.
func eventually(t testing.TB, holds func() bool, what ...any) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(soon); !holds(); <-look.C {
		require.True(t, time.Now().Before(end), what...)
	}
}

// run starts a server with monitoring on free ports and shuts it down when the test ends.
func run(t testing.TB, changes ...func(*server.Options)) *server.Server {
	t.Helper()
	opts := freePorts()
	for _, change := range changes {
		change(opts)
	}
	s := test.RunServer(opts)
	t.Cleanup(s.Shutdown)
	return s
}

// freePorts are the default options with ports that the system chooses, monitoring included.
func freePorts() *server.Options {
	opts := test.DefaultTestOptions
	opts.Port = -1
	opts.HTTPHost, opts.HTTPPort = "127.0.0.1", -1
	return &opts
}

// connect opens a client that is closed when the test ends.
func connect(t testing.TB, s *server.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), options...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// subscribe makes a subscription whose client library limits never matter, and returns when the
// server knows it.
func subscribe(t testing.TB, nc *nats.Conn, subject, queue string, handle nats.MsgHandler) *nats.Subscription {
	t.Helper()
	sub, err := nc.QueueSubscribe(subject, queue, handle)
	require.NoError(t, err)
	require.NoError(t, sub.SetPendingLimits(-1, -1))
	require.NoError(t, nc.Flush())
	return sub
}

// dialer opens raw TCP connections to the server.
func dialer(s *server.Server) func() (net.Conn, error) {
	addr := s.Addr().String()
	return func() (net.Conn, error) { return net.DialTimeout("tcp", addr, soon) }
}

// monitor is the base URL of the server's monitoring.
func monitor(s *server.Server) string {
	return "http://" + s.MonitorAddr().String()
}
