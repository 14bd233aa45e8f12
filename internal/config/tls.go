package config

import (
	"crypto/tls"
	"strings"
	"time"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/internal/transport/certs"
	"github.com/baridmq/barid/server/options"
)

type tlsOpts = *options.TLSConfigOpts

// tlsBlock are the settings of TLS.
var tlsBlock = block[tlsOpts]{path: "tls", unknown: "error parsing tls config, unknown field %q", strict: true, keys: []key[tlsOpts]{
	fileName("cert_file", func(t tlsOpts) *string { return &t.CertFile }).help("certificate of the server with its chain, PEM"),
	fileName("key_file", func(t tlsOpts) *string { return &t.KeyFile }).help("its private key, PEM"),
	special("certs certificates", "list of maps", (*decoder).pairs).help("several pairs of cert_file and key_file"),
	fileName("ca_file", func(t tlsOpts) *string { return &t.CaFile }).
		help("authorities of client certificates, PEM").unset("the system's"),
	choice("verify", func(t tlsOpts) *bool { return &t.Verify }).help("clients need certificates"),
	choice("verify_and_map", func(t tlsOpts) *bool { return &t.Map }).help("verify, and they say which user a client is").reloads("no", nil),
	special("verify_cert_and_check_known_urls", "boolean", (*decoder).knownURLs).help("only false: it is about other servers").unset("false"),
	special("insecure", "boolean", (*decoder).insecure).help("no effect: " + noDialling).unset("false"),
	made("timeout", "seconds or duration", func(t tlsOpts) *float64 { return &t.Timeout }, (*decoder).handshakeTimeout).
		or(options.DefaultTLSTimeout.Seconds()).help("time for a handshake"),
	number("connection_rate_limit", func(t tlsOpts) *int64 { return &t.RateLimit }).
		help("handshakes per second").unset("0, no bound").reloads("no", nil),
	special("cipher_suites", "list", (*decoder).ciphers).help("suites for TLS 1.2, see --help_tls").unset("the secure ones"),
	choice("allow_insecure_cipher_suites", func(t tlsOpts) *bool { return &t.AllowInsecureCiphers }).help("accepts other suites"),
	special("curve_preferences", "list", (*decoder).curves).help("key exchanges, see --help_tls").unset("all"),
	special("min_version", "string", (*decoder).minVersion).help("oldest version, \"1.2\" or \"1.3\"").unset("1.2"),
	special("handshake_first first immediate", "boolean, auto or duration", (*decoder).handshakeFirst).
		help("TLS before INFO: for all, or for those who begin with it at once or within a time").unset("false"),
	special("pinned_certs", "list", (*decoder).pins).
		help("SHA-256 of the public keys that clients may have, 64 hexadecimal digits").unset("all"),
	missing[tlsOpts]("ocsp_peer", "OCSP", func(v *conf.Value) bool { return absent(v) || off("", "verify")(v) }),
	missing[tlsOpts]("cert_store", certStore, absent),
	missing[tlsOpts]("cert_match_by", certStore, absent),
	missing[tlsOpts]("cert_match", certStore, absent),
	missing[tlsOpts]("ca_certs_match", certStore, absent),
	missing[tlsOpts]("cert_match_skip_invalid", certStore, absent),
}}

