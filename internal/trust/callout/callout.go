// Package callout lets a service decide who may enter: it asks by a message in an account, and what
// answers is checked before anybody believes it.
//
// An Authenticator wraps another one, which decides about the users that the service itself needs to
// enter, and about those that are none of the service's business. There are two modes. A configuration
// names one service (Static); operators name one for each account that wants it, in the JWT of the
// account. The package knows no connection, no configuration and no resolver. It starts no goroutine
// but those of its ports. The lock of Ports is a leaf.
package callout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/trust/accounts"
)

// Subject is where requests go, in the account of the service.
const Subject = "$SYS.REQ.USER.AUTH"

// defaultTimeout is how long a service may take, unless the configuration says otherwise.
const defaultTimeout = 2 * time.Second

// Static is the service that a configuration names.
type Static struct {
	// Issuer is the public key of an account that signs the answers.
	Issuer string
	// Account is the one of the service.
	Account *account.Account
	// Users are the names or nkeys of users that are not asked about.
	Users []string
	// XKey is the public curve key of the service, that requests are encrypted for; empty for none.
	XKey string
	// Allowed are the accounts whose users are asked about, beside those of the global one and those
	// whom nobody knows; empty for all.
	Allowed []string
	// Lookup returns an account by its name, and the permissions of its users that have none of their
	// own; nil if there is no such account. Any goroutine calls it.
	Lookup func(name string) (*account.Account, *perm.Permissions)
	// Known reports whether Next has a user with that name or nkey. About others Next is not asked, so
	// that they do not count as guesses. If it is nil Next is always asked.
	Known func(name string) bool
	// Certificates says that Next finds users by their certificates.
	Certificates bool
}

// Operators are the accounts of operators.
type Operators interface {
	// Claimed returns the account and the user that credentials claim to be; nil if they do not, or if the
	// account could not be loaded. enter decides as Next does, by what was found.
	Claimed(ctx context.Context, c *identity.Credentials) (t *accounts.Tenant, u *jwt.UserClaims, enter func() (*identity.Identity, error))
	// Lookup returns an account, which it may have to load.
	Lookup(ctx context.Context, id string) (*accounts.Tenant, error)
	// Loaded returns an account, nil if it is not loaded.
	Loaded(id string) *accounts.Tenant
}

// Config is what an Authenticator needs.
type Config struct {
	// Next decides where the service does not; with Operators, about connections that are in already.
	Next identity.Authenticator
	// Exactly one of Static and Operators is not nil.
	Static    *Static
	Operators Operators
	// Ports lead to the services. They are not closed by anybody here.
	Ports *Ports
	// Server describes the server in requests; ID is the public key of Key, and XKey is left out.
	Server jwt.ServerID
	// Key signs requests. Curve encrypts them; it may be nil if no service has an xkey.
	Key, Curve nkeys.KeyPair
	// Timeout is how long a service may take; default 2s.
	Timeout time.Duration
	// Proxies are the public keys of the trusted proxies.
	Proxies []string
	// Warnf and Debugf log. They get no secrets; nil is allowed.
	Warnf, Debugf func(format string, v ...any)
}

// Authenticator asks services. It is immutable and may be used by any goroutine.
type Authenticator struct {
	cfg     Config
	id      string // of the server
	xkey    string // of the server; empty without Curve
	proxies []nkeys.KeyPair
}

// New returns an Authenticator for cfg. Errors say what is wrong with cfg.
func New(cfg Config) (*Authenticator, error) {
	switch {
	case cfg.Next == nil || cfg.Ports == nil || cfg.Key == nil:
		return nil, errors.New("callout: something is missing")
	case (cfg.Static == nil) == (cfg.Operators == nil):
		return nil, errors.New("callout: there must be one of a static service and operators")
	}
	if s := cfg.Static; s != nil {
		switch {
		case s.Account == nil || s.Lookup == nil:
			return nil, errors.New("callout: the service has no account")
		case !nkeys.IsValidPublicAccountKey(s.Issuer): // it may be a seed, so it is not shown
			return nil, errors.New("callout: the issuer is not the public key of an account")
		case s.XKey != "" && !nkeys.IsValidPublicCurveKey(s.XKey):
			return nil, errors.New("callout: the xkey is not a public curve key")
		case s.XKey != "" && cfg.Curve == nil:
			return nil, errors.New("callout: the server has no curve key")
		}
	}
	a := &Authenticator{cfg: cfg}
	var err error
	if a.id, err = cfg.Key.PublicKey(); err != nil {
		return nil, fmt.Errorf("callout: the key of the server: %w", err)
	}
	if cfg.Curve != nil {
		if a.xkey, err = cfg.Curve.PublicKey(); err != nil {
			return nil, fmt.Errorf("callout: the curve key of the server: %w", err)
		}
	}
	for i, public := range cfg.Proxies {
		k, err := nkeys.FromPublicKey(public)
		if err != nil {
			return nil, fmt.Errorf("callout: key %d of the trusted proxies: %w", i+1, err)
		}
		a.proxies = append(a.proxies, k)
	}
	if a.cfg.Timeout <= 0 {
		a.cfg.Timeout = defaultTimeout
	}
	a.cfg.Warnf, a.cfg.Debugf = orSilent(cfg.Warnf), orSilent(cfg.Debugf)
	return a, nil
}

