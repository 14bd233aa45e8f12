package test_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Somebody guesses from one address on many connections at a time. What he learns is little for as
// long as he goes on, and others of the same address enter meanwhile.
func TestGuessingIsSlow(t *testing.T) {
	t.Parallel()
	const guessers, others = 40, 12
	conf := "authorization { timeout: 2, users: [ {user: victim, password: the-password}"
	for i := range others {
		conf += fmt.Sprintf(", {user: other%d, password: other-password}", i)
	}
	g := guarded(t, conf+" ] }", "the-password", "other-password", "the-guess")

	var refused atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	var crowd, rest sync.WaitGroup
	defer rest.Wait()
	defer crowd.Wait()
	defer stop()
	for range guessers {
		crowd.Go(func() {
			for ctx.Err() == nil {
				if guess(ctx, dialer(g.Server)) {
					refused.Add(1)
				}
			}
		})
	}
	eventually(t, func() bool { return refused.Load() >= 32 }, "the first guesses are answered")
	began, before := time.Now(), refused.Load()

	// Users share turns with a victim by a chance of one in four: with twelve of them, one is sure not to.
	entered := make(chan time.Duration, others)
	for i := range others {
		rest.Go(func() {
			nc, err := nats.Connect(g.ClientURL(), nats.UserInfo(fmt.Sprintf("other%d", i), "other-password"), nats.Timeout(soon))
			if err == nil {
				nc.Close()
				entered <- time.Since(began)
			}
		})
	}
	select {
	case <-entered:
	case <-time.After(soon):
		t.Fatal("nobody else enters while one guesses")
	}
	// Over a second, in which a guesser that nothing slows down makes hundreds, at the least: four at a
	// time, each of which takes a second, beside those that were under way.
	<-time.After(time.Second - time.Since(began))
	answered, elapsed := refused.Load()-before, time.Since(began)
	require.LessOrEqual(t, answered, guessers+16*int64(elapsed/time.Second+1), "guesses answered in %v", elapsed)
}

// guess tries to enter once, and reports whether it was told that it may not.
func guess(ctx context.Context, dial func() (net.Conn, error)) bool {
	conn, err := dial()
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, _ = conn.Write([]byte(`CONNECT {"user":"victim","pass":"the-guess"}` + "\r\n"))
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if lines.Text() == "-ERR 'Authorization Violation'" {
			return true
		}
	}
	return false
}

// Whoever has the right password enters as often as he likes, also after others guessed.
func TestGoodLoginsAreNotCounted(t *testing.T) {
	t.Parallel()
	g := guarded(t, `authorization { users: [ {user: ann, password: the-password} ] }`, "the-password", "the-guess")
	for i := range 100 {
		if i%10 == 0 {
			g.wire().refused(`"user":"ann","pass":"the-guess"`, "Authentication Failure")
		}
		w := g.wire().enters(`"user":"ann","pass":"the-password"`)
		require.NoError(t, w.conn.Close())
	}
}
