package auth

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/identity"
)

const attacker = "192.0.2.1"

// slowed returns Logins where the attacker has used up the failures of its address.
func slowed(t *testing.T) *Logins {
	t.Helper()
	l, _ := newLogins(t, Config{Users: []User{{Name: "alice", Password: "wonder"}}, NoAuthUser: "alice"})
	start := time.Now()
	for range failures {
		_, err := try(t, l, identity.Credentials{User: "alice", Pass: "x", Remote: attacker})
		require.ErrorIs(t, err, identity.ErrDenied)
	}
	require.Equal(t, start, time.Now(), "the first failures are answered at once")
	return l
}

// took returns how long a login takes, and that it fails or not.
func took(t *testing.T, l *Logins, c identity.Credentials, ok bool) time.Duration {
	t.Helper()
	start := time.Now()
	_, err := try(t, l, c)
	require.Equal(t, ok, err == nil, "%v", err)
	return time.Since(start)
}

// Who failed too often waits for the next no; a yes comes at once, and others are not concerned.
func TestFailuresAreSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowed(t)
		bad := identity.Credentials{User: "alice", Pass: "x", Remote: attacker}
		good := identity.Credentials{User: "alice", Pass: "wonder", Remote: attacker}
		require.Equal(t, penalty, took(t, l, bad, false))
		require.Zero(t, took(t, l, good, true))
		require.Equal(t, penalty, took(t, l, bad, false), "success forgives nothing")

		from, _ := prefixOf(attacker)
		turns := l.brake.lane(from, "")
		for range abreast {
			<-turns
		}
		require.Zero(t, took(t, l, identity.Credentials{Remote: attacker}, true), "the no-auth user needs no turn")
		for range abreast {
			turns <- time.Now()
		}

		for _, remote := range []string{"192.0.2.2", "2001:db8::1", "", "pipe", "@"} {
			bad.Remote = remote
			require.Zero(t, took(t, l, bad, false), remote)
		}

		time.Sleep(failures * recovery)
		bad.Remote = attacker
		require.Zero(t, took(t, l, bad, false), "all is forgiven in time")
	})
}

// Whoever goes on remains slowed down, whatever is given back meanwhile.
func TestGoingOnIsSlowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowed(t)
		for range failures / 2 {
			require.Equal(t, penalty, took(t, l, identity.Credentials{User: "alice", Pass: "x", Remote: attacker}, false))
			time.Sleep(2 * recovery)
		}
	})
}

// No number of connections makes more guesses per second, even if they do not wait for answers.
func TestGuessesPerSecondAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowed(t)
		const seconds = 20
		end, cancel := context.WithTimeout(t.Context(), seconds*time.Second-time.Millisecond)
		defer cancel()
		var guesses atomic.Int64
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				for j := 0; end.Err() == nil; j++ {
					ctx, cancel := context.WithTimeout(end, 300*time.Millisecond)
					c := identity.Credentials{User: fmt.Sprint(i, j), Pass: "x", Remote: attacker}
					if _, err := l.Authenticate(ctx, &c); err == identity.ErrDenied {
						guesses.Add(1)
					}
					cancel()
				}
			})
		}
		all.Wait()
		require.LessOrEqual(t, guesses.Load(), int64(seconds*lanes*abreast))
		require.Greater(t, guesses.Load(), int64(seconds*lanes*abreast/2), "turns are given on")
	})
}

// While somebody tries to guess one password with as many connections as there are turns, a user
// behind the same address waits at most one penalty; a user of another lane does not wait.
func TestNeighboursGetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowed(t)
		other := "bob"
		from, _ := prefixOf(attacker)
		for i := 0; l.brake.lane(from, other) == l.brake.lane(from, "alice"); i++ {
			other = fmt.Sprint("bob", i)
		}
		l.users[other] = l.users["alice"]
		var all sync.WaitGroup
		defer all.Wait()
		for range abreast {
			all.Go(func() {
				for range 5 {
					_, err := l.Authenticate(t.Context(), &identity.Credentials{User: "alice", Pass: "x", Remote: attacker})
					if err != identity.ErrDenied {
						t.Errorf("a wrong password: %v", err)
					}
				}
			})
		}
		for range 3 {
			synctest.Wait()
			require.Zero(t, took(t, l, identity.Credentials{User: other, Pass: "wonder", Remote: attacker}, true))
			require.LessOrEqual(t, took(t, l, identity.Credentials{User: "alice", Pass: "wonder", Remote: attacker}, true), penalty)
		}
	})
}

// Waiting ends with the context: without an answer before the turn, with one after it.
func TestWaitingEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slowed(t)
		var all sync.WaitGroup
		var denied, ended atomic.Int64
		start := time.Now()
		for range abreast + 3 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), penalty/4)
				defer cancel()
				_, err := l.Authenticate(ctx, &identity.Credentials{User: "alice", Pass: "x", Remote: attacker})
				switch {
				case err == identity.ErrDenied:
					denied.Add(1)
				case context.Cause(ctx) != nil:
					ended.Add(1)
				}
			})
		}
		all.Wait()
		require.Equal(t, penalty/4, time.Since(start))
		require.EqualValues(t, abreast, denied.Load())
		require.EqualValues(t, 3, ended.Load())

		// The turns are kept although nobody waits for the answers.
		require.Equal(t, penalty*3/4, took(t, l, identity.Credentials{User: "alice", Pass: "wonder", Remote: attacker}, true))
	})
}

// The table has a bound; who failed last is remembered.
func TestAddressesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrake()
		fail := func(i int) {
			v, err := b.enter(t.Context(), fmt.Sprintf("10.0.%d.%d", i>>8, i&0xff), "")
			require.NoError(t, err)
			v.leave(t.Context(), true)
		}
		for i := range addresses {
			fail(i)
		}
		fail(0) // again, so it is not the oldest
		for i := range 10 {
			fail(addresses + i)
		}
		require.Len(t, b.known, addresses)
		require.Equal(t, addresses, b.order.Len())
		first, _ := prefixOf("10.0.0.0")
		second, _ := prefixOf("10.0.0.1")
		require.Contains(t, b.known, first)
		require.NotContains(t, b.known, second)
	})
}

// Success enters nobody in the table.
func TestSuccessIsNotKept(t *testing.T) {
	l, _ := newLogins(t, Config{Token: "t"})
	_, err := try(t, l, identity.Credentials{Token: "t", Remote: attacker})
	require.NoError(t, err)
	require.Empty(t, l.brake.known)
}

func TestPrefixOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1":             "192.0.2.1/32",
		"::ffff:192.0.2.1":      "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6":  "2001:db8:1:2::/64",
		"fe80::1%eth0":          "fe80::/64",
		"::1":                   "::/64",
		"":                      "",
		"pipe":                  "",
		"192.0.2.1:4222":        "",
		"bufconn":               "",
		"300.0.0.1":             "",
		"[2001:db8:1:2:3:4:5]":  "",
		"2001:db8::1::2":        "",
		"::ffff:192.0.2.1%eth0": "192.0.2.1/32",
	} {
		p, ok := prefixOf(remote)
		require.Equal(t, want != "", ok, remote)
		if ok {
			require.Equal(t, want, p.String(), remote)
		}
	}
}
