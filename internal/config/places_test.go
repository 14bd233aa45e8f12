package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/conf"
)

// What does not go together is said of the flag or of the place in the file that it comes from; a
// flag that is given is the likelier reason.
func TestFaultsHavePlaces(t *testing.T) {
	setFiles(t)
	file := filepath.Join(t.TempDir(), "conf")
	for _, c := range []struct{ file, args, want string }{
		{"", "-p 70000", "-p: port 70000 is not a port"},
		{"", "--port=70000", "--port: port 70000 is not a port"},
		{"port: 70000", "-p 1", "FILE:1:0: port 70000 is not a port"},
		{"", "--name= --log_format xml", "--log_format: log_format must be text or json"},
		{"", "--remote_syslog http://s3cret@h:1", "--remote_syslog: remote_syslog needs the form udp://host:port, tcp://host:port or unix:///path"},
		{"port: 1\nhttp: 5", "-ms 6 --tlscert $T_CERT --tlskey $T_KEY", "-ms: Can't start monitoring: can't specify both HTTP (5) and HTTPs (6) ports"},
		{"http: 5\n\nhttps: 6, tls { cert_file: $T_CERT, key_file: $T_KEY }", "",
			"FILE:3:1: Can't start monitoring: can't specify both HTTP (5) and HTTPs (6) ports"},
		{"max_pending: 5\nmax_payload: 6", "", "FILE:2:1: max_payload (6) cannot be higher than max_pending (5)"},
		{"max_pending: 5", "", "FILE:1:0: max_payload (1048576) cannot be higher than max_pending (5)"},
		{"authorization { token: t }", "--user a --auth t", "--user: Cannot have a user/pass and token"},
		{"accounts { A { users [ {user: a} ] } }", "--auth t", "--auth: Can not have a token and accounts"},
		{"authorization {\n  password: s3cret }", "", "FILE:2:3: a password needs a user"},
		{"server_name: a\nclient_advertise: \"::1\"", "", "FILE:2:1: Error setting server INFO with ClientAdvertise value of ::1, " +
			"err=address ::1: too many colons in address; "},
		{"client_advertise: \"::1\"", "--client_advertise a:b", "--client_advertise: Error setting server INFO with ClientAdvertise value of a:b, " +
			"err=strconv.Atoi: parsing \"b\": invalid syntax"},
	} {
		require.NoError(t, os.WriteFile(file, []byte(c.file), 0o600))
		args := strings.Fields(os.ExpandEnv(c.args))
		if c.file != "" {
			args = append(args, "-c", file)
		}
		_, err := optionsOf(args...)
		require.Error(t, err, "%+v", c)
		require.True(t, strings.HasPrefix(err.Error(), strings.ReplaceAll(c.want, "FILE", file)), "%v", err)
		if strings.HasPrefix(c.want, "FILE") {
			var at *conf.Error
			require.ErrorAs(t, err, &at)
		}
	}
}

func TestNearestNames(t *testing.T) {
	for _, c := range []struct{ key, names, want string }{
		{"prot", "port host", "port"},
		{"PORT1", "port host", "port"},
		{"hots", "port host", "host"},
		{"pot", "port", "port"},
		{"part", "port", "port"},
		{"parts", "port", ""},
		{"", "port a", ""},
		{"max_paylaod", "max_payload max_pending", "max_payload"},
		{"maxpayloads", "max_payload", "max_payload"},
		{"max_pay", "max_payload", ""},
		{strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20), ""}, // and no time is spent
	} {
		require.Equal(t, c.want, nearest(c.key, strings.Fields(c.names)), c.key)
	}
}

// Every hint stands behind an error of the bad files: none is left over from another text.
func TestHintsAreGiven(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.golden")
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	for format, hint := range hints {
		start, _, _ := strings.Cut(format, "%")
		var given bool
		for line := range strings.Lines(all.String()) {
			given = given || strings.Contains(line, start) && strings.HasSuffix(line, "; "+hint+"\n")
		}
		require.True(t, given, "no bad file has: %s", format)
	}
}
