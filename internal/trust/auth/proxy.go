package auth

import (
	"encoding/base64"
	"fmt"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/identity"
)

// proxy is a trusted proxy.
type proxy struct {
	public string
	key    nkeys.KeyPair
}

// proxies are those that may vouch for connections.
type proxies []proxy

// newProxies makes proxies of their public keys.
func newProxies(keys []string) (proxies, error) {
	var p proxies
	for i, public := range keys {
		k, err := newKey(public)
		if err != nil { // it may be a seed, so it is not shown
			return nil, fmt.Errorf("auth: key %d of the trusted proxies: %w", i+1, err)
		}
		p = append(p, proxy{public, k})
	}
	return p, nil
}

// longestSignature is the length of 64 bytes in base64 with padding.
const longestSignature = 88

// vouched returns the key of the trusted proxy that vouches for the connection, or nothing if
// none tries to. Signatures of proxies are base64url without padding only.
func (p proxies) vouched(c *identity.Credentials) (string, error) {
	if c.ProxySig == "" || len(p) == 0 {
		return "", nil
	}
	if len(c.ProxySig) > longestSignature || c.Nonce == "" {
		return "", identity.ErrProxyNotTrusted
	}
	sig, err := base64.RawURLEncoding.DecodeString(c.ProxySig)
	if err != nil {
		return "", identity.ErrProxyNotTrusted
	}
	for _, one := range p {
		if one.key.Verify([]byte(c.Nonce), sig) == nil {
			return one.public, nil
		}
	}
	return "", identity.ErrProxyNotTrusted
}

// stillVouched returns the key of the trusted proxy that vouches for a connection which was let in as
// was. Its signature was verified then.
func (p proxies) stillVouched(c *identity.Credentials, was *identity.Identity) (string, error) {
	if was.Proxy == "" {
		return p.vouched(c)
	}
	for _, one := range p {
		if one.public == was.Proxy {
			return one.public, nil
		}
	}
	return "", identity.ErrProxyNotTrusted
}
