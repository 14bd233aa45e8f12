package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/server/options"
)

// Error texts that files and embedding programs may both be told.
const (
	errSpaces           = "server name cannot contain spaces"
	errPort             = "port %d is not a port"
	errNoUser           = "User entry requires a user"
	errUserKey          = "Not a valid public nkey for a user"
	errDuplicateUser    = "Duplicate user %q detected"
	errDuplicateNkey    = "Duplicate nkey %q detected"
	errKinds            = "invalid connection types %q"
	errAccountKey       = "Not a valid public nkey for an account: %q"
	errDuplicateAccount = "Duplicate Account Entry: %s"
	errNoAccountName    = "an account needs a name"
	errLonePassword     = "a password needs a user"
	errNobody           = `no_auth_user: "%s" present, but users/nkeys are not defined`
	errNoSuchUser       = `no_auth_user: "%s" not present as user or nkey in authorization block or account configuration`
	errNoAccount        = "error resolving system account: account %q missing"
	errHTTPS            = "Can't start monitoring: TLS cert and key required for HTTPS"
	errHTTPAndHTTPS     = "Can't start monitoring: can't specify both HTTP (%v) and HTTPs (%v) ports"
	errPayload          = "max_payload (%v) cannot be higher than max_pending (%v)"
	errGrace            = "lame duck grace period (%v) should be strictly lower than lame duck duration (%v)"
	errAdvertise        = "Error setting server INFO with ClientAdvertise value of %s, err=%v"
	errAdvertiseReload  = "invalid ClientAdvertise value of %s, err=%v"
	errBoth             = "error parsing tls config, cannot combine 'cert_file' option with 'certs' option"
	errPin              = "error parsing tls config, 'pinned_certs' key %s does not look like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo"
)

// logins checks who may enter, and the accounts.
func (c *checker) logins(o *options.Options) {
	refuse := c.about("authorization.user", "authorization.password", "authorization.token", "authorization.users", "authorization")
	for _, contradiction := range loginContradictions(o) {
		refuse(true, "%s", contradiction)
	}
	refuse(o.Password != "" && o.Username == "", errLonePassword) // alone it would let everybody in
	taken := map[string]bool{}
	for _, u := range o.Users {
		if u == nil {
			refuse(true, "users: an entry is nil")
			continue
		}
		refuse(u.Username == "", errNoUser)
		refuse(taken[u.Username], errDuplicateUser, u.Username)
		taken[u.Username] = true
		checkRights(u.Username, u.Permissions, u.AllowedConnectionTypes, refuse)
	}
	for _, u := range o.Nkeys {
		if u == nil {
			refuse(true, "nkeys: an entry is nil")
			continue
		}
		refuse(!nkeys.IsValidPublicUserKey(u.Nkey), errUserKey)
		refuse(taken[u.Nkey], errDuplicateNkey, shown(u.Nkey))
		taken[u.Nkey] = true
		checkRights(shown(u.Nkey), u.Permissions, u.AllowedConnectionTypes, refuse)
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
	return shown(p.Key)
}

// checkRights checks what a user may do.
func checkRights(user string, p *options.Permissions, kinds map[string]struct{}, refuse refusal) {
	if p != nil {
		_, err := perm.Compile(Rules(p))
		refuse(err != nil, "permissions of %q: %v", user, err)
	}
	bad := unknownKinds(slices.Sorted(maps.Keys(kinds)))
	refuse(len(bad) > 0, errKinds, bad)
}

// Rules are permissions as the bus knows them; nil restricts nothing. They share p's lists.
func Rules(p *options.Permissions) perm.Rules {
	if p == nil {
		return perm.Rules{}
	}
	r := perm.Rules{Publish: subjectList(p.Publish), Subscribe: subjectList(p.Subscribe)}
	if p.Response != nil {
		r.Responses = &perm.Responses{Max: p.Response.MaxMsgs, Expires: p.Response.Expires}
	}
	return r
}

func subjectList(p *options.SubjectPermission) perm.List {
	if p == nil {
		return perm.List{}
	}
	return perm.List{Allow: p.Allow, Deny: p.Deny}
}

func (c *checker) accounts(o *options.Options) {
	refuse := c.about("accounts")
	taken := map[string]bool{}
	for _, a := range o.Accounts {
		if a == nil {
			refuse(true, "accounts: an entry is nil")
			continue
		}
		refuse(a.Name == "", errNoAccountName)
		refuse(taken[a.Name], errDuplicateAccount, a.Name)
		taken[a.Name] = true
		refuse(a.Nkey != "" && !nkeys.IsValidPublicAccountKey(a.Nkey), errAccountKey, shown(a.Nkey))
	}
	name, refuse := o.SystemAccount, c.about("system_account", "accounts")
	refuse(name != "" && name != options.DefaultSystemAccount && !hasAccount(o, name) && !byOperators(o), errNoAccount, name)
	refuse(name == options.GlobalAccount, "the account %q of everybody can not be the system account", name)
}

// hasAccount reports whether there is an account of that name, be it that of a user.
func hasAccount(o *options.Options, name string) bool {
	is := func(a *options.Account) bool { return a != nil && a.Name == name }
	return slices.ContainsFunc(o.Accounts, is) ||
		slices.ContainsFunc(o.Users, func(u *options.User) bool { return u != nil && is(u.Account) }) ||
		slices.ContainsFunc(o.Nkeys, func(u *options.NkeyUser) bool { return u != nil && is(u.Account) })
}

// loginContradictions says which ways to log in exclude each other.
func loginContradictions(o *options.Options) (texts []string) {
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

// shown is a public key as error texts may show it. Who writes a seed in its place shall not find
// it in a log.
func shown(key string) string {
	if strings.HasPrefix(key, "S") {
		return "[REDACTED]"
	}
	return key
}
