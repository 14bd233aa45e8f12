package port

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
)

func TestRequest(t *testing.T) {
	h := newHouse(t)
	client, service := h.open(t, nil), h.open(t, nil)
	_, err := client.Request(within(t), &Message{Subject: "double"})
	require.ErrorIs(t, err, ErrNoResponders)

	_, err = service.Subscribe("double", "", func(m *Message) {
		n, _ := strconv.Atoi(string(m.Data))
		service.Publish(&Message{Subject: m.Reply, Data: []byte(strconv.Itoa(2 * n))})
		service.Publish(&Message{Subject: m.Reply, Data: []byte("nobody waits for a second one")})
	})
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				n := 100*i + j
				r, err := client.Request(within(t), &Message{Subject: "double", Data: []byte(strconv.Itoa(n))})
				if err != nil || string(r.Data) != strconv.Itoa(2*n) {
					t.Error(n, r, err)
				}
			}
		})
	}
	all.Wait()
	require.Empty(t, client.mu.calls)
	require.Eventually(t, func() bool { return client.pending.Load() == 0 }, 10*time.Second, time.Millisecond)
}

// A handler may ask somebody else, on its own port.
func TestRequestFromAHandler(t *testing.T) {
	h := newHouse(t)
	client, middle, far := h.open(t, nil), h.open(t, nil), h.open(t, nil)
	_, err := far.Subscribe("far", "", func(m *Message) { far.Publish(&Message{Subject: m.Reply, Data: []byte("far away")}) })
	require.NoError(t, err)
	_, err = middle.Subscribe("near", "", func(m *Message) {
		r, err := middle.Request(context.Background(), &Message{Subject: "far"})
		if err != nil {
			t.Error(err)
			return
		}
		middle.Publish(&Message{Subject: m.Reply, Data: r.Data})
	})
	require.NoError(t, err)
	r, err := client.Request(within(t), &Message{Subject: "near"})
	require.NoError(t, err)
	require.Equal(t, "far away", string(r.Data))
}

func TestRequestEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		p := h.open(t, nil)
		_, err := p.Subscribe("s", "", func(*Message) {})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begin := time.Now()
		_, err = p.Request(ctx, &Message{Subject: "s"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(begin))
		_, err = p.Request(ctx, &Message{Subject: "s"})
		require.ErrorIs(t, err, context.DeadlineExceeded, "it is over before it begins")
		require.Empty(t, p.mu.calls)
		require.Zero(t, p.pending.Load())
	})
}

func TestCloseEndsRequests(t *testing.T) {
	h := newHouse(t)
	p := h.open(t, nil)
	asked := make(chan struct{})
	_, err := h.open(t, nil).Subscribe("s", "", func(*Message) { close(asked) })
	require.NoError(t, err)
	ended := make(chan error)
	go func() {
		_, err := p.Request(context.Background(), &Message{Subject: "s"})
		ended <- err
	}()
	<-asked
	p.Close()
	require.ErrorIs(t, <-ended, ErrClosed)
	require.Empty(t, p.mu.calls)
}

// A status says that nobody has answered, if it is the first reply; a message that only looks like it
// does not.
func TestNoRespondersFurtherAway(t *testing.T) {
	h := newHouse(t)
	p := h.open(t, nil)
	for _, c := range []struct {
		header, data string
		want         bool
	}{
		{"NATS/1.0 503\r\n\r\n", "", true},
		{"NATS/1.0 503 No Responders\r\nNats-Subject: s\r\n\r\n", "", true},
		{"NATS/1.0 503\r\n\r\n", "but there is something", false},
		{"NATS/1.0 5030\r\n\r\n", "", false},
		{"NATS/1.0 404\r\n\r\n", "", false},
		{"NATS/1.0\r\nA: 503\r\n\r\n", "", false},
		{"", "", false},
	} {
		s, err := p.Subscribe("s", "", func(m *Message) {
			p.Publish(&Message{Subject: m.Reply, Header: []byte(c.header), Data: []byte(c.data)})
		})
		require.NoError(t, err)
		_, err = p.Request(within(t), &Message{Subject: "s"})
		require.Equal(t, c.want, errors.Is(err, ErrNoResponders), c.header)
		s.Close()
	}
}

