// Package claims turns the JWTs of operators, accounts and users into plain values: whom to trust,
// what an account is, and who a user becomes.
//
// It holds pure functions and immutable values. It knows no resolver, no connection and no
// registry, starts no goroutine and owns no lock.
package claims

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/jwt/v2"
)

// # Hostile tokens
//
// Every client may send a token, and whatever is in it is parsed before the signature can be
// checked, as the key for that is in it, too. So its size, the depth of its JSON and the lists that
// the JWT library looks through for each entry again are bounded first. The library is not made for
// null in place of objects; where it panics, the token is as bad as any other. Base64 is read
// strictly, so that one signature has one text.

const (
	// MaxToken bounds the length of a JWT, in bytes.
	MaxToken = 1 << 20

	maxHeader = 1 << 10 // bytes, encoded
	maxDepth  = 64      // of the JSON of claims
	// maxCommas bounds the entries of a list that is written as one string.
	maxCommas = 1000
	// maxShared bounds the imports and the exports of an account, which the library compares each with
	// each: so many take it a quarter of a second.
	maxShared = 1024
)

// DecodeOperator returns the claims of an operator's JWT whose signature is good. As for all
// functions of this kind: whether its issuer is to be trusted, and its times, are not looked at;
// errors have the texts of the JWT library and nothing secret. The claims are the caller's.
func DecodeOperator(token string) (*jwt.OperatorClaims, error) {
	return typed[*jwt.OperatorClaims](token, "not operator claim")
}

// DecodeAccount returns the claims of an account's JWT whose signature is good. An old one, of
// version 1, without limits has none.
func DecodeAccount(token string) (*jwt.AccountClaims, error) {
	return typed[*jwt.AccountClaims](token, "not account claim")
}

// DecodeUser returns the claims of a user's JWT whose signature is good.
func DecodeUser(token string) (*jwt.UserClaims, error) {
	return typed[*jwt.UserClaims](token, "not user claim")
}

// DecodeActivation returns the claims of an activation JWT whose signature is good.
func DecodeActivation(token string) (*jwt.ActivationClaims, error) {
	return typed[*jwt.ActivationClaims](token, "not activation claim")
}

// DecodeResponse returns the claims of the JWT by which a callout service answers, whose signature
// is good.
func DecodeResponse(token string) (*jwt.AuthorizationResponseClaims, error) {
	return typed[*jwt.AuthorizationResponseClaims](token, "not an authorization request claim")
}

// DecodeGeneric returns the claims of any JWT whose signature is good, with what is its own as a map.
func DecodeGeneric(token string) (g *jwt.GenericClaims, err error) {
	defer caught(&err)
	if _, _, err := open(token); err != nil {
		return nil, err
	}
	return jwt.DecodeGeneric(token)
}

// typed decodes a token that has to be of one kind.
func typed[C jwt.Claims](token, otherwise string) (C, error) {
	var none C
	c, err := decode(token)
	if err != nil {
		return none, err
	}
	as, ok := c.(C)
	if !ok {
		return none, errors.New(otherwise)
	}
	return as, nil
}

// decode decodes a token of any kind.
func decode(token string) (c jwt.Claims, err error) {
	defer caught(&err)
	data, old, err := open(token)
	if err != nil {
		return nil, err
	}
	if old {
		c, err = decodeOld(token, data)
	} else {
		c, err = jwt.Decode(token)
	}
	if err == nil {
		err = complete(c, data)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// errUnreadable is for tokens that the library could not cope with.
var errUnreadable = errors.New("claims are malformed")

// caught makes an error of a panic. Nothing is locked where it is used.
func caught(err *error) {
	if recover() != nil {
		*err = errUnreadable
	}
}

// open returns the JSON of the claims in a token if that may be parsed, and whether the token is
// of the time when its parts were in standard base64.
func open(token string) (data []byte, old bool, err error) {
	if len(token) > MaxToken {
		return nil, false, fmt.Errorf("token size %d exceeds maximum of %d bytes: %w", len(token), MaxToken, jwt.ErrTokenTooLarge)
	}
	if strings.Count(token, ".") != 2 {
		return nil, false, errors.New("expected 3 chunks")
	}
	if strings.ContainsAny(token, "\r\n") {
		return nil, false, errors.New("line break in token")
	}
	parts := strings.Split(token, ".")
	if len(parts[0]) > maxHeader {
		return nil, false, errors.New("header too large")
	}
	encoding := base64.RawURLEncoding
	if old = strings.ContainsAny(token, "+/"); old {
		encoding = base64.RawStdEncoding
	}
	var decoded [3][]byte
	for i, part := range parts {
		if decoded[i], err = encoding.Strict().DecodeString(part); err != nil {
			return nil, false, err
		}
	}
	if err := simple(decoded[1]); err != nil {
		return nil, false, err
	}
	if old {
		err = oldHeader(decoded[0])
	}
	return decoded[1], old, err
}

// oldHeader checks that a token in standard base64 says that it is of that time.
func oldHeader(data []byte) error {
	var h jwt.Header
	if err := json.Unmarshal(data, &h); err != nil {
		return err
	}
	if err := h.Valid(); err != nil {
		return err
	}
	if !strings.EqualFold(h.Algorithm, jwt.AlgorithmNkeyOld) {
		return fmt.Errorf("unexpected %q algorithm", h.Algorithm)
	}
	return nil
}

// simple checks that JSON takes little time to parse and to check. Whether it is JSON is not its
// matter.
func simple(data []byte) error {
	depth, commas, within := 0, 0, false
	for i := 0; i < len(data); i++ {
		b := data[i]
		switch {
		case b == '"':
			within, commas = !within, 0
		case within && b == '\\':
			if i++; i+5 <= len(data) && strings.EqualFold(string(data[i:i+5]), "u002c") {
				commas++
			}
		case within && b == ',':
			commas++
		case within:
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		}
		if depth > maxDepth || commas > maxCommas {
			return errors.New("claims are too complex")
		}
	}
	return nil
}
