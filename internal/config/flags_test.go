package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/options"
)

// parseLine parses a command line with a flag set of its own.
func parseLine(args ...string) (*CommandLine, error) {
	return ParseFlags(flag.NewFlagSet("barid", flag.ContinueOnError), args)
}

// optionsOf returns the options of a command line.
func optionsOf(args ...string) (*options.Options, error) {
	c, err := parseLine(args...)
	if err != nil {
		return nil, err
	}
	o, _, err := c.Options()
	return o, err
}

// flagCase is how a test meets a flag: what a file says, what the flag says, and what options hold
// then. It has what of the options the flag is about.
type flagCase struct {
	file   string
	inFile any
	value  string
	inFlag any
	zero   string // empty or false, as a value of the flag
	inZero any
	of     func(o *options.Options) any
	with   []string // flags that have to go with it
	fault  string   // what is said of the zero value, if it cannot be
}

// flagCases are those of every flag that is about options, by its first name.
func flagCases() map[string]flagCase {
	text := func(key string, of func(o *options.Options) string) flagCase {
		return flagCase{file: key + `: "1.1.1.1"`, inFile: "1.1.1.1", value: "2.2.2.2", inFlag: "2.2.2.2", zero: "", inZero: "",
			of: func(o *options.Options) any { return of(o) }}
	}
	number := func(key string, of func(o *options.Options) int64) flagCase {
		return flagCase{file: key + `: 11`, inFile: int64(11), value: "22", inFlag: int64(22), zero: "0", inZero: int64(0),
			of: func(o *options.Options) any { return of(o) }}
	}
	yes := func(key string, of func(o *options.Options) bool) flagCase {
		return flagCase{file: key + `: false`, inFile: false, value: "true", inFlag: true, zero: "false", inZero: false,
			of: func(o *options.Options) any { return of(o) }}
	}
	login := func(block, key string, of func(o *options.Options) string) flagCase {
		s := text(key, of)
		s.file = block + " {" + s.file + "}"
		return s
	}
	tracing := func(o *options.Options) any { return []bool{o.Debug, o.Trace, o.TraceVerbose} }
	cert, key := os.Getenv("T_CERT"), os.Getenv("T_KEY")
	cert2, key2 := os.Getenv("T_CERT2"), os.Getenv("T_KEY2")
	pair := "cert_file: $T_CERT, key_file: $T_KEY"
	return map[string]flagCase{
		"a":                text("host", func(o *options.Options) string { return o.Host }),
		"p":                number("port", func(o *options.Options) int64 { return int64(o.Port) }),
		"n":                text("server_name", func(o *options.Options) string { return o.ServerName }),
		"client_advertise": text("client_advertise", func(o *options.Options) string { return o.ClientAdvertise }),
		"P":                text("pid_file", func(o *options.Options) string { return o.PidFile }),
		"m":                number("http_port", func(o *options.Options) int64 { return int64(o.HTTPPort) }),
		"ms":               {"https_port: 11, tls {" + pair + "}", 11, "22", 22, "0", 0, func(o *options.Options) any { return o.HTTPSPort }, nil, ""},
		"ports_file_dir":   text("ports_file_dir", func(o *options.Options) string { return o.PortsFileDir }),
		"profile":          number("prof_port", func(o *options.Options) int64 { return int64(o.ProfPort) }),
		"s":                yes("syslog", func(o *options.Options) bool { return o.Syslog }),
		"r": {`remote_syslog: "udp://a:1"`, "udp://a:1", "tcp://b:2", "tcp://b:2", "", "",
			func(o *options.Options) any { return o.RemoteSyslog }, nil, ""},
		"log_format":         {"log_format: text", "text", "json", "json", "", "", func(o *options.Options) any { return o.LogFormat }, nil, ""},
		"l":                  text("log_file", func(o *options.Options) string { return o.LogFile }),
		"log_size_limit":     number("log_size_limit", func(o *options.Options) int64 { return o.LogSizeLimit }),
		"T":                  yes("logtime", func(o *options.Options) bool { return o.Logtime }),
		"logtime_utc":        yes("logtime_utc", func(o *options.Options) bool { return o.LogtimeUTC }),
		"D":                  yes("debug", func(o *options.Options) bool { return o.Debug }),
		"V":                  yes("trace", func(o *options.Options) bool { return o.Trace }),
		"VV":                 {"debug: true, trace: false", []bool{true, false, false}, "true", []bool{true, true, true}, "false", []bool{true, false, false}, tracing, nil, ""},
		"DV":                 {"trace_verbose: true", []bool{false, true, true}, "true", []bool{true, true, true}, "false", []bool{false, false, true}, tracing, nil, ""},
		"DVV":                {"debug: true", []bool{true, false, false}, "true", []bool{true, true, true}, "false", []bool{false, false, false}, tracing, nil, ""},
		"max_traced_msg_len": number("max_traced_msg_len", func(o *options.Options) int64 { return int64(o.MaxTracedMsgLen) }),
		"user":               login("authorization", "user", func(o *options.Options) string { return o.Username }),
		"pass":               {`authorization {user: u, pass: "1"}`, "1", "2", "2", "", "", func(o *options.Options) any { return o.Password }, nil, ""},
		"auth":               login("authorization", "token", func(o *options.Options) string { return o.Authorization }),
		"tls":                {"tls {" + pair + "}", true, "true", true, "false", false, func(o *options.Options) any { return o.TLS && o.TLSConfig != nil }, nil, ""},
		"tlscert": {"tls {" + pair + "}", cert, cert2, cert2, "", nil, func(o *options.Options) any { return o.TLSCert },
			[]string{"--tlskey", key2}, "TLS Server certificate must be present and valid"},
		"tlskey": {"tls {" + pair + "}", key, key2, key2, "", nil, func(o *options.Options) any { return o.TLSKey },
			[]string{"--tlscert", cert2}, "TLS Server private key must be present and valid"},
		"tlsverify": {"tls {" + pair + "}", false, "true", true, "false", false, func(o *options.Options) any { return o.TLSVerify }, nil, ""},
		"tlscacert": {"tls {" + pair + ", ca_file: $T_CERT}", cert, cert2, cert2, "", "", func(o *options.Options) any { return o.TLSCaCert }, nil, ""},
	}
}

