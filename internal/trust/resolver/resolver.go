// Package resolver keeps the JWTs of accounts and finds those that it does not have: in memory, at
// an account server, in a directory, and with the resolvers of other servers. It serves the requests
// of the system account by which operators put, list and delete them.
//
// It knows what a JWT says of itself, but not what is in an account: trust/accounts applies that.
// Stores look at no signatures, as a JWT is checked whenever it is used; the Service checks them
// before anything from outside is stored.
//
// A Service has one goroutine of a task group, for what comes again by the clock; requests are handled
// by that of its port. Each Directory and Memory has a leaf lock for its index. Who writes to a
// Directory first takes its turn, a channel with one place, so that no lock is held while a disk works.
package resolver

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// MaxToken is the size of the largest JWT that is read or stored, in bytes. Decoders of JWTs have the
// same bound.
const MaxToken = jwt.MaxTokenSize

// Errors of stores. Their texts are what tools and logs have always shown.
var (
	// ErrNotFound says that the store has no JWT of the account.
	ErrNotFound = errors.New("account jwt not found")
	// ErrFull says that a directory has reached its limit.
	ErrFull = errors.New("jwt store is full")
	// ErrNoDelete says that the configuration does not allow it to delete accounts.
	ErrNoDelete = errors.New("store is not set up to for delete")
	// ErrKey says that something is no public key of an account.
	ErrKey = errors.New("invalid public key")
	// ErrSubject says that a JWT is of another account.
	ErrSubject = errors.New("jwt subject nkey and provided nkey do not match")
	// ErrDeleted says that the account was deleted after this JWT was issued.
	ErrDeleted = errors.New("the account was deleted after this jwt was issued")
	// ErrReadOnly says that JWTs cannot be changed there.
	ErrReadOnly = errors.New("the account server is read only")
)

// Store holds account JWTs by the public keys of their accounts. Its methods may be called by any
// goroutine.
type Store interface {
	// Fetch returns a JWT. The error is ErrNotFound if there is none, or tells why nobody knows.
	Fetch(ctx context.Context, id string) (token string, err error)
	// Save puts token in the place of what is stored, and reports whether that was different. The
	// error is ErrReadOnly if the store only reads.
	Save(id, token string) (changed bool, err error)
	// List returns the accounts whose JWTs are stored and have not expired, in order; ErrReadOnly if
	// the store does not know them.
	List() ([]string, error)
	// Delete takes a JWT away. It is no error if there is none.
	Delete(id string) error
}

// Log takes log lines. No JWT is logged.
type Log interface {
	Noticef(format string, v ...any)
	Warnf(format string, v ...any)
	Errorf(format string, v ...any)
	Debugf(format string, v ...any)
}

// silence is a Log for those who gave none.
type silence struct{}

func (silence) Noticef(string, ...any) {}
func (silence) Warnf(string, ...any)   {}
func (silence) Errorf(string, ...any)  {}
func (silence) Debugf(string, ...any)  {}

// missing is an ErrNotFound with another text.
type missing string

func (m missing) Error() string        { return string(m) }
func (m missing) Is(target error) bool { return target == ErrNotFound }

// common reads what every JWT says of itself, without looking at the signature. It is what is needed
// to tell the newer of two JWTs, and costs a tenth of a whole check.
func common(token string) (jwt.ClaimsData, error) {
	var c jwt.ClaimsData
	if len(token) > MaxToken {
		return c, tooLarge(len(token))
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if signature == "" || strings.Contains(signature, ".") {
		return c, errors.New("expected 3 chunks")
	}
	encoding := base64.RawURLEncoding
	if strings.ContainsAny(payload, "+/") {
		encoding = base64.RawStdEncoding // as tokens were written until November 2018
	}
	data, err := encoding.DecodeString(payload)
	if err != nil {
		return c, err
	}
	err = json.Unmarshal(data, &c)
	return c, err
}

func tooLarge(size int) error {
	return fmt.Errorf("token size %d exceeds maximum of %d bytes: %w", size, MaxToken, jwt.ErrTokenTooLarge)
}

// commonOf is common for a JWT that has to be of the account id.
func commonOf(id, token string) (jwt.ClaimsData, error) {
	if !nkeys.IsValidPublicAccountKey(id) {
		return jwt.ClaimsData{}, ErrKey
	}
	c, err := common(token)
	if err == nil && c.Subject != id {
		err = ErrSubject
	}
	return c, err
}
