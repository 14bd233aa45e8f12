//go:build unix

package process

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

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
