// Package config reads the options of a server from configuration files, completes and checks
// them: it knows the names of all settings, their defaults, and what of them cannot be. It uses
// nothing of what the options configure, but the checks and loaders that belong to it. It owns no
// goroutine and no lock; its functions may be called by any goroutine.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/baridmq/barid/internal/transport/certs"
	"github.com/baridmq/barid/server/options"
)

// setting is a row of a table as the options of a server see it.
type setting struct {
	*entry
	path    string // in a configuration file, as authorization.timeout
	fill    func(o opts)
	fault   func(o opts) string
	fields  func(o opts) []any
	changes func(from, to opts) ([]string, error)
	put     func(o opts, v flagValue)
}

// settings are all rows that are about options of a server directly.
func settings() []setting {
	return slices.Concat(bind(topLevel, itself), bind(authorizationBlock, loginOf))
}

func itself(o opts) opts { return o }

func loginOf(o opts) *login { return &login{Options: o, marks: &single{}} }

// bind makes settings of the rows of a block that is part of options.
func bind[T any](b block[T], of func(opts) T) (all []setting) {
	for _, k := range b.keys {
		all = append(all, setting{
			entry:   k.about(),
			path:    join(b.path, k.about().name()),
			fill:    func(o opts) { k.fill(of(o)) },
			fault:   func(o opts) string { return k.fault(of(o)) },
			fields:  func(o opts) []any { return k.fields(of(o)) },
			changes: func(from, to opts) ([]string, error) { return k.changes(of(from), of(to)) },
			put:     func(o opts, v flagValue) { k.put(of(o), v) },
		})
	}
	return all
}

// Complete fills in the defaults of what o leaves open.
func Complete(o *options.Options) {
	for _, s := range settings() {
		s.fill(o)
	}
	o.HTTPHost = cmp.Or(o.HTTPHost, o.Host)
	o.TLSTimeout = cmp.Or(o.TLSTimeout, options.DefaultTLSTimeout.Seconds())
	if o.AuthTimeout == 0 {
		o.AuthTimeout = options.DefaultAuthTimeout.Seconds()
		if o.TLSConfig != nil {
			o.AuthTimeout = o.TLSTimeout + 1 // what a handshake may take, and some more
		}
	}
	completeTrust(o)
	if !o.NoSystemAccount || hasAccount(o, options.DefaultSystemAccount) {
		o.SystemAccount = cmp.Or(o.SystemAccount, options.DefaultSystemAccount)
	}
}

// Validate returns everything that is wrong with completed options, joined; nil if nothing is.
func Validate(o *options.Options) error { return joined(faults(o, false)) }

// ValidateReload is Validate for options that a running server shall take over. What keeps a server
// from starting has other words there.
func ValidateReload(o *options.Options) error { return joined(faults(o, true)) }

func joined(faults []fault) error {
	var errs []error
	for _, f := range faults {
		errs = append(errs, errors.New(f.text))
	}
	return errors.Join(errs...)
}

// fault is something wrong with options.
type fault struct {
	text string
	hint string   // the text with what to do about it
	keys []string // paths of the settings that it is about, the likeliest first
}

// refusal notes an error if something is wrong.
type refusal func(wrong bool, format string, v ...any)

// checker collects faults.
type checker struct{ faults []fault }

// about returns a refusal for what is about some settings.
func (c *checker) about(keys ...string) refusal {
	return func(wrong bool, format string, v ...any) {
		if wrong {
			text := fmt.Sprintf(format, v...)
			c.faults = append(c.faults, fault{text, hinted(format, text), keys})
		}
	}
}

