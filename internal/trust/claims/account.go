package claims

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/subject"
)

// Account is what the JWT of an account says, ready for use. It is immutable.
type Account struct {
	// ID is the account's public key, Name what people call it.
	ID, Name string
	// Issuer is the key of the operator that signed it.
	Issuer string
	Tags   []string
	// Issued, NotBefore and Expires are in seconds of Unix time; NotBefore and Expires are 0 for no
	// bound.
	Issued, NotBefore, Expires int64
	// NoBearer refuses users whose JWT is all they need.
	NoBearer bool
	// Callout asks a service about users; nil for not.
	Callout *Callout

	spec     account.Spec
	ownKey   bool              // it may sign users by its own key
	signers  map[string]*scope // nil for a key without scope
	revoked  map[string]int64
	defaults *perm.Permissions
	rules    perm.Rules // that defaults were made of
}

// Callout says who decides about the users of an account.
type Callout struct {
	// Users are the public keys of users that are not asked about.
	Users []string
	// Accounts are those that users may be put into beside the one itself; "*" is any.
	Accounts []string
	// XKey is the public curve key that requests are encrypted for; empty for none.
	XKey string
}

// Errors of NewAccount.
var (
	ErrSubject   = errors.New("the subject is not the public key of an account")
	ErrUntrusted = errors.New("the issuer is not a trusted operator")
	ErrStrict    = errors.New("operator requires issuer to be a signing key")
)

// NewAccount reads the JWT of an account, which must be valid but for its times, and signed by one
// of the operators. Errors are those above, or of another kind; their texts hold no secrets.
func NewAccount(token string, o *Operators) (*Account, error) {
	c, err := DecodeAccount(token)
	switch {
	case err != nil:
		return nil, err
	case !nkeys.IsValidPublicAccountKey(c.Subject):
		return nil, ErrSubject
	case !o.Trusts(c.Issuer) && o.StrictIdentity(c.Issuer):
		return nil, ErrStrict
	case !o.Trusts(c.Issuer):
		return nil, ErrUntrusted
	}
	if found := Validate(c); found.Blocking() {
		return nil, errors.New(found.String())
	}
	a := &Account{
		ID: c.Subject, Name: c.Name, Issuer: c.Issuer, Tags: c.Tags,
		Issued: c.IssuedAt, NotBefore: c.NotBefore, Expires: c.Expires,
		NoBearer: c.Limits.DisallowBearer, ownKey: !o.StrictAccount(c.Issuer),
		signers: map[string]*scope{}, revoked: c.Revocations,
	}
	if x := &c.Authorization; x.IsEnabled() {
		a.Callout = &Callout{Users: x.AuthUsers, Accounts: x.AllowedAccounts, XKey: x.XKey}
	}
	for key, s := range c.SigningKeys {
		if a.signers[key], err = newScope(s); err != nil {
			return nil, err
		}
	}
	a.rules = rulesOf(&c.DefaultPermissions)
	if a.defaults, err = compile(a.rules); err != nil {
		return nil, err
	}
	if a.spec, err = SpecOf(c); err != nil {
		return nil, err
	}
	return a, nil
}

// StandIn is an account with that id without limits, which nobody has signed a JWT for yet.
func StandIn(id string) *Account {
	return &Account{ID: id, ownKey: true, spec: account.Spec{Name: id, Limits: account.Unlimited()}}
}

// Spec is the account as the bus knows it, without what every account imports of the system account.
// The caller may append to its lists, but not change what they hold.
func (a *Account) Spec() account.Spec {
	s := a.spec
	s.Exports, s.Imports = slices.Clip(s.Exports), slices.Clip(s.Imports)
	return s
}

// Signs reports whether issuer may sign users of the account.
func (a *Account) Signs(issuer string) bool {
	_, ok := a.signers[issuer]
	return ok || a.ownKey && issuer == a.ID
}

// SameSigner reports whether issuer counts as much as it did before, when the claims were old: it
// is a key of both with the same scope. The own key of the account always is.
func (a *Account) SameSigner(issuer string, old *Account) bool {
	if issuer == a.ID {
		return true
	}
	now, ok := a.signers[issuer]
	before, was := old.signers[issuer]
	return ok && was && now.same(before)
}

// SameDefaults reports whether the default permissions are those of old.
func (a *Account) SameDefaults(old *Account) bool {
	return a == old || sameRules(&a.rules, &old.rules)
}

// Defaults are the permissions of users without any; nil for no bound.
func (a *Account) Defaults() *perm.Permissions { return a.defaults }

// Revoked reports whether a user with the public key, or all, were revoked who got their JWT at
// issued, in seconds of Unix time, or before that.
func (a *Account) Revoked(user string, issued int64) bool {
	at, one := a.revoked[user]
	every, all := a.revoked[jwt.All]
	return one && at >= issued || all && every >= issued
}

