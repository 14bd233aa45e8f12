package test_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

func TestRequestReply(t *testing.T) {
	t.Parallel()
	s := run(t)
	for range 3 {
		subscribe(t, connect(t, s), "double", "workers", func(m *nats.Msg) {
			_ = m.Respond(append(m.Data, m.Data...))
		})
	}
	nc := connect(t, s)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				word := fmt.Sprintf("%d-%d ", i, j)
				msg, err := nc.Request("double", []byte(word), soon)
				if err != nil || string(msg.Data) != word+word {
					t.Errorf("asked %q: %v, %v", word, msg, err)
				}
			}
		})
	}
	wg.Wait()
	// The older way, with a subscription of its own for each request.
	old := connect(t, s, nats.UseOldRequestStyle())
	msg, err := old.Request("double", []byte("x"), soon)
	require.NoError(t, err)
	require.Equal(t, "xx", string(msg.Data))
}

func TestNoResponders(t *testing.T) {
	t.Parallel()
	s := run(t)
	nc := connect(t, s)
	_, err := nc.Request("nobody.home", []byte("?"), soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)

	other := connect(t, s)
	sub := subscribe(t, other, "nobody.*", "", func(m *nats.Msg) { _ = m.Respond(nil) })
	_, err = nc.Request("nobody.home", nil, soon)
	require.NoError(t, err)
	require.NoError(t, sub.Unsubscribe())
	require.NoError(t, other.Flush())
	_, err = nc.Request("nobody.home", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := run(t)
	nc := connect(t, s)
	require.True(t, nc.HeadersSupported())
	sub, err := nc.SubscribeSync("with.headers")
	require.NoError(t, err)
	msg := nats.NewMsg("with.headers")
	msg.Reply = "back"
	msg.Header.Add("Colour", "red")
	msg.Header.Add("Colour", "green")
	msg.Header.Add("lower-Case", "a: b; c=d")
	msg.Data = []byte("payload")
	require.NoError(t, nc.PublishMsg(msg))
	got, err := sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, msg.Header, got.Header)
	require.Equal(t, "back", got.Reply)
	require.Equal(t, "payload", string(got.Data))
}

func TestHeadersSwitchedOff(t *testing.T) {
	t.Parallel()
	s := run(t, func(opts *server.Options) { opts.NoHeaderSupport = true })
	nc := connect(t, s)
	require.False(t, nc.HeadersSupported())
	msg := nats.NewMsg("a")
	msg.Header.Add("Colour", "red")
	require.ErrorIs(t, nc.PublishMsg(msg), nats.ErrHeadersNotSupported)
	// Without headers there is no way to tell that nobody is there.
	_, err := nc.Request("nobody", nil, 10*time.Millisecond)
	require.ErrorIs(t, err, nats.ErrTimeout)
}
