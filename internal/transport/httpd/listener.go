package httpd

import (
	"net"
	"sync"
)

// listener accepts a bounded number of connections. While there are that many, others wait in
// the backlog of the kernel, where they cost this process nothing.
type listener struct {
	// fixed
	*net.TCPListener
	slots chan struct{} // one element per connection, and one for a pending Accept
	done  chan struct{} // closed by Close, never sent to

	closing sync.Once
}

func limit(ln *net.TCPListener, conns int) *listener {
	return &listener{
		TCPListener: ln,
		slots:       make(chan struct{}, conns),
		done:        make(chan struct{}),
	}
}

// Accept waits for a free slot, then for a connection, which gives its slot back when closed.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.TCPListener.AcceptTCP()
	if err != nil {
		l.release()
		return nil, err
	}
	return &conn{TCPConn: c, release: sync.OnceFunc(l.release)}, nil
}

func (l *listener) release() { <-l.slots }

// Close frees the address and ends a waiting Accept. Further calls change nothing.
func (l *listener) Close() error {
	err := net.ErrClosed
	l.closing.Do(func() {
		close(l.done)
		err = l.TCPListener.Close()
	})
	return err
}

// conn is an accepted connection; it stays a TCP connection to those who ask for its methods.
type conn struct {
	*net.TCPConn
	release func() // gives the slot back, once
}

// Close closes the connection, whose slot is then free.
func (c *conn) Close() error {
	defer c.release()
	return c.TCPConn.Close()
}
