package config

import "iter"

// flagSection is a part of the usage.
type flagSection struct {
	title string
	rows  []flagRow
}

// flagSections are all flags, in the order of the usage.
var flagSections = []flagSection{
	{"Server", []flagRow{
		textFlag("a addr net", "HOST", "address to listen on (default 0.0.0.0)", func(o opts) *string { return &o.Host }),
		numberFlag("p port", "PORT", "port for clients (default 4222, -1 for a free one)", func(o opts) *int { return &o.Port }),
		textFlag("n name server_name", "NAME", "name of the server (default: its id)", func(o opts) *string { return &o.ServerName }),
		textFlag("client_advertise", "HOST[:PORT]", "address that clients are told in place of the above",
			func(o opts) *string { return &o.ClientAdvertise }),
		textFlag("P pid", "FILE", "write the process id to FILE", func(o opts) *string { return &o.PidFile }),
		numberFlag("m http_port", "PORT", "port for monitoring (default none, -1 for a free one)",
			func(o opts) *int { return &o.HTTPPort }),
		numberFlag("ms https_port", "PORT", "port for monitoring by HTTPS, with the certificate of TLS",
			func(o opts) *int { return &o.HTTPSPort }),
	}},
	{"Configuration", []flagRow{
		{names: "c config", arg: "FILE", help: "read FILE; flags that are given win over it",
			tell: func(c *CommandLine, v flagValue) { c.ConfigFile = v.text }},
		wishFlag("t", "check the file of -c with the other flags, and exit", func(c *CommandLine) *bool { return &c.Test }),
	}},
	{"Logging", []flagRow{
		textFlag("l log", "FILE", "log to FILE (default: standard error)", func(o opts) *string { return &o.LogFile }),
		numberFlag("log_size_limit", "BYTES", "begin a new file when the log has grown so large (default 0, never)",
			func(o opts) *int64 { return &o.LogSizeLimit }),
		switchFlag("T logtime", "time on log lines (default true; -T=false for none)", logtime),
		switchFlag("logtime_utc", "that time in UTC", func(o opts) *bool { return &o.LogtimeUTC }),
		switchFlag("D debug", "debug lines", debug),
		switchFlag("V trace", "trace every operation", trace),
		switchFlag("VV", "trace the system account, too", trace, verbose),
		switchFlag("DV", "-D and -V", debug, trace),
		switchFlag("DVV", "-D and -VV", debug, trace, verbose),
		numberFlag("max_traced_msg_len", "BYTES", "trace no more of a payload (default 0, all)",
			func(o opts) *int { return &o.MaxTracedMsgLen }),
	}},
	{"Logins", []flagRow{
		secretFlag(userFlag, "NAME", "user that clients have to be", func(o opts) *string { return &o.Username }),
		secretFlag(passFlag, "PASSWORD", "password of that user, or its bcrypt hash", func(o opts) *string { return &o.Password }),
		secretFlag(authFlag, "TOKEN", "token that clients have to show, or its bcrypt hash",
			func(o opts) *string { return &o.Authorization }),
	}},
	{"TLS", []flagRow{
		{names: tlsFlag, help: "TLS for clients; --tls=false for none, whatever the file says", kind: flagSwitch,
			set: func(o opts, v flagValue) { o.TLS = v.yes }},
		textFlag(tlsCertFlag, "FILE", "certificate of the server", func(o opts) *string { return &o.TLSCert }),
		textFlag(tlsKeyFlag, "FILE", "its private key", func(o opts) *string { return &o.TLSKey }),
		switchFlag(tlsVerifyFlag, "TLS, and clients need certificates", func(o opts) *bool { return &o.TLSVerify }),
		textFlag(tlsCAFlag, "FILE", "authorities for certificates of clients (default: the system's)",
			func(o opts) *string { return &o.TLSCaCert }),
	}},
	{"Other", []flagRow{
		wishFlag("h help", "this text", func(c *CommandLine) *bool { return &c.Help }),
		wishFlag("v version", "the version", func(c *CommandLine) *bool { return &c.Version }),
		wishFlag("help_tls", "about TLS in configuration files, with names of ciphers and curves",
			func(c *CommandLine) *bool { return &c.HelpTLS }),
	}},
	{"Known but refused, as barid does not have these parts yet", []flagRow{
		missingFlag("sl signal", "SIGNAL[=PID]", "signal a running server", "signalling of other processes", flagText),
		missingFlag("ports_file_dir", "FOLDER", "write the ports to a file in FOLDER", "ports files", flagText),
		missingFlag("s syslog", "", "log to syslog", "syslog", flagSwitch),
		missingFlag("r remote_syslog", "URL", "log to a remote syslog", "syslog", flagText),
		missingFlag("profile", "PORT", "port for profiling", profiling, flagNumber),
		missingFlag("js jetstream", "", "JetStream", streams, flagSwitch),
		missingFlag("sd store_dir", "FOLDER", "where JetStream stores", streams, flagText),
		missingURLs("cluster cluster_listen", "URL", "listen for routes", clustering),
		missingURLs("routes", "URL,...", "connect to other servers", clustering),
		missingFlag("cluster_name", "NAME", "name of the cluster", clustering, flagText),
		missingFlag("cluster_advertise", "HOST[:PORT]", "address that other servers are told", clustering, flagText),
		missingFlag("no_advertise", "", "tell clients of no other server", clustering, flagSwitch),
		missingFlag("connect_retries", "NUMBER", "how often to try to connect", clustering, flagNumber),
	}},
}

const clustering = "clustering"

const (
	userFlag = "user"
	passFlag = "pass"
	authFlag = "auth"
)

func logtime(o opts) *bool { return &o.Logtime }
func debug(o opts) *bool   { return &o.Debug }
func trace(o opts) *bool   { return &o.Trace }
func verbose(o opts) *bool { return &o.TraceVerbose }

// flagRows yields all rows of the table.
func flagRows() iter.Seq[*flagRow] {
	return func(yield func(*flagRow) bool) {
		for _, s := range flagSections {
			for i := range s.rows {
				if !yield(&s.rows[i]) {
					return
				}
			}
		}
	}
}
