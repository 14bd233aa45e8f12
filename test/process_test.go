package test_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

// TestProgram builds the program once and tests it as its users meet it: as a process.
func TestProgram(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "barid")
	build := exec.Command("go", "build", "-o", binary, "github.com/baridmq/barid")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	p := program{binary}
	t.Run("answers", p.answers)
	t.Run("refuses", p.refuses)
	t.Run("start and stop", p.startAndStop)
	t.Run("port in use", p.portInUse)
	t.Run("files", p.files)
	t.Run("no time", p.noTime)
	t.Run("hang up", p.hangup)
	t.Run("trace", p.trace)
	t.Run("trace is off", p.traceIsOff)
}

type program struct{ binary string }

// ask runs the program to its end and returns the exit code and both outputs.
func (p program) ask(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	var o, e bytes.Buffer
	cmd := exec.CommandContext(ctx, p.binary, args...)
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "%v did not end", args)
	if _, exited := err.(*exec.ExitError); !exited {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

func (p program) answers(t *testing.T) {
	for _, args := range [][]string{{"-v"}, {"--version"}, {"version"}, {"VERSION"}} {
		code, stdout, stderr := p.ask(t, args...)
		require.Zero(t, code, args)
		require.Regexp(t, `^\S+: v\d+\.\d+\.\d+\S*\n$`, stdout, args)
		require.Empty(t, stderr, args)
	}
	for _, args := range [][]string{{"-h"}, {"--help"}, {"help"}} {
		code, stdout, stderr := p.ask(t, args...)
		require.Zero(t, code, args)
		for _, flag := range []string{"--addr", "--port", "--pid", "--http_port", "--log", "--debug", "--trace", "-DV", "--version", "--help"} {
			require.Contains(t, stdout, flag, args)
		}
		require.Empty(t, stderr, args)
	}
}

func (p program) refuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--colour"}, "flag provided but not defined: -colour"},
		{[]string{"-p", "abc"}, `invalid value "abc" for flag -p`},
		{[]string{"-p", "1", "stray"}, `unrecognized command: "stray"`},
		{[]string{"-n", "two words"}, "server name cannot contain spaces"},
	} {
		code, _, stderr := p.ask(t, c.args...)
		require.NotZero(t, code, c.args)
		require.Contains(t, stderr, c.want)
	}
}

// child is a running server process.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	reads  sync.WaitGroup
	mu     sync.Mutex
	stderr []string
}

// start runs the program on a free port; the process is killed if the test leaves it running.
func (p program) start(t *testing.T, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(p.binary, append([]string{"-a", "127.0.0.1", "-p", "-1"}, args...)...)}
	pipe, err := c.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	c.reads.Go(func() {
		for in := bufio.NewScanner(pipe); in.Scan(); {
			c.mu.Lock()
			c.stderr = append(c.stderr, in.Text())
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			_ = c.cmd.Process.Kill()
			c.reads.Wait()
			_ = c.cmd.Wait()
		}
	})
	return c
}

func (c *child) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.stderr...)
}

// await waits for a line that matches and returns what its first group holds.
func (c *child) await(pattern string) string {
	c.t.Helper()
	return awaitLine(c.t, c.lines, pattern)
}

func awaitLine(t *testing.T, lines func() []string, pattern string) string {
	t.Helper()
	expr, found := regexp.MustCompile(pattern), ""
	eventually(t, func() bool {
		for _, line := range lines() {
			if m := expr.FindStringSubmatch(line); m != nil {
				found = m[len(m)-1]
				return true
			}
		}
		return false
	}, "no line %s", pattern)
	return found
}

// stop sends the signal and returns the exit code.
func (c *child) stop(sig os.Signal) int {
	c.t.Helper()
	require.NoError(c.t, c.cmd.Process.Signal(sig))
	c.reads.Wait()
	_ = c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode()
}

const listeningOn = `\[INF\] Listening for client connections on (\S+)$`

