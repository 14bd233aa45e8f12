package main

import (
	"bytes"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/cli"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

// asProgram makes the test binary the program, for tests that need a process.
const asProgram = "BARID_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "main":
		main()
	case "version":
		server.PrintServerAndExit()
	case "tls":
		server.PrintTLSHelpAndDie()
	case "die":
		server.PrintAndDie("barid: so be it")
	}
	lab.VerifyNoLeaks(m)
}

// process is a call of the program with a function of TestMain.
func process(t *testing.T, function string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"="+function)
	return cmd
}

// file writes a configuration file.
func file(t *testing.T, text string) string {
	name := filepath.Join(t.TempDir(), "barid.conf")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// ask runs the program in this process, for command lines that start no server.
func ask(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run(args, &o, &e) }()
	select {
	case status = <-ended:
	case <-time.After(lab.Patience):
		require.Fail(t, "the program goes on", args)
	}
	return status, o.String(), e.String()
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		want server.Options // without Logtime
		off  bool           // Logtime is off; it is on otherwise
	}{
		{"", server.Options{}, false},
		{"-a 127.0.0.1", server.Options{Host: "127.0.0.1"}, false},
		{"--net=127.0.0.1", server.Options{Host: "127.0.0.1"}, false},
		{"--port=-1", server.Options{Port: -1}, false},
		{"-p 0x10", server.Options{Port: 16}, false},
		{"-name x", server.Options{ServerName: "x"}, false},
		{"-m 2 -ms 0", server.Options{HTTPPort: 2}, false},
		{"-T", server.Options{}, false},
		{"-T=false", server.Options{}, true},
		{"--logtime=0", server.Options{}, true},
		{"-D", server.Options{Debug: true}, false},
		{"-DV", server.Options{Debug: true, Trace: true}, false},
		{"-D -DV=false", server.Options{}, false}, // the later one counts
		{"-DV=false -D", server.Options{Debug: true}, false},
		{"-D -V", server.Options{Debug: true, Trace: true}, false},
		{"-DVV", server.Options{Debug: true, Trace: true, TraceVerbose: true}, false},
		{"-p 1 -p 2", server.Options{Port: 2}, false},
		{"-p 1 --port 2 -p 3", server.Options{Port: 3}, false},
		{"--user u --pass p", server.Options{Username: "u", Password: "p"}, false},
		{"-js=false --profile 0 -s=0 --routes= --signal=", server.Options{}, false},
		{"-p 1 -m 2 -a h -D --", server.Options{Port: 1, HTTPPort: 2, Host: "h", Debug: true}, false},
	} {
		c.want.Logtime = !c.off
		fs := flag.NewFlagSet("barid", flag.ContinueOnError)
		o, err := server.ConfigureOptions(fs, strings.Fields(c.args), nil, nil, nil)
		require.NoError(t, err, c.args)
		require.Equal(t, &c.want, o, c.args)
	}
}

func TestWhatIsShown(t *testing.T) {
	version := "barid: v" + server.BaridVersion + "\n"
	usage := server.Usage() + cli.Summary()
	for _, c := range []struct{ args, want string }{
		{"-v", version},
		{"--version", version},
		{"version", version},
		{"Version", version},
		{"-D version", version},
		{"-v -p 1", version},
		{"-v word", version},
		{"-h", usage},
		{"--help", usage},
		{"help", usage},
		{"HELP me", usage},
		{"-h --routes nats://h:1", usage}, // that comes first
		{"-v -c none -t", version},
		{"--help_tls", server.TLSHelp()},
	} {
		status, stdout, stderr := ask(t, strings.Fields(c.args)...)
		require.Zero(t, status, c.args)
		require.Equal(t, c.want, stdout, c.args)
		require.Empty(t, stderr, c.args)
	}
}

func TestBadCommandLines(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"start", `unrecognized command: "start"`},
		{"publish", `unrecognized command: "publish"`},
		{"-D pub", `unrecognized command: "pub"`}, // commands come first
		{"-p 1 start", `unrecognized command: "start"`},
		{"-- -p", `unrecognized command: "-p"`},
		{"-t start", `unrecognized command: "start"`},
		{"--no_such", "flag provided but not defined: -no_such"},
		{"-p x", `invalid value "x" for flag -p: parse error`},
		{"-D=maybe", `invalid boolean value "maybe" for -D: parse error`},
	} {
		status, stdout, stderr := ask(t, strings.Fields(c.args)...)
		require.Equal(t, 1, status, c.args)
		require.Equal(t, "barid: "+c.want+"\nsee barid --help\n", stderr, c.args)
		require.Empty(t, stdout, c.args)
	}
	status, stdout, stderr := ask(t, "")
	require.Equal(t, 1, status)
	require.Equal(t, `barid: unrecognized command: ""`+"\nsee barid --help\n", stderr)
	require.Empty(t, stdout)
}

