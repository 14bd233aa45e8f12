package conn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
)

// However a client cuts what it says, its commands come whole and in order.
func TestCommandsInPieces(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		for _, piece := range []int{1, 2, 7, 100, 1 << 20} {
			t.Run(fmt.Sprint(piece), func(t *testing.T) {
				b, r := newBench(t), &recorder{}
				_, theirs := b.serve(way, r)
				var want []string
				said := ""
				for i := range 60 {
					line := fmt.Sprintf("line %d %s", i, strings.Repeat("x", i*i%90))
					if i%7 == 3 {
						line = fmt.Sprintf("size %d\n%s", i*10, strings.Repeat("\n", i*10))
						said += line
					} else {
						said += line + "\n"
					}
					want = append(want, line)
				}
				for len(said) > 0 {
					n := min(piece, len(said))
					say(t, theirs, said[:n])
					said = said[n:]
				}
				eventually(t, func() bool { return len(r.got()) == len(want) }, "all lines")
				require.Equal(t, want, r.got())
			})
		}
	})
}

// step makes a connection that the test itself reads from, one read at a time.
func step(t *testing.T, way pair, r *recorder) (*Conn, net.Conn) {
	c, theirs := newBench(t).wrap(way, r)
	if client, ok := theirs.(*tls.Conn); ok {
		done := make(chan error, 1)
		go func() { done <- client.Handshake() }()
		require.NoError(t, r.Open())
		require.NoError(t, <-done)
	}
	return c, theirs
}

// room is the size of the buffer that c holds.
func (in *input) room() int {
	if in.buf == nil {
		return 0
	}
	return len(in.buf.b)
}

// A busy connection reads more and more at once, an idle one gives its buffer back and forgets
// step by step that it was busy.
func TestBuffersGrowAndShrink(t *testing.T) {
	r := &recorder{}
	c, theirs := step(t, overTCP, r)
	most := 0
	r.onRead = func(buf []byte) { most = max(most, len(buf)) }
	flood := strings.Repeat(strings.Repeat("x", 1023)+"\n", 2<<10)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(theirs, flood)
	}()
	for len(r.got()) < 2<<10 {
		require.NoError(t, c.in.next())
		require.LessOrEqual(t, c.in.room(), largestBuffer)
		require.LessOrEqual(t, most, largestBuffer)
		if c.in.held == 0 {
			require.Zero(t, c.in.room(), "nothing is held, so nothing is kept")
		}
	}
	<-sent
	require.Greater(t, c.in.class, firstClass)
	require.Greater(t, most, smallestBuffer<<firstClass)

	grown, reads := c.in.class-firstClass, 0
	for ; c.in.class > firstClass; reads++ {
		say(t, theirs, "x\n")
		require.NoError(t, c.in.next())
	}
	require.Greater(t, reads, (grown-1)*fewBeforeShrink, "not at the first small read")
	require.LessOrEqual(t, reads, grown*fewBeforeShrink)
	for range 2 * fewBeforeShrink {
		say(t, theirs, "x\n")
		require.NoError(t, c.in.next())
	}
	require.Equal(t, firstClass, c.in.class, "it does not get smaller than that")
}

// A read that fills its buffer makes the next one twice as large, up to a bound.
func TestEachFullReadDoublesTheBuffer(t *testing.T) {
	r := &recorder{}
	c, theirs := step(t, overPipe, r)
	go func() { _, _ = io.WriteString(theirs, strings.Repeat(strings.Repeat("x", 1023)+"\n", 4<<10)) }()
	want := smallestBuffer << firstClass
	for range 20 {
		r.onRead = func(buf []byte) { require.Len(t, buf, want) }
		require.NoError(t, c.in.next())
		want = min(2*want, largestBuffer)
	}
}

// While it waits for the rest of a command a connection keeps no more than the part it has needs.
func TestAWaitingConnectionKeepsLittle(t *testing.T) {
	for _, part := range []int{0, 1, 300, 600, 5000, 100_000} {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			r := &recorder{}
			c, theirs := step(t, overTCP, r)
			c.in.class = bufferClasses - 1 // it was busy before
			waited := -1
			c.in.try = func(fd uintptr) bool {
				if c.in.readNow(fd) {
					return true
				}
				if waited < 0 {
					waited = c.in.room()
					say(t, theirs, "\n")
				}
				return false
			}
			if part > 0 {
				say(t, theirs, strings.Repeat("x", part))
			}
			for waited < 0 || len(r.got()) == 0 {
				require.NoError(t, c.in.next())
			}
			require.Equal(t, []string{strings.Repeat("x", part)}, r.got())
			if part == 0 {
				require.Zero(t, waited)
			} else {
				require.Less(t, waited, max(4*part, 2*smallestBuffer), "kept for %d bytes", part)
			}
		})
	}
}

