package config

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/baridmq/barid/internal/transport/certs"
)

// Usage is the text about the command line.
func Usage() string {
	var b strings.Builder
	b.WriteString("Usage: barid [options]\n")
	for _, s := range flagSections {
		fmt.Fprintf(&b, "\n%s:\n", s.title)
		for i := range s.rows {
			b.WriteString(s.rows[i].usage())
		}
	}
	b.WriteString(`
-x and --x are the same. Switches take a value only as in -x=false, the others also as in -x VALUE.
The words version and help do what the flags do.

Signals: INT and TERM shut down, HUP reads the configuration again, USR1 opens the log file again,
USR2 retires the server (lame duck mode: clients go elsewhere, then it ends).
`)
	return b.String()
}

// usage is the line of the flag, or two if its names are long.
func (r *flagRow) usage() string {
	const column = 32
	var names []string
	for name := range strings.FieldsSeq(r.names) {
		names = append(names, dashed(name))
	}
	left := "  "
	if strings.HasPrefix(names[0], "--") {
		left += "    " // below the long names of the others
	}
	left += strings.Join(names, ", ")
	if r.arg != "" {
		left += " " + r.arg
	}
	if len(left) > column-2 {
		left += "\n"
		return left + strings.Repeat(" ", column) + r.help + "\n"
	}
	return fmt.Sprintf("%-*s%s\n", column, left, r.help)
}

// dashed is the name of a flag as people write it: short ones and bundles of letters with one
// dash.
func dashed(name string) string {
	if len(name) <= 2 || strings.IndexFunc(name, unicode.IsLower) < 0 {
		return "-" + name
	}
	return "--" + name
}

// TLSHelp is the text about TLS in configuration files.
func TLSHelp() string {
	var b strings.Builder
	b.WriteString(`TLS is configured by a block of the configuration file:

    tls {
        cert_file: "server.pem"     # certificate of the server with its chain
        key_file:  "server-key.pem" # its private key
        ca_file:   "ca.pem"         # authorities for certificates of clients
        verify:    true             # clients need certificates
        timeout:   2                # seconds for a handshake

        min_version:       "1.2"
        curve_preferences: ["X25519", "CurveP256"]
        # cipher_suites:   ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]

        # verify_and_map:  true     # certificates say which user a client is
        # handshake_first: auto     # TLS before INFO for clients that begin with it; true for all
        # pinned_certs:    ["..."]  # SHA-256 of the public keys of clients, 64 hexadecimal digits
    }

ECDSA suites need such a certificate, RSA suites one of RSA.

Without cipher_suites and curve_preferences the secure ones below are used. Suites that begin
with TLS_AES or TLS_CHACHA20 belong to TLS 1.3 and are always on.

Cipher suites:
`)
	for _, name := range certs.Ciphers() {
		insecure := ""
		if _, secure, _ := certs.Cipher(name); !secure {
			insecure = "  (insecure: needs allow_insecure_cipher_suites)"
		}
		fmt.Fprintf(&b, "    %s%s\n", name, insecure)
	}
	b.WriteString("\nCurves:\n")
	for _, name := range certs.Curves() {
		fmt.Fprintf(&b, "    %s\n", name)
	}
	return b.String()
}
