package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/config/translate"
	"github.com/baridmq/barid/server/options"
)

// logins checks who may enter, and the accounts.
func (c *checker) logins(o *options.Options) {
	refuse := c.about("authorization.user", "authorization.password", "authorization.token", "authorization.users", "authorization")
	for _, contradiction := range Contradictions(o) {
		refuse(true, "%s", contradiction)
	}
	refuse(o.Password != "" && o.Username == "", errLonePassword) // alone it would let everybody in
	taken := map[string]bool{}
	for _, u := range o.Users {
		if u == nil {
			refuse(true, "users: an entry is nil")
			continue
		}
		refuse(u.Username == "", NoUserName)
		refuse(taken[u.Username], DuplicateUser, u.Username)
		taken[u.Username] = true
		checkRights(u.Username, u.Permissions, u.AllowedConnectionTypes, refuse)
	}
	for _, u := range o.Nkeys {
		if u == nil {
			refuse(true, "nkeys: an entry is nil")
			continue
		}
		refuse(!nkeys.IsValidPublicUserKey(u.Nkey), BadUserKey)
		refuse(taken[u.Nkey], DuplicateNkey, ShownKey(u.Nkey))
		taken[u.Nkey] = true
		checkRights(ShownKey(u.Nkey), u.Permissions, u.AllowedConnectionTypes, refuse)
	}
	refuse = c.about("no_auth_user")
	switch {
	case o.NoAuthUser == "" || taken[o.NoAuthUser] || byOperators(o):
	case len(taken) == 0:
		refuse(true, errNobody, o.NoAuthUser)
	default:
		refuse(true, errNoSuchUser, o.NoAuthUser)
	}
	c.accounts(o)
	if o.Proxies == nil {
		return
	}
	for _, p := range o.Proxies.Trusted {
		c.about("proxies")(p == nil || !nkeys.IsValidPublicKey(p.Key), "proxy trusted key %q is invalid", proxyKey(p))
	}
}

func proxyKey(p *options.ProxyConfig) string {
	if p == nil {
		return ""
	}
	return ShownKey(p.Key)
}

// checkRights checks what a user may do.
func checkRights(user string, p *options.Permissions, kinds map[string]struct{}, refuse refusal) {
	if p != nil {
		_, err := perm.Compile(translate.Rules(p))
		refuse(err != nil, "permissions of %q: %v", user, err)
	}
	bad := UnknownKinds(slices.Sorted(maps.Keys(kinds)))
	refuse(len(bad) > 0, BadKinds, bad)
}

func (c *checker) accounts(o *options.Options) {
	refuse := c.about("accounts")
	taken := map[string]bool{}
	for _, a := range o.Accounts {
		if a == nil {
			refuse(true, "accounts: an entry is nil")
			continue
		}
		refuse(a.Name == "", NoAccountName)
		refuse(taken[a.Name], DuplicateAccount, a.Name)
		taken[a.Name] = true
		refuse(a.Nkey != "" && !nkeys.IsValidPublicAccountKey(a.Nkey), BadAccountKey, ShownKey(a.Nkey))
	}
	name, refuse := o.SystemAccount, c.about("system_account", "accounts")
	refuse(name != "" && name != options.DefaultSystemAccount && !HasAccount(o, name) && !byOperators(o), errNoAccount, name)
	refuse(name == options.GlobalAccount, "the account %q of everybody can not be the system account", name)
}

// HasAccount reports whether there is an account of that name, be it that of a user.
func HasAccount(o *options.Options, name string) bool {
	is := func(a *options.Account) bool { return a != nil && a.Name == name }
	return slices.ContainsFunc(o.Accounts, is) ||
		slices.ContainsFunc(o.Users, func(u *options.User) bool { return u != nil && is(u.Account) }) ||
		slices.ContainsFunc(o.Nkeys, func(u *options.NkeyUser) bool { return u != nil && is(u.Account) })
}

// Contradictions says which ways to log in exclude each other.
func Contradictions(o *options.Options) (texts []string) {
	ofAuthorization := o.Users != nil && len(o.Users)+len(o.Nkeys) == 0
	ofAccounts := false
	count := func(a *options.Account) {
		ofAuthorization, ofAccounts = ofAuthorization || a == nil, ofAccounts || a != nil
	}
	for _, u := range o.Users {
		if u != nil {
			count(u.Account)
		}
	}
	for _, u := range o.Nkeys {
		if u != nil {
			count(u.Account)
		}
	}
	single, token := o.Username != "", o.Authorization != ""
	for _, c := range []struct {
		both bool
		text string
	}{
		{(single || o.Password != "") && token, "Cannot have a user/pass and token"},
		{single && ofAuthorization, "Can not have a single user/pass and a users array"},
		{single && ofAccounts, "Can not have a single user/pass and accounts"},
		{token && ofAuthorization, "Can not have a token and a users array"},
		{token && ofAccounts, "Can not have a token and accounts"},
	} {
		if c.both {
			texts = append(texts, c.text)
		}
	}
	return texts
}

// ShownKey is a public key as error texts may show it. Who writes a seed in its place shall not find
// it in a log.
func ShownKey(key string) string {
	if strings.HasPrefix(key, "S") {
		return "[REDACTED]"
	}
	return key
}

// UnknownKinds returns those that are no kinds of connections.
func UnknownKinds(kinds []string) (bad []string) {
	known := []string{options.ConnectionStandard, options.ConnectionWebsocket, options.ConnectionLeafnode, options.ConnectionLeafnodeWS,
		options.ConnectionMQTT, options.ConnectionMQTTWS, options.ConnectionInProcess}
	for _, kind := range kinds {
		if !slices.Contains(known, kind) {
			bad = append(bad, kind)
		}
	}
	return bad
}
