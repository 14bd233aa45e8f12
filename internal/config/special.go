package config

import (
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/server/options"
)

func (d *decoder) serverName(p *conf.Pair, o opts) {
	if d.text(p.Key, p.Value, &o.ServerName) && check.HasSpaces(o.ServerName) {
		d.fail(p.At, check.ServerNameSpaces)
	}
}

// tags takes the tags of the server: trimmed, in lower case, each once.
func (d *decoder) tags(p *conf.Pair, o opts) {
	if k := p.Value.Kind; k != conf.String && k != conf.Array {
		d.fail(p.At, "error parsing tags: unsupported type %s", k)
		return
	}
	texts, ok := d.elements(p.Key, p.Value)
	if !ok {
		return
	}
	o.Tags = []string{}
	seen := map[string]bool{}
	for _, item := range texts {
		tag := strings.ToLower(strings.TrimSpace(item.Text))
		if tag != "" && !seen[tag] {
			seen[tag] = true
			o.Tags = append(o.Tags, tag)
		}
	}
}

func (d *decoder) metadata(p *conf.Pair, o opts) {
	b, ok := d.fields(p)
	if !ok {
		return
	}
	o.Metadata = map[string]string{}
	for _, item := range b.Pairs {
		var value string
		if d.text(item.Key, item.Value, &value) {
			o.Metadata[item.Key] = value
		}
	}
}

// maxConnections bounds connections. In a file 0 lets nobody in, in Options it is the default.
func (d *decoder) maxConnections(p *conf.Pair, o opts) {
	n, ok := fit[int](d, p)
	if !ok {
		return
	}
	if n == 0 {
		n = -1
	}
	o.MaxConn = n
}

func (d *decoder) maxSubTokens(p *conf.Pair, o opts) {
	n, ok := fit[int64](d, p)
	switch {
	case !ok:
	case n > 255:
		d.fail(p.At, "%s value is too big", p.Key)
	case n <= 0:
		d.fail(p.At, "%s value can not be negative", p.Key)
	default:
		o.MaxSubTokens = uint8(n)
	}
}

// writeTimeout knows one way: who does not take what was written in time is cut off.
func (d *decoder) writeTimeout(p *conf.Pair, _ opts) {
	var way string
	if !d.text(p.Key, p.Value, &way) {
		return
	}
	switch way {
	case "default", "close":
	case "retry":
		d.fail(p.At, "%s: retry is not supported yet: barid closes connections whose write deadline has passed", p.Key)
	default:
		d.fail(p.At, "write_timeout must be 'default', 'close' or 'retry'")
	}
}

func (d *decoder) systemAccount(p *conf.Pair, o opts) {
	if p.Value.Kind != conf.String {
		d.fail(p.At, "system account name must be a string")
		return
	}
	o.SystemAccount = p.Value.Text
}

func (d *decoder) featureFlags(p *conf.Pair, _ opts) {
	b, ok := d.fields(p)
	if !ok {
		return
	}
	for _, flag := range b.Pairs {
		if flag.Value.Kind != conf.Boolean {
			d.fail(flag.At, "error parsing feature flag %q: expected bool, got %s", flag.Key, flag.Value.Kind)
		}
	}
	d.note(p, "its flags are about the inside of another server")
}

// proxies and proxy are the blocks of those who may vouch for connections.
var (
	proxies = block[*options.ProxiesConfig]{path: "proxies", unknown: unknownField, keys: []key[*options.ProxiesConfig]{
		special("trusted", "list of maps", (*decoder).trustedProxies).help("proxies whose signature counts"),
	}}
	proxy = block[*options.ProxyConfig]{path: "proxies.trusted", unknown: unknownField, keys: []key[*options.ProxyConfig]{
		text("key public_key", func(c *options.ProxyConfig) *string { return &c.Key }).help("public nkey of the proxy"),
	}}
)

func (d *decoder) proxies(p *conf.Pair, o opts) {
	if p.Value.Kind != conf.Map {
		d.fail(p.At, "expected proxies to be a map/struct, got %s", p.Value.Kind)
		return
	}
	o.Proxies = &options.ProxiesConfig{}
	proxies.decode(d, p.Value.Map, o.Proxies)
}

func (d *decoder) trustedProxies(p *conf.Pair, to *options.ProxiesConfig) {
	if !d.is(conf.Array, p.Key, p.Value) {
		return
	}
	to.Trusted = nil
	for _, item := range p.Value.Items {
		if !d.is(conf.Map, p.Key, item) {
			continue
		}
		c := &options.ProxyConfig{}
		proxy.decode(d, item.Map, c)
		if !nkeys.IsValidPublicKey(c.Key) {
			d.fail(item.At, "invalid proxy key %q", check.ShownKey(c.Key))
		}
		to.Trusted = append(to.Trusted, c)
	}
}

// lameDuckDuration takes the time in which a server that retires closes its clients. The bound is
// one of files: programs may be in a hurry.
func (d *decoder) lameDuckDuration(p *conf.Pair, o opts) {
	t, ok := d.durationText(p)
	if ok && t < options.MinLameDuckDuration {
		d.fail(p.At, "invalid lame_duck_duration of %v, minimum is 30 seconds", t)
		return
	}
	if ok {
		o.LameDuckDuration = t
	}
}

func (d *decoder) lameDuckGrace(p *conf.Pair, o opts) {
	t, ok := d.durationText(p)
	if ok && t < 0 {
		d.fail(p.At, "invalid lame_duck_grace_period, needs to be positive")
		return
	}
	if ok {
		o.LameDuckGracePeriod = t
	}
}

// notSyslog says why a text is no URL of a syslog, without the login that it may show.
func notSyslog(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "":
		return "is no URL; write udp://host:port, tcp://host:port or unix:///path"
	case u.Scheme == "unix" && u.Path != "":
	case (u.Scheme == "udp" || u.Scheme == "tcp") && u.Hostname() != "" && u.Port() != "":
	default:
		return "needs the form udp://host:port, tcp://host:port or unix:///path"
	}
	return ""
}

func notFormat(format string) string {
	if format != "" && !slices.Contains([]string{textFormat, jsonFormat}, format) {
		return "must be text or json"
	}
	return ""
}

func tooMuchPending(n int64) string {
	if n > math.MaxInt {
		return "value is too big"
	}
	return notNegative(n)
}
