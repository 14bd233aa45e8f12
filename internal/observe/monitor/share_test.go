package monitor

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// Ten who ask the same while an answer is made wait for one more, begun after they asked.
func TestShareOfTheSameQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare()
		built, running := 0, make(chan struct{})
		build := func() *answer {
			built++
			n := built
			<-running
			return &answer{code: n}
		}
		ask := func() *answer { return s.get(context.Background(), "q", build) }
		var asking sync.WaitGroup
		asking.Go(func() { require.Equal(t, 1, ask().code) })
		synctest.Wait()
		for range 10 {
			asking.Go(func() { require.Equal(t, 2, ask().code) })
		}
		synctest.Wait()
		require.Equal(t, 1, built, "one at a time")
		close(running)
		asking.Wait()
		require.Equal(t, 2, built)
		require.Equal(t, 3, ask().code, "nothing is kept")
		require.Empty(t, s.mu.waiting)
	})
}

// Answers to different questions are made one after the other, and nobody gets that of another.
func TestShareOfDifferentQuestions(t *testing.T) {
	s := newShare()
	var at atomic.Int32
	var asking sync.WaitGroup
	for n := range 20 {
		asking.Go(func() {
			a := s.get(context.Background(), fmt.Sprint(n), func() *answer {
				if at.Add(1) != 1 {
					t.Error("two at a time")
				}
				at.Add(-1)
				return &answer{code: n}
			})
			if a.code != n {
				t.Error("somebody else's answer")
			}
		})
	}
	asking.Wait()
}

func TestShareWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare()
		running := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() { s.get(context.Background(), "other", func() *answer { <-running; return nil }) })
		synctest.Wait()
		asking.Go(func() {
			require.Panics(t, func() { s.get(context.Background(), "q", func() *answer { panic("broken") }) })
		})
		synctest.Wait()
		gone, leave := context.WithCancel(context.Background())
		asking.Go(func() { require.Nil(t, s.get(gone, "q", nil), "its reader has gone") })
		asking.Go(func() { require.Nil(t, s.get(context.Background(), "q", nil), "it could not be made") })
		synctest.Wait()
		leave()
		synctest.Wait()
		close(running)
		asking.Wait()
		require.Equal(t, 7, s.get(context.Background(), "q", func() *answer { return &answer{code: 7} }).code)
	})
}

// Whoever has gone before the turn comes costs no work, and does not stop who asked the same.
func TestShareOfThoseWhoHaveGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare()
		running := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() { s.get(context.Background(), "other", func() *answer { <-running; return nil }) })
		synctest.Wait()
		gone, leave := context.WithCancel(context.Background())
		build := func() *answer {
			t.Error("nobody wants it")
			return nil
		}
		asking.Go(func() { require.Nil(t, s.get(gone, "alone", build)) })
		asking.Go(func() { require.Nil(t, s.get(gone, "together", build)) })
		synctest.Wait()
		asking.Go(func() {
			require.Equal(t, 7, s.get(context.Background(), "together", func() *answer { return &answer{code: 7} }).code)
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		require.Len(t, s.mu.waiting, 1, "before the turn comes")
		close(running)
		asking.Wait()
		require.Nil(t, s.get(gone, "late", build))
		require.Empty(t, s.mu.waiting)
	})
}

// Only so many different questions wait. What somebody waits for already can still be asked.
func TestShareOfTooManyQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare()
		running := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() { s.get(context.Background(), "other", func() *answer { <-running; return nil }) })
		synctest.Wait()
		ask := func(question int) *answer {
			return s.get(context.Background(), fmt.Sprint(question), func() *answer { return &answer{code: question} })
		}
		for n := range mostWaiting {
			asking.Go(func() { require.Equal(t, n, ask(n).code) })
		}
		synctest.Wait()
		asking.Go(func() { require.Equal(t, 0, ask(0).code) })
		refused := ask(mostWaiting)
		require.Equal(t, http.StatusServiceUnavailable, refused.code)
		require.NotEmpty(t, refused.body)
		synctest.Wait()
		close(running)
		asking.Wait()
		require.Equal(t, mostWaiting, ask(mostWaiting).code)
	})
}
