package auth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/baridmq/barid/internal/bus/identity"
)

// rounds replaces the computation by one that counts: the rounds that it would take, and the
// longest password that it saw. The only password that matches is "right".
func rounds(t testing.TB, l *Logins) (done *atomic.Int64, longest *atomic.Int64) {
	done, longest = new(atomic.Int64), new(atomic.Int64)
	l.checker.compare = func(hash, password []byte) error {
		cost, err := bcrypt.Cost(hash)
		if err != nil {
			t.Errorf("a hash that costs nothing: %v", err)
		}
		done.Add(1 << cost)
		longest.Store(max(longest.Load(), int64(len(password))))
		if string(password) == "right" {
			return nil
		}
		return bcrypt.ErrMismatchedHashAndPassword
	}
	return done, longest
}

// fakeHash has the form of a hash.
func fakeHash(cost int) string {
	return fmt.Sprintf("$2b$%02d$%s", cost, strings.Repeat("a", hashLen-saltAt))
}

// A failure does the same work for every reason, so its time gives nothing away.
func TestFailuresCostTheSame(t *testing.T) {
	l, _ := newLogins(t, Config{Users: []User{
		{Name: "plain", Password: "text"},
		{Name: "none"},
		{Name: "cheap", Password: fakeHash(5)},
		{Name: "middle", Password: fakeHash(9)},
		{Name: "dear", Password: fakeHash(12)},
		{Name: "mqtt", Password: fakeHash(5), Kinds: []identity.Kind{"MQTT"}},
		{Name: "far", Password: "text", ProxyRequired: true},
		{Name: "shown", CertificateOnly: true},
		{Name: "broken", Password: "$2a$05$"},
	}})
	done, longest := rounds(t, l)
	_, err := try(t, l, identity.Credentials{User: "cheap", Pass: "right"})
	require.NoError(t, err)
	require.EqualValues(t, 1<<5, done.Swap(0), "success costs what its hash does")

	for _, c := range []identity.Credentials{
		{User: "nobody", Pass: "x"}, {User: "nobody"}, {Pass: "x"}, {Token: "x"},
		{User: "nobody", Pass: strings.Repeat("x", 1000)},
		{User: "plain", Pass: "x"}, {User: "plain"}, {User: "none", Pass: "x"},
		{User: "cheap", Pass: "x"}, {User: "cheap"}, {User: "cheap", Pass: strings.Repeat("x", 1000)},
		{User: "middle", Pass: "x"}, {User: "dear", Pass: "x"}, {User: "dear", Pass: strings.Repeat("x", 73)},
		{User: "mqtt", Pass: "x"}, {User: "mqtt", Pass: "right"},
		{User: "far", Pass: "x"}, {User: "far", Pass: "text"},
		{User: "shown"}, {User: "broken"}, {User: "broken", Pass: "x"},
	} {
		_, err := try(t, l, c)
		require.Error(t, err)
		require.EqualValues(t, 1<<12, done.Swap(0), "%q %q", c.User, c.Pass)
		require.LessOrEqual(t, longest.Swap(0), int64(longestPassword))
	}
}

// Who gives nothing is refused for nothing.
func TestNothingCostsNothing(t *testing.T) {
	for _, cfg := range []Config{{Users: []User{{Name: "alice", Password: fakeHash(6)}}}, {Token: fakeHash(6)}} {
		l, _ := newLogins(t, cfg)
		done, _ := rounds(t, l)
		_, err := try(t, l, identity.Credentials{Remote: "192.0.2.1"})
		require.ErrorIs(t, err, identity.ErrDenied)
		require.Zero(t, done.Load())
		require.Empty(t, l.brake.known)
	}
}

// Digests are good for one process only.
func TestDigestsAreKeyed(t *testing.T) {
	a, b := newChecker(), newChecker()
	require.Equal(t, a.digest("x"), a.digest("x"))
	require.NotEqual(t, a.digest("x"), b.digest("x"))
}

// Without hashes there is nothing to hide behind one.
func TestPlainFailuresComputeNothing(t *testing.T) {
	l, _ := newLogins(t, Config{Users: []User{{Name: "plain", Password: "text"}}})
	done, _ := rounds(t, l)
	for _, name := range []string{"plain", "nobody"} {
		_, err := try(t, l, identity.Credentials{User: name, Pass: "x"})
		require.ErrorIs(t, err, identity.ErrDenied)
	}
	require.Zero(t, done.Load())
}

