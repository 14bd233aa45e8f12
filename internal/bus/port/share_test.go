package port

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// from is a request of a key.
func from(key, text string) *Message {
	m := &Message{Subject: "s", Reply: "r", Data: []byte(text)}
	if key != "" {
		m.Set("Key", key)
	}
	return m
}

// shared makes an inbox of so many bytes that is shared by the header field Key.
func shared(bytes int) func(*Config) {
	return func(c *Config) {
		c.MaxPending = bytes
		c.Share = func(header []byte) string { return (&Message{Header: header}).Get("Key") }
	}
}

// gated subscribes a handler that waits for a token of the gate before it tells what it got, until
// open is called.
func gated(t testing.TB, p *Port) (gate chan<- struct{}, got <-chan string, open func()) {
	tokens, told := make(chan struct{}), make(chan string, 1<<16)
	open = sync.OnceFunc(func() { close(tokens) })
	t.Cleanup(open)
	_, err := p.Subscribe("s", "", func(m *Message) {
		<-tokens
		told <- m.Get("Key") + string(m.Data)
	})
	require.NoError(t, err)
	return tokens, told, open
}

// Who floods an inbox has a part of it, and who comes then is heard and need not wait for the flood.
func TestKeysHaveSharesOfTheInbox(t *testing.T) {
	h := newHouse(t)
	a, p := h.open(t, nil), h.open(t, shared(1<<20))
	gate, got, open := gated(t, p)
	flood := func(key string) (n int) {
		for a.Publish(from(key, "x")) {
			n++
		}
		return n
	}
	size := from("a", "x").size()
	first := flood("a")
	require.InDelta(t, (1<<20)/part, int64(first)*size, float64(2*size), "a sixteenth")
	second := flood("b")
	require.Greater(t, second, first*8/10)
	require.Zero(t, flood("a"), "others made the inbox no larger")
	require.True(t, a.Publish(from("", "asks")), "no key is a key of its own")
	require.False(t, a.Publish(from("c", string(make([]byte, (1<<20)/part)))), "too large for any share")

	served := map[string]int{}
	for range 4 { // one may have begun, and each key has its turn in every round
		gate <- struct{}{}
		served[<-got]++
	}
	require.Equal(t, 1, served["asks"])
	require.Positive(t, served["bx"])
	open()
	for range first + second - 3 {
		<-got
	}
	require.Eventually(t, func() bool { return p.pending.Load() == 0 }, 10*time.Second, time.Millisecond)
	require.Zero(t, waiting(p))
}

// However many keys flood, there is something left for the next one.
func TestManyKeysFlood(t *testing.T) {
	h := newHouse(t)
	a, p := h.open(t, nil), h.open(t, shared(1<<20))
	_, got, open := gated(t, p)
	taken := 0
	for i := range 50 {
		n := 0
		for a.Publish(from(strconv.Itoa(i), "")) {
			n++
		}
		require.Positive(t, n, "key %d", i)
		taken += n
	}
	open()
	for range taken {
		<-got
	}
}

// There are no more keys than a bound; the rest are as one.
func TestKeysAreBounded(t *testing.T) {
	h := newHouse(t)
	a, p := h.open(t, nil), h.open(t, shared(64<<20))
	_, got, open := gated(t, p)
	require.True(t, a.Publish(from("first", "")))
	require.Eventually(t, func() bool { return waiting(p) == 0 }, 10*time.Second, time.Millisecond, "it is being handled")
	for i := range mostShares + 50 {
		require.True(t, a.Publish(from(fmt.Sprint("key", i), "")))
	}
	p.mu.Lock()
	shares, rest := len(p.mu.shares), p.mu.shares[""]
	p.mu.Unlock()
	require.Equal(t, mostShares+1, shares)
	require.Len(t, rest.queue, 50)
	open()
	for range 1 + mostShares + 50 {
		<-got
	}
}

// waiting is the number of keys that wait.
func waiting(p *Port) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mu.shares)
}

// Nothing is lost or out of order, whoever comes at the same time.
func TestSharesKeepTheOrderOfKeys(t *testing.T) {
	const keys, each = 8, 300
	h := newHouse(t)
	p := h.open(t, shared(64<<20))
	next := map[string]int{} // owned by the handler
	var n atomic.Int64
	_, err := p.Subscribe("s", "", func(m *Message) {
		i, _ := strconv.Atoi(string(m.Data))
		key := m.Get("Key")
		if next[key] != i {
			t.Errorf("%s: %d came, not %d", key, i, next[key])
		}
		next[key] = i + 1
		if n.Add(1)%100 == 0 {
			panic("on purpose")
		}
	})
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			a := h.open(t, nil)
			for j := range each {
				if !a.Publish(from(strconv.Itoa(i), strconv.Itoa(j))) {
					t.Error("refused")
				}
			}
		})
	}
	all.Wait()
	require.Eventually(t, func() bool { return n.Load() == keys*each && p.pending.Load() == 0 }, 10*time.Second, time.Millisecond)
	require.Zero(t, waiting(p))
}

// A port with keys may be closed while it is busy, and gets replies to its requests as any other.
func TestASharedPortAsksAndCloses(t *testing.T) {
	h := newHouse(t)
	a, p := h.open(t, nil), h.open(t, shared(1<<20))
	_, err := a.Subscribe("ask", "", func(m *Message) { a.Publish(&Message{Subject: m.Reply, Data: []byte("hello")}) })
	require.NoError(t, err)
	r, err := p.Request(within(t), &Message{Subject: "ask"})
	require.NoError(t, err)
	require.Equal(t, "hello", string(r.Data))

	gate, got, open := gated(t, p)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for a.Publish(from(strconv.Itoa(i), "")) {
			}
		})
	}
	gate <- struct{}{}
	<-got
	p.Close()
	open()
	all.Wait()
	require.False(t, a.Publish(from("x", "")))
	require.Zero(t, waiting(p))
}

// Refusals are logged now and then, not once in a round.
func TestRefusalsAreLoggedSeldom(t *testing.T) {
	h := newHouse(t)
	var lines atomic.Int64
	a, p := h.open(t, nil), h.open(t, func(c *Config) {
		shared(64 << 10)(c)
		c.Errorf = func(string, ...any) { lines.Add(1) }
	})
	gate, got, open := gated(t, p)
	for a.Publish(from("a", "x")) {
	}
	began := time.Now()
	for range 10 {
		gate <- struct{}{}
		<-got
		for a.Publish(from("a", "x")) {
		}
	}
	require.LessOrEqual(t, lines.Load(), 1+int64(time.Since(began)/reportGap))
	open()
	require.Eventually(t, func() bool { return p.pending.Load() == 0 }, 10*time.Second, time.Millisecond)
	require.Positive(t, lines.Load())
}
