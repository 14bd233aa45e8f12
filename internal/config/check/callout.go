package check

import (
	"slices"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/server/options"
)

// Error texts about callouts.
const (
	errCalloutNoIssuer = "Authorization callouts require an issuer to be specified"
	errCalloutIssuer   = "Expected callout user to be a valid public account nkey, got %q"
	errCalloutNoUsers  = "Authorization callouts require authorized users to be specified"
	errCalloutXKey     = "Expected callout xkey to be a valid public xkey, got %q"
	errCalloutAllowed  = "auth_callout allowed account %q not found in configured accounts"
	errCalloutAccount  = "Authorization callout account %q not valid"
	errCalloutUser     = "Authorization callout user %q not valid: there is no such user in account %q"
)

// callout checks the service that decides who may enter.
func (c *checker) callout(o *options.Options) {
	a := o.AuthCallout
	if a == nil {
		return
	}
	at := func(key string) refusal {
		return c.about("authorization.auth_callout."+key, "authorization.auth_callout")
	}
	refuse := at("issuer")
	refuse(a.Issuer == "", errCalloutNoIssuer)
	refuse(a.Issuer != "" && !nkeys.IsValidPublicAccountKey(a.Issuer), errCalloutIssuer, ShownKey(a.Issuer))
	at("xkey")(a.XKey != "" && !nkeys.IsValidPublicCurveKey(a.XKey), errCalloutXKey, ShownKey(a.XKey))
	account := a.Account
	if account == "" {
		account = options.GlobalAccount
	}
	at("account")(!IsAccount(o, account), errCalloutAccount, account)
	refuse = at("auth_users")
	refuse(len(a.AuthUsers) == 0, errCalloutNoUsers)
	for _, name := range a.AuthUsers {
		refuse(!hasUser(o, name, account), errCalloutUser, ShownKey(name), account)
	}
	for _, name := range a.AllowedAccounts {
		at("allowed_accounts")(!IsAccount(o, name), errCalloutAllowed, name)
	}
}

// hasUser reports whether an account has a user of that name or nkey.
func hasUser(o *options.Options, name, account string) bool {
	in := func(a *options.Account) bool {
		return a == nil && account == options.GlobalAccount || a != nil && a.Name == account
	}
	return account == options.GlobalAccount && name != "" && name == o.Username ||
		slices.ContainsFunc(o.Users, func(u *options.User) bool { return u != nil && u.Username == name && in(u.Account) }) ||
		slices.ContainsFunc(o.Nkeys, func(u *options.NkeyUser) bool { return u != nil && u.Nkey == name && in(u.Account) })
}
