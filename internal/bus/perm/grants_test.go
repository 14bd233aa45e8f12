package perm

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (g *Grants) allow(reply string, r Responses, after time.Duration) {
	g.Allow([]byte(reply), &r, start.Add(after))
}

func (g *Grants) take(subject string, after time.Duration) bool {
	return g.Take([]byte(subject), start.Add(after))
}

// count returns how many grants are held, and checks that the ring has the same ones.
func (g *Grants) count(t *testing.T) int {
	t.Helper()
	h := g.mu.held
	if h == nil {
		return 0
	}
	n, bytes := 0, 0
	for one := h.ring.next; one != &h.ring; one = one.next {
		require.Same(t, one, h.byReply[one.reply])
		require.Same(t, one, one.next.prev)
		n++
		bytes += len(one.reply)
	}
	require.Len(t, h.byReply, n)
	require.Equal(t, bytes, h.bytes)
	return n
}

func TestAnAnswerIsAllowed(t *testing.T) {
	var g Grants
	require.False(t, g.take("r", 0), "nothing was received yet")
	g.allow("r", Responses{}, 0)
	require.False(t, g.take("r.x", 0), "exactly that subject")
	require.False(t, g.take("*", 0))
	require.True(t, g.take("r", time.Minute))
	require.False(t, g.take("r", time.Minute), "once, says the default")
	require.Zero(t, g.count(t))
}

func TestAnswersAreCounted(t *testing.T) {
	var g Grants
	g.allow("r", Responses{Max: 3}, 0)
	for range 3 {
		require.True(t, g.take("r", 0))
	}
	require.False(t, g.take("r", 0))
	g.allow("any", Responses{Max: -1}, 0)
	for range 1000 {
		require.True(t, g.take("any", 0))
	}
}

func TestAnswersExpire(t *testing.T) {
	for _, c := range []struct {
		given time.Duration
		last  time.Duration
	}{{0, 2*time.Minute - 1}, {time.Second, time.Second - 1}, {1, 0}} {
		var g Grants
		g.allow("r", Responses{Max: -1, Expires: c.given}, 0)
		require.True(t, g.take("r", c.last))
		require.False(t, g.take("r", c.last+1))
		require.Zero(t, g.count(t), "what has expired is not kept")
	}
	var g Grants
	g.allow("r", Responses{Max: -1, Expires: -1}, 0)
	require.True(t, g.take("r", 100*365*24*time.Hour), "less than 0 is for ever")
}

// Where times differ, an expired grant may be held behind one that is not, and is of no use.
func TestAnswersExpireInAnyOrder(t *testing.T) {
	var g Grants
	g.allow("long", Responses{Expires: time.Hour}, 0)
	g.allow("short", Responses{Max: -1, Expires: time.Second}, 0)
	g.allow("other", Responses{Expires: time.Hour}, time.Minute)
	require.Equal(t, 3, g.count(t))
	require.False(t, g.take("short", time.Minute))
	require.Equal(t, 2, g.count(t))
	require.True(t, g.take("long", time.Minute))
}

func TestTheSameReplyBeginsAnew(t *testing.T) {
	var g Grants
	g.allow("r", Responses{Max: 2}, 0)
	require.True(t, g.take("r", 0))
	g.allow("r", Responses{Max: 2}, time.Minute)
	require.Equal(t, 1, g.count(t))
	require.True(t, g.take("r", 2*time.Minute))
	require.True(t, g.take("r", 2*time.Minute))
	require.False(t, g.take("r", 2*time.Minute))
}

func TestNothingToAllow(t *testing.T) {
	var g Grants
	g.Allow(nil, &Responses{}, start)
	g.Allow([]byte("r"), nil, start)
	require.False(t, g.take("", 0))
	require.False(t, g.take("r", 0))
	require.Nil(t, g.mu.held)
	require.LessOrEqual(t, reflect.TypeFor[Grants]().Size(), uintptr(64), "idle connections hold one too")
}

func TestTheReplyIsCopied(t *testing.T) {
	var g Grants
	reply := []byte("r")
	g.Allow(reply, &Responses{}, start)
	reply[0] = 'x'
	require.True(t, g.take("r", 0))
}

// Requests that are never answered must not make a connection grow.
func TestAFloodLosesTheOldest(t *testing.T) {
	var g Grants
	name := func(i int) string { return fmt.Sprint("_INBOX.", i) }
	const sent = 5 * mostGrants
	for i := range sent {
		g.allow(name(i), Responses{Expires: -1}, 0)
		require.LessOrEqual(t, len(g.mu.held.byReply), mostGrants)
		if i == mostGrants-1 {
			g.allow(name(0), Responses{Expires: -1}, 0) // is the latest again
		}
		if i == 2*mostGrants-2 {
			require.True(t, g.take(name(0), 0))
		}
	}
	require.Equal(t, mostGrants, g.count(t))
	require.False(t, g.take(name(sent-mostGrants-1), 0))
	for i := sent - mostGrants; i < sent; i++ {
		require.True(t, g.take(name(i), 0))
	}
	require.Nil(t, g.mu.held, "and the memory is given back")
}

func TestLongRepliesAreBoundedInBytes(t *testing.T) {
	var g Grants
	long := strings.Repeat("x", 4000)
	for i := range 1000 {
		g.allow(fmt.Sprint(i, long), Responses{}, 0)
		require.LessOrEqual(t, g.mu.held.bytes, mostGrantBytes)
	}
	require.InDelta(t, mostGrantBytes/4000, g.count(t), 2)
	require.True(t, g.take("999"+long, 0))
	huge := strings.Repeat("y", mostGrantBytes+1)
	g.allow(huge, Responses{}, 0)
	require.Equal(t, 1, g.count(t))
	require.True(t, g.take(huge, 0), "the latest one is always good")
}

// Expired grants go bit by bit, with each call, and none of them stays.
func TestExpiredGrantsAreForgotten(t *testing.T) {
	var g Grants
	for i := range 1000 {
		g.allow(fmt.Sprint("old", i), Responses{}, 0)
	}
	g.allow("new0", Responses{}, time.Hour)
	require.Equal(t, 1000-dropped+1, g.count(t))
	for i := range 1000 {
		g.allow(fmt.Sprint("new", i), Responses{}, time.Hour)
	}
	require.Equal(t, 1000, g.count(t))
	for range 501 {
		g.take("nobody", 2*time.Hour)
	}
	require.Nil(t, g.mu.held)
}

// Many goroutines deliver and one reads. Each grant is used exactly as often as it says.
func TestGrantsAreCountedExactly(t *testing.T) {
	const deliverers, replies, most = 4, 500, 3
	var g Grants
	var taken atomic.Int64
	var wg sync.WaitGroup
	delivered := make(chan string, deliverers*replies)
	for d := range deliverers {
		wg.Go(func() {
			for i := range replies {
				reply := fmt.Sprintf("%d.%d", d, i)
				g.allow(reply, Responses{Max: most}, 0)
				delivered <- reply
			}
		})
	}
	for range 2 { // one more than there is, to be strict
		wg.Go(func() {
			for range deliverers * replies / 2 {
				reply := <-delivered
				for range most + 2 {
					if g.take(reply, time.Second) {
						taken.Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, deliverers*replies*most, taken.Load())
	require.Zero(t, g.count(t))
}

// One grant that many want is given away once.
func TestOneGrantIsTakenOnce(t *testing.T) {
	var g Grants
	for range 200 {
		g.allow("r", Responses{Max: 2}, 0)
		var taken atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if g.take("r", 0) {
					taken.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 2, taken.Load())
	}
}
