package check

// Formats of error texts that a file is also told where it says what is wrong.
const (
	ServerNameSpaces = "server name cannot contain spaces"
	BadPort          = "port %d is not a port"
	NoUserName       = "User entry requires a user"
	BadUserKey       = "Not a valid public nkey for a user"
	DuplicateUser    = "Duplicate user %q detected"
	DuplicateNkey    = "Duplicate nkey %q detected"
	BadKinds         = "invalid connection types %q"
	BadAccountKey    = "Not a valid public nkey for an account: %q"
	DuplicateAccount = "Duplicate Account Entry: %s"
	NoAccountName    = "an account needs a name"
	NoImportAccount  = "%q account not defined for %s import" // account, kind
	BadPin           = "error parsing tls config, 'pinned_certs' key %s does not look like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo"
	BadResolver      = `error parsing account resolver, should be MEM or  URL("url") or a map containing dir and type state=[FULL|CACHE])`
	BadPreload       = "invalid account JWT"
	BadPinnedAccount = "pinned account key %q is not a valid public account nkey"
)

// Formats of other error texts, about logins, ports and sizes.
const (
	errLonePassword    = "a password needs a user"
	errNobody          = `no_auth_user: "%s" present, but users/nkeys are not defined`
	errNoSuchUser      = `no_auth_user: "%s" not present as user or nkey in authorization block or account configuration`
	errNoAccount       = "error resolving system account: account %q missing"
	errHTTPS           = "Can't start monitoring: TLS cert and key required for HTTPS"
	errHTTPAndHTTPS    = "Can't start monitoring: can't specify both HTTP (%v) and HTTPs (%v) ports"
	errPayload         = "max_payload (%v) cannot be higher than max_pending (%v)"
	errGrace           = "lame duck grace period (%v) should be strictly lower than lame duck duration (%v)"
	errAdvertise       = "Error setting server INFO with ClientAdvertise value of %s, err=%v"
	errAdvertiseReload = "invalid ClientAdvertise value of %s, err=%v"
)

// hints say what to do about errors, by the formats of their texts.
var hints = map[string]string{
	BadPort:         "ports go from 1 to 65535, and -1 is a free one",
	errHTTPS:        "add tls { cert_file: ..., key_file: ... }, or use http",
	errHTTPAndHTTPS: "keep one of them",
	errPayload:      "lower max_payload or raise max_pending",
	errGrace:        "lower lame_duck_grace_period or raise lame_duck_duration",
	errAdvertise:    "write host or host:port, with an IPv6 host in brackets",

	BadUserKey:      "the public key begins with U; the seed, which begins with SU, stays with the user",
	BadAccountKey:   "the public key of an account begins with A",
	DuplicateUser:   "names are unique over authorization and all accounts",
	DuplicateNkey:   "keys are unique over authorization and all accounts",
	NoUserName:      "add user: NAME, or nkey: KEY",
	BadKinds:        "known are STANDARD, WEBSOCKET, LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS and IN_PROCESS",
	NoAccountName:   "write accounts { NAME { ... } }",
	errLonePassword: "add the user, or use a token",
	errNobody:       "add the user to authorization { users: [ ... ] }",
	errNoSuchUser:   "name one of the users",
	errNoAccount:    "add it to accounts { }",

	"Cannot have a user/pass and token":                 "keep one of them",
	"Can not have a single user/pass and a users array": "put the login among the users",
	"Can not have a single user/pass and accounts":      "put the login among the users",
	"Can not have a token and a users array":            "remove the token, or the users",
	"Can not have a token and accounts":                 "remove the token, or the users of accounts",

	NoImportAccount:    "add it to accounts { }",
	BadPinnedAccount:   "the public key of an account begins with A",
	BadResolver:        `write MEMORY, URL(https://...), or { type: full, dir: "./jwt" }`,
	errCalloutNoIssuer: "add issuer: KEY",
	errCalloutNoUsers:  "add auth_users: [ NAME ]",
	errCalloutUser:     "add it to the users of that account",
	errCalloutAllowed:  "add it to accounts { }",
	errOIDCAudience:    "add audience: NAME, which the provider puts into its tokens for this server",
	errOIDCIssuer:      "add issuer: URL",
	errOIDCAccount:     "add it to accounts { }",

	"operators require an account resolver to be configured":       `add resolver: MEMORY, or resolver { type: full, dir: "./jwt" }`,
	"operators do not allow Accounts to be configured directly":    "they come from the resolver; remove accounts or the operator",
	"operators do not allow users to be configured directly":       "users are JWTs; remove them or the operator",
	"conflicting options for 'TrustedKeys' and 'TrustedOperators'": "keep one of them",
	"default sentinel requires operators and accounts":             "add operator and resolver, or remove default_sentinel",
	"system account not setup":                                     "latency needs one: remove no_system_account",
}

// Hint is what to do about an error whose text was made of a format, or is that itself; empty if
// there is nothing to say.
func Hint(format string) string { return hints[format] }
