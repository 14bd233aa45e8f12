package auth

import (
	"errors"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/trust/claims"
)

// newKey returns what verifies signatures of the owner of a public nkey.
func newKey(public string) (nkeys.KeyPair, error) {
	k, err := nkeys.FromPublicKey(public)
	if err != nil {
		return nil, err
	}
	// A key of a wrong length shows only when it is used.
	if err := k.Verify(nil, nil); !errors.Is(err, nkeys.ErrInvalidSignature) {
		return nil, err
	}
	return k, nil
}

// byKey checks the signature of an nkey user. A key that nobody has costs a verification too.
func (l *Logins) byKey(c *identity.Credentials, proxied bool) (*login, error) {
	in := l.keys[c.NKey]
	refused := in.admits(c.Kind, proxied)
	if in != nil && in == l.noAuth {
		return in, refused
	}
	if c.Sig == "" {
		l.debugf("%s - Signature missing", c.Origin())
		return nil, identity.ErrDenied
	}
	sig, ok := claims.Signature(c.Sig)
	if !ok {
		l.debugf("%s - Signature not valid base64", c.Origin())
		return nil, identity.ErrDenied
	}
	key := l.nobody
	if in != nil {
		key = in.key
	}
	// Without a nonce, a signature would be good for ever.
	verified := key.Verify([]byte(c.Nonce), sig) == nil && c.Nonce != ""
	switch {
	case refused != nil:
		return nil, refused
	case !verified:
		l.debugf("%s - Signature not verified", c.Origin())
		return nil, identity.ErrDenied
	}
	return in, nil
}
