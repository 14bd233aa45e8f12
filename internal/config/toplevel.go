package config

import (
	"slices"
	"time"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/server/options"
)

type opts = *options.Options

// topLevel are the settings of a server.
var topLevel = block[opts]{unknown: unknownField,
	keys: slices.Concat(listenKeys, limitKeys, reportKeys, logKeys, trustKeys, operatorKeys, idleKeys, absentKeys)}

// listenKeys say where and as whom a server listens.
var listenKeys = []key[opts]{
	address("listen", func(o opts) *string { return &o.Host }, func(o opts) *int { return &o.Port }).
		help("host and port in one").reloads("no", nil),
	text("host net", func(o opts) *string { return &o.Host }).or(options.DefaultHost).
		help("address to listen on").stays("Host").flag("a addr net", "HOST"),
	port("port", func(o opts) *int { return &o.Port }).or(options.DefaultPort).
		help("port for clients, -1 for a free one").stays("Port").flag("p port", "PORT"),
	text("client_advertise", func(o opts) *string { return &o.ClientAdvertise }).unset("host and port").
		help("address that clients are told").live("Reload: client_advertise = %s").flag("client_advertise", "HOST[:PORT]"),
	made("server_name", "string", func(o opts) *string { return &o.ServerName }, (*decoder).serverName).unset("its id").
		help("name of the server").stays("ServerName").flag("n name server_name", "NAME"),
	made("server_tags", "list", func(o opts) *[]string { return (*[]string)(&o.Tags) }, (*decoder).tags).
		help("shown in reports; in lower case, each once").live("Reloaded: tags"),
	made("server_metadata", "map of strings", func(o opts) *map[string]string { return &o.Metadata }, (*decoder).metadata).
		help("shown in reports").live("Reloaded: metadata"),
	choice("no_header_support", func(o opts) *bool { return &o.NoHeaderSupport }).
		help("switches message headers off").stays("NoHeaderSupport"),
	choice("proxy_protocol", func(o opts) *bool { return &o.ProxyProtocol }).
		help("connections begin with the header of the PROXY protocol").stays("ProxyProtocol"),
	special("proxies", "map", (*decoder).proxies).fills(func(o opts) []any { return []any{&o.Proxies} }).
		help("proxies that may vouch for connections").reloads("yes", proxyChanges),
	special("tls", "map", (*decoder).clientTLS).fills(func(o opts) []any {
		return []any{&o.TLSConfig, &o.TLSTimeout, &o.TLS, &o.TLSVerify, &o.TLSCert, &o.TLSKey, &o.TLSCaCert, &o.TLSMap,
			&o.TLSPinnedCerts, &o.TLSRateLimit, &o.TLSHandshakeFirst, &o.TLSHandshakeFirstFallback}
	}).help("TLS for clients and for https").unset("no TLS").reloads("yes, for new connections; its files are read again", tlsChanges),
	choice("allow_non_tls", func(o opts) *bool { return &o.AllowNonTLS }).
		help("next to tls: plain connections are served, too").stays("AllowNonTLS"),
}

// limitKeys bound sizes, numbers and times.
var limitKeys = []key[opts]{
	made("max_connections max_conn", "integer", func(o opts) *int { return &o.MaxConn }, (*decoder).maxConnections).
		or(options.DefaultMaxConnections).help("client connections at a time; 0 or less lets nobody in").
		live("Reloaded: max_connections = %v"),
	number("max_subscriptions max_subs", func(o opts) *int { return &o.MaxSubs }).unset("no bound").
		help("subscriptions of a connection").stays("MaxSubs"),
	made("max_sub_tokens max_subscription_tokens", "integer", func(o opts) *uint8 { return &o.MaxSubTokens }, (*decoder).maxSubTokens).
		unset("no bound").help("tokens in the subject of a subscription, 1 to 255").stays("MaxSubTokens"),
	number("max_control_line", func(o opts) *int32 { return &o.MaxControlLine }).or(options.DefaultMaxControlLine).check(notNegative).
		help("longest control line, in bytes").live("Reloaded: max_control_line = %d"),
	number("max_payload", func(o opts) *int32 { return &o.MaxPayload }).or(options.DefaultMaxPayload).
		help("largest message, header and payload, in bytes; not over max_pending").live("Reloaded: max_payload = %d"),
	number("max_pending", func(o opts) *int64 { return &o.MaxPending }).or(options.DefaultMaxPending).check(tooMuchPending).
		help("bytes that may wait for a connection").stays("MaxPending"),
	number("max_closed_clients", func(o opts) *int { return &o.MaxClosedClients }).or(options.DefaultMaxClosedClients).
		help("ended connections that /connz remembers").stays("MaxClosedClients"),
	duration("ping_interval", func(o opts) *time.Duration { return &o.PingInterval }).or(options.DefaultPingInterval).check(notNegative).
		help("time between pings").live("Reloaded: ping_interval = %s"),
	number("ping_max", func(o opts) *int { return &o.MaxPingsOut }).or(options.DefaultPingMax).check(notNegative).
		help("pings that may be unanswered").live("Reloaded: ping_max = %d"),
	duration("write_deadline", func(o opts) *time.Duration { return &o.WriteDeadline }).or(options.DefaultWriteDeadline).check(notNegative).
		help("time in which a client has to take what is written").live("Reloaded: write_deadline = %s"),
	special("write_timeout", "default or close", (*decoder).writeTimeout).unset("close").
		help("what happens then: the connection is closed").reloads("nothing to change", nil),
	choice("no_fast_producer_stall", func(o opts) *bool { return &o.NoFastProducerStall }).
		help("publishers never wait for slow consumers").reloads("yes", stallChanges),
	made("lame_duck_duration", "duration", func(o opts) *time.Duration { return &o.LameDuckDuration }, (*decoder).lameDuckDuration).
		or(options.DefaultLameDuckDuration).check(notNegative).
		help("time in which a server that retires closes its clients, 30s or more").stays("LameDuckDuration"),
	made("lame_duck_grace_period", "duration", func(o opts) *time.Duration { return &o.LameDuckGracePeriod }, (*decoder).lameDuckGrace).
		or(options.DefaultLameDuckGracePeriod).check(notNegative).
		help("part of it in which they may go by themselves").stays("LameDuckGracePeriod"),
}

