package client

import (
	"encoding/json"
	"time"

	"github.com/baridmq/barid/internal/bus/fanout"
	"github.com/baridmq/barid/internal/core/proto"
)

// connect handles CONNECT. A second one merges over the first and starts the session anew.
func (s *session) connect(t *fanout.Trip, args []byte) error {
	var o *proto.ClientOptions
	var err error
	s.door.tasks.Aside("connect", func() { o, err = s.options.Merge(args) })
	switch {
	case err != nil:
		return err
	case o == nil: // it panicked, and that was logged
		return proto.ErrArguments
	}
	s.welcomePings() // it did its part; the rest is up to the authenticator
	s.guessRTT()
	t.Flush()
	if s.connected {
		s.dropAll()
	}
	s.options = o
	searches := s.door.again.number.Load()
	if err := s.authenticate(); err != nil {
		return err
	}
	switch {
	case o.Account != "" || o.NewAccount:
		s.denied(proto.ErrAuthorization, nil)
		return proto.ErrAuthorization
	case o.Protocol != 0 && o.Protocol != 1:
		return proto.ErrProtocolVersion
	}
	s.parser.Headers = o.Headers && s.cfg.Info.Headers
	if o.NoResponders && !s.parser.Headers {
		return proto.ErrNoResponders
	}
	first := !s.connected
	s.connected = true
	s.informed.Store(o.Protocol < 1)
	s.conn.Box.Invalidate() // what was staged was shaped by the former view
	s.publishView()
	s.sinceLogin(searches)
	s.parser.Begin() // what was allowed before may not be now
	if first {
		s.connectedNow()
	}
	s.ok(t)
	s.firstPing()
	return nil
}

// guessRTT takes the time until the CONNECT for a round trip until one is measured: services and events want
// to know it from the first message on. A handshake would make it too long.
func (s *session) guessRTT() {
	if s.conn.TLS() == nil && !s.connected {
		s.rtt.CompareAndSwap(0, -int64(time.Since(s.conn.Started())))
	}
}

// ping handles PING. The first one after CONNECT is answered with an INFO, too.
func (s *session) ping(t *fanout.Trip) {
	s.publish.account(s)
	t.Say([]byte(proto.PongLine), true)
	s.trace("->> [PONG]")
	if s.connected && !s.informed.Load() {
		s.informed.Store(true)
		t.Say(s.info(s.id.Account), true)
	}
}

// heed handles INFO, which clients need not send: it must be JSON.
func (s *session) heed(args []byte) error {
	if !json.Valid(args) {
		return proto.ErrArguments
	}
	return nil
}
