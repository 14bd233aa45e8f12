package server

import (
	"context"
	"crypto/tls"
	"net"
	"sync"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/config/translate"
)

// customAuth asks the program that embeds the server who may enter.
type customAuth struct {
	s       *Server
	program Authentication
}

// Required implements identity.Authenticator: nobody enters unasked.
func (c *customAuth) Required() bool { return true }

// Nonce implements identity.Authenticator: the program may want something signed.
func (c *customAuth) Nonce() bool { return true }

// Authenticate implements identity.Authenticator. The program knows nothing of ctx and may take its
// time, so it is asked in a goroutine of its own, whose late answer nobody waits for. Not even a
// shutdown does: the program may be waiting for that.
func (c *customAuth) Authenticate(ctx context.Context, given *identity.Credentials) (*identity.Identity, error) {
	v := &visitor{given: *given}
	answer := make(chan bool, 1)
	c.s.control.Go("custom authentication", func() {
		defer close(answer) // also if it panics
		answer <- c.program.Check(v)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case ok := <-answer:
		if !ok {
			return nil, identity.ErrDenied
		}
		return c.identify(given, v.registered())
	}
}

// Recheck implements identity.Authenticator. Whom a program has let in it does not see again; it may
// use DisconnectClientByID.
func (c *customAuth) Recheck(ctx context.Context, given *identity.Credentials, was *identity.Identity) (*identity.Identity, error) {
	if _, known := was.Entry.(*customAuth); known {
		return was, nil
	}
	return c.Authenticate(ctx, given)
}

// identify makes an identity of the user that the program has registered, nil for none.
func (c *customAuth) identify(given *identity.Credentials, u *User) (*identity.Identity, error) {
	id := &identity.Identity{Account: c.s.tenants.Registry().Get(account.Global), Limits: account.Unlimited(), Entry: c}
	if u == nil {
		if given.User != "" {
			id.User, id.Label = given.User, "user:"+given.User
		}
		return id, nil
	}
	id.User = u.Username
	if u.Username != "" {
		id.Label = "user:" + u.Username
	}
	if u.Account != nil {
		if id.Account = c.s.tenants.Registry().Get(u.Account.Name); id.Account == nil {
			c.s.logs.Errorf("User %q can not enter: the server has no account %q", u.Username, u.Account.Name)
			return nil, identity.ErrDenied
		}
	}
	if kinds := u.AllowedConnectionTypes; len(kinds) > 0 {
		if _, ok := kinds[string(given.Kind)]; !ok {
			return nil, identity.ErrDenied
		}
	}
	var err error
	if id.Permissions, err = perm.Compile(translate.Rules(u.Permissions)); err != nil {
		c.s.logs.Errorf("User %q can not enter: %v", u.Username, err)
		return nil, identity.ErrDenied
	}
	return id, nil
}

// visitor is a connection as the program sees it.
type visitor struct {
	given identity.Credentials

	mu struct {
		sync.Mutex
		user *User
	}
}

// RegisterUser implements ClientAuthentication.
func (v *visitor) RegisterUser(u *User) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mu.user = u
}

func (v *visitor) registered() *User {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mu.user
}

// GetOpts implements ClientAuthentication.
func (v *visitor) GetOpts() *ClientOpts {
	o := v.given.Options
	if o == nil {
		return &ClientOpts{}
	}
	return &ClientOpts{
		Echo: o.Echo, Verbose: o.Verbose, Pedantic: o.Pedantic, TLSRequired: o.TLSRequired,
		Nkey: o.NKey, JWT: o.JWT, Sig: o.Sig, Token: o.Token, Username: o.User, Password: o.Pass,
		Name: o.Name, Lang: o.Lang, Version: o.Version, Protocol: o.Protocol,
		Headers: o.Headers, NoResponders: o.NoResponders,
	}
}

// GetTLSConnectionState implements ClientAuthentication.
func (v *visitor) GetTLSConnectionState() *tls.ConnectionState { return v.given.TLS }

// RemoteAddress implements ClientAuthentication.
func (v *visitor) RemoteAddress() net.Addr { return v.given.Addr }

// GetNonce implements ClientAuthentication.
func (v *visitor) GetNonce() []byte {
	if v.given.Nonce == "" {
		return nil
	}
	return []byte(v.given.Nonce)
}

// Kind implements ClientAuthentication.
func (v *visitor) Kind() int { return 0 }

// GetID implements ClientAuthentication.
func (v *visitor) GetID() uint64 { return v.given.ID }