// reportKeys are about monitoring, profiling and files that others read.
var reportKeys = []key[opts]{
	address("http", func(o opts) *string { return &o.HTTPHost }, func(o opts) *int { return &o.HTTPPort }).
		unset("no monitoring").help("host and port for monitoring; the host is that of clients if it has none").stays("HTTPHost"),
	port("http_port monitor_port", func(o opts) *int { return &o.HTTPPort }).unset("none").
		help("port for monitoring, -1 for a free one").stays("HTTPPort").flag("m http_port", "PORT"),
	address("https", func(o opts) *string { return &o.HTTPHost }, func(o opts) *int { return &o.HTTPSPort }).
		unset("no monitoring").help("host and port for monitoring by HTTPS").stays("HTTPHost"),
	port("https_port", func(o opts) *int { return &o.HTTPSPort }).unset("none").
		help("port for monitoring by HTTPS, with tls").stays("HTTPSPort").flag("ms https_port", "PORT"),
	text("http_base_path", func(o opts) *string { return &o.HTTPBasePath }).unset("/").
		help("prefix of all monitoring paths").stays("HTTPBasePath"),
	text("pid_file pidfile", func(o opts) *string { return &o.PidFile }).
		help("file to write the process id to").live("Reloaded: pid_file = %v").flag("P pid", "FILE"),
	text("ports_file_dir", func(o opts) *string { return &o.PortsFileDir }).
		help("folder for a file with the URLs of the listeners").live("Reloaded: ports_file_dir = %v").flag("ports_file_dir", "FOLDER"),
	port("prof_port", func(o opts) *int { return &o.ProfPort }).unset("none").
		help("port for profiling, -1 for a free one").stays("ProfPort").flag("profile", "PORT"),
	number("prof_block_rate", func(o opts) *int { return &o.ProfBlockRate }).unset("none").
		help("samples of blocking: one for so many ns").live("Reloaded: prof_block_rate = %v"),
}

// Formats of log lines.
const (
	textFormat = "text"
	jsonFormat = "json"
)

