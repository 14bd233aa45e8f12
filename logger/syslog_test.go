package logger

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// collector is a syslog: what it was sent comes out of got.
type collector struct {
	url string
	got chan string
	end func()
}

// collect starts a syslog at the address; streams read lines, datagrams are lines.
func collect(t *testing.T, network, address string) *collector {
	t.Helper()
	c := &collector{got: make(chan string, 1000)}
	if network == "udp" || network == "unixgram" {
		conn, err := net.ListenPacket(network, address)
		require.NoError(t, err)
		c.url, c.end = conn.LocalAddr().String(), func() { _ = conn.Close() }
		go c.datagrams(conn)
	} else {
		l, err := net.Listen(network, address)
		require.NoError(t, err)
		conns := make(chan net.Conn, 10)
		c.url, c.end = l.Addr().String(), func() {
			_ = l.Close()
			for len(conns) > 0 {
				_ = (<-conns).Close()
			}
		}
		go c.streams(l, conns)
	}
	c.url = strings.TrimSuffix(network, "gram") + "://" + c.url
	t.Cleanup(c.end)
	return c
}

func (c *collector) datagrams(conn net.PacketConn) {
	b := make([]byte, 1<<16)
	for {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		c.got <- string(b[:n])
	}
}

func (c *collector) streams(l net.Listener, conns chan net.Conn) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		conns <- conn
		go func() {
			for r := bufio.NewReader(conn); ; {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				c.got <- line
			}
		}()
	}
}

// next returns the next message.
func (c *collector) next(t *testing.T) string {
	t.Helper()
	select {
	case m := <-c.got:
		return m
	case <-time.After(10 * time.Second):
		require.FailNow(t, "the syslog got nothing")
		return ""
	}
}

// sink returns the syslog behind a logger.
func (l *Logger) syslog() *syslog { return l.mu.sink.(*syslog) }

// needUnix skips tests of sockets with paths.
func needUnix(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no datagram sockets with paths here")
	}
}

func dial(t *testing.T, url string, o Options) *Logger {
	t.Helper()
	l, err := NewRemoteSyslog(url, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestSyslogMessages(t *testing.T) {
	needUnix(t)
	host, err := os.Hostname()
	require.NoError(t, err)
	for _, network := range []string{"udp", "tcp", "unix", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			address, end := "127.0.0.1:0", ""
			if strings.HasPrefix(network, "unix") {
				address = filepath.Join(t.TempDir(), "log")
			}
			if network == "tcp" || network == "unix" {
				end = "\n"
			}
			c := collect(t, network, address)
			l := dial(t, c.url, Options{Debug: true, Trace: true, Time: true, PID: true, JSON: true, Colors: true, Tag: "mail"})
			for _, m := range []struct {
				print    func(string, ...any)
				priority int // facility daemon, 3, times eight, and the severity
			}{
				{l.Noticef, 24 + 5}, {l.Warnf, 24 + 4}, {l.Errorf, 24 + 3}, {l.Fatalf, 24 + 2}, {l.Debugf, 24 + 7}, {l.Tracef, 24 + 5},
			} {
				m.print("one %d\ntwo", m.priority)
				header, text, ok := strings.Cut(c.next(t), ": ")
				require.True(t, ok)
				require.Equal(t, fmt.Sprintf(`one %d\ntwo`, m.priority)+end, text)
				parts := strings.Split(header, " ")
				require.Len(t, parts, 3)
				stamp, ok := strings.CutPrefix(parts[0], fmt.Sprintf("<%d>", m.priority))
				require.True(t, ok, parts[0])
				at, err := time.Parse(time.RFC3339, stamp)
				require.NoError(t, err)
				require.WithinDuration(t, time.Now(), at, time.Minute)
				require.Equal(t, []string{host, fmt.Sprintf("mail[%d]", os.Getpid())}, parts[1:])
			}
			require.ErrorIs(t, l.Reopen(), ErrNotFile)
			require.NoError(t, l.Close())
			require.NoError(t, l.Close())
			l.Noticef("lost")
		})
	}
}

func TestLocalSyslogHasNoHost(t *testing.T) {
	needUnix(t)
	c := collect(t, "unixgram", filepath.Join(t.TempDir(), "log"))
	l, err := newSyslog(sockets(strings.TrimPrefix(c.url, "unix://")), Options{}, false)
	require.NoError(t, err)
	defer l.Close()
	l.Noticef("Server is ready")
	require.Regexp(t, fmt.Sprintf(`^<29>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d %s\[%d\]: Server is ready$`,
		filepath.Base(os.Args[0]), os.Getpid()), c.next(t))
}

func TestSyslogTag(t *testing.T) {
	for tag, want := range map[string]string{"barid": " barid[", "a b:c[1]\n/ü": " a_b_c_1__/_["} {
		require.Contains(t, newSyslogForm(tag, false).source, want)
	}
}

