package lab

import (
	"fmt"
	"io"
	"net"
	"time"
)

// Subscribe makes a raw connection a subscriber of subject under the sid 1 and returns when the
// server has processed that. After it the connection has nothing unread, except what arrives on the
// subscription.
func Subscribe(conn net.Conn, subject string) error {
	_ = conn.SetDeadline(time.Now().Add(Patience))
	defer func() { _ = conn.SetDeadline(time.Time{}) }()
	if err := skipTo(conn, "\r\n"); err != nil {
		return fmt.Errorf("no INFO: %w", err)
	}
	_, err := fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB %s 1\r\nPING\r\n", subject)
	if err != nil {
		return err
	}
	return skipTo(conn, "PONG\r\n")
}

// skipTo reads byte by byte up to the end of mark, so that it takes nothing that follows.
func skipTo(conn net.Conn, mark string) error {
	one, tail := make([]byte, 1), ""
	for tail != mark {
		if _, err := io.ReadFull(conn, one); err != nil {
			return err
		}
		tail += string(one)
		tail = tail[max(0, len(tail)-len(mark)):]
	}
	return nil
}

// Stuck opens a subscriber that will never read again, with the smallest receive buffer that the
// system grants, so that few bytes fill it. Only TCP connections get the small buffer.
func Stuck(dial func() (net.Conn, error), subject string) (net.Conn, error) {
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(1)
	}
	if err := Subscribe(conn, subject); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// Slow is a reader that takes at most PerTick bytes each Tick: steady, and slower than its writer.
type Slow struct {
	Conn    net.Conn
	PerTick int
	Tick    time.Duration
}

// Read fills at most one tick's share of p, after waiting for the tick.
func (s *Slow) Read(p []byte) (int, error) {
	<-time.After(s.Tick)
	return s.Conn.Read(p[:min(len(p), s.PerTick)])
}

// Crowd is a number of connections that were opened and left in the middle of something.
type Crowd []net.Conn

// HalfOpen opens n connections, sends the same unfinished bytes on each and leaves it there. On an
// error those that were opened are closed.
func HalfOpen(dial func() (net.Conn, error), n int, unfinished string) (Crowd, error) {
	crowd := make(Crowd, 0, n)
	for range n {
		conn, err := dial()
		if err == nil {
			crowd = append(crowd, conn)
			_, err = io.WriteString(conn, unfinished)
		}
		if err != nil {
			crowd.Close()
			return nil, fmt.Errorf("connection %d of %d: %w", len(crowd)+1, n, err)
		}
	}
	return crowd, nil
}

// Close closes all of them.
func (c Crowd) Close() {
	for _, conn := range c {
		_ = conn.Close()
	}
}
