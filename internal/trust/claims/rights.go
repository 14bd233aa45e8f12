package claims

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/subject"
)

// Rights are what a user JWT gives: what it says itself, or the scope of the key that signed it,
// or the defaults of its account. They are immutable.
type Rights struct {
	Permissions *perm.Permissions
	// Default says that Permissions are the defaults of the account.
	Default bool
	Limits  account.Limits
	// Bearer lets the user in without a signature.
	Bearer bool
	// ProxyRequired keeps the user out unless a trusted proxy vouches for it.
	ProxyRequired bool

	kinds []string
	src   []string
	times windows
}

// Errors of Account.Rights.
var (
	// ErrUnknownIssuer is for a user that was signed by a key that must not do that.
	ErrUnknownIssuer = errors.New("the issuer is not known")
	// ErrScoped is for a user of a scoped key that brings permissions of its own.
	ErrScoped = errors.New("scoped users require no permissions or limits set")
	// ErrTemplate is wrapped by what is wrong with the permissions of a user, made from a template
	// or not.
	ErrTemplate = errors.New("permissions are invalid")
)

// scope is what a signing key with a scope gives its users.
type scope struct {
	template jwt.UserPermissionLimits
	rules    perm.Rules
	// ready are the permissions if the template has no operations.
	ready   *perm.Permissions
	expands bool
}

// newScope returns nil for a key without a scope.
func newScope(s jwt.Scope) (*scope, error) {
	u, ok := s.(*jwt.UserScope)
	if !ok || u == nil {
		return nil, nil
	}
	sc := &scope{template: u.Template, rules: rulesOf(&u.Template.Permissions)}
	for _, l := range []perm.List{sc.rules.Publish, sc.rules.Subscribe} {
		sc.expands = sc.expands || hasOperation(l.Allow) || hasOperation(l.Deny)
	}
	var err error
	if !sc.expands {
		sc.ready, err = compile(sc.rules)
	}
	return sc, err
}

// same reports whether two scopes give the same.
func (s *scope) same(other *scope) bool {
	if s == nil || other == nil {
		return s == other
	}
	return reflect.DeepEqual(s.template, other.template)
}

