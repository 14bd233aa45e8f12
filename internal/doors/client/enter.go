package client

import (
	"context"
	"errors"
	"time"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// leastAuthTime is the least time that an Authenticator gets for its answer. Logins queue where
// many come at once, and clients that are turned away come again.
const leastAuthTime = 10 * time.Second

// enterUnasked lets a client in that begins without CONNECT, if it need not say who it is.
func (s *session) enterUnasked() error {
	if s.cfg.Auth.Required() {
		s.errorf("authentication error")
		s.denied(proto.ErrAuthorization, nil)
		return proto.ErrAuthorization
	}
	searches := s.door.again.number.Load()
	if err := s.authenticate(); err != nil {
		return err
	}
	s.publishView()
	s.sinceLogin(searches)
	return nil
}

// authenticate finds out who the connection is, from the options it gave.
func (s *session) authenticate() error {
	c := s.credentials()
	ctx, cancel := s.authTime()
	defer cancel()
	id, err := s.cfg.Auth.Authenticate(ctx, c)
	if err != nil {
		refused := s.refuse(err, c)
		s.denied(refused, err)
		return refused
	}
	if s.id == nil || s.id.Account != id.Account { // else its place is taken by itself
		if !id.Account.Join() {
			return proto.ErrMaxAccountConnections
		}
		if s.id != nil {
			s.dropAll() // what it had before it said who it is
			s.id.Account.Leave()
		}
		s.joined = true
	} else if s.id != id {
		s.dropAll()
	}
	s.id = id
	s.parser.MaxPayload = smallest(s.cfg.MaxPayload, id.Account.Limits().Payload, id.Limits.Payload)
	if s.maxSubs() == 0 {
		return proto.ErrTooManySubscriptions
	}
	return nil
}

// credentials are what the connection shows of itself.
func (s *session) credentials() *identity.Credentials {
	o := s.options
	c := &identity.Credentials{
		User: o.User, Pass: o.Pass, Token: o.Token, JWT: o.JWT, NKey: o.NKey, Sig: o.Sig,
		Nonce: s.nonce, ProxySig: o.ProxySig, Kind: s.kind, Remote: s.from.Load().ip,
		ID: s.owner.ID, Addr: s.conn.Socket().RemoteAddr(), TLS: s.conn.TLS(),
	}
	if c.TLS != nil && len(c.TLS.VerifiedChains) > 0 {
		c.Certificates = c.TLS.PeerCertificates
	}
	if o != &unconnected {
		c.Options = o
	}
	return c
}

// authTime bounds an answer of the Authenticator.
func (s *session) authTime() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.door.open, max(leastAuthTime, s.cfg.AuthTimeout))
}

// refuse logs that the Authenticator did not accept c, and returns what is told to the client.
func (s *session) refuse(err error, c *identity.Credentials) error {
	if s.door.open.Err() != nil { // the server ends
		return &proto.Error{Reason: closed.ServerShutdown}
	}
	refused := refusal(err, c)
	if refused.Log != "" {
		s.errorf("%s", refused.Log)
	}
	return &proto.Error{Text: refused.Text, Reason: refused.Reason}
}

// denied is the log line for credentials that are not good, for which err is the reason. Of them it names
// what is no secret.
func denied(c *identity.Credentials, err error) string {
	const text = "authentication error"
	var more *identity.Refused
	switch {
	case c.NKey != "":
		return text + " - Nkey " + quote(publicNKey(c.NKey))
	case c.User != "":
		return text + " - User " + quote(c.User)
	case errors.As(err, &more) && more.User != "":
		return text + " - JWT User " + quote(publicNKey(more.User))
	case c.Token != "":
		return text + ` - Token "` + proto.Redacted + `"`
	}
	return text
}

// publicNKey is what may be shown of what a client gives as its public key: somebody may have mistaken
// a seed for it.
func publicNKey(key string) string {
	if key == "" || len(key) == 56 && key[0] == 'U' {
		return key
	}
	return proto.Redacted
}

// refusal is what the client and the log get to hear of an error of the Authenticator.
func refusal(err error, c *identity.Credentials) proto.Error {
	e := *proto.ErrAuthorization
	var own *proto.Error
	switch {
	case errors.Is(err, identity.ErrProxyNotTrusted):
		e = *proto.ErrProxyNotTrusted
		e.Log = err.Error()
	case errors.Is(err, identity.ErrProxyRequired):
		e = *proto.ErrProxyRequired
		e.Log = err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		// Nothing is said of the credentials, so that the client tries again.
		e = proto.Error{Reason: closed.AuthenticationTimeout, Log: "authentication took too long"}
	case errors.As(err, &own):
		e = *own
		if e.Log == "" && e.Text == proto.ErrAuthorization.Text {
			e.Log = denied(c, err)
		} else if e.Log == "" && own == proto.ErrRegistration {
			e.Log = err.Error()
		}
	default:
		e.Log = denied(c, err)
	}
	return e
}

// smallest is the smallest of those limits that are not negative, -1 if all are.
func smallest(limits ...int) int {
	least := -1
	for _, l := range limits {
		if l >= 0 && (least < 0 || l < least) {
			least = l
		}
	}
	return least
}

// publishView makes a view of what the session is now.
func (s *session) publishView() {
	v := &view{
		id: s.id, options: s.options, echo: s.options.Echo, headers: s.parser.Headers,
		system: s.id.Account.Name() == s.cfg.System,
	}
	old := s.view.Load()
	if s.id.Permissions.Responses() != nil {
		v.grants = &perm.Grants{}
		if old != nil && old.grants != nil {
			v.grants = old.grants // who may answer still may
		}
	}
	s.view.Store(v)
	s.publish.allow(s, v)
	if ends := s.id.Expires; !ends.IsZero() && (old == nil || !old.id.Expires.Equal(ends)) {
		s.rest(s.cfg.Pings.Interval)
	}
}
