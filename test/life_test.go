package test_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/test"
)

func TestShutdownTwice(t *testing.T) {
	s := test.RunServer(freePorts())
	connect(t, s)
	s.Shutdown()
	s.Shutdown()
	s.WaitForShutdown()
}

func TestShutdownOfServerThatNeverStarted(t *testing.T) {
	s, err := server.NewServer(freePorts())
	require.NoError(t, err)
	require.False(t, s.ReadyForConnections(time.Millisecond))
	require.Nil(t, s.Addr())
	require.False(t, s.Running())
	s.Shutdown()
	s.Shutdown()
	s.WaitForShutdown()
	require.False(t, s.ReadyForConnections(time.Millisecond))
	s.Start() // too late
	require.False(t, s.Running())
	require.Nil(t, s.Addr())
}

// Starting again changes nothing, and whoever waits for the start hears of it.
func TestStartTwice(t *testing.T) {
	s, err := server.NewServer(freePorts())
	require.NoError(t, err)
	defer s.Shutdown()
	waiting := make(chan bool, 1)
	go func() { waiting <- s.ReadyForConnections(soon) }()
	s.Start()
	require.True(t, <-waiting)
	require.True(t, s.Running())
	addr := s.Addr()
	s.Start()
	require.Equal(t, addr, s.Addr())
	connect(t, s)
}

func TestShutdownFromManySides(t *testing.T) {
	s := test.RunServer(freePorts())
	for range 5 {
		connect(t, s)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(s.Shutdown)
		wg.Go(s.WaitForShutdown)
	}
	wg.Wait()
	require.False(t, s.ReadyForConnections(time.Millisecond))
}

// When Shutdown returns nothing is left: no listener, no connection, no goroutine; and nothing that
// is asked afterwards panics.
func TestShutdownLeavesNothing(t *testing.T) {
	lab.RequireNoLeaks(t)
	s := test.RunServer(freePorts())
	addr := s.Addr().String()
	idle, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer idle.Close()
	inside, err := s.InProcessConn()
	require.NoError(t, err)
	defer inside.Close()
	stuck, err := lab.Stuck(dialer(s), "a")
	require.NoError(t, err)
	defer stuck.Close()
	s.Shutdown()
	_, err = net.Dial("tcp", addr)
	require.Error(t, err)
	require.Zero(t, s.NumClients())
	s.NumSubscriptions()
	s.NumSlowConsumers()
	s.Addr()
	s.MonitorAddr()
	require.NotEmpty(t, s.ClientURL())
	_, err = s.InProcessConn()
	require.Error(t, err)
}

