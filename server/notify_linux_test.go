package server

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

// serviceManager listens where programs tell how they fare, and returns what comes next.
func serviceManager(t *testing.T) func() string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "s")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return func() string {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil {
			return ""
		}
		return string(b[:n])
	}
}

func TestServiceManagerIsTold(t *testing.T) {
	next := serviceManager(t)
	s, _ := newServer(t, func(o *Options) { o.NoSigs = false })
	require.NoError(t, Run(s))
	require.Equal(t, "READY=1\nSTATUS=Serving clients", next())

	require.NoError(t, s.ReloadOptions(s.options()))
	lines := strings.Split(next(), "\n")
	require.Len(t, lines, 3)
	require.Equal(t, "RELOADING=1", lines[0])
	usec, ok := strings.CutPrefix(lines[1], "MONOTONIC_USEC=")
	require.True(t, ok, lines[1])
	n, err := strconv.ParseUint(usec, 10, 64)
	require.NoError(t, err)
	require.Positive(t, n)
	require.Equal(t, "STATUS=Reloading the configuration", lines[2])
	require.Equal(t, "READY=1\nSTATUS=Serving clients", next())

	require.Error(t, s.Reload())
	require.Contains(t, next(), "RELOADING=1")
	require.Equal(t, "READY=1\nSTATUS=Serving clients; the last reload failed", next())

	s.Shutdown()
	require.Equal(t, "STOPPING=1\nSTATUS=Shutting down", next())
	require.Empty(t, next())
}

func TestServiceManagerIsToldOfALameDuck(t *testing.T) {
	next := serviceManager(t)
	s, _ := newServer(t, func(o *Options) { o.NoSigs = false })
	require.NoError(t, Run(s))
	next()
	s.LameDuckShutdown()
	require.Equal(t, "STOPPING=1\nSTATUS=Waiting for clients to leave", next())
	require.Equal(t, "STOPPING=1\nSTATUS=Shutting down", next())
}

// A lame duck has told its end. A reload does not take that back, whether or not it fails.
func TestServiceManagerIsNotToldOfReloadsOfALameDuck(t *testing.T) {
	next := serviceManager(t)
	s, _ := newServer(t, func(o *Options) { o.NoSigs = false })
	require.NoError(t, Run(s))
	next()
	c, err := s.InProcessConn() // one that stays
	require.NoError(t, err)
	defer c.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.LameDuckShutdown()
	}()
	require.Eventually(t, s.retiring, lab.Patience, time.Millisecond)
	require.Error(t, s.Reload())
	require.NoError(t, s.ReloadOptions(s.options()))
	s.Shutdown()
	<-over
	require.ErrorIs(t, s.Reload(), errNoFile)
	last := ""
	for said := next(); said != ""; said = next() {
		require.Contains(t, said, "STOPPING=1")
		last = said
	}
	require.Equal(t, "STOPPING=1\nSTATUS=Shutting down", last)
}

// A server in another program is not what the service manager has started.
func TestServiceManagerIsNotToldOfEmbeddedServers(t *testing.T) {
	next := serviceManager(t)
	started, _ := newServer(t, func(o *Options) { o.NoSigs = false })
	started.Start()
	quiet, _ := newServer(t, nil)
	require.NoError(t, Run(quiet))
	require.Error(t, quiet.Reload())
	started.Shutdown()
	quiet.Shutdown()
	require.Empty(t, next())
}
