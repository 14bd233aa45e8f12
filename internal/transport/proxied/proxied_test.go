package proxied

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// v2 makes a header of version 2 whose length is that of its parts.
func v2(command, family byte, parts ...string) string {
	body := strings.Join(parts, "")
	fixed := append([]byte(prefixV2), command, family)
	return string(binary.BigEndian.AppendUint16(fixed, uint16(len(body)))) + body
}

const (
	ends4 = "\xc0\x00\x02\x01" + "\xc0\x00\x02\x02" + ports // 192.0.2.1, 192.0.2.2
	ends6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + ports // 2001:db8::1, ::2
	mapped6 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x02" + ports
	ports = "\xdc\x04\x10\x7e" // 56324, 4222
)

var endsUnix = "/run/client" + strings.Repeat("\x00", 108-11) + "/run/barid" + strings.Repeat("\x00", 108-10)

// good are headers and the address that they tell, none for that of the socket.
var good = []struct{ name, header, source string }{
	{"v1 IPv4", "PROXY TCP4 192.0.2.1 192.0.2.2 56324 4222\r\n", "192.0.2.1:56324"},
	{"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 56324 4222\r\n", "[2001:db8::1]:56324"},
	{"v1 IPv4 mapped to IPv6", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 56324 4222\r\n", "192.0.2.1:56324"},
	{"v1 ends of different families", "PROXY TCP6 192.0.2.1 2001:db8::2 56324 4222\r\n", "192.0.2.1:56324"},
	{"v1 unknown", "PROXY UNKNOWN\r\n", ""},
	{"v1 unknown with addresses", "PROXY UNKNOWN 192.0.2.1 192.0.2.2 56324 4222\r\n", ""},
	{"v1 longest", "PROXY UNKNOWN " + strings.Repeat("f", maxV1-16) + "\r\n", ""},
	{"v2 IPv4", v2(proxy, tcp4, ends4), "192.0.2.1:56324"},
	{"v2 IPv6", v2(proxy, tcp6, ends6), "[2001:db8::1]:56324"},
	{"v2 IPv4 mapped to IPv6", v2(proxy, tcp6, mapped6), "192.0.2.1:56324"},
	{"v2 UNIX", v2(proxy, stream, endsUnix), ""},
	{"v2 unspecified", v2(proxy, unspec), ""},
	{"v2 local", v2(local, unspec), ""},
	{"v2 local with addresses", v2(local, tcp4, ends4), ""},
	{"v2 local of an unknown family", v2(local, 0xff, "whatever"), ""},
	{"v2 with extensions", v2(proxy, tcp4, ends4, "\x05\x00\x03abc", "\x04\x00\x00"), "192.0.2.1:56324"},
	{"v2 longest", v2(proxy, tcp4, ends4, strings.Repeat("x", maxV2-fixedV2-len(ends4))), "192.0.2.1:56324"},
}

// scripted is a connection that gives what its Reader has. Deadlines are noted and not kept.
type scripted struct {
	net.Conn
	io.Reader
	deadlines []time.Time
}

func (s *scripted) Read(p []byte) (int, error) { return s.Reader.Read(p) }

func (s *scripted) SetReadDeadline(t time.Time) error {
	s.deadlines = append(s.deadlines, t)
	return nil
}

// The header is read, and what follows is neither lost nor waited for, however the bytes arrive.
func TestReadGivesSourceAndRest(t *testing.T) {
	const rest = "CONNECT {}\r\nPING\r\n"
	deadline := time.Now().Add(time.Hour)
	for _, way := range []struct {
		name  string
		slice func(io.Reader) io.Reader
	}{
		{"at once", func(r io.Reader) io.Reader { return r }},
		{"byte by byte", iotest.OneByteReader},
		{"in halves", iotest.HalfReader},
		{"with the end", iotest.DataErrReader},
	} {
		for _, c := range good {
			t.Run(c.name+" "+way.name, func(t *testing.T) {
				nc := &scripted{Reader: way.slice(strings.NewReader(c.header + rest))}
				h, got, err := Read(nc, deadline)
				require.NoError(t, err)
				requireSource(t, c.source, h)
				unread, err := io.ReadAll(nc.Reader)
				require.NoError(t, err)
				require.Equal(t, rest, string(got)+string(unread))
				require.Equal(t, []time.Time{deadline, {}}, nc.deadlines, "set and taken away")
			})
		}
	}
}

func requireSource(t testing.TB, want string, h Header) {
	t.Helper()
	if want == "" {
		require.Nil(t, h.Source)
		return
	}
	require.IsType(t, &net.TCPAddr{}, h.Source)
	require.Equal(t, want, h.Source.String())
}

// What is wrong is refused at the first byte that makes it so, without waiting for more: the
// reader of these tests would fail otherwise.
func TestReadRefuses(t *testing.T) {
	const (
		missing     = "PROXY protocol header is missing"
		malformed   = "malformed PROXY protocol header"
		tooLong     = "PROXY protocol header is too long"
		unsupported = "unsupported PROXY protocol header"
	)
	for _, c := range []struct{ name, input, err string }{
		{"a client without proxy", "CONNECT {}\r\n", missing},
		{"TLS without proxy", "\x16\x03\x01", missing},
		{"one byte of garbage", "\x00", missing},
		{"almost v1", "PROXIED", missing},
		{"lower case", "proxy ", missing},
		{"almost v2", "\r\n\r\n\x00\r\nQUIT\r", missing},
		{"v1 without line end", "PROXY TCP4 " + strings.Repeat("1", 1000), tooLong},
		{"v1 one byte too long", "PROXY UNKNOWN " + strings.Repeat("f", maxV1-15) + "\r\n", tooLong},
		{"v1 without CR", "PROXY TCP4 192.0.2.1 192.0.2.2 56324 4222\n", malformed},
		{"v1 empty", "PROXY \r\n", malformed},
		{"v1 other family", "PROXY UDP4 192.0.2.1 192.0.2.2 56324 4222\r\n", malformed},
		{"v1 too few words", "PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n", malformed},
		{"v1 too many words", "PROXY TCP4 192.0.2.1 192.0.2.2 56324 4222 x\r\n", malformed},
		{"v1 two spaces", "PROXY  TCP4 192.0.2.1 192.0.2.2 56324 4222\r\n", malformed},
		{"v1 IPv6 for TCP4", "PROXY TCP4 2001:db8::1 192.0.2.2 56324 4222\r\n", malformed},
		{"v1 zone", "PROXY TCP6 fe80::1%\x1b[31m fe80::2 56324 4222\r\n", malformed},
		{"v1 name for address", "PROXY TCP4 localhost 192.0.2.2 56324 4222\r\n", malformed},
		{"v1 port too high", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 4222\r\n", malformed},
		{"v1 negative port", "PROXY TCP4 192.0.2.1 192.0.2.2 -1 4222\r\n", malformed},
		{"v1 bad destination", "PROXY TCP4 192.0.2.1 192.0.2 56324 4222\r\n", malformed},
		{"v2 version 3", v2(0x31, tcp4, ends4), unsupported},
		{"v2 command 2", v2(0x22, tcp4, ends4), unsupported},
		{"v2 datagram", v2(proxy, 0x12, ends4), unsupported},
		{"v2 unknown family", v2(proxy, 0x41, ends4), unsupported},
		{"v2 IPv4 too short", v2(proxy, tcp4)[:14] + "\x00\x0b", malformed},
		{"v2 IPv6 too short", v2(proxy, tcp6)[:14] + "\x00\x23", malformed},
		{"v2 UNIX too short", v2(proxy, stream)[:14] + "\x00\xd7", malformed},
		{"v2 too long", v2(proxy, tcp4)[:14] + "\x0f\xf1", tooLong},
		{"v2 longest of the protocol", v2(proxy, tcp4)[:14] + "\xff\xff", tooLong},
		{"v2 local too long", v2(local, unspec)[:14] + "\xff\xff", tooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			waiting := iotest.ErrReader(io.ErrNoProgress)
			h, rest, err := Read(&scripted{Reader: io.MultiReader(strings.NewReader(c.input), waiting)}, time.Time{})
			require.EqualError(t, err, c.err)
			require.Nil(t, h.Source)
			require.Nil(t, rest)
		})
	}
}

// Every header that is cut off is an error and never a shorter header.
func TestReadOfTruncatedHeader(t *testing.T) {
	for _, c := range good {
		for n := range len(c.header) {
			_, _, err := Read(&scripted{Reader: strings.NewReader(c.header[:n])}, time.Time{})
			if n == 0 {
				require.Equal(t, io.EOF, err, "closed before a byte: somebody looked whether the port is open")
			} else {
				require.Equal(t, io.ErrUnexpectedEOF, err, "%s cut to %d", c.name, n)
			}
		}
	}
}

// Who drips bytes is cut off at the deadline, however steadily they come.
func TestReadEndsAtDeadline(t *testing.T) {
	for _, c := range good {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					for i := range len(c.header) {
						if _, err := there.Write([]byte(c.header[i : i+1])); err != nil {
							return
						}
						time.Sleep(time.Second)
					}
				}()
				begun := time.Now()
				_, _, err := Read(here, begun.Add(5500*time.Millisecond))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Equal(t, 5500*time.Millisecond, time.Since(begun))
				here.Close()
				<-done
			})
		})
	}
}