// pairBlock is an element of certs.
var pairBlock = block[*options.TLSCertPairOpt]{path: "tls.certs", unknown: "error parsing tls config, unknown field %q", strict: true,
	keys: []key[*options.TLSCertPairOpt]{
		fileName("cert_file", func(p *options.TLSCertPairOpt) *string { return &p.CertFile }).help("certificate with its chain, PEM"),
		fileName("key_file", func(p *options.TLSCertPairOpt) *string { return &p.KeyFile }).help("its private key, PEM"),
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
		d.fail(d.places["tls.cipher_suites"], "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: %s", strings.Join(names, ", "))
		return
	}
	single := t.CertFile != "" || t.KeyFile != ""
	if single && t.Certificates != nil {
		d.fail(d.places["tls.certs"], "error parsing tls config, cannot combine 'cert_file' option with 'certs' option")
		return
	}
	if !single && len(t.Certificates) == 0 {
		d.fail(p.At, "missing 'cert_file' in TLS configuration")
		return
	}
	config, err := GenTLSConfig(&t)
	if err != nil {
		d.fail(badPair(b, t.Certificates, p.At), "%v", err)
		return
	}
	o.TLSConfig, o.TLS, o.TLSVerify, o.TLSMap = config, true, t.Verify || t.Map, t.Map
	o.TLSCert, o.TLSKey, o.TLSCaCert = t.CertFile, t.KeyFile, t.CaFile
	o.TLSTimeout, o.TLSRateLimit, o.TLSPinnedCerts = t.Timeout, t.RateLimit, t.PinnedCerts
	o.TLSHandshakeFirst, o.TLSHandshakeFirstFallback = t.HandshakeFirst, t.FallbackDelay
}

// badPair is where the first of the pairs that cannot be loaded stands in a tls block; at if there is
// none.
func badPair(b *conf.Block, pairs []*options.TLSCertPairOpt, at conf.Position) conf.Position {
	var items []*conf.Value
	for _, p := range b.Pairs {
		if k := tlsBlock.find(p.Key); k != nil && k.about().name() == "certs" {
			items = p.Value.Items // of several the last counts
		}
	}
	for i, pair := range pairs {
		if _, err := GenTLSConfig(&options.TLSConfigOpts{Certificates: []*options.TLSCertPairOpt{pair}}); err != nil {
			return items[i].At
		}
	}
	return at
}

func fileName[T any](names string, field func(T) *string) *row[T, string] {
	return made(names, "file", field, func(d *decoder, p *conf.Pair, to T) {
		if p.Value.Kind != conf.String {
			d.fail(p.At, "error parsing tls config, expected '%s' to be filename%s", p.Key, rewrite(conf.String, p.Key, p.Value))
			return
		}
		*field(to) = p.Value.Text
	})
}

func (d *decoder) pairs(p *conf.Pair, t tlsOpts) {
	if !d.is(conf.Array, p.Key, p.Value) {
		return
	}
	t.Certificates = []*options.TLSCertPairOpt{} // that there is such a key counts
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
	names, ok := d.elements(p.Key, p.Value)
	if ok && len(names) == 0 {
		d.fail(p.At, "error parsing tls config, 'cipher_suites' cannot be empty")
	}
	t.Ciphers = nil
	for _, name := range names {
		id, _, known := certs.Cipher(name.Text)
		if !known {
			d.fail(name.At, "unrecognized cipher %s", name.Text)
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
	names, ok := d.elements(p.Key, p.Value)
	if ok && len(names) == 0 {
		d.fail(p.At, "error parsing tls config, 'curve_preferences' cannot be empty")
	}
	t.CurvePreferences = nil
	for _, name := range names {
		id, known := certs.Curve(name.Text)
		if !known {
			d.fail(name.At, "unrecognized curve preference %s", name.Text)
		}
		t.CurvePreferences = append(t.CurvePreferences, id)
	}
}

func (d *decoder) minVersion(p *conf.Pair, t tlsOpts) {
	if p.Value.Kind != conf.String {
		d.fail(p.At, "error parsing tls config: 'min_version' wrong type: %s; write \"1.2\" or \"1.3\"", p.Value.Kind)
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
	prints, _ := d.elements(p.Key, p.Value)
	t.PinnedCerts = options.PinnedCertSet{}
	for _, item := range prints {
		print := strings.ToLower(item.Text)
		if !certs.ValidFingerprint(print) {
			d.fail(item.At, check.BadPin, print)
		}
		t.PinnedCerts[print] = struct{}{}
	}
}
