package main

import (
	"context"
	"crypto/tls"
	"sync/atomic"

	"github.com/baridmq/barid/scripts/versus/config"
)

// idleEncrypted is how many connections are idle with TLS: fewer than without it, because they take the
// generator's memory as well.
const idleEncrypted = 4_000

// resumed is the part of the connections that continued an earlier TLS session.
const resumed = "resumed"

// securedScenarios are those with TLS, and those with a user who has permissions. The work of each is
// that of a scenario without.
func securedScenarios() []scenario {
	encrypted, guarded := config.Setup{TLS: true}, config.Setup{Users: true}
	return []scenario{
		{name: "tls16", about: "pub16 with TLS", setup: encrypted, count: counting{first: 200_000}, bar: cpuBar(0.4), run: flow(pairs(1, 16))},
		{name: "tls128", about: "pub128 with TLS", setup: encrypted, count: counting{first: 200_000}, bar: cpuBar(0.5), run: flow(pairs(1, 128))},
		{name: "tlsfan", about: "fan100 with TLS", setup: encrypted, count: counting{first: 2_000}, bar: cpuBar(0.4), run: flow(fan(100, 128, false))},
		{name: "tlsreq1", about: "reqrep1 with TLS", setup: encrypted, count: counting{first: 2_000}, bar: cpuBar(0.8), run: requests(1)},
		{name: "tlsreq50", about: "reqrep50 with TLS", setup: encrypted, count: counting{first: 10_000}, bar: cpuBar(0.8), run: requests(50)},
		{name: "tlsconnect", about: "connect with TLS, each time a new session", setup: encrypted, count: counting{first: 500, most: 20_000}, run: connect},
		{name: "tlsresume", about: "the same, but sessions are resumed if the server can", setup: encrypted, count: counting{first: 500, most: 20_000}, run: resume},
		{name: "tlsidle", about: "4000 connections with TLS that do nothing", setup: encrypted, count: counting{fixed: idleEncrypted}, bar: bar{of: perConnection, limit: 0.55, ratio: true}, run: idle},
		{name: "permpub", about: "pub128 by a user with lists of what it may publish and subscribe", setup: guarded, count: counting{first: 200_000}, bar: cpuBar(0.4), run: flow(pairs(1, 128))},
		{name: "perm100k", about: "wild100k by this user: some of what the wildcards cover is denied", setup: guarded, count: counting{first: 50_000}, bar: cpuBar(0.3), run: flow(wildcards)},
		{name: "permreq50", about: "reqrep50 by this user", setup: guarded, count: counting{first: 20_000}, run: requests(50)},
		{name: "permconnect", about: "connect by this user, with a password", setup: guarded, count: counting{first: 1_000, most: 20_000}, run: connect},
	}
}

// resume opens and closes connections like connect, but with the sessions of earlier ones. A server that
// offers no sessions is no fault, but visible in the part of the resumed ones, warm-up included.
func resume(ctx context.Context, t *target, n int) (sample, error) {
	var all, again atomic.Int64
	t.TLS.ClientSessionCache = make(tickets, dialers)
	t.TLS.VerifyConnection = func(state tls.ConnectionState) error {
		all.Add(1)
		if state.DidResume {
			again.Add(1)
		}
		return nil
	}
	s, err := connect(ctx, t, n)
	if err != nil {
		return s, err
	}
	s.Values = []value{{resumed, float64(again.Load()) / float64(all.Load())}}
	return s, nil
}

// tickets keeps the sessions that one server offers. Each is used once, as TLS 1.3 wants it.
type tickets chan *tls.ClientSessionState

func (k tickets) Get(string) (*tls.ClientSessionState, bool) {
	select {
	case session := <-k:
		return session, true
	default:
		return nil, false
	}
}

func (k tickets) Put(_ string, session *tls.ClientSessionState) {
	if session == nil { // a used one
		return
	}
	select {
	case k <- session:
	default:
	}
}
