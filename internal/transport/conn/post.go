package conn

import (
	"slices"
	"sync/atomic"
)

// # Posts
//
// What belongs to the reader is changed by the reader alone. Others post it a function. A reader
// that waits for input is woken by a read deadline in the past, which it clears before it empties
// the queue. So of a post that it has not seen, the deadline is still to come.

// posts is what a connection's reader is to run.
type posts struct {
	last   atomic.Pointer[post] // the newest
	served atomic.Bool          // the reader looks for posts and can be woken
}

// post is one function and what was posted before it.
type post struct {
	f      func() error
	before *post
}

// Post has the reader run f, after what was posted before and between two calls of Session.Read,
// but not before Session.Open has returned. An error of f ends the connection like one of Read. If
// the connection ends first, f is not run. Post does not wait.
func (c *Conn) Post(f func() error) {
	p := &post{f: f}
	for {
		p.before = c.posts.last.Load()
		if c.posts.last.CompareAndSwap(p.before, p) {
			break
		}
	}
	if c.posts.served.Load() {
		c.nc.SetReadDeadline(past)
	}
}

// Posted reports whether the reader has posts to run.
func (c *Conn) Posted() bool { return c.posts.last.Load() != nil }

// serve lets posts wake the reader. Those that came before it are found by the next runPosts.
func (p *posts) serve() { p.served.Store(true) }

// runPosts runs what is in the queue.
func (c *Conn) runPosts() error {
	if c.posts.last.Load() == nil {
		return nil
	}
	var queue []func() error
	for p := c.posts.last.Swap(nil); p != nil; p = p.before {
		queue = append(queue, p.f)
	}
	for _, f := range slices.Backward(queue) {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}
