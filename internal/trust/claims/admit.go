package claims

import (
	"encoding/base64"
	"errors"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
)

// Refusal is why a user may not enter. Its texts are log lines that operators search for; the client
// learns nothing of them.
type Refusal struct {
	// Reason is identity.ErrDenied or identity.ErrProxyRequired.
	Reason error
	// Debug is for the debug log, Log for that of errors; either may be empty.
	Debug, Log string
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Log != "" {
		return r.Log
	}
	return r.Debug
}

// Unwrap returns the Reason.
func (r *Refusal) Unwrap() error { return r.Reason }

func refuse(debug string) *Refusal { return &Refusal{Reason: identity.ErrDenied, Debug: debug} }

// errProxy is for users that have to come through a trusted proxy.
var errProxy = &Refusal{Reason: identity.ErrProxyRequired}

// CheckUser checks what can be said of a user JWT without its account; proxied says that a trusted
// proxy vouches for the connection. An error is a *Refusal.
func CheckUser(u *jwt.UserClaims, proxied bool) error {
	if u.ProxyRequired && !proxied {
		return errProxy
	}
	if found := Validate(u); found.Any() {
		return refuse("User JWT no longer valid: " + found.String())
	}
	return nil
}

// AccountOf is the id of the account that a user JWT is for.
func AccountOf(u *jwt.UserClaims) string {
	if u.IssuerAccount != "" {
		return u.IssuerAccount
	}
	return u.Issuer
}

// Visit is a connection that wants to enter with a user JWT which CheckUser found no fault with.
type Visit struct {
	User *jwt.UserClaims
	// Token is the JWT that User was decoded from.
	Token       string
	Credentials *identity.Credentials
	// Proxy is the key of the trusted proxy that vouches for it; empty for none.
	Proxy string
	// Account is that of the bus; Expired says that its time is over.
	Account *account.Account
	Expired bool
	Now     time.Time
}

// Admit returns who the visitor is, and with which rights. An error is a *Refusal.
func (a *Account) Admit(v *Visit) (*identity.Identity, *Rights, error) {
	r, err := a.Rights(v.User)
	switch {
	case errors.Is(err, ErrUnknownIssuer):
		return nil, nil, refuse("User JWT issuer is not known")
	case errors.Is(err, ErrScoped):
		return nil, nil, refuse("User JWT is not valid: " + ErrScoped.Error())
	case err != nil:
		return nil, nil, refuse("User JWT generated invalid permissions")
	case v.Expired:
		return nil, nil, refuse("Account JWT has expired")
	case r.Bearer && a.NoBearer:
		return nil, nil, refuse("Account does not allow bearer tokens")
	case r.ProxyRequired && v.Proxy == "":
		return nil, nil, errProxy
	}
	if err := r.Takes(v.Credentials.Kind); err != nil {
		return nil, nil, refuse(err.Error())
	}
	if err := signed(v, r.Bearer); err != nil {
		return nil, nil, err
	}
	if a.Revoked(v.User.Subject, v.User.IssuedAt) {
		return nil, nil, refuse("User authentication revoked")
	}
	if !r.From(v.Credentials.Remote) {
		return nil, nil, &Refusal{Reason: identity.ErrDenied, Log: "Bad src Ip " + v.Credentials.Remote}
	}
	window, ok := r.Until(v.Now)
	if !ok {
		return nil, nil, &Refusal{Reason: identity.ErrDenied, Log: "Outside connect times"}
	}
	u := v.User
	return &identity.Identity{
		Account: v.Account, Permissions: r.Permissions, Limits: r.Limits, Label: "jwt:" + u.Subject,
		NKey: u.Subject, Proxy: v.Proxy, Expires: Expires(u.Expires, window),
		Claims: &identity.Claims{Token: v.Token, Name: u.Name, Tags: u.Tags, IssuerKey: u.Issuer, Bearer: r.Bearer},
	}, r, nil
}

// signed checks that the visitor has the key of the user: a bearer needs only to name one.
func signed(v *Visit, bearer bool) error {
	sig := v.Credentials.Sig
	if sig == "" && !bearer {
		return refuse("Signature missing")
	}
	raw, ok := Signature(sig)
	if !ok && !bearer {
		return refuse("Signature not valid base64")
	}
	key, err := nkeys.FromPublicKey(v.User.Subject)
	if err == nil && !nkeys.IsValidPublicUserKey(v.User.Subject) {
		err = nkeys.ErrInvalidPublicKey
	}
	switch {
	case err != nil:
		return refuse("User nkey not valid: " + err.Error())
	case bearer:
		return nil
	case v.Credentials.Nonce == "" || key.Verify([]byte(v.Credentials.Nonce), raw) != nil: // without a nonce it is good for ever
		return refuse("Signature not verified")
	}
	return nil
}

// longestSignature is the length of 64 bytes in base64 with padding.
const longestSignature = 88

// Signature decodes a client's signature of the nonce: base64url without padding or, as old clients
// do, standard base64 with it.
func Signature(text string) ([]byte, bool) {
	if len(text) > longestSignature {
		return nil, false
	}
	sig, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		sig, err = base64.StdEncoding.DecodeString(text)
	}
	return sig, err == nil
}
