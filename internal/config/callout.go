package config

import (
	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/server/options"
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
