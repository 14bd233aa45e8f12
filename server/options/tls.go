package options

import (
	"crypto/tls"
	"time"
)

// TLSConfigOpts are what a TLS configuration is made from: the content of a tls block.
type TLSConfigOpts struct {
	// CertFile and KeyFile name the PEM files of a certificate with its chain and of its key.
	CertFile, KeyFile string
	// Certificates are several such pairs, of which the client's wish chooses; not together with
	// CertFile.
	Certificates []*TLSCertPairOpt
	// CaFile names a PEM bundle of the authorities that are trusted; empty for the system's.
	CaFile string
	// Verify demands a certificate of clients. Map demands it and takes the user from it.
	Verify, Map bool
	// Insecure accepts every certificate of servers that are dialled.
	Insecure bool
	// MinVersion is the oldest version spoken, as in crypto/tls; 0 for TLS 1.2, the oldest possible.
	MinVersion uint16
	// Ciphers are the suites for TLS 1.2; empty for all that are secure.
	Ciphers []uint16
	// AllowInsecureCiphers accepts names of insecure suites in a file.
	AllowInsecureCiphers bool
	// CurvePreferences are the key exchanges; empty for all.
	CurvePreferences []tls.CurveID
	// Timeout is the time for a handshake, in seconds; 0 for 2.
	Timeout float64
	// RateLimit bounds the handshakes per second; 0 for no bound.
	RateLimit int64
	// HandshakeFirst begins with the handshake, before INFO; with a positive FallbackDelay only if
	// the client begins one in that time.
	HandshakeFirst bool
	FallbackDelay  time.Duration
	// PinnedCerts are the certificates that are accepted; nil for all that verify.
	PinnedCerts PinnedCertSet
}

// TLSCertPairOpt names the PEM files of one certificate and its key.
type TLSCertPairOpt struct {
	CertFile, KeyFile string
}
