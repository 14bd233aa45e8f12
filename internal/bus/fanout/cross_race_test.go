package fanout

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
)

// Publishers, subscribers and changes of specs go on side by side, and when all is quiet everything is as
// the last specs say.
func TestCrossingWhileSpecsChange(t *testing.T) {
	r := account.NewRegistry()
	a := account.Spec{Name: "A", Limits: account.Unlimited(), Exports: []account.Export{{Subject: ">"}, {Kind: account.Service, Subject: ">"}}}
	b := account.Spec{Name: "B", Limits: account.Unlimited(), Imports: []account.Import{{Account: "A", Subject: "s.*", Local: "t.$1"},
		{Kind: account.Service, Account: "A", Subject: "help", Local: "ask"}}}
	none := account.Spec{Name: "A", Limits: account.Unlimited()}
	from, to := r.Put(a), r.Put(b)
	quiets(from, 1, "help", "")
	quiets(to, 2, "t.x", "")
	var stop atomic.Bool
	var all sync.WaitGroup
	busy := func(f func(n int)) {
		all.Go(func() {
			for n := 0; !stop.Load(); n++ {
				f(n)
			}
		})
	}
	own := newQuiet(1)
	for _, in := range []struct {
		a    *account.Account
		text string
	}{{from, "s.x=1 s.x=2 s.y=3"}, {to, "ask>t.x=1 ask=2"}} {
		buf, msgs := lay(pubs(in.text))
		busy(func(int) {
			trip := Get()
			trip.Begin(Batch{Origin: 1, Buf: buf, Own: &own.box})
			for i := range msgs {
				trip.Add(in.a, &msgs[i])
			}
			trip.Flush()
			trip.Put()
		})
	}
	busy(func(int) {
		q := newQuiet(7)
		s := account.NewSub(&q.owner, []byte("1"), nil)
		to.Subscribe(s, []byte("t.>"))
		to.Unsubscribe(s)
	})
	busy(func(n int) { r.Put([]account.Spec{none, a, b}[n%3]); Tick(r, time.Now()) })
	time.AfterFunc(300*time.Millisecond, func() { stop.Store(true) })
	all.Wait()
	r.Put(a)
	r.Put(b)
	require.Equal(t, 1+2+1, from.Subscriptions(), "the responder, two shadows, and the entry for replies")
	require.Equal(t, 2+1, to.Subscriptions(), "two subscribers and the entry of the service")
	k := newTaker(9)
	k.sub(to, "t.y", "1", "")
	newPublisher().publish(t, from, "s.y=1")
	require.Equal(t, "1:t.y=1 ", k.take())
}
