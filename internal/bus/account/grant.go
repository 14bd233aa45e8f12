package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baridmq/barid/internal/core/subject"
)

// Why an import is not in force. The texts are those by which all servers of the protocol tell it.
var (
	ErrStreamNotAuthorized  = errors.New("stream import not authorized")
	ErrServiceNotAuthorized = errors.New("service import not authorized")
	ErrStreamExists         = errors.New("stream import already exists")
	ErrCycle                = errors.New("import forms a cycle")
	ErrCycleDepth           = errors.New("search cycle depth exhausted")
	// ErrTooMany says that the import goes beyond what an account may have of streams that overlap or come
	// over several accounts.
	ErrTooMany = errors.New("too many overlapping imports")
	// ErrNoExporter says that there is no account of the exporter's name. The import comes into force
	// when it is put into the registry.
	ErrNoExporter = errors.New("account missing")
)

// DuplicateError is for a service import whose local subject is taken by another one from the same
// exporter.
type DuplicateError struct{ Local, Account, Subject string }

// Error implements error.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("duplicate service import subject %q, previously used in import for account %q, subject %q",
		e.Local, e.Account, e.Subject)
}

// ImportError says which import of which account is wrong.
type ImportError struct {
	Account string
	Import  *Import
	Err     error
}

// Error implements error.
func (e *ImportError) Error() string {
	return fmt.Sprintf("account %q, import of %q from %q: %v", e.Account, e.Import.Subject, e.Import.Account, e.Err)
}

// Unwrap returns the reason.
func (e *ImportError) Unwrap() error { return e.Err }

// ImportState tells whether an import is in force.
type ImportState struct {
	Import *Import
	// Err is why it is not; nil if it is.
	Err error
	// Expires is when that changes with the time, because its grant ends or begins; the zero time for
	// never. Registry.Rewire is to be called then.
	Expires time.Time
}

// export returns the export of s that an import of the subject is judged by: the one of the very
// subject, else the most specific that covers it, else nil.
func (s *Spec) export(kind Kind, subj string) *Export {
	var best *Export
	for i := range s.Exports {
		e := &s.Exports[i]
		switch {
		case e.Kind != kind:
		case e.Subject == subj:
			return e
		case subject.Covers(e.Subject, subj) && (best == nil || narrower(e.Subject, best.Subject)):
			best = e
		}
	}
	return best
}

// narrower reports whether the pattern a is more specific than b: what b covers, or else what has more
// literal tokens, and then more tokens. So the choice does not depend on the order of exports.
func narrower(a, b string) bool {
	if subject.Covers(b, a) {
		return true
	}
	if subject.Covers(a, b) {
		return false
	}
	if x, y := literals(a), literals(b); x != y {
		return x > y
	}
	if x, y := subject.Tokens(a), subject.Tokens(b); x != y {
		return x > y
	}
	return a < b
}

func literals(pattern string) (n int) {
	for token := range strings.SplitSeq(pattern, ".") {
		if token != "*" && token != ">" {
			n++
		}
	}
	return n
}

// authorize decides whether the account importer may have the import i of the account that s describes.
// It returns the export that allows it, and when the answer changes.
func (s *Spec) authorize(i *Import, importer string, now time.Time) (e *Export, expires time.Time, err error) {
	refused := ErrStreamNotAuthorized
	if i.Kind == Service {
		refused = ErrServiceNotAuthorized
	}
	e = s.export(i.Kind, i.Subject)
	switch {
	case e == nil:
		return nil, expires, refused
	case e.TokenPosition > 0: // it alone decides
		if tokenAt(i.Subject, e.TokenPosition) != importer || subject.HasWildcard(importer) {
			return nil, expires, refused
		}
		return e, expires, nil
	case e.Accounts != nil && !slices.Contains(e.Accounts, importer):
		return nil, expires, refused
	case !e.TokenRequired:
		return e, expires, nil
	}
	if expires, err = s.grants(i, e, importer, now); err != nil {
		return nil, expires, refused
	}
	return e, expires, nil
}

// tokenAt returns the token of s with the given number, from 1.
func tokenAt(s string, n int) string {
	for token := range strings.SplitSeq(s, ".") {
		if n--; n == 0 {
			return token
		}
	}
	return ""
}

var errGrant = errors.New("no valid grant")

// grants checks the grant of the import i against the export e.
func (s *Spec) grants(i *Import, e *Export, importer string, now time.Time) (expires time.Time, err error) {
	g := i.Grant
	if g == nil || !subject.Covers(g.Subject, i.Subject) {
		return expires, errGrant
	}
	if g.Issuer != s.Name {
		if _, signs := s.Signers[g.Issuer]; !signs || g.IssuerAccount != s.Name {
			return expires, errGrant
		}
	} else if g.IssuerAccount != "" && g.IssuerAccount != s.Name {
		return expires, errGrant
	}
	for _, who := range []string{importer, "*"} {
		if at, ok := e.Revoked[who]; ok && at >= g.Issued {
			return expires, errGrant
		}
	}
	if g.Expires != 0 && now.Unix() >= g.Expires {
		return expires, errGrant
	}
	if g.NotBefore != 0 && now.Unix() < g.NotBefore {
		return time.Unix(g.NotBefore, 0), errGrant
	}
	if g.Expires != 0 {
		expires = time.Unix(g.Expires, 0)
	}
	return expires, nil
}
