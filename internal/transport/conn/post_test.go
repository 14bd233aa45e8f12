package conn

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/lab"
)

// ran waits until post was run.
func ran(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(lab.Patience):
		require.FailNow(t, "a post was not run")
	}
}

// A reader that waits for input is woken by a post, and reads on afterwards.
func TestPostWakesTheReader(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b := newBench(t)
		r := &recorder{}
		c, theirs := b.serve(way, r)
		for i := range 20 {
			done := make(chan struct{})
			c.Post(func() error { close(done); return nil })
			ran(t, done)
			say(t, theirs, fmt.Sprintf("line %d\n", i))
			eventually(t, func() bool { return len(r.got()) == i+1 }, "the line")
		}
		require.False(t, c.Posted())
		require.NoError(t, theirs.Close())
		require.Equal(t, closed.ClientClosed, r.reason(t))
	})
}

// No post is lost, whoever posts when, and the posts of one goroutine keep their order. Input is
// complete, too.
func TestNoPostIsLost(t *testing.T) {
	const posters, posts, lines = 4, 200, 400
	each(t, func(t *testing.T, way pair) {
		b := newBench(t)
		r := &recorder{}
		c, theirs := b.serve(way, r)
		var all sync.WaitGroup
		var last [posters]int // belongs to the reader
		var out atomic.Bool
		done := make(chan struct{}, posters)
		for i := range posters {
			all.Go(func() {
				for n := 1; n <= posts; n++ {
					seen := make(chan struct{})
					c.Post(func() error {
						if last[i] != n-1 {
							out.Store(true)
						}
						last[i] = n
						close(seen)
						return nil
					})
					if n%7 == 0 { // let the reader fall asleep now and then
						<-seen
					}
					if n == posts {
						<-seen
						done <- struct{}{}
					}
				}
			})
		}
		all.Go(func() {
			for i := range lines {
				if _, err := fmt.Fprintf(theirs, "a%d\n", i); err != nil {
					return
				}
			}
		})
		for range posters {
			select {
			case <-done:
			case <-time.After(lab.Patience):
				require.FailNow(t, "a post was lost")
			}
		}
		all.Wait()
		require.False(t, out.Load(), "posts in their order")
		eventually(t, func() bool { return len(r.got()) == lines }, "all lines")
	})
}

// A part of a command that was read survives the wake-up.
func TestPostInTheMiddleOfACommand(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b := newBench(t)
		reads := make(chan struct{}, 100)
		r := &recorder{onRead: func([]byte) { reads <- struct{}{} }}
		c, theirs := b.serve(way, r)
		say(t, theirs, "half ")
		<-reads
		done := make(chan struct{})
		c.Post(func() error { close(done); return nil })
		ran(t, done)
		say(t, theirs, "and half\n")
		eventually(t, func() bool { return len(r.got()) == 1 }, "the line")
		require.Equal(t, []string{"half and half"}, r.got())
	})
}

// Posts wait until the session is open, and do not disturb the handshake.
func TestPostsWaitForOpen(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b := newBench(t)
		r := &recorder{}
		c, theirs := b.wrap(way, r)
		done := make(chan struct{})
		var early atomic.Bool
		post := func() {
			c.Post(func() error {
				if r.tls != nil && c.tunnel.Load() == nil {
					early.Store(true)
				}
				return nil
			})
		}
		post()
		require.True(t, c.Run(r))
		for range 50 {
			post()
		}
		if client, ok := theirs.(interface{ Handshake() error }); ok {
			require.NoError(t, client.Handshake())
		}
		c.Post(func() error { close(done); return nil })
		ran(t, done)
		require.False(t, early.Load())
		say(t, theirs, "a\n")
		eventually(t, func() bool { return len(r.got()) == 1 }, "the line")
	})
}

// An error of a post ends the connection; posts behind it are not run, nor are those that come when
// the connection ends.
func TestPostThatEndsTheConnection(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b := newBench(t)
		r := &recorder{}
		c, theirs := b.serve(way, r)
		var late atomic.Bool
		c.Post(func() error {
			c.Post(func() error { late.Store(true); return nil })
			c.send("bye\n")
			c.Finish(closed.StaleConnection)
			return errors.New("enough")
		})
		require.Equal(t, "bye\n", rest(t, theirs))
		require.NoError(t, theirs.Close())
		require.Equal(t, closed.StaleConnection, r.reason(t))
		c.Post(func() error { late.Store(true); return nil })
		require.False(t, late.Load())
	})
}

// A client that was told the reason gets the time to read it, also when posts come meanwhile.
func TestPostsDoNotCutTheLinger(t *testing.T) {
	b := newBench(t)
	r := &recorder{onLine: func(string) error { return nil }}
	c, theirs := b.serve(overTCP, r)
	c.Post(func() error {
		c.send("bye\n")
		c.Finish(closed.StaleConnection)
		return errors.New("enough")
	})
	take(t, theirs, "bye\n")
	begin := time.Now()
	for over := false; !over; {
		c.Post(func() error { return nil })
		select {
		case <-r.over:
			over = true
		case <-time.After(time.Millisecond):
		}
	}
	require.Greater(t, time.Since(begin), linger/2)
	require.Less(t, time.Since(begin), b.cfg.WriteDeadline)
}

// Posting to connections that end at the same moment harms nobody.
func TestPostAndEndTogether(t *testing.T) {
	each(t, func(t *testing.T, way pair) {
		b := newBench(t)
		for range 4 {
			r := &recorder{}
			c, theirs := b.serve(way, r)
			var all sync.WaitGroup
			all.Go(func() {
				for range 20 {
					c.Post(func() error { return nil })
				}
			})
			all.Go(func() { c.Close(closed.ServerShutdown) })
			all.Wait()
			require.Equal(t, closed.ServerShutdown, r.reason(t))
			_ = theirs.Close()
		}
		require.Zero(t, b.panics.Load())
	})
}
