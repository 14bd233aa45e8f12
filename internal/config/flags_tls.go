package config

import (
	"errors"
	"slices"

	"github.com/baridmq/barid/server/options"
)

const (
	tlsFlag       = "tls"
	tlsCertFlag   = "tlscert"
	tlsKeyFlag    = "tlskey"
	tlsVerifyFlag = "tlsverify"
	tlsCAFlag     = "tlscacert"
)

// secure makes the TLS configuration anew if a flag says something of it. What flags leave open
// stays as the file has it. --tls=false wins over the other flags.
func (c *CommandLine) secure(o *options.Options) error {
	if tls, given := c.flag(tlsFlag); given && !tls.yes {
		o.TLS, o.TLSVerify, o.TLSMap, o.TLSConfig = false, false, false, nil
		o.TLSCert, o.TLSKey, o.TLSCaCert = "", "", ""
		o.TLSPinnedCerts, o.TLSHandshakeFirst, o.TLSHandshakeFirstFallback = nil, false, 0
		return nil
	}
	if !slices.ContainsFunc([]string{tlsFlag, tlsCertFlag, tlsKeyFlag, tlsVerifyFlag, tlsCAFlag}, c.has) {
		return nil
	}
	t := options.TLSConfigOpts{CertFile: o.TLSCert, KeyFile: o.TLSKey, CaFile: o.TLSCaCert, Verify: o.TLSVerify}
	file := o.TLSConfig
	if file != nil {
		t.MinVersion, t.Ciphers, t.CurvePreferences = file.MinVersion, file.CipherSuites, file.CurvePreferences
		t.Insecure = file.InsecureSkipVerify
	}
	several := file != nil && o.TLSCert == "" && !c.has(tlsCertFlag) && !c.has(tlsKeyFlag)
	switch {
	case several:
		// The file has them as pairs, and flags name no other.
	case o.TLSCert == "":
		return errors.New("TLS Server certificate must be present and valid")
	case o.TLSKey == "":
		return errors.New("TLS Server private key must be present and valid")
	}
	config, err := GenTLSConfig(&t)
	if err != nil {
		return err
	}
	if several {
		config.Certificates = file.Certificates
	}
	o.TLS, o.TLSConfig = true, config
	o.TLSMap = o.TLSMap && o.TLSVerify // nobody is taken from a certificate that is not asked for
	return nil
}

// flag returns the value of a flag, if it was given.
func (c *CommandLine) flag(name string) (flagValue, bool) {
	for _, a := range c.given {
		if a.name == name {
			return a.value, true
		}
	}
	return flagValue{}, false
}

// has reports whether a flag was given.
func (c *CommandLine) has(name string) bool {
	_, given := c.flag(name)
	return given
}
