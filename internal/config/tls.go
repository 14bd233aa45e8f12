package config

import (
	"crypto/tls"
	"strings"
	"time"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/transport/certs"
	"github.com/baridmq/barid/server/options"
)

type tlsOpts = *options.TLSConfigOpts

// tlsBlock are the settings of TLS.
var tlsBlock = block[tlsOpts]{unknown: "error parsing tls config, unknown field %q", strict: true, keys: []key[tlsOpts]{
	fileName("cert_file", func(t tlsOpts) *string { return &t.CertFile }),
	fileName("key_file", func(t tlsOpts) *string { return &t.KeyFile }),
	special("certs certificates", "list of maps", (*decoder).pairs),
	fileName("ca_file", func(t tlsOpts) *string { return &t.CaFile }),
	choice("verify", func(t tlsOpts) *bool { return &t.Verify }),
	choice("verify_and_map", func(t tlsOpts) *bool { return &t.Map }),
	special("verify_cert_and_check_known_urls", "boolean", (*decoder).knownURLs),
	special("insecure", "boolean", (*decoder).insecure),
	special("timeout", "seconds", (*decoder).handshakeTimeout),
	number("connection_rate_limit", func(t tlsOpts) *int64 { return &t.RateLimit }),
	special("cipher_suites", "list", (*decoder).ciphers),
	choice("allow_insecure_cipher_suites", func(t tlsOpts) *bool { return &t.AllowInsecureCiphers }),
	special("curve_preferences", "list", (*decoder).curves),
	special("min_version", "string", (*decoder).minVersion),
	special("handshake_first first immediate", "boolean, auto or duration", (*decoder).handshakeFirst),
	special("pinned_certs", "list", (*decoder).pins),
	missing[tlsOpts]("ocsp_peer", "OCSP", func(v *conf.Value) bool { return absent(v) || off("", "verify")(v) }),
	missing[tlsOpts]("cert_store", certStore, absent),
	missing[tlsOpts]("cert_match_by", certStore, absent),
	missing[tlsOpts]("cert_match", certStore, absent),
	missing[tlsOpts]("ca_certs_match", certStore, absent),
	missing[tlsOpts]("cert_match_skip_invalid", certStore, absent),
}}

// pairBlock is an element of certs.
var pairBlock = block[*options.TLSCertPairOpt]{unknown: "error parsing tls config, unknown field %q", strict: true,
	keys: []key[*options.TLSCertPairOpt]{
		fileName("cert_file", func(p *options.TLSCertPairOpt) *string { return &p.CertFile }),
		fileName("key_file", func(p *options.TLSCertPairOpt) *string { return &p.KeyFile }),
	},
}

const certStore = "support for the certificate store of Windows"

// GenTLSConfig makes a configuration of the files that tc names, for listeners and for dialling.
// Verify and Map demand a certificate of clients; the oldest version is TLS 1.2. Timeouts, pins
// and the like are not part of a tls.Config.
func GenTLSConfig(tc *options.TLSConfigOpts) (*tls.Config, error) {
	o := certs.Options{
		CertFile: tc.CertFile, KeyFile: tc.KeyFile, CaFile: tc.CaFile,
		Verify: tc.Verify || tc.Map, Insecure: tc.Insecure,
		MinVersion: tc.MinVersion, Ciphers: tc.Ciphers, Curves: tc.CurvePreferences,
	}
	for _, p := range tc.Certificates {
		o.Pairs = append(o.Pairs, certs.Pair{CertFile: p.CertFile, KeyFile: p.KeyFile})
	}
	return certs.Server(o)
}

// clientTLS is the tls block of the listener for clients.
func (d *decoder) clientTLS(p *conf.Pair, o opts) {
	b, ok := d.fields(p)
	if !ok {
		return
	}
	var t options.TLSConfigOpts
	before := len(d.faults)
	tlsBlock.decode(d, b, &t)
	if len(d.faults) > before {
		return // what follows would tell the same in other words
	}
	if names := insecureNames(t.Ciphers); len(names) > 0 && !t.AllowInsecureCiphers {
		d.fail(p.At, "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: %s", strings.Join(names, ", "))
		return
	}
	if t.CertFile == "" && t.KeyFile == "" && len(t.Certificates) == 0 {
		d.fail(p.At, "missing 'cert_file' in TLS configuration")
		return
	}
	config, err := GenTLSConfig(&t)
	if err != nil {
		d.fail(p.At, "%v", err)
		return
	}
	o.TLSConfig, o.TLS, o.TLSVerify, o.TLSMap = config, true, t.Verify || t.Map, t.Map
	o.TLSCert, o.TLSKey, o.TLSCaCert = t.CertFile, t.KeyFile, t.CaFile
	o.TLSTimeout, o.TLSRateLimit, o.TLSPinnedCerts = t.Timeout, t.RateLimit, t.PinnedCerts
	o.TLSHandshakeFirst, o.TLSHandshakeFirstFallback = t.HandshakeFirst, t.FallbackDelay
}

