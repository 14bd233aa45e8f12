package options

import (
	"crypto/tls"
	"net"
)

// Authentication is a program's own way to decide who may enter. Check is called by many
// goroutines at the same time. It may block for a while; the client waits. It may call the server. A
// shutdown does not wait for it: a call that is not over then goes on, and its result does not count.
type Authentication interface {
	// Check reports whether the connection may enter. It may give it a user with RegisterUser;
	// otherwise it belongs to the default account, without bounds.
	Check(c ClientAuthentication) bool
}

// ClientAuthentication is a connection that asks to enter. It is good for one call of Check.
type ClientAuthentication interface {
	// GetOpts returns what the client said in CONNECT. It is the callee's to read.
	GetOpts() *ClientOpts
	// GetTLSConnectionState returns the state of the encryption, nil for a plain connection.
	GetTLSConnectionState() *tls.ConnectionState
	// RegisterUser makes the connection one of that user: its account and permissions count.
	RegisterUser(*User)
	// RemoteAddress returns the address of the client.
	RemoteAddress() net.Addr
	// GetNonce returns what the client was given to sign, nil for nothing.
	GetNonce() []byte
	// Kind returns the kind of connection; 0 is a client.
	Kind() int
	// GetID returns the number of the connection.
	GetID() uint64
}

// ClientOpts is what a client says of itself in CONNECT.
type ClientOpts struct {
	Echo         bool   `json:"echo"`
	Verbose      bool   `json:"verbose"`
	Pedantic     bool   `json:"pedantic"`
	TLSRequired  bool   `json:"tls_required"`
	Nkey         string `json:"nkey,omitempty"`
	JWT          string `json:"jwt,omitempty"`
	Sig          string `json:"sig,omitempty"`
	Token        string `json:"auth_token,omitempty"`
	Username     string `json:"user,omitempty"`
	Password     string `json:"pass,omitempty"`
	Name         string `json:"name"`
	Lang         string `json:"lang"`
	Version      string `json:"version"`
	Protocol     int    `json:"protocol"`
	Headers      bool   `json:"headers,omitempty"`
	NoResponders bool   `json:"no_responders,omitempty"`
}

// AccountResolver is a source of account JWTs. Its methods are called by any goroutine. One that has
// a method Start(*server.Server) error is a server.AccountResolver, and is started by its server.
type AccountResolver interface {
	// Fetch returns the JWT of the account with that public key.
	Fetch(name string) (string, error)
	// Store keeps the JWT of an account.
	Store(name, jwt string) error
	// IsReadOnly reports whether Store always fails.
	IsReadOnly() bool
	// IsTrackingUpdate reports whether the resolver tells the server of new JWTs by itself.
	IsTrackingUpdate() bool
	// Reload is called when the server's configuration was read again.
	Reload() error
	// Close is called once, last.
	Close()
}
