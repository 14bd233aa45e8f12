package callout

import (
	"context"
	"errors"
	"slices"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/trust/accounts"
	"github.com/baridmq/barid/internal/trust/claims"
)

// signs implements trust. Whoever can answer could write the envelope, so it has to be signed, too.
func (s *Static) signs(r *jwt.AuthorizationResponseClaims, _ bool) bool { return r.Issuer == s.Issuer }

// place implements trust: the audience of the JWT is the account.
func (s *Static) place(_ context.Context, q *query, u *jwt.UserClaims, plain *claims.Rights) (*placement, error) {
	service := q.acc.Name()
	switch {
	case u.IssuerAccount != "":
		return nil, because("Error non operator mode account %q: attempted to use issuer_account", service)
	case u.Issuer != s.Issuer:
		return nil, because("Wrong issuer for auth callout response on account %q, expected %q got %q", service, s.Issuer, u.Issuer)
	}
	acc, defaults := s.Lookup(u.Audience)
	if acc == nil {
		return nil, because("No valid account %q for auth callout response on account %q: %v", u.Audience, service, accounts.ErrMissing)
	}
	at := &placement{account: acc, rights: plain, permissions: plain.Permissions, asks: acc == s.Account,
		entry: &admission{issuer: u.Issuer, account: u.Audience}}
	if plain.Permissions == nil {
		at.permissions, at.entry.defaults = defaults, true
	}
	return at, nil
}

// tenant is the account of an operator that has a service.
type tenant struct {
	operators Operators
	*accounts.Tenant
}

// signs implements trust. Who has the key of the box is the service.
func (t *tenant) signs(r *jwt.AuthorizationResponseClaims, encrypted bool) bool {
	if encrypted {
		return true
	}
	return (r.IssuerAccount == "" || r.IssuerAccount == t.ID) && (r.Issuer == t.ID || t.Claims.Signs(r.Issuer))
}

// place implements trust: the account is the one in whose name the JWT was signed.
func (t *tenant) place(ctx context.Context, q *query, u *jwt.UserClaims, _ *claims.Rights) (*placement, error) {
	service, id := q.acc.Name(), claims.AccountOf(u)
	if allowed := t.Claims.Callout.Accounts; id != t.ID && !slices.Contains(allowed, id) && !slices.Contains(allowed, "*") {
		return nil, because("Account %q not permitted as valid account option for auth callout for account %q", u.Issuer, service)
	}
	target, err := t.operators.Lookup(ctx, id)
	switch {
	case err != nil:
		return nil, because("No valid account %q for auth callout response on account %q: %v", id, service, err)
	case target.Expired():
		return nil, because("No valid account %q for auth callout response on account %q: %v", id, service, accounts.ErrExpired)
	case target.Claims == nil: // it stands in for one that could not be loaded
		return nil, because("No valid account %q for auth callout response on account %q: %v", id, service, accounts.ErrMissing)
	}
	rights, err := target.Claims.Rights(u)
	switch {
	case errors.Is(err, claims.ErrUnknownIssuer):
		return nil, because("User JWT issuer %q is not known", u.Issuer)
	case errors.Is(err, claims.ErrScoped):
		return nil, because("User JWT is not valid: %v", err)
	case err != nil:
		return nil, generated(err)
	case target.Claims.Revoked(u.Subject, u.IssuedAt):
		return nil, reason("User authentication revoked")
	}
	return &placement{account: target.Account, permissions: rights.Permissions, rights: rights, asks: asks(target),
		entry: &admission{issuer: u.Issuer, account: id, tenant: target.Claims, user: u.Subject, issued: u.IssuedAt,
			defaults: rights.Default}}, nil
}