// Options that cannot be are told without the usage: the line was understood.
func TestBadOptions(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // the beginning of a line
	}{
		{[]string{"-p", "70000"}, "-p: port 70000 is not a port"},
		{[]string{"-m", "-2"}, "-m: http_port -2 is not a port"},
		{[]string{"-n", "a\tb"}, "-n: server name cannot contain spaces"},
		{[]string{"--routes", "nats://u:s3cret@h:1"}, "--routes: barid has no clustering yet"},
		{[]string{"-js"}, "-js: barid has no JetStream yet"},
		{[]string{"-sl", "nap"}, "unknown signal \"nap\""},
		{[]string{"--user", "u", "--pass", "s3cret", "--auth", "s3cret"}, "--user: Cannot have a user/pass and token"},
		{[]string{"--tls"}, "TLS Server certificate must be present and valid"},
		{[]string{"-t"}, "must specify [-c, --config] option to check configuration file syntax"},
		{[]string{"-c", "no/such/file"}, "open no/such/file: no such file or directory"},
		{[]string{"-l", filepath.Join(t.TempDir(), "no", "such", "folder")}, "error opening file: open "},
	} {
		status, stdout, stderr := ask(t, c.args...)
		require.Equal(t, 1, status, c.args)
		require.True(t, strings.HasPrefix(stderr, "barid: "+c.want), "%s: %s", c.args, stderr)
		require.NotContains(t, stderr, "Usage")
		require.NotContains(t, stderr, "s3cret")
		require.Empty(t, stdout, c.args)
	}
}

// With -t a file is good if a server would start with it and the other flags.
func TestFilesAreTested(t *testing.T) {
	const digest = "sha256:797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e"
	for _, c := range []struct {
		text   string
		args   string
		status int
		want   string // FILE is the name of the file
	}{
		{"port: 4222", "", 0, "barid: configuration file FILE is valid (" + digest + ")\n"},
		{"port: 4222", "-D --tls=false", 0, "barid: configuration file FILE is valid (" + digest + ")\n"},
		{"port: 4222\nfoo: 1\nbar: 2", "", 1, "barid: FILE:2:1: unknown field \"foo\"\nFILE:3:1: unknown field \"bar\"\n"},
		{"ping_interval: 5", "", 1,
			"barid: FILE:1:0: invalid use of field \"ping_interval\": ping_interval should be converted to a duration; it is 5 seconds now: write it in quotes, as \"10s\" or \"2m\"\n"},
		{"foo: 1\nping_interval: 5", "", 1,
			"barid: FILE:2:1: invalid use of field \"ping_interval\": ping_interval should be converted to a duration; it is 5 seconds now: write it in quotes, as \"10s\" or \"2m\"\n" +
				"FILE:1:0: unknown field \"foo\"\n"},
		{"", "", 1, "barid: FILE: config has no values or is empty\n"},
		{"port: [", "", 1, "barid: FILE:"},
		{"port", "", 1, "barid: config is invalid (FILE:1:0): the key has no value\n"},
		{"port: 65536", "", 1, "barid: FILE:1:0: port 65536 is not a port; "},
		{"authorization { token: \"\" }", "", 1, "barid: FILE:1:16: invalid use of field \"token\": " +
			"it is empty, and without another login everybody may enter\n"},
		{"no_auth_user: nobody", "", 1, "barid: FILE:1:0: no_auth_user: \"nobody\" present, but users/nkeys are not defined; "},
		{"http: 1", "-ms 2", 1, "barid: -ms: Can't start monitoring: can't specify both HTTP (1) and HTTPs (2) ports; keep one of them\n" +
			"-ms: Can't start monitoring: TLS cert and key required for HTTPS; "},
		{"port: 1", "--tls", 1, "barid: TLS Server certificate must be present and valid\n"},
		{"connect_error_reports: 5", "", 0, "barid: FILE:1:0: \"connect_error_reports\" has no effect: "},
	} {
		name := file(t, c.text)
		status, stdout, stderr := ask(t, append(strings.Fields(c.args), "-t", "-c", name)...)
		require.Equal(t, c.status, status, "%s: %s", c.text, stderr)
		require.Empty(t, stdout)
		stderr = strings.ReplaceAll(stderr, name, "FILE")
		if strings.HasSuffix(c.want, "\n") {
			require.Equal(t, c.want, stderr)
			continue
		}
		require.True(t, strings.HasPrefix(stderr, c.want), stderr)
		require.Equal(t, c.status == 0, strings.Contains(stderr, " is valid ("))
	}
}

// A port is in use, so that the server ends at once.
func takenPort(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

// A server that cannot start ends the program.
func TestAPortInUse(t *testing.T) {
	port := takenPort(t)
	log := filepath.Join(t.TempDir(), "log")
	status, stdout, stderr := ask(t, "-a", "127.0.0.1", "-p", port, "-l", log)
	require.Equal(t, 1, status)
	require.Empty(t, stdout+stderr)
	lines, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(lines), "[FTL] Error listening on port: 127.0.0.1:"+port)
}