func (p program) startAndStop(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"terminated": syscall.SIGTERM, "interrupt": syscall.SIGINT} {
		c := p.start(t, "-m", "-1", "-n", "somebody")
		c.await(`Server is ready$`)
		nc, err := nats.Connect("nats://" + c.await(listeningOn))
		require.NoError(t, err)
		require.Equal(t, "somebody", nc.ConnectedServerName())
		status, _, body := page(t, "http://"+c.await(`Starting http monitor on (\S+)$`), "/healthz")
		require.Equal(t, 200, status, body)
		require.Zero(t, c.stop(sig))
		nc.Close()

		form := regexp.MustCompile(`^\[` + strconv.Itoa(c.cmd.Process.Pid) + `\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] (.+)$`)
		var texts []string
		for _, line := range c.lines() {
			m := form.FindStringSubmatch(line)
			require.NotNil(t, m, line)
			texts = append(texts, m[1])
		}
		requireInOrder(t, texts, `^Starting \S+$`, `^  Version:  \S+`, `^  Git:      \[.+\]$`, `^  Name:     somebody$`,
			`^  ID:       N[A-Z2-7]{55}$`, `^Starting http monitor on 127\.0\.0\.1:\d+$`,
			`^Listening for client connections on 127\.0\.0\.1:\d+$`, `^Server is ready$`,
			`^Trapped "`+name+`" signal$`, `^Initiating Shutdown\.\.\.$`, `^Server Exiting\.\.$`)
	}
}

// requireInOrder demands a line for each pattern, in this order; others may stand between.
func requireInOrder(t *testing.T, lines []string, patterns ...string) {
	t.Helper()
	at := 0
	for _, pattern := range patterns {
		expr := regexp.MustCompile(pattern)
		for at < len(lines) && !expr.MatchString(lines[at]) {
			at++
		}
		require.Less(t, at, len(lines), "no line %s, or not in its place, in\n%s", pattern, strings.Join(lines, "\n"))
		at++
	}
}

func (p program) portInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	code, _, stderr := p.ask(t, "-a", "127.0.0.1", "-p", port)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, fmt.Sprintf(`[FTL] Error listening on port: 127.0.0.1:%s, "listen tcp 127.0.0.1:%[1]s: bind: address already in use"`, port))
	code, _, stderr = p.ask(t, "-a", "127.0.0.1", "-p", "-1", "-m", port)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, fmt.Sprintf(`[FTL] Can't start monitoring: can't listen to the monitor port: listen tcp 127.0.0.1:%s: bind: address already in use`, port))
}

func (p program) files(t *testing.T) {
	dir := t.TempDir()
	log, pid := filepath.Join(dir, "log"), filepath.Join(dir, "pid")
	c := p.start(t, "-l", log, "-P", pid)
	read := func() []string {
		text, _ := os.ReadFile(log)
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	addr := awaitLine(t, read, listeningOn)
	awaitLine(t, read, `Server is ready$`)
	text, err := os.ReadFile(pid)
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(c.cmd.Process.Pid), string(text))
	nc, err := nats.Connect("nats://" + addr)
	require.NoError(t, err)
	nc.Close()
	require.Zero(t, c.stop(syscall.SIGTERM))
	require.Empty(t, c.lines())
	require.Contains(t, read()[len(read())-1], "Server Exiting..")
	info, err := os.Stat(log)
	require.NoError(t, err)
	require.EqualValues(t, 0o640, info.Mode().Perm())
	// The next server goes on at its end.
	c = p.start(t, "-l", log)
	eventually(t, func() bool { return strings.Count(strings.Join(read(), "\n"), "Server is ready") == 2 })
	require.Zero(t, c.stop(syscall.SIGTERM))

	code, _, stderr := p.ask(t, "-p", "-1", "-P", filepath.Join(dir, "none", "pid"))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "Could not write pidfile: ")
}

func (p program) noTime(t *testing.T) {
	c := p.start(t, "-T=false")
	c.await(`Server is ready$`)
	require.Zero(t, c.stop(syscall.SIGTERM))
	for _, line := range c.lines() {
		require.Regexp(t, fmt.Sprintf(`^\[%d\] \[INF\] `, c.cmd.Process.Pid), line)
	}
}

