package server

import (
	"errors"
	"strings"
	"sync"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/server/options"
)

// AccountResolver is a source of account JWTs that gets to know its server.
type AccountResolver interface {
	options.AccountResolver
	// Start is called once, before the first Fetch.
	Start(*Server) error
}

// SetAccountResolver keeps a source of account JWTs for AccountResolver. barid does not ask it yet,
// as it has no operator mode, and logs an error that says so.
func (s *Server) SetAccountResolver(r AccountResolver) {
	s.handles.mu.Lock()
	s.handles.mu.resolver = r
	s.handles.mu.Unlock()
	if r != nil {
		s.logs.Errorf("The account resolver is not asked: barid has no operator mode yet")
	}
}

// AccountResolver returns what SetAccountResolver was given, nil for nothing.
func (s *Server) AccountResolver() AccountResolver {
	s.handles.mu.Lock()
	defer s.handles.mu.Unlock()
	return s.handles.mu.resolver
}

// MemAccResolver keeps account JWTs in memory. The zero value is empty. It may be used by any
// goroutine, and must not be copied after its first use.
type MemAccResolver struct {
	jwts sync.Map // string to string
}

// ErrMissingAccountJWT is what MemAccResolver returns for an account that it does not have.
var ErrMissingAccountJWT = errors.New("no JWT of that account")

// Fetch returns the JWT of an account, or ErrMissingAccountJWT.
func (m *MemAccResolver) Fetch(name string) (string, error) {
	if token, ok := m.jwts.Load(name); ok {
		return token.(string), nil
	}
	return "", ErrMissingAccountJWT
}

// Store keeps the JWT of an account, in place of an earlier one. It does not look into it.
func (m *MemAccResolver) Store(name, token string) error {
	m.jwts.Store(name, token)
	return nil
}

// IsReadOnly returns false.
func (m *MemAccResolver) IsReadOnly() bool { return false }

// Start does nothing.
func (m *MemAccResolver) Start(*Server) error { return nil }

// IsTrackingUpdate returns false.
func (m *MemAccResolver) IsTrackingUpdate() bool { return false }

// Reload does nothing.
func (m *MemAccResolver) Reload() error { return nil }

// Close does nothing.
func (m *MemAccResolver) Close() {}

var _ AccountResolver = (*MemAccResolver)(nil)

// UpdateAccountClaims gives an account of this server, made if there is none of its name, the
// limits of claims: connections, subscriptions of a connection, payload. Connections that are too
// many are closed. A reload gives an account of the options the limits that it has there. What barid
// cannot do yet, such as imports, is named in a line of the log.
func (s *Server) UpdateAccountClaims(a *Account, ac *jwt.AccountClaims) {
	if a == nil || ac == nil {
		s.logs.Errorf("Claims can not be applied: the account or its claims are missing")
		return
	}
	if names := unsupported(ac); len(names) > 0 {
		s.logs.Errorf("Claims of account %q can not be applied in full: barid has no %s yet", a.Name, strings.Join(names, ", "))
	}
	s.life.Lock()
	defer s.life.Unlock()
	l := &ac.Limits
	s.accounts.Put(account.Spec{Name: a.Name, Limits: account.Limits{
		Connections: clip(l.Conn), Subscriptions: clip(l.Subs), Payload: clip(l.Payload),
	}})
	s.updateDoor()
}

// clip makes a limit of claims an int.
func clip(n int64) int { return int(max(min(n, int64(^uint32(0)>>1)), jwt.NoLimit)) }

// unsupported lists what of claims does not take effect.
func unsupported(ac *jwt.AccountClaims) (names []string) {
	for _, part := range []struct {
		name string
		used bool
	}{
		{"imports", len(ac.Imports) > 0},
		{"exports", len(ac.Exports) > 0},
		{"revocations", len(ac.Revocations) > 0},
		{"subject mappings", len(ac.Mappings) > 0},
		{"default permissions of accounts", defaultPermissions(&ac.DefaultPermissions)},
		{"auth callouts", len(ac.Authorization.AuthUsers) > 0},
		{"streams", ac.Limits.IsJSEnabled()},
	} {
		if part.used {
			names = append(names, part.name)
		}
	}
	return names
}

// defaultPermissions reports whether p bounds anything.
func defaultPermissions(p *jwt.Permissions) bool {
	return !p.Pub.Empty() || !p.Sub.Empty() || p.Resp != nil
}
