package options

import "time"

// User is somebody who enters with a name and a password, or by a certificate that names him.
type User struct {
	// Username is unique among the users of all accounts.
	Username string
	// Password is the password or its bcrypt hash, which begins with $2a$, $2b$, $2x$ or $2y$.
	Password string
	// Permissions bound what the user may do; nil for no bound. Whoever reads a configuration
	// file puts the default permissions of a block here.
	Permissions *Permissions
	// Account is where the user belongs; nil for the default account $G.
	Account *Account
	// AllowedConnectionTypes are the kinds of connections the user may enter by, in upper case
	// as in ConnectionTypes; empty for all.
	AllowedConnectionTypes map[string]struct{}
	// ProxyRequired refuses the user unless the connection comes through a trusted proxy.
	ProxyRequired bool
}

// NkeyUser is somebody who proves who he is with the signature of a nonce.
type NkeyUser struct {
	// Nkey is the public key: 56 characters that begin with U.
	Nkey string
	// The other fields are those of User.
	Permissions            *Permissions
	Account                *Account
	AllowedConnectionTypes map[string]struct{}
	ProxyRequired          bool
}

// Permissions are what a user may publish and subscribe to. A nil part sets no bound.
type Permissions struct {
	Publish   *SubjectPermission
	Subscribe *SubjectPermission
	// Response allows to publish to the reply subjects of messages that were received.
	Response *ResponsePermission
}

// SubjectPermission allows and denies subjects, which may have wildcards. Entries for
// subscriptions may have the form "subject queue".
type SubjectPermission struct {
	// Allow is what is allowed; empty for everything.
	Allow []string
	// Deny is what is not, though Allow says so.
	Deny []string
}

// ResponsePermission bounds the publishes to a reply subject.
type ResponsePermission struct {
	// MaxMsgs is how many messages may be published; 0 for 1, negative for any number.
	MaxMsgs int
	// Expires is for how long; 0 for 2 min, negative for ever.
	Expires time.Duration
}

// ProxyConfig is a proxy whose signature counts.
type ProxyConfig struct {
	// Key is its public nkey, of any kind.
	Key string
}

// ProxiesConfig are the proxies that may vouch for connections.
type ProxiesConfig struct {
	Trusted []*ProxyConfig
}

// PinnedCertSet holds the SHA-256 of the DER SubjectPublicKeyInfo of certificates, as 64
// hexadecimal digits in lower case.
type PinnedCertSet map[string]struct{}

// Kinds of connections that a user may be bound to.
const (
	ConnectionStandard   = "STANDARD"
	ConnectionWebsocket  = "WEBSOCKET"
	ConnectionLeafnode   = "LEAFNODE"
	ConnectionLeafnodeWS = "LEAFNODE_WS"
	ConnectionMQTT       = "MQTT"
	ConnectionMQTTWS     = "MQTT_WS"
	ConnectionInProcess  = "IN_PROCESS"
)
