package client

import (
	"cmp"
	"crypto/tls"
	"errors"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// # New settings
//
// A session has a pointer to the settings that it works with. Before each batch it looks whether
// the door has others; Update posts renew to the readers, so that those who wait for input look,
// too. So every session sees the change, also one that was about to be entered in the table.

// renew takes over the settings of the door. An error ends the connection, which was told.
func (s *session) renew() error {
	cfg := s.door.cfg()
	if cfg == s.cfg {
		return nil
	}
	s.cfg = cfg
	s.parser.MaxLine, s.parser.MaxConnect = cfg.MaxLine, cfg.MaxConnect
	if s.id == nil { // it has yet to say who it is, under the new rules
		s.parser.MaxPayload = cfg.MaxPayload
		s.renewPings()
		return nil
	}
	return s.review()
}

// part ends the connection after the client was told of err, outside of a batch.
func (s *session) part(err error) error {
	var e *proto.Error
	if errors.As(err, &e) {
		s.tell(e)
		s.takeLeave(e.Reason)
	}
	return err
}

// recheck asks the Authenticator whether the connection is still who it was, and takes over what
// that means now.
func (s *session) recheck() error {
	c := s.credentials()
	ctx, cancel := s.authTime()
	defer cancel()
	id, err := s.cfg.Auth.Recheck(ctx, c, s.id)
	switch {
	case errors.Is(err, identity.ErrGone), err == nil && id.Account != s.id.Account:
		s.debugf("The user is gone or has moved")
		return &proto.Error{Reason: closed.ClientClosed}
	case err != nil:
		return s.refuse(err, c)
	}
	s.id = id
	s.parser.MaxPayload = smallest(s.cfg.MaxPayload, id.Account.Limits().Payload, id.Limits.Payload)
	s.publishView()
	return nil
}

// prune removes the subscriptions that are not allowed any more.
func (s *session) prune() error {
	if p := s.id.Permissions; p != nil {
		var lost []*account.Sub
		s.sids.Each(func(sub *account.Sub) {
			if !sub.Ended() && !p.MaySubscribe(sub.Subject(), sub.Queue()) {
				lost = append(lost, sub)
			}
		})
		s.revoke(lost)
	}
	if s.maxSubs() == 0 || s.tooMany(0) {
		return proto.ErrTooManySubscriptions
	}
	return nil
}

// revoke removes subscriptions and tells the client. As with UNSUB, no message for them follows.
func (s *session) revoke(lost []*account.Sub) {
	if len(lost) == 0 {
		return
	}
	for _, sub := range lost {
		sub.GiveUp()
		s.forget(sub)
	}
	s.conn.Box.Invalidate()
	const piece = 16 << 10
	var out []byte
	for _, sub := range lost {
		subject, sid := sub.Subject(), string(sub.AppendSID(nil))
		e := proto.SubscriptionRevoked(subject, sub.Queue(), sid)
		s.door.log.Noticef("%s - Removed sub %q (sid %q) for User %q - not authorized", s, subject, sid, cmp.Or(s.id.User, s.id.NKey))
		s.trace("->> [-ERR %s]", e.Text)
		if out = proto.AppendErr(out, e.Text); len(out) >= piece {
			s.send(out)
			out = out[:0]
		}
	}
	s.send(out)
}

// pins reports whether a connection with that encryption, nil for none, may be open as far as
// certificates are pinned.
func (c *settings) pins(t *tls.ConnectionState) bool {
	return t == nil || c.TLS.Pinned == nil || c.TLS.Pinned(t.PeerCertificates)
}
