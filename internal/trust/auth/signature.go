package auth

import (
	"encoding/base64"
	"errors"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/identity"
)

// proxy is a trusted proxy.
type proxy struct {
	public string
	key    nkeys.KeyPair
}

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

// longestSignature is the length of 64 bytes in base64 with padding.
const longestSignature = 88

// decodeSignature decodes a client's signature: base64url without padding or, as old clients
// do, standard base64 with it.
func decodeSignature(text string) ([]byte, bool) {
	if len(text) > longestSignature {
		return nil, false
	}
	sig, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		sig, err = base64.StdEncoding.DecodeString(text)
	}
	return sig, err == nil
}

// byKey checks the signature of an nkey user. A key that nobody has costs a verification too.
func (l *Logins) byKey(c *identity.Credentials, proxied bool) (*login, error) {
	in := l.keys[c.NKey]
	refused := in.admits(c.Kind, proxied)
	if in != nil && in == l.noAuth {
		return in, refused
	}
	if c.Sig == "" {
		l.debugf("Signature missing")
		return nil, identity.ErrDenied
	}
	sig, ok := decodeSignature(c.Sig)
	if !ok {
		l.debugf("Signature not valid base64")
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
		l.debugf("Signature not verified")
		return nil, identity.ErrDenied
	}
	return in, nil
}

// vouched returns the key of the trusted proxy that vouches for the connection, or nothing if
// none tries to. Signatures of proxies are base64url without padding only.
func (l *Logins) vouched(c *identity.Credentials) (string, error) {
	if c.ProxySig == "" || len(l.proxies) == 0 {
		return "", nil
	}
	if len(c.ProxySig) > longestSignature || c.Nonce == "" {
		return "", identity.ErrProxyNotTrusted
	}
	sig, err := base64.RawURLEncoding.DecodeString(c.ProxySig)
	if err != nil {
		return "", identity.ErrProxyNotTrusted
	}
	for _, p := range l.proxies {
		if p.key.Verify([]byte(c.Nonce), sig) == nil {
			return p.public, nil
		}
	}
	return "", identity.ErrProxyNotTrusted
}
