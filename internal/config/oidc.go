package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/server/options"
)

// Error texts about OpenID Connect.
const (
	errOIDCIssuer    = "oidc needs an issuer"
	errOIDCURL       = "%s %q of oidc has to begin with https://; http:// is for a loopback address only"
	errOIDCAudience  = "oidc needs an audience"
	errOIDCAlgorithm = "algorithm %q of oidc is unknown, or not one of public keys"
	errOIDCAccount   = "account %q of oidc is not configured"
	errOIDCSystem    = "the system account can not be one of oidc"
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

// oidc checks the provider whose tokens let in.
func (c *checker) oidc(o opts) {
	p := o.OIDC
	if p == nil {
		return
	}
	at := func(key string) refusal { return c.about("authorization.oidc."+key, "authorization.oidc") }
	refuse := at("issuer")
	refuse(p.Issuer == "", errOIDCIssuer)
	refuse(p.Issuer != "" && !isSafeURL(p.Issuer), errOIDCURL, "issuer", withoutLogin(p.Issuer))
	at("jwks_url")(p.JWKSURL != "" && !isSafeURL(p.JWKSURL), errOIDCURL, "jwks_url", withoutLogin(p.JWKSURL))
	at("audience")(len(p.Audience) == 0 || slices.Contains(p.Audience, ""), errOIDCAudience)
	for _, a := range p.Algorithms {
		at("algorithms")(!slices.Contains(publicKeyAlgorithms(), a), errOIDCAlgorithm, a)
	}
	at("clock_skew")(p.ClockSkew < 0, "clock_skew of oidc can not be negative")
	account := func(key, name string) {
		at(key)(!isAccount(o, name), errOIDCAccount, name)
		at(key)(name == o.SystemAccount && name != "", errOIDCSystem)
	}
	if p.Account != "" {
		account("account", p.Account)
	}
	for _, name := range p.AllowedAccounts {
		account("allowed_accounts", name)
	}
	at("allowed_accounts")(len(p.AllowedAccounts) > 0 && p.AccountClaim == "", "allowed_accounts of oidc needs account_claim")
	c.oidcRights("permissions", "oidc", p.Permissions)
	at("roles")(len(p.Roles) > 0 && p.RolesClaim == "", "roles of oidc need roles_claim")
	at("roles_claim")(p.RolesClaim != "" && len(p.Roles) == 0, "roles_claim of oidc needs roles")
	taken := map[string]bool{}
	for _, r := range p.Roles {
		if r == nil || r.Name == "" || taken[r.Name] {
			at("roles")(true, "roles of oidc need names, each once")
			continue
		}
		taken[r.Name] = true
		if r.Account != "" {
			account("roles", r.Account)
		}
		c.oidcRights("roles", r.Name, r.Permissions)
	}
}

func (c *checker) oidcRights(key, who string, rights *options.Permissions) {
	if rights == nil {
		return
	}
	_, err := perm.Compile(Rules(rights))
	c.about("authorization.oidc."+key, "authorization.oidc")(err != nil, "permissions of %q: %v", who, err)
}

// publicKeyAlgorithms are the signatures of RFC 7518 and RFC 8037 that need no shared secret.
func publicKeyAlgorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// isSafeURL reports whether nobody between can change what is read from a URL.
func isSafeURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

// withoutLogin is a URL as errors may show it.
func withoutLogin(text string) string {
	return text[strings.LastIndexByte(text, '@')+1:]
}
