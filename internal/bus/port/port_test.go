package port

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/task"
)

// house is an account and the group in which the ports of a test work.
type house struct {
	acc    *account.Account
	tasks  *task.Group
	panics atomic.Int64
	ids    atomic.Uint64
}

func newHouse(t testing.TB) *house {
	h := &house{acc: account.NewRegistry().Get(account.Global)}
	h.tasks = task.New(func(string, any, []byte) { h.panics.Add(1) })
	t.Cleanup(func() {
		h.tasks.Close()
		require.Empty(t, h.tasks.Wait(10*time.Second))
	})
	return h
}

// open returns a port that is closed at the end of the test; change may be nil.
func (h *house) open(t testing.TB, change func(*Config)) *Port {
	cfg := Config{Account: h.acc, Tasks: h.tasks, Name: "port", ID: h.ids.Add(1)}
	if change != nil {
		change(&cfg)
	}
	p := Open(cfg)
	t.Cleanup(p.Close)
	return p
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAMessageComesAsItWasSent(t *testing.T) {
	h := newHouse(t)
	a, b := h.open(t, nil), h.open(t, nil)
	require.Same(t, h.acc, a.Account())
	got := make(chan *Message, 1)
	s, err := b.Subscribe("s.*", "", func(m *Message) { got <- m })
	require.NoError(t, err)
	for _, m := range []*Message{
		{Subject: "s.a"},
		{Subject: "s.b", Data: []byte("hello")},
		{Subject: "s.b", Reply: "r", Data: []byte("hello")},
		{Subject: "s.b", Reply: "r", Header: []byte("NATS/1.0\r\nA: 1\r\n\r\n")},
		{Subject: "s.b", Header: []byte("NATS/1.0\r\nA: 1\r\n\r\n"), Data: []byte("x\r\n")},
	} {
		want := *m
		require.True(t, a.Publish(m))
		for i := range m.Data {
			m.Data[i] = 'z' // the port has its own copy
		}
		if len(want.Data) > 0 {
			want.Data = []byte(map[bool]string{true: "hello", false: "x\r\n"}[len(want.Data) == 5])
		}
		g := <-got
		require.Equal(t, want.Subject, g.Subject)
		require.Equal(t, want.Reply, g.Reply)
		require.Equal(t, string(want.Header), string(g.Header))
		require.Equal(t, string(want.Data), string(g.Data))
	}
	require.True(t, a.Interest("s.a"))
	require.False(t, a.Interest("t"))
	s.Close()
	require.False(t, a.Interest("s.a"))
	require.False(t, a.Publish(&Message{Subject: "s.a"}))
	require.Zero(t, h.acc.Subscriptions())
}

// What mappings make of a subject is known when a message is sent.
func TestPublishInAnAccountWithMappings(t *testing.T) {
	h := &house{tasks: task.New(nil)}
	r := account.NewRegistry()
	h.acc = r.Put(account.Spec{Name: "A", Limits: account.Unlimited(), Mappings: []account.Mapping{
		{Source: "from", Destinations: []account.Destined{{Subject: "to", Weight: 100}}},
	}})
	p := h.open(t, nil)
	require.True(t, p.Interest("from"))
	got := make(chan string, 1)
	_, err := p.Subscribe("to", "", func(m *Message) { got <- m.Subject })
	require.NoError(t, err)
	require.True(t, p.Publish(&Message{Subject: "from"}))
	require.Equal(t, "to", <-got)
	p.Close()
	require.Eventually(t, func() bool { return len(h.tasks.Running()) == 0 }, 10*time.Second, time.Millisecond)
}

func TestWhatIsNotSent(t *testing.T) {
	h := newHouse(t)
	p := h.open(t, nil)
	_, err := p.Subscribe(">", "", func(m *Message) { t.Errorf("%q came", m.Subject) })
	require.NoError(t, err)
	for _, m := range []Message{
		{}, {Subject: "a b"}, {Subject: "a\r\nMSG b"}, {Subject: "a\tb"}, {Subject: "a", Reply: "b c"}, {Subject: "a", Reply: "b\n"},
		{Subject: "a..b"}, {Subject: "a", Data: make([]byte, mostBytes+1)},
	} {
		require.False(t, p.Publish(&m), "%q %q", m.Subject, m.Reply)
	}
}

func TestSubscribeRefuses(t *testing.T) {
	p := newHouse(t).open(t, nil)
	for _, subject := range []string{"", "a..b", "a.>.b", "a b", "a\r\n"} {
		_, err := p.Subscribe(subject, "", nil)
		require.ErrorIs(t, err, ErrSubject, "%q", subject)
	}
	_, err := p.Subscribe("a", "q r", nil)
	require.ErrorIs(t, err, ErrSubject)
	p.Close()
	require.True(t, p.Closed())
	_, err = p.Subscribe("a", "", nil)
	require.ErrorIs(t, err, ErrClosed)
	require.Zero(t, p.Account().Subscriptions())
	require.False(t, p.Publish(&Message{Subject: "a"}))
	_, err = p.Request(within(t), &Message{Subject: "a"})
	require.ErrorIs(t, err, ErrClosed)
}

// Messages of one publisher are handled in their order, one at a time, however many publish.
func TestOrder(t *testing.T) {
	const publishers, each = 4, 2000
	h := newHouse(t)
	p := h.open(t, nil)
	var at atomic.Int64
	next := map[string]int{} // without a lock: handlers never run side by side
	done := make(chan struct{})
	n := 0
	_, err := p.Subscribe("from.*", "", func(m *Message) {
		if at.Add(1) != 1 {
			t.Error("two handlers at a time")
		}
		defer at.Add(-1)
		i, _ := strconv.Atoi(string(m.Data))
		if next[m.Subject] != i {
			t.Errorf("%s: %d came, not %d", m.Subject, i, next[m.Subject])
		}
		next[m.Subject] = i + 1
		if n++; n == publishers*each {
			close(done)
		}
	})
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range publishers {
		all.Go(func() {
			from := h.open(t, nil)
			for j := range each {
				if !from.Publish(&Message{Subject: fmt.Sprintf("from.%d", i), Data: []byte(strconv.Itoa(j))}) {
					t.Error("refused")
				}
			}
		})
	}
	all.Wait()
	<-done
	require.Eventually(t, func() bool { return p.pending.Load() == 0 }, 10*time.Second, time.Millisecond)
}

func TestQueueGroupsShare(t *testing.T) {
	h := newHouse(t)
	a := h.open(t, nil)
	var got [3]atomic.Int64
	for i := range got {
		_, err := h.open(t, nil).Subscribe("s", []string{"q", "q", ""}[i], func(*Message) { got[i].Add(1) })
		require.NoError(t, err)
	}
	for range 400 {
		require.True(t, a.Publish(&Message{Subject: "s"}))
	}
	require.Eventually(t, func() bool {
		return got[2].Load() == 400 && got[0].Load()+got[1].Load() == 400
	}, 10*time.Second, time.Millisecond)
	require.Positive(t, got[0].Load())
	require.Positive(t, got[1].Load())
}

// What finds no room is refused, and goes to another member of a group that has some.
func TestTheInboxIsBounded(t *testing.T) {
	h := newHouse(t)
	a := h.open(t, nil)
	var logged atomic.Value
	small := h.open(t, func(c *Config) {
		c.Name = "a small one"
		c.MaxPending = 4 * (overhead + 100)
		c.Errorf = func(format string, v ...any) { logged.Store(fmt.Sprintf(format, v...)) }
	})
	busy, free := make(chan struct{}, 100), make(chan struct{})
	_, err := small.Subscribe("s", "q", func(*Message) { busy <- struct{}{}; <-free })
	require.NoError(t, err)
	request := func() bool {
		return a.Publish(&Message{Subject: "s", Reply: "r", Data: make([]byte, 90)})
	}
	require.True(t, request())
	<-busy
	for range 4 {
		require.True(t, request())
	}
	require.False(t, request(), "the inbox is full")
	require.False(t, a.Publish(&Message{Subject: "s", Reply: "r", Data: make([]byte, 2000)}))

	var others atomic.Int64
	_, err = h.open(t, nil).Subscribe("s", "q", func(*Message) { others.Add(1) })
	require.NoError(t, err)
	for range 10 {
		require.True(t, request(), "another member has room")
	}
	close(free)
	for range 4 {
		<-busy
	}
	require.Eventually(t, func() bool { return others.Load() == 10 && logged.Load() != nil }, 10*time.Second, time.Millisecond)
	require.Contains(t, logged.Load(), "a small one: ")
	require.Contains(t, logged.Load(), " messages were refused because the inbox was full")
	require.Eventually(t, func() bool { return small.pending.Load() == 0 }, 10*time.Second, time.Millisecond)
}

// A handler that panics costs its message, not the ones behind it.
func TestAPortSurvivesAPanic(t *testing.T) {
	h := newHouse(t)
	p := h.open(t, nil)
	var got []string
	done := make(chan struct{})
	begin := make(chan struct{})
	_, err := p.Subscribe("s", "", func(m *Message) {
		<-begin
		got = append(got, string(m.Data))
		switch string(m.Data) {
		case "2", "3", "6":
			panic("on purpose")
		case "7":
			close(done)
		}
	})
	require.NoError(t, err)
	for i := range 8 {
		require.True(t, p.Publish(&Message{Subject: "s", Data: []byte(strconv.Itoa(i))}))
	}
	close(begin)
	<-done
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7"}, got)
	require.Eventually(t, func() bool { return h.panics.Load() == 3 }, 10*time.Second, time.Millisecond)
}

func TestAnIdlePortHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		p := h.open(t, nil)
		n := 0
		_, err := p.Subscribe("s", "", func(*Message) { n++ })
		require.NoError(t, err)
		for range 3 {
			p.Publish(&Message{Subject: "s"})
			synctest.Wait()
			require.Empty(t, h.tasks.Running())
		}
		require.Equal(t, 3, n)
	})
}