func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		client := h.open(t, nil)
		for i := range 3 {
			service := h.open(t, nil)
			_, err := service.Subscribe("who", "", func(m *Message) {
				time.Sleep(time.Duration(i+1) * time.Second) // of the bubble
				service.Publish(&Message{Subject: m.Reply, Data: []byte(strconv.Itoa(i))})
				service.Publish(&Message{Subject: m.Reply, Header: []byte("NATS/1.0 503\r\n\r\n")})
			})
			require.NoError(t, err)
		}
		for _, c := range []struct {
			patience time.Duration
			most     int
			want     []string
		}{
			{2500 * time.Millisecond, 9, []string{"0", "1"}},
			{time.Minute, 1, []string{"0"}},
			{4 * time.Second, 3, []string{"0", "1", "2"}},
		} {
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), c.patience)
			var got []string
			err := client.Gather(ctx, &Message{Subject: "who"}, func(m *Message) bool {
				got = append(got, string(m.Data))
				return len(got) < c.most
			})
			cancel()
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			time.Sleep(10 * time.Second) // the late ones come
		}
		require.Zero(t, client.pending.Load())
		require.ErrorIs(t, client.Gather(t.Context(), &Message{Subject: "nobody"}, nil), ErrNoResponders)
	})
}

// Replies that nobody looks at are bounded like the inbox.
func TestRepliesAreBounded(t *testing.T) {
	h := newHouse(t)
	client := h.open(t, func(c *Config) { c.MaxPending = 10 * (overhead + 60) })
	service := h.open(t, nil)
	const sent = 100
	done := make(chan struct{})
	_, err := service.Subscribe("s", "", func(m *Message) {
		for range sent {
			service.Publish(&Message{Subject: m.Reply})
		}
		close(done)
	})
	require.NoError(t, err)
	got := 0
	ctx, cancel := context.WithCancel(within(t))
	err = client.Gather(ctx, &Message{Subject: "s"}, func(*Message) bool {
		if got++; got == 1 {
			<-done
			cancel()
		}
		return true
	})
	require.NoError(t, err)
	require.LessOrEqual(t, got, 12)
	require.Zero(t, client.pending.Load())
}

func BenchmarkRequest(b *testing.B) {
	h := newHouse(b)
	client, service := h.open(b, nil), h.open(b, nil)
	_, err := service.Subscribe("s", "", func(m *Message) { service.Publish(&Message{Subject: m.Reply, Data: m.Data}) })
	require.NoError(b, err)
	data := make([]byte, 128)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Request(ctx, &Message{Subject: "s", Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}

// Services and streams of other accounts are within reach of a port like those of its own.
func TestAcrossAccounts(t *testing.T) {
	h := newHouse(t)
	r := account.NewRegistry()
	r.Put(account.Spec{Name: "E", Limits: account.Unlimited(), Exports: []account.Export{
		{Kind: account.Service, Subject: "help.*"}, {Kind: account.Stream, Subject: "news.>"},
	}})
	r.Put(account.Spec{Name: "I", Limits: account.Unlimited(), Imports: []account.Import{
		{Kind: account.Service, Account: "E", Subject: "help.*", Local: "aid.*"},
		{Kind: account.Stream, Account: "E", Subject: "news.>", Local: "far.news.>"},
	}})
	in := func(name string) *Port { return h.open(t, func(c *Config) { c.Account = r.Get(name) }) }
	exporter, importer := in("E"), in("I")
	_, err := importer.Request(within(t), &Message{Subject: "aid.me"})
	require.ErrorIs(t, err, ErrNoResponders)
	_, err = exporter.Subscribe("help.*", "", func(m *Message) {
		exporter.Publish(&Message{Subject: m.Reply, Data: []byte(m.Subject)})
	})
	require.NoError(t, err)
	reply, err := importer.Request(within(t), &Message{Subject: "aid.me"})
	require.NoError(t, err)
	require.Equal(t, "help.me", string(reply.Data))

	got := make(chan *Message, 1)
	_, err = importer.Subscribe("far.>", "", func(m *Message) { got <- m })
	require.NoError(t, err)
	require.True(t, exporter.Publish(&Message{Subject: "news.today", Data: []byte("nothing")}))
	m := <-got
	require.Equal(t, "far.news.today", m.Subject)
	require.Equal(t, "nothing", string(m.Data))
}