func orSilent(logf func(string, ...any)) func(string, ...any) {
	if logf == nil {
		return func(string, ...any) {}
	}
	return logf
}

// Required implements identity.Authenticator: who has not said who he is cannot be asked about.
func (a *Authenticator) Required() bool { return true }

// Nonce implements identity.Authenticator.
func (a *Authenticator) Nonce() bool { return a.cfg.Next.Nonce() }

// Authenticate implements identity.Authenticator. An error for which a service, or what is wrong with
// its answer, is the reason is an identity.Refused with the account of the service.
func (a *Authenticator) Authenticate(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	if a.cfg.Static != nil {
		return a.byStatic(ctx, c)
	}
	return a.byOperators(ctx, c)
}

// byStatic lets Next decide about those that the service is not asked about.
func (a *Authenticator) byStatic(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	s := a.cfg.Static
	listed := func(name string) bool { return name != "" && slices.Contains(s.Users, name) }
	if s.asksNext(c) {
		id, err := a.cfg.Next.Authenticate(ctx, c)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil && (listed(c.User) || listed(c.NKey)):
			return nil, err
		case err == nil && (listed(id.User) || listed(id.NKey) || !s.asksAbout(id.Account)):
			return s.sealed(id)
		}
	}
	return a.ask(ctx, &query{a: a, c: c, acc: s.Account, xkey: s.XKey, subject: s.Issuer, trust: s})
}

// asksNext reports whether what Next says about c may matter.
func (s *Static) asksNext(c *identity.Credentials) bool {
	name := c.User
	if name == "" {
		name = c.NKey
	}
	switch {
	case s.Known == nil:
		return true
	case s.Certificates && len(c.Certificates) > 0:
		return true
	case name == "":
		return c.Token == "" && c.Pass == "" // there may be a user for those who show nothing
	case slices.Contains(s.Users, c.User) || slices.Contains(s.Users, c.NKey):
		return true
	}
	return len(s.Allowed) > 0 && (s.Known(c.User) || s.Known(c.NKey))
}

// asksAbout reports whether users of an account are asked about.
func (s *Static) asksAbout(acc *account.Account) bool {
	return len(s.Allowed) == 0 || acc.Name() == account.Global || slices.Contains(s.Allowed, acc.Name())
}

// sealed keeps users in the account of the service from asking it themselves.
func (s *Static) sealed(id *identity.Identity) (*identity.Identity, error) {
	if id.Account != s.Account {
		return id, nil
	}
	return sealed(id)
}

// sealed returns id without the right to publish requests.
func sealed(id *identity.Identity) (*identity.Identity, error) {
	p, err := id.Permissions.WithoutPublish(Subject)
	if err != nil {
		return nil, err
	}
	less := *id
	less.Permissions = p
	return &less, nil
}

// byOperators lets operators decide about users of accounts that have no service. Next is not asked, as
// it would look for the account again: one that could not be loaded before might have a service.
func (a *Authenticator) byOperators(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	t, u, enter := a.cfg.Operators.Claimed(ctx, c)
	if t == nil || u == nil || !asks(t) {
		return enter()
	}
	if slices.Contains(t.Claims.Callout.Users, u.Subject) {
		id, err := enter()
		if err != nil {
			return nil, err
		}
		return sealed(id)
	}
	return a.ask(ctx, &query{a: a, c: c, acc: t.Account, xkey: t.Claims.Callout.XKey, subject: t.ID, claimed: u,
		trust: &tenant{a.cfg.Operators, t}})
}

// asks reports whether an account has a service.
func asks(t *accounts.Tenant) bool {
	return t.Claims != nil && t.Claims.Callout != nil && len(t.Claims.Callout.Users) > 0
}

// ask asks the service about a connection.
func (a *Authenticator) ask(ctx context.Context, q *query) (*identity.Identity, error) {
	var err error
	if q.proxy, err = a.vouched(q.c); err != nil {
		return nil, err
	}
	id, err := q.run(ctx)
	if err == nil {
		return id, nil
	}
	refused := &identity.Refused{Account: q.acc, Err: proto.ErrAuthorization}
	if q.claimed != nil {
		refused.User = q.claimed.Subject
	}
	var why reason
	switch {
	case errors.As(err, &why):
		refused.Why = why.text()
		a.cfg.Warnf("%s - %s", q.c.Origin(), refused.Why)
	case errors.Is(err, context.DeadlineExceeded):
		refused.Silent = true // nobody has said anything
		a.cfg.Debugf("%s - Authorization callout response not received in time on account %q", q.c.Origin(), q.acc.Name())
	default:
		a.cfg.Debugf("%s - Error sending authorization request: %v", q.c.Origin(), err)
	}
	return nil, refused
}

// reason is why a connection is refused, for operators.
type reason string

// Error implements error.
func (r reason) Error() string { return string(r) }

// mostReason bounds the text of a reason, in bytes: part of it may come from a service.
const mostReason = 1024

// text is the reason as it is logged: in one line, and with a capital letter.
func (r reason) text() string {
	s := strings.ToValidUTF8(string(r[:min(len(r), mostReason)]), "?")
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
	if s != "" {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

func because(format string, v ...any) reason { return reason(fmt.Sprintf(format, v...)) }

var _ identity.Authenticator = (*Authenticator)(nil)
