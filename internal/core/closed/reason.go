// Package closed names the reasons for which a connection ends.
//
// The texts are part of the operators' interface: they stand in /connz?state=closed, in log
// lines and in disconnect events. The package knows nothing of sockets or verbs.
package closed

// Reason says why a connection ended. The zero value means that it has not ended.
type Reason uint8

// The reasons that barid gives, with the texts that tools search for.
const (
	Open Reason = iota
	ClientClosed
	AuthenticationTimeout
	AuthenticationFailure
	TLSHandshakeFailure
	SlowConsumerPending
	SlowConsumerDeadline
	WriteError
	ReadError
	ParseError
	StaleConnection
	ProtocolViolation
	BadProtocolVersion
	MaxAccountConnections
	MaxConnections
	MaxPayload
	MaxControlLine
	ServerShutdown
	NoRespondersNeedHeaders
	ProxyNotTrusted
	ProxyRequired
	InternalError
	Kicked
	MaxSubscriptions
	AuthenticationExpired
	CredentialsRevoked
	MissingAccount
	reasons
)

// String returns the text shown to operators.
func (r Reason) String() string {
	if r >= reasons {
		return "Unknown State"
	}
	return [reasons]string{
		Open:                    "",
		ClientClosed:            "Client Closed",
		AuthenticationTimeout:   "Authentication Timeout",
		AuthenticationFailure:   "Authentication Failure",
		TLSHandshakeFailure:     "TLS Handshake Failure",
		SlowConsumerPending:     "Slow Consumer (Pending Bytes)",
		SlowConsumerDeadline:    "Slow Consumer (Write Deadline)",
		WriteError:              "Write Error",
		ReadError:               "Read Error",
		ParseError:              "Parse Error",
		StaleConnection:         "Stale Connection",
		ProtocolViolation:       "Protocol Violation",
		BadProtocolVersion:      "Bad Client Protocol Version",
		MaxAccountConnections:   "Maximum Account Connections Exceeded",
		MaxConnections:          "Maximum Connections Exceeded",
		MaxPayload:              "Maximum Message Payload Exceeded",
		MaxControlLine:          "Maximum Control Line Exceeded",
		ServerShutdown:          "Server Shutdown",
		NoRespondersNeedHeaders: "No Responders Requires Headers",
		ProxyNotTrusted:         "Proxy Not Trusted",
		ProxyRequired:           "Proxy Required",
		InternalError:           "Unknown State",
		Kicked:                  "Kicked",
		MaxSubscriptions:        "Maximum Subscriptions Exceeded",
		AuthenticationExpired:   "Authentication Expired",
		CredentialsRevoked:      "Credentials Revoked",
		MissingAccount:          "Missing Account",
	}[r]
}

// Slow reports whether r is one of the two slow consumer reasons.
func (r Reason) Slow() bool { return r == SlowConsumerPending || r == SlowConsumerDeadline }

// Flushes reports whether output that waits for the connection is still written before its
// socket is closed for reason r.
func (r Reason) Flushes() bool {
	return r != ReadError && r != WriteError && r != TLSHandshakeFailure && !r.Slow()
}