// logKeys are about the log.
var logKeys = []key[opts]{
	text("log_file logfile", func(o opts) *string { return &o.LogFile }).unset("standard error").
		help("file to log to").live("Reloaded: log_file = %v").flag("l log", "FILE"),
	number("log_size_limit logfile_size_limit", func(o opts) *int64 { return &o.LogSizeLimit }).unset("0, never").
		help("begin a new file when the log has grown so large").stays("LogSizeLimit").flag("log_size_limit", "BYTES"),
	number("log_max_num logfile_max_num", func(o opts) *int64 { return &o.LogMaxFiles }).unset("0, all").
		help("log files to keep, the live one included").stays("LogMaxFiles"),
	text("log_format", func(o opts) *string { return &o.LogFormat }).unset(textFormat).check(notFormat).
		help("text, or json for a JSON object a line").live("Reloaded: log_format = %v").flag("log_format", "FORMAT"),
	choice("syslog", func(o opts) *bool { return &o.Syslog }).
		help("log to the syslog of the machine").live("Reloaded: syslog = %v").flag("s syslog", ""),
	text("remote_syslog", func(o opts) *string { return &o.RemoteSyslog }).check(notSyslog).
		help("log to a syslog: udp://host:port, tcp://host:port, unix:///path").
		reloads("yes", remoteSyslogChanges).flag("r remote_syslog", "URL"),
	choice("logtime", logtime).unset("true").
		help("time on log lines; -T=false for none").live("Reloaded: logtime = %v").flag("T logtime", ""),
	choice("logtime_utc", func(o opts) *bool { return &o.LogtimeUTC }).
		help("that time in UTC").live("Reloaded: logtime_utc = %v").flag("logtime_utc", ""),
	choice("debug", debug).
		help("debug lines").live("Reloaded: debug = %v").flag("D debug", ""),
	choice("trace", trace).
		help("trace every operation").live("Reloaded: trace = %v").flag("V trace", ""),
	tracing("trace_verbose", verbose).
		help("sets trace, too; traces the system account as well").live("Reloaded: trace_verbose = %v"),
	tracing("trace_headers", func(o opts) *bool { return &o.TraceHeaders }).
		help("sets trace, too; shows of messages only their headers").live("Reloaded: trace_headers = %v"),
	number("max_traced_msg_len", func(o opts) *int { return &o.MaxTracedMsgLen }).unset("0, all").
		help("trace no more of a payload").live("Reloaded: max_traced_msg_len = %d").flag("max_traced_msg_len", "BYTES"),
}

// trustKeys say who may enter.
var trustKeys = []key[opts]{
	special("authorization", "map", (*decoder).authorization).
		fills(func(o opts) []any { return []any{&o.AuthorizationBlock, &o.Users, &o.Nkeys} }).
		help("who may enter the account of everybody").unset("everybody").reloads("yes", userChanges),
	special("accounts", "map or list", (*decoder).accounts).fills(func(o opts) []any { return []any{&o.Accounts} }).
		help("separate subject spaces with their users").unset("none but $G and $SYS").reloads("yes", accountChanges),
	made("mappings maps", "map", func(o opts) *[]*options.SubjectMapping { return &o.Mappings },
		func(d *decoder, p *conf.Pair, o opts) { o.Mappings = d.mappings(p) }).
		help("subjects of the account of everybody that become others when they are published").live("Reloaded: mappings"),
	text("no_auth_user", func(o opts) *string { return &o.NoAuthUser }).
		help("user that clients without credentials become").reloads("no, but it may go with its user", noAuthUserChanges),
	choice("no_system_account no_system no_sys_acc", func(o opts) *bool { return &o.NoSystemAccount }).
		help("makes no system account").stays("NoSystemAccount"),
	made("system_account system", "string", func(o opts) *string { return &o.SystemAccount }, (*decoder).systemAccount).
		unset(options.DefaultSystemAccount).help("the account that is the server's own").stays("SystemAccount"),
}

// idleKeys are of no use to barid.
var idleKeys = []key[opts]{
	idle("connect_error_reports", func(o opts) *int { return &o.ConnectErrorReports }, noDialling).
		live("Reloaded: connect_error_reports = %v"),
	idle("reconnect_error_reports", func(o opts) *int { return &o.ReconnectErrorReports }, noDialling).
		live("Reloaded: reconnect_error_reports = %v"),
	ignored("disable_sublist_cache no_sublist_cache", conf.Boolean, "barid has no such cache"),
	special("feature_flags", "map of booleans", (*decoder).featureFlags).
		help("no effect: its flags are about the inside of another server").reloads("nothing to change", nil),
}

// absentKeys are of parts that barid does not have.
var absentKeys = []key[opts]{
	missing[opts]("cluster", clustering, unbound),
	missing[opts]("gateway", "gateways", absent),
	missing[opts]("leafnodes leaf", "leafnodes", unbound),
	missing[opts]("websocket ws", "websockets", unbound),
	missing[opts]("mqtt", "MQTT", unbound),
	missing[opts]("jetstream", streams, disabled),
	missing[opts]("store_dir storedir", streams, absent),
	missing[opts]("default_js_domain", streams, absent),
	missing[opts]("ocsp", "OCSP", off("never", "mode")),
	missing[opts]("ocsp_cache", "OCSP", off("none", "type")),
}

const (
	clustering = "clustering"
	noDialling = "barid connects to no other server"
	streams    = "JetStream"
)

func logtime(o opts) *bool { return &o.Logtime }
func debug(o opts) *bool   { return &o.Debug }
func trace(o opts) *bool   { return &o.Trace }
func verbose(o opts) *bool { return &o.TraceVerbose }

// tracing is a boolean that switches tracing, too.
func tracing(names string, field func(opts) *bool) *row[opts, bool] {
	return made(names, "boolean", field, func(d *decoder, p *conf.Pair, o opts) {
		if d.choice(p, field(o)) {
			o.Trace = p.Value.Bool
		}
	})
}