// faults are what is wrong with completed options: with each setting by itself, and with several
// together. They are worded as those of a reload if it is one.
func faults(o opts, reload bool) []fault {
	c := &checker{}
	for _, s := range settings() {
		text := s.fault(o)
		c.about(s.path)(text != "", "%s %s", strings.ReplaceAll(s.path, ".", " "), text)
	}
	c.about("server_name")(hasSpaces(o.ServerName), errSpaces)
	refuse := c.about("https_port", "https", "http_port", "http")
	refuse(o.HTTPPort != 0 && o.HTTPSPort != 0, errHTTPAndHTTPS, o.HTTPPort, o.HTTPSPort)
	refuse(o.HTTPSPort != 0 && o.TLSConfig == nil, errHTTPS)
	c.about("max_payload", "max_pending")(int64(o.MaxPayload) > o.MaxPending, errPayload, o.MaxPayload, o.MaxPending)
	c.about("lame_duck_grace_period", "lame_duck_duration")(o.LameDuckGracePeriod >= o.LameDuckDuration && o.LameDuckDuration > 0,
		errGrace, o.LameDuckGracePeriod, o.LameDuckDuration)
	advertise := errAdvertise
	if reload {
		advertise = errAdvertiseReload
	}
	_, _, err := Advertise(o)
	c.about("client_advertise")(err != nil, advertise, o.ClientAdvertise, err)
	refuse = c.about("tls")
	refuse(notTimeout(o.TLSTimeout) != "", "tls timeout %s", notTimeout(o.TLSTimeout))
	refuse(o.TLSRateLimit < 0, "connection_rate_limit can not be negative")
	for pin := range o.TLSPinnedCerts {
		refuse(!certs.ValidFingerprint(pin) || strings.ToLower(pin) != pin, errPin, pin)
	}
	c.logins(o)
	c.trust(o)
	c.callout(o)
	c.oidc(o)
	c.rules(o)
	c.absentParts(o)
	return c.faults
}

// isPort reports whether n can be the port of a listener, be it a free one or the default.
func isPort(n int) bool { return n >= options.RandomPort && n <= 65535 }

func hasSpaces(s string) bool { return strings.ContainsAny(s, " \t\r\n") }

// notTimeout says what is wrong with a number of seconds.
func notTimeout(s float64) string {
	if _, ok := inSeconds(s); !ok || s < 0 {
		return fmt.Sprintf("of %v seconds is out of range", s)
	}
	return ""
}

// absentParts refuses what programs ask for of parts that barid does not have.
func (c *checker) absentParts(o opts) {
	for _, part := range []struct {
		asked       bool
		field, lack string
	}{
		{o.Cluster.Port != 0, "Cluster.Port", clustering},
		{len(o.Routes) > 0 || o.RoutesStr != "", "Routes", clustering},
		{o.Gateway.Name != "" || o.Gateway.Port != 0, "Gateway", "gateways"},
		{o.LeafNode.Port != 0, "LeafNode.Port", "leafnodes"},
		{len(o.LeafNode.Remotes) > 0, "LeafNode.Remotes", "leafnodes"},
		{o.Websocket.Port != 0, "Websocket.Port", "websockets"},
		{o.MQTT.Port != 0, "MQTT.Port", "MQTT"},
		{o.JetStream, "JetStream", streams},
		{o.OCSPConfig != nil && o.OCSPConfig.Mode != options.OCSPModeNever, "OCSPConfig", "OCSP"},
	} {
		c.about()(part.asked, "Options.%s is not supported yet: barid has no %s", part.field, part.lack)
	}
}

// Advertise returns the host and port that clients are told.
func Advertise(o *options.Options) (host string, port int, err error) {
	if o.ClientAdvertise == "" {
		return o.Host, o.Port, nil
	}
	host, p, err := net.SplitHostPort(o.ClientAdvertise)
	if err != nil { // perhaps it has no port
		var alone error
		if host, p, alone = net.SplitHostPort(o.ClientAdvertise + ":0"); alone != nil {
			return "", 0, err
		}
	}
	port, err = strconv.Atoi(p)
	if err == nil && (port < 0 || port > 65535) {
		err = fmt.Errorf(errPort, port)
	}
	return host, cmp.Or(port, o.Port), err
}
