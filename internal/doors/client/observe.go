package client

import (
	"cmp"
	"errors"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
)

// Observer is told who comes and goes. Its methods are called by the readers of connections, for many
// of them at a time, and must not block. For one connection the calls come in this order, each at most
// once. The Info is the observer's own.
type Observer interface {
	// Connected tells of a connection whose first CONNECT was accepted.
	Connected(*Info)
	// Denied tells of a connection that did not get in: its Reason says why, Denied what the owner of
	// its Account is told of it. Who does not say in time who he is, is not denied, nor is he whose right to be
	// here ends.
	Denied(*Info)
	// Disconnected tells, with the totals, of the end of a connection that was in an account or was
	// denied. The former need not have been Connected: who need not say who he is may leave without.
	Disconnected(*Info)
}

// connectedNow tells the observer that the first CONNECT was accepted.
func (s *session) connectedNow() {
	if o := s.cfg.Observer; o != nil {
		i := s.snapshot()
		o.Connected(&i)
	}
}

// denial is reason of those who did not get in.
func denial(reason closed.Reason) bool {
	return reason == closed.AuthenticationFailure || reason == closed.ProxyNotTrusted || reason == closed.ProxyRequired
}

// denied tells the observer that err, which is or wraps a *proto.Error told the client, keeps the
// connection out; cause is what the authenticator said.
func (s *session) denied(err, cause error) {
	o := s.cfg.Observer
	var e *proto.Error
	if o == nil || !errors.As(err, &e) || !denial(e.Reason) {
		return
	}
	i := s.snapshot()
	s.introduce(&i)
	i.Stop, i.Reason, i.Denied = time.Now(), e.Reason, e.Reason.String()
	var more *identity.Refused
	if errors.As(cause, &more) {
		if more.Why != "" || more.Silent {
			i.Denied = more.Why
		}
		if more.Account != nil {
			i.settle(more.Account)
		}
	}
	o.Denied(&i)
}

// disconnected tells the observer of the end that i describes, if it is one of those to tell of.
func (s *session) disconnected(i Info) {
	o := s.cfg.Observer
	if o == nil || s.id == nil && !denial(i.Reason) {
		return
	}
	s.introduce(&i)
	o.Disconnected(&i)
}

// introduce fills in what a session without a view is known by: what it was last, or what it said.
func (s *session) introduce(i *Info) {
	if i.Account != "" {
		return
	}
	o := s.options
	i.Name, i.Lang, i.Version = o.Name, o.Lang, o.Version
	if s.id != nil {
		i.identify(s.id)
		return
	}
	i.Account, i.NameTag = account.Global, account.Global
	i.User, i.NKey = o.User, publicNKey(o.NKey)
	if i.User == "" && i.NKey == "" && o.Token != "" {
		i.Label = tokenLabel
	}
}

// tokenLabel is the label of those who have shown a token.
const tokenLabel = "token"

// identify fills in who the connection is.
func (i *Info) identify(id *identity.Identity) {
	i.settle(id.Account)
	i.Label = id.Label
	i.Login = Login{User: id.User, NKey: id.NKey, Proxy: id.Proxy, Claims: id.Claims}
}

// settle fills in the account.
func (i *Info) settle(a *account.Account) {
	i.Account = a.Name()
	i.NameTag = cmp.Or(a.Spec().Tag, a.Name())
}
