package test_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/test"
)

// A client finds a server that was restarted on the same port, and its subscriptions work again.
func TestReconnectAfterRestart(t *testing.T) {
	t.Parallel()
	opts := freePorts()
	s := test.RunServer(opts)
	lost, back := make(chan error, 10), make(chan struct{}, 10)
	nc, err := nats.Connect(s.ClientURL(),
		nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0), nats.MaxReconnects(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { lost <- err }),
		nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	require.NoError(t, err)
	defer nc.Close()
	sub, err := nc.SubscribeSync("news")
	require.NoError(t, err)
	few, err := nc.SubscribeSync("few")
	require.NoError(t, err)
	require.NoError(t, few.AutoUnsubscribe(2))
	require.NoError(t, nc.Publish("few", []byte("1")))
	_, err = few.NextMsg(soon)
	require.NoError(t, err)

	for range 3 {
		s.Shutdown()
		eventually(t, func() bool { return len(lost) > 0 })
		<-lost
		again := freePorts()
		again.Port = opts.Port
		s = test.RunServer(again)
		eventually(t, func() bool { return len(back) > 0 })
		<-back
		require.NoError(t, nc.Publish("news", []byte("back")))
		msg, err := sub.NextMsg(soon)
		require.NoError(t, err)
		require.Equal(t, "back", string(msg.Data))
	}
	// What was delivered before the restart counts for the limit.
	for range 3 {
		require.NoError(t, nc.Publish("few", []byte("2")))
	}
	require.NoError(t, nc.Flush())
	_, err = few.NextMsg(soon)
	require.NoError(t, err)
	eventually(t, func() bool { return !few.IsValid() })
	s.Shutdown()
}

// What a client publishes while the server is away is delivered when it is back.
func TestPublishedWhileAway(t *testing.T) {
	t.Parallel()
	opts := freePorts()
	s := test.RunServer(opts)
	lost, back := make(chan struct{}, 10), make(chan struct{}, 10)
	nc, err := nats.Connect(s.ClientURL(), nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { lost <- struct{}{} }),
		nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	require.NoError(t, err)
	defer nc.Close()
	sub, err := nc.SubscribeSync("news")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	s.Shutdown()
	<-lost
	require.NoError(t, nc.Publish("news", []byte("kept")))
	again := freePorts()
	again.Port = opts.Port
	s = test.RunServer(again)
	defer s.Shutdown()
	<-back
	msg, err := sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "kept", string(msg.Data))
}