func TestSyslogErrors(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := closed.Addr().String()
	require.NoError(t, closed.Close())
	for url, want := range map[string]string{
		"http://127.0.0.1:1":                   `^error invalid network type: "http"$`,
		"127.0.0.1":                            `^error invalid network type: ""$`,
		"udp://:x":                             `^error connecting to syslog: "parse .*"$`,
		"udp://127.0.0.1":                      `^error connecting to syslog: "dial udp: .*missing port.*"$`,
		"tcp://" + address:                     `^error connecting to syslog: "dial tcp .*"$`,
		"unix://" + t.TempDir() + "/not-there": `^error connecting to syslog: "dial unix .*"$`,
	} {
		_, err := NewRemoteSyslog(url, Options{})
		require.Error(t, err, url)
		require.Regexp(t, want, err.Error(), url)
	}
}

func TestSyslogCutsLongText(t *testing.T) {
	f := newSyslogForm("barid", true)
	for _, text := range []string{
		strings.Repeat("x", 2*maxMessage), strings.Repeat("ü", maxMessage), "x" + strings.Repeat("ü", maxMessage),
		strings.Repeat("漢", maxMessage), strings.Repeat("\xbf", 2*maxMessage),
	} {
		line := string(f.appendLine([]byte("before"), trace, text)[len("before"):])
		require.LessOrEqual(t, len(line), maxMessage)
		require.Greater(t, len(line), maxMessage-utf8.UTFMax)
		require.True(t, strings.HasSuffix(line, "...\n"))
		require.True(t, utf8.ValidString(line))
	}
}

// restart waits until the syslog's connection is old enough to be replaced at once.
func restart(l *Logger) {
	l.syslog().dialed = time.Now().Add(-minPause)
}

func TestNothingIsLostWhenASyslogRestarts(t *testing.T) {
	needUnix(t)
	path := filepath.Join(t.TempDir(), "log")
	c := collect(t, "unixgram", path)
	l := dial(t, c.url, Options{})
	l.Noticef("one")
	require.Regexp(t, "one$", c.next(t))
	c.end()
	require.NoError(t, os.RemoveAll(path))
	c = collect(t, "unixgram", path)
	restart(l)
	l.Noticef("two")
	require.Regexp(t, "two$", c.next(t))
}

func TestSyslogTellsWhatWasLost(t *testing.T) {
	needUnix(t)
	path := filepath.Join(t.TempDir(), "log")
	c := collect(t, "unixgram", path)
	l := dial(t, c.url, Options{})
	c.end()
	require.NoError(t, os.RemoveAll(path))
	s := l.syslog()
	dialed := time.Now()
	s.dialed = dialed
	for range 3 {
		l.Noticef("lost")
	}
	require.Equal(t, 3, s.dropped)
	require.Equal(t, dialed, s.dialed, "the connection is too young for another")
	require.WithinRange(t, s.resume, time.Now(), time.Now().Add(10*minPause))

	c = collect(t, "unixgram", path)
	l.Noticef("lost, too: nothing is tried yet")
	require.Equal(t, dialed, s.dialed)

	s.resume = time.Time{}
	restart(l)
	l.Noticef("back")
	require.Regexp(t, `^<29>.*: back$`, c.next(t))
	require.Regexp(t, `^<28>.*: Syslog did not take 4 lines, they are lost$`, c.next(t))
	l.Noticef("more")
	require.Regexp(t, `more$`, c.next(t))
}

// A syslog that takes connections but reads nothing costs one wait of patience, then nothing for
// a long time.
func TestSyslogThatStopsReadingStallsNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	l := dial(t, "tcp://"+listener.Addr().String(), Options{})
	conn, err := listener.Accept()
	require.NoError(t, err)
	defer conn.Close()

	s := l.syslog()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	require.NoError(t, s.conn.(*net.TCPConn).SetWriteBuffer(4096))
	text := strings.Repeat("x", 4096)
	begin := time.Now()
	for s.dropped == 0 && time.Since(begin) < 20*time.Second {
		l.Noticef("%s", text)
	}
	require.Equal(t, 1, s.dropped)
	require.Nil(t, s.conn, "a part of the line is on its way")
	require.Greater(t, time.Until(s.resume), pauseRate*patience/2)

	begin = time.Now()
	for range 1000 {
		l.Noticef("dropped")
	}
	require.Less(t, time.Since(begin), time.Second)
	require.Equal(t, 1001, s.dropped)

	s.resume = time.Time{}
	restart(l)
	l.Noticef("again")
	again, err := listener.Accept()
	require.NoError(t, err)
	defer again.Close()
	require.NoError(t, l.Close())
	rest, err := io.ReadAll(again)
	require.NoError(t, err)
	require.Regexp(t, `^<29>[^\n]*: again\n<28>[^\n]*: Syslog did not take 1001 lines, they are lost\n$`, string(rest))
}

func TestSyslogOfThisMachine(t *testing.T) {
	l, err := NewSyslog(Options{})
	if err != nil {
		require.EqualError(t, err, `error connecting to syslog: "no local syslog answers"`)
		return
	}
	require.ErrorIs(t, l.Reopen(), ErrNotFile)
	require.NoError(t, l.Close())
}

func BenchmarkSyslog(b *testing.B) {
	f := newSyslogForm("barid", true)
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = f.appendLine(line[:0], notice, `127.0.0.1:1 - cid:5 - "v1:go" - Client connection created`)
	}
}