// Revocations are the times of revocations by user key or "*".
func (a *Account) Revocations() map[string]time.Time {
	if len(a.revoked) == 0 {
		return nil
	}
	times := make(map[string]time.Time, len(a.revoked))
	for key, at := range a.revoked {
		times[key] = time.Unix(at, 0)
	}
	return times
}

// NextChange returns the next time after now at which a grant of an import begins or ends; the zero
// time for none.
func (a *Account) NextChange(now time.Time) (next time.Time) {
	for i := range a.spec.Imports {
		g := a.spec.Imports[i].Grant
		if g == nil {
			continue
		}
		for _, at := range [2]int64{g.NotBefore, g.Expires} {
			if t := time.Unix(at, 0); at > 0 && t.After(now) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return next
}

// SpecOf makes a plain account of claims that Validate finds no fault with. The account keeps parts of
// them, so they must not be changed. An error names a subject that cannot be one.
func SpecOf(c *jwt.AccountClaims) (account.Spec, error) {
	s := account.Spec{Name: c.Subject, Tag: c.Name, Limits: account.Limits{
		Connections: clamp(c.Limits.Conn), Subscriptions: clamp(c.Limits.Subs), Payload: clamp(c.Limits.Payload),
		Leafnodes: clamp(c.Limits.LeafNodeConn),
	}}
	for _, e := range c.Exports {
		if e == nil {
			return s, errUnreadable
		}
		x := exportOf(e)
		if !plain(x.Subject) || x.Latency != nil && !plain(x.Latency.Subject) {
			return s, errSubject(x.Subject)
		}
		s.Exports = append(s.Exports, x)
	}
	for _, i := range c.Imports {
		if i == nil {
			return s, errUnreadable
		}
		im, err := importOf(i)
		if err == nil && !(plain(im.Subject) && plain(im.LocalSubject())) {
			err = errSubject(im.Subject)
		}
		if err != nil {
			return s, err
		}
		s.Imports = append(s.Imports, im)
	}
	for _, source := range slices.Sorted(maps.Keys(c.Mappings)) {
		m := account.Mapping{Source: string(source)}
		if !plain(m.Source) {
			return s, errSubject(m.Source)
		}
		for _, d := range c.Mappings[source] {
			if strings.ContainsFunc(string(d.Subject), unicode.IsControl) {
				return s, errSubject(string(d.Subject))
			}
			m.Destinations = append(m.Destinations, account.Destined{Subject: string(d.Subject), Weight: int(d.GetWeight()), Cluster: d.Cluster})
		}
		s.Mappings = append(s.Mappings, m)
	}
	if len(c.SigningKeys) > 0 {
		s.Signers = make(map[string]struct{}, len(c.SigningKeys))
		for key := range c.SigningKeys {
			s.Signers[key] = struct{}{}
		}
	}
	return s, nil
}

func exportOf(e *jwt.Export) account.Export {
	x := account.Export{
		Kind: kindOf(e.Type), Subject: string(e.Subject), Title: e.Name, TokenRequired: e.TokenReq,
		TokenPosition: int(e.AccountTokenPosition), Revoked: e.Revocations, Threshold: e.ResponseThreshold,
		AllowTrace: e.AllowTrace,
	}
	switch {
	case e.IsStreamResponse():
		x.Response = account.Streamed
	case e.IsChunkedResponse():
		x.Response = account.Chunked
	}
	if l := e.Latency; l != nil {
		x.Latency = &account.Latency{Sampling: int(l.Sampling), Subject: string(l.Results)}
	}
	return x
}

// importOf reads an import. Its subjects have three forms: a local subject, or the older field "to",
// which is the prefix of a stream here but the subject of a service there.
func importOf(i *jwt.Import) (account.Import, error) {
	im := account.Import{
		Kind: kindOf(i.Type), Account: i.Account, Subject: string(i.Subject), Local: string(i.LocalSubject),
		Title: i.Name, Share: i.Share, AllowTrace: i.AllowTrace,
	}
	if to := i.GetTo(); to != "" && im.Local == "" {
		if im.Kind == account.Stream {
			im.Local = to + "." + im.Subject
		} else {
			im.Subject, im.Local = to, im.Subject
		}
	}
	if i.Token == "" {
		return im, nil
	}
	act, err := DecodeActivation(i.Token)
	if err != nil {
		return im, err
	}
	im.Grant = &account.Grant{
		Subject: string(act.ImportSubject), Issuer: act.Issuer, IssuerAccount: act.IssuerAccount,
		Issued: act.IssuedAt, NotBefore: act.NotBefore, Expires: act.Expires,
	}
	return im, nil
}

// plain reports whether s can be a subject on the wire. The JWT library looks for spaces only.
func plain(s string) bool {
	return subject.ValidSubscription(s) && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func errSubject(s string) error { return fmt.Errorf("subject %q is not valid", s) }

func kindOf(t jwt.ExportType) account.Kind {
	if t == jwt.Service {
		return account.Service
	}
	return account.Stream
}

// clamp makes a limit of a JWT one of the bus: whatever is negative is no bound.
func clamp(n int64) int { return int(min(max(n, -1), math.MaxInt32)) }