// Rights returns what a user has in the account. The errors are those above, wrapped. It does not
// look at times, revocations and the signature of the connection.
func (a *Account) Rights(u *jwt.UserClaims) (*Rights, error) {
	sc, ok := a.signers[u.Issuer]
	switch {
	case !ok && !(a.ownKey && u.Issuer == a.ID):
		return nil, ErrUnknownIssuer
	case sc == nil:
		return a.own(u)
	case !u.HasEmptyPermissions():
		return nil, ErrScoped
	}
	r := rightsOf(&sc.template)
	switch {
	case !has(&sc.template.Permissions):
		r.Permissions, r.Default = a.defaults, true
		return r, nil
	case !sc.expands:
		r.Permissions = sc.ready
		return r, nil
	}
	rules, err := sc.expand(u, a)
	if err == nil {
		r.Permissions, err = compile(rules)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	return r, nil
}

// own are the rights that a user JWT has without a scope.
func (a *Account) own(u *jwt.UserClaims) (*Rights, error) {
	r, err := PlainRights(u)
	if err == nil && !has(&u.Permissions) {
		r.Permissions, r.Default = a.defaults, true
	}
	return r, err
}

// PlainRights returns what a user JWT says itself, for a user of no operator's account. Its error
// wraps ErrTemplate.
func PlainRights(u *jwt.UserClaims) (*Rights, error) {
	r := rightsOf(&u.UserPermissionLimits)
	var err error
	if r.Permissions, err = compile(rulesOf(&u.Permissions)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	return r, nil
}

// rightsOf are the rights in l but for its permissions.
func rightsOf(l *jwt.UserPermissionLimits) *Rights {
	limits := account.Unlimited()
	limits.Subscriptions, limits.Payload = clamp(l.Subs), clamp(l.NatsLimits.Payload)
	return &Rights{
		Limits: limits,
		Bearer: l.BearerToken, ProxyRequired: l.ProxyRequired,
		kinds: l.AllowedConnectionTypes, src: l.Src, times: windows{l.Times, l.Locale},
	}
}

// has reports whether a user brings permissions of its own.
func has(p *jwt.Permissions) bool { return !p.Pub.Empty() || !p.Sub.Empty() || p.Resp != nil }

// rulesOf are permissions of a JWT in the form of the bus.
func rulesOf(p *jwt.Permissions) perm.Rules {
	r := perm.Rules{
		Publish:   perm.List{Allow: slices.Clone(p.Pub.Allow), Deny: slices.Clone(p.Pub.Deny)},
		Subscribe: perm.List{Allow: slices.Clone(p.Sub.Allow), Deny: slices.Clone(p.Sub.Deny)},
	}
	if p.Resp != nil {
		r.Responses = &perm.Responses{Max: p.Resp.MaxMsgs, Expires: p.Resp.Expires}
	}
	return r
}

func sameRules(a, b *perm.Rules) bool { return reflect.DeepEqual(a, b) }

// compile compiles rules, of which the JWT library has not checked everything. An allow entry that
// nothing can match goes; a deny entry of that kind, which meant something, makes all of it invalid.
func compile(r perm.Rules) (*perm.Permissions, error) {
	for _, l := range []*perm.List{&r.Publish, &r.Subscribe} {
		queues := l == &r.Subscribe
		bad := func(e string) bool { return !valid(e, queues) }
		bounded := len(l.Allow) > 0
		if i := slices.IndexFunc(l.Deny, bad); i >= 0 {
			return nil, fmt.Errorf("subject %q is not valid", l.Deny[i])
		}
		if l.Allow = slices.DeleteFunc(slices.Clone(l.Allow), bad); bounded && len(l.Allow) == 0 {
			l.Deny = append(slices.Clip(l.Deny), ">") // nothing is left, not everything
		}
	}
	return perm.Compile(r)
}

// valid reports whether an entry of permissions can match anything.
func valid(entry string, queues bool) bool {
	name, queue, queued := strings.Cut(entry, " ")
	fine := func(s string) bool {
		return subject.ValidSubscription(s) && !strings.ContainsAny(s, " \t\r\n\f")
	}
	return fine(name) && (!queued || queues && fine(queue))
}

// The names of kinds of connections.
var kinds = [...]string{
	jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket, jwt.ConnectionTypeLeafnode, jwt.ConnectionTypeLeafnodeWS,
	jwt.ConnectionTypeMqtt, jwt.ConnectionTypeMqttWS, jwt.ConnectionTypeInProcess,
}

// text is an error whose text is a log line that operators search for.
type text string

// Error implements error.
func (t text) Error() string { return string(t) }

// Takes returns nil if the user may have connections of that kind. An error is "Connection type not
// allowed", or, if not one of the kinds it names is known, "invalid connection types [...]".
func (r *Rights) Takes(kind identity.Kind) error {
	if len(r.kinds) == 0 {
		return nil
	}
	var known []string
	for _, k := range r.kinds {
		if k = strings.ToUpper(k); slices.Contains(kinds[:], k) {
			known = append(known, k)
		}
	}
	switch {
	case len(known) == 0:
		return fmt.Errorf("invalid connection types %q", r.kinds)
	case !slices.Contains(known, string(kind)):
		return text("Connection type not allowed")
	}
	return nil
}

// Expires returns when a user with these rights has to go, whose JWT ends at exp, in seconds of Unix
// time or 0 for never, and whose connect window ends at window. The zero time is for never.
func Expires(exp int64, window time.Time) time.Time {
	if exp <= 0 {
		return window
	}
	end := time.Unix(exp, 0)
	if !window.IsZero() && window.Before(end) {
		return window
	}
	return end
}
