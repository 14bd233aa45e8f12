package test_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

// The tests of this file do not run in parallel with others: they measure the memory of the process,
// which holds server and clients.

// heap is what is in use after everything that is not was collected.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// bystander is a pair of clients that talk to each other while others misbehave.
type bystander struct {
	t      *testing.T
	writer *nats.Conn
	sub    *nats.Subscription
	said   int
}

func newBystander(t *testing.T, s *server.Server) *bystander {
	reader := connect(t, s, nats.NoReconnect())
	sub, err := reader.SubscribeSync("calm")
	require.NoError(t, err)
	require.NoError(t, reader.Flush())
	return &bystander{t: t, writer: connect(t, s, nats.NoReconnect()), sub: sub}
}

// undisturbed fails if a message between the two is lost or their connections are not what they were.
func (b *bystander) undisturbed() {
	b.t.Helper()
	for range 10 {
		b.said++
		require.NoError(b.t, b.writer.Publish("calm", []byte(fmt.Sprint(b.said))))
		msg, err := b.sub.NextMsg(soon)
		require.NoError(b.t, err)
		require.Equal(b.t, fmt.Sprint(b.said), string(msg.Data))
	}
}

// Thousands of connections stop in the middle of a command. Each costs little, the others notice
// nothing, and all are gone when they leave.
func TestHalfOpenConnectionsCostLittle(t *testing.T) {
	const crowd, perConnection = 2000, 24 << 10
	s := run(t)
	calm := newBystander(t, s)
	for _, unfinished := range []string{"", "P", "CONNECT {\"verb", "SUB a.b", "PUB a.b 100\r\nsome of it", "PUB a 2\r\nhi\r"} {
		before := heap()
		open, err := lab.HalfOpen(dialer(s), crowd/4, unfinished)
		require.NoError(t, err)
		eventually(t, func() bool { return s.NumClients() == crowd/4+2 })
		calm.undisturbed()
		require.Less(t, heap()-before, int64(crowd/4*perConnection), "after %q", unfinished)
		open.Close()
		eventually(t, func() bool { return s.NumClients() == 2 })
	}
	open, err := lab.HalfOpen(dialer(s), crowd, "PUB a")
	require.NoError(t, err)
	eventually(t, func() bool { return s.NumClients() == crowd+2 })
	calm.undisturbed()
	open.Close()
	eventually(t, func() bool { return s.NumClients() == 2 })
	calm.undisturbed()
}

// What is claimed is not allocated: memory follows what has arrived.
func TestClaimedPayloadIsNotAllocated(t *testing.T) {
	const crowd = 50
	s := run(t, func(opts *server.Options) { opts.MaxPayload, opts.MaxPending = 1<<30, 1<<31 })
	calm := newBystander(t, s)
	before := heap()
	open, err := lab.HalfOpen(dialer(s), crowd, "CONNECT {\"headers\":true}\r\nPUB a 999999999\r\n"+strings.Repeat("x", 10_000))
	require.NoError(t, err)
	defer open.Close()
	headers, err := lab.HalfOpen(dialer(s), crowd, "CONNECT {\"headers\":true}\r\nHPUB a 999999999 999999999\r\nNATS/1.0\r\n")
	require.NoError(t, err)
	defer headers.Close()
	eventually(t, func() bool { return s.NumClients() == 2*crowd+2 })
	calm.undisturbed()
	require.Less(t, heap()-before, int64(2*crowd*(128<<10)))
}

// A line that never ends is cut off, whatever it consists of, and does not grow without bound.
func TestEndlessLines(t *testing.T) {
	s := run(t)
	calm := newBystander(t, s)
	for _, start := range []string{"SUB ", "PUB ", "HPUB ", "UNSUB ", "CONNECT {\"name\":\"", "INFO {\"name\":\""} {
		conn, err := dialer(s)()
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
		before := heap()
		_, _ = conn.Write([]byte(start))
		part := bytes.Repeat([]byte("a"), 1024)
		for range 64 << 10 {
			if _, err = conn.Write(part); err != nil {
				break
			}
		}
		require.Error(t, err, "%q: 64 MiB without a line end were taken", start)
		require.Less(t, heap()-before, int64(4<<20), start)
		said, _ := io.ReadAll(conn)
		require.Contains(t, string(said), "-ERR 'maximum control line exceeded'\r\n", start)
		require.NoError(t, conn.Close())
		calm.undisturbed()
	}
	// PING skips the rest of its line and needs no memory for it.
	conn, err := dialer(s)()
	require.NoError(t, err)
	defer conn.Close()
	before := heap()
	_, err = io.WriteString(conn, "PING ")
	require.NoError(t, err)
	part := bytes.Repeat([]byte("a"), 64<<10)
	for range 256 {
		_, err := conn.Write(part)
		require.NoError(t, err)
	}
	require.Less(t, heap()-before, int64(4<<20))
	_, err = io.WriteString(conn, "\r\n")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(soon)))
	said := make([]byte, 4096)
	var heard strings.Builder
	for !strings.HasSuffix(heard.String(), "PONG\r\n") {
		n, err := conn.Read(said)
		require.NoError(t, err)
		heard.Write(said[:n])
	}
}

