package server

import (
	"errors"
	"sync"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/server/options"
)

// AccountResolver is a source of account JWTs that gets to know its server.
type AccountResolver interface {
	options.AccountResolver
	// Start is called once, before the first Fetch.
	Start(*Server) error
}

// SetAccountResolver has the server of operators ask r for the JWTs of accounts from now on, in place
// of what the options say. r is not started or closed. nil means that nobody is asked.
func (s *Server) SetAccountResolver(r AccountResolver) {
	s.life.Lock()
	defer s.life.Unlock()
	s.handles.mu.Lock()
	s.handles.mu.resolver = r
	s.handles.mu.Unlock()
	if r == nil {
		s.tenants.SetResolver(nil)
		return
	}
	s.tenants.SetResolver(r)
}

// startResolver lets a program's resolver in the options know its server.
func (s *Server) startResolver() error {
	r, ok := s.options().AccountResolver.(AccountResolver)
	if !ok {
		return nil
	}
	s.handles.mu.Lock()
	if s.handles.mu.resolver == nil {
		s.handles.mu.resolver = r
	}
	s.handles.mu.Unlock()
	return r.Start(s)
}

// AccountResolver returns what SetAccountResolver was given, or else the one of the options, nil for
// nothing.
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

// UpdateAccountClaims gives an account of this server, made if there is none of its name, what claims
// say, whoever signed them: limits, exports, imports and mappings. Connections that are too many are
// closed. An account that came by a JWT is changed by another JWT only, which comes by the resolver or
// a request in the system account. A reload gives an account of the options what it has there. What
// is wrong is a line of the log.
func (s *Server) UpdateAccountClaims(a *Account, ac *jwt.AccountClaims) {
	if a == nil || ac == nil {
		s.logs.Errorf("Claims can not be applied: the account or its claims are missing")
		return
	}
	s.life.Lock()
	defer s.life.Unlock()
	if err := s.tenants.Claim(a.Name, ac); err != nil {
		s.logs.Errorf("Claims of account %q can not be applied: %v", a.Name, err)
	}
}
