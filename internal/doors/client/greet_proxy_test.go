package client

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
)

func behindProxy(_ *site, cfg *Config) { cfg.ProxyProtocol = true }

const (
	proxyV1 = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 4222\r\n"
	proxyV2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\xdc\x04\x10\x7e"
	proxyLocal = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

// What a proxy says of a client is its address everywhere: in INFO, in the log, in reports, and for
// who checks credentials.
func TestTheAddressBehindAProxy(t *testing.T) {
	for _, c := range []struct {
		name, header, text, ip string
		port                   int
	}{
		{"version 1", proxyV1, "192.0.2.1:56324", "192.0.2.1", 56324},
		{"version 2", proxyV2, "[2001:db8::1]:56324", "2001:db8::1", 56324},
		{"the proxy itself", proxyLocal, "pipe", "pipe", 0},
		{"unknown", "PROXY UNKNOWN\r\n", "pipe", "pipe", 0},
	} {
		for _, with := range []string{"", "TLS", "TLS first", "TLS or not"} {
			t.Run(c.name+" "+with, func(t *testing.T) {
				config := []func(*site, *Config){behindProxy, nobody(true)}
				switch with {
				case "TLS":
					config = append(config, secured())
				case "TLS first":
					config = append(config, secured(first))
				case "TLS or not":
					config = append(config, secured(optional))
				}
				st := build(t, config...)
				nc := st.knock()
				_, err := nc.Write([]byte(c.header))
				require.NoError(t, err)
				var p *peer
				var info string
				switch with {
				case "TLS first":
					p = st.encrypt(nc)
					info = p.until("\r\n")
				case "TLS":
					info = st.line(nc)
					p = st.encrypt(nc)
				default:
					info = st.line(nc)
					p = newPeer(st, nc)
				}
				require.Contains(t, info, `,"client_ip":"`+c.ip+`",`)
				p.works(as("alice"))
				i := st.Report().Open[0]
				require.Equal(t, []any{c.ip, c.port}, []any{i.IP, i.Port})
				require.Equal(t, c.ip, st.cfg().Auth.(*gate).seen[0].Remote)
				p.close()
				i = st.ended(1)[0]
				require.Equal(t, []any{c.ip, c.port}, []any{i.IP, i.Port})
				require.Contains(t, st.log.text("DBG"), "DBG "+c.text+" - cid:1 - Client connection created\n")
				require.Contains(t, st.log.text("DBG"), "DBG "+c.text+" - cid:1 - Client connection closed: Client Closed\n")
			})
		}
	}
}

// What comes with the header in one piece is not lost.
func TestBytesBehindTheProxyHeader(t *testing.T) {
	const more = "CONNECT " + quietly + "\r\nPING\r\n"
	t.Run("plain", func(t *testing.T) {
		st := build(t, behindProxy)
		p := newPeer(st, st.knock())
		p.say(proxyV1 + more)
		p.until("\r\n")
		p.expect("PONG\r\n")
	})
	t.Run("at will", func(t *testing.T) {
		st := build(t, behindProxy, secured(optional))
		p := newPeer(st, st.knock())
		p.say(proxyV2 + more)
		p.until("\r\n")
		p.expect("PONG\r\n")
	})
	t.Run("handshake first", func(t *testing.T) {
		for _, mode := range []func(*TLS){first, firstOrNot} {
			st := build(t, behindProxy, secured(mode))
			client := tls.Client(&headed{Conn: st.knock(), header: proxyV2}, &tls.Config{InsecureSkipVerify: true})
			require.NoError(t, client.Handshake())
			p := newPeer(st, client)
			require.Contains(t, p.until("\r\n"), `"client_ip":"2001:db8::1"`)
			p.works(quietly)
			require.True(t, st.Report().Open[0].First)
		}
	})
}

// headed is a connection whose first write begins with a header.
type headed struct {
	net.Conn
	header string
}

func (c *headed) Write(p []byte) (int, error) {
	header := c.header
	c.header = ""
	n, err := c.Conn.Write(append([]byte(header), p...))
	return max(0, n-len(header)), err
}

// Whoever does not come through a proxy gets no word out of the server.
func TestWithoutAProxyHeader(t *testing.T) {
	for _, c := range []struct{ name, say, log string }{
		{"plain", "CONNECT {}\r\nPING\r\n", "PROXY protocol: PROXY protocol header is missing"},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PROXY protocol: PROXY protocol header is missing"},
		{"garbage", "PROXY TCP4 of nobody\r\n", "PROXY protocol: malformed PROXY protocol header"},
		{"endless", "PROXY " + strings.Repeat("x", 200), "PROXY protocol: PROXY protocol header is too long"},
		{"garbage of version 2", "\r\n\r\n\x00\r\nQUIT\n\x42\x00\x00\x00", "PROXY protocol: unsupported PROXY protocol header"},
	} {
		for _, config := range [][]func(*site, *Config){{behindProxy}, {behindProxy, secured()}} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel() // the end is waited for
				st := build(t, config...)
				p := newPeer(st, st.knock())
				p.say(c.say)
				require.Empty(t, p.ended())
				require.Equal(t, closed.ProtocolViolation, st.ended(1)[0].Reason)
				require.Contains(t, st.log.text("ERR"), "ERR pipe - cid:1 - "+c.log+"\n")
			})
		}
	}
}

// A header has two seconds to come.
func TestALateProxyHeader(t *testing.T) {
	for _, part := range []string{"", "PROXY TCP4 192."} {
		bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
			st := build(behindProxy)
			p := newPeer(st, st.knock())
			if part != "" {
				p.say(part)
			}
			time.Sleep(greetTime - time.Nanosecond)
			require.Empty(t, st.log.text("ERR"))
			require.Empty(t, p.ended())
			p.close()
			require.Equal(t, closed.ProtocolViolation, st.ended(1)[0].Reason)
			require.Contains(t, st.log.text("ERR"), "PROXY protocol: read pipe: i/o timeout")
		})
	}
}

// A proxy's header changes nothing for the limit of connections, and those beyond it are told so.
func TestTheLimitBehindAProxy(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(behindProxy, func(_ *site, cfg *Config) { cfg.MaxConnections = 1 })
		a := newPeer(st, st.knock())
		a.say(proxyV1)
		a.until("\r\n")
		b := newPeer(st, st.knock())
		b.say(proxyV2)
		b.until("\r\n")
		require.Equal(t, "-ERR 'maximum connections exceeded'\r\n", b.ended())
		synctest.Wait()
		require.Contains(t, st.log.text("ERR"), "[2001:db8::1]:56324 - cid:2 - maximum connections exceeded")
	})
}

// Only connections from outside come through a proxy.
func TestKindsBehindAProxy(t *testing.T) {
	st := build(t, behindProxy)
	ours, theirs := net.Pipe()
	p := newPeer(st, theirs)
	st.Accept(ours, identity.InProcess)
	require.Contains(t, p.until("\r\n"), `"client_ip":"pipe"`)
}
