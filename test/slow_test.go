package test_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

// One subscriber of several stops reading. It is cut off when too much waits for it, and the others
// get every message.
func TestStuckSubscriberIsCutOff(t *testing.T) {
	t.Parallel()
	const readers, size = 3, 32 << 10
	s := run(t, func(opts *server.Options) {
		opts.MaxPayload, opts.MaxPending = 64<<10, 2<<20
		opts.WriteDeadline = time.Minute // so that only the pending bytes can be the reason
	})
	stuck, err := lab.Stuck(dialer(s), "bulk")
	require.NoError(t, err)
	defer stuck.Close()
	got := make([]atomic.Int64, readers)
	for i := range readers {
		subscribe(t, connect(t, s), "bulk", "", func(m *nats.Msg) {
			if n := binary.BigEndian.Uint64(m.Data); int64(n) != got[i].Load() {
				t.Errorf("reader %d got message %d, wants %d", i, n, got[i].Load())
			}
			got[i].Add(1)
		})
	}
	writer := connect(t, s)
	data, sent := make([]byte, size), int64(0)
	eventually(t, func() bool {
		// Half of what may wait for one connection, so that nobody who reads is ever in danger.
		for range 1 << 20 / size {
			binary.BigEndian.PutUint64(data, uint64(sent))
			require.NoError(t, writer.Publish("bulk", data))
			sent++
		}
		require.NoError(t, writer.Flush())
		for i := range got {
			eventually(t, func() bool { return got[i].Load() == sent }, "reader %d", i)
		}
		return s.NumSlowConsumers() == 1
	}, "the stuck connection was never cut off")
	eventually(t, func() bool { return s.NumClients() == readers+1 })
	closed := connections(t, monitor(s), "?state=closed")
	require.Len(t, closed, 1)
	require.Equal(t, "Slow Consumer (Pending Bytes)", closed[0]["reason"])
	require.EqualValues(t, 1, object(t, monitor(s), "/varz")["slow_consumers"])
}

// The socket of one subscriber takes nothing for longer than the write deadline.
func TestStuckSubscriberMissesTheWriteDeadline(t *testing.T) {
	t.Parallel()
	s := run(t, func(opts *server.Options) { opts.WriteDeadline = 50 * time.Millisecond })
	stuck, err := lab.Stuck(dialer(s), "bulk")
	require.NoError(t, err)
	defer stuck.Close()
	writer := connect(t, s)
	data := make([]byte, 256<<10)
	// More than any socket buffers, and less than may wait for a connection.
	for range 128 {
		require.NoError(t, writer.Publish("bulk", data))
	}
	require.NoError(t, writer.Flush())
	var closed []map[string]any
	eventually(t, func() bool {
		closed = connections(t, monitor(s), "?state=closed")
		return len(closed) == 1
	})
	require.Equal(t, "Slow Consumer (Write Deadline)", closed[0]["reason"])
	require.EqualValues(t, 1, s.NumSlowConsumers())
}

// A subscriber that reads steadily, but more slowly than a bursting publisher writes, slows the
// publisher down. It loses nothing and is not cut off, though many times what may wait for it goes
// through.
func TestSlowSteadySubscriberLosesNothing(t *testing.T) {
	if checked {
		t.Skip("a server that checks its locks is too slow for what is said about time here")
	}
	t.Parallel()
	const size, messages = 8 << 10, 3000 // 24 MiB, with 1 MiB that may wait
	s := run(t, func(opts *server.Options) {
		opts.MaxPayload, opts.MaxPending = 64<<10, 1<<20
	})
	conn, err := dialer(s)()
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, lab.Subscribe(conn, "bulk"))
	writer := connect(t, s)
	published := make(chan error, 1)
	go func() {
		data := make([]byte, size)
		for n := range uint64(messages) {
			binary.BigEndian.PutUint64(data, n)
			if err := writer.Publish("bulk", data); err != nil {
				published <- err
				return
			}
		}
		published <- writer.Flush()
	}()
	// At most 128 KiB each 5 ms: some 25 MiB in a second.
	slow := bufio.NewReaderSize(&lab.Slow{Conn: conn, PerTick: 128 << 10, Tick: 5 * time.Millisecond}, 128<<10)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(4*soon)))
	head := []byte(fmt.Sprintf("MSG bulk 1 %d\r\n", size))
	frame := make([]byte, len(head)+size+2)
	for n := range uint64(messages) {
		_, err := io.ReadFull(slow, frame)
		if err != nil {
			require.NoError(t, err, "at message %d; closed: %v", n, connections(t, monitor(s), "?state=closed"))
		}
		require.True(t, bytes.HasPrefix(frame, head), "at message %d: %q", n, frame[:len(head)])
		require.Equal(t, n, binary.BigEndian.Uint64(frame[len(head):]))
	}
	require.NoError(t, <-published)
	require.Zero(t, s.NumSlowConsumers())
	require.Empty(t, connections(t, monitor(s), "?state=closed"))
}
