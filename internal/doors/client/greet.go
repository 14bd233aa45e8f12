package client

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/transport/proxied"
)

// TLS says how a door secures its connections. The zero value leaves them plain.
type TLS struct {
	// Config is nil for plain connections. Connections inside the process are always plain.
	Config *tls.Config
	// Timeout bounds a handshake.
	Timeout time.Duration
	// Optional lets the client choose between TLS and a plain connection.
	Optional bool
	// First begins with the handshake and sends INFO after it. With a positive Fallback the
	// client is given that time to begin, and else gets INFO first.
	First    bool
	Fallback time.Duration
	// Rate bounds the handshakes per second; 0 sets no bound.
	Rate int
	// Pinned decides whether the certificates of a client are good, beyond Config; nil for all.
	Pinned func([]*x509.Certificate) bool
}

// firstOfTLS is the first byte of a TLS handshake: a record of that type (RFC 8446 section 5.1).
const firstOfTLS = 22

// greetTime bounds what precedes a handshake: the header of a proxy, and the writing of INFO.
const greetTime = 2 * time.Second

// address is where a connection comes from. It is immutable.
type address struct {
	text string // as log lines show it
	ip   string
	port int
}

// remote returns the address of the peer, as far as it has one.
func remote(a net.Addr) *address {
	host, p, err := net.SplitHostPort(a.String())
	if err != nil {
		return &address{text: a.String(), ip: a.String()}
	}
	port, _ := strconv.Atoi(p) // not a number: not a port
	return &address{text: a.String(), ip: host, port: port}
}

// greet brings a new connection to where the client may speak: the header of a proxy, INFO and
// the handshake, in the order that the configuration wants.
func (s *session) greet() error {
	cfg := s.cfg
	if cfg.ProxyProtocol && s.kind == identity.Standard && (s.admitted || s.door.table.refused() <= mostRefused) {
		if err := s.readProxy(); err != nil {
			return err
		}
	}
	s.debugf("Client connection created")
	if !s.admitted {
		s.send(s.info(nil))
		return proto.ErrMaxConnections
	}
	if cfg.Auth.Nonce() || cfg.AlwaysNonce {
		s.nonce = newNonce()
	}
	if cfg.TLS.Config == nil || s.kind != identity.Standard {
		s.send(s.info(nil))
		return nil
	}
	if !s.door.rate.Admit(s.conn.Started(), cfg.TLS.Rate) {
		return proto.ErrThrottled
	}
	return s.secure(&cfg.TLS)
}

// newNonce makes what a client is to sign: 11 random bytes in base64url.
func newNonce() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// readProxy takes the address of the client from what a proxy says of it.
func (s *session) readProxy() error {
	h, rest, err := proxied.Read(s.conn.Socket(), time.Now().Add(greetTime))
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), err != nil && s.conn.Ended():
		return err // somebody looked whether the port is open, or the server ends
	case err != nil:
		return &proto.Error{Reason: closed.ProtocolViolation, Log: "PROXY protocol: " + err.Error()}
	}
	s.conn.Unread(rest)
	if h.Source != nil {
		s.from.Store(remote(h.Source))
	}
	return nil
}

// secure sends INFO and does the handshake, or finds that the client does not want one.
func (s *session) secure(t *TLS) error {
	first := t.First
	if first && t.Fallback > 0 {
		ahead, err := s.conn.Peek(time.Now().Add(t.Fallback))
		if err != nil {
			return err
		}
		first = len(ahead) > 0
	}
	if !first {
		if err := s.conn.Write(s.info(nil), time.Now().Add(greetTime)); err != nil {
			return err
		}
		if t.Optional {
			ahead, err := s.conn.Peek(time.Now().Add(t.Timeout))
			if err != nil || len(ahead) == 0 || ahead[0] != firstOfTLS {
				return err
			}
		}
	}
	if err := s.handshake(t); err != nil {
		return err
	}
	if first {
		s.first.Store(true)
		s.send(s.info(nil))
	}
	return nil
}

// handshake secures the connection.
func (s *session) handshake(t *TLS) error {
	err := s.conn.Secure(t.Config, t.Timeout)
	switch {
	case err != nil && s.conn.Ended(): // from outside
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.errorf("TLS handshake timeout")
		return proto.ErrHandshakeTime
	case err != nil:
		return &proto.Error{Reason: closed.TLSHandshakeFailure, Log: "TLS handshake error: " + err.Error()}
	case !s.door.cfg().pins(s.conn.TLS()): // those of now: from here on a change finds this connection
		return &proto.Error{Reason: closed.TLSHandshakeFailure, Log: "TLS handshake error: the certificate of the client is not pinned"}
	}
	return nil
}

// tell tells the client and the log of e, outside of a batch.
func (s *session) tell(e *proto.Error) {
	if e.Log != "" {
		s.errorf("%s", e.Log)
	}
	if e.Text != "" {
		s.send(proto.AppendErr(nil, e.Text))
		s.trace("->> [-ERR %s]", e.Text)
	}
}

// mostRefused bounds how many refused connections are kept until they have read why.
const mostRefused = 256

// turnAway tells the client and the log why it cannot enter, and returns err.
func (s *session) turnAway(err error) error {
	var e *proto.Error
	if !errors.As(err, &e) {
		return err
	}
	if !s.admitted && !s.door.told.Admit(s.conn.Started(), 1) { // there may be very many
		e = &proto.Error{Text: e.Text, Reason: e.Reason}
	}
	s.tell(e)
	if !s.admitted && s.door.table.refused() > mostRefused {
		s.conn.Close(e.Reason)
	} else {
		s.takeLeave(e.Reason)
	}
	return err
}
