package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
)

// Fingerprint is the SHA-256 of c's public key with its algorithm (the DER SubjectPublicKeyInfo),
// as 64 lower-case hex digits. It stays when a certificate is renewed with the same key.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// Pinned reports whether set, of fingerprints in lower case, has the first certificate of chain;
// a nil set has all. Only that one counts: it is the one whose key the other side has proven to
// own, the rest of a chain anybody can send. No certificate is in no set.
func Pinned(set map[string]struct{}, chain []*x509.Certificate) bool {
	if set == nil {
		return true
	}
	if len(chain) == 0 {
		return false
	}
	_, ok := set[Fingerprint(chain[0])]
	return ok
}

// ValidFingerprint reports whether s looks like a fingerprint: 64 hex digits, of any case. Those
// for Pinned are in lower case.
func ValidFingerprint(s string) bool {
	if len(s) != hex.EncodedLen(sha256.Size) {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}
