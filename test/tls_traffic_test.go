package test_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

// Large messages and many small ones, both ways at the same time, to plain and encrypted readers:
// each gets all of them, in order and unchanged.
func TestTLSTraffic(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a), func(opts *server.Options) { opts.AllowNonTLS = true })
	type flow struct {
		subject string
		sizes   func(i int) int
		n       int
	}
	flows := []flow{
		{"large", func(int) int { return 900 << 10 }, 12},
		{"small", func(i int) int { return i % 40 }, 20_000},
		{"odd", func(i int) int { return i * 977 % 70_000 }, 300},
	}
	var readers, writers sync.WaitGroup
	for _, f := range flows {
		sent := sha256.New()
		sums := make([]hash.Hash, 3)
		for i := range sums {
			sums[i] = sha256.New()
			address, secure := "nats://"+s.Addr().String(), []nats.Option{nats.Secure(a.trusting())}
			if i == 0 {
				secure = nil
			}
			nc, err := nats.Connect(address, secure...)
			require.NoError(t, err)
			t.Cleanup(nc.Close)
			readers.Add(1)
			left := f.n
			subscribe(t, nc, f.subject, "", func(m *nats.Msg) {
				sums[i].Write(m.Data)
				if left--; left == 0 {
					readers.Done()
				}
			})
		}
		writer := connect(t, s, nats.Secure(a.trusting()))
		writers.Go(func() {
			random, data := rand.NewChaCha8([32]byte{1}), make([]byte, 1<<20)
			for i := range f.n {
				p := data[:f.sizes(i)]
				_, _ = random.Read(p)
				sent.Write(p)
				if err := writer.Publish(f.subject, p); err != nil {
					t.Error(err)
				}
			}
		})
		t.Cleanup(func() {
			for i := range sums {
				require.Equal(t, sent.Sum(nil), sums[i].Sum(nil), "reader %d of %s", i, f.subject)
			}
		})
	}
	writers.Wait()
	all := make(chan struct{})
	go func() { readers.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(2 * soon):
		require.FailNow(t, "not all messages come")
	}
	require.Zero(t, s.NumSlowConsumers())
}

func TestTLSRequestReply(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a))
	subscribe(t, connect(t, s, nats.Secure(a.trusting())), "echo", "q", func(m *nats.Msg) { _ = m.Respond(m.Data) })
	var all sync.WaitGroup
	for i := range 4 {
		nc := connect(t, s, nats.Secure(a.trusting()))
		all.Go(func() {
			for j := range 200 {
				want := fmt.Sprint(i, " ", j)
				msg, err := nc.Request("echo", []byte(want), soon)
				if err != nil || string(msg.Data) != want {
					t.Errorf("%s: %v", want, err)
					return
				}
			}
		})
	}
	all.Wait()
	_, err := connect(t, s, nats.Secure(a.trusting())).Request("nobody", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)
}

// A client that comes back has its subscriptions again.
func TestTLSReconnect(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a))
	back := make(chan struct{}, 10)
	reader := connect(t, s, nats.Secure(a.trusting()), nats.ReconnectWait(time.Millisecond), nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	var got atomic.Int64
	subscribe(t, reader, "a", "", func(*nats.Msg) { got.Add(1) })
	writer := connect(t, s, nats.Secure(a.trusting()))
	for i := range 3 {
		require.NoError(t, reader.ForceReconnect())
		select {
		case <-back:
		case <-time.After(soon):
			require.FailNow(t, "it does not come back")
		}
		require.NoError(t, reader.Flush())
		require.NoError(t, writer.Publish("a", nil))
		eventually(t, func() bool { return got.Load() == int64(i+1) })
	}
}

// The clients of a server that ends are told so by TLS, behind everything that was sent to them.
func TestTLSShutdown(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a))
	c := rawTLS(t, s, a.trusting(), false)
	require.NoError(t, lab.Subscribe(&saidBefore{Conn: c, first: []byte("INFO\r\n")}, "bulk"))
	_ = c.SetDeadline(time.Now().Add(soon))
	writer := connect(t, s, nats.Secure(a.trusting()))
	for range 16 {
		require.NoError(t, writer.Publish("bulk", make([]byte, 500_000)))
	}
	require.NoError(t, writer.Flush())
	writer.Close()
	down := make(chan struct{})
	go func() { s.Shutdown(); close(down) }()
	n, err := io.Copy(io.Discard, c)
	require.NoError(t, err)
	require.EqualValues(t, 16*(len("MSG bulk 1 500000\r\n\r\n")+500_000), n)
	<-down
}

// saidBefore is a connection on which something came before.
type saidBefore struct {
	net.Conn
	first []byte
}

func (c *saidBefore) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// Encrypted subscribers that stop reading are cut off like others, by either limit, and those beside
// them get every message.
func TestTLSSlowConsumer(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for _, c := range []struct {
		name, reason string
		change       func(opts *server.Options)
	}{
		{"pending", "Slow Consumer (Pending Bytes)", func(opts *server.Options) {
			opts.MaxPayload, opts.MaxPending, opts.WriteDeadline = 64<<10, 2<<20, time.Minute
		}},
		{"deadline", "Slow Consumer (Write Deadline)", func(opts *server.Options) { opts.WriteDeadline = 100 * time.Millisecond }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := run(t, secured(t, a), c.change, func(opts *server.Options) { opts.TLSHandshakeFirst = true })
			stuck, err := lab.Stuck(func() (net.Conn, error) { return rawTLS(t, s, a.trusting(), true), nil }, "bulk")
			require.NoError(t, err)
			defer stuck.Close()
			secure := []nats.Option{nats.Secure(a.trusting()), nats.TLSHandshakeFirst()}
			var got atomic.Int64
			subscribe(t, connect(t, s, secure...), "bulk", "", func(m *nats.Msg) {
				if int64(binary.BigEndian.Uint64(m.Data)) == got.Load() {
					got.Add(1)
				}
			})
			writer := connect(t, s, secure...)
			data, sent := make([]byte, 32<<10), int64(0)
			eventually(t, func() bool {
				for range 16 {
					binary.BigEndian.PutUint64(data, uint64(sent))
					require.NoError(t, writer.Publish("bulk", data))
					sent++
				}
				eventually(t, func() bool { return got.Load() == sent }, "the other reader")
				return s.NumSlowConsumers() == 1
			}, "the stuck connection was never cut off")
			eventually(t, func() bool { return len(connections(t, monitor(s), "?state=closed")) == 1 })
			require.Equal(t, c.reason, connections(t, monitor(s), "?state=closed")[0]["reason"])
		})
	}
}

// Connections that come and go in the middle of everything leave nothing behind.
func TestTLSComingAndGoing(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := run(t, secured(t, a))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 15 {
				raw, err := dialer(s)()
				if err != nil {
					t.Error(err)
					return
				}
				_ = raw.SetDeadline(time.Now().Add(soon))
				_, _ = raw.Read(make([]byte, 1024)) // INFO
				c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
				switch (i + j) % 4 {
				case 0: // before the handshake
				case 1:
					_, _ = raw.Write([]byte("\x16\x03\x01\x02\x00\x01"))
				case 2:
					_ = c.Handshake()
				case 3:
					_, _ = c.Write([]byte("CONNECT {}\r\nSUB a 1\r\nPUB a 100000\r\nhalf of it"))
				}
				raw.Close()
			}
		})
	}
	all.Wait()
	eventually(t, func() bool { return s.NumClients() == 0 })
	goesRound(t, connect(t, s, nats.Secure(a.trusting())))
}
