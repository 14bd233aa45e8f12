package config

// hints say what to do about errors, by the formats of their texts. The texts are those that
// operators search for; the hint stands behind them.
var hints = map[string]string{
	errPort:                                            "ports go from 1 to 65535, and -1 is a free one",
	"could not parse port %q":                          "write a number",
	"expected port or host:port, got %s":               `write 4222, or "127.0.0.1:4222"`,
	"error parsing tags: unsupported type %s":          "write server_tags: [ ... ]",
	"expected proxies to be a map/struct, got %s":      "write proxies { trusted: [ { key: ... } ] }",
	"invalid proxy key %q":                             "write the public nkey of the proxy, 56 characters",
	"system account name must be a string":             "put it in quotes",
	errHTTPS:                                           "add tls { cert_file: ..., key_file: ... }, or use http",
	errHTTPAndHTTPS:                                    "keep one of them",
	errPayload:                                         "lower max_payload or raise max_pending",
	errGrace:                                           "lower lame_duck_grace_period or raise lame_duck_duration",
	errAdvertise:                                       "write host or host:port, with an IPv6 host in brackets",
	"missing 'cert_file' in TLS configuration":         "name the certificate with cert_file and its key with key_file",
	"unrecognized cipher %s":                           "--help_tls lists them",
	"unrecognized curve preference %s":                 "--help_tls lists them",
	"field %q's value %q is invalid":                   `write true, false, auto, or a duration, as "50ms"`,
	"field %q should be a boolean or a string, got %s": `write true, false, auto, or a duration, as "50ms"`,

	errUserKey:       "the public key begins with U; the seed, which begins with SU, stays with the user",
	errAccountKey:    "the public key of an account begins with A",
	errDuplicateUser: "names are unique over authorization and all accounts",
	errDuplicateNkey: "keys are unique over authorization and all accounts",
	errNoUser:        "add user: NAME, or nkey: KEY",
	errKinds:         "known are STANDARD, WEBSOCKET, LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS and IN_PROCESS",
	errNoAccountName: "write accounts { NAME { ... } }",
	errLonePassword:  "add the user, or use a token",
	errNobody:        "add the user to authorization { users: [ ... ] }",
	errNoSuchUser:    "name one of the users",
	errNoAccount:     "add it to accounts { }",

	"Nkey users do not take usernames or passwords":            "make it two users",
	"Expected users field to be an array, got %s":              "write users: [ { user: NAME, password: ... } ]",
	"Expected user entry to be a map/struct, got %s":           "write { user: NAME, password: ... }",
	"Expected permissions to be a map/struct, got %s":          "write permissions { publish: ..., subscribe: ... }",
	"Expected map entries for accounts":                        "write NAME { ... }",
	"expected accounts to be a map or a list of names, got %s": "write accounts { NAME { ... } }",
	"%q is a Reserved Account":                                 "choose another name; users of $G stand in authorization { }",
	"Cannot have a user/pass and token":                        "keep one of them",
	"Can not have a single user/pass and a users array":        "put the login among the users",
	"Can not have a single user/pass and accounts":             "put the login among the users",
	"Can not have a token and a users array":                   "remove the token, or the users",
	"Can not have a token and accounts":                        "remove the token, or the users of accounts",
	"error parsing expires, not a duration string":             quoted,
	"error parsing expires: %v":                                quoted,

	"an export needs a stream or a service":     "write { stream: SUBJECT } or { service: SUBJECT }",
	"an import needs a stream or a service":     "write { stream: { account: NAME, subject: SUBJECT } } or { service: ... }",
	"Expect an account name and a subject":      "write { account: NAME, subject: SUBJECT }",
	"Unknown response type: %q":                 "write single, stream or chunked",
	"bad sampling percentage, should be 1-100":  "or headers, to leave it to those of requests",
	"Missing weight for mapping destination %q": "add weight: 100",
	errImportAccount:                            "add it to accounts { }",
	errOperator:                                 "write the JWT of an operator, or the name of a file with it",
	errTrustedKey:                               "the public key of an operator begins with O",
	errPinnedAccount:                            "the public key of an account begins with A",
	errResolver:                                 `write MEMORY, URL(https://...), or { type: full, dir: "./jwt" }`,
	errPreloadMap:                               "write resolver_preload { KEY: JWT }",
	errPreloadText:                              "put it in quotes",
	errDir:                                      "name a folder, or one that can be made",
	errCalloutNoIssuer:                          "add issuer: KEY",
	errCalloutNoUsers:                           "add auth_users: [ NAME ]",
	errCalloutUser:                              "add it to the users of that account",
	errCalloutAllowed:                           "add it to accounts { }",
	errOIDCAudience:                             "add audience: NAME, which the provider puts into its tokens for this server",
	errOIDCIssuer:                               "add issuer: URL",
	errOIDCAccount:                              "add it to accounts { }",
	"operators require an account resolver to be configured":       `add resolver: MEMORY, or resolver { type: full, dir: "./jwt" }`,
	"operators do not allow Accounts to be configured directly":    "they come from the resolver; remove accounts or the operator",
	"operators do not allow users to be configured directly":       "users are JWTs; remove them or the operator",
	"conflicting options for 'TrustedKeys' and 'TrustedOperators'": "keep one of them",
	"default sentinel requires operators and accounts":             "add operator and resolver, or remove default_sentinel",
	"system account not setup":                                     "latency needs one: remove no_system_account",

	"error parsing response permissions, expected a boolean or a map": `write true, or { max: 1, expires: "2m" }`,
}

// hinted is an error text with its hint, if there is one.
func hinted(format, text string) string {
	hint := hints[format]
	if hint == "" {
		hint = hints[text]
	}
	if hint == "" {
		return text
	}
	return text + "; " + hint
}
