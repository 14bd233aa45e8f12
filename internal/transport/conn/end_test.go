package conn

import (
	"errors"
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

// Output that waits is written before the socket is closed, however much it is.
func TestCloseFlushes(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b, r := newBench(t), &recorder{}
		c, theirs := b.serve(way, r)
		large := text(4 << 20)
		c.send(large)
		c.Close(closed.ServerShutdown)
		require.True(t, c.Ended())
		require.Equal(t, outbox.Gone, c.send("too late"))
		require.Equal(t, large, rest(t, theirs))
		require.Equal(t, closed.ServerShutdown, r.reason(t))
	})
}

// Abort throws away what waits, and does not wait for the client.
func TestAbortDoesNotFlush(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b, r := newBench(t), &recorder{}
		c, theirs := b.serve(way, r)
		c.send(text(4 << 20))
		c.Abort(closed.ServerShutdown)
		require.Equal(t, closed.ServerShutdown, r.reason(t), "without the client reading anything")
		got, _ := io.ReadAll(theirs)
		require.Less(t, len(got), 4<<20)
	})
}

// Nothing is written any more for reasons that say that the socket does not work.
func TestReasonsThatDoNotFlush(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		for _, reason := range []closed.Reason{closed.ReadError, closed.WriteError, closed.SlowConsumerPending, closed.SlowConsumerDeadline} {
			b, r := newBench(t), &recorder{}
			c, theirs := b.serve(way, r)
			c.send(text(4 << 20))
			c.Close(reason)
			require.Equal(t, reason, r.reason(t))
			got, _ := io.ReadAll(theirs)
			require.Less(t, len(got), 4<<20)
		}
	})
}

func TestTheFirstReasonCounts(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b, r := newBench(t), &recorder{}
		c, _ := b.serve(way, r)
		require.Equal(t, closed.Open, c.Reason())
		require.False(t, c.Ended())
		var all sync.WaitGroup
		c.Close(closed.StaleConnection)
		for range 4 {
			all.Go(func() {
				c.Close(closed.ServerShutdown)
				c.Abort(closed.ReadError)
			})
		}
		all.Wait()
		require.Equal(t, closed.StaleConnection, r.reason(t))
	})
}

// A client that has said everything and waits for the rest still gets it.
func TestHalfCloseByTheClient(t *testing.T) {
	b, r := newBench(t), &recorder{}
	large := text(4 << 20)
	r.onLine = func(string) error {
		r.c.send(large)
		return nil
	}
	_, theirs := b.serve(overTCP, r)
	say(t, theirs, "give me everything\n")
	require.NoError(t, theirs.(*net.TCPConn).CloseWrite())
	require.Equal(t, large, rest(t, theirs))
	require.Equal(t, closed.ClientClosed, r.reason(t))
}

var errFault = errors.New("fault")

// finishing is a session that tells why and ends at the first line.
func finishing() *recorder {
	r := &recorder{}
	r.onLine = func(string) error {
		r.c.send("-ERR 'why'\r\n")
		r.c.Finish(closed.ProtocolViolation)
		return errFault
	}
	return r
}

// A client that is still talking gets to read why it was cut off: its unread input does not reset
// the connection.
func TestFinishLetsTheClientReadWhy(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		for _, unread := range []int{0, 1 << 10, 1 << 20} {
			b, r := newBench(t), finishing()
			_, theirs := b.serve(way, r)
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(theirs, "x\n"+strings.Repeat("y", unread))
				sent <- err
			}()
			require.Equal(t, "-ERR 'why'\r\n", rest(t, theirs))
			require.NoError(t, <-sent, "all of it was taken from the client")
			theirs.Close()
			require.Equal(t, closed.ProtocolViolation, r.reason(t))
			require.Len(t, r.got(), 1, "and none of it was heeded")
		}
	})
}

// halves is a pipe of which our end can be closed half, like a socket.
type halves struct {
	net.Conn
	half, whole time.Time // when it was closed
}

func (h *halves) CloseWrite() error {
	h.half = time.Now()
	return nil
}

func (h *halves) Close() error {
	if h.whole.IsZero() {
		h.whole = time.Now()
	}
	return h.Conn.Close()
}

// The client learns at once that nothing more will come, while it may still talk.
func TestFinishClosesHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := newBench(t), finishing()
		var h *halves
		_, theirs := b.serve(func(*testing.T) (net.Conn, net.Conn) {
			ours, theirs := net.Pipe()
			h = &halves{Conn: ours}
			return h, theirs
		}, r)
		say(t, theirs, "x\n")
		start := time.Now()
		take(t, theirs, "-ERR 'why'\r\n")
		r.reason(t)
		require.Equal(t, start, h.half)
		require.Equal(t, start.Add(linger), h.whole)
	})
}