func TestShutdownUnderLoad(t *testing.T) {
	lab.RequireNoLeaks(t)
	s := test.RunServer(freePorts())
	var wg sync.WaitGroup
	started := make(chan struct{}, 8)
	for i := range 8 {
		nc, err := nats.Connect(s.ClientURL(), nats.NoReconnect())
		require.NoError(t, err)
		defer nc.Close()
		_, err = nc.Subscribe("load.*", func(*nats.Msg) {})
		require.NoError(t, err)
		wg.Go(func() {
			data := make([]byte, 512)
			for n := 0; nc.Publish(fmt.Sprint("load.", i), data) == nil; n++ {
				if n == 1000 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 8 {
		<-started
	}
	s.Shutdown()
	wg.Wait()
}

// The port of a server that was shut down can be bound at once, with clients on it or not.
func TestRebindTheSamePort(t *testing.T) {
	opts := freePorts()
	s := test.RunServer(opts)
	port, http := opts.Port, s.MonitorAddr().Port
	require.Positive(t, port)
	for range 30 {
		nc, err := nats.Connect(s.ClientURL())
		require.NoError(t, err)
		s.Shutdown()
		again := freePorts()
		again.Port, again.HTTPPort = port, http
		s = test.RunServer(again)
		require.Equal(t, port, s.Addr().(*net.TCPAddr).Port)
		require.Equal(t, http, s.MonitorAddr().Port)
		nc.Close()
	}
	s.Shutdown()
}

// journal is a Logger that keeps what it is given.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(level, format string, v ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, level+" "+fmt.Sprintf(format, v...))
}

func (j *journal) Noticef(format string, v ...any) { j.add("INF", format, v...) }
func (j *journal) Warnf(format string, v ...any)   { j.add("WRN", format, v...) }
func (j *journal) Fatalf(format string, v ...any)  { j.add("FTL", format, v...) }
func (j *journal) Errorf(format string, v ...any)  { j.add("ERR", format, v...) }
func (j *journal) Debugf(format string, v ...any)  { j.add("DBG", format, v...) }
func (j *journal) Tracef(format string, v ...any)  { j.add("TRC", format, v...) }

// having are the kept lines that contain the text.
func (j *journal) having(text string) (lines []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.lines {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestStartOnUsedPort(t *testing.T) {
	lab.RequireNoLeaks(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	opts := freePorts()
	opts.Port = taken.Addr().(*net.TCPAddr).Port
	s, err := server.NewServer(opts)
	require.NoError(t, err)
	log := &journal{}
	s.SetLogger(log, false, false)
	s.Start()
	require.False(t, s.ReadyForConnections(10*time.Millisecond))
	want := fmt.Sprintf(`FTL Error listening on port: %s, "listen tcp %[1]s: bind: address already in use"`, taken.Addr())
	require.Equal(t, []string{want}, log.having("FTL"))
	s.Shutdown()
	s.WaitForShutdown()
}

func TestRunServerPanicsWhenItCannot(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	opts := freePorts()
	opts.ServerName = "two words"
	require.Panics(t, func() { test.RunServer(opts) })
	opts = freePorts()
	opts.Port = taken.Addr().(*net.TCPAddr).Port
	require.Panics(t, func() { test.RunServer(opts) })
}

func TestInvalidOptions(t *testing.T) {
	for want, change := range map[string]func(*server.Options){
		"server name cannot contain spaces": func(o *server.Options) { o.ServerName = "two words" },
		"max_payload (2000) cannot be higher than max_pending (1000)": func(o *server.Options) {
			o.MaxPayload, o.MaxPending = 2000, 1000
		},
	} {
		opts := freePorts()
		change(opts)
		s, err := server.NewServer(opts)
		require.ErrorContains(t, err, want)
		require.Nil(t, s)
	}
}

func TestOptionsAreFilledIn(t *testing.T) {
	opts := freePorts()
	s := test.RunServer(opts)
	defer s.Shutdown()
	require.Equal(t, s.Addr().(*net.TCPAddr).Port, opts.Port)
	require.Equal(t, fmt.Sprintf("nats://127.0.0.1:%d", opts.Port), s.ClientURL())
	require.EqualValues(t, 1048576, opts.MaxPayload)
	require.EqualValues(t, 67108864, opts.MaxPending)
	require.Equal(t, 65536, opts.MaxConn)
	require.Equal(t, 2*time.Minute, opts.PingInterval)
	require.Equal(t, 2, opts.MaxPingsOut)
	require.Equal(t, 10*time.Second, opts.WriteDeadline)
	require.Empty(t, opts.ServerName, "names are not written back")
}

func TestRunServerHelpers(t *testing.T) {
	s := test.RunRandClientPortServer()
	require.NotEqual(t, 4222, s.Addr().(*net.TCPAddr).Port)
	connect(t, s)
	s.Shutdown()
	require.Equal(t, 4222, test.DefaultTestOptions.Port, "the defaults are copied, not changed")

	called := false
	s = test.RunServerCallback(freePorts(), func(s *server.Server) {
		called = true
		require.Nil(t, s.Addr(), "the callback comes before the start")
	})
	s.Shutdown()
	require.True(t, called)
}

// Servers in one process know nothing of each other.
func TestServersAreIndependent(t *testing.T) {
	t.Parallel()
	one, two := run(t), run(t)
	first, second := connect(t, one), connect(t, two)
	sub, err := second.SubscribeSync(">")
	require.NoError(t, err)
	require.NoError(t, second.Flush())
	require.NoError(t, first.Publish("a", nil))
	require.NoError(t, first.Flush())
	require.NoError(t, second.Publish("b", nil))
	msg, err := sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "b", msg.Subject)
	one.Shutdown()
	require.NoError(t, second.Flush())
}
