package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
)

// plain collects sentences.
type plain struct{ lines []string }

func (p *plain) add(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

// list adds a sentence about a list, if there is one.
func (p *plain) list(before string, items []string) {
	if len(items) > 0 {
		p.add("%s %s", before, quotedList(items))
	}
}

func quotedList[T ~string](items []T) string {
	var out []string
	for _, s := range items {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, ", ")
}

// allows says in plain words what a token allows. Known names keys.
func allows(c jwt.Claims, known map[string]string) []string {
	p := &plain{}
	switch c := c.(type) {
	case *jwt.OperatorClaims:
		p.operator(c)
	case *jwt.AccountClaims:
		p.account(c, known)
	case *jwt.UserClaims:
		if c.IssuerAccount != "" {
			p.add("belongs to account %s", whose(c.IssuerAccount, known))
		}
		if c.HasEmptyPermissions() {
			p.add("may do what its role says, which is in the token of the account")
		} else {
			p.rights(&c.UserPermissionLimits)
		}
		p.list("tags", c.Tags)
	case *jwt.ActivationClaims:
		from := c.Issuer
		if c.IssuerAccount != "" {
			from = c.IssuerAccount
		}
		p.add("lets account %s import the %s %q of account %s", whose(c.Subject, known), c.ImportType, c.ImportSubject, whose(from, known))
	default:
		p.add("is no token of an operator, account, user or activation; --json shows what it says")
	}
	return p.lines
}

// whose is a key and its owner, if it is known.
func whose(key string, known map[string]string) string {
	if n := known[key]; n != "" {
		return key + " (" + n + ")"
	}
	return key
}

func (p *plain) operator(c *jwt.OperatorClaims) {
	if c.StrictSigningKeyUsage {
		p.add("accounts have to be signed by a signing key, and users by one of their account")
	} else {
		p.add("accounts may be signed by its identity or by a signing key")
	}
	for _, k := range c.SigningKeys {
		p.add("signing key %s", k)
	}
	if c.SystemAccount != "" {
		p.add("system account %s", c.SystemAccount)
	}
	p.list("servers", c.OperatorServiceURLs)
	if c.AccountServerURL != "" {
		p.add("accounts are pushed to %q", c.AccountServerURL)
	}
	if c.AssertServerVersion != "" {
		p.add("servers have to be of version %s or newer", c.AssertServerVersion)
	}
	p.list("tags", c.Tags)
}

func (p *plain) account(c *jwt.AccountClaims, known map[string]string) {
	p.limit("connections", c.Limits.Conn)
	p.limit("connections of leaf nodes", c.Limits.LeafNodeConn)
	p.limit("subscriptions of a connection", c.Limits.Subs)
	p.limit("bytes of a message", c.Limits.Payload)
	p.limit("imports", c.Limits.Imports)
	p.limit("exports", c.Limits.Exports)
	if !c.Limits.WildcardExports {
		p.add("exports without wildcards only")
	}
	if c.Limits.DisallowBearer {
		p.add("no users without a seed")
	}
	if c.Limits.IsJSEnabled() {
		p.add("may have streams")
	}
	var roles []*jwt.UserScope
	for _, k := range sorted(c.SigningKeys) {
		if us, ok := c.SigningKeys[k].(*jwt.UserScope); ok {
			roles = append(roles, us)
		} else {
			p.add("signing key %s", k)
		}
	}
	slices.SortStableFunc(roles, func(a, b *jwt.UserScope) int { return strings.Compare(a.Role, b.Role) })
	for _, us := range roles {
		p.add("role %q, by key %s; its users:", us.Role, us.Key)
		inner := &plain{}
		inner.rights(&us.Template)
		p.lines = append(p.lines, prefixed("  ", inner.lines)...)
	}
	if d := c.DefaultPermissions; !d.Pub.Empty() || !d.Sub.Empty() || d.Resp != nil {
		p.add("users without permissions of their own:")
		inner := &plain{}
		inner.permissions(&d)
		p.lines = append(p.lines, prefixed("  ", inner.lines)...)
	}
	for _, e := range c.Exports {
		if e == nil {
			continue
		}
		who := "to all accounts"
		if e.TokenReq {
			who = "to accounts with an activation token"
		}
		p.add("exports the %s %q %s%s", e.Type, e.Subject, who, revoked(e.Revocations))
	}
	for _, i := range c.Imports {
		if i == nil {
			continue
		}
		as := ""
		if local := i.GetTo(); i.LocalSubject != "" {
			as = fmt.Sprintf(" as %q", i.LocalSubject)
		} else if local != "" {
			as = fmt.Sprintf(" with %q", local)
		}
		p.add("imports the %s %q of account %s%s%s", i.Type, i.Subject, whose(i.Account, known), as, ticket(i.Token))
	}
	for _, from := range sorted(c.Mappings) {
		for _, m := range c.Mappings[from] {
			p.add("maps %q to %q, %d%%", from, m.Subject, m.GetWeight())
		}
	}
	if c.HasExternalAuthorization() {
		p.add("a service decides who may log in")
	}
	if len(c.Revocations) > 0 {
		p.add("users%s", revoked(c.Revocations))
	}
	p.list("tags", c.Tags)
}

// ticket says what the activation token of an import is worth.
func ticket(token string) string {
	if token == "" {
		return ""
	}
	a, err := jwt.DecodeActivationClaims(token)
	if err != nil {
		return ", with an activation token that is not good"
	}
	return ", with an activation token" + expiry(a.Expires)
}

// revoked counts revocations.
func revoked(l jwt.RevocationList) string {
	switch {
	case len(l) == 0:
		return ""
	case l[jwt.All] != 0:
		return ", revoked for all with tokens issued until " + stamp(l[jwt.All])
	}
	return fmt.Sprintf(", revoked for %d", len(l))
}

// limit says how many are allowed, if not any number.
func (p *plain) limit(what string, n int64) {
	switch {
	case n == 0:
		p.add("no %s", what)
	case n > 0:
		p.add("at most %d %s", n, what)
	}
}

// rights says what a user may do.
func (p *plain) rights(u *jwt.UserPermissionLimits) {
	p.permissions(&u.Permissions)
	p.limit("subscriptions", u.Subs)
	p.limit("bytes of a message", u.Payload)
	p.list("may come from", u.Src)
	for _, t := range u.Times {
		zone := u.Locale
		if zone == "" {
			zone = "the server"
		}
		p.add("may connect from %s to %s, time of %s", t.Start, t.End, zone)
	}
	p.list("may connect as", u.AllowedConnectionTypes)
	if u.BearerToken {
		p.add("whoever shows the token may come, without a seed")
	}
	if u.ProxyRequired {
		p.add("may only come through a trusted proxy")
	}
}

// permissions says what may be published and subscribed to.
func (p *plain) permissions(x *jwt.Permissions) {
	for _, d := range []struct {
		verb string
		p    *jwt.Permission
	}{{"publish to", &x.Pub}, {"subscribe to", &x.Sub}} {
		switch {
		case d.p == &x.Pub && len(d.p.Allow) == 0 && x.Resp != nil:
			p.add("may publish nothing but replies")
		case len(d.p.Allow) == 0 && len(d.p.Deny) == 0:
			p.add("may %s everything, unless the account says otherwise", d.verb)
		case len(d.p.Allow) == 0:
			p.add("may %s everything but %s", d.verb, quotedList(d.p.Deny))
		case len(d.p.Deny) == 0:
			p.add("may %s %s", d.verb, quotedList(d.p.Allow))
		default:
			p.add("may %s %s, but not %s", d.verb, quotedList(d.p.Allow), quotedList(d.p.Deny))
		}
	}
	if x.Resp != nil {
		times, span := "any number of replies", "at any time"
		if x.Resp.MaxMsgs >= 0 {
			times = fmt.Sprintf("%d to each request", max(x.Resp.MaxMsgs, 1))
		}
		if x.Resp.Expires >= 0 {
			span = fmt.Sprintf("within %v", cmp.Or(x.Resp.Expires, 2*time.Minute))
		}
		p.add("replies: %s, %s", times, span)
	}
}

// expiry says when a token ends.
func expiry(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return " until " + stamp(seconds)
}

// stamp is a time in seconds of Unix for people.
func stamp(seconds int64) string {
	return time.Unix(seconds, 0).UTC().Format("2006-01-02 15:04:05 MST")
}

// sorted returns the keys of a map in order.
func sorted[M ~map[K]V, K ~string, V any](m M) []K { return slices.Sorted(maps.Keys(m)) }
