package lab

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/baridmq/barid/internal/core/guard"
)

// voice is one connection of a story. Its goroutine takes everything the server sends at once, so
// that a story can never block the server.
type voice struct {
	// fixed
	conn     net.Conn
	patience time.Duration // bound of each wait and of each write
	grown    chan struct{} // a token when bytes came or the end was reached; never closed
	reads    sync.WaitGroup

	// owned by the story
	outgoing []byte // lines in a row that go out as one write
	cid      uint64 // connection id that the last INFO told

	mu struct {
		guard.Leaf
		got []byte // received and not yet taken
		end error  // why reading ended
	}
}

func newVoice(conn net.Conn, patience time.Duration) *voice {
	v := &voice{conn: conn, patience: patience, grown: make(chan struct{}, 1)}
	v.reads.Go(v.read)
	return v
}

func (v *voice) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := v.conn.Read(buf)
		v.mu.Lock()
		v.mu.got = append(v.mu.got, buf[:n]...)
		v.mu.end = err
		v.mu.Unlock()
		select {
		case v.grown <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// leave closes the connection from this side and waits for its goroutine.
func (v *voice) leave() {
	_ = v.conn.Close()
	v.reads.Wait()
}

// say writes what was gathered, in one piece or, dripping, in many. A write that fails says nothing
// by itself: a server may close while it is being talked to, and what the story expects next tells
// whether it should have.
func (v *voice) say(drip bool) {
	data := v.outgoing
	v.outgoing = nil
	size := len(data)
	if drip {
		size = 1 + len(data)/1024
	}
	_ = v.conn.SetWriteDeadline(time.Now().Add(v.patience))
	for len(data) > 0 {
		n, err := v.conn.Write(data[:min(size, len(data))])
		if err != nil {
			return
		}
		data = data[n:]
	}
}

// await calls try with what has arrived until try is done or fails, the server closed, or patience
// ran out. Then it takes the bytes that try used.
func (v *voice) await(try func(got []byte, end error) (used int, done bool, err error)) error {
	patience := time.NewTimer(v.patience)
	defer patience.Stop()
	for {
		v.mu.Lock()
		got, end := v.mu.got, v.mu.end
		v.mu.Unlock()
		used, done, err := try(got, end)
		if used > 0 {
			v.take(used)
		}
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case used > 0:
			continue
		case end != nil:
			return errors.New("the connection was closed")
		}
		select {
		case <-v.grown:
		case <-patience.C:
			return errors.New("nothing more came")
		}
	}
}

func (v *voice) take(n int) {
	v.mu.Lock()
	v.mu.got = v.mu.got[n:]
	v.mu.Unlock()
}

// rest is what arrived and was not expected yet, for reports.
func (v *voice) rest() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return bytes.Clone(v.mu.got)
}
