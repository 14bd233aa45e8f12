// Package proxied reads what a proxy says of a connection before it passes it on: the header of
// the PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
//
// Headers are as trustworthy as who sends them: a listener that expects one must be reachable by
// proxies only. The package knows nothing of what follows the header. It owns no goroutine and no
// lock.
package proxied

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	prefixV1 = "PROXY "
	prefixV2 = "\r\n\r\n\x00\r\nQUIT\n"

	fixedV2 = 16       // bytes: prefix, command, family, length
	maxV1   = 107      // by the protocol
	maxV2   = 4 * 1024 // it says 64 KiB, but the largest extension is a client certificate of 1 or 2

	firstRead = 256 // holds any header without extensions
)

// Header is what a proxy says of the connection it passes on.
type Header struct {
	// Source is the other end of the connection to the proxy: nil or a *net.TCPAddr, with IPv4
	// never mapped to IPv6. nil says that the address of the socket is to be used: the
	// connection is the proxy's own, such as a health check, or came from no IP network.
	Source net.Addr
}

// Read reads the header that nc begins with; there must be one. rest is what was read beyond
// it, to be taken for the next bytes of nc; it belongs to the caller. A header that is not
// complete at deadline ends with a timeout; zero is no deadline. Read sets the read deadline of
// nc and leaves none. Its error is io.EOF when nc is closed before the first byte; after any error
// nc is good for nothing. Errors never quote what was received.
func Read(nc net.Conn, deadline time.Time) (h Header, rest []byte, err error) {
	if err := nc.SetReadDeadline(deadline); err != nil {
		return Header{}, nil, err
	}
	buf := make([]byte, 0, firstRead)
	for {
		n, err := nc.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		h, size, bad := parse(buf)
		switch {
		case bad != nil:
			return Header{}, nil, bad
		case size <= len(buf):
			if err := nc.SetReadDeadline(time.Time{}); err != nil {
				return Header{}, nil, err
			}
			return h, buf[size:], nil
		case err == io.EOF && len(buf) > 0:
			return Header{}, nil, io.ErrUnexpectedEOF
		case err != nil:
			return Header{}, nil, err
		}
		buf = slices.Grow(buf, size-len(buf))
	}
}

// parse reads the header at the start of b and tells its size in bytes. A size larger than b says
// that there is no header yet, and how much it needs at least.
func parse(b []byte) (h Header, size int, err error) {
	switch {
	case begins(b, prefixV1):
		return parseV1(b)
	case begins(b, prefixV2):
		return parseV2(b)
	}
	return Header{}, 0, errors.New("PROXY protocol header is missing")
}

// begins reports whether b starts with prefix, as far as b goes.
func begins(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}

// parseV1 reads a line such as "PROXY TCP4 192.0.2.1 192.0.2.2 56324 4222\r\n".
func parseV1(b []byte) (h Header, size int, err error) {
	end := bytes.IndexByte(b[:min(len(b), maxV1)], '\n')
	if end < 0 {
		if len(b) >= maxV1 {
			return Header{}, 0, errors.New("PROXY protocol header is too long")
		}
		return Header{}, len(b) + 1, nil
	}
	malformed := errors.New("malformed PROXY protocol header")
	line, ok := strings.CutSuffix(string(b[:end]), "\r")
	if !ok {
		return Header{}, 0, malformed
	}
	words := strings.Split(line, " ")
	if words[1] == "UNKNOWN" { // and anything may follow
		return Header{}, end + 1, nil
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return Header{}, 0, malformed
	}
	source, ok := addrPort(words[1], words[2], words[4])
	_, ok2 := addrPort(words[1], words[3], words[5])
	if !ok || !ok2 {
		return Header{}, 0, malformed
	}
	return from(source), end + 1, nil
}

// addrPort parses an end of a connection of version 1. IPv4 is fine for TCP6: some proxies
// write it when the ends are of different families.
func addrPort(family, host, port string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(host)
	p, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || a.Zone() != "" || family == "TCP4" && !a.Is4() {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, uint16(p)), true
}

// The values of version 2 that are accepted.
const (
	local = 0x20 // commands, with the version
	proxy = 0x21

	unspec = 0x00 // families with their transports; those of datagrams are not for listeners
	tcp4   = 0x11
	tcp6   = 0x21
	stream = 0x31 // UNIX
)

// parseV2 reads the binary form: the fixed part, the source, the destination, both ports, and
// extensions, which are passed over unread.
func parseV2(b []byte) (h Header, size int, err error) {
	if len(b) < fixedV2 {
		return Header{}, fixedV2, nil
	}
	command, family := b[12], b[13]
	ends, known := endsV2(family)
	size = fixedV2 + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case command != proxy && command != local, command == proxy && !known:
		return Header{}, 0, errors.New("unsupported PROXY protocol header")
	case command == proxy && size < fixedV2+ends:
		return Header{}, 0, errors.New("malformed PROXY protocol header")
	case size > maxV2:
		return Header{}, 0, errors.New("PROXY protocol header is too long")
	case size > len(b), command == local: // which is of no family, whatever the header says
		return Header{}, size, nil
	}
	b = b[fixedV2:]
	switch family {
	case tcp4:
		h = from(netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[8:])))
	case tcp6:
		h = from(netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)), binary.BigEndian.Uint16(b[32:])))
	}
	return h, size, nil
}

// endsV2 is how many bytes source, destination and ports have.
func endsV2(family byte) (n int, known bool) {
	switch family {
	case unspec:
		return 0, true
	case tcp4:
		return 4 + 4 + 2 + 2, true
	case tcp6:
		return 16 + 16 + 2 + 2, true
	case stream:
		return 108 + 108, true
	}
	return 0, false
}

func from(source netip.AddrPort) Header {
	source = netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
	return Header{Source: net.TCPAddrFromAddrPort(source)}
}
