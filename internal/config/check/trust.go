package check

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/trust/claims"
	"github.com/baridmq/barid/server/options"
)

// byOperators reports whether operators, and nobody else, say who may enter.
func byOperators(o *options.Options) bool { return len(o.TrustedOperators)+len(o.TrustedKeys) > 0 }

// IsHTTP reports whether an address is the URL of a web server.
func IsHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// trust checks operators, and what does not go with them.
func (c *checker) trust(o *options.Options) {
	c.sentinel(o)
	c.resolver(o)
	operators := c.about("operator", "trusted_keys")
	for _, claims := range o.TrustedOperators {
		if claims == nil {
			operators(true, "operators: an entry is nil")
			return
		}
		for _, k := range append([]string{claims.Subject}, claims.SigningKeys...) {
			operators(!nkeys.IsValidPublicOperatorKey(k), "trusted Keys %q are required to be a valid public operator nkey", ShownKey(k))
		}
	}
	for _, k := range o.TrustedKeys {
		c.about("trusted_keys")(!nkeys.IsValidPublicOperatorKey(k), "trusted Keys %q are required to be a valid public operator nkey", ShownKey(k))
	}
	for _, id := range o.ResolverPinnedAccounts {
		c.about("resolver_pinned_accounts")(!nkeys.IsValidPublicAccountKey(id), BadPinnedAccount, ShownKey(id))
	}
	if !byOperators(o) {
		return
	}
	c.about("trusted_keys", "operator")(len(o.TrustedKeys) > 0 && len(o.TrustedOperators) > 0,
		"conflicting options for 'TrustedKeys' and 'TrustedOperators'")
	operators(len(o.TrustedOperators) > 0 && o.Resolver == nil && o.AccountResolver == nil,
		"operators require an account resolver to be configured")
	c.about("accounts")(len(o.Accounts) > 0, "operators do not allow Accounts to be configured directly")
	c.about("authorization.users", "accounts")(len(o.Users)+len(o.Nkeys) > 0, "operators do not allow users to be configured directly")
	c.about("mappings")(len(o.Mappings) > 0, "operators do not allow mappings to be configured directly")
	c.about("authorization.auth_callout")(o.AuthCallout != nil, "operators do not allow authorization callouts to be configured directly")
	c.about("authorization.oidc")(o.OIDC != nil, "operators do not allow oidc to be configured directly")
	c.about("no_auth_user")(o.NoAuthUser != "", "no_auth_user not compatible with Trusted Operator")
	c.operatorsSystem(o)
}

// operatorsSystem checks the system account of operators.
func (c *checker) operatorsSystem(o *options.Options) {
	configured := o.SystemAccount != "" && o.SystemAccount != options.DefaultSystemAccount
	var named []string
	for _, operator := range o.TrustedOperators {
		if operator.SystemAccount != "" {
			named = append(named, operator.SystemAccount)
		}
	}
	refuse := c.about("system_account", "operator", "trusted_keys")
	switch {
	case configured && len(named) > 0 && !slices.Contains(named, o.SystemAccount):
		refuse(true, "system_account in config and operator JWT must be identical")
	case configured:
		refuse(!nkeys.IsValidPublicAccountKey(o.SystemAccount), errNoAccount, o.SystemAccount)
	case len(named) == 0:
		c.about("resolver")(o.Resolver != nil && (o.Resolver.Kind == options.ResolverFull || o.Resolver.Kind == options.ResolverCache),
			"using nats based account resolver - the system account needs to be specified in configuration or the operator jwt")
	}
}

// sentinel checks the user that clients without a JWT become.
func (c *checker) sentinel(o *options.Options) {
	if o.DefaultSentinel == "" {
		return
	}
	refuse := c.about("default_sentinel")
	refuse(len(o.TrustedOperators) == 0, "default sentinel requires operators and accounts")
	user, err := claims.DecodeUser(o.DefaultSentinel)
	if err != nil {
		refuse(true, "default sentinel JWT not valid")
		return
	}
	refuse(!user.BearerToken && (user.IssuerAccount == "" || !user.HasEmptyPermissions()), "default sentinel must be a bearer token")
}

// resolver checks where JWTs of accounts come from.
func (c *checker) resolver(o *options.Options) {
	refuse := c.about("resolver")
	r := o.Resolver
	switch {
	case r == nil:
	case r.Kind == options.ResolverMemory:
	case r.Kind == options.ResolverURL:
		refuse(!IsHTTP(r.URL), BadResolver)
	case r.Kind == options.ResolverFull || r.Kind == options.ResolverCache:
		refuse(r.Dir == "", "dir has no value and needs to point to a directory")
		refuse(r.Limit < 0 || r.Interval < 0 || r.Timeout < 0 || r.TTL < 0, "limit, interval, timeout and ttl of a resolver can not be negative")
		refuse(r.HardDelete && !r.AllowDelete, "hard_delete has no effect without delete")
	default:
		refuse(true, BadResolver)
	}
	c.about("resolver_preload")(len(o.ResolverPreload) > 0 && (r == nil || r.Kind == options.ResolverURL),
		"resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR")
	for id, token := range o.ResolverPreload {
		account, err := claims.DecodeAccount(token)
		c.about("resolver_preload")(err != nil || account.Subject != id, BadPreload)
	}
}

// ErrStamped is about operator keys that were put into the program when it was built.
var ErrStamped = errors.New("Error processing trusted operator keys") //lint:ignore ST1005 the text is one that tools know

// Stamped returns the operator keys of a program that was built with them, from a text that separates
// them by blanks; nil for none. There must be no others in o: who stamps keys into a program wants no
// file to say otherwise.
func Stamped(text string, o *options.Options) ([]string, error) {
	keys := strings.Fields(text)
	if len(keys) == 0 {
		return nil, nil
	}
	if byOperators(o) {
		return nil, fmt.Errorf("%w: the program has its own, and no others can be configured", ErrStamped)
	}
	for _, k := range keys {
		if !nkeys.IsValidPublicOperatorKey(k) {
			return nil, fmt.Errorf("%w: %q is no public key of an operator", ErrStamped, ShownKey(k))
		}
	}
	return keys, nil
}
