//go:build unix

package test_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// TestSignals builds the program, under a name that no other program has, and tests what signals do
// to it.
func TestSignals(t *testing.T) {
	binary := filepath.Join(t.TempDir(), fmt.Sprintf("barid-under-test-%d", os.Getpid()))
	out, err := exec.Command("go", "build", "-o", binary, "github.com/baridmq/barid").CombinedOutput()
	require.NoError(t, err, "%s", out)
	p := program{binary}
	t.Run("reopen", p.reopen)
	t.Run("reload", p.reload)
	t.Run("lame duck", p.lameDuck)
	t.Run("lame duck without clients", p.lonelyDuck)
	t.Run("sender", p.sender)
	t.Run("ports and profiles", p.ports)
}

func (c *child) signal(sig os.Signal) {
	c.t.Helper()
	require.NoError(c.t, c.cmd.Process.Signal(sig))
}

// pid is the number of the process, as text.
func (c *child) pid() string { return strconv.Itoa(c.cmd.Process.Pid) }

// ends waits for the end and returns the exit code.
func (c *child) ends() int {
	c.t.Helper()
	c.reads.Wait()
	_ = c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode()
}

// linesOf reads a log file.
func linesOf(file string) func() []string {
	return func() []string {
		text, _ := os.ReadFile(file)
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
}

func count(lines []string, part string) (n int) {
	for _, line := range lines {
		n += strings.Count(line, part)
	}
	return n
}

// A tool moves the log file away and tells the server.
func (p program) reopen(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	c := p.start(t, "-l", log)
	awaitLine(t, linesOf(log), `Server is ready$`)
	require.NoError(t, os.Rename(log, log+".1"))
	c.signal(syscall.SIGUSR1)
	awaitLine(t, linesOf(log), `\[INF\] File log re-opened$`)
	require.Zero(t, c.stop(syscall.SIGTERM))
	require.Equal(t, 1, count(linesOf(log+".1")(), `Trapped "user defined signal 1" signal`))
	require.Equal(t, 1, count(linesOf(log)(), "Server Exiting.."))

	c = p.start(t)
	c.await(`Server is ready$`)
	c.signal(syscall.SIGUSR1)
	c.await(`\[INF\] File log re-open ignored, not a file logger$`)
	require.Zero(t, c.stop(syscall.SIGTERM))
}

// HUP reads the file again, and the flags still win.
func (p program) reload(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "conf")
	write := func(text string) { require.NoError(t, os.WriteFile(conf, []byte(text), 0o600)) }
	write("port: 1\nserver_name: from_file\nmax_connections: 10\nlog_file: " + filepath.Join(dir, "one"))
	c := p.start(t, "-c", conf, "-n", "from_flag")
	one, two := linesOf(filepath.Join(dir, "one")), linesOf(filepath.Join(dir, "two"))
	addr := awaitLine(t, one, listeningOn)
	awaitLine(t, one, `Server is ready$`)
	nc, err := nats.Connect("nats://" + addr)
	require.NoError(t, err)
	defer nc.Close()

	write("max_connections: [")
	c.signal(syscall.SIGHUP)
	awaitLine(t, one, `\[ERR\] Failed to reload server configuration: `)
	write("max_connections: 11\nhttp_port: 1")
	c.signal(syscall.SIGHUP)
	awaitLine(t, one, `\[ERR\] Failed to reload server configuration: config reload not supported for HTTPPort: old=0, new=1$`)

	write("port: 1\nserver_name: from_file\nmax_connections: 10\ndebug: true\nlog_file: " + filepath.Join(dir, "two"))
	c.signal(syscall.SIGHUP)
	awaitLine(t, two, `\[INF\] Reloaded server configuration \(sha256:[0-9a-f]{64}\)$`)
	requireInOrder(t, one(), `Trapped "hangup" signal$`, `\[INF\] Reloaded: debug = true$`)
	require.Equal(t, 1, count(one(), "Reloaded: log_file = "+filepath.Join(dir, "two")))
	require.Zero(t, count(one(), "Reloaded: max_connections"), "nothing of the failures is in force")
	goesRound(t, nc)
	require.Equal(t, "from_flag", nc.ConnectedServerName())
	again, err := nats.Connect("nats://" + addr)
	require.NoError(t, err)
	defer again.Close()
	awaitLine(t, two, `\[DBG\] .*Client connection created$`)
	require.Zero(t, c.stop(syscall.SIGINT))
}

