package client

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
)

const interval = 2 * time.Minute

// pinged turns on the pings of a server as it is configured by default.
func pinged(_ *site, cfg *Config) {
	cfg.Pings.Interval, cfg.Pings.Max, cfg.Pings.First = interval, 2, true
}

// bubble runs f with fake time: what is to happen after two minutes happens exactly then.
func bubble(t *testing.T, f func(t *testing.T, build func(...func(*site, *Config)) *site)) {
	synctest.Test(t, func(t *testing.T) {
		f(t, func(change ...func(*site, *Config)) *site {
			return build(t, append(change, func(st *site, _ *Config) { st.patience = 100 * time.Hour })...)
		})
	})
}

// The first ping after CONNECT comes after two seconds and up to a fifth more, the others each
// after a whole interval; a client that never answers is dropped instead of the third.
func TestASilentClientIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged)
		p := st.client(quietly)
		connected := time.Now()
		p.expect("PING\r\n")
		first := time.Now()
		require.GreaterOrEqual(t, first.Sub(connected), 2*time.Second)
		require.LessOrEqual(t, first.Sub(connected), 2400*time.Millisecond)
		p.expect("PING\r\n")
		require.Equal(t, interval, time.Since(first))
		require.Equal(t, "-ERR 'Stale Connection'\r\n", p.ended())
		require.Equal(t, 2*interval, time.Since(first))
		synctest.Wait()
		r := st.Report()
		require.Len(t, r.Ended, 1)
		require.Equal(t, closed.StaleConnection, r.Ended[0].Reason)
		require.EqualValues(t, 1, r.Stale)
		require.Contains(t, st.log.text("DBG"), "Stale Client Connection - Closing")
	})
}

func TestFirstPing(t *testing.T) {
	for _, c := range []struct {
		name        string
		early       bool
		interval    time.Duration
		connect     bool
		least, most time.Duration
	}{
		{"early", true, interval, true, 2 * time.Second, 2400 * time.Millisecond},
		{"early with a short interval", true, time.Second, true, time.Second, 1200 * time.Millisecond},
		{"switched off", false, interval, true, interval, interval},
		{"no CONNECT", true, interval, false, interval, interval},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
				st := build(pinged, func(_ *site, cfg *Config) { cfg.Pings.First, cfg.Pings.Interval = c.early, c.interval })
				after := map[time.Duration]bool{}
				for range 40 {
					start := time.Now()
					p := st.dial()
					if c.connect {
						p.say("CONNECT " + quietly + "\r\n")
					}
					p.expect("PING\r\n")
					d := time.Since(start)
					require.GreaterOrEqual(t, d, c.least)
					require.LessOrEqual(t, d, c.most)
					after[d] = true
					p.close()
				}
				if c.least < c.most {
					require.Greater(t, len(after), 30, "not all clients are pinged at once")
				}
			})
		})
	}
}

// The time to the first ping counts from CONNECT, however late that comes.
func TestALateConnectResetsTheTimer(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged)
		p := st.dial()
		time.Sleep(interval - time.Second)
		p.say("CONNECT " + quietly + "\r\n")
		start := time.Now()
		p.expect("PING\r\n")
		require.GreaterOrEqual(t, time.Since(start), 2*time.Second)
		require.LessOrEqual(t, time.Since(start), 2400*time.Millisecond)
	})
}

func TestRoundTripIsMeasured(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged)
		p := st.client(quietly)
		require.Zero(t, st.Report().Open[0].RTT)
		p.expect("PING\r\n")
		time.Sleep(7 * time.Millisecond)
		p.say("PONG\r\n")
		synctest.Wait()
		require.Equal(t, 7*time.Millisecond, st.Report().Open[0].RTT)
		p.say("PONG\r\n") // nobody asked for this one
		synctest.Wait()
		require.Equal(t, 7*time.Millisecond, st.Report().Open[0].RTT)
		p.expect("PING\r\n")
		time.Sleep(9 * time.Millisecond)
		p.say("PONG\r\n")
		synctest.Wait()
		require.Equal(t, 9*time.Millisecond, st.Report().Open[0].RTT)
	})
}

// A client that answers stays, however long it has nothing else to say; answers are no activity,
// so it is pinged every time.
func TestAnIdleClientThatAnswersStays(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged)
		p := st.client(quietly)
		p.expect("PING\r\n")
		p.say("PONG\r\n")
		for range 50 {
			start := time.Now()
			p.expect("PING\r\n")
			require.Equal(t, interval, time.Since(start))
			p.say("PONG\r\n")
		}
		require.Equal(t, 1, st.Connections())
	})
}

// One answer makes up for all pings before it.
func TestALateAnswerCountsForAll(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged)
		p := st.client(quietly)
		for range 5 {
			p.expect("PING\r\n")
			p.expect("PING\r\n")
			p.say("PONG\r\n")
		}
		require.Equal(t, 1, st.Connections())
	})
}

// A busy client whose round trip is known is not pinged, until that is an hour old.
func TestABusyClientIsPingedOnceAnHour(t *testing.T) {
	for _, say := range []string{"PING\r\n", pub("a", "x"), "SUB a 1\r\nUNSUB 1\r\n"} {
		t.Run(say[:3], func(t *testing.T) {
			bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
				st := build(pinged)
				p := st.client(quietly)
				p.expect("PING\r\n")
				p.say("PONG\r\n")
				known := time.Now()
				for minute := 1; minute < 200; minute++ {
					time.Sleep(time.Minute)
					p.say(say)
					synctest.Wait()
					p.mu.Lock()
					came := strings.ReplaceAll(string(p.in), "PONG\r\n", "")
					p.in = nil
					p.mu.Unlock()
					if came == "" {
						continue
					}
					require.Equal(t, "PING\r\n", came)
					require.GreaterOrEqual(t, time.Since(known), time.Hour)
					require.Less(t, time.Since(known), time.Hour+interval+time.Minute)
					p.say("PONG\r\n")
					known = time.Now()
				}
				require.Less(t, time.Since(known), 3*time.Hour, "it was pinged again")
			})
		})
	}
}

// A client that is busy and whose round trip is not known is pinged; it is dropped if it answers
// nothing but goes on talking.
func TestABusyClientThatDoesNotAnswerIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged)
		p := st.client(quietly)
		start := time.Now()
		for st.Connections() > 0 {
			_ = p.nc.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = p.nc.Write([]byte(pub("a", "x")))
			time.Sleep(10 * time.Second)
			require.Less(t, time.Since(start), 10*interval)
		}
		require.Equal(t, "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n", p.ended())
	})
}

// Pings.Max is how many pings may be unanswered.
func TestPingMax(t *testing.T) {
	for _, most := range []int{1, 3} {
		bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
			st := build(pinged, func(_ *site, cfg *Config) { cfg.Pings.Max = most })
			p := st.client(quietly)
			for range most {
				p.expect("PING\r\n")
			}
			start := time.Now()
			require.Equal(t, "-ERR 'Stale Connection'\r\n", p.ended())
			require.Equal(t, interval, time.Since(start))
		})
	}
}

// The timer ends with its connection, also when a tick is under way at that moment.
func TestTheTimerEnds(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(pinged)
		h := st.hand(quietly)
		h.leave(closed.ClientClosed)
		require.False(t, h.pings.timer.Stop(), "it was stopped")
		h.tick() // one that was under way
		require.False(t, h.pings.timer.Stop(), "and it is not set again")
		require.Zero(t, h.pings.out.Load())
	})
}
