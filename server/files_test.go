package server

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func portsFile(dir string) string {
	return filepath.Join(dir, fmt.Sprintf("%s_%d.ports", filepath.Base(os.Args[0]), os.Getpid()))
}

func TestPortsFile(t *testing.T) {
	dir := t.TempDir()
	s, log := newServer(t, func(o *Options) {
		o.PortsFileDir, o.HTTPPort, o.ProfPort = dir, -1, -1
	})
	require.Nil(t, s.PortsInfo(0), "nothing is open yet")
	s.Start()
	ports := s.PortsInfo(time.Second)
	require.Equal(t, &Ports{
		Nats:       []string{"nats://" + s.Addr().String()},
		Monitoring: []string{"http://" + s.MonitorAddr().String()},
		Profile:    []string{"http://" + s.ProfilerAddr().String()},
	}, ports)
	text, err := os.ReadFile(portsFile(dir))
	require.NoError(t, err)
	var read Ports
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, *ports, read)
	require.NotContains(t, string(text), "cluster", "what there is not is left out")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	s.Shutdown()
	require.NoFileExists(t, portsFile(dir))
	require.Nil(t, s.PortsInfo(0))
	require.NotContains(t, log.text(), "ERR")
}

func TestPortsFileThatCannotBeWrittenOrRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	s, log := newServer(t, func(o *Options) { o.PortsFileDir = dir })
	s.Start()
	require.NoError(t, s.Err(), "it is no reason not to serve")
	require.Contains(t, log.text(), "ERR Error writing ports file ("+portsFile(dir)+"): ")
	s.Shutdown()
	require.NotContains(t, log.text(), "cleaning up")

	dir = t.TempDir()
	s, log = newServer(t, func(o *Options) { o.PortsFileDir = dir })
	s.Start()
	require.NoError(t, os.Remove(portsFile(dir)))
	s.Shutdown()
	require.Contains(t, log.text(), "ERR Error cleaning up ports file "+portsFile(dir)+": ")
}

// A server on all addresses has a URL for each, and each of them works.
func TestPortsOfAllAddresses(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "::"} {
		s, _ := newServer(t, func(o *Options) { o.Host = host })
		s.Start()
		if s.Err() != nil && host == "::" {
			t.Skip("this machine has no IPv6")
		}
		require.NoError(t, s.Err())
		urls := s.PortsInfo(time.Second).Nats
		require.Contains(t, urls, fmt.Sprintf("nats://127.0.0.1:%d", s.options().Port), host)
		for _, text := range urls {
			u, err := url.Parse(text)
			require.NoError(t, err)
			c, err := net.DialTimeout("tcp", u.Host, time.Second)
			require.NoError(t, err, text)
			c.Close()
		}
		s.Shutdown()
	}
}

// A reload moves the files to where the new options want them.
func TestReloadOfFiles(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	s, _ := newServer(t, func(o *Options) { o.PortsFileDir = one })
	s.Start()
	next := s.options().Clone()
	next.PortsFileDir, next.PidFile = two, filepath.Join(two, "pid")
	require.NoError(t, s.ReloadOptions(next))
	require.NoFileExists(t, portsFile(one))
	require.FileExists(t, portsFile(two))
	require.FileExists(t, next.PidFile)
	s.Shutdown()
	require.NoFileExists(t, portsFile(two))
}

// The same folder under another name keeps its ports file.
func TestReloadOfThePortsFileToWhereItIs(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, other); err != nil {
		t.Skip("no symbolic links here")
	}
	s, log := newServer(t, func(o *Options) { o.PortsFileDir = dir })
	s.Start()
	next := s.options().Clone()
	next.PortsFileDir = other
	require.NoError(t, s.ReloadOptions(next))
	require.FileExists(t, portsFile(dir))
	s.Shutdown()
	require.NoFileExists(t, portsFile(dir))
	require.NotContains(t, log.text(), "ERR")
}

func TestPidFileIsForTheOwner(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	s, _ := newServer(t, func(o *Options) { o.PidFile = file })
	s.Start()
	s.Shutdown()
	info, err := os.Stat(file)
	require.NoError(t, err, "it stays")
	if runtime.GOOS != "windows" {
		require.EqualValues(t, 0o600, info.Mode().Perm())
	}
}

func TestProfiler(t *testing.T) {
	s, log := newServer(t, func(o *Options) { o.ProfPort = -1 })
	require.Nil(t, s.ProfilerAddr())
	s.StartProfiler()
	addr := s.ProfilerAddr()
	require.NotNil(t, addr)
	s.Start()
	s.StartProfiler()
	require.Equal(t, addr, s.ProfilerAddr(), "it is open already")
	require.Contains(t, log.text(), fmt.Sprintf("INF profiling port: %d", addr.Port))

	second, log := newServer(t, func(o *Options) { o.ProfPort = addr.Port })
	second.Start()
	require.ErrorContains(t, second.Err(), "error starting profiler: ")
	require.Contains(t, log.text(), "FTL error starting profiler: ")
	s.Shutdown()
	s.StartProfiler()
	c, err := net.Listen("tcp", addr.String())
	require.NoError(t, err, "the port is free again")
	c.Close()

	none, _ := newServer(t, nil)
	none.StartProfiler()
	require.Nil(t, none.ProfilerAddr())
}
