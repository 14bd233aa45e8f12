package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeSocket is a Sink that takes as much as accept says and runs writers as goroutines.
type fakeSocket struct {
	box    Box
	accept func(n int) int // how many of n bytes a try takes; nil for all
	behind bool            // the socket keeps some of what it takes to itself
	wait   chan struct{}   // a writer waits here before each write; nil for not

	mu      sync.Mutex
	got     []byte
	err     error
	broken  error
	over    int
	done    int
	writers sync.WaitGroup
}

func newSocket(limit int) *fakeSocket {
	s := &fakeSocket{}
	s.box.Init(s, limit)
	return s
}

func (s *fakeSocket) TryWrite(p []byte) (int, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, false, s.err
	}
	n := len(p)
	if s.accept != nil {
		n = s.accept(n)
	}
	s.got = append(s.got, p[:n]...)
	return n, s.behind, nil
}

func (s *fakeSocket) StartWriter() {
	s.writers.Go(func() {
		var w Writer
		for written := 0; ; {
			bufs := s.box.Take(&w, written, 100)
			if bufs == nil {
				return
			}
			if s.wait != nil {
				<-s.wait
			}
			s.mu.Lock()
			written = 0
			for _, b := range bufs {
				s.got = append(s.got, b...)
				written += len(b)
			}
			s.mu.Unlock()
		}
	})
}

func (s *fakeSocket) Overflowed()      { s.mu.Lock(); s.over++; s.mu.Unlock() }
func (s *fakeSocket) Broken(err error) { s.mu.Lock(); s.broken = err; s.mu.Unlock() }
func (s *fakeSocket) Done()            { s.mu.Lock(); s.done++; s.mu.Unlock() }

func (s *fakeSocket) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.got)
}

func TestAnIdleBoxWritesAtOnce(t *testing.T) {
	s := newSocket(100)
	require.Equal(t, Sent, s.box.Send([]byte("hello"), 1, 5, Any))
	require.Equal(t, "hello", s.text())
	require.Equal(t, Load{Held: 0, Messages: 1, Bytes: 5}, s.box.Load())
}

func TestWhatTheSocketRefusesIsWrittenLaterInOrder(t *testing.T) {
	s := newSocket(1000)
	s.wait = make(chan struct{})
	s.accept = func(n int) int { return n / 2 }
	s.box.Send([]byte("abcdef"), 1, 6, Any)
	require.Equal(t, "abc", s.text())
	require.Equal(t, Sent, s.box.Send([]byte("ghi"), 1, 3, Any))
	require.Equal(t, 6, s.box.Load().Held)
	close(s.wait)
	s.writers.Wait()
	require.Equal(t, "abcdefghi", s.text())
	require.Zero(t, s.box.Load().Held)
}

func TestTheLimitIsExact(t *testing.T) {
	s := newSocket(100)
	s.wait = make(chan struct{})
	s.accept = func(int) int { return 0 }
	require.Equal(t, Sent, s.box.Send(make([]byte, 60), 1, 60, Any))
	require.Equal(t, Full, s.box.Send(make([]byte, 40), 1, 40, Any), "100 of 100 bytes are allowed")
	require.Zero(t, s.over)
	require.Equal(t, Gone, s.box.Send(make([]byte, 1), 1, 1, Any))
	require.Equal(t, 1, s.over)
	require.Equal(t, Gone, s.box.Send(nil, 0, 0, Any))
	close(s.wait)
	s.writers.Wait()
	require.Equal(t, 1, s.done)
	require.Zero(t, s.box.Load().Held, "what was held is thrown away")
}

func TestASendThatTheSocketCutsShortMayOverflow(t *testing.T) {
	s := newSocket(100)
	s.accept = func(n int) int { return 20 }
	require.Equal(t, Gone, s.box.Send(make([]byte, 121), 1, 121, Any))
	s.writers.Wait()
	require.Equal(t, []int{1, 1}, []int{s.over, s.done})
}

func TestStale(t *testing.T) {
	s := newSocket(100)
	gen := s.box.Generation()
	require.Equal(t, Sent, s.box.Send([]byte("a"), 1, 1, gen))
	s.box.Invalidate()
	require.Equal(t, Stale, s.box.Send([]byte("b"), 1, 1, gen))
	require.Equal(t, Sent, s.box.Send([]byte("c"), 1, 1, s.box.Generation()))
	require.Equal(t, "ac", s.text())
	require.EqualValues(t, 2, s.box.Load().Messages, "a stale send counts nothing")
}

