package options

import "time"

// AccountExport offers subjects of an account to others.
type AccountExport struct {
	// Service says that requests are taken; otherwise messages are given.
	Service bool
	// Subject may have wildcards.
	Subject string
	// Accounts are the names of those that may import it; nil for all.
	Accounts []string
	// TokenPosition is the number, from 1, of the token of Subject that has to be the name of the
	// importer; 0 for none.
	TokenPosition int
	// Response is how a service answers: empty or Singleton, Stream, Chunked.
	Response string
	// Threshold is how long a service may take; 0 for 2 min.
	Threshold time.Duration
	// Latency measures a service; nil for not.
	Latency *ServiceLatency
	// AllowTrace lets traces go on in this account.
	AllowTrace bool
}

// ServiceLatency says which requests are measured and where that is published.
type ServiceLatency struct {
	// Sampling is a percentage, 1 to 100; 0 leaves it to the headers of requests.
	Sampling int
	// Subject is where metrics are published, without wildcards.
	Subject string
}

// AccountImport takes what another account exports.
type AccountImport struct {
	// Service says that requests are given; otherwise messages are taken.
	Service bool
	// Account is the name of the exporter, Subject the subject there.
	Account, Subject string
	// To is the subject here; empty for the same. It may order the wildcards of Subject anew.
	To string
	// Share tells a service who asks.
	Share bool
	// AllowTrace lets traces come in with a stream.
	AllowTrace bool
}

// SubjectMapping sends what is published on a subject to others.
type SubjectMapping struct {
	// Source may have wildcards.
	Source string
	// Destinations share the messages by their weights.
	Destinations []*MapDest
}

// MapDest is one destination of a SubjectMapping.
type MapDest struct {
	// Subject may use the functions of mappings, such as {{wildcard(1)}}.
	Subject string `json:"subject"`
	// Weight is a percentage, 0 to 100.
	Weight uint8 `json:"weight"`
	// Cluster is where it holds; empty for everywhere.
	Cluster string `json:"cluster,omitempty"`
}

// Kinds of resolvers, for ResolverConfig.
const (
	ResolverMemory = "MEMORY"
	ResolverURL    = "URL"
	ResolverFull   = "FULL"
	ResolverCache  = "CACHE"
)

// ResolverConfig says where account JWTs come from.
type ResolverConfig struct {
	// Kind is one of the kinds of resolvers.
	Kind string
	// URL is asked for JWTs, by a resolver of that kind.
	URL string
	// Dir holds the JWTs of a full or a cache resolver.
	Dir string
	// AllowDelete lets operators delete accounts, HardDelete removes their files then.
	AllowDelete, HardDelete bool
	// Limit bounds the JWTs in Dir; 0 for no bound of a full resolver and 1000 of a cache.
	Limit int
	// Interval is the time between two comparisons with other full resolvers; default 1 min.
	Interval time.Duration
	// Timeout is how long a JWT may take to come; default 1.9 s.
	Timeout time.Duration
	// TTL is how long a cache keeps what nobody uses; 0 for as long as the JWT is valid.
	TTL time.Duration
}

// AuthCallout lets a service decide who may enter.
type AuthCallout struct {
	// Issuer is the public key of an account that signs the service's answers.
	Issuer string
	// Account is the name of the account that the service is in; default $G.
	Account string
	// AuthUsers are the names or nkeys of users that enter without being asked about, as the service
	// does itself.
	AuthUsers []string
	// XKey is the public curve key that requests are encrypted for; empty for none.
	XKey string
	// AllowedAccounts are the accounts whose users are asked about; empty for all.
	AllowedAccounts []string
}

// OIDC lets those enter that show a token of an OpenID Connect provider.
type OIDC struct {
	// Issuer is the provider's URL, as its tokens name it.
	Issuer string
	// Audience are the values of which a token must have one as its audience; at least one.
	Audience []string
	// JWKSURL is where the provider's keys are; empty to ask the provider, by discovery.
	JWKSURL string
	// CAFile holds the certificates of authorities that may vouch for the provider; empty for those of
	// the system.
	CAFile string
	// Algorithms are the signatures that are accepted; empty for RS256, ES256 and EdDSA.
	Algorithms []string
	// ClockSkew is how far clocks may differ; default 30 s.
	ClockSkew time.Duration
	// UserClaim names the claim that is the user's name; default sub.
	UserClaim string
	// Account is where users belong that no claim or role puts elsewhere; default $G. AccountClaim
	// names the claim that may, empty for none.
	Account, AccountClaim string
	// AllowedAccounts are those that AccountClaim may name; empty for all that are configured but the
	// system account.
	AllowedAccounts []string
	// PublishClaim and SubscribeClaim name claims that list subjects; empty for none.
	PublishClaim, SubscribeClaim string
	// Permissions are those of users that no claim or role gives any. Their subjects may have
	// {{claim(name)}} as a token. nil for no bound.
	Permissions *Permissions
	// RolesClaim names the claim that lists a user's roles; empty for none. A user with such a claim
	// must have at least one of Roles.
	RolesClaim string
	// Roles are what they allow; the permissions of several add up, and the first one with an account,
	// in the order of the file, puts the user there.
	Roles []*OIDCRole
	// MaxSubscriptions and MaxPayload bound its connections; 0 or negative for no bound.
	MaxSubscriptions, MaxPayload int
}

// OIDCRole is what a role of a provider allows.
type OIDCRole struct {
	// Name is the role's.
	Name string
	// Account is where users with that role belong; empty for no say.
	Account string
	// Permissions are as those of OIDC; nil for no bound.
	Permissions *Permissions
}
