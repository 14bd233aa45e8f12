package check

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/config/translate"
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

// oidc checks the provider whose tokens let in.
func (c *checker) oidc(o *options.Options) {
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
		at(key)(!IsAccount(o, name), errOIDCAccount, name)
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
	_, err := perm.Compile(translate.Rules(rights))
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
