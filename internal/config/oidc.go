package config

import (
	"time"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/server/options"
)

type oidcOpts = *options.OIDC

// oidcBlock are the settings of oidc.
var oidcBlock = block[oidcOpts]{path: "authorization.oidc", unknown: unknownField, keys: []key[oidcOpts]{
	text("issuer", func(o oidcOpts) *string { return &o.Issuer }).help("URL of the provider, as its tokens name it"),
	made("audience", "list", func(o oidcOpts) *[]string { return &o.Audience }, func(d *decoder, p *conf.Pair, o oidcOpts) {
		o.Audience = d.names(p)
	}).help("who the tokens are for: one of these"),
	text("jwks_url", func(o oidcOpts) *string { return &o.JWKSURL }).help("where the provider's keys are").unset("the provider is asked"),
	text("ca_file", func(o oidcOpts) *string { return &o.CAFile }).help("authorities that vouch for the provider, PEM").unset("the system's"),
	made("algorithms", "list", func(o oidcOpts) *[]string { return &o.Algorithms }, func(d *decoder, p *conf.Pair, o oidcOpts) {
		o.Algorithms = d.names(p)
	}).help("signatures that are accepted").unset("RS256, ES256, EdDSA"),
	duration("clock_skew", func(o oidcOpts) *time.Duration { return &o.ClockSkew }).check(notNegative).
		help("how far clocks may differ").unset("30s"),
	text("user_claim", func(o oidcOpts) *string { return &o.UserClaim }).help("claim that is the user's name").unset("sub"),
	text("account", func(o oidcOpts) *string { return &o.Account }).help("account of those that nothing else puts elsewhere").
		unset(options.GlobalAccount),
	text("account_claim", func(o oidcOpts) *string { return &o.AccountClaim }).help("claim that names the account").unset("none"),
	made("allowed_accounts", "list", func(o oidcOpts) *[]string { return &o.AllowedAccounts }, func(d *decoder, p *conf.Pair, o oidcOpts) {
		o.AllowedAccounts = d.names(p)
	}).help("accounts that account_claim may name").unset("all but the system account"),
	text("publish_claim", func(o oidcOpts) *string { return &o.PublishClaim }).help("claim that lists subjects to publish").unset("none"),
	text("subscribe_claim", func(o oidcOpts) *string { return &o.SubscribeClaim }).help("claim that lists subjects to subscribe to").unset("none"),
	special("permissions", "map", func(d *decoder, p *conf.Pair, o oidcOpts) { o.Permissions = d.permissions(p) }).
		help("of those whom no claim or role gives any; {{claim(name)}} stands for the value of a claim").unset("no bound"),
	text("roles_claim", func(o oidcOpts) *string { return &o.RolesClaim }).help("claim that lists roles; one of roles has to be there").unset("none"),
	special("roles", "map of maps", (*decoder).roles).help("what roles allow, by their names"),
	number("max_subscriptions", func(o oidcOpts) *int { return &o.MaxSubscriptions }).help("subscriptions of a connection").unset("0, no bound"),
	number("max_payload", func(o oidcOpts) *int { return &o.MaxPayload }).help("largest message, in bytes").unset("0, no bound"),
}}

// roleBlock are the settings of a role.
var roleBlock = block[*options.OIDCRole]{path: "authorization.oidc.roles", unknown: unknownField, keys: []key[*options.OIDCRole]{
	text("account", func(r *options.OIDCRole) *string { return &r.Account }).help("account of those with the role; the first such role counts"),
	special("permissions", "map", func(d *decoder, p *conf.Pair, r *options.OIDCRole) { r.Permissions = d.permissions(p) }).
		help("what it allows; those of several roles add up").unset("no bound"),
}}

func (d *decoder) oidc(p *conf.Pair, l *login) {
	if b, ok := d.fields(p); ok {
		l.OIDC = &options.OIDC{}
		oidcBlock.decode(d, b, l.OIDC)
	}
}

func (d *decoder) roles(p *conf.Pair, o oidcOpts) {
	b, ok := d.fields(p)
	if !ok {
		return
	}
	o.Roles = nil
	for _, entry := range b.Pairs {
		if entry.Used { // a variable that stands among the roles
			continue
		}
		if inner, ok := d.fields(entry); ok {
			r := &options.OIDCRole{Name: entry.Key}
			roleBlock.decode(d, inner, r)
			o.Roles = append(o.Roles, r)
		}
	}
}
