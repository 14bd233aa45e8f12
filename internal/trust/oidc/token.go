package oidc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/baridmq/barid/internal/bus/identity"
)

const (
	longestToken  = 64 << 10 // bytes
	longestHeader = 4 << 10  // bytes, of a token
)

// token is what a client shows, of which nothing was verified.
type token struct {
	text string
	kid  string // the key that it names; empty for none
}

// tokenOf returns the token among the credentials: a JWT with an algorithm that is accepted. Those of
// NATS, and passwords that happen to look like a JWT, have others.
func (a *Authenticator) tokenOf(c *identity.Credentials) *token {
	for _, text := range []string{c.Token, c.JWT} {
		if t := a.recognize(text); t != nil {
			return t
		}
	}
	return nil
}

// recognize returns nil if text is none of ours. It is in the compact form of RFC 7515 section 7.1.
func (a *Authenticator) recognize(text string) *token {
	header, _, ok := strings.Cut(text, ".")
	if !ok || len(text) > longestToken || len(header) > longestHeader || strings.Count(text, ".") != 2 {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		return nil
	}
	var fields map[string]json.RawMessage // exact names, which a struct has not
	var alg, kid string
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(fields["alg"], &alg) != nil || !slices.Contains(a.algorithms, alg) {
		return nil
	}
	if v, ok := fields["kid"]; ok && json.Unmarshal(v, &kid) != nil {
		kid = "" // the library refuses it
	}
	return &token{text: text, kid: kid}
}

// unverified returns the claims of t.
func (t *token) unverified() (claims, error) {
	_, rest, _ := strings.Cut(t.text, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, err
	}
	var c claims
	return c, json.Unmarshal(raw, &c)
}

// claims are what a token says. Names are exact: the library compares them without regard to case, so
// what it has checked is checked here again.
type claims map[string]json.RawMessage

// Bounds of what is read of claims.
const (
	longestText = 1024 // bytes of a text
	mostTexts   = 256  // in a list
)

// find returns the claim with that name, or the one to which the name is the way; nil if there is none.
func (c claims) find(name string) json.RawMessage {
	if v, ok := c[name]; ok {
		if string(v) == "null" {
			return nil
		}
		return v
	}
	for i := range name {
		if name[i] != '.' {
			continue
		}
		v := bytes.TrimSpace(c[name[:i]])
		var inner claims
		if len(v) > 0 && v[0] == '{' && json.Unmarshal(v, &inner) == nil {
			if found := inner.find(name[i+1:]); found != nil {
				return found
			}
		}
	}
	return nil
}

// text returns a claim that is a string or a whole number, as it is written.
func (c claims) text(name string) (text string, there bool, err error) {
	v := c.find(name)
	switch {
	case v == nil:
		return "", false, nil
	case v[0] == '"':
		if err := json.Unmarshal(v, &text); err != nil {
			return "", true, err
		}
	case len(v) <= 20 && len(bytes.Trim(v, "0123456789")) == 0:
		text = string(v)
	default:
		return "", true, fmt.Errorf("claim %q is neither a string nor a number", name)
	}
	return text, true, checkText(name, text)
}

// texts returns a claim that is a string or a list of strings.
func (c claims) texts(name string) (list []string, there bool, err error) {
	v := c.find(name)
	switch {
	case v == nil:
		return nil, false, nil
	case v[0] == '"':
		list = make([]string, 1)
		err = json.Unmarshal(v, &list[0])
	case v[0] == '[':
		err = json.Unmarshal(v, &list)
	default:
		err = errors.New("it is neither a string nor a list")
	}
	if err == nil && len(list) > mostTexts {
		err = fmt.Errorf("it has more than %d entries", mostTexts)
	}
	if err != nil {
		return nil, true, fmt.Errorf("claim %q: %w", name, err)
	}
	for _, text := range list {
		if err := checkText(name, text); err != nil {
			return nil, true, err
		}
	}
	return list, true, nil
}

// checkText refuses what does not belong into names and subjects.
func checkText(name, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("claim %q is empty", name)
	case len(text) > longestText:
		return fmt.Errorf("claim %q is longer than %d bytes", name, longestText)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("claim %q is no plain text", name)
	}
	return nil
}

// second is a claim that is a time, in seconds of Unix time, which may have a fraction.
func (c claims) second(name string) (at float64, there bool, err error) {
	v, ok := c[name]
	if !ok || string(v) == "null" {
		return 0, false, nil
	}
	const year9999 = 253402300799
	if err := json.Unmarshal(v, &at); err != nil || at < 0 || at > year9999 {
		return 0, true, fmt.Errorf("claim %q is not a time", name)
	}
	return at, true, nil
}

// printable is the text of err, of which parts may be a stranger's.
func printable(err error) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error())
}
