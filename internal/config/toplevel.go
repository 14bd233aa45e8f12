package config

import (
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/server/options"
)

type opts = *options.Options

// topLevel are the settings of a server.
var topLevel = block[opts]{unknown: unknownField, keys: []key[opts]{
	// where and as whom it listens
	address("listen", func(o opts) *string { return &o.Host }, func(o opts) *int { return &o.Port }),
	text("host net", func(o opts) *string { return &o.Host }),
	port("port", func(o opts) *int { return &o.Port }),
	text("client_advertise", func(o opts) *string { return &o.ClientAdvertise }),
	special("server_name", "string", (*decoder).serverName),
	special("server_tags", "list", (*decoder).tags),
	special("server_metadata", "map of strings", (*decoder).metadata),
	choice("no_header_support", func(o opts) *bool { return &o.NoHeaderSupport }),
	choice("proxy_protocol", func(o opts) *bool { return &o.ProxyProtocol }),
	special("proxies", "map", (*decoder).proxies),
	special("tls", "map", (*decoder).clientTLS),
	choice("allow_non_tls", func(o opts) *bool { return &o.AllowNonTLS }),

	// limits and timers
	special("max_connections max_conn", "integer", (*decoder).maxConnections),
	number("max_subscriptions max_subs", func(o opts) *int { return &o.MaxSubs }),
	special("max_sub_tokens max_subscription_tokens", "integer", (*decoder).maxSubTokens),
	number("max_control_line", func(o opts) *int32 { return &o.MaxControlLine }),
	number("max_payload", func(o opts) *int32 { return &o.MaxPayload }),
	number("max_pending", func(o opts) *int64 { return &o.MaxPending }),
	number("max_traced_msg_len", func(o opts) *int { return &o.MaxTracedMsgLen }),
	number("max_closed_clients", func(o opts) *int { return &o.MaxClosedClients }),
	duration("ping_interval", func(o opts) *time.Duration { return &o.PingInterval }),
	number("ping_max", func(o opts) *int { return &o.MaxPingsOut }),
	duration("write_deadline", func(o opts) *time.Duration { return &o.WriteDeadline }),
	special("write_timeout", "default or close", (*decoder).writeTimeout),

	// monitoring, files, logging
	address("http", func(o opts) *string { return &o.HTTPHost }, func(o opts) *int { return &o.HTTPPort }),
	port("http_port monitor_port", func(o opts) *int { return &o.HTTPPort }),
	address("https", func(o opts) *string { return &o.HTTPHost }, func(o opts) *int { return &o.HTTPSPort }),
	port("https_port", func(o opts) *int { return &o.HTTPSPort }),
	text("http_base_path", func(o opts) *string { return &o.HTTPBasePath }),
	text("pid_file pidfile", func(o opts) *string { return &o.PidFile }),
	choice("debug", func(o opts) *bool { return &o.Debug }),
	choice("trace", func(o opts) *bool { return &o.Trace }),
	tracing("trace_verbose", func(o opts) *bool { return &o.TraceVerbose }),
	tracing("trace_headers", func(o opts) *bool { return &o.TraceHeaders }),
	choice("logtime", func(o opts) *bool { return &o.Logtime }),
	choice("logtime_utc", func(o opts) *bool { return &o.LogtimeUTC }),
	text("log_file logfile", func(o opts) *string { return &o.LogFile }),
	number("log_size_limit logfile_size_limit", func(o opts) *int64 { return &o.LogSizeLimit }),
	number("log_max_num logfile_max_num", func(o opts) *int64 { return &o.LogMaxFiles }),

	// who may enter
	special("authorization", "map", (*decoder).authorization),
	special("accounts", "map or list", (*decoder).accounts),
	text("no_auth_user", func(o opts) *string { return &o.NoAuthUser }),
	special("system_account system", "string", (*decoder).systemAccount),
	choice("no_system_account no_system no_sys_acc", func(o opts) *bool { return &o.NoSystemAccount }),

	// what has no meaning for barid
	idle[opts]("disable_sublist_cache no_sublist_cache", conf.Boolean, "barid has no such cache"),
	special("feature_flags", "map of booleans", (*decoder).featureFlags),
	idle[opts]("connect_error_reports", conf.Integer, noDialling),
	idle[opts]("reconnect_error_reports", conf.Integer, noDialling),

	// what barid does not have
	missing[opts]("cluster", "clustering", unbound),
	missing[opts]("gateway", "gateways", absent),
	missing[opts]("leafnodes leaf", "leafnodes", unbound),
	missing[opts]("websocket ws", "websockets", unbound),
	missing[opts]("mqtt", "MQTT", unbound),
	missing[opts]("jetstream", streams, disabled),
	missing[opts]("store_dir storedir", streams, absent),
	missing[opts]("default_js_domain", streams, absent),
	missing[opts]("operator operators root roots root_operator root_operators", operators, absent),
	missing[opts]("trusted_keys trusted", operators, absent),
	missing[opts]("resolver account_resolver accounts_resolver", operators, absent),
	missing[opts]("resolver_tls", operators, absent),
	missing[opts]("resolver_preload", operators, absent),
	missing[opts]("resolver_pinned_accounts", operators, absent),
	missing[opts]("default_sentinel", operators, absent),
	missing[opts]("mappings maps", subjectMappings, absent),
	missing[opts]("ocsp", "OCSP", off("never", "mode")),
	missing[opts]("ocsp_cache", "OCSP", off("none", "type")),
	missing[opts]("no_fast_producer_stall", "way to drop what a fast producer publishes", absent),
	missing[opts]("lame_duck_duration", lameDuck, never),
	missing[opts]("lame_duck_grace_period", lameDuck, never),
	missing[opts]("ports_file_dir", "ports files", absent),
	missing[opts]("prof_port", profiling, absent),
	missing[opts]("prof_block_rate", profiling, absent),
	missing[opts]("syslog", "syslog", absent),
	missing[opts]("remote_syslog", "syslog", absent),
}}