func fileName[T any](names string, field func(T) *string) key[T] {
	return special(names, "file", func(d *decoder, p *conf.Pair, to T) {
		if p.Value.Kind != conf.String {
			d.fail(p.At, "error parsing tls config, expected '%s' to be filename", p.Key)
			return
		}
		*field(to) = p.Value.Text
	})
}

func (d *decoder) pairs(p *conf.Pair, t tlsOpts) {
	if !d.is(conf.Array, p.Key, p.Value) {
		return
	}
	t.Certificates = nil
	for _, item := range p.Value.Items {
		if !d.is(conf.Map, p.Key, item) {
			continue
		}
		pair := &options.TLSCertPairOpt{}
		pairBlock.decode(d, item.Map, pair)
		t.Certificates = append(t.Certificates, pair)
	}
}

// insecure is about servers that are dialled.
func (d *decoder) insecure(p *conf.Pair, t tlsOpts) {
	if d.choice(p, &t.Insecure) && t.Insecure {
		d.note(p, noDialling)
	}
}

func (d *decoder) knownURLs(p *conf.Pair, _ tlsOpts) {
	var check bool
	if d.choice(p, &check) && check {
		d.fail(p.At, "verify_cert_and_check_known_urls not supported in this context")
	}
}

func (d *decoder) handshakeTimeout(p *conf.Pair, t tlsOpts) {
	s, why := seconds(p.Value)
	if why != "" {
		d.fail(p.At, "error parsing tls config, 'timeout' %s", why)
		return
	}
	t.Timeout = s
}

func (d *decoder) ciphers(p *conf.Pair, t tlsOpts) {
	names, ok := d.list(p.Key, p.Value)
	if ok && len(names) == 0 {
		d.fail(p.At, "error parsing tls config, 'cipher_suites' cannot be empty")
	}
	t.Ciphers = nil
	for _, name := range names {
		id, _, known := certs.Cipher(name)
		if !known && ok {
			d.fail(p.At, "unrecognized cipher %s", name)
		}
		t.Ciphers = append(t.Ciphers, id)
	}
}

// insecureNames returns the names of those ciphers that are not secure.
func insecureNames(ciphers []uint16) (names []string) {
	for _, id := range ciphers {
		name := tls.CipherSuiteName(id)
		if _, secure, _ := certs.Cipher(name); !secure {
			names = append(names, name)
		}
	}
	return names
}

func (d *decoder) curves(p *conf.Pair, t tlsOpts) {
	names, ok := d.list(p.Key, p.Value)
	if ok && len(names) == 0 {
		d.fail(p.At, "error parsing tls config, 'curve_preferences' cannot be empty")
	}
	t.CurvePreferences = nil
	for _, name := range names {
		id, known := certs.Curve(name)
		if !known && ok {
			d.fail(p.At, "unrecognized curve preference %s", name)
		}
		t.CurvePreferences = append(t.CurvePreferences, id)
	}
}

func (d *decoder) minVersion(p *conf.Pair, t tlsOpts) {
	if p.Value.Kind != conf.String {
		d.fail(p.At, "error parsing tls config: 'min_version' wrong type: %s", p.Value.Kind)
		return
	}
	version, err := certs.MinVersion(p.Value.Text)
	if err != nil {
		d.fail(p.At, "%v", err)
	}
	t.MinVersion = version
}

// handshakeFirst says whether TLS begins before INFO: always, never, or if the client begins
// within a delay.
func (d *decoder) handshakeFirst(p *conf.Pair, t tlsOpts) {
	v := p.Value
	first, fallback := true, time.Duration(0)
	switch {
	case v.Kind == conf.Boolean:
		first = v.Bool
	case v.Kind != conf.String:
		d.fail(p.At, "field %q should be a boolean or a string, got %s", p.Key, v.Kind)
		return
	default:
		switch strings.ToLower(v.Text) {
		case "true", "on":
		case "false", "off":
			first = false
		case "auto", "auto_fallback":
			fallback = options.DefaultHandshakeFallback
		default:
			var err error
			if fallback, err = time.ParseDuration(v.Text); err != nil || fallback < 0 {
				d.fail(p.At, "field %q's value %q is invalid", p.Key, v.Text)
				return
			}
		}
	}
	t.HandshakeFirst, t.FallbackDelay = first, fallback
}

func (d *decoder) pins(p *conf.Pair, t tlsOpts) {
	prints, ok := d.list(p.Key, p.Value)
	if !ok {
		return
	}
	t.PinnedCerts = options.PinnedCertSet{}
	for _, print := range prints {
		print = strings.ToLower(print)
		if !certs.ValidFingerprint(print) {
			d.fail(p.At, errPin, print)
		}
		t.PinnedCerts[print] = struct{}{}
	}
}