// A flag that is given wins over the file under each of its names, be its value empty or false;
// one that is not given leaves the file alone, and so does every flag what it is not about.
func TestFlagsAndFiles(t *testing.T) {
	setFiles(t)
	all := flagCases()
	for row := range flagRows() {
		if row.set == nil {
			continue
		}
		first, _, _ := strings.Cut(row.names, " ")
		s, known := all[first]
		require.True(t, known, "flag -%s needs an entry in flagCases", first)
		delete(all, first)
		file := filepath.Join(t.TempDir(), "conf")
		require.NoError(t, os.WriteFile(file, []byte(s.file+"\nmax_payload: 77\n"), 0o600))
		for name := range strings.FieldsSeq(row.names) {
			t.Run(name, func(t *testing.T) { checkSetting(t, name, s, file) })
		}
	}
	require.Empty(t, all, "settings that no flag is about")
}

func checkSetting(t *testing.T, name string, s flagCase, file string) {
	alone, err := optionsOf("-c", file)
	require.NoError(t, err)
	require.Equal(t, s.inFile, s.of(alone), "the file holds without the flag")
	require.EqualValues(t, 77, alone.MaxPayload)

	given := append([]string{"-c", file, "--" + name + "=" + s.value}, s.with...)
	over, err := optionsOf(given...)
	require.NoError(t, err)
	require.Equal(t, s.inFlag, s.of(over), "the flag wins over the file")
	require.EqualValues(t, 77, over.MaxPayload, "and leaves the rest alone")

	zero := append([]string{"-" + name + "=" + s.zero, "-c", file}, s.with...)
	none, err := optionsOf(zero...)
	if s.fault != "" {
		require.EqualError(t, err, s.fault)
		return
	}
	require.NoError(t, err)
	require.Equal(t, s.inZero, s.of(none), "an empty value, too")
}

