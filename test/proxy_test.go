package test_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

// proxyDialer connects like a proxy that tells of a client.
type proxyDialer struct{ header string }

func (d proxyDialer) Dial(network, address string) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, soon)
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(c, d.header); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

const (
	headerV1 = "PROXY TCP4 192.0.2.7 192.0.2.2 56324 4222\r\n"
	headerV2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x02\xdc\x05\x10\x7e"
)

func behindProxy(opts *server.Options) { opts.ProxyProtocol = true }

// Clients that come through a proxy are known by their own addresses, with and without TLS.
func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for _, c := range []struct {
		name   string
		config []func(*server.Options)
		client []nats.Option
	}{
		{"plain", nil, nil},
		{"TLS", []func(*server.Options){secured(t, a)}, []nats.Option{nats.Secure(a.trusting())}},
		{"TLS first", []func(*server.Options){secured(t, a), func(opts *server.Options) { opts.TLSHandshakeFirst = true }},
			[]nats.Option{nats.Secure(a.trusting()), nats.TLSHandshakeFirst()}},
		{"TLS at will", []func(*server.Options){secured(t, a), func(opts *server.Options) { opts.AllowNonTLS = true }},
			[]nats.Option{nats.Secure(a.trusting())}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := run(t, append(c.config, behindProxy)...)
			for _, from := range []struct {
				header, ip string
				port       float64
			}{
				{headerV1, "192.0.2.7", 56324},
				{headerV2, "203.0.113.9", 56325},
				{"PROXY UNKNOWN\r\n", "127.0.0.1", 0},
			} {
				nc, err := nats.Connect(s.ClientURL(), append(c.client, nats.SetCustomDialer(proxyDialer{from.header}))...)
				require.NoError(t, err)
				goesRound(t, nc)
				ip, err := nc.GetClientIP()
				require.NoError(t, err)
				require.Equal(t, from.ip, ip.String())
				shown := connections(t, monitor(s), "")[0]
				require.Equal(t, from.ip, shown["ip"])
				if from.port != 0 {
					require.Equal(t, from.port, shown["port"])
				}
				nc.Close()
				eventually(t, func() bool { return s.NumClients() == 0 })
			}
			for _, shown := range connections(t, monitor(s), "?state=closed") {
				require.NotEmpty(t, shown["ip"])
			}
		})
	}
}

// The header may come in pieces, and together with what follows it.
func TestProxyHeaderInPieces(t *testing.T) {
	t.Parallel()
	s := run(t, behindProxy)
	for _, header := range []string{headerV1, headerV2} {
		raw, err := dialer(s)()
		require.NoError(t, err)
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(soon))
		for _, x := range header[:len(header)-1] {
			_, err = raw.Write([]byte{byte(x)})
			require.NoError(t, err)
		}
		_, err = fmt.Fprintf(raw, "%sCONNECT {\"verbose\":false}\r\nPING\r\n", header[len(header)-1:])
		require.NoError(t, err)
		got := make([]byte, 4096)
		n, err := io.ReadAtLeast(raw, got, 1)
		for err == nil && !strings.HasSuffix(string(got[:n]), "PONG\r\n") {
			var more int
			more, err = raw.Read(got[n:])
			n += more
		}
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(got[:n]), "INFO {"))
	}
}

// Who does not come through a proxy gets no word.
func TestWithoutProxyHeader(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for name, config := range map[string][]func(*server.Options){
		"plain": nil, "TLS first": {secured(t, a), func(opts *server.Options) { opts.TLSHandshakeFirst = true }},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, append(config, behindProxy)...)
			raw, err := dialer(s)()
			require.NoError(t, err)
			defer raw.Close()
			_ = raw.SetDeadline(time.Now().Add(soon))
			if config == nil {
				_, err = raw.Write([]byte("CONNECT {}\r\n"))
			} else {
				err = tls.Client(raw, &tls.Config{InsecureSkipVerify: true}).Handshake()
				require.Error(t, err)
				err = nil
			}
			require.NoError(t, err)
			got, _ := io.ReadAll(raw)
			require.Empty(t, got)
			eventually(t, func() bool { return len(connections(t, monitor(s), "?state=closed")) == 1 })
			require.Equal(t, "Protocol Violation", connections(t, monitor(s), "?state=closed")[0]["reason"])
		})
	}
}
