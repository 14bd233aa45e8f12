package httpd

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baridmq/barid/internal/core/task"
)

// patience is more than any step of these tests takes.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen makes a server on a free port; it is shut down at the end of the test.
func listen(t *testing.T, cfg Config) *Server {
	t.Helper()
	cfg.Name, cfg.Addr = "monitor", "127.0.0.1:0"
	s, err := Listen(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { s.Shutdown(0) })
	return s
}

// serve makes a server and lets it serve; all its goroutines end before the test does.
func serve(t *testing.T, cfg Config) *Server {
	t.Helper()
	group := task.New(nil)
	t.Cleanup(func() { require.Empty(t, group.Wait(patience)) })
	s := listen(t, cfg)
	require.True(t, s.Serve(group))
	return s
}

// client makes HTTP requests on a connection each.
func client(t *testing.T, cfg *tls.Config) *http.Client {
	t.Helper()
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: cfg}}
}

func fetch(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	r, err := c.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(b)
}

func text(answer string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
}

func TestServe(t *testing.T) {
	s := serve(t, Config{Handler: text("hello")})
	require.True(t, s.Addr().IP.IsLoopback())
	require.NotZero(t, s.Addr().Port)
	require.Equal(t, "hello", fetch(t, client(t, nil), "http://"+s.Addr().String()+"/any"))
}

func TestServeTLS(t *testing.T) {
	donor := httptest.NewTLSServer(text(""))
	donor.Close()
	trust := donor.Client().Transport.(*http.Transport).TLSClientConfig

	s := serve(t, Config{Handler: text("safe"), TLS: &tls.Config{Certificates: donor.TLS.Certificates}})
	require.Equal(t, "safe", fetch(t, client(t, trust), "https://"+s.Addr().String()))
}

func TestLimits(t *testing.T) {
	s := listen(t, Config{ReadTimeout: time.Minute})
	require.Equal(t, 5*time.Second, s.http.ReadHeaderTimeout)
	require.Equal(t, time.Minute, s.http.ReadTimeout)
	require.Equal(t, 1<<20, s.http.MaxHeaderBytes)
	require.Zero(t, s.http.WriteTimeout)
	require.NotZero(t, s.http.IdleTimeout)
	require.Equal(t, 1024, cap(s.listener.slots))
}

func TestListenFails(t *testing.T) {
	taken := listen(t, Config{})
	_, err := Listen(Config{Name: "monitor", Addr: taken.Addr().String()})
	require.ErrorContains(t, err, "can't listen to the monitor port: listen tcp "+taken.Addr().String())
	var cause *net.OpError
	require.ErrorAs(t, err, &cause)
}

// TestMaxConns lets more readers come than the server takes at a time: never do more get in,
// and in the end all are served.
func TestMaxConns(t *testing.T) {
	const most, readers = 3, 12
	entered, leave := make(chan int64, readers), make(chan struct{})
	var inside atomic.Int64
	s := serve(t, Config{MaxConns: most, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- inside.Add(1)
		<-leave
		inside.Add(-1)
	})})

	done := make(chan error, readers)
	group := task.New(nil)
	for range readers {
		group.Go("reader", func() {
			r, err := client(t, nil).Get("http://" + s.Addr().String())
			if err == nil {
				err = r.Body.Close()
			}
			done <- err
		})
	}
	for range most {
		require.LessOrEqual(t, <-entered, int64(most))
	}
	for range readers - most {
		leave <- struct{}{}
		require.LessOrEqual(t, <-entered, int64(most))
	}
	close(leave)
	for range readers {
		require.NoError(t, <-done)
	}
	require.Empty(t, group.Wait(patience))
}

func TestSlotsComeBack(t *testing.T) {
	s := listen(t, Config{MaxConns: 1})
	for range 3 {
		out, err := net.Dial("tcp", s.Addr().String())
		require.NoError(t, err)
		in, err := s.listener.Accept()
		require.NoError(t, err)
		require.Len(t, s.listener.slots, 1)
		require.Implements(t, (*interface{ CloseWrite() error })(nil), in, "net/http needs it to part politely")

		require.NoError(t, in.Close())
		require.Error(t, in.Close(), "it is closed already")
		require.Empty(t, s.listener.slots, "given back once")
		require.NoError(t, out.Close())
	}
}

func TestAcceptEnds(t *testing.T) {
	s := listen(t, Config{MaxConns: 1})
	s.listener.slots <- struct{}{} // as if somebody were connected
	failed := make(chan error, 1)
	group := task.New(nil)
	group.Go("acceptor", func() {
		_, err := s.listener.Accept()
		failed <- err
	})
	require.NoError(t, s.listener.Close())
	require.ErrorIs(t, <-failed, net.ErrClosed)
	require.Empty(t, group.Wait(patience))
	require.ErrorIs(t, s.listener.Close(), net.ErrClosed, "a second time")

	<-s.listener.slots
	_, err := s.listener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	require.Empty(t, s.listener.slots)
}

// TestShutdownWaits lets a request outlive the start of a shutdown.
func TestShutdownWaits(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := serve(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "late")
	})})
	answer := make(chan string, 1)
	group := task.New(nil)
	group.Go("reader", func() {
		r, err := client(t, nil).Get("http://" + s.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		answer <- string(b)
	})
	<-entered
	group.Go("shutdown", func() { s.Shutdown(patience) })
	require.Eventually(t, func() bool { return free(s) }, patience, time.Millisecond, "the port is free while a request runs")
	close(leave)
	require.Equal(t, "late", <-answer)
	require.Empty(t, group.Wait(patience))
}

// TestShutdownCuts has a request that never ends.
func TestShutdownCuts(t *testing.T) {
	entered, cut := make(chan struct{}), make(chan struct{})
	s := serve(t, Config{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(cut)
	})})
	c, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	require.NoError(t, err)
	<-entered
	s.Shutdown(0)
	<-cut
	_, err = bufio.NewReader(c).ReadByte()
	require.Error(t, err, "the connection is gone")
	require.Eventually(t, func() bool { return free(s) }, patience, time.Millisecond)
	s.Shutdown(0)
}

func TestShutdownBeforeServe(t *testing.T) {
	s := listen(t, Config{})
	s.Shutdown(time.Second)
	require.Eventually(t, func() bool { return free(s) }, patience, time.Millisecond)

	group := task.New(nil)
	s.Serve(group)
	require.Empty(t, group.Wait(patience), "there is nothing to serve")
}

func TestServeInClosedGroup(t *testing.T) {
	s := listen(t, Config{})
	group := task.New(nil)
	group.Close()
	require.False(t, s.Serve(group))
	require.Eventually(t, func() bool { return free(s) }, patience, time.Millisecond)
}

// free reports whether the address of s can be bound again.
func free(s *Server) bool {
	ln, err := net.Listen("tcp", s.Addr().String())
	if err != nil {
		return false
	}
	return ln.Close() == nil
}

func TestErrorLog(t *testing.T) {
	logged := make(chan string, 8)
	s := serve(t, Config{
		ErrorLog: func(text string) { logged <- text },
		Handler:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken handler") }),
	})
	_, err := client(t, nil).Get("http://" + s.Addr().String())
	require.Error(t, err)
	line := <-logged
	require.Contains(t, line, "broken handler")
	require.NotEqual(t, byte('\n'), line[len(line)-1])

	// The listener of a server that nobody has shut down fails for good.
	s = listen(t, Config{ErrorLog: func(text string) { logged <- text }})
	require.NoError(t, s.listener.TCPListener.Close())
	s.serve()
	require.Contains(t, <-logged, "monitor server ended: accept tcp")
}
