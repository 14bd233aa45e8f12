package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
)

// User is somebody who may enter: by name and password, or by an nkey.
type User struct {
	// Name and Password are empty for an nkey user. Password may be a bcrypt hash.
	Name, Password string
	// NKey is the user's public key.
	NKey        string
	Account     *account.Account
	Permissions *perm.Permissions
	// Limits are taken as they are: the zero value allows nothing, account.Unlimited everything.
	Limits account.Limits
	// Kinds are the kinds of connections that the user may have; empty for all.
	Kinds []identity.Kind
	// ProxyRequired keeps the user out unless a trusted proxy vouches for the connection.
	ProxyRequired bool
	// CertificateOnly keeps a user without password out unless a certificate names it.
	CertificateOnly bool
}

// Config is what Logins are made of. New copies what it keeps.
type Config struct {
	// Users may enter. If it is nil, Token decides alone; empty, nobody may enter.
	Users []User
	// Token lets in whoever knows it, to Account and without bounds. It may be a bcrypt hash;
	// empty for none. ProxyRequired is for those who come with it.
	Token         string
	Account       *account.Account
	ProxyRequired bool
	// NoAuthUser is the name or nkey of the user that connections become which offer nothing.
	NoAuthUser string
	// Certificates lets the certificate of the peer say who it is, instead of a name.
	Certificates bool
	// Proxies are the public keys of the trusted proxies.
	Proxies []string
	// Before is the Authenticator whose place the Logins take, nil if there was none. From Logins
	// they take over what those remember of passwords and of failures.
	Before identity.Authenticator
	// Warnf and Debugf log. They get no secrets; nil is allowed.
	Warnf, Debugf func(format string, v ...any)
}

// Logins lets in those that a configuration names. It is immutable but for what it remembers of
// passwords and of failures, and may be used by any goroutine.
type Logins struct {
	warnf, debugf func(format string, v ...any)

	users    map[string]*login // by name
	keys     map[string]*login // by nkey
	token    *login
	noAuth   *login
	named    bool // users are configured
	byCert   bool
	subjects subjects // users by the names of certificates
	proxies  proxies
	nobody   nkeys.KeyPair // stands in for nkeys that nobody has
	checker  *checker
	brake    *brake
}

// login is a User ready to be checked.
type login struct {
	id              identity.Identity // shared by all its connections
	secret          secret
	key             nkeys.KeyPair
	kinds           []identity.Kind
	proxyRequired   bool
	certificateOnly bool
	unasked         bool // it is what connections become that offer nothing
}

// New returns Logins for cfg. Errors name what is wrong with cfg, and no secrets.
func New(cfg Config) (*Logins, error) {
	l := &Logins{
		warnf: orSilent(cfg.Warnf), debugf: orSilent(cfg.Debugf),
		users: map[string]*login{}, keys: map[string]*login{},
		named: cfg.Users != nil, byCert: cfg.Certificates,
	}
	before, _ := cfg.Before.(*Logins)
	l.inherit(before)
	for i := range cfg.Users {
		if err := l.add(&cfg.Users[i]); err != nil {
			return nil, err
		}
	}
	switch {
	case cfg.Token != "":
		if cfg.Account == nil {
			return nil, errors.New("auth: the token has no account")
		}
		l.token = l.prepare(&User{Password: cfg.Token, Account: cfg.Account, Limits: account.Unlimited(),
			ProxyRequired: cfg.ProxyRequired}, "token")
	case !l.named:
		return nil, errors.New("auth: neither users nor a token")
	}
	if name := cfg.NoAuthUser; name != "" {
		if l.noAuth = cmp.Or(l.users[name], l.keys[name]); l.noAuth == nil {
			return nil, fmt.Errorf("auth: no_auth_user %q is no user", name)
		}
		l.noAuth.unasked = true
	}
	var err error
	if l.proxies, err = newProxies(cfg.Proxies); err != nil {
		return nil, err
	}
	l.remember(before)
	l.nobody, err = nkeys.CreateUser()
	return l, err
}

func orSilent(logf func(string, ...any)) func(string, ...any) {
	if logf == nil {
		return func(string, ...any) {}
	}
	return logf
}

// add enters u.
func (l *Logins) add(u *User) error {
	name := cmp.Or(u.Name, u.NKey)
	switch {
	case name == "":
		return errors.New("auth: a user has neither name nor nkey")
	case u.NKey != "" && (u.Name != "" || u.Password != ""):
		return errors.New("auth: an nkey user has a name or a password")
	case u.NKey != "" && !nkeys.IsValidPublicUserKey(u.NKey): // it may be a seed, so it is not shown
		return errors.New("auth: the nkey of a user is not the public key of one")
	case u.Account == nil:
		return fmt.Errorf("auth: user %q has no account", name)
	case l.users[name] != nil || l.keys[name] != nil:
		return fmt.Errorf("auth: user %q is there twice", name)
	case u.NKey == "":
		l.users[name] = l.prepare(u, "user:"+name)
		l.subjects.add(name)
		return nil
	}
	k, err := newKey(u.NKey)
	if err != nil {
		return fmt.Errorf("auth: nkey %q: %w", name, err)
	}
	l.keys[name] = l.prepare(u, "nkey:"+name)
	l.keys[name].key = k
	return nil
}

