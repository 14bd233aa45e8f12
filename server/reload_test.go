package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/server/options"
)

func TestReloadNeedsAFile(t *testing.T) {
	s, _ := newServer(t, nil)
	s.Start()
	require.EqualError(t, s.Reload(), "can only reload config when a file is provided using -c or --config")
}

func TestReloadNeedsARunningServer(t *testing.T) {
	s, _ := newServer(t, nil)
	require.ErrorIs(t, s.ReloadOptions(s.options()), errNotRunning)
	s.Start()
	require.NoError(t, s.ReloadOptions(s.options()))
	s.Shutdown()
	require.ErrorIs(t, s.ReloadOptions(s.options()), errNotRunning)
}

// What the program reads the options with is asked; what it warns of is logged.
func TestReloadReadsAsBefore(t *testing.T) {
	var next *Options
	var failure error
	s, log := newServer(t, func(o *Options) {
		o.Reread = func() (*Options, []string, error) { return next, []string{"f:1:2: odd"}, failure }
	})
	s.Start()
	before := s.ConfigTime()
	require.Equal(t, s.created, before)

	failure = errors.New("f:1:2: bad")
	require.Equal(t, failure, s.Reload())
	require.Contains(t, log.text(), "WRN f:1:2: odd", "it may explain the error")
	require.Equal(t, before, s.ConfigTime())

	failure, next = nil, s.options().Clone()
	next.MaxConn, next.ConfigDigest, next.ConfigNotes = 7, "sha256:abc", []string{"f:2:1: it has no effect"}
	require.NoError(t, s.Reload())
	require.Equal(t, 7, s.options().MaxConn)
	require.Equal(t, 2, strings.Count(log.text(), "WRN f:1:2: odd\n"))
	require.Contains(t, log.text(), "WRN f:2:1: it has no effect\n")
	require.True(t, strings.HasSuffix(log.text(), "INF Reloaded server configuration (sha256:abc)"), log.text())
	require.True(t, s.ConfigTime().After(before))
	v, err := s.Varz(nil)
	require.NoError(t, err)
	require.Equal(t, s.ConfigTime().UTC(), v.ConfigLoadTime.UTC())
}

// The options that a program gives are its own: it may change and use them again.
func TestReloadTakesACopy(t *testing.T) {
	s, _ := newServer(t, nil)
	s.Start()
	o := *s.options()
	o.MaxConn = 7
	require.NoError(t, s.ReloadOptions(&o))
	o.MaxConn = 8
	require.Equal(t, 7, s.options().MaxConn)
	require.NoError(t, s.ReloadOptions(&o))
	require.Equal(t, 8, s.options().MaxConn)
}

// If anything fails, nothing is changed: neither options nor accounts nor files.
func TestReloadThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	kept := &options.Account{Name: "KEPT", Limits: &options.AccountLimits{MaxConnections: 5, MaxSubscriptions: -1, MaxPayload: -1}}
	s, log := newServer(t, func(o *Options) {
		o.LogFile, o.PidFile = filepath.Join(dir, "log"), filepath.Join(dir, "pid")
		o.Accounts = []*options.Account{kept}
	})
	require.NoError(t, s.ConfigureLogger())
	s.Start()
	running := s.options()
	for want, change := range map[string]func(o *Options){
		"server name cannot contain spaces": func(o *Options) { o.ServerName = "a b" },
		"Could not write pidfile: ":         func(o *Options) { o.PidFile = filepath.Join(dir, "none", "pid") },
		"Error writing ports file (":        func(o *Options) { o.PortsFileDir = filepath.Join(dir, "none") },
		"error opening file: ":              func(o *Options) { o.LogFile = filepath.Join(dir, "none", "log") },
		"error connecting to syslog: ":      func(o *Options) { o.LogFile, o.RemoteSyslog = "", "unix:///none/log" },
	} {
		next := running.Clone()
		next.MaxConn = 1
		next.Accounts = []*options.Account{{Name: "NEW"}, {Name: "KEPT", Limits: &options.AccountLimits{}}}
		change(next)
		require.ErrorContains(t, s.ReloadOptions(next), want)
		require.Same(t, running, s.options(), want)
		require.Nil(t, s.tenants.Registry().Get("NEW"), want)
		require.Equal(t, 5, s.tenants.Registry().Get("KEPT").Limits().Connections, want)
	}
	require.NotContains(t, log.text(), "Reloaded")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

