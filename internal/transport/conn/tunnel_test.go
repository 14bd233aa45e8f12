package conn

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/outbox"
	"github.com/baridmq/barid/internal/lab"
)

// serverConfig is TLS with the certificate for nobody.
func serverConfig(t *testing.T) *tls.Config {
	t.Helper()
	cert, err := certificate()
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

var anyServer = &tls.Config{InsecureSkipVerify: true}

// opener is a recorder that begins with what the test says.
type opener struct {
	recorder
	open func(c *Conn) error
}

func (o *opener) Open() error { return o.open(o.c) }

// open serves a plain connection whose session begins with f.
func (b *bench) open(way pair, f func(c *Conn) error) (*opener, net.Conn) {
	b.t.Helper()
	o := &opener{open: f}
	c, theirs := b.wrap(way, &o.recorder)
	require.True(b.t, c.Run(o))
	return o, theirs
}

// What a handshake can come across, and that the connection is a plain one after a failure.
func TestHandshakesThatFail(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		goes       bool // away
		err        string
	}{
		{"plain text", "CONNECT {\"verbose\":false}\r\nPING\r\n", false, "tls: first record does not look like a TLS handshake"},
		{"garbage behind a good beginning", "\x16\x03\x01\x00\x05hello", false, "tls: "},
		{"a record that is too long", "\x16\x03\x01\xff\xff", false, "tls: "},
		{"gone at once", "", true, "EOF"},
		{"gone in the middle", "\x16\x03\x01\x02\x00\x01\x00", true, "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			cn, theirs := b.wrap(overTCP, &recorder{})
			say(t, theirs, c.sent)
			if c.goes {
				require.NoError(t, theirs.(*net.TCPConn).CloseWrite())
			}
			require.ErrorContains(t, cn.Secure(serverConfig(t), lab.Patience), c.err)
			require.Nil(t, cn.TLS())
			require.Equal(t, outbox.Sent, cn.send("in the clear"))
			cn.Abort(closed.TLSHandshakeFailure)
			require.True(t, strings.HasSuffix(rest(t, theirs), "in the clear"))
		})
	}
}

// A handshake has its time and no more, though bytes keep coming.
func TestHandshakeTimeout(t *testing.T) {
	for _, dribbles := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			c, theirs := b.wrap(overPipe, &recorder{})
			cfg := serverConfig(t)
			var client sync.WaitGroup
			defer client.Wait()
			client.Go(func() {
				for _, x := range []byte("\x16\x03\x01\x02\x00\x01\x00") {
					if time.Sleep(500 * time.Millisecond); dribbles {
						_, _ = theirs.Write([]byte{x})
					}
				}
			})
			start := time.Now()
			require.ErrorIs(t, c.Secure(cfg, 2*time.Second), os.ErrDeadlineExceeded)
			require.Equal(t, 2*time.Second, time.Since(start))
			theirs.Close()
		})
	}
}

// A connection is not kept by a handshake when the server ends.
func TestAbortDuringTheHandshake(t *testing.T) {
	b := newBench(t)
	begun := make(chan struct{})
	o, theirs := b.open(overTCP, func(c *Conn) error {
		close(begun)
		return c.Secure(serverConfig(t), time.Hour)
	})
	<-begun
	o.c.Close(closed.ServerShutdown)
	require.Empty(t, rest(t, theirs))
	require.Equal(t, closed.ServerShutdown, o.reason(t))
}

// What is read ahead reaches who it is for: a plain session, or the handshake.
func TestReadAhead(t *testing.T) {
	const line = "first line\nsecond"
	peek := func(c *Conn) ([]byte, error) { return c.Peek(time.Now().Add(lab.Patience)) }
	t.Run("a plain session", func(t *testing.T) {
		plainly(t, func(t *testing.T, way pair) {
			b := newBench(t)
			seen := make(chan string, 2)
			o, theirs := b.open(way, func(c *Conn) error {
				c.Unread([]byte("un"))
				c.Unread([]byte("read ")) // stands before what was there
				for range 2 {
					got, err := peek(c)
					if err != nil {
						return err
					}
					seen <- string(got)
				}
				return nil
			})
			say(t, theirs, line+" line\n")
			require.Equal(t, "read un", <-seen)
			require.Equal(t, "read un", <-seen, "looking takes nothing away")
			eventually(t, func() bool { return len(o.got()) == 2 }, "both lines are read")
			require.Equal(t, []string{"read unfirst line", "second line"}, o.got())
		})
	})
	t.Run("a handshake", func(t *testing.T) {
		plainly(t, func(t *testing.T, way pair) {
			b := newBench(t)
			cfg := serverConfig(t)
			seen := make(chan []byte, 1)
			o, theirs := b.open(way, func(c *Conn) error {
				got, err := peek(c)
				if err != nil {
					return err
				}
				seen <- got
				return c.Secure(cfg, lab.Patience)
			})
			client := tls.Client(theirs, anyServer)
			say(t, client, line+" line\n")
			require.EqualValues(t, 22, (<-seen)[0])
			eventually(t, func() bool { return len(o.got()) == 2 }, "both lines are read")
			require.NotNil(t, o.c.TLS())
			o.c.send("answer")
			take(t, client, "answer")
		})
	})
	t.Run("nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			c, theirs := b.wrap(overPipe, &recorder{})
			start := time.Now()
			got, err := c.Peek(start.Add(time.Second))
			require.NoError(t, err)
			require.Empty(t, got)
			require.Equal(t, time.Second, time.Since(start))
			theirs.Close()
			_, err = c.Peek(start.Add(time.Hour))
			require.ErrorIs(t, err, io.EOF)
		})
	})
}

