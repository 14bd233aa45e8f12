// Package identity says what a connection shows of itself and what it becomes: credentials on
// one side, an account with rights on the other, and the interface between them.
//
// It knows no JWT and no configuration, and of a socket only what it looks like; who checks
// credentials stands above.
package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/proto"
)

// Credentials are what a connection offers. Empty fields were not given. Of them only User and a
// well-formed NKey may be logged.
type Credentials struct {
	User, Pass string
	Token      string
	JWT        string
	NKey       string
	// Sig is the signature of Nonce, as the client sent it.
	Sig   string
	Nonce string
	// ProxySig is the signature of Nonce by a proxy.
	ProxySig string
	// Kind is the kind of connection, such as Standard.
	Kind Kind
	// Certificates are those that the peer has shown in a TLS handshake and that were verified; its
	// own is the first.
	Certificates []*x509.Certificate
	// Remote is the address of the peer without its port.
	Remote string

	// ID is the connection's number, unique in its server.
	ID uint64
	// Addr is the address of the other end of the socket, which may be a proxy's.
	Addr net.Addr
	// TLS is the state of the encryption, nil for a plain connection. It must not be changed.
	TLS *tls.ConnectionState
	// Options is all that the client said in its CONNECT, nil before that. It must not be changed.
	Options *proto.ClientOptions
}

// Origin names the connection in log lines: by its address, the proxy's if it came through one, and its
// number.
func (c *Credentials) Origin() string {
	from := c.Remote
	if c.Addr != nil {
		from = c.Addr.String()
	}
	return from + " - cid:" + strconv.FormatUint(c.ID, 10)
}

// Kind is a kind of connection that users may be bound to.
type Kind string

// The kinds of connections, in the names that configurations and JWTs use.
const (
	Standard  Kind = "STANDARD"
	InProcess Kind = "IN_PROCESS"
)

// Identity is what a connection was found to be. It is immutable.
type Identity struct {
	// Account is the connection's subject space; never nil.
	Account *account.Account
	// Permissions bound what it may publish and receive; nil for no bound.
	Permissions *perm.Permissions
	// Limits of the user beside those of its account.
	Limits account.Limits
	// Label names the user in reports and logs, for example "user:alice"; empty for nobody in
	// particular. It holds no secret.
	Label string
	// User is the name or NKey the public key by which the connection entered; both are empty
	// for a token and for nobody in particular.
	User, NKey string
	// Proxy is the public key of the trusted proxy that vouched for the connection.
	Proxy string
	// Expires is when the right to be here ends, the zero time for never. The connection is then
	// closed with proto.ErrUserExpired.
	Expires time.Time
	// Claims are what a JWT said of the user; nil without one.
	Claims *Claims
	// Entry is a note of the Authenticator for its Recheck, or that of its successor; nobody else
	// looks at it. It may be nil.
	Entry any
}

// Claims are what a JWT says of its user, for reports and events. They are immutable.
type Claims struct {
	// Token is the JWT. It is public: without the user's key it lets nobody in, unless Bearer.
	Token string
	// Name is the user's, Tags as they stand there.
	Name string
	Tags []string
	// IssuerKey is the key that signed it.
	IssuerKey string
	// Bearer says that the token alone lets in, so it must not be shown.
	Bearer bool
}

// ErrGone is returned by Recheck for a user that does not exist any more.
var ErrGone = errors.New("the user is gone")

// Errors of Authenticate that are told apart in reports, not by the client.
var (
	// ErrProxyNotTrusted is for the signature of a proxy that is not trusted.
	ErrProxyNotTrusted = errors.New("proxy is not trusted")
	// ErrProxyRequired is for a login that has to come through a trusted proxy and did not.
	ErrProxyRequired = errors.New("proxy connection required")
)

// ErrDenied is returned by Authenticate for credentials that give no right to enter. It does
// not say why, so that an unknown user and a wrong password look alike.
var ErrDenied = errors.New("authentication denied")

// Refused is an error of Authenticate that tells more: to the owner of an account, why somebody who
// claims to be in it was not let in, and to logs, who that is. Err, which is not nil, says the rest.
type Refused struct {
	// Account is the account; nil if none is known.
	Account *account.Account
	// Why is for its owner; empty to say no more than the reason for which the connection is closed.
	Why string
	// Silent says that its owner is told no reason at all; Why is empty then.
	Silent bool
	// User is the public key of the user that a JWT was shown of; empty for none.
	User string
	// Err is ErrDenied, or another error of Authenticate.
	Err error
}

// Error implements error.
func (r *Refused) Error() string {
	if r.Why != "" {
		return r.Why
	}
	return r.Err.Error()
}

// Unwrap returns Err.
func (r *Refused) Unwrap() error { return r.Err }

// Authenticator decides who a connection is.
//
//  1. Authenticate is called by the connection's own goroutine, for many connections at a time,
//     with the credentials of a CONNECT or, before one was read and only when Required is
//     false, with empty ones.
//  2. It may take time, but ends with ctx.
//  3. It returns an Identity, or an error. All errors mean that the connection is closed;
//     ErrDenied says that its credentials are not good. An error that is, or wraps, a *proto.Error
//     says itself what the client hears, the reason and the line for the log; one with the text of
//     proto.ErrAuthorization and no line gets the usual one. All others end as ErrDenied does. Any of
//     them may be in a Refused.
//  4. Required says whether a connection may do anything before its CONNECT. It does not change.
//  5. Nonce says whether clients are to be given something to sign. It does not change.
//  6. Recheck is called like Authenticate, for a connection that was let in as was, by this
//     Authenticator or one that it has taken the place of, with the credentials of that time. It
//     returns what the connection is now; another account than before means that it is closed.
//     Errors mean that, too: ErrGone without a word to the client, others as for Authenticate.
//     It is called for every connection after each change, so it should not repeat work. Who
//     cannot tell returns was.
type Authenticator interface {
	Authenticate(ctx context.Context, c *Credentials) (*Identity, error)
	Recheck(ctx context.Context, c *Credentials, was *Identity) (*Identity, error)
	Required() bool
	Nonce() bool
}