// prepare makes the login of u.
func (l *Logins) prepare(u *User, label string) *login {
	in := &login{
		id: identity.Identity{Account: u.Account, Permissions: u.Permissions, Limits: u.Limits, Label: label,
			User: u.Name, NKey: u.NKey},
		kinds: slices.Clone(u.Kinds), proxyRequired: u.ProxyRequired,
		certificateOnly: u.CertificateOnly && u.Password == "",
	}
	in.id.Entry = in
	if !l.checker.keep(&in.secret, u.Password) {
		l.warnf("The password of %s looks like a bcrypt hash but is none, so it lets nobody in", label)
	}
	return in
}

// Required implements identity.Authenticator.
func (l *Logins) Required() bool { return l.noAuth == nil }

// Nonce implements identity.Authenticator.
func (l *Logins) Nonce() bool { return len(l.keys) > 0 || len(l.proxies) > 0 }

// Authenticate implements identity.Authenticator. Its errors are those of package identity, or
// the context's when that ended before it was this login's turn.
func (l *Logins) Authenticate(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	if nothing(c) && c.ProxySig == "" {
		return l.decide(ctx, c) // who gives nothing guesses nothing
	}
	v, err := l.brake.enter(ctx, c.Remote, cmp.Or(c.User, c.NKey))
	if err != nil {
		return nil, err
	}
	id, err := l.decide(ctx, c)
	ended := err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err())
	v.leave(ctx, err != nil && !ended)
	return id, err
}

// nothing reports whether c has nothing that counts here. JWTs do not, nor does a signature
// without a key: clients that have them may become the no-auth user.
func nothing(c *identity.Credentials) bool {
	return c.User == "" && c.Pass == "" && c.Token == "" && c.NKey == ""
}

// decide says who c is.
func (l *Logins) decide(ctx context.Context, c *identity.Credentials) (*identity.Identity, error) {
	proxy, err := l.proxies.vouched(c)
	if err != nil {
		return nil, err
	}
	in, err := l.find(ctx, c, proxy != "")
	if err != nil {
		return nil, err
	}
	return in.through(proxy), nil
}

// through is the identity of in for a connection that came through a proxy, unless that is empty.
func (in *login) through(proxy string) *identity.Identity {
	if proxy == "" {
		return &in.id
	}
	id := in.id
	id.Proxy = proxy
	return &id
}

// find looks for the login that c proves to be, in the order in which the ways to enter count.
func (l *Logins) find(ctx context.Context, c *identity.Credentials, proxied bool) (*login, error) {
	shown := l.byCert && len(c.Certificates) > 0
	switch {
	case nothing(c) && l.noAuth != nil && !shown:
		return l.noAuth, l.noAuth.admits(c.Kind, proxied)
	case c.NKey != "" && len(l.keys) > 0:
		return l.byKey(c, proxied)
	case l.named && l.byCert:
		return l.byCertificate(ctx, c, proxied)
	case nothing(c):
		return nil, identity.ErrDenied
	case l.named:
		return l.byName(ctx, c, proxied)
	default:
		return l.bySecret(ctx, l.token, c.Token, c.Kind, proxied)
	}
}

// byName checks name and password.
func (l *Logins) byName(ctx context.Context, c *identity.Credentials, proxied bool) (*login, error) {
	in := l.users[c.User]
	if in != nil && in.certificateOnly {
		in = nil
	}
	return l.bySecret(ctx, in, c.Pass, c.Kind, proxied)
}

// bySecret checks that given is the secret of in, which is nil for nobody. Whoever may not
// enter is told after the same work, whatever the reason.
func (l *Logins) bySecret(ctx context.Context, in *login, given string, kind identity.Kind, proxied bool) (*login, error) {
	var s *secret
	refused := in.admits(kind, proxied)
	if refused == nil {
		s = &in.secret
	}
	ok, err := l.checker.matches(ctx, s, given)
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, refused
	case !ok:
		return nil, identity.ErrDenied
	}
	return in, nil
}

// takes reports whether in may have connections of a kind.
func (in *login) takes(kind identity.Kind) bool {
	return len(in.kinds) == 0 || slices.Contains(in.kinds, kind)
}

// admits says why in, which is nil for nobody, may not have such a connection.
func (in *login) admits(kind identity.Kind, proxied bool) error {
	switch {
	case in == nil || !in.takes(kind):
		return identity.ErrDenied
	case in.proxyRequired && !proxied:
		return identity.ErrProxyRequired
	}
	return nil
}

var _ identity.Authenticator = (*Logins)(nil)
