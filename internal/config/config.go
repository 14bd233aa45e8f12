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
	"strconv"
	"strings"

	"github.com/baridmq/barid/internal/transport/certs"
	"github.com/baridmq/barid/server/options"
)

// Complete fills in the defaults of what o leaves open.
func Complete(o *options.Options) {
	o.Host = cmp.Or(o.Host, options.DefaultHost)
	o.Port = cmp.Or(o.Port, options.DefaultPort)
	o.HTTPHost = cmp.Or(o.HTTPHost, o.Host)
	o.MaxConn = cmp.Or(o.MaxConn, options.DefaultMaxConnections)
	o.MaxControlLine = cmp.Or(o.MaxControlLine, options.DefaultMaxControlLine)
	o.MaxPayload = cmp.Or(o.MaxPayload, options.DefaultMaxPayload)
	o.MaxPending = cmp.Or(o.MaxPending, options.DefaultMaxPending)
	o.MaxClosedClients = cmp.Or(o.MaxClosedClients, options.DefaultMaxClosedClients)
	o.WriteDeadline = cmp.Or(o.WriteDeadline, options.DefaultWriteDeadline)
	o.PingInterval = cmp.Or(o.PingInterval, options.DefaultPingInterval)
	o.MaxPingsOut = cmp.Or(o.MaxPingsOut, options.DefaultPingMax)
	o.TLSTimeout = cmp.Or(o.TLSTimeout, options.DefaultTLSTimeout.Seconds())
	if o.AuthTimeout == 0 {
		o.AuthTimeout = options.DefaultAuthTimeout.Seconds()
		if o.TLSConfig != nil {
			o.AuthTimeout = o.TLSTimeout + 1 // what a handshake may take, and some more
		}
	}
	if !o.NoSystemAccount || hasAccount(o, options.DefaultSystemAccount) {
		o.SystemAccount = cmp.Or(o.SystemAccount, options.DefaultSystemAccount)
	}
}

// Validate returns everything that is wrong with completed options, joined; nil if nothing is.
func Validate(o *options.Options) error {
	var errs []error
	refuse := func(wrong bool, format string, v ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, v...))
		}
	}
	refuse(hasSpaces(o.ServerName), errSpaces)
	refuse(!isPort(o.Port), errPort, o.Port)
	refuse(!isPort(o.HTTPPort), "http "+errPort, o.HTTPPort)
	refuse(!isPort(o.HTTPSPort), "https "+errPort, o.HTTPSPort)
	refuse(o.HTTPPort != 0 && o.HTTPSPort != 0,
		"Can't start monitoring: can't specify both HTTP (%v) and HTTPs (%v) ports", o.HTTPPort, o.HTTPSPort)
	refuse(o.HTTPSPort != 0 && o.TLSConfig == nil, "Can't start monitoring: TLS cert and key required for HTTPS")
	refuse(o.MaxControlLine < 0, "max_control_line can not be negative")
	refuse(o.MaxPending < 0, "max_pending can not be negative")
	refuse(o.MaxPending > maxInt, "max_pending value is too big")
	refuse(int64(o.MaxPayload) > o.MaxPending, "max_payload (%v) cannot be higher than max_pending (%v)", o.MaxPayload, o.MaxPending)
	refuse(o.WriteDeadline < 0, "write_deadline can not be negative")
	refuse(o.PingInterval < 0, "ping_interval can not be negative")
	refuse(o.MaxPingsOut < 0, "ping_max can not be negative")
	_, _, err := Advertise(o)
	refuse(err != nil, "Error setting server INFO with ClientAdvertise value of %s, err=%v", o.ClientAdvertise, err)
	refuse(!isTimeout(o.TLSTimeout), "tls timeout of %v seconds is out of range", o.TLSTimeout)
	refuse(!isTimeout(o.AuthTimeout), "authorization timeout of %v seconds is out of range", o.AuthTimeout)
	refuse(o.TLSRateLimit < 0, "connection_rate_limit can not be negative")
	for pin := range o.TLSPinnedCerts {
		refuse(!certs.ValidFingerprint(pin) || strings.ToLower(pin) != pin, errPin, pin)
	}
	checkLogins(o, refuse)
	return errors.Join(errs...)
}

// isPort reports whether n can be the port of a listener, be it a free one or the default.
func isPort(n int) bool { return n >= options.RandomPort && n <= 65535 }

func hasSpaces(s string) bool { return strings.ContainsAny(s, " \t\r\n") }

func isTimeout(s float64) bool {
	_, ok := inSeconds(s)
	return ok && s >= 0
}

const maxInt = int64(^uint(0) >> 1)

// Advertise returns the host and port that clients are told.
func Advertise(o *options.Options) (host string, port int, err error) {
	if o.ClientAdvertise == "" {
		return o.Host, o.Port, nil
	}
	host, p, err := net.SplitHostPort(o.ClientAdvertise)
	if err != nil { // perhaps it has no port
		host, p, err = net.SplitHostPort(o.ClientAdvertise + ":0")
	}
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(p)
	if err == nil && (port < 0 || port > 65535) {
		err = fmt.Errorf(errPort, port)
	}
	return host, cmp.Or(port, o.Port), err
}
