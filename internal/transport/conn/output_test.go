package conn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/outbox"
)

// An idle connection has one goroutine, its reader; so has one that writes what its socket takes
// at once.
func TestAnIdleConnectionHasOneGoroutine(t *testing.T) {
	b := newBench(t)
	var all []net.Conn
	for range 20 {
		c, theirs := b.serve(overTCP, &recorder{})
		require.Equal(t, outbox.Sent, c.send("hello"))
		all = append(all, theirs)
	}
	require.Equal(t, map[string]int{"reader": 20}, b.cfg.Tasks.Running())
	for _, theirs := range all {
		take(t, theirs, "hello")
	}
}

// While the socket is full there is a writer. It ends when everything is written, and then who
// sends writes by himself again.
func TestTheWriterEndsAndTheTurnIsFree(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b := newBench(t)
		c, theirs := b.serve(way, &recorder{})
		large := text(4 << 20)
		for range 3 {
			require.Equal(t, outbox.Sent, c.send(large))
			require.Equal(t, map[string]int{"reader": 1, "writer": 1}, b.cfg.Tasks.Running())
			c.send("and more")
			take(t, theirs, large+"and more")
			eventually(t, func() bool { return c.Box.Load().Held == 0 && b.cfg.Tasks.Running()["writer"] == 0 }, "the writer ends")
			c.send("at once")
			if c.raw != nil {
				require.Equal(t, map[string]int{"reader": 1}, b.cfg.Tasks.Running())
			}
			take(t, theirs, "at once")
		}
		require.EqualValues(t, 9, c.Box.Load().Messages)
		require.Empty(t, b.slows())
	})
}

// A deadline that a writer left behind when it ended does not fail a later write.
func TestAnOldDeadlineDoesNotMatter(t *testing.T) {
	b := newBench(t)
	c, theirs := b.serve(overTCP, &recorder{})
	for range 3 {
		require.NoError(t, c.nc.SetWriteDeadline(past))
		require.Equal(t, outbox.Sent, c.send("hello"))
		take(t, theirs, "hello")
	}
	require.False(t, c.Ended())
}

// Many send to one connection whose client is slow: what each sends comes whole and in order.
func TestManyProducersAndASlowReader(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		const producers, each = 8, 300
		b := newBench(t)
		c, theirs := b.serve(way, &recorder{})
		var all sync.WaitGroup
		for p := range producers {
			all.Go(func() {
				for i := range each {
					c.send(fmt.Sprintf("%d %d %s\n", p, i, strings.Repeat("x", (p*i)%3000)))
				}
			})
		}
		next := [producers]int{}
		in := &small{theirs}
		var got strings.Builder
		for sum := 0; sum < producers*each; {
			p := make([]byte, 5000)
			n, err := in.Read(p)
			require.NoError(t, err)
			got.Write(p[:n])
			sum += strings.Count(string(p[:n]), "\n")
		}
		all.Wait()
		for line := range strings.Lines(got.String()) {
			var p, i int
			var filler string
			n, _ := fmt.Sscanf(line, "%d %d %s", &p, &i, &filler)
			require.GreaterOrEqual(t, n, 2)
			require.Equal(t, next[p], i)
			require.Len(t, filler, (p*i)%3000)
			next[p]++
		}
		for _, n := range next {
			require.Equal(t, each, n)
		}
	})
}

// small reads in small pieces.
type small struct{ r io.Reader }

func (s *small) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), 4096)]) }

// Who lets more pile up than MaxPending is cut off at once, and nothing more is written.
func TestSlowConsumerByPendingBytes(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b, r := newBench(t), &recorder{}
		b.cfg.MaxPending = 1 << 20
		c, theirs := b.serve(way, r)
		sent := 0
		for c.send(text(10_000)) != outbox.Gone {
			sent += 10_000
			require.Less(t, sent, 100<<20)
		}
		require.Equal(t, closed.SlowConsumerPending, r.reason(t))
		require.Len(t, b.slows(), 1)
		require.Regexp(t, `^Slow Consumer \(Pending Bytes\), 10\d{5} bytes$`, b.slows()[0])
		got, _ := io.ReadAll(theirs)
		require.Less(t, len(got), sent, "what was held is thrown away")
	})
}

// A socket that takes nothing for as long as the write deadline is given up then, not earlier and
// not later. What it takes within each deadline keeps it alive, if it is more than a trickle.
func TestSlowConsumerByDeadline(t *testing.T) {
	for _, c := range []struct {
		name string
		take int // bytes that the client takes shortly before each deadline; 0: it does nothing
		cut  bool
	}{
		{"nothing", 0, true},
		{"a trickle", trickle - 1, true},
		{"enough", trickle, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const deadline = 10 * time.Second
				b, r := newBench(t), &recorder{}
				b.cfg.WriteDeadline = deadline
				cn, theirs := b.serve(overPipe, r)
				_ = theirs.SetDeadline(time.Time{})
				want := text(20 * trickle)
				cn.send(want)
				start := time.Now()
				if c.cut {
					time.Sleep(deadline - time.Millisecond)
					_, err := io.ReadFull(theirs, make([]byte, c.take))
					require.NoError(t, err)
					require.False(t, cn.Ended())
					require.Equal(t, closed.SlowConsumerDeadline, r.reason(t))
					require.Equal(t, deadline, time.Since(start))
					require.Equal(t, []string{fmt.Sprintf("Slow Consumer (Write Deadline), %d bytes", 20*trickle)}, b.slows())
					return
				}
				got := make([]byte, 0, len(want))
				for len(got) < len(want) {
					time.Sleep(deadline - time.Millisecond)
					part := make([]byte, min(c.take, len(want)-len(got)))
					_, err := io.ReadFull(theirs, part)
					require.NoError(t, err)
					got = append(got, part...)
				}
				require.Equal(t, want, string(got), "and loses nothing")
				require.False(t, cn.Ended())
				require.Empty(t, b.slows())
			})
		})
	}
}