// A lame duck waits for its clients; TERM and a second USR2 change nothing, INT ends it.
func (p program) lameDuck(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "conf")
	require.NoError(t, os.WriteFile(conf, []byte("lame_duck_duration: \"1h\"\nlame_duck_grace_period: \"59m\""), 0o600))
	c := p.start(t, "-c", conf)
	c.await(`Server is ready$`)
	nc, err := nats.Connect("nats://" + c.await(listeningOn))
	require.NoError(t, err)
	defer nc.Close()
	c.signal(syscall.SIGUSR2)
	c.await(`\[INF\] Entering lame duck mode, stop accepting new clients$`)
	c.signal(syscall.SIGUSR2)
	eventually(t, func() bool { return count(c.lines(), `Trapped "user defined signal 2" signal`) == 2 })
	c.signal(syscall.SIGTERM)
	c.await(`Trapped "terminated" signal$`)
	goesRound(t, nc)
	require.Zero(t, c.stop(syscall.SIGINT))
	require.Equal(t, 1, count(c.lines(), "Entering lame duck mode"))
	require.Zero(t, count(c.lines(), "Closing existing clients"))
}

func (p program) lonelyDuck(t *testing.T) {
	c := p.start(t)
	c.await(`Server is ready$`)
	require.Zero(t, c.stop(syscall.SIGUSR2))
	requireInOrder(t, c.lines(), `Trapped "user defined signal 2" signal$`, `Entering lame duck mode, stop accepting new clients$`,
		`Initiating Shutdown\.\.\.$`, `Server Exiting\.\.$`)
}

// The program sends signals, too: to the one other process of its name, or to those that are named.
func (p program) sender(t *testing.T) {
	name := filepath.Base(p.binary)
	send := func(args ...string) (int, string) {
		code, stdout, stderr := p.ask(t, args...)
		require.Empty(t, stdout, args)
		return code, stderr
	}
	code, stderr := send("--signal", "reload")
	require.Equal(t, 1, code)
	require.Equal(t, "barid: no "+name+" processes running\n", stderr)
	code, stderr = send("--signal", "retire")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `barid: unknown signal "retire"`)

	pidFile := filepath.Join(t.TempDir(), "pid")
	one := p.start(t, "-P", pidFile)
	one.await(`Server is ready$`)
	reopened := 0
	for _, value := range []string{"reopen", "reopen=" + one.pid(), "reopen=" + pidFile, "reopen=" + one.pid() + "*", "reopen=*"} {
		code, stderr = send("-sl", value)
		require.Zero(t, code, "%s: %s", value, stderr)
		require.Empty(t, stderr, value)
		reopened++
		eventually(t, func() bool { return count(one.lines(), "File log re-open ignored") == reopened }, value)
	}
	two := p.start(t)
	two.await(`Server is ready$`)
	code, stderr = send("--signal", "quit")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "barid: multiple "+name+" processes running:\n")
	for _, c := range []*child{one, two} {
		require.Contains(t, stderr, "\n"+c.pid()+"\n")
	}
	code, stderr = send("--signal", "term="+two.pid())
	require.Zero(t, code, stderr)
	require.Zero(t, two.ends())
	code, stderr = send("--signal", "ldm")
	require.Zero(t, code, stderr)
	require.Zero(t, one.ends())

	last := p.start(t)
	last.await(`Server is ready$`)
	code, stderr = send("--signal", "stop=*")
	require.Zero(t, code, stderr)
	require.Equal(t, -1, last.ends(), "killed")
	code, stderr = send("--signal", "reload="+last.pid())
	require.Equal(t, 1, code)
	require.Equal(t, fmt.Sprintf("barid: \nsignal \"reload\" %s: no such process\n", last.pid()), stderr)
}

func (p program) ports(t *testing.T) {
	dir := t.TempDir()
	c := p.start(t, "-m", "-1", "--profile", "-1", "--ports_file_dir", dir)
	c.await(`Server is ready$`)
	file := filepath.Join(dir, filepath.Base(p.binary)+"_"+c.pid()+".ports")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var ports map[string][]string
	require.NoError(t, json.Unmarshal(text, &ports))
	profile := "http://127.0.0.1:" + c.await(`\[INF\] profiling port: (\d+)$`)
	require.Equal(t, map[string][]string{
		"nats":       {"nats://" + c.await(listeningOn)},
		"monitoring": {"http://" + c.await(`Starting http monitor on (\S+)$`)},
		"profile":    {profile},
	}, ports)
	status, _, body := page(t, profile, "/debug/pprof/goroutine?debug=1")
	require.Equal(t, 200, status)
	require.Contains(t, body, "goroutine profile: total")
	require.Zero(t, c.stop(syscall.SIGTERM))
	require.NoFileExists(t, file)
}
