package certs

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// Cipher is the suite with a name of Go's crypto/tls, such as
// TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, and whether it is deemed secure. Case matters.
func Cipher(name string) (id uint16, secure, ok bool) {
	if strings.HasSuffix(name, "_CHACHA20_POLY1305") {
		name += "_SHA256" // what Go left out until 1.14, and old files do
	}
	for _, suite := range suites() {
		if suite.Name == name {
			return suite.ID, !suite.Insecure, true
		}
	}
	return 0, false, false
}

// Ciphers are the names that Cipher knows, the secure ones first.
func Ciphers() []string {
	var names []string
	for _, suite := range suites() {
		names = append(names, suite.Name)
	}
	return names
}

func suites() []*tls.CipherSuite {
	return slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites())
}

// Curve is the key exchange with a name of Go's crypto/tls, such as CurveP256. Case matters.
func Curve(name string) (tls.CurveID, bool) {
	for _, id := range curves() {
		if id.String() == name {
			return id, true
		}
	}
	return 0, false
}

// Curves are the names that Curve knows, the preferred ones first.
func Curves() []string {
	var names []string
	for _, id := range curves() {
		names = append(names, id.String())
	}
	return names
}

func curves() []tls.CurveID {
	return []tls.CurveID{tls.X25519MLKEM768, tls.SecP384r1MLKEM1024, tls.SecP256r1MLKEM768,
		tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
}

// MinVersion is the version that a configuration calls "1.2" or "1.3". Older ones and others are
// errors.
func MinVersion(text string) (uint16, error) {
	switch text {
	case "1.0":
		return 0, unsupported(tls.VersionTLS10)
	case "1.1":
		return 0, unsupported(tls.VersionTLS11)
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("error parsing tls config: unknown version: %v", text)
}

func unsupported(version uint16) error {
	return fmt.Errorf("error parsing tls config: unsupported TLS version: %s", tls.VersionName(version))
}
