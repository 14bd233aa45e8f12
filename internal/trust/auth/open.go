// Package auth holds the authenticators of barid: who may enter, and as whom.
//
// It knows accounts and credentials, no sockets and no wire format, and owns no goroutine.
package auth

import (
	"context"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
)

// Open lets everybody in, to one account and without bounds. It ignores credentials.
type Open struct {
	id identity.Identity
}

// NewOpen returns an Open for account a.
func NewOpen(a *account.Account) *Open {
	return &Open{id: identity.Identity{Account: a, Limits: account.Unlimited()}}
}

// Authenticate implements identity.Authenticator; it never fails.
func (o *Open) Authenticate(context.Context, *identity.Credentials) (*identity.Identity, error) {
	return &o.id, nil
}

// Recheck implements identity.Authenticator; it never fails.
func (o *Open) Recheck(context.Context, *identity.Credentials, *identity.Identity) (*identity.Identity, error) {
	return &o.id, nil
}

// Required implements identity.Authenticator.
func (o *Open) Required() bool { return false }

// Nonce implements identity.Authenticator.
func (o *Open) Nonce() bool { return false }

var _ identity.Authenticator = (*Open)(nil)