// Bytes without sense end their own connection and nothing else.
func TestNonsense(t *testing.T) {
	s := run(t)
	calm := newBystander(t, s)
	before := s.NumSubscriptions()
	const letters = " \t\r\n-+0123456789ab.*>{}\"\x00\xff"
	random := rand.New(rand.NewPCG(1, 2))
	verbs := []string{"PUB ", "SUB ", "HPUB ", "UNSUB ", "CONNECT ", "PING\r\n", "INFO ", "MSG ", "+OK\r\n", "-ERR ", "\r\n", ""}
	for range 300 {
		conn, err := dialer(s)()
		require.NoError(t, err)
		for range 10 {
			junk := []byte(verbs[random.IntN(len(verbs))])
			for range random.IntN(60) {
				junk = append(junk, letters[random.IntN(len(letters))])
			}
			if _, err := conn.Write(junk); err != nil {
				break
			}
		}
		require.NoError(t, conn.Close())
	}
	calm.undisturbed()
	eventually(t, func() bool { return s.NumClients() == 2 && s.NumSubscriptions() == before })
}

// Numbers at the borders of what fits, and beyond, are refused without harm.
func TestSizesBeyondReason(t *testing.T) {
	s := run(t)
	calm := newBystander(t, s)
	for _, size := range []string{"-1", "-999999999", "2147483647", "2147483648", "4294967296", "9223372036854775807",
		"9223372036854775808", "18446744073709551616", "99999999999999999999999999", "1e9", "0x10", "NaN", "١"} {
		for _, command := range []string{"PUB a %s\r\n", "HPUB a %s %[1]s\r\n", "HPUB a 12 %s\r\n", "HPUB a %s 12\r\n"} {
			conn, err := dialer(s)()
			require.NoError(t, err)
			require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
			_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true}\r\n"+command, size)
			require.NoError(t, err)
			said, _ := io.ReadAll(conn) // ends when the server closes
			require.NotContains(t, string(said), "MSG", "%q %s", command, size)
			require.NoError(t, conn.Close())
		}
	}
	calm.undisturbed()
}

// Connections come and go as fast as they can while two others talk.
func TestConnectFlood(t *testing.T) {
	s := run(t)
	calm := newBystander(t, s)
	var opened atomic.Int64
	done := make(chan error, 8)
	for range cap(done) {
		go func() {
			done <- func() error {
				for range 250 {
					conn, err := net.DialTimeout("tcp", s.Addr().String(), soon)
					if err != nil {
						return err
					}
					opened.Add(1)
					_ = conn.Close()
				}
				return nil
			}()
		}()
	}
	for range cap(done) {
		calm.undisturbed()
		require.NoError(t, <-done)
	}
	eventually(t, func() bool { return s.NumClients() == 2 })
	calm.undisturbed()
	require.EqualValues(t, 2000, opened.Load())
}

// With the limit of connections reached, those who are in work on, and there is room again when one
// leaves.
func TestConnectFloodAtTheLimit(t *testing.T) {
	s := run(t, func(opts *server.Options) { opts.MaxConn = 10 })
	calm := newBystander(t, s)
	open, err := lab.HalfOpen(dialer(s), 100, "PING\r\n")
	require.NoError(t, err)
	eventually(t, func() bool { return s.NumClients() == 10 })
	calm.undisturbed()
	open.Close()
	eventually(t, func() bool { return s.NumClients() == 2 })
	require.NoError(t, connect(t, s).Flush())
	calm.undisturbed()
}
