package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
)

const expired = "-ERR 'User Authentication Expired'\r\n"

// until has the oracle's users expire at the given time.
func until(end time.Time) func(*identity.Credentials, *identity.Identity) error {
	return func(_ *identity.Credentials, id *identity.Identity) error {
		id.Expires = end
		return nil
	}
}

// A connection ends when its user's time does, whatever pings are due and whether or not it is in use.
func TestExpiryEndsTheConnection(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"soon": time.Second, "before a ping": interval - time.Second, "with a ping": interval, "later": 10*interval + 7*time.Second,
		"already": -time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
				o := &oracle{}
				st := build(pinged, asked(o))
				start := time.Now()
				o.now(until(start.Add(after)))
				p, other := st.dial(), st.dial()
				p.say("CONNECT " + login("A.1", "") + "\r\n")
				synctest.Wait()
				o.now(nil)
				other.say("CONNECT " + login("B.1", "") + "\r\n")
				for end := start.Add(after); time.Now().Before(end.Add(-time.Millisecond)); {
					time.Sleep(min(time.Minute, time.Until(end.Add(-time.Millisecond))))
					p.say("PONG\r\n")
					other.say("PONG\r\n")
				}
				synctest.Wait()
				if after > 0 {
					require.Equal(t, 2, st.Connections())
				}
				time.Sleep(time.Until(start.Add(after).Add(time.Second)))
				synctest.Wait()
				require.Equal(t, 1, st.Connections())
				require.Contains(t, p.ended(), expired)
				require.Equal(t, []closed.Reason{closed.AuthenticationExpired}, st.reasons(1))
				require.Empty(t, st.log.text("ERR"))
			})
		})
	}
}

// What the authenticator says later counts, be it less time or more.
func TestExpiryChanges(t *testing.T) {
	for name, c := range map[string]struct{ first, then time.Duration }{
		"earlier": {time.Hour, 30 * time.Second}, "later": {30 * time.Second, time.Hour}, "at last": {0, time.Minute}, "not any more": {time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
				o := &oracle{}
				st := build(pinged, asked(o), func(_ *site, cfg *Config) { cfg.Pings.Max = 1 << 20 })
				start := time.Now()
				at := func(d time.Duration) time.Time {
					if d == 0 {
						return time.Time{}
					}
					return start.Add(d)
				}
				o.now(until(at(c.first)))
				p := st.client(login("A.1", ""))
				o.now(until(at(c.then)))
				time.Sleep(10 * time.Second)
				st.Renew(st.accounts.Get("A"))
				if c.then == 0 {
					time.Sleep(24 * time.Hour)
					require.Equal(t, 1, st.Connections())
					return
				}
				require.Contains(t, p.ended(), expired)
				require.InDelta(t, c.then, time.Since(start), float64(time.Second))
			})
		})
	}
}

// A second CONNECT brings its own time, also if it is the same as before.
func TestExpiryOfASecondConnect(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		o := &oracle{}
		st := build(pinged, asked(o), func(_ *site, cfg *Config) { cfg.Pings.First = false })
		start := time.Now()
		o.now(until(start.Add(time.Minute)))
		p := st.client(login("A.1", ""))
		o.now(func(_ *identity.Credentials, id *identity.Identity) error {
			id.Expires = start.Add(time.Minute)
			time.Sleep(20 * time.Second)
			return nil
		})
		p.say("CONNECT " + login("A.1", "") + "\r\n")
		require.Contains(t, p.ended(), expired)
		require.InDelta(t, time.Minute, time.Since(start), float64(time.Second))
	})
}

// A reader that is busy with something else does not keep an expired connection open.
func TestExpiryDoesNotWaitForTheReader(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		o := &oracle{}
		st := build(pinged, asked(o))
		start := time.Now()
		o.now(until(start.Add(time.Minute)))
		h := st.hand(login("A.1", "")) // nobody runs its posts
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		require.Equal(t, closed.AuthenticationExpired, h.conn.Reason())
		require.NoError(t, h.runOut(), "it was told already")
		require.Equal(t, "PING\r\n"+expired, h.peer.ended())
	})
}
