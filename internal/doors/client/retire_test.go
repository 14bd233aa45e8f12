package client

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
)

// modern are the options of a client that understands an INFO at any time.
const modern = `{"verbose":false,"pedantic":false,"protocol":1}`

// Clients that understand it are told that the server retires; so are those that come later.
func TestLameDuck(t *testing.T) {
	st := build(t)
	mute, old, fresh, silent := st.client(modern), st.client(quietly), st.client(modern), st.dial()
	for _, p := range []*peer{mute, fresh} {
		require.Contains(t, p.until("\r\n"), `"connect_info":true`) // the one after the first PING
	}
	st.LameDuck()
	st.LameDuck() // says no more
	info := fresh.until("\r\n")
	require.Regexp(t, `^INFO \{.*"client_id":3,"client_ip":"pipe","ldm":true,"api_lvl":0\} \r\n$`, info)
	require.Contains(t, mute.until("\r\n"), `"ldm":true`)
	for _, p := range []*peer{old, fresh} {
		p.say("PING\r\n")
		p.expect("PONG\r\n")
	}
	silent.say("CONNECT " + modern + "\r\nPING\r\n")
	silent.until("PONG\r\n")
	require.Contains(t, silent.until("\r\n"), `"ldm":true,"connect_info":true`)
	require.Contains(t, newPeer(st, st.connect()).until("\r\n"), `"ldm":true`)
}

// Connections are closed one at a time, with about the same pauses.
func TestDismiss(t *testing.T) {
	const n = 10
	for over, total := range map[time.Duration][2]time.Duration{
		time.Hour:   {(n - 1) * time.Second / 2, (n - 1) * time.Second}, // no more than a second each
		time.Second: {(n - 1) * time.Second / n / 2, time.Second},
		0:           {0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			st := build(t)
			var peers []*peer
			for range n {
				peers = append(peers, st.client(quietly))
			}
			peers[3].close()
			synctest.Wait()
			begin := time.Now()
			st.Dismiss(t.Context(), over)
			took := time.Since(begin)
			require.GreaterOrEqual(t, took, total[0]*8/9, over)
			require.LessOrEqual(t, took, total[1], over)
			require.Zero(t, st.Connections())
			var ids []uint64
			for _, i := range st.Report().Ended[1:] {
				require.Equal(t, closed.ServerShutdown, i.Reason)
				ids = append(ids, i.ID)
			}
			require.Len(t, ids, n-1)
			if over > 0 {
				require.False(t, slices.IsSorted(ids), "at random") // once in 362 880 times it is
			}
			for _, p := range peers {
				require.Empty(t, p.ended())
			}
		})
	}
}

// Many connections are closed several at a time, within the time there is.
func TestDismissMany(t *testing.T) {
	const n = 300
	synctest.Test(t, func(t *testing.T) {
		st := build(t)
		for range n {
			st.dial()
		}
		begin := time.Now()
		st.Dismiss(t.Context(), 30*time.Millisecond)
		require.Zero(t, st.Connections())
		require.LessOrEqual(t, time.Since(begin), 30*time.Millisecond)
		require.Greater(t, time.Since(begin), 10*time.Millisecond)
	})
}

// Dismissing ends with its context, and leaves the rest alone. What waits for a client is written.
func TestDismissIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := build(t)
		p := st.client(quietly)
		st.client(quietly)
		p.say("SUB a 1\r\nPING\r\n")
		p.until("PONG\r\n")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		st.Dismiss(ctx, time.Hour)
		synctest.Wait()
		require.Equal(t, 1, st.Connections())
		begin := time.Now()
		st.Dismiss(t.Context(), time.Hour)
		require.Zero(t, time.Since(begin), "a single one need not wait")
		require.Zero(t, st.Connections())
	})
}

// A client that comes while others are dismissed is dismissed, too.
func TestDismissTakesLateClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := build(t)
		st.client(quietly)
		slow := st.client(quietly)
		slow.pause()
		for _, s := range st.table.all() {
			s.send([]byte(strings.Repeat("+OK\r\n", 10000))) // which slow does not take
		}
		done := make(chan struct{})
		go func() { st.Dismiss(t.Context(), time.Millisecond); close(done) }()
		time.Sleep(time.Second)
		late := newPeer(st, st.connect())
		late.ended()
		slow.listen()
		require.Contains(t, slow.ended(), "+OK")
		<-done
		require.Zero(t, st.Connections())
	})
}

// A connection can be closed by its number.
func TestDisconnect(t *testing.T) {
	st := build(t)
	one, two := st.client(quietly), st.client(quietly)
	require.NoError(t, st.Disconnect(1))
	require.Empty(t, one.ended())
	require.Equal(t, []closed.Reason{closed.Kicked}, st.reasons(1))
	require.Equal(t, "Kicked", closed.Kicked.String())
	require.ErrorIs(t, st.Disconnect(1), ErrNoConnection)
	require.ErrorIs(t, st.Disconnect(7), ErrNoConnection)
	two.say("PING\r\n")
	two.expect("PONG\r\n")
}