// What is written before the handshake comes as it is, within its time.
func TestWriteInTheClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		c, theirs := b.wrap(overPipe, &recorder{})
		var client sync.WaitGroup
		client.Go(func() { take(t, theirs, "INFO") })
		require.NoError(t, c.Write([]byte("INFO"), time.Now().Add(time.Second)))
		client.Wait()
		start := time.Now()
		require.ErrorIs(t, c.Write([]byte("INFO"), start.Add(time.Second)), os.ErrDeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
	})
}

// What waits in the middle of an encrypted piece is neither lost nor overtaken, whatever the sizes.
func TestNothingIsLostInTheMiddleOfAPiece(t *testing.T) {
	for _, name := range []string{"tls over tcp", "tls over a pipe"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c, theirs := b.serve(ways[name], &recorder{})
			var want strings.Builder
			for i, n := range []int{1, piece - 1, piece, piece + 1, 16 << 10, 3*piece + 7, 2 << 20, 1, 2*piece - 1, 700_000, 5} {
				part := fmt.Sprint(i) + text(n)
				want.WriteString(part)
				require.Equal(t, outbox.Sent, c.send(part))
			}
			sent := want.Len()
			held := c.Box.Load().Held
			require.Positive(t, held, "the socket is full")
			require.LessOrEqual(t, held, sent)
			got := make([]byte, sent)
			_, err := io.ReadFull(&small{theirs}, got)
			require.NoError(t, err)
			require.True(t, want.String() == string(got), "what comes is what was sent")
			eventually(t, func() bool { return c.Box.Load().Held == 0 && b.cfg.Tasks.Running()["writer"] == 0 }, "the writer ends")
			require.Empty(t, c.tunnel.Load().stage.waiting())
			require.Empty(t, b.slows())
		})
	}
}

// secretly is a way over a pipe with TLS whose client counts bytes as the socket does.
func secretly(raw *net.Conn) pair {
	return func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = overPipe(t)
		*raw = theirs
		return secured{ours, serverConfig(t)}, tls.Client(theirs, anyServer)
	}
}

// The write deadline counts what the socket takes, encrypted or not.
func TestSlowConsumerByDeadlineWithTLS(t *testing.T) {
	for _, taken := range []int{0, trickle - 1} {
		synctest.Test(t, func(t *testing.T) {
			b, r := newBench(t), &recorder{}
			var raw net.Conn
			c, theirs := b.serve(secretly(&raw), r)
			_ = theirs.SetDeadline(time.Time{})
			c.send(text(20 * trickle))
			start := time.Now()
			time.Sleep(b.cfg.WriteDeadline - time.Millisecond)
			_, err := io.ReadFull(raw, make([]byte, taken))
			require.NoError(t, err)
			require.False(t, c.Ended())
			require.Equal(t, closed.SlowConsumerDeadline, r.reason(t))
			require.Equal(t, b.cfg.WriteDeadline, time.Since(start))
			require.Len(t, b.slows(), 1)
		})
	}
}

// What is encrypted already when a deadline passes that the client has kept in time is sent, too,
// though nothing more is sent behind it; also when the connection ends meanwhile.
func TestTheTailIsSentBehindADeadline(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprintf("ends %v", ends), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, r := newBench(t), &recorder{}
				var raw net.Conn
				c, theirs := b.serve(secretly(&raw), r)
				_ = theirs.SetDeadline(time.Time{})
				want := text(2*piece + 1000)
				c.send(want)
				// The socket takes more than a trickle in the first time, but leaves a part of the last piece.
				var early bytes.Buffer
				_, err := io.CopyN(&early, raw, 2*piece)
				require.NoError(t, err)
				time.Sleep(b.cfg.WriteDeadline + time.Second)
				if ends {
					c.Close(closed.ServerShutdown)
				}
				var late bytes.Buffer
				_ = raw.SetReadDeadline(time.Now().Add(time.Second))
				_, _ = io.Copy(&late, raw)
				require.Greater(t, early.Len()+late.Len(), len(want), "all of it was sent")
				require.Empty(t, b.slows())
			})
		})
	}
}

