package callout

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/trust/claims"
)

// trust is what the two modes differ in.
type trust interface {
	// signs reports whether an answer may come from who signed it. encrypted says that it came in the
	// box of the service.
	signs(r *jwt.AuthorizationResponseClaims, encrypted bool) bool
	// place says where the user goes whose JWT is u, and whose rights are plain if nobody else has a
	// say. Errors are reasons.
	place(ctx context.Context, q *query, u *jwt.UserClaims, plain *claims.Rights) (*placement, error)
}

// placement is where a user goes.
type placement struct {
	account     *account.Account
	permissions *perm.Permissions
	rights      *claims.Rights
	asks        bool // the account is one of a service
	entry       *admission
}

// jwtStart is what all JWTs begin with; what does not is encrypted.
const jwtStart = "eyJ"

// judge checks an answer and returns what the connection becomes. Errors are reasons.
func (q *query) judge(ctx context.Context, data []byte) (*identity.Identity, error) {
	token, err := q.open(data)
	if err != nil {
		return nil, err
	}
	u, err := claims.DecodeUser(token)
	if err != nil {
		return nil, reason(err.Error())
	}
	plain, err := q.check(u)
	if err != nil {
		return nil, err
	}
	at, err := q.trust.place(ctx, q, u, plain)
	if err != nil {
		return nil, err
	}
	until, err := q.admits(at.rights)
	if err != nil {
		return nil, err
	}
	return q.identity(u, at, claims.Expires(u.Expires, until))
}

// open returns the user JWT of an answer that comes from the service and is one to this request.
func (q *query) open(data []byte) (string, error) {
	if len(data) == 0 {
		return "", because("Auth callout violation: %q on account %q", "no reason supplied", q.acc.Name())
	}
	if len(data) > 2*claims.MaxToken {
		return "", because("Auth callout violation: the response has %d bytes", len(data))
	}
	encrypted := q.xkey != "" && !bytes.HasPrefix(data, []byte(jwtStart))
	if encrypted {
		var err error
		if data, err = q.a.cfg.Curve.Open(data, q.xkey); err != nil {
			return "", because("Error decrypting auth callout response on account %q: %v", q.acc.Name(), err)
		}
	}
	r, err := claims.DecodeResponse(string(data))
	if err != nil {
		return "", reason(err.Error())
	}
	if text := faults(r); text != "" {
		return "", because("Authorization response had validation errors: %s", text)
	}
	switch {
	case r.Subject != q.user:
		return "", reason("Auth callout violation: auth callout response is not for expected user")
	case r.Audience != q.a.id:
		return "", reason("Auth callout violation: auth callout response is not for server")
	case r.Error != "":
		return "", because("Auth callout service returned an error: %s", r.Error)
	case !q.trust.signs(r, encrypted):
		return "", reason("Auth callout signing key is unknown")
	}
	return r.Jwt, nil
}

// faults is what is wrong with claims now, empty for nothing.
func faults(c jwt.Claims) string { return strings.Join(claims.Validate(c).Texts(), ", ") }

// check looks at all of a user JWT that does not depend on where it leads, and returns the rights that
// stand in it.
func (q *query) check(u *jwt.UserClaims) (*claims.Rights, error) {
	if u.ProxyRequired && q.proxy == "" {
		return nil, reason(needsProxy)
	}
	if text := faults(u); text != "" {
		return nil, because("Error validating user JWT: %s", text)
	}
	if u.Subject != q.user {
		return nil, because("Expected authorized user of %q but got %q on account %q", q.user, u.Subject, q.acc.Name())
	}
	plain, err := claims.PlainRights(u)
	if err != nil {
		return nil, generated(err)
	}
	if _, err := q.admits(plain); err != nil {
		return nil, err
	}
	if !someKind(u.AllowedConnectionTypes) {
		return nil, because("Authorized user on account %q using invalid connection type", q.acc.Name())
	}
	return plain, nil
}

// generated is the reason for permissions that cannot be compiled.
func generated(err error) reason {
	return because("User JWT generated invalid permissions: %s", strings.TrimPrefix(err.Error(), claims.ErrTemplate.Error()+": "))
}

const needsProxy = "Proxy connection required"

// admits checks rights against the connection as it is now, and returns when its time is over.
func (q *query) admits(r *claims.Rights) (until time.Time, err error) {
	if r.ProxyRequired && q.proxy == "" {
		return until, reason(needsProxy)
	}
	until, ok := r.Until(time.Now())
	switch {
	case !ok:
		return until, because("Authorized user on account %q outside of valid connect times", q.acc.Name())
	case !r.From(q.c.Remote):
		return until, because("Authorized user on account %q at an address that it may not come from", q.acc.Name())
	}
	return until, nil
}

// someKind reports whether a list of kinds of connections is empty or has one that exists. Whether the
// connection is of such a kind is up to the service.
func someKind(kinds []string) bool {
	return len(kinds) == 0 || slices.ContainsFunc(kinds, func(kind string) bool {
		switch strings.ToUpper(kind) {
		case jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket, jwt.ConnectionTypeLeafnode, jwt.ConnectionTypeLeafnodeWS,
			jwt.ConnectionTypeMqtt, jwt.ConnectionTypeMqttWS, jwt.ConnectionTypeInProcess:
			return true
		}
		return false
	})
}

// identity is what a connection becomes that was let in. The name that the service gives takes the place
// of what the client said.
func (q *query) identity(u *jwt.UserClaims, at *placement, expires time.Time) (*identity.Identity, error) {
	id := &identity.Identity{
		Account: at.account, Permissions: at.permissions, Limits: at.rights.Limits,
		User: q.c.User, NKey: q.c.NKey, Proxy: q.proxy, Expires: expires, Entry: at.entry,
		Claims: &identity.Claims{Name: u.Name, Tags: u.Tags, IssuerKey: u.Issuer},
	}
	if u.Name != "" {
		id.User, id.NKey = u.Name, ""
	}
	switch {
	case id.User != "":
		id.Label = "user:" + id.User
	case id.NKey != "":
		id.Label = "nkey:" + id.NKey
	}
	if !at.asks {
		return id, nil
	}
	return sealed(id)
}