func TestClose(t *testing.T) {
	for _, flush := range []bool{true, false} {
		t.Run(fmt.Sprint("flush ", flush), func(t *testing.T) {
			s := newSocket(100)
			s.wait = make(chan struct{})
			s.accept = func(int) int { return 0 }
			s.box.Send([]byte("abc"), 1, 3, Any)
			s.box.Send([]byte("def"), 1, 3, Any)
			s.box.Close(flush)
			s.box.Close(true) // a second one changes nothing
			require.Equal(t, Gone, s.box.Send([]byte("x"), 1, 1, Any))
			close(s.wait)
			s.writers.Wait()
			require.Equal(t, 1, s.done)
			if flush {
				require.Equal(t, "abcdef", s.text())
			} else {
				require.NotContains(t, s.text(), "x")
			}
		})
	}
}

func TestCloseOfAnIdleBoxIsDoneAtOnce(t *testing.T) {
	s := newSocket(100)
	s.box.Close(true)
	require.Equal(t, 1, s.done)
}

func TestABrokenSocketClosesTheBox(t *testing.T) {
	s := newSocket(100)
	s.err = errors.New("reset")
	require.Equal(t, Gone, s.box.Send([]byte("abc"), 1, 3, Any))
	require.Equal(t, s.err, s.broken)
	require.Equal(t, 1, s.done)
	require.Equal(t, Gone, s.box.Send([]byte("abc"), 1, 3, Any))
}

// What the socket has taken is not given to anybody else, even if it then fails with the bytes of
// others.
func TestWhatWasWrittenStaysSent(t *testing.T) {
	s := newSocket(1000)
	s.accept = func(n int) int {
		if s.err == nil { // meanwhile another producer leaves something, and the socket breaks
			require.Equal(t, Sent, s.box.Send([]byte("other"), 1, 5, Any))
			s.err = errors.New("reset")
		}
		return n
	}
	require.Equal(t, Sent, s.box.Send([]byte("mine"), 1, 4, Any))
	require.Equal(t, "mine", s.text())
	require.Equal(t, s.err, s.broken)
	require.Equal(t, Gone, s.box.Send([]byte("more"), 1, 4, Any))
}

// Whatever the socket takes and however producers interleave, the bytes of each producer come out
// whole and in order.
func TestManyProducers(t *testing.T) {
	const producers, each = 8, 500
	s := newSocket(1 << 30)
	s.accept = func(n int) int { return rand.IntN(n + 1) }
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for i := range each {
				line := fmt.Appendf(nil, "%d %d %s\n", p, i, bytes.Repeat([]byte{'x'}, rand.IntN(2000)))
				require.NotEqual(t, Gone, s.box.Send(line, 1, len(line), Any))
			}
		})
	}
	wg.Wait()
	s.box.Close(true)
	s.writers.Wait()
	next := [producers]int{}
	for _, line := range bytes.Split(bytes.TrimSuffix(s.got, []byte("\n")), []byte("\n")) {
		var p, i int
		_, err := fmt.Sscanf(string(line), "%d %d", &p, &i)
		require.NoError(t, err)
		require.Equal(t, next[p], i)
		next[p]++
	}
	for _, n := range next {
		require.Equal(t, each, n)
	}
	require.Equal(t, 1, s.done)
}

func BenchmarkSendToIdle(b *testing.B) {
	s := newSocket(1 << 20)
	s.got = make([]byte, 0, 1<<20)
	s.accept = func(n int) int { s.got = s.got[:0]; return n }
	p := make([]byte, 512)
	b.ReportAllocs()
	for b.Loop() {
		s.box.Send(p, 4, 400, Any)
	}
}

func BenchmarkSendToBusy(b *testing.B) {
	s := newSocket(1 << 30)
	s.wait = make(chan struct{})
	s.accept = func(int) int { return 0 }
	s.box.Send([]byte("x"), 1, 1, Any)
	p := make([]byte, 512)
	b.ReportAllocs()
	var w Writer
	for b.Loop() {
		s.box.Send(p, 4, 400, Any)
		if s.box.Load().Held > 1<<20 { // what a writer would do
			s.box.mu.Lock()
			w.first = s.box.mu.queue.take(1 << 30)
			s.box.mu.held = 0
			s.box.mu.Unlock()
			w.advance(1 << 30)
		}
	}
	close(s.wait)
	s.box.Close(false)
	s.writers.Wait()
}