// What waits behind a subscription that is closed, or a port, is not handled any more.
func TestCloseWhileBusy(t *testing.T) {
	for _, what := range []string{"subscription", "port"} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			p := h.open(t, nil)
			var n atomic.Int64
			busy, free := make(chan struct{}), make(chan struct{})
			s, err := p.Subscribe("s", "", func(*Message) { n.Add(1); busy <- struct{}{}; <-free })
			require.NoError(t, err)
			for range 5 {
				require.True(t, p.Publish(&Message{Subject: "s"}))
			}
			<-busy
			if what == "port" {
				p.Close()
				p.Close()
			} else {
				s.Close()
				s.Close()
			}
			close(free)
			require.Eventually(t, func() bool { return len(h.tasks.Running()) == 0 }, 10*time.Second, time.Millisecond)
			require.EqualValues(t, 1, n.Load())
			require.Zero(t, h.acc.Subscriptions())
			require.False(t, p.Publish(&Message{Subject: "s"}))
		})
	}
}

// A port whose group is closed takes nothing that nobody would handle.
func TestAClosedGroup(t *testing.T) {
	h := newHouse(t)
	p, other := h.open(t, nil), h.open(t, nil)
	_, err := p.Subscribe("s", "", func(*Message) { t.Error("it was handled") })
	require.NoError(t, err)
	h.tasks.Close()
	require.False(t, other.Publish(&Message{Subject: "s", Reply: "r"}))
	require.True(t, p.Closed())
	require.Zero(t, h.acc.Subscriptions())
}