// The flags can be applied as often as a file is read again.
func TestFlagsAreAppliedAgain(t *testing.T) {
	c, err := parseLine("-p", "1", "-T=false", "--user", "u")
	require.NoError(t, err)
	for range 2 {
		o := &options.Options{Port: 2, Logtime: true, Debug: true}
		require.NoError(t, c.Apply(o))
		require.Equal(t, &options.Options{Port: 1, Debug: true, Username: "u"}, o)
	}
}

func TestTimeIsLoggedUnlessSomebodySaysNo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conf")
	for _, c := range []struct {
		file string
		args []string
		want bool
	}{
		{"", nil, true},
		{"", []string{"-T"}, true},
		{"", []string{"-T=false"}, false},
		{"logtime: false", nil, false},
		{"logtime: false", []string{"-T"}, true},
		{"logtime: true", []string{"-T=0"}, false},
		{"port: 1", nil, true},
	} {
		require.NoError(t, os.WriteFile(file, []byte(c.file), 0o600))
		o, err := optionsOf(append(c.args, "-c", file)...)
		require.NoError(t, err)
		require.Equal(t, c.want, o.Logtime, "%+v", c)
	}
}

// What barid cannot do it refuses under the name that was used, unless the value asks for nothing.
func TestFlagsOfMissingParts(t *testing.T) {
	values := map[flagKind][2]string{flagText: {"x", ""}, flagNumber: {"5", "0"}, flagSwitch: {"true", "false"}}
	for row := range flagRows() {
		if row.lacks == "" {
			require.True(t, row.set != nil || row.tell != nil, row.names)
			continue
		}
		require.Nil(t, row.set, row.names)
		for name := range strings.FieldsSeq(row.names) {
			_, err := optionsOf("--" + name + "=" + values[row.kind][0])
			require.EqualError(t, err, dashed(name)+": barid has no "+row.lacks+" yet")
			_, err = optionsOf("--" + name + "=" + values[row.kind][1])
			require.NoError(t, err, name)
		}
	}
	_, err := optionsOf("--routes", "nats://a:b@c:1", "-js", "-js=false", "--connect_retries", "1")
	require.EqualError(t, err, "--routes: barid has no clustering yet\n--connect_retries: barid has no clustering yet")
}

func TestFlagsThatAreNotUnderstood(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--no_such", "flag provided but not defined: -no_such"},
		{"-VD", "flag provided but not defined: -VD"},
		{"-p", "flag needs an argument: -p"},
		{"-p x", `invalid value "x" for flag -p: parse error`},
		{"-p 99999999999999999999", `invalid value "99999999999999999999" for flag -p: value out of range`},
		{"-D=maybe", `invalid boolean value "maybe" for -D: parse error`},
	} {
		_, err := parseLine(strings.Fields(c.args)...)
		var misuse *UsageError
		require.ErrorAs(t, err, &misuse, c.args)
		require.EqualError(t, err, c.want)
	}
}

// The flag set of the caller keeps what it does with errors; here it says and does nothing.
func TestFlagSetsAreLeftAsTheyWere(t *testing.T) {
	var out bytes.Buffer
	fs := flag.NewFlagSet("x", flag.PanicOnError)
	fs.SetOutput(&out)
	called := false
	fs.Usage = func() { called = true }
	own := fs.String("own", "", "a flag of the caller's")
	_, err := ParseFlags(fs, []string{"--own", "value", "--no_such"})
	require.Error(t, err)
	require.Equal(t, "value", *own)
	require.Equal(t, flag.PanicOnError, fs.ErrorHandling())
	require.Equal(t, "x", fs.Name())
	require.Empty(t, out.String())
	require.False(t, called)
	fs.Usage()
	require.True(t, called)
}

// Who lists the flags of a set sees their values, but no secrets.
func TestValuesOfFlagsAreShown(t *testing.T) {
	fs := flag.NewFlagSet("x", flag.ContinueOnError)
	_, err := ParseFlags(fs, []string{"-p", "7", "-D", "-n", "me", "--pass", "s3cret", "--routes", "nats://s3cret@h:1"})
	require.NoError(t, err)
	var shown []string
	fs.Visit(func(f *flag.Flag) { shown = append(shown, f.Name+"="+f.Value.String()) })
	require.Equal(t, []string{"D=true", "n=me", "p=7", "pass=[REDACTED]", "routes=nats://[REDACTED]@h:1"}, shown)
	fs.SetOutput(&bytes.Buffer{})
	fs.PrintDefaults() // asks values that nobody has set
}

