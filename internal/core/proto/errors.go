package proto

import (
	"fmt"

	"github.com/baridmq/barid/internal/core/closed"
)

// Error is a protocol error: what is said to the client and what becomes of its connection.
// Errors with Reason closed.Open leave the connection open.
type Error struct {
	// Text is sent as -ERR 'Text'; nothing is sent when it is empty.
	Text string
	// Reason is why the connection is closed.
	Reason closed.Reason
	// Log is the line for the operator; empty for none.
	Log string
}

// Error implements error.
func (e *Error) Error() string {
	switch {
	case e.Log != "":
		return e.Log
	case e.Text != "":
		return e.Text
	}
	return e.Reason.String()
}

// Texts of -ERR. Clients compare them, so the wording is part of the protocol.
const (
	textUnknown    = "Unknown Protocol Operation"
	textMaxPayload = "Maximum Payload Violation"
	textMaxLine    = "maximum control line exceeded"
)

// Errors that sessions raise. They close the connection unless they say otherwise.
var (
	// ErrAuthorization answers failed authentication.
	ErrAuthorization = &Error{Text: "Authorization Violation", Reason: closed.AuthenticationFailure}
	// ErrUserExpired ends a connection whose user's time is over.
	ErrUserExpired = &Error{Text: "User Authentication Expired", Reason: closed.AuthenticationExpired}
	// ErrUserRevoked ends a connection whose user was revoked.
	ErrUserRevoked = &Error{Text: "User Authentication Revoked", Reason: closed.CredentialsRevoked}
	// ErrAccountExpired ends the connections of an account whose time is over, or that was deleted.
	ErrAccountExpired = &Error{Text: "Account Authentication Expired", Reason: closed.AuthenticationExpired}
	// ErrSignerGone ends a connection whose key was signed by one that does not count any more, or
	// counts for less. The client is not told.
	ErrSignerGone = &Error{Reason: closed.AuthenticationFailure}
	// ErrRegistration ends a connection whose account could not take it.
	ErrRegistration = &Error{Text: "Failed Account Registration", Reason: closed.AuthenticationFailure}
	// ErrAuthTimeout ends a connection that did not say who it is in time.
	ErrAuthTimeout = &Error{Text: "Authentication Timeout", Reason: closed.AuthenticationTimeout}
	// ErrProxyNotTrusted answers the signature of an unknown proxy, as failed authentication.
	ErrProxyNotTrusted = &Error{Text: ErrAuthorization.Text, Reason: closed.ProxyNotTrusted}
	// ErrProxyRequired answers a login that has to come through a proxy, as failed authentication.
	ErrProxyRequired = &Error{Text: ErrAuthorization.Text, Reason: closed.ProxyRequired}
	// ErrHandshakeTime ends a connection whose TLS handshake was not finished in time.
	ErrHandshakeTime = &Error{Text: "Secure Connection - TLS Required", Reason: closed.TLSHandshakeFailure}
	// ErrThrottled refuses a connection beyond the rate of TLS handshakes.
	ErrThrottled = &Error{Text: "Connection throttling is active. Please try again later.", Reason: closed.MaxConnections}
	// ErrMaxConnections refuses a connection beyond the server's limit.
	ErrMaxConnections = &Error{Text: "maximum connections exceeded", Reason: closed.MaxConnections, Log: "maximum connections exceeded"}
	// ErrMaxAccountConnections refuses a connection beyond its account's limit.
	ErrMaxAccountConnections = &Error{Text: "maximum account active connections exceeded", Reason: closed.MaxAccountConnections, Log: "maximum account active connections exceeded"}
	// ErrProtocolVersion answers a CONNECT with an unknown protocol number.
	ErrProtocolVersion = &Error{Text: "invalid client protocol", Reason: closed.BadProtocolVersion}
	// ErrNoResponders answers a CONNECT that wants 503 notices without headers.
	ErrNoResponders = &Error{Text: "no responders requires headers support", Reason: closed.NoRespondersNeedHeaders}
	// ErrStale ends a connection that left too many pings unanswered.
	ErrStale = &Error{Text: "Stale Connection", Reason: closed.StaleConnection}
	// ErrArguments ends a connection silently, after a command with wrong arguments.
	ErrArguments = &Error{Reason: closed.ProtocolViolation}
	// ErrMaxSubscriptions refuses a SUB; the connection stays.
	ErrMaxSubscriptions = &Error{Text: "maximum subscriptions exceeded", Log: "maximum subscriptions exceeded"}
	// ErrTooManySubscriptions ends a connection that has more of them than it may have now.
	ErrTooManySubscriptions = &Error{Text: ErrMaxSubscriptions.Text, Reason: closed.MaxSubscriptions, Log: ErrMaxSubscriptions.Log}
	// ErrSubject refuses a SUB; the connection stays.
	ErrSubject = &Error{Text: "Invalid Subject"}
	// ErrPublishSubject is the complaint of a pedantic connection; the message is processed.
	ErrPublishSubject = &Error{Text: "Invalid Publish Subject"}
)

var (
	// ErrUnknown ends a connection that says what is no command.
	ErrUnknown     = &Error{Text: textUnknown, Reason: closed.ProtocolViolation}
	errControlLine = &Error{Text: textMaxLine, Reason: closed.MaxControlLine, Log: textMaxLine}
	errPayload     = &Error{Text: textMaxPayload, Reason: closed.MaxPayload}
)

func payloadLog(size, limit int) string {
	return fmt.Sprintf("maximum payload exceeded: %d vs %d", size, limit)
}

// PublishDenied refuses a publish to subject; the connection stays.
func PublishDenied(subject string) *Error {
	return &Error{Text: fmt.Sprintf("Permissions Violation for Publish to %q", subject), Log: fmt.Sprintf("Publish Violation - Subject %q", subject)}
}

// ReplyDenied refuses a publish with the reply subject reply; the connection stays.
func ReplyDenied(reply string) *Error {
	return &Error{Text: fmt.Sprintf("Permissions Violation for Publish with Reply of %q", reply), Log: fmt.Sprintf("Publish Violation - Reply %q", reply)}
}

// SubscribeDenied refuses a subscription to subject, in the group queue unless that is empty;
// the connection stays.
func SubscribeDenied(subject, queue, sid string) *Error {
	if queue == "" {
		return &Error{
			Text: fmt.Sprintf("Permissions Violation for Subscription to %q", subject),
			Log:  fmt.Sprintf("Subscription Violation - Subject %q, SID %s", subject, sid),
		}
	}
	return &Error{
		Text: fmt.Sprintf("Permissions Violation for Subscription to %q using queue %q", subject, queue),
		Log:  fmt.Sprintf("Subscription Violation - Subject %q, Queue: %q, SID %s", subject, queue, sid),
	}
}

// SubscriptionRevoked tells that the subscription sid to subject, in the group queue unless that
// is empty, was removed as it is not allowed any more; the connection stays.
func SubscriptionRevoked(subject, queue, sid string) *Error {
	if queue == "" {
		return &Error{Text: fmt.Sprintf("Permissions Violation for Subscription to %q (sid %q)", subject, sid)}
	}
	return &Error{Text: fmt.Sprintf("Permissions Violation for Subscription to %q using queue %q (sid %q)", subject, queue, sid)}
}

// TooManyTokens refuses a subscription whose subject has more tokens than allowed; the
// connection stays.
func TooManyTokens(subject string) *Error {
	return &Error{Text: fmt.Sprintf("Permissions Violation for Subscription to %q, too many tokens", subject)}
}