// The filler hashes are taken by bcrypt for real ones, whatever their cost: they take its time.
func TestFillerIsComputed(t *testing.T) {
	k := newChecker()
	k.compare = func(hash, password []byte) error {
		err := bcrypt.CompareHashAndPassword(hash, password)
		if err != bcrypt.ErrMismatchedHashAndPassword {
			t.Errorf("%s: %v", hash, err)
		}
		return err
	}
	for _, password := range []string{"", "x", strings.Repeat("x", longestPassword)} {
		k.waste(bcrypt.MinCost, []byte(password))
		k.waste(bcrypt.MinCost+1, []byte(password))
	}
}

// A user whose password was checked comes back for nothing, with that password only.
func TestKnownPasswordIsNotComputedAgain(t *testing.T) {
	l, _ := newLogins(t, Config{Users: []User{{Name: "alice", Password: fakeHash(6)}, {Name: "bob", Password: fakeHash(6)}}})
	done, _ := rounds(t, l)
	for range 3 {
		_, err := try(t, l, identity.Credentials{User: "alice", Pass: "right"})
		require.NoError(t, err)
	}
	require.EqualValues(t, 1<<6, done.Swap(0))
	_, err := try(t, l, identity.Credentials{User: "alice", Pass: "wrong"})
	require.ErrorIs(t, err, identity.ErrDenied)
	require.EqualValues(t, 1<<6, done.Swap(0))
	_, err = try(t, l, identity.Credentials{User: "bob", Pass: "right"})
	require.NoError(t, err)
	require.EqualValues(t, 1<<6, done.Swap(0), "what one user knows lets no other in")
}

// At most so many computations run at a time as turns; whoever waits gives up with its context,
// and what was not computed is no failure of its address.
func TestComputationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := newLogins(t, Config{Users: []User{{Name: "alice", Password: fakeHash(6)}}})
		l.checker.turns = make(chan struct{}, 2)
		hold := make(chan struct{})
		var running, most atomic.Int64
		l.checker.compare = func(_, _ []byte) error {
			most.Store(max(most.Load(), running.Add(1)))
			<-hold
			running.Add(-1)
			return bcrypt.ErrMismatchedHashAndPassword
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		var denied, ended atomic.Int64
		for range 10 {
			all.Go(func() {
				_, err := l.Authenticate(ctx, &identity.Credentials{User: "alice", Pass: "x", Remote: "192.0.2.1"})
				switch {
				case err == identity.ErrDenied:
					denied.Add(1)
				case strings.Contains(err.Error(), "context canceled"):
					ended.Add(1)
				}
			})
		}
		synctest.Wait()
		require.EqualValues(t, 2, running.Load())
		cancel()
		synctest.Wait()
		require.EqualValues(t, 8, ended.Load())
		close(hold)
		all.Wait()
		require.EqualValues(t, 2, denied.Load())
		require.EqualValues(t, 2, most.Load())
		a := l.brake.order.Front().Value.(*address)
		require.Equal(t, 2*recovery, time.Until(a.whole), "two failures are counted")
	})
}

func TestLooksHashed(t *testing.T) {
	for text, want := range map[string]bool{
		"$2a$10$":       true,
		"$2b$04$rest":   true,
		"$2x$99$\n":     true,
		"$2y$00$":       true,
		"$2a$1$":        false,
		"$2a$1x$":       false,
		"$2a$10":        false,
		"$2c$10$":       false,
		"$2$10$":        false,
		"$1a$10$":       false,
		" $2a$10$":      false,
		"":              false,
		"password":      false,
		"$2a$10$$2a$10": true,
	} {
		require.Equal(t, want, looksHashed(text), text)
	}
}

// However many connections of a user come at once, one computation lets them all in.
func TestOneComputationForMany(t *testing.T) {
	l, _ := newLogins(t, Config{Users: []User{{Name: "dear", Password: fakeHash(12)}}})
	done, _ := rounds(t, l)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := try(t, l, identity.Credentials{User: "dear", Pass: "right"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	turns := int64(cap(l.checker.turns)) // those that began before one was done
	require.LessOrEqual(t, done.Load(), turns<<12)
}
