//go:build unix

package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// childEnv makes a process of the tests one that tells that it runs and ends with its input.
const childEnv = "BARID_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		fmt.Print("x")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// A process that is not there, or not ours, is named with what went wrong.
func TestProcessThatIsGone(t *testing.T) {
	gone := exec.Command("true")
	require.NoError(t, gone.Run())
	pid := gone.Process.Pid
	for _, c := range []Command{Stop, Quit, Term, Reopen, Reload, LameDuck} {
		require.EqualError(t, Send(c, fmt.Sprint(pid)), fmt.Sprintf("\nsignal %q %d: no such process", string(c), pid))
	}
}

func TestCommandsAreSignals(t *testing.T) {
	got := make(chan os.Signal, 1)
	for c, want := range map[Command]syscall.Signal{
		Quit: syscall.SIGINT, Term: syscall.SIGTERM, Reopen: syscall.SIGUSR1, Reload: syscall.SIGHUP, LameDuck: syscall.SIGUSR2,
	} {
		signal.Notify(got, want)
		require.NoError(t, Send(c, fmt.Sprint(os.Getpid())))
		require.Equal(t, os.Signal(want), <-got, c)
		signal.Reset(want)
	}
	require.Equal(t, syscall.SIGKILL, Stop.signal())
}

// A client in the box is the same program as a server. It gets no signal that is for servers.
func TestClientsAreNoServers(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	name := fmt.Sprintf("barid-%d", os.Getpid()%100000) // nobody else's
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Symlink(self, path))
	start := func(args ...string) (pid int, ended chan error) {
		child := exec.Command(path, args...)
		child.Env = append(os.Environ(), childEnv+"=1")
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		in, err := child.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		ended = make(chan error, 1)
		t.Cleanup(func() {
			_ = in.Close() // lets the child go
			<-ended
		})
		_, err = io.ReadFull(out, make([]byte, 1))
		go func() {
			ended <- child.Wait()
			close(ended)
		}()
		require.NoError(t, err)
		return child.Process.Pid, ended
	}
	args0 := os.Args[0]
	os.Args[0] = path
	t.Cleanup(func() { os.Args[0] = args0 })

	client, _ := start("sub", "foo")
	for _, flag := range []string{"reload", "reload=*", fmt.Sprintf("reload=%d*", client)} {
		require.EqualError(t, SendFlag(flag), "no "+name+" processes running", flag)
	}
	server, ended := start("-D", "sub")
	pids, err := resolve("")
	require.NoError(t, err)
	require.Equal(t, []int{server}, pids)
	require.NoError(t, SendFlag("reload"))
	require.ErrorContains(t, <-ended, "hangup")
}
