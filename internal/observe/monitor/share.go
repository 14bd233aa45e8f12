package monitor

import (
	"context"

	"github.com/baridmq/barid/internal/core/guard"
)

// share lets expensive answers be made one at a time, and one for all who ask the same while they
// wait. So many pollers cost no more than two answers: the one that is being made, and the next.
// Nobody is given an answer that was begun before the question, since what a reader has just done
// must be seen in what it asks afterwards.
type share struct {
	// fixed
	turn chan struct{} // holds one token, which who makes an answer has

	mu struct {
		guard.Leaf
		waiting map[string]*flight // by question; those that are not begun yet
	}
}

// mostWaiting bounds the different questions that wait for their turn.
const mostWaiting = 64

// flight is one answer that is asked for.
type flight struct {
	readers int           // who wait for it; guarded by the leaf of share
	done    chan struct{} // closed when the answer is there; or, if that failed, is nil

	// owned by who makes the answer until done is closed
	answer *answer
}

func newShare() *share {
	s := &share{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.mu.waiting = map[string]*flight{}
	return s
}

// get returns the answer to a question, which build makes, unless somebody who waits for the same
// has made it. Of those the first whose turn comes makes it for all; if all have gone before, nobody
// does. It returns nil when ctx ends before, or if build panics for somebody else. If too many
// questions wait, the answer says so.
func (s *share) get(ctx context.Context, question string, build func() *answer) *answer {
	f := s.join(question)
	if f == nil {
		return unavailable("too many different questions wait for their answers")
	}
	select {
	case <-f.done:
		return f.answer
	case <-ctx.Done():
		s.leave(question, f)
		return nil
	case <-s.turn:
	}
	defer func() { s.turn <- struct{}{} }()
	if ctx.Err() != nil {
		s.leave(question, f)
		return nil
	}
	if s.begin(question, f) {
		defer close(f.done) // before the next turn
		f.answer = build()
	}
	return f.answer
}

// join waits for the answer to a question; nil if there are too many already.
func (s *share) join(question string) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.mu.waiting[question]
	if f == nil {
		if len(s.mu.waiting) == mostWaiting {
			return nil
		}
		f = &flight{done: make(chan struct{})}
		s.mu.waiting[question] = f
	}
	f.readers++
	return f
}

// leave waits no more. What nobody waits for is not made.
func (s *share) leave(question string, f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.readers--; f.readers == 0 && s.mu.waiting[question] == f {
		delete(s.mu.waiting, question)
	}
}

// begin reports whether the answer is still to be made, by the caller, whose turn it is. Who asks
// from now on gets another one. If it reports false the answer is there.
func (s *share) begin(question string, f *flight) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.waiting[question] != f {
		return false
	}
	delete(s.mu.waiting, question)
	return true
}