// tapped notes what a client receives on the wire.
type tapped struct {
	net.Conn
	n atomic.Int64
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// A client is told by TLS that nothing more comes, so that it knows that nothing was cut off;
// but not where something may be missing, or when it has left itself.
func TestCloseNotify(t *testing.T) {
	const notice = 5 + 2 + 1 + 16 // bytes of that record in TLS 1.3
	for _, c := range []struct {
		name   string
		end    func(r *recorder, client *tls.Conn)
		length int
	}{
		{"shutdown", func(r *recorder, _ *tls.Conn) { r.c.Close(closed.ServerShutdown) }, notice},
		{"stale", func(r *recorder, _ *tls.Conn) { r.c.Close(closed.StaleConnection) }, notice},
		{"slow", func(r *recorder, _ *tls.Conn) { r.c.Close(closed.SlowConsumerPending) }, 0},
		{"write error", func(r *recorder, _ *tls.Conn) { (*sink)(r.c).Broken(errFault); r.c.Box.Close(false) }, 0},
		{"the client left", func(_ *recorder, client *tls.Conn) { _ = client.CloseWrite() }, 0},
		{"the session ends it", func(_ *recorder, client *tls.Conn) { _, _ = io.WriteString(client, "x\n") }, 5 + 12 + 1 + 16 + notice},
	} {
		for _, name := range []string{"tcp", "pipe"} {
			t.Run(c.name+" over "+name, func(t *testing.T) {
				b, r := newBench(t), finishing()
				tap := &tapped{}
				_, theirs := b.serve(func(t *testing.T) (net.Conn, net.Conn) {
					ours, theirs := ways[name](t)
					tap.Conn = theirs
					cfg := serverConfig(t)
					cfg.SessionTicketsDisabled = true
					return secured{ours, cfg}, tls.Client(tap, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
				}, r)
				client := theirs.(*tls.Conn)
				r.c.send("hello")
				take(t, client, "hello")
				before := tap.n.Load()
				var reading sync.WaitGroup
				reading.Go(func() { _, _ = io.Copy(io.Discard, client) })
				c.end(r, client)
				r.reason(t)
				reading.Wait()
				require.EqualValues(t, c.length, tap.n.Load()-before)
			})
		}
	}
}

// A client that has said everything by TLS and waits for the rest still gets it.
func TestHalfCloseByTheClientWithTLS(t *testing.T) {
	b, r := newBench(t), &recorder{}
	large := text(4 << 20)
	r.onLine = func(string) error {
		r.c.send(large)
		return nil
	}
	_, theirs := b.serve(encrypted(overTCP), r)
	say(t, theirs, "give me everything\n")
	require.NoError(t, theirs.(*tls.Conn).CloseWrite())
	require.Equal(t, large, rest(t, theirs))
	require.Equal(t, closed.ClientClosed, r.reason(t))
}

// The stage keeps its bytes in order while some are on their way to the socket and others come in.
func TestStage(t *testing.T) {
	random, all := rand.New(rand.NewPCG(1, 2)), []byte(text(5000))
	for range 5 {
		var s stage
		var in, out bytes.Buffer
		for range 300 {
			if random.IntN(10) == 0 {
				s.reserve(random.IntN(piece))
			}
			w := s.waiting() // goes to the socket while others write
			for range random.IntN(4) {
				at := random.IntN(len(all))
				p := all[at : at+random.IntN(len(all)-at)]
				n, err := s.Write(p)
				require.NoError(t, err)
				require.Equal(t, len(p), n)
				in.Write(p)
			}
			if len(w) > 0 {
				n := random.IntN(len(w) + 1)
				out.Write(w[:n])
				s.wrote(n)
			}
		}
		out.Write(s.waiting())
		require.True(t, bytes.Equal(in.Bytes(), out.Bytes()))
	}
}

// counting is a session that keeps nothing.
type counting struct {
	c    *Conn
	cfg  *tls.Config
	came chan int
}

func (s *counting) Open() error { return s.c.Secure(s.cfg, lab.Patience) }

func (s *counting) Read(buf []byte, _ time.Time) (used, need int, err error) {
	s.came <- len(buf)
	return len(buf), 0, nil
}

func (s *counting) Closed(closed.Reason) { close(s.came) }

// Messages that come and go by TLS cost no memory each, but for what crypto/tls itself needs: a
// few bytes for each look at the socket, of which there are two for a record and one that is vain.
func TestTLSAllocatesNothingOfOurs(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("with the race detector pools forget what they have")
	}
	b := newBench(t)
	c, theirs := b.wrap(overTCP, &recorder{})
	s := &counting{c: c, cfg: serverConfig(t), came: make(chan int, 100)}
	require.True(t, c.Run(s))
	client := tls.Client(theirs, anyServer)
	message, in := []byte(text(300)), make([]byte, 300)
	roundTrip := func() {
		if _, err := client.Write(message); err != nil {
			panic(err)
		}
		for n := 0; n < len(message); {
			n += <-s.came
		}
		c.Box.Send(message, 1, len(message), outbox.Any)
		if _, err := io.ReadFull(client, in); err != nil {
			panic(err)
		}
	}
	for range 1000 { // until buffers have their sizes
		roundTrip()
	}
	// The client looks twice, we do three times. The mean of many is rounded down, so that what the
	// runtime does now and then, such as emptying pools, does not count.
	require.LessOrEqual(t, testing.AllocsPerRun(2000, roundTrip), 2.0+3.0)
}
