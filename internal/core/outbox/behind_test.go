package outbox

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// stager is a Sink like encryption: what it takes goes to a stage of its own, and from there to a
// socket that has room for so many bytes.
type stager struct {
	box  Box
	wait chan struct{} // a writer waits here for the socket; nil for not

	mu      sync.Mutex
	room    int
	stage   []byte
	sent    []byte
	starts  int
	done    int
	missing int // of the stage at the time of Done
	writers sync.WaitGroup
}

func newStager(limit, room int) *stager {
	s := &stager{room: room}
	s.box.Init(s, limit)
	return s
}

// flush moves up to n bytes of the stage to the socket.
func (s *stager) flush(n int) {
	n = min(n, len(s.stage))
	s.sent = append(s.sent, s.stage[:n]...)
	s.stage = s.stage[n:]
	s.room -= min(n, s.room)
}

func (s *stager) TryWrite(p []byte) (n int, behind bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush(s.room)
	if len(s.stage) > 0 {
		return 0, true, nil
	}
	s.stage = append(s.stage, p...)
	s.flush(s.room)
	return len(p), len(s.stage) > 0, nil
}

func (s *stager) StartWriter() {
	s.mu.Lock()
	s.starts++
	s.mu.Unlock()
	s.writers.Go(func() {
		var w Writer
		bufs, written := [][]byte(nil), 0
		for {
			if s.wait != nil {
				<-s.wait
			}
			s.mu.Lock()
			for _, b := range bufs {
				s.stage = append(s.stage, b...)
			}
			s.flush(len(s.stage))
			s.mu.Unlock()
			if bufs = s.box.Take(&w, written, 100); bufs == nil {
				return
			}
			written = len(bytes.Join(bufs, nil))
		}
	})
}

func (s *stager) Overflowed()  {}
func (s *stager) Broken(error) {}

func (s *stager) Done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	s.missing = len(s.stage)
}

// What a socket keeps to itself is sent by a writer, though the box has nothing left; nothing of it
// is counted as held, for it was taken.
func TestASocketThatIsBehindGetsAWriter(t *testing.T) {
	s := newStager(100, 4)
	s.wait = make(chan struct{})
	require.Equal(t, Sent, s.box.Send([]byte("hello"), 1, 5, Any))
	require.Equal(t, Load{Held: 0, Messages: 1, Bytes: 5}, s.box.Load())
	require.Equal(t, "hell", string(s.sent))
	require.Equal(t, 1, s.starts)
	require.Equal(t, Sent, s.box.Send([]byte(" world"), 1, 6, Any), "the writer has the turn")
	require.Equal(t, 6, s.box.Load().Held)
	close(s.wait)
	s.writers.Wait()
	require.Equal(t, "hello world", string(s.sent))
	require.Zero(t, s.box.Load().Held)
	s.room = 100
	s.box.Send([]byte("!"), 1, 1, Any)
	require.Equal(t, "hello world!", string(s.sent), "the turn is free again")
	require.Equal(t, 1, s.starts)
}

// A Send of nothing is an occasion to write what the socket kept.
func TestNothingIsSentToASocketThatIsBehind(t *testing.T) {
	s := newStager(100, 0)
	s.stage = []byte("kept")
	require.Equal(t, Sent, s.box.Send(nil, 0, 0, Any))
	s.writers.Wait()
	require.Equal(t, "kept", string(s.sent))
	require.Equal(t, Load{}, s.box.Load())
	require.Equal(t, 1, s.starts)
}

// A box that is closed while its socket is behind is done when the writer is, and once.
func TestDoneOfASocketThatIsBehind(t *testing.T) {
	for _, flush := range []bool{true, false} {
		t.Run(fmt.Sprintf("flush %v", flush), func(t *testing.T) {
			s := newStager(100, 1)
			s.wait = make(chan struct{})
			s.box.Send([]byte("hello"), 1, 5, Any)
			s.box.Send([]byte("more"), 1, 4, Any)
			s.box.Close(flush)
			s.box.Close(flush)
			require.Zero(t, s.done, "somebody writes")
			close(s.wait)
			s.writers.Wait()
			require.Equal(t, 1, s.done)
			require.Zero(t, s.missing, "what was taken is sent")
			want := "hello"
			if flush {
				want += "more"
			}
			require.Equal(t, want, string(s.sent))
			require.Equal(t, Gone, s.box.Send([]byte("x"), 1, 1, Any))
			require.Zero(t, s.box.Load().Held)
		})
	}
}

// It may fall behind with what others left to the one who has the turn, too.
func TestBehindWithTheBytesOfOthers(t *testing.T) {
	for _, flush := range []bool{true, false} {
		s := &fakeSocket{}
		s.box.Init(s, 1000)
		tries := 0
		s.accept = func(n int) int {
			if tries++; tries == 1 {
				s.mu.Unlock()
				s.box.Send([]byte("of another"), 1, 10, Any)
				s.mu.Lock()
				return n
			}
			s.behind = true // from the second try on
			return n
		}
		s.wait = make(chan struct{})
		require.Equal(t, Sent, s.box.Send([]byte("mine, "), 1, 6, Any))
		require.Zero(t, s.box.Load().Held)
		require.Equal(t, Sent, s.box.Send([]byte(", last"), 1, 6, Any), "the writer has the turn")
		s.box.Close(flush)
		close(s.wait)
		s.writers.Wait()
		require.Equal(t, 1, s.done)
		require.Contains(t, []string{"mine, of another", "mine, of another, last"}, s.text())
		if flush {
			require.Equal(t, "mine, of another, last", s.text())
		}
	}
}

// Many send to a socket that is behind most of the time: nothing is lost, each sender's bytes are in
// order, and the box is done once.
func TestManySendersAndASocketThatIsBehind(t *testing.T) {
	const senders, each = 8, 500
	s := newStager(1<<20, 0)
	var all sync.WaitGroup
	for p := range senders {
		all.Go(func() {
			for i := range each {
				if i%7 == 0 {
					s.mu.Lock()
					s.room += 50
					s.mu.Unlock()
				}
				s.box.Send(fmt.Appendf(nil, "%d %d\n", p, i), 1, 1, Any)
			}
		})
	}
	all.Wait()
	s.writers.Wait()
	s.box.Send(nil, 0, 0, Any) // sends what the last attempt has left
	s.writers.Wait()
	s.box.Close(true)
	require.Equal(t, 1, s.done)
	require.Zero(t, s.missing)
	require.Equal(t, Load{Messages: senders * each, Bytes: senders * each}, s.box.Load())
	next := [senders]int{}
	for line := range bytes.Lines(s.sent) {
		var p, i int
		_, err := fmt.Sscanf(string(line), "%d %d", &p, &i)
		require.NoError(t, err)
		require.Equal(t, next[p], i)
		next[p]++
	}
	for _, n := range next {
		require.Equal(t, each, n)
	}
}