func TestUsage(t *testing.T) {
	got := Usage()
	golden(t, filepath.Join("testdata", "usage.conf"), got)
	words := strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(" ,\n", r) })
	for row := range flagRows() {
		for name := range strings.FieldsSeq(row.names) {
			require.Contains(t, words, dashed(name))
		}
		require.NotEmpty(t, row.help, row.names)
		require.Equal(t, row.kind == flagSwitch, row.arg == "", "%s: switches take no value, others need a name for it", row.names)
	}
	for line := range strings.Lines(got) {
		require.LessOrEqual(t, len(line), 101, line)
	}
}

func TestTLSHelpNamesCiphersAndCurves(t *testing.T) {
	text := TLSHelp()
	for _, name := range []string{"TLS_AES_128_GCM_SHA256\n", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n",
		"TLS_RSA_WITH_RC4_128_SHA  (insecure", "X25519MLKEM768\n", "CurveP521\n"} {
		require.Contains(t, text, "    "+name)
	}
	// The block that it shows is one.
	block := text[strings.Index(text, "tls {"):strings.Index(text, "}\n")]
	var shown []string
	for line := range strings.Lines(block) {
		if key, _, ok := strings.Cut(strings.TrimLeft(line, " #"), ":"); ok {
			require.NotNil(t, tlsBlock.find(key), key)
			shown = append(shown, key)
		}
	}
	require.Subset(t, shown, []string{"cipher_suites", "verify_and_map", "handshake_first", "pinned_certs"})
}

// A login of the flags takes the place of the one in the file, be it of another kind. It does not
// take the place of users.
func TestLoginsOfFlagsReplaceThatOfTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conf")
	for _, c := range []struct {
		file, args        string
		user, pass, token string
		fault             string
	}{
		{"token: t", "--user a --pass b", "a", "b", "", ""},
		{"token: t", "--user a", "a", "", "", ""},
		{"token: t", "--pass b", "", "b", "", "--pass: a password needs a user"},
		{"token: t", "--user=", "", "", "t", ""}, // that is no login
		{"token: t", "--auth u", "", "", "u", ""},
		{"user: a, pass: b", "--auth t", "", "", "t", ""},
		{"user: a, pass: b", "--auth=", "a", "b", "", ""},
		{"user: a, pass: b", "--user c", "c", "b", "", ""},
		{"user: a, pass: b", "--pass c", "a", "c", "", ""},
		{"token: t", "--user a --auth u", "a", "", "u", "--user: Cannot have a user/pass and token"},
		{"users: [ {user: x} ]", "--user a", "a", "", "", "--user: Can not have a single user/pass and a users array"},
		{"users: [ {user: x} ]", "--auth t", "", "", "t", "--auth: Can not have a token and a users array"},
	} {
		require.NoError(t, os.WriteFile(file, []byte("authorization { "+c.file+" }"), 0o600))
		o, err := optionsOf(append(strings.Fields(c.args), "-c", file)...)
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault+"; ", "%+v", c)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, []string{c.user, c.pass, c.token}, []string{o.Username, o.Password, o.Authorization}, "%+v", c)
	}
}

// Any command line is understood or refused, and hides its secrets.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{"-p\n1\n-D", "--pass\ns\n--user=u\nword", "--routes=nats://a:b@c,d@e\n--", "-DV=\n-", "-=\n--=x", "-p\n0x"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, "\n")
		fs := flag.NewFlagSet("barid", flag.ContinueOnError)
		c, err := ParseFlags(fs, args)
		if err != nil {
			return
		}
		hidden := slices.Clone(args)
		hideSecrets(fs, hidden)
		again, err := parseLine(hidden...)
		require.NoError(t, err)
		require.Len(t, again.given, len(c.given))
		for i, a := range again.given {
			require.Equal(t, c.given[i].name, a.name, "what is hidden are values")
			if a.row.secret == nil {
				require.Equal(t, c.given[i].value, a.value)
			} else {
				require.Equal(t, c.given[i].String(), a.value.text, fmt.Sprint(hidden))
			}
		}
	})
}