// Over a real socket the connection is usable afterwards: no deadline is left.
func TestReadOverTCP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	there, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer there.Close()
	here, err := ln.Accept()
	require.NoError(t, err)
	defer here.Close()

	_, err = there.Write([]byte(v2(proxy, tcp4, ends4) + "PI"))
	require.NoError(t, err)
	h, rest, err := Read(here, time.Now().Add(10*time.Second))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.1:56324", h.Source.String())
	_, err = there.Write([]byte("NG\r\n"))
	require.NoError(t, err)
	more := make([]byte, len("PING\r\n")-len(rest))
	_, err = io.ReadFull(here, more)
	require.NoError(t, err)
	require.Equal(t, "PING\r\n", string(rest)+string(more))

	here.Close()
	_, _, err = Read(here, time.Now().Add(10*time.Second))
	require.ErrorIs(t, err, net.ErrClosed)
}

// Whatever arrives, the parser does not panic, asks for a bounded number of bytes, reads the same
// from pieces as from the whole, and tells only addresses.
func FuzzParse(f *testing.F) {
	for _, c := range good {
		f.Add([]byte(c.header + "rest"))
	}
	f.Add([]byte("PROXY TCP4 192.0.2.1"))
	f.Add([]byte(v2(proxy, tcp4)))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, size, err := parse(b)
		require.LessOrEqual(t, size, maxV2)
		if err != nil {
			require.Zero(t, size)
			require.Nil(t, h.Source)
			return
		}
		require.Positive(t, size)
		if size > len(b) {
			require.Nil(t, h.Source)
			return
		}
		for _, n := range []int{0, 1, fixedV2, size / 2, size - 1} {
			if n < size {
				_, needed, err := parse(b[:n])
				require.NoError(t, err)
				require.Greater(t, needed, n)
				require.LessOrEqual(t, needed, size, "never waits for more than the header")
			}
		}
		got, rest, err := Read(&scripted{Reader: iotest.OneByteReader(bytes.NewReader(b))}, time.Time{})
		require.NoError(t, err)
		require.Equal(t, h, got)
		require.Empty(t, rest)
		if h.Source != nil {
			source := h.Source.(*net.TCPAddr)
			require.Empty(t, source.Zone)
			require.True(t, source.AddrPort().IsValid())
		}
	})
}
