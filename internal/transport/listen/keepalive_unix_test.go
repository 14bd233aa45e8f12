//go:build unix

package listen

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/lab"
)

// Liveness is the business of the protocol: the system sends no probes of its own.
func TestNoKeepAlive(t *testing.T) {
	l, served := open(t)
	tasks := task.New(nil)
	l.Start(tasks)
	dial(t, l)
	ours := <-served
	raw, err := ours.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	on := -1
	require.NoError(t, raw.Control(func(fd uintptr) {
		on, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
	}))
	require.NoError(t, err)
	require.Zero(t, on)
	ours.Close()
	l.Close()
	require.Empty(t, tasks.Wait(lab.Patience))
}
