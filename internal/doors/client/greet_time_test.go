package client

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
)

// authTime is the time for CONNECT in these tests.
const authTime = 3 * time.Second

func timed(_ *site, cfg *Config) { cfg.AuthTimeout = authTime }

// Who has to say who he is has so long and no longer, counted from where he may: behind the
// handshake if there is one.
func TestAuthTimeout(t *testing.T) {
	for _, c := range []struct {
		name string
		tls  bool
		say  string
	}{
		{"nothing", false, ""},
		{"a part of CONNECT", false, `CONNECT {"user":`},
		{"nothing after the handshake", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
				config := []func(*site, *Config){pinged, timed, nobody(true)}
				if c.tls {
					config = append(config, secured())
				}
				st := build(config...)
				nc := st.knock()
				st.line(nc)
				var p *peer
				if c.tls {
					time.Sleep(handshakeTime / 2)
					p = st.encrypt(nc)
				} else {
					p = newPeer(st, nc)
				}
				synctest.Wait()
				start := time.Now()
				if c.say != "" {
					p.say(c.say)
				}
				require.Equal(t, "-ERR 'Authentication Timeout'\r\n", p.ended())
				require.Equal(t, authTime, time.Since(start))
				p.close()
				require.Equal(t, closed.AuthenticationTimeout, st.ended(1)[0].Reason)
				require.Contains(t, st.log.text("ERR"), "pipe - cid:1 - authentication timeout\n")
			})
		})
	}
}

// Who has said it is left alone from then on, also when he says it again; and who need not say it
// from the beginning. The next thing that the server has to say is a ping.
func TestNoAuthTimeout(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  func(*site, *Config)
		connect int // how often
	}{
		{"one CONNECT", nobody(true), 1},
		{"two", nobody(true), 2},
		{"nobody in particular", nobody(false), 0},
		{"nobody in particular who connects", nobody(false), 1},
		{"no logins", func(*site, *Config) {}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
				st := build(pinged, timed, c.config, func(_ *site, cfg *Config) { cfg.Pings.First = false })
				p := st.dial()
				for range c.connect {
					time.Sleep(authTime - time.Millisecond)
					p.say("CONNECT " + as("alice") + "\r\nPING\r\n")
					p.expect("PONG\r\n")
				}
				time.Sleep(2 * authTime)
				p.expect("PING\r\n") // it has waited for this for an interval
				require.Len(t, st.Report().Open, 1)
				require.Empty(t, st.log.text("ERR"))
			})
		})
	}
}

// A login that fails ends the connection at once; nothing comes of its timer any more.
func TestAuthTimeoutAfterTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(timed, guarded(true, one(account.Unlimited(), account.Unlimited())))
		p := st.dial()
		p.say("CONNECT " + as("mallory") + "\r\n")
		require.Equal(t, "-ERR 'Authorization Violation'\r\n", p.ended())
		p.close()
		require.Equal(t, closed.AuthenticationFailure, st.ended(1)[0].Reason)
		time.Sleep(2 * authTime)
		synctest.Wait()
		require.NotContains(t, st.log.text("ERR"), "timeout")
	})
}

// A CONNECT in time is in time, however long it takes to decide about it.
func TestTheTimeEndsWithConnect(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged, timed, nobody(true), func(_ *site, cfg *Config) { cfg.Auth = &slowly{cfg.Auth, 2 * authTime} })
		p := st.dial()
		start := time.Now()
		p.say("CONNECT " + quietly + "\r\nPING\r\n")
		p.until("PONG\r\n")
		require.Equal(t, 2*authTime, time.Since(start))
	})
}

// Who waits in vain for a decision is told nothing of his credentials, so that he tries again.
func TestADecisionThatTakesTooLong(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged, timed, nobody(true), func(_ *site, cfg *Config) { cfg.Auth = &slowly{cfg.Auth, time.Hour} })
		p := st.dial()
		start := time.Now()
		p.say("CONNECT " + quietly + "\r\n")
		require.Empty(t, p.ended())
		require.Equal(t, leastAuthTime, time.Since(start).Round(time.Second))
		require.Equal(t, closed.AuthenticationTimeout, st.ended(1)[0].Reason)
		require.Contains(t, st.log.text("ERR"), "authentication took too long\n")
	})
}

// A login that still waits for its turn does not keep the server from ending.
func TestTheEndDoesNotWaitForLogins(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged, timed, nobody(true), func(_ *site, cfg *Config) { cfg.Auth = &slowly{cfg.Auth, time.Hour} })
		p := st.dial()
		p.say("CONNECT " + quietly + "\r\n")
		synctest.Wait()
		start := time.Now()
		st.Shutdown()
		require.Empty(t, p.ended())
		require.Equal(t, closed.ServerShutdown, st.ended(1)[0].Reason)
		require.Zero(t, time.Since(start).Truncate(time.Second))
		require.NotContains(t, st.log.text("ERR"), "authentication")
	})
}

// slowly takes its time.
type slowly struct {
	identity.Authenticator
	time time.Duration
}

func (s *slowly) Authenticate(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	select {
	case <-time.After(s.time):
		return s.Authenticator.Authenticate(ctx, c)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
