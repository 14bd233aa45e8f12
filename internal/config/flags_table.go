package config

import (
	"fmt"
	"iter"
	"slices"
)

// flagSection is a part of the usage.
type flagSection struct {
	title string
	rows  []flagRow
}

// flagSections are all flags, in the order of the usage. Those that are settings come from the
// tables of these.
var flagSections = []flagSection{
	{"Server", slices.Concat(flagsOf(block[opts]{keys: listenKeys}, itself), flagsOf(block[opts]{keys: reportKeys}, itself))},
	{"Configuration", []flagRow{
		wordFlag("c config", "FILE", "read FILE; flags that are given win over it", func(c *CommandLine) *string { return &c.ConfigFile }),
		wishFlag("t", "check the file of -c with the other flags, and exit", func(c *CommandLine) *bool { return &c.Test }),
		wordFlag("sl signal", "COMMAND[=PID]", "tell a running server: stop, quit, term, reopen, reload, ldm",
			func(c *CommandLine) *string { return &c.Signal }),
	}},
	{"Logging", append(flagsOf(block[opts]{keys: logKeys}, itself),
		switchFlag("VV", "trace the system account, too", trace, verbose),
		switchFlag("DV", "-D and -V", debug, trace),
		switchFlag("DVV", "-D and -VV", debug, trace, verbose))},
	{"Logins", flagsOf(authorizationBlock, loginOf)},
	{"TLS", []flagRow{
		switchFlag(tlsFlag, "TLS for clients; --tls=false for none, whatever the file says", func(o opts) *bool { return &o.TLS }),
		textFlag(tlsCertFlag, "FILE", meaning(tlsBlock, "cert_file"), func(o opts) *string { return &o.TLSCert }),
		textFlag(tlsKeyFlag, "FILE", meaning(tlsBlock, "key_file"), func(o opts) *string { return &o.TLSKey }),
		switchFlag(tlsVerifyFlag, "TLS, and "+meaning(tlsBlock, "verify"), func(o opts) *bool { return &o.TLSVerify }),
		textFlag(tlsCAFlag, "FILE", meaning(tlsBlock, "ca_file"), func(o opts) *string { return &o.TLSCaCert }),
	}},
	{"Other", []flagRow{
		wishFlag("h help", "this text", func(c *CommandLine) *bool { return &c.Help }),
		wishFlag("v version", "the version", func(c *CommandLine) *bool { return &c.Version }),
		wishFlag("help_tls", "about TLS in configuration files, with names of ciphers and curves",
			func(c *CommandLine) *bool { return &c.HelpTLS }),
	}},
	{"Known but refused, as barid does not have these parts yet", []flagRow{
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

const (
	userFlag = "user"
	passFlag = "pass"
	authFlag = "auth"
)

// meaning is what the row of a key says, with its default.
func meaning[T any](b block[T], name string) string {
	e := b.find(name).about()
	if e.standard == "" || e.standard == "false" {
		return e.meaning
	}
	return fmt.Sprintf("%s (default %s)", e.meaning, e.standard)
}

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
