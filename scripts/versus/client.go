package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/baridmq/barid/scripts/versus/config"
)

// connectEnd is CONNECT from where the login stands, and the PING that shows whether it was accepted.
const connectEnd = `"verbose":false,"pedantic":false,"lang":"go","version":"1.0.0","protocol":1,"echo":true,"headers":true,"no_responders":true}` + "\r\nPING\r\n"

// ioLimit bounds each connection's life; no measurement comes near it.
const ioLimit = 5 * time.Minute

// A client is one connection that has shaken hands. Its methods belong to one goroutine at a time,
// but write may be called beside the others.
type client struct {
	*stream
	conn   net.Conn
	info   info
	forget func() bool
}

// dial connects as the target wants it.
func (t *target) dial(ctx context.Context, bufSize int) (*client, error) {
	return dial(ctx, t.addr, t.Arrangement, bufSize)
}

// dial connects and exchanges INFO, the messages of TLS if so arranged, CONNECT, PING and PONG. All I/O of
// the client fails when ctx ends.
func dial(ctx context.Context, addr string, a config.Arrangement, bufSize int) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(ioLimit)) // cannot fail on an open socket
	c := &client{stream: newStream(conn, bufSize), conn: conn}
	c.forget = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if err := c.shakeHands(a); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *client) shakeHands(a config.Arrangement) error {
	eol := -1
	for eol < 0 {
		if err := c.fill(); err != nil {
			return fmt.Errorf("waiting for INFO: %w", err)
		}
		eol = bytes.IndexByte(c.buf[c.start:c.end], '\n')
	}
	var err error
	if c.info, err = parseInfo(c.buf[c.start : c.start+eol]); err != nil {
		return err
	}
	c.start += eol + 1
	if c.info.TLS != (a.TLS != nil) {
		return fmt.Errorf("the server's INFO asks for TLS: %v", c.info.TLS)
	}
	if a.TLS != nil {
		if err := c.encrypt(a.TLS); err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
	}
	if err := c.write([]byte("CONNECT {" + a.Login + connectEnd)); err != nil {
		return err
	}
	return c.untilPong(nil)
}

// encrypt does the handshake of TLS; what comes and goes from then on is encrypted.
func (c *client) encrypt(with *tls.Config) error {
	conn := tls.Client(c.conn, with)
	if err := conn.Handshake(); err != nil {
		return err
	}
	c.conn, c.from = conn, conn
	return nil
}

// cipher tells how the connection is encrypted; it is empty if it is not.
func (c *client) cipher() string {
	conn, ok := c.conn.(*tls.Conn)
	if !ok {
		return ""
	}
	state := conn.ConnectionState()
	return fmt.Sprintf("%s, %s, %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.CurveID)
}

func (c *client) close() {
	c.forget()
	_ = c.conn.Close()
}

func (c *client) write(b []byte) error {
	_, err := c.conn.Write(b)
	return err
}

// sync makes sure that the server has done all that was sent before, with a PING. Messages that come
// before the PONG go to take, or are an error if it is nil.
func (c *client) sync(take func(*message)) error {
	if err := c.write([]byte("PING\r\n")); err != nil {
		return err
	}
	return c.untilPong(take)
}

func (c *client) untilPong(take func(*message)) error {
	var m message
	for {
		o, err := c.command(&m)
		switch {
		case err != nil:
			return err
		case o == opPong:
			return nil
		case o == opMsg && take == nil:
			return errors.New("a message came where none was expected")
		case o == opMsg:
			take(&m)
		}
	}
}

// command waits for the next command; it answers a PING itself.
func (c *client) command(m *message) (op, error) {
	for {
		o, err := c.next(m)
		if err != nil {
			return opNone, err
		}
		switch o {
		case opNone:
			if err := c.fill(); err != nil {
				return opNone, err
			}
		case opPing:
			return opPing, c.write([]byte("PONG\r\n"))
		default:
			return o, nil
		}
	}
}

// A subscription is what a client asks for; its sid is its place in the list, from 1.
type subscription struct {
	subject string
	queue   string
}

// subscribe sends all subscriptions and waits until the server has them.
func (c *client) subscribe(subs []subscription) error {
	var b []byte
	for i, s := range subs {
		b = append(b, "SUB "...)
		b = append(b, s.subject...)
		if s.queue != "" {
			b = append(b, ' ')
			b = append(b, s.queue...)
		}
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(i+1), 10)
		b = append(b, "\r\n"...)
		if len(b) >= chunkSize || i == len(subs)-1 {
			if err := c.write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	return c.sync(nil)
}
