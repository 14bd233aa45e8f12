package callout

import (
	"context"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/trust/claims"
)

// admission is the note of a connection that a service let in.
type admission struct {
	issuer   string // key that signed its JWT
	account  string // name of its account
	defaults bool   // its permissions are those of its account

	// With operators only.
	tenant *claims.Account // the account as it was when this was last looked at
	user   string          // public key of the JWT
	issued int64           // time of the JWT, in seconds of Unix time
}

// Recheck implements identity.Authenticator. A service is asked once: later its answer is held against
// what its account allows by then.
func (a *Authenticator) Recheck(ctx context.Context, c *identity.Credentials, was *identity.Identity) (*identity.Identity, error) {
	in, _ := was.Entry.(*admission)
	if in == nil {
		id, err := a.cfg.Next.Recheck(ctx, c, was)
		if err != nil {
			return nil, err
		}
		return a.resealed(id)
	}
	if err := a.stillVouched(was); err != nil {
		return nil, err
	}
	if a.cfg.Static != nil {
		return a.cfg.Static.recheck(in, was)
	}
	return a.recheckTenant(in, was)
}

// resealed is what Next makes of a connection, without the right to ask services.
func (a *Authenticator) resealed(id *identity.Identity) (*identity.Identity, error) {
	if s := a.cfg.Static; s != nil {
		return s.sealed(id)
	}
	if t := a.cfg.Operators.Loaded(id.Account.Name()); t != nil && asks(t) {
		return sealed(id)
	}
	return id, nil
}

// stillVouched checks that the proxy of a connection is still trusted.
func (a *Authenticator) stillVouched(was *identity.Identity) error {
	if was.Proxy == "" {
		return nil
	}
	for _, public := range a.cfg.Proxies {
		if public == was.Proxy {
			return nil
		}
	}
	return proto.ErrProxyNotTrusted
}

// recheck looks whether a connection may still be in an account of the configuration.
func (s *Static) recheck(in *admission, was *identity.Identity) (*identity.Identity, error) {
	switch {
	case in.tenant != nil:
		return nil, identity.ErrGone
	case in.issuer != s.Issuer:
		return nil, proto.ErrSignerGone
	}
	acc, defaults := s.Lookup(in.account)
	if acc == nil || acc != was.Account {
		return nil, identity.ErrGone
	}
	id := *was
	if in.defaults {
		id.Permissions = defaults
	}
	return s.sealed(&id)
}

// recheckTenant looks whether a connection may still be in an account of an operator.
func (a *Authenticator) recheckTenant(in *admission, was *identity.Identity) (*identity.Identity, error) {
	t := a.cfg.Operators.Loaded(in.account)
	switch {
	case in.tenant == nil || t == nil || t.Claims == nil || t.Account != was.Account:
		return nil, identity.ErrGone
	case t.Expired():
		return nil, proto.ErrAccountExpired
	case t.Claims == in.tenant:
		return was, nil
	case t.Claims.Revoked(in.user, in.issued):
		return nil, proto.ErrUserRevoked
	case !t.Claims.SameSigner(in.issuer, in.tenant):
		return nil, proto.ErrSignerGone
	}
	id, now := *was, *in
	now.tenant = t.Claims
	id.Entry = &now
	if in.defaults {
		id.Permissions = t.Claims.Defaults()
	}
	if asks(t) {
		return sealed(&id)
	}
	return &id, nil
}
