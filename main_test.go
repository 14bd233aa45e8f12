package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		want server.Options // without Logtime
		off  bool           // Logtime is off; it is on otherwise
	}{
		{"", server.Options{}, false},
		{"-a 127.0.0.1", server.Options{Host: "127.0.0.1"}, false},
		{"--addr 127.0.0.1", server.Options{Host: "127.0.0.1"}, false},
		{"--net=127.0.0.1", server.Options{Host: "127.0.0.1"}, false},
		{"-p 1", server.Options{Port: 1}, false},
		{"--port=-1", server.Options{Port: -1}, false},
		{"-n x", server.Options{ServerName: "x"}, false},
		{"-name x", server.Options{ServerName: "x"}, false},
		{"--server_name x", server.Options{ServerName: "x"}, false},
		{"-m 2", server.Options{HTTPPort: 2}, false},
		{"--http_port 2", server.Options{HTTPPort: 2}, false},
		{"-P f", server.Options{PidFile: "f"}, false},
		{"--pid f", server.Options{PidFile: "f"}, false},
		{"-l f", server.Options{LogFile: "f"}, false},
		{"--log f", server.Options{LogFile: "f"}, false},
		{"-T", server.Options{}, false},
		{"-T=false", server.Options{}, true},
		{"--logtime=0", server.Options{}, true},
		{"--logtime=true", server.Options{}, false},
		{"-D", server.Options{Debug: true}, false},
		{"--debug", server.Options{Debug: true}, false},
		{"-V", server.Options{Trace: true}, false},
		{"--trace", server.Options{Trace: true}, false},
		{"-DV", server.Options{Debug: true, Trace: true}, false},
		{"-D -DV=false", server.Options{Debug: true}, false},
		{"-D -V", server.Options{Debug: true, Trace: true}, false},
		{"-p 1 -p 2", server.Options{Port: 2}, false},
		{"-p 1 -m 2 -a h -D --", server.Options{Port: 1, HTTPPort: 2, Host: "h", Debug: true}, false},
	} {
		c.want.Logtime = !c.off
		var o server.Options
		show, err := parse(&o, strings.Fields(c.args))
		require.NoError(t, err, c.args)
		require.Empty(t, show, c.args)
		require.Equal(t, c.want, o, c.args)
	}
}

// What the usage names is there, under each of its names.
func TestUsageIsTrue(t *testing.T) {
	for word := range strings.FieldsFuncSeq(usage, func(r rune) bool { return strings.ContainsRune(" ,\n", r) }) {
		if !strings.HasPrefix(word, "-") || word == "-1" {
			continue
		}
		_, err := parse(&server.Options{}, []string{word, "1"})
		if err != nil { // not for a name that does not exist
			require.ErrorContains(t, err, "unrecognized command", word)
		}
	}
}

func TestWhatIsShown(t *testing.T) {
	version := "barid: v" + server.BaridVersion + "\n"
	for _, c := range []struct{ args, want string }{
		{"-v", version},
		{"--version", version},
		{"version", version},
		{"Version", version},
		{"-D version", version},
		{"-v -p 1", version},
		{"-h", usage},
		{"--help", usage},
		{"help", usage},
		{"HELP me", usage},
	} {
		var stdout, stderr bytes.Buffer
		require.Zero(t, run(strings.Fields(c.args), &stdout, &stderr), c.args)
		require.Equal(t, c.want, stdout.String(), c.args)
		require.Empty(t, stderr.String(), c.args)
	}
}

func TestBadCommandLines(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"start", `unrecognized command: "start"`},
		{"-p 1 start", `unrecognized command: "start"`},
		{"-- -p", `unrecognized command: "-p"`},
		{"--no_such", "flag provided but not defined: -no_such"},
		{"-VD", "flag provided but not defined: -VD"},
		{"-p", "flag needs an argument: -p"},
		{"-p x", `invalid value "x" for flag -p: parse error`},
		{"-D=maybe", `invalid boolean value "maybe" for -D: parse error`},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 1, run(strings.Fields(c.args), &stdout, &stderr), c.args)
		require.Equal(t, "barid: "+c.want+"\n\n"+usage, stderr.String(), c.args)
		require.Empty(t, stdout.String(), c.args)
	}
}

// Options that cannot be are told without the usage: the line was understood.
func TestBadOptions(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-p 70000", "port 70000 is not a port"},
		{"-m -2", "http port -2 is not a port"},
		{"-n a\tb", ""},
	} {
		var stdout, stderr bytes.Buffer
		args := strings.Split(c.args, " ")
		require.Equal(t, 1, run(args, &stdout, &stderr), c.args)
		require.True(t, strings.HasPrefix(stderr.String(), "barid: "), c.args)
		require.Contains(t, stderr.String(), c.want)
		require.NotContains(t, stderr.String(), "Usage")
	}
	var stderr bytes.Buffer
	require.Equal(t, 1, run([]string{"-l", filepath.Join(t.TempDir(), "no", "such", "folder")}, &stderr, &stderr))
	require.Contains(t, stderr.String(), "no such file or directory")
}

// A server that cannot start ends the program.
func TestAPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	var out bytes.Buffer
	log := filepath.Join(t.TempDir(), "log")
	require.Equal(t, 1, run([]string{"-a", "127.0.0.1", "-p", port, "-l", log}, &out, &out))
	require.Empty(t, out.String())
	lines, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(lines), "[FTL] Error listening on port: 127.0.0.1:"+port)
}
