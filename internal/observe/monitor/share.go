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

// flight is one answer that is asked for.
type flight struct {
	done chan struct{} // closed when the answer is there; or, if that failed, is nil

	// owned by who makes the answer until done is closed
	answer *answer
}

func newShare() *share {
	s := &share{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.mu.waiting = map[string]*flight{}
	return s
}

// get returns the answer to a question, which build makes, unless somebody who asked the same is
// waiting already. It returns nil when ctx ends before, or if build panics for somebody else.
func (s *share) get(ctx context.Context, question string, build func() *answer) *answer {
	s.mu.Lock()
	f := s.mu.waiting[question]
	first := f == nil
	if first {
		f = &flight{done: make(chan struct{})}
		s.mu.waiting[question] = f
	}
	s.mu.Unlock()
	if !first {
		select {
		case <-f.done:
			return f.answer
		case <-ctx.Done():
			return nil
		}
	}
	<-s.turn // it comes round, and others may wait for this answer even if its first reader has gone
	defer func() {
		close(f.done)
		s.turn <- struct{}{}
	}()
	s.mu.Lock()
	delete(s.mu.waiting, question)
	s.mu.Unlock()
	f.answer = build()
	return f.answer
}