// Remarks about a file do not keep a server from starting.
func TestRemarksOfAFile(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	name := file(t, "listen: 127.0.0.1:"+takenPort(t)+"\nping_interval: 5\nconnect_error_reports: 5\nlog_file: \""+log+"\"")
	status, stdout, stderr := ask(t, "-c", name)
	require.Equal(t, 1, status)
	require.Empty(t, stdout)
	lines := strings.Split(stderr, "\n")
	require.Len(t, lines, 2, "notes are for the log")
	require.True(t, strings.HasPrefix(lines[0], "barid: "+name+":2:1: invalid use of field \"ping_interval\": "), lines[0])
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(text), "[FTL] Error listening on port: 127.0.0.1:")
}

// Who lists the processes or asks the program for its arguments sees no secret, and the server
// has it nevertheless.
func TestSecretsOfTheCommandLineAreHidden(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lets a process change what others see of its arguments")
	}
	const long, short = "a-s3cret-of-more-bytes-than-its-mask", "s3cret"
	log := filepath.Join(t.TempDir(), "log")
	cmd := process(t, "main", "-a", "127.0.0.1", "-p=-1", "--user", short, "--pass="+long, "-l", log)
	require.NoError(t, cmd.Start())
	defer func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait())
	}()
	addr := ""
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(log)
		_, behind, _ := strings.Cut(string(text), "Listening for client connections on ")
		addr, _, _ = strings.Cut(behind, "\n")
		return strings.Contains(string(text), "Server is ready")
	}, lab.Patience, time.Millisecond)

	seen, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/cmdline")
	require.NoError(t, err)
	args := strings.Split(strings.TrimSuffix(string(seen), "\x00"), "\x00")[1:]
	mask := "[REDACTED]"
	require.Equal(t, []string{"-a", "127.0.0.1", "-p=-1", "--user", mask[:len(short)],
		"--pass=" + mask + strings.Repeat(" ", len(long)-len(mask)), "-l", log}, args)

	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer nc.Close()
	_, err = io.WriteString(nc, `CONNECT {"user":"`+short+`","pass":"`+long+`","verbose":true}`+"\r\n")
	require.NoError(t, err)
	said := make([]byte, 4096)
	require.NoError(t, nc.SetReadDeadline(time.Now().Add(lab.Patience)))
	all := ""
	for !strings.Contains(all, "+OK\r\n") {
		n, err := nc.Read(said)
		require.NoError(t, err, all)
		all += string(said[:n])
	}
}

// Programs that copy the main function of the original print with these.
func TestFunctionsThatPrintAndEnd(t *testing.T) {
	for _, c := range []struct {
		function       string
		status         int
		stdout, stderr string
	}{
		{"version", 0, "barid: v" + server.BaridVersion + "\n", ""},
		{"tls", 0, server.TLSHelp(), ""},
		{"die", 1, "", "barid: so be it\n"},
	} {
		cmd := process(t, c.function)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		require.Equal(t, c.status, cmd.ProcessState.ExitCode(), c.function)
		require.Equal(t, c.stdout, stdout.String(), c.function)
		require.Equal(t, c.stderr, stderr.String(), c.function)
	}
}

// The first word decides whether the program is a client, which has its own flags and statuses.
func TestWordsOfTheClient(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	broker := process(t, "main", "-a", "127.0.0.1", "-p=-1", "-l", log)
	require.NoError(t, broker.Start())
	defer func() {
		require.NoError(t, broker.Process.Signal(os.Interrupt))
		require.NoError(t, broker.Wait())
	}()
	addr := ""
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(log)
		_, behind, _ := strings.Cut(string(text), "Listening for client connections on ")
		addr, _, _ = strings.Cut(behind, "\n")
		return strings.Contains(string(text), "Server is ready")
	}, lab.Patience, time.Millisecond)

	sub := process(t, "main", "sub", "-s", addr, "--raw", "a")
	out, err := sub.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, sub.Start())
	for _, c := range []struct {
		args   string
		status int
		stderr string // its beginning
	}{
		{"check connection -s " + addr, 0, ""},
		{"help pub", 0, ""},
		{"pub -D", 2, "barid: unknown shorthand flag: 'D' in -D\nsee barid pub --help\n"},
		{"request -s " + addr + " nobody", 1, "barid: nats: no responders"},
		{"check health -m 1", 2, ""},
		{"pub -s " + addr + " --count 1000 --sleep 1ms a hello", 0, "published 1000 "},
	} {
		cmd := process(t, "main", strings.Fields(c.args)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		_ = cmd.Run()
		require.Equal(t, c.status, cmd.ProcessState.ExitCode(), "%s: %s", c.args, stderr.String())
		require.True(t, strings.HasPrefix(stderr.String(), c.stderr), stderr.String())
	}
	first := make([]byte, 6)
	_, err = io.ReadFull(out, first)
	require.NoError(t, err)
	require.Equal(t, "hello\n", string(first))
	require.NoError(t, sub.Process.Signal(os.Interrupt))
	_, err = io.Copy(io.Discard, out)
	require.NoError(t, err)
	require.NoError(t, sub.Wait(), "an interrupt is the end that was expected")
}
