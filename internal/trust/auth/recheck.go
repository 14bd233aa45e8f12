package auth

import (
	"bytes"
	"context"

	"github.com/baridmq/barid/internal/bus/identity"
)

// # After a change of the configuration
//
// All clients are checked again at once, and they may be many thousands. So a client stays without
// further work if the configured text of its user's secret is still the same: it has matched that
// before. The login by which a client entered is noted in its Identity, so this holds also if it
// was not checked after each of several changes. Only if the text is another one, the password
// that the client gave is compared; and as all connections of a user mostly gave the same one, the
// answer is remembered, also if it is no.
//
// The brake has no part in this: who is checked again guesses nothing.

// inherit takes over from before what is common to all logins.
func (l *Logins) inherit(before *Logins) {
	l.checker, l.brake = newChecker(), newBrake()
	if before != nil {
		l.brake = before.brake
		l.checker.key, l.checker.turns, l.checker.compare = before.checker.key, before.checker.turns, before.checker.compare
	}
}

// remember takes over the passwords that were found to match the same hashes.
func (l *Logins) remember(before *Logins) {
	if before == nil {
		return
	}
	for name, in := range l.users {
		if old := before.users[name]; old != nil {
			in.secret.remember(&old.secret)
		}
	}
	if l.token != nil && before.token != nil {
		l.token.secret.remember(&before.token.secret)
	}
}

// remember takes over what is known of old, if s is the same hash.
func (s *secret) remember(old *secret) {
	if s.hash != nil && bytes.Equal(s.hash, old.hash) {
		s.known.Store(old.known.Load())
	}
}

// same reports whether s and old were made of the same text, by checkers with the same key.
func (s *secret) same(old *secret) bool {
	if s.hash != nil || old.hash != nil {
		return bytes.Equal(s.hash, old.hash)
	}
	d := old.known.Load()
	return d != nil && s.knows(d)
}

// Recheck implements identity.Authenticator. Its errors are those of Authenticate, and ErrGone.
func (l *Logins) Recheck(ctx context.Context, c *identity.Credentials, was *identity.Identity) (*identity.Identity, error) {
	proxy, err := l.proxies.stillVouched(c, was)
	if err != nil {
		return nil, err
	}
	old, _ := was.Entry.(*login)
	var in *login
	if old == nil { // it entered when it was not asked, or was asked by somebody else
		in, err = l.find(ctx, c, proxy != "")
	} else {
		in, err = l.findAgain(ctx, c, old, proxy != "")
	}
	if err != nil {
		return nil, err
	}
	return in.through(proxy), nil
}

// findAgain looks for the login that the connection is now which entered by old.
func (l *Logins) findAgain(ctx context.Context, c *identity.Credentials, old *login, proxied bool) (*login, error) {
	in, certified := l.successor(c, old)
	if in == nil {
		if old.id.User == "" && old.id.NKey == "" || nothing(c) {
			return nil, identity.ErrDenied // there is no token any more, or nobody without a name
		}
		return nil, identity.ErrGone
	}
	refused := in.admits(c.Kind, proxied)
	switch {
	case refused != nil:
		return nil, refused
	case in.certificateOnly && !certified && !in.unasked:
		return nil, identity.ErrDenied
	case in.unasked && nothing(c) && !certified:
		return in, nil
	case in.key != nil && old.unasked && !in.unasked: // its signature did not count
		return l.byKey(c, proxied)
	case in.key != nil:
		return in, nil
	}
	return in, l.proves(ctx, c, in, old)
}

// successor returns the login that has the place of old, nil if there is none, and whether the
// certificate of the peer says so.
func (l *Logins) successor(c *identity.Credentials, old *login) (in *login, certified bool) {
	shown := l.byCert && len(c.Certificates) > 0
	switch {
	case nothing(c) && !shown:
		return l.noAuth, false
	case old.id.NKey != "":
		return l.keys[old.id.NKey], false
	case l.named && l.byCert:
		return l.certified(c), true
	case old.id.User != "":
		return l.users[old.id.User], false
	case l.named:
		return nil, false
	}
	return l.token, false
}

// proves checks that what the connection gave is the secret of in, if that is not the one of old.
func (l *Logins) proves(ctx context.Context, c *identity.Credentials, in, old *login) error {
	if in.id.User == old.id.User && in.secret.same(&old.secret) {
		return nil
	}
	given := c.Pass
	if in == l.token {
		given = c.Token
	}
	ok, err := l.checker.matchesStill(ctx, &in.secret, given)
	if err == nil && !ok {
		err = identity.ErrDenied
	}
	return err
}

// matchesStill is matches for somebody who was let in before. As there is nothing to be learnt from
// its time, it does no more work than it must.
func (k *checker) matchesStill(ctx context.Context, s *secret, given string) (bool, error) {
	d := k.digest(given)
	if ok, known := s.judged(&d); known {
		return ok, nil
	}
	if err := k.turn(ctx); err != nil {
		return false, err
	}
	defer k.pass()
	if ok, known := s.judged(&d); known { // another of its connections was first
		return ok, nil
	}
	if k.compare(s.hash, []byte(given[:min(len(given), longestPassword)])) != nil {
		s.wrong.Store(&d)
		return false, nil
	}
	s.known.Store(&d)
	return true, nil
}

// judged returns whether the text with digest d matches s, if that needs no computation.
func (s *secret) judged(d *digest) (ok, known bool) {
	if s.knows(d) {
		return true, true
	}
	wrong := s.wrong.Load()
	return false, s.hash == nil || wrong != nil && *wrong == *d
}
