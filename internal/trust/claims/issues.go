package claims

import (
	"strings"

	"github.com/nats-io/jwt/v2"
)

// Issue is something that is wrong with claims.
type Issue struct {
	Description string
	// Blocking makes the claims useless. TimeCheck does so now: they expired or are not valid yet.
	// With neither it is a warning.
	Blocking, TimeCheck bool
}

// Issues are what is wrong with claims, in the order in which it was found.
type Issues []Issue

// Validate looks for what is wrong with claims that were decoded, now. It may take long for claims
// that were made for that, so the issuer should be known to be trusted.
func Validate(c jwt.Claims) (found Issues) {
	defer func() {
		if recover() != nil { // such as for a null in place of an export
			found = append(found, Issue{Description: errUnreadable.Error(), Blocking: true})
		}
	}()
	if a, ok := c.(*jwt.AccountClaims); ok {
		if len(a.Imports) > maxShared || len(a.Exports) > maxShared {
			return Issues{{Description: "too many imports or exports", Blocking: true}}
		}
		plain, more := withoutOld(a)
		c, found = plain, more
	}
	r := jwt.CreateValidationResults()
	c.Validate(r)
	for _, i := range r.Issues {
		found = append(found, Issue{Description: i.Description, Blocking: i.Blocking, TimeCheck: i.TimeCheck})
	}
	return found
}

// Any reports whether the claims are of no use now.
func (is Issues) Any() bool {
	for _, i := range is {
		if i.Blocking || i.TimeCheck {
			return true
		}
	}
	return false
}

// Blocking reports whether the claims are of no use at any time.
func (is Issues) Blocking() bool {
	for _, i := range is {
		if i.Blocking {
			return true
		}
	}
	return false
}

// Texts are the descriptions.
func (is Issues) Texts() []string {
	texts := make([]string, len(is))
	for i := range is {
		texts[i] = is[i].Description
	}
	return texts
}

// String is the form that log lines have.
func (is Issues) String() string { return "&{Issues:[" + strings.Join(is.Texts(), " ") + "]}" }

// withoutOld returns a without the activation tokens of its imports that the JWT library does not
// read, and what is wrong with those.
func withoutOld(a *jwt.AccountClaims) (*jwt.AccountClaims, Issues) {
	var found Issues
	plain := *a
	for i, im := range a.Imports {
		if im == nil || !strings.ContainsAny(im.Token, "+/") {
			continue
		}
		act, err := DecodeActivation(im.Token)
		if err != nil {
			continue // the library will say so
		}
		if &plain.Imports[0] == &a.Imports[0] {
			plain.Imports = append(jwt.Imports{}, a.Imports...)
		}
		bare := *im
		bare.Token = ""
		plain.Imports[i] = &bare
		if !grants(act, im, a.Subject) {
			found = append(found, Issue{Description: "activation token doesn't match import \"" + string(im.Subject) + "\"", Blocking: true})
		}
	}
	return &plain, found
}

// grants reports whether an activation is for an import of an account.
func grants(act *jwt.ActivationClaims, im *jwt.Import, importer string) bool {
	subject := im.Subject
	if to := im.GetTo(); im.IsService() && to != "" {
		subject = jwt.Subject(to)
	}
	return (act.Issuer == im.Account || act.IssuerAccount == im.Account) && act.ClaimsData.Subject == importer &&
		act.ImportType == im.Type && act.ImportSubject != "" && subject.IsContainedIn(act.ImportSubject)
}
