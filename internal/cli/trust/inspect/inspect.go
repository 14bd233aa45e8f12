// Package inspect finds tokens in a text, checks their signatures and times, and says in plain words what
// they allow. The text may be anybody's: seeds in it are never shown.
//
// The package knows no store and no server. It has no goroutines and no locks.
package inspect

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// MaxText is how many bytes a text should have at most.
const MaxText = 8 << 20

// maxFindings bounds how many tokens and seeds of a text are looked at.
const maxFindings = 1000

var (
	tokenForm = regexp.MustCompile(`[A-Za-z0-9_+/-]{8,}\.[A-Za-z0-9_+/-]{8,}\.[A-Za-z0-9_+/-]{8,}`)
	seedForm  = regexp.MustCompile(`\bS[A-Z2-7]{57}\b`)
)

// Finding is a token of a file, in plain words and for programs. A seed never gets in here.
type Finding struct {
	Kind     string          `json:"kind"`
	Name     string          `json:"name,omitempty"`
	Subject  string          `json:"subject,omitempty"`
	Issuer   string          `json:"issuer,omitempty"`
	SignedBy string          `json:"signed_by,omitempty"` // whose key that is, if it is known
	Valid    bool            `json:"valid"`               // now
	Problems []string        `json:"problems,omitempty"`
	Allows   []string        `json:"allows,omitempty"` // in plain words
	Claims   json.RawMessage `json:"claims,omitempty"` // as they stand in the token
	claims   jwt.Claims
}

// Name tells whose the keys of a token are, in a map from keys to words. What is in the map already stays;
// where is put behind what is new.
func Name(known map[string]string, c jwt.Claims, where string) {
	tell := func(key, form string, args ...any) {
		if _, ok := known[key]; !ok {
			known[key] = fmt.Sprintf(form, args...) + where
		}
	}
	switch c := c.(type) {
	case *jwt.OperatorClaims:
		tell(c.Subject, "operator %q", c.Name)
		for _, k := range c.SigningKeys {
			tell(k, "signing key of operator %q", c.Name)
		}
	case *jwt.AccountClaims:
		tell(c.Subject, "account %q", c.Name)
		for k, scope := range c.SigningKeys {
			if us, ok := scope.(*jwt.UserScope); ok {
				tell(k, "role %q of account %q", us.Role, c.Name)
			} else {
				tell(k, "signing key of account %q", c.Name)
			}
		}
	}
}

// Look finds the tokens of a text, and the public keys of its seeds. Known says whose keys are, as
// far as that is known from elsewhere, and learns of those that the text tells.
func Look(text []byte, known map[string]string, now time.Time) (findings []*Finding, seeds []string) {
	for _, token := range tokenForm.FindAll(text, maxFindings) {
		if f := decode(string(token)); f != nil {
			findings = append(findings, f)
			if f.claims != nil {
				Name(known, f.claims, ", as the file says")
			}
		}
	}
	for _, seed := range seedForm.FindAll(text, maxFindings) {
		if pair, err := nkeys.FromSeed(seed); err == nil {
			if public, err := pair.PublicKey(); err == nil {
				seeds = append(seeds, public)
			}
		}
	}
	for _, f := range findings {
		f.SignedBy = known[f.Issuer]
		f.judge(known, now)
	}
	return findings, seeds
}

// decode reads a token and checks its signature. It returns nil for what is none at all, such as a
// host name or a path.
func decode(token string) *Finding {
	chunks := strings.Split(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(chunks[0])
	if err != nil || !json.Valid(header) {
		return nil
	}
	c, err := claimsOf(token)
	if err != nil {
		f := &Finding{Kind: "unknown", Problems: []string{"it cannot be trusted: " + err.Error()}}
		if strings.Contains(err.Error(), "signature verification") {
			f.Problems = []string{"the signature is wrong: somebody changed the token, or it was not made by who it names"}
		}
		return f
	}
	d := c.Claims()
	f := &Finding{Kind: cmp.Or(string(c.ClaimType()), "generic"), Name: d.Name, Subject: d.Subject, Issuer: d.Issuer, claims: c}
	if body, err := base64.RawURLEncoding.DecodeString(chunks[1]); err == nil && json.Valid(body) {
		f.Claims = body
	}
	return f
}

// claimsOf decodes a token and checks its signature. A token of a kind of its own, such as a request of
// an operator, is generic.
func claimsOf(token string) (c jwt.Claims, err error) {
	defer func() {
		if r := recover(); r != nil { // the library takes for granted what a signer may leave out
			c, err = nil, errors.New("its claims are malformed")
		}
	}()
	if c, err = jwt.Decode(token); err == nil {
		return c, nil
	}
	g, generic := jwt.DecodeGeneric(token)
	if generic != nil {
		return nil, err
	}
	switch g.ClaimType() {
	case jwt.OperatorClaim, jwt.AccountClaim, jwt.UserClaim, jwt.ActivationClaim, jwt.AuthorizationRequestClaim,
		jwt.AuthorizationResponseClaim:
		return nil, err
	}
	return g, nil
}

// faults returns what is wrong with claims, besides their times.
func faults(c jwt.Claims) (found []string) {
	defer func() {
		if r := recover(); r != nil { // on null in a list
			found = []string{"its claims are malformed"}
		}
	}()
	vr := jwt.CreateValidationResults()
	c.Validate(vr)
	for _, issue := range vr.Issues {
		if issue.Blocking {
			found = append(found, issue.Description)
		}
	}
	return found
}

// judge checks a token whose signature is good, and says what it allows.
func (f *Finding) judge(known map[string]string, now time.Time) {
	if f.claims == nil {
		return
	}
	d := f.claims.Claims()
	if d.Expires != 0 && d.Expires < now.Unix() {
		f.Problems = append(f.Problems, "it expired at "+stamp(d.Expires))
	}
	if d.NotBefore > now.Unix() {
		f.Problems = append(f.Problems, "it is not valid before "+stamp(d.NotBefore))
	}
	f.Problems = append(f.Problems, faults(f.claims)...)
	if c, ok := f.claims.(*jwt.AccountClaims); ok && nkeys.IsValidPublicAccountKey(c.Issuer) {
		f.Problems = append(f.Problems, "no operator has signed it: servers do not trust it")
	}
	f.Valid = len(f.Problems) == 0
	f.Allows = allows(f.claims, known)
}

// Words is a finding for people.
func (f *Finding) Words() []string {
	if f.claims == nil {
		return append([]string{"A token that is not good"}, prefixed("  NOT GOOD: ", f.Problems)...)
	}
	d := f.claims.Claims()
	lines := []string{fmt.Sprintf("%s %q  %s", strings.ToUpper(f.Kind[:1])+f.Kind[1:], f.Name, f.Subject)}
	by := f.Issuer
	if f.SignedBy != "" {
		by += ", " + f.SignedBy
	}
	lines = append(lines, "  signed by "+by)
	switch {
	case d.IssuedAt != 0 && d.Expires != 0:
		lines = append(lines, "  issued "+stamp(d.IssuedAt)+", valid until "+stamp(d.Expires))
	case d.IssuedAt != 0:
		lines = append(lines, "  issued "+stamp(d.IssuedAt)+", does not expire")
	}
	lines = append(lines, prefixed("  NOT GOOD: ", f.Problems)...)
	return append(lines, prefixed("  ", f.Allows)...)
}

// prefixed puts a text before each line.
func prefixed(before string, lines []string) []string {
	out := slices.Clone(lines)
	for i := range out {
		out[i] = before + out[i]
	}
	return out
}