func TestReloadOfAccounts(t *testing.T) {
	limited := func(n int) *options.AccountLimits {
		return &options.AccountLimits{MaxConnections: n, MaxSubscriptions: -1, MaxPayload: -1}
	}
	s, _ := newServer(t, func(o *Options) {
		o.Accounts = []*options.Account{{Name: "A"}, {Name: "B", Limits: limited(1)}}
		o.Users = []*options.User{{Username: "c", Password: "c", Account: &options.Account{Name: "C"}}}
	})
	s.Start()
	s.tenants.Registry().Put(account.Spec{Name: "OWN", Limits: account.Unlimited()})
	b := s.tenants.Registry().Get("B")
	for _, name := range []string{"A", "B"} {
		_, err := s.LookupAccount(name)
		require.NoError(t, err)
	}
	next := s.options().Clone()
	next.Accounts = []*options.Account{{Name: "B", Limits: limited(2)}, {Name: "D"}}
	next.Users = []*options.User{{Username: "c", Password: "c"}}
	require.NoError(t, s.ReloadOptions(next))
	require.Nil(t, s.tenants.Registry().Get("A"))
	require.Nil(t, s.tenants.Registry().Get("C"))
	require.Same(t, b, s.tenants.Registry().Get("B"))
	require.Equal(t, 2, b.Limits().Connections)
	for _, name := range []string{"D", "OWN", account.Global, "$SYS"} {
		require.NotNil(t, s.tenants.Registry().Get(name), name)
	}
	require.Len(t, s.handles.mu.made, 1, "nothing is kept of accounts that have gone")
	require.Contains(t, s.handles.mu.made, "B")
}

// Options without a certificate are no reason to panic in a handshake.
func TestMonitoringWithoutCertificate(t *testing.T) {
	s, _ := newServer(t, nil)
	_, err := s.monitorTLS().GetConfigForClient(nil)
	require.ErrorIs(t, err, errNoCertificate)
}

// The logger is made again if the options want another one, and the old file is closed.
func TestReloadOfTheLogger(t *testing.T) {
	dir := t.TempDir()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(text)
	}
	s, _ := newServer(t, func(o *Options) { o.LogFile = filepath.Join(dir, "one") })
	require.NoError(t, s.ConfigureLogger())
	s.Start()
	next := s.options().Clone()
	next.LogFile, next.LogFormat = filepath.Join(dir, "two"), "json"
	old, _ := s.ownLog()
	require.NoError(t, s.ReloadOptions(next))
	require.ErrorIs(t, old.Reopen(), os.ErrClosed)
	require.NotContains(t, read("one"), "Reloaded server configuration")
	require.Contains(t, read("two"), `"msg":"Reloaded server configuration ()"`)
	require.True(t, strings.HasPrefix(read("two"), "{"))

	require.NoError(t, os.Rename(filepath.Join(dir, "two"), filepath.Join(dir, "moved")))
	s.ReOpenLogFile()
	require.Contains(t, read("two"), "File log re-opened")
	require.NotContains(t, read("moved"), "File log re-opened")
	require.NoError(t, os.RemoveAll(dir))
	s.ReOpenLogFile() // it goes on with the file that it has
}

// The logger of a program stays, whatever the options say; debug and trace are followed.
func TestReloadKeepsTheProgramsLogger(t *testing.T) {
	s, log := newServer(t, nil)
	require.NoError(t, s.ConfigureLogger(), "standard error")
	s.SetLogger(log, false, false)
	s.Start()
	next := s.options().Clone()
	next.Debug, next.LogFile = true, filepath.Join(t.TempDir(), "log")
	require.NoError(t, s.ReloadOptions(next))
	s.logs.Debugf("in detail")
	require.Contains(t, log.text(), "DBG in detail")
	require.NoFileExists(t, next.LogFile)
	s.ReOpenLogFile()
	require.Contains(t, log.text(), "INF File log re-open ignored, not a file logger")
	s.SetLogger(nil, false, false)
	next = s.options().Clone()
	next.Debug = false
	require.NoError(t, s.ReloadOptions(next))
	require.False(t, s.logs.Tracing())
}

// asking is a Logger that asks the server while it writes.
type asking struct {
	*book
	s *Server
}

func (a *asking) Noticef(format string, v ...any) {
	a.s.Addr()
	a.s.ClientURL()
	a.s.MonitorAddr()
	a.s.NumClients()
	_ = a.s.Err()
	_, _ = a.s.Varz(nil)
	a.book.Noticef(format, v...)
}

// A server can be looked at all the time, also from its own log.
func TestLookingWhileTheServerChanges(t *testing.T) {
	s, log := newServer(t, func(o *Options) { o.HTTPPort = -1 })
	s.SetLogger(&asking{log, s}, false, false)
	stop := make(chan struct{})
	var looks sync.WaitGroup
	for range 2 {
		looks.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, err := s.Varz(nil)
				require.NoError(t, err)
				s.ClientURL()
				s.ReadyForConnections(0)
				s.PortsInfo(0)
			}
		})
	}
	s.Start()
	for i := range 20 {
		next := s.options().Clone()
		next.MaxConn = 100 + i
		require.NoError(t, s.ReloadOptions(next))
	}
	s.Shutdown()
	close(stop)
	looks.Wait()
	require.Contains(t, log.text(), "Server Exiting..")
}

// Starting, reloading and stopping at the same time ends in a server that has stopped.
func TestEverythingAtOnce(t *testing.T) {
	for range 10 {
		s, _ := newServer(t, nil)
		o := s.options()
		var all sync.WaitGroup
		for range 3 {
			all.Go(s.Start)
			all.Go(func() { _ = s.ReloadOptions(o) })
			all.Go(func() { s.ReadyForConnections(time.Second) })
			all.Go(s.Shutdown)
			all.Go(s.LameDuckShutdown)
			all.Go(s.WaitForShutdown)
		}
		all.Wait()
		require.False(t, s.Running())
		require.NoError(t, s.Err())
	}
}
