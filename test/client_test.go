package test_test

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

func TestAutoUnsubscribe(t *testing.T) {
	t.Parallel()
	s := run(t)
	reader, writer := connect(t, s), connect(t, s)
	var got atomic.Int64
	sub := subscribe(t, reader, "few", "", func(*nats.Msg) { got.Add(1) })
	before := s.NumSubscriptions()
	require.NoError(t, sub.AutoUnsubscribe(10))
	require.NoError(t, reader.Flush())
	for range 50 {
		require.NoError(t, writer.Publish("few", nil))
	}
	require.NoError(t, writer.Flush())
	require.NoError(t, reader.Flush())
	eventually(t, func() bool { return got.Load() == 10 && !sub.IsValid() })
	eventually(t, func() bool { return s.NumSubscriptions() == before-1 })
	require.EqualValues(t, 10, got.Load())
}

func TestMaxPayload(t *testing.T) {
	t.Parallel()
	s := run(t, func(opts *server.Options) { opts.MaxPayload = 1000 })
	nc := connect(t, s)
	require.EqualValues(t, 1000, nc.MaxPayload())
	require.ErrorIs(t, nc.Publish("a", make([]byte, 1001)), nats.ErrMaxPayload)
	sub, err := nc.SubscribeSync("a")
	require.NoError(t, err)
	require.NoError(t, nc.Publish("a", bytes.Repeat([]byte("x"), 1000)))
	msg, err := sub.NextMsg(soon)
	require.NoError(t, err)
	require.Len(t, msg.Data, 1000)
}

func TestFlushAndRTT(t *testing.T) {
	t.Parallel()
	s := run(t)
	nc := connect(t, s)
	for range 10 {
		require.NoError(t, nc.FlushTimeout(soon))
		rtt, err := nc.RTT()
		require.NoError(t, err)
		require.Positive(t, rtt)
		require.Less(t, rtt, soon)
	}
}

func TestEchoOff(t *testing.T) {
	t.Parallel()
	s := run(t)
	silent, other := connect(t, s, nats.NoEcho()), connect(t, s)
	own, err := silent.SubscribeSync("a")
	require.NoError(t, err)
	require.NoError(t, silent.Flush())
	theirs, err := other.SubscribeSync("a")
	require.NoError(t, err)
	require.NoError(t, other.Flush())
	require.NoError(t, silent.Publish("a", []byte("mine")))
	require.NoError(t, silent.Flush())
	require.NoError(t, other.Publish("a", []byte("yours")))
	for _, want := range []string{"mine", "yours"} {
		msg, err := theirs.NextMsg(soon)
		require.NoError(t, err)
		require.Equal(t, want, string(msg.Data))
	}
	msg, err := own.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "yours", string(msg.Data))
}

func TestInProcessConnection(t *testing.T) {
	t.Parallel()
	s := run(t, func(opts *server.Options) { opts.DontListen = true })
	inside, err := nats.Connect("", nats.InProcessServer(s))
	require.NoError(t, err)
	defer inside.Close()
	second, err := nats.Connect("", nats.InProcessServer(s))
	require.NoError(t, err)
	defer second.Close()
	subscribe(t, inside, "echo", "", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	for _, size := range []int{0, 1, 100_000, 1 << 20} {
		msg, err := second.Request("echo", bytes.Repeat([]byte("x"), size), soon)
		require.NoError(t, err)
		require.Len(t, msg.Data, size)
	}
	require.Equal(t, 2, s.NumClients())
	_, err = inside.Request("nobody", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)
}

// Connections within the process and over TCP meet on one server.
func TestInProcessBesideTCP(t *testing.T) {
	t.Parallel()
	s := run(t)
	inside, err := nats.Connect("", nats.InProcessServer(s))
	require.NoError(t, err)
	defer inside.Close()
	outside := connect(t, s)
	subscribe(t, inside, "in", "", func(m *nats.Msg) { _ = m.Respond([]byte("from inside")) })
	subscribe(t, outside, "out", "", func(m *nats.Msg) { _ = m.Respond([]byte("from outside")) })
	msg, err := outside.Request("in", nil, soon)
	require.NoError(t, err)
	require.Equal(t, "from inside", string(msg.Data))
	msg, err = inside.Request("out", nil, soon)
	require.NoError(t, err)
	require.Equal(t, "from outside", string(msg.Data))
}

// A client hears the server's own words for what it did wrong.
func TestErrorsReachTheClient(t *testing.T) {
	t.Parallel()
	s := run(t, func(opts *server.Options) { opts.MaxSubs = 2 })
	said := make(chan error, 10)
	nc := connect(t, s, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { said <- err }))
	for range 3 {
		_, err := nc.SubscribeSync("a")
		require.NoError(t, err)
	}
	require.NoError(t, nc.Flush())
	select {
	case err := <-said:
		require.True(t, strings.Contains(err.Error(), "maximum subscriptions exceeded"), "%v", err)
	case <-time.After(soon):
		t.Fatal("the client was not told")
	}
	require.True(t, nc.IsConnected())
}
