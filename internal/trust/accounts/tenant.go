package accounts

import (
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/trust/claims"
)

// Tenant is an account at one time. It is immutable.
type Tenant struct {
	ID string
	// Token is the JWT; empty for a stand-in.
	Token  string
	Claims *claims.Account
	// Account is the one of the bus. It stays the same when claims change.
	Account *account.Account
	// Updated is when the claims were applied.
	Updated time.Time

	expired, deleted bool
}

// Expired reports whether the account's time was over, or it was deleted, when the snapshot was taken.
func (t *Tenant) Expired() bool { return t.expired }

// Complete reports whether all that the account wants to import is in force.
func (t *Tenant) Complete() bool {
	for _, i := range t.Account.Imports() {
		if i.Err != nil {
			return false
		}
	}
	return true
}

// Decoded decodes the JWT again, for reports, and says what is wrong with it now; nil for a stand-in.
// The claims are the caller's.
func (t *Tenant) Decoded() (*jwt.AccountClaims, claims.Issues) {
	c, err := claims.DecodeAccount(t.Token)
	if err != nil {
		return nil, nil
	}
	return c, claims.Validate(c)
}

// Revoked are the times of revocations by user key or "*"; nil for none.
func (t *Tenant) Revoked() map[string]time.Time { return t.Claims.Revocations() }

// over reports whether the account is of no use at now.
func (t *Tenant) over(now time.Time) bool {
	return t.expired || t.Claims.Expires > 0 && now.Unix() >= t.Claims.Expires
}

// next is the next time after now at which something changes by itself; the zero time for never.
func (t *Tenant) next(now time.Time) time.Time {
	next := t.Claims.NextChange(now)
	if end := time.Unix(t.Claims.Expires, 0); t.Claims.Expires > 0 && !t.expired && (next.IsZero() || end.Before(next)) {
		return end
	}
	return next
}