const (
	noDialling      = "barid connects to no other server"
	streams         = "JetStream"
	operators       = "operators"
	subjectMappings = "subject mappings"
	lameDuck        = "lame duck mode"
	profiling       = "profiling port"
)

// tracing is a boolean that switches tracing, too.
func tracing(names string, field func(opts) *bool) key[opts] {
	return special(names, "boolean", func(d *decoder, p *conf.Pair, o opts) {
		if d.choice(p, field(o)) {
			o.Trace = p.Value.Bool
		}
	})
}

func (d *decoder) serverName(p *conf.Pair, o opts) {
	if d.text(p.Key, p.Value, &o.ServerName) && hasSpaces(o.ServerName) {
		d.fail(p.At, errSpaces)
	}
}

// tags takes the tags of the server: trimmed, in lower case, each once.
func (d *decoder) tags(p *conf.Pair, o opts) {
	if k := p.Value.Kind; k != conf.String && k != conf.Array {
		d.fail(p.At, "error parsing tags: unsupported type %s", k)
		return
	}
	texts, ok := d.list(p.Key, p.Value)
	if !ok {
		return
	}
	o.Tags = []string{}
	seen := map[string]bool{}
	for _, tag := range texts {
		if tag = strings.ToLower(strings.TrimSpace(tag)); tag != "" && !seen[tag] {
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
	proxies = block[*options.ProxiesConfig]{unknown: unknownField, keys: []key[*options.ProxiesConfig]{
		special("trusted", "list of maps", (*decoder).trustedProxies),
	}}
	proxy = block[*options.ProxyConfig]{unknown: unknownField, keys: []key[*options.ProxyConfig]{
		text("key public_key", func(c *options.ProxyConfig) *string { return &c.Key }),
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
			d.fail(item.At, "invalid proxy key %q", shown(c.Key))
		}
		to.Trusted = append(to.Trusted, c)
	}
}
