package config

import (
	"slices"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/conf"
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

type calloutOpts = *options.AuthCallout

// calloutBlock are the settings of auth_callout.
var calloutBlock = block[calloutOpts]{path: "authorization.auth_callout", unknown: "Unknown field %q parsing authorization callout",
	keys: []key[calloutOpts]{
		text("issuer", func(a calloutOpts) *string { return &a.Issuer }).help("public key of the account that signs the service's answers"),
		made("auth_users users", "list", func(a calloutOpts) *[]string { return &a.AuthUsers }, func(d *decoder, p *conf.Pair, a calloutOpts) {
			a.AuthUsers = d.names(p)
		}).help("names or nkeys of users that it is not asked about, as the service itself"),
		text("account acc", func(a calloutOpts) *string { return &a.Account }).help("account of the service").unset(options.GlobalAccount),
		text("xkey key", func(a calloutOpts) *string { return &a.XKey }).help("public curve key that requests are encrypted for").unset("not encrypted"),
		made("allowed_accounts", "list", func(a calloutOpts) *[]string { return &a.AllowedAccounts }, func(d *decoder, p *conf.Pair, a calloutOpts) {
			a.AllowedAccounts = d.names(p)
		}).help("accounts whose users it is asked about").unset("all"),
	},
}

func (d *decoder) authCallout(p *conf.Pair, l *login) {
	if b, ok := d.fields(p); ok {
		l.AuthCallout = &options.AuthCallout{}
		calloutBlock.decode(d, b, l.AuthCallout)
	}
}

// callout checks the service that decides who may enter.
func (c *checker) callout(o opts) {
	a := o.AuthCallout
	if a == nil {
		return
	}
	at := func(key string) refusal {
		return c.about("authorization.auth_callout."+key, "authorization.auth_callout")
	}
	refuse := at("issuer")
	refuse(a.Issuer == "", errCalloutNoIssuer)
	refuse(a.Issuer != "" && !nkeys.IsValidPublicAccountKey(a.Issuer), errCalloutIssuer, shown(a.Issuer))
	at("xkey")(a.XKey != "" && !nkeys.IsValidPublicCurveKey(a.XKey), errCalloutXKey, shown(a.XKey))
	account := a.Account
	if account == "" {
		account = options.GlobalAccount
	}
	at("account")(!isAccount(o, account), errCalloutAccount, account)
	refuse = at("auth_users")
	refuse(len(a.AuthUsers) == 0, errCalloutNoUsers)
	for _, name := range a.AuthUsers {
		refuse(!hasUser(o, name, account), errCalloutUser, shown(name), account)
	}
	for _, name := range a.AllowedAccounts {
		at("allowed_accounts")(!isAccount(o, name), errCalloutAllowed, name)
	}
}

// hasUser reports whether an account has a user of that name or nkey.
func hasUser(o opts, name, account string) bool {
	return account == options.GlobalAccount && name != "" && name == o.Username ||
		slices.ContainsFunc(o.Users, func(u *options.User) bool {
			return u != nil && u.Username == name && nameOf(u.Account) == account
		}) ||
		slices.ContainsFunc(o.Nkeys, func(u *options.NkeyUser) bool {
			return u != nil && u.Nkey == name && nameOf(u.Account) == account
		})
}