// chat is what the trace tests say to the server.
func chat(t *testing.T, addr string) {
	story, err := lab.Parse("chat", `title: a little of everything
peer: 2.9

client connects with {"verbose":true,"pedantic":false,"name":"nm","lang":"x","version":"1.2","headers":true,"pass":"secret"}
client < +OK
client > SUB foo 1
client < +OK
client > PUB foo 5
client > hello
client < +OK
client < MSG foo 1 5
client < hello
client > HPUB foo back 12 14
client > NATS/1.0\r\n\r\nho
client < +OK
client < HMSG foo 1 back 12 14
client < NATS/1.0\r\n\r\nho
client > PUB bar 0
client >
client < +OK
client > SUB a..b 2
client < -ERR 'Invalid Subject'
client > UNSUB 1
client < +OK
client > PING
client < PONG
client leaves
`)
	require.NoError(t, err)
	require.NoError(t, story.Tell(lab.Target{Dial: func() (net.Conn, error) { return net.Dial("tcp", addr) }}))
}

func (p program) trace(t *testing.T) {
	c := p.start(t, "-DV")
	c.await(`Server is ready$`)
	chat(t, c.await(listeningOn))
	c.await(`\[DBG\] .* - Client connection closed: Client Closed$`)
	require.Zero(t, c.stop(syscall.SIGTERM))
	const who = ` 127\.0\.0\.1:\d+ - cid:\d+ - "v1\.2:x:nm" - `
	requireInOrder(t, c.lines(),
		`\[DBG\] 127\.0\.0\.1:\d+ - cid:\d+ - Client connection created$`,
		`\[TRC\] 127\.0\.0\.1:\d+ - cid:\d+ .*- <<- \[CONNECT \{.*"pass":"\[REDACTED\]".*\}\]$`,
		`\[TRC\]`+who+`.*->> \[OK\]$`,
		`\[TRC\]`+who+`.*<<- \[SUB foo 1\]$`,
		`\[TRC\]`+who+`.*->> \[OK\]$`,
		`\[TRC\]`+who+`.*<<- \[PUB foo 5\]$`,
		`\[TRC\]`+who+`.*<<- MSG_PAYLOAD: \["hello"\]$`,
		`\[TRC\]`+who+`.*->> \[MSG foo 1 5\]$`,
		`\[TRC\]`+who+`.*<<- \[HPUB foo back 12 14\]$`,
		`\[TRC\]`+who+`.*<<- MSG_PAYLOAD: \["NATS/1\.0\\r\\n\\r\\nho"\]$`,
		`\[TRC\]`+who+`.*->> \[HMSG foo 1 back 12 14\]$`,
		`\[TRC\]`+who+`.*<<- \[PUB bar 0\]$`,
		`\[TRC\]`+who+`.*<<- \[SUB a\.\.b 2\]$`,
		`\[TRC\]`+who+`.*->> \[-ERR Invalid Subject\]$`,
		`\[TRC\]`+who+`.*<<- \[UNSUB 1\]$`,
		`\[TRC\]`+who+`.*<<- \[PING\]$`,
		`\[TRC\]`+who+`.*->> \[PONG\]$`,
		`\[DBG\]`+who+`.*Client connection closed: Client Closed$`,
	)
	whole := strings.Join(c.lines(), "\n")
	require.NotContains(t, whole, "secret")
	require.Contains(t, whole, `->> MSG_PAYLOAD: ["hello"]`)
	require.Contains(t, whole, `<-> [DELSUB 1]`)
}

func (p program) traceIsOff(t *testing.T) {
	c := p.start(t)
	c.await(`Server is ready$`)
	chat(t, c.await(listeningOn))
	require.Zero(t, c.stop(syscall.SIGTERM))
	require.NotRegexp(t, `\[(TRC|DBG|ERR|WRN)\]`, strings.Join(c.lines(), "\n"))
}

// HUP, by which tools ask for a reload, does not end the server.
func (p program) hangup(t *testing.T) {
	c := p.start(t)
	addr := c.await(listeningOn)
	c.await(`Server is ready$`)
	for times := range 2 {
		require.NoError(t, c.cmd.Process.Signal(syscall.SIGHUP))
		eventually(t, func() bool {
			return strings.Count(strings.Join(c.lines(), "\n"), "[ERR] Failed to reload server configuration: ") == times+1
		})
	}
	nc, err := nats.Connect("nats://" + addr)
	require.NoError(t, err)
	nc.Close()
	require.Zero(t, c.stop(syscall.SIGTERM))
}