// A client that reads slowly or not at all while its connection ends holds up nothing for longer
// than the deadline, and is no slow consumer: nobody cut it off.
func TestTheEndWaitsForTheDeadlineAtMost(t *testing.T) {
	for _, piece := range []int{0, trickle, writeBatch} {
		synctest.Test(t, func(t *testing.T) {
			b, r := newBench(t), &recorder{}
			c, theirs := b.serve(overPipe, r)
			_ = theirs.SetDeadline(time.Time{})
			c.send(text(100 * trickle))
			start := time.Now()
			c.Close(closed.ServerShutdown)
			var client sync.WaitGroup
			defer client.Wait()
			client.Go(func() {
				for err := error(nil); err == nil && piece > 0; {
					time.Sleep(b.cfg.WriteDeadline/3 + time.Millisecond)
					_, err = io.ReadFull(theirs, make([]byte, piece))
				}
			})
			require.Equal(t, closed.ServerShutdown, r.reason(t))
			require.Equal(t, b.cfg.WriteDeadline, time.Since(start))
			require.Empty(t, b.slows())
		})
	}
}

// A writer that waits for its socket is woken when the connection ends for a reason that leaves
// nothing to be written.
func TestAWaitingWriterIsWoken(t *testing.T) {
	for _, reason := range []closed.Reason{closed.ReadError, closed.SlowConsumerPending} {
		synctest.Test(t, func(t *testing.T) {
			b, r := newBench(t), &recorder{}
			c, theirs := b.serve(overPipe, r)
			c.send(text(1000))
			take(t, theirs, text(1)) // now it waits
			start := time.Now()
			c.Close(reason)
			require.Equal(t, reason, r.reason(t))
			require.Zero(t, time.Since(start))
		})
	}
}

// hooked is a connection that tells when a write deadline is set, before it is.
type hooked struct {
	net.Conn
	before func()
}

func (h *hooked) SetWriteDeadline(at time.Time) error {
	if f := h.before; f != nil {
		h.before = nil
		f()
	}
	return h.Conn.SetWriteDeadline(at)
}

// The same when it ends just before the writer sets the deadline of its next write.
func TestAWriterThatIsAboutToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := newBench(t), &recorder{}
		h := &hooked{}
		c, _ := b.serve(func(*testing.T) (net.Conn, net.Conn) {
			ours, theirs := net.Pipe()
			h.Conn = ours
			return h, theirs
		}, r)
		h.before = func() { c.Close(closed.ReadError) }
		start := time.Now()
		c.send("x")
		require.Equal(t, closed.ReadError, r.reason(t))
		require.Zero(t, time.Since(start))
	})
}

// broken is a connection whose writes fail.
type broken struct{ net.Conn }

func (broken) Write([]byte) (int, error) { return 0, errors.New("no route") }

func TestAWriteError(t *testing.T) {
	b, r := newBench(t), &recorder{}
	c, _ := b.serve(func(*testing.T) (net.Conn, net.Conn) {
		ours, theirs := net.Pipe()
		return broken{ours}, theirs
	}, r)
	c.send("x")
	require.Equal(t, closed.WriteError, r.reason(t))
	require.Equal(t, outbox.Gone, c.send("y"))
	require.Zero(t, c.Box.Load().Held)
}

// Over TCP the one who sends notices himself that the client is gone.
func TestSendingToAClosedSocket(t *testing.T) {
	b, r := newBench(t), &recorder{}
	c, theirs := b.wrap(overTCP, r)
	require.NoError(t, theirs.(*net.TCPConn).SetLinger(0))
	require.NoError(t, theirs.Close())
	eventually(t, func() bool { return c.send("x") == outbox.Gone }, "the socket fails")
	require.Equal(t, closed.WriteError, c.Reason())
	require.True(t, c.Run(r))
	require.Equal(t, closed.WriteError, r.reason(t))
}

// When no goroutine can be started any more, output cannot be waited for.
func TestNoWriterAfterTheTasksEnded(t *testing.T) {
	b, r := newBench(t), &recorder{}
	c, theirs := b.serve(overPipe, r)
	b.cfg.Tasks.Close()
	c.send("x")
	require.Equal(t, closed.ServerShutdown, r.reason(t))
	require.Equal(t, outbox.Gone, c.send("y"))
	require.Empty(t, rest(t, theirs))
}
