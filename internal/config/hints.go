package config

import (
	"cmp"

	"github.com/baridmq/barid/internal/config/check"
)

// hints say what to do about errors, by the formats of their texts. The texts are those that
// operators search for; the hint stands behind them. Package check has those of its own.
var hints = map[string]string{
	"could not parse port %q":                          "write a number",
	"expected port or host:port, got %s":               `write 4222, or "127.0.0.1:4222"`,
	"error parsing tags: unsupported type %s":          "write server_tags: [ ... ]",
	"expected proxies to be a map/struct, got %s":      "write proxies { trusted: [ { key: ... } ] }",
	"invalid proxy key %q":                             "write the public nkey of the proxy, 56 characters",
	"system account name must be a string":             "put it in quotes",
	"missing 'cert_file' in TLS configuration":         "name the certificate with cert_file and its key with key_file",
	"unrecognized cipher %s":                           "--help_tls lists them",
	"unrecognized curve preference %s":                 "--help_tls lists them",
	"field %q's value %q is invalid":                   `write true, false, auto, or a duration, as "50ms"`,
	"field %q should be a boolean or a string, got %s": `write true, false, auto, or a duration, as "50ms"`,

	"Nkey users do not take usernames or passwords":            "make it two users",
	"Expected users field to be an array, got %s":              "write users: [ { user: NAME, password: ... } ]",
	"Expected user entry to be a map/struct, got %s":           "write { user: NAME, password: ... }",
	"Expected permissions to be a map/struct, got %s":          "write permissions { publish: ..., subscribe: ... }",
	"Expected map entries for accounts":                        "write NAME { ... }",
	"expected accounts to be a map or a list of names, got %s": "write accounts { NAME { ... } }",
	"%q is a Reserved Account":                                 "choose another name; users of $G stand in authorization { }",
	"error parsing expires, not a duration string":             quoted,
	"error parsing expires: %v":                                quoted,

	"an export needs a stream or a service":     "write { stream: SUBJECT } or { service: SUBJECT }",
	"an import needs a stream or a service":     "write { stream: { account: NAME, subject: SUBJECT } } or { service: ... }",
	"Expect an account name and a subject":      "write { account: NAME, subject: SUBJECT }",
	"Unknown response type: %q":                 "write single, stream or chunked",
	"bad sampling percentage, should be 1-100":  "or headers, to leave it to those of requests",
	"Missing weight for mapping destination %q": "add weight: 100",
	errOperator:    "write the JWT of an operator, or the name of a file with it",
	errTrustedKey:  "the public key of an operator begins with O",
	errPreloadMap:  "write resolver_preload { KEY: JWT }",
	errPreloadText: "put it in quotes",
	errDir:         "name a folder, or one that can be made",

	"error parsing response permissions, expected a boolean or a map": `write true, or { max: 1, expires: "2m" }`,
}

// hinted is an error text with its hint, if there is one.
func hinted(format, text string) string {
	hint := cmp.Or(hints[format], check.Hint(format), hints[text], check.Hint(text))
	if hint == "" {
		return text
	}
	return text + "; " + hint
}
