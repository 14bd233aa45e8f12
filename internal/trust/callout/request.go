package callout

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/proto"
)

const (
	requestAudience = "nats-authorization-request"
	// xkeyHeader tells the service which key a request was encrypted with.
	xkeyHeader = "Nats-Server-Xkey"
	// longestSignature bounds the signature of a proxy, in bytes of its text.
	longestSignature = 128
)

// query is one question to a service.
type query struct {
	a       *Authenticator
	c       *identity.Credentials
	acc     *account.Account // of the service
	xkey    string           // of the service; empty for none
	subject string           // of the request
	claimed *jwt.UserClaims  // what the client claims to be; nil without operators
	trust   trust
	proxy   string // the proxy that vouches for the connection

	user string // the public key of the answer's user
}

// run asks and returns what the service made of the connection.
func (q *query) run(ctx context.Context) (*identity.Identity, error) {
	asking, cancel := context.WithTimeout(ctx, q.a.cfg.Timeout)
	defer cancel()
	reply, err := q.a.cfg.Ports.request(asking, q.acc, q.message)
	if err != nil {
		return nil, err
	}
	return q.judge(ctx, reply.Data)
}

// message is the request.
func (q *query) message() (*port.Message, error) {
	user, err := nkeys.CreateUser()
	if err == nil {
		q.user, err = user.PublicKey()
	}
	if err != nil {
		return nil, err
	}
	token, err := q.claims().Encode(q.a.cfg.Key)
	if err != nil {
		return nil, because("Error encoding auth request claim on account %q: %v", q.acc.Name(), err)
	}
	m := &port.Message{Subject: Subject, Data: []byte(token)}
	if q.xkey == "" {
		return m, nil
	}
	if q.a.cfg.Curve == nil {
		return nil, because("Error encrypting auth request claim on account %q: the server has no curve key", q.acc.Name())
	}
	if m.Data, err = q.a.cfg.Curve.Seal(m.Data, q.xkey); err != nil {
		return nil, because("Error encrypting auth request claim on account %q: %v", q.acc.Name(), err)
	}
	m.Set(xkeyHeader, q.a.xkey)
	return m, nil
}

// claims are what the service is told. They have the secrets of the client: that is what it decides by.
func (q *query) claims() *jwt.AuthorizationRequestClaims {
	c := q.c
	r := jwt.NewAuthorizationRequestClaims(q.subject)
	r.Audience = requestAudience
	r.Expires = time.Now().Add(q.a.cfg.Timeout + time.Second - 1).Unix() // not less than there is
	r.Server = q.a.cfg.Server
	r.Server.ID, r.Server.XKey = q.a.id, ""
	if q.xkey != "" {
		r.Server.XKey = q.a.xkey
	}
	r.UserNkey = q.user
	r.ClientInformation = jwt.ClientInformation{Host: c.Remote, ID: c.ID, User: c.User, Kind: "Client", Type: "nats"}
	r.ConnectOptions = jwt.ConnectOptions{JWT: c.JWT, Nkey: c.NKey, SignedNonce: c.Sig, Token: c.Token, Username: c.User, Password: c.Pass}
	info, options := &r.ClientInformation, &r.ConnectOptions
	if info.User == "" {
		info.User = c.NKey
	}
	if u := q.claimed; u != nil {
		if info.User == "" {
			info.User = u.Subject
		}
		info.NameTag, info.Tags = u.Name, u.Tags
	}
	if c.Sig != "" {
		info.Nonce = c.Nonce
	}
	if o := c.Options; o != nil {
		info.Name = o.Name
		options.Name, options.Lang, options.Version, options.Protocol = o.Name, o.Lang, o.Version, o.Protocol
	}
	r.TLS = encryption(c.TLS)
	return r
}

// encryption describes a TLS connection, nil for none.
func encryption(s *tls.ConnectionState) *jwt.ClientTLS {
	if s == nil {
		return nil
	}
	e := &jwt.ClientTLS{Version: strings.TrimPrefix(tls.VersionName(s.Version), "TLS "), Cipher: tls.CipherSuiteName(s.CipherSuite)}
	for _, chain := range s.VerifiedChains {
		e.VerifiedChains = append(e.VerifiedChains, texts(chain))
	}
	if len(s.VerifiedChains) == 0 {
		e.Certs = texts(s.PeerCertificates)
	}
	return e
}

// texts are certificates in PEM.
func texts(certificates []*x509.Certificate) (all jwt.StringList) {
	for _, c := range certificates {
		all = append(all, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	}
	return all
}

// vouched returns the key of the trusted proxy that vouches for the connection, or nothing if none
// tries to.
func (a *Authenticator) vouched(c *identity.Credentials) (string, error) {
	if c.ProxySig == "" || len(a.proxies) == 0 {
		return "", nil
	}
	if len(c.ProxySig) <= longestSignature && c.Nonce != "" {
		if sig, err := base64.RawURLEncoding.DecodeString(c.ProxySig); err == nil {
			for i, k := range a.proxies {
				if k.Verify([]byte(c.Nonce), sig) == nil {
					return a.cfg.Proxies[i], nil
				}
			}
		}
	}
	return "", proto.ErrProxyNotTrusted
}