// Nobody gets memory for a size that he merely claims: what is kept for the rest of a command is
// bounded by what has come of it.
func TestMemoryForAClaimedSize(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		const size = 2 << 20
		r := &recorder{}
		c, theirs := step(t, way, r)
		said := fmt.Sprintf("size %d\n", size) + text(size)
		at, most := 0, 0
		for len(r.got()) == 0 {
			n := min(len(said)-at, 1+at/3)
			wrote := make(chan struct{})
			go func() {
				defer close(wrote)
				_, _ = io.WriteString(theirs, said[at:at+n])
			}()
			for came := 0; came < n; {
				before := c.in.held
				require.NoError(t, c.in.next())
				if len(r.got()) > 0 {
					break
				}
				came += c.in.held - before
				most = max(most, c.in.room())
				require.LessOrEqual(t, c.in.room(), max(smallestBuffer<<firstClass, 8*c.in.held))
			}
			<-wrote
			at += n
		}
		require.Equal(t, said, r.got()[0])
		require.LessOrEqual(t, most, len(said)+largestBuffer, "no more than the command needs")
		require.Zero(t, c.in.held)
	})
}

// A command that is larger than any buffer gets one of its own, which is not kept.
func TestALargeCommandBetweenSmallOnes(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b, r := newBench(t), &recorder{}
		_, theirs := b.serve(way, r)
		large := fmt.Sprintf("size %d\n%s", 1<<20, text(1<<20))
		say(t, theirs, "a\n"+large+"b\n"+large+"c\n")
		eventually(t, func() bool { return len(r.got()) == 5 }, "all lines")
		require.Equal(t, []string{"a", large, "b", large, "c"}, r.got())
	})
}

func TestBufferClasses(t *testing.T) {
	for _, c := range []struct{ size, room int }{
		{0, 512}, {1, 512}, {512, 512}, {513, 1024}, {2048, 2048}, {100_000, 128 << 10},
		{largestBuffer, largestBuffer}, {largestBuffer + 1, largestBuffer + 1}, {1 << 20, 1 << 20},
	} {
		b := newBuffer(c.size)
		require.Len(t, b.b, c.room)
		b.free()
		if c.room <= largestBuffer {
			again := newBuffer(c.room)
			require.Len(t, again.b, c.room)
			again.free()
		}
	}
}

// stubborn is a connection whose reads are scripted.
type stubborn struct {
	net.Conn
	reads []func(p []byte) (int, error)
}

func (s *stubborn) Read(p []byte) (int, error) {
	if len(s.reads) == 0 {
		return 0, io.EOF
	}
	read := s.reads[0]
	s.reads = s.reads[1:]
	return read(p)
}

func give(text string, err error) func(p []byte) (int, error) {
	return func(p []byte) (int, error) { return copy(p, text), err }
}

// scripted makes a pair of which our end reads what is given.
func scripted(reads ...func(p []byte) (int, error)) pair {
	return func(*testing.T) (net.Conn, net.Conn) {
		ours, theirs := net.Pipe()
		return &stubborn{Conn: ours, reads: reads}, theirs
	}
}

// What comes together with the end of the connection counts, and reads that bring nothing do not
// matter.
func TestTheLastReadCounts(t *testing.T) {
	b, r := newBench(t), &recorder{}
	_, theirs := b.serve(scripted(give("a\n", nil), give("", nil), give("b\nc\nrest", io.EOF)), r)
	require.Equal(t, closed.ClientClosed, r.reason(t))
	require.Equal(t, []string{"a", "b", "c"}, r.got())
	require.Empty(t, rest(t, theirs))
}

func TestReasonsOfReadErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want closed.Reason
	}{
		{io.EOF, closed.ClientClosed},
		{net.ErrClosed, closed.ClientClosed},
		{io.ErrClosedPipe, closed.ClientClosed},
		{fmt.Errorf("wrapped: %w", net.ErrClosed), closed.ClientClosed},
		{errors.New("no route"), closed.ReadError},
		{io.ErrUnexpectedEOF, closed.ReadError},
	} {
		b, r := newBench(t), &recorder{}
		b.serve(scripted(give("", c.err)), r)
		require.Equal(t, c.want, r.reason(t), "%v", c.err)
	}
}

// A client that goes away without a farewell has closed the connection, too.
func TestAReset(t *testing.T) {
	b, r := newBench(t), &recorder{}
	_, theirs := b.serve(overTCP, r)
	say(t, theirs, "a\n")
	eventually(t, func() bool { return len(r.got()) == 1 }, "the line")
	require.NoError(t, theirs.(*net.TCPConn).SetLinger(0))
	require.NoError(t, theirs.Close())
	require.Equal(t, closed.ClientClosed, r.reason(t))
}