// Ports may be opened, used and closed by many at a time.
func TestComingAndGoing(t *testing.T) {
	h := newHouse(t)
	service := h.open(t, nil)
	_, err := service.Subscribe("s", "", func(m *Message) { service.Publish(&Message{Subject: m.Reply}) })
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 60 {
				p := h.open(t, nil)
				var two sync.WaitGroup
				for range 2 {
					two.Go(func() {
						if _, err := p.Request(within(t), &Message{Subject: "s"}); err != nil && err != ErrClosed && err != ErrNoResponders {
							t.Error(err)
						}
					})
				}
				two.Go(func() {
					if s, err := p.Subscribe("s", "", func(*Message) {}); err == nil {
						s.Close()
					}
				})
				if p.cfg.ID%3 == 0 {
					two.Wait()
				}
				p.Close()
				two.Wait()
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, h.acc.Subscriptions())
}

func TestInboxSubjects(t *testing.T) {
	h := newHouse(t)
	for _, prefix := range []string{"", "$SYS._INBOX."} {
		p := h.open(t, func(c *Config) { c.Inbox = prefix })
		want := prefix
		if want == "" {
			want = "_INBOX."
		}
		seen := map[string]bool{}
		s, err := p.Subscribe("s", "", func(m *Message) {
			require.True(t, strings.HasPrefix(m.Reply, want))
			require.False(t, seen[m.Reply])
			seen[m.Reply] = true
			p.Publish(&Message{Subject: m.Reply, Data: []byte(m.Reply)})
		})
		require.NoError(t, err)
		for range 3 {
			m := &Message{Subject: "s"}
			r, err := p.Request(within(t), m)
			require.NoError(t, err)
			require.Equal(t, m.Reply, string(r.Data))
		}
		s.Close()
		require.Equal(t, 1, len(p.mu.subs), "one subscription for all replies")
	}
}
