package conn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/outbox"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// recorder is a Session that takes lines, and notes what happens to it. A line "size N" is
// followed by N bytes that belong to it.
type recorder struct {
	c       *Conn
	opening error
	tls     *tls.Config             // nil for a plain connection
	onLine  func(line string) error // an error ends the connection
	onRead  func(buf []byte)        // sees what was read before it is taken apart

	mu    sync.Mutex
	lines []string
	ended []closed.Reason
	over  chan struct{} // closed by Closed
}

func (r *recorder) Open() error {
	if r.tls != nil {
		if err := r.c.Secure(r.tls, lab.Patience); err != nil {
			return err
		}
	}
	return r.opening
}

func (r *recorder) Read(buf []byte, _ time.Time) (used, need int, err error) {
	if r.onRead != nil {
		r.onRead(buf)
	}
	for {
		end := bytes.IndexByte(buf[used:], '\n')
		if end < 0 {
			return used, 0, nil
		}
		whole := end + 1
		if size, ok := strings.CutPrefix(string(buf[used:used+end]), "size "); ok {
			n, _ := strconv.Atoi(size)
			whole += n
		}
		if len(buf)-used < whole {
			return used, whole, nil
		}
		line := string(buf[used : used+end])
		if whole > end+1 {
			line = string(buf[used : used+whole])
		}
		r.mu.Lock()
		r.lines = append(r.lines, line)
		r.mu.Unlock()
		if r.onLine != nil {
			if err := r.onLine(line); err != nil {
				return used, 0, err
			}
		}
		used += whole
	}
}

func (r *recorder) Closed(reason closed.Reason) {
	r.mu.Lock()
	r.ended = append(r.ended, reason)
	r.mu.Unlock()
	close(r.over)
}

func (r *recorder) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

// bench is a place to test connections on.
type bench struct {
	t      *testing.T
	cfg    Config
	panics atomic.Int64

	mu   sync.Mutex
	slow []string // what Slow was told
}

// newBench makes a place with room enough, and waits at the end until its goroutines are gone.
func newBench(t *testing.T) *bench {
	b := &bench{t: t}
	b.cfg = Config{
		Tasks:      task.New(func(string, any, []byte) { b.panics.Add(1) }),
		MaxPending: 64 << 20, WriteDeadline: 10 * time.Second,
		Slow: func(_ *Conn, reason closed.Reason, held int) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.slow = append(b.slow, fmt.Sprintf("%s, %d bytes", reason, held))
		},
	}
	t.Cleanup(func() {
		b.cfg.Tasks.Close()
		require.Empty(t, b.cfg.Tasks.Wait(lab.Patience))
	})
	return b
}

// slows returns what Slow was told.
func (b *bench) slows() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.slow...)
}

// pair returns both ends of a connection: the server's, and the client's.
type pair func(t *testing.T) (ours, theirs net.Conn)

func overTCP(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	theirs, err = net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	ours, err = ln.Accept()
	require.NoError(t, err)
	// What the system keeps on the way is small, so that a few megabytes wait for sure.
	require.NoError(t, theirs.(*net.TCPConn).SetReadBuffer(128<<10))
	require.NoError(t, ours.(*net.TCPConn).SetWriteBuffer(128<<10))
	return ours, theirs
}

func overPipe(*testing.T) (ours, theirs net.Conn) { return net.Pipe() }

// secured marks the server's end of a connection that begins with a handshake.
type secured struct {
	net.Conn
	cfg *tls.Config
}

// encrypted is way with TLS on it.
func encrypted(way pair) pair {
	return func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = way(t)
		cert, err := certificate()
		require.NoError(t, err)
		return secured{ours, &tls.Config{Certificates: []tls.Certificate{cert}}}, tls.Client(theirs, &tls.Config{InsecureSkipVerify: true})
	}
}

// certificate is one for nobody in particular.
var certificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
})

// ways are the ways a connection can go.
var ways = map[string]pair{
	"tcp": overTCP, "pipe": overPipe,
	"tls over tcp": encrypted(overTCP), "tls over a pipe": encrypted(overPipe),
}

// plainly runs f over connections without TLS.
func plainly(t *testing.T, f func(t *testing.T, way pair)) {
	for _, name := range []string{"tcp", "pipe"} {
		t.Run(name, func(t *testing.T) { f(t, ways[name]) })
	}
}

// each runs f over all kinds of connections.
func each(t *testing.T, f func(t *testing.T, way pair)) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) { f(t, way) })
	}
}

// wrap makes a connection that is not served yet, and its client.
func (b *bench) wrap(way pair, r *recorder) (*Conn, net.Conn) {
	b.t.Helper()
	ours, theirs := way(b.t)
	if s, ok := ours.(secured); ok {
		ours, r.tls = s.Conn, s.cfg
	}
	c := New(ours, &b.cfg)
	r.c, r.over, c.session = c, make(chan struct{}), r
	b.t.Cleanup(func() {
		_ = theirs.Close()
		c.Abort(closed.ServerShutdown)
	})
	_ = theirs.SetDeadline(time.Now().Add(lab.Patience))
	return c, theirs
}

// serve makes a connection and serves it.
func (b *bench) serve(way pair, r *recorder) (*Conn, net.Conn) {
	b.t.Helper()
	c, theirs := b.wrap(way, r)
	require.True(b.t, c.Run(r))
	if client, ok := theirs.(*tls.Conn); ok {
		require.NoError(b.t, client.Handshake())
		eventually(b.t, func() bool { return c.tunnel.Load() != nil }, "the handshake ends")
	}
	return c, theirs
}

// reason waits for the end and returns why it came.
func (r *recorder) reason(t *testing.T) closed.Reason {
	t.Helper()
	select {
	case <-r.over:
	case <-time.After(lab.Patience):
		require.FailNow(t, "the connection does not end")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.ended, 1)
	return r.ended[0]
}

// eventually waits until cond holds.
func eventually(t *testing.T, cond func() bool, what string) {
	t.Helper()
	for end := time.Now().Add(lab.Patience); !cond(); <-time.After(time.Millisecond) {
		require.True(t, time.Now().Before(end), what)
	}
}

// say writes text as the client.
func say(t *testing.T, theirs net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(theirs, text)
	require.NoError(t, err)
}

// rest reads up to the end of the connection, which must be orderly.
func rest(t *testing.T, theirs net.Conn) string {
	t.Helper()
	all, err := io.ReadAll(theirs)
	require.NoError(t, err)
	return string(all)
}

// take reads exactly as much as want has, and compares.
func take(t *testing.T, theirs net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(theirs, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

// send puts text into the box.
func (c *Conn) send(text string) outbox.Verdict {
	return c.Box.Send([]byte(text), 1, len(text), outbox.Any)
}

// text is n bytes in a pattern that fits no size of buffer.
func text(n int) string {
	var b strings.Builder
	for i := range 997 {
		b.WriteByte('a' + byte(i*i%26))
	}
	return strings.Repeat(b.String(), n/997+1)[:n]
}
