// Package check says what of completed options cannot be: settings that contradict each other, and
// those of logins, accounts, operators and providers that mean nothing. It knows the paths of
// settings, to say what a fault is about, but not how they are written down, and not what one of
// them may be by itself. It owns no goroutine and no lock; its functions may be called by any
// goroutine.
package check

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/baridmq/barid/internal/transport/certs"
	"github.com/baridmq/barid/server/options"
)

// Fault is something wrong with options.
type Fault struct {
	// Text says what. It shows no secret.
	Text string
	// Format is what Text was made of: what Hint goes by; empty if there is no hint.
	Format string
	// Keys are the paths of the settings that it is about, as authorization.timeout, the likeliest
	// first.
	Keys []string
}

// refusal notes a fault if something is wrong.
type refusal func(wrong bool, format string, v ...any)

// checker collects faults.
type checker struct{ faults []Fault }

// about returns a refusal for what is about some settings.
func (c *checker) about(keys ...string) refusal {
	return func(wrong bool, format string, v ...any) {
		if wrong {
			c.faults = append(c.faults, Fault{Text: fmt.Sprintf(format, v...), Format: format, Keys: keys})
		}
	}
}

// Options returns what is wrong with completed options when one looks at several settings together,
// and with who may enter. The faults are worded as those of a reload if it is one.
func Options(o *options.Options, reload bool) []Fault {
	c := &checker{}
	c.about("server_name")(HasSpaces(o.ServerName), ServerNameSpaces)
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
	refuse(Timeout(o.TLSTimeout) != "", "tls timeout %s", Timeout(o.TLSTimeout))
	refuse(o.TLSRateLimit < 0, "connection_rate_limit can not be negative")
	for pin := range o.TLSPinnedCerts {
		refuse(!certs.ValidFingerprint(pin) || strings.ToLower(pin) != pin, BadPin, pin)
	}
	c.logins(o)
	c.trust(o)
	c.callout(o)
	c.oidc(o)
	c.rules(o)
	return c.faults
}

// HasSpaces reports whether a text has blanks, tabs or line ends.
func HasSpaces(s string) bool { return strings.ContainsAny(s, " \t\r\n") }

// Timeout says what is wrong with a number of seconds as a timeout, behind its name; empty for
// nothing.
func Timeout(seconds float64) string {
	if seconds >= 0 && seconds*float64(time.Second) < math.MaxInt64 {
		return ""
	}
	return fmt.Sprintf("of %v seconds is out of range", seconds)
}

// Advertise returns the host and port that clients are told. The error says why they cannot be.
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
		err = fmt.Errorf(BadPort, port)
	}
	return host, cmp.Or(port, o.Port), err
}