// It is not kept waiting for ever, though: neither for a client that says nothing more and does
// not close, nor for one that never stops talking.
func TestFinishWaitsForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := newBench(t), finishing()
		_, theirs := b.serve(overPipe, r)
		_ = theirs.SetDeadline(time.Time{})
		say(t, theirs, "x\n")
		start := time.Now()
		take(t, theirs, "-ERR 'why'\r\n")
		require.Equal(t, closed.ProtocolViolation, r.reason(t))
		require.Equal(t, linger, time.Since(start))
	})
	synctest.Test(t, func(t *testing.T) {
		b, r := newBench(t), finishing()
		_, theirs := b.serve(overPipe, r)
		_ = theirs.SetDeadline(time.Time{})
		say(t, theirs, "x\n")
		take(t, theirs, "-ERR 'why'\r\n")
		start, sent := time.Now(), 0
		for flood, err := make([]byte, 64<<10), error(nil); err == nil; sent += len(flood) {
			require.LessOrEqual(t, sent, 2*mostLinger)
			_, err = theirs.Write(flood)
		}
		require.Equal(t, closed.ProtocolViolation, r.reason(t))
		require.Zero(t, time.Since(start))
	})
}

// A session that ends without Finish told its client nothing: the connection just closes.
func TestAnErrorWithoutFinish(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b, r := newBench(t), &recorder{}
		r.onLine = func(string) error { return errFault }
		_, theirs := b.serve(way, r)
		say(t, theirs, "x\n")
		require.Empty(t, rest(t, theirs))
		require.Equal(t, closed.ReadError, r.reason(t))
	})
}

func TestAnErrorOfOpen(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b := newBench(t)
		r := &recorder{opening: errFault}
		_, theirs := b.serve(way, r)
		require.Empty(t, rest(t, theirs))
		require.Equal(t, closed.ReadError, r.reason(t))
		require.Empty(t, r.got())
	})
}

// A panic of the session ends its connection in order; the others live on.
func TestAPanicOfTheSession(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b, r, other := newBench(t), &recorder{}, &recorder{}
		b.serve(way, other)
		r.onLine = func(string) error {
			r.c.send("something")
			panic("boom")
		}
		_, theirs := b.serve(way, r)
		say(t, theirs, "x\n")
		require.Equal(t, "something", rest(t, theirs))
		require.Equal(t, closed.InternalError, r.reason(t))
		eventually(t, func() bool { return b.panics.Load() == 1 }, "somebody heard of it")
		require.False(t, other.c.Ended())
	})
}

// A connection may end before it was served; the session hears of it once it is.
func TestEndBeforeTheBeginning(t *testing.T) {
	plainly(t, func(t *testing.T, way pair) {
		for name, end := range map[string]func(*Conn){
			"close": func(c *Conn) { c.Close(closed.ServerShutdown) },
			"abort": func(c *Conn) { c.Abort(closed.ServerShutdown) },
		} {
			t.Run(name, func(t *testing.T) {
				b, r := newBench(t), &recorder{}
				c, theirs := b.wrap(way, r)
				end(c)
				require.Empty(t, rest(t, theirs))
				require.True(t, c.Run(r))
				require.Equal(t, closed.ServerShutdown, r.reason(t))
			})
		}
	})
}

func TestRunAfterTheTasksEnded(t *testing.T) {
	plainly(t, func(t *testing.T, way pair) {
		b, r := newBench(t), &recorder{}
		b.cfg.Tasks.Close()
		c, theirs := b.wrap(way, r)
		require.False(t, c.Run(r))
		require.Empty(t, rest(t, theirs))
		require.Empty(t, r.ended, "the session hears nothing")
	})
}

// Whoever ends a connection, at whatever moment: it ends once, and everything of it.
func TestEndsFromAllSides(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		for i := range 60 {
			b, r := newBench(t), finishing()
			c, theirs := b.serve(way, r)
			var all sync.WaitGroup
			for side, end := range []func(){
				func() { _, _ = io.WriteString(theirs, "x\n") },
				func() { c.Close(closed.ServerShutdown) },
				func() { c.Abort(closed.StaleConnection) },
				func() { theirs.Close() },
				func() { c.send(text(100_000)) },
				func() { c.cutOff(closed.SlowConsumerPending) },
			} {
				if side != i%7 { // each time another one stays out of it
					all.Go(end)
				}
			}
			all.Wait()
			c.Close(closed.ClientClosed)
			theirs.Close()
			require.NotEqual(t, closed.Open, r.reason(t))
			require.Empty(t, b.cfg.Tasks.Wait(10*time.Second))
		}
	})
}
