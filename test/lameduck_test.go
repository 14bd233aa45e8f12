package test_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

// duck starts a server that retires in the given times.
func duck(t *testing.T, total, grace time.Duration) (*server.Server, *journal) {
	t.Helper()
	log := &journal{}
	s := run(t, func(o *server.Options) { o.LameDuckDuration, o.LameDuckGracePeriod = total, grace })
	s.SetLogger(log, false, false)
	return s, log
}

// texts are the lines of the journal.
func (j *journal) texts() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

// retires starts a lame duck's end and returns a channel that is closed when it is over.
func retires(s *server.Server) <-chan struct{} {
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.LameDuckShutdown()
	}()
	return over
}

func requireSoon(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(soon):
		require.Fail(t, "it did not happen")
	}
}

// Without clients there is nothing to wait for.
func TestLameDuckWithoutClients(t *testing.T) {
	lab.RequireNoLeaks(t)
	s, log := duck(t, time.Hour, time.Hour-1)
	s.LameDuckShutdown()
	require.False(t, s.Running())
	requireInOrder(t, log.texts(), "^INF Entering lame duck mode, stop accepting new clients$",
		`^INF Initiating Shutdown\.\.\.$`, `^INF Server Exiting\.\.$`)
	require.NotContains(t, log.texts(), "INF Closing existing clients")
	s.LameDuckShutdown()
}

func TestLameDuckThatNeverStarted(t *testing.T) {
	s, err := server.NewServer(freePorts())
	require.NoError(t, err)
	s.LameDuckShutdown()
	s.WaitForShutdown()
}

// A lame duck serves those who are there, tells them, and takes nobody else; monitoring answers.
func TestLameDuckServesItsClients(t *testing.T) {
	lab.RequireNoLeaks(t)
	s, _ := duck(t, time.Hour, time.Hour-1)
	addr, watch := s.Addr().String(), monitor(s)
	told := make(chan struct{})
	nc := connect(t, s, nats.LameDuckModeHandler(func(*nats.Conn) { close(told) }))
	over := retires(s)
	requireSoon(t, told)
	goesRound(t, nc)
	_, err := net.Dial("tcp", addr)
	require.Error(t, err, "nobody new")
	require.False(t, s.ReadyForConnections(time.Hour))
	require.True(t, s.Running())
	status, _, body := page(t, watch, "/healthz")
	require.Equal(t, 500, status, "load balancers must stop to send clients")
	require.Equal(t, `{"status":"error","error":"failed to be ready for connections after 1ms: server"}`, body)
	status, _, _ = page(t, watch, "/varz")
	require.Equal(t, 200, status)
	second := retires(s)
	goesRound(t, nc)
	nc.Close()
	requireSoon(t, over) // long before the grace period is over
	requireSoon(t, second)
	require.False(t, s.Running())
}

// listener is a raw client that subscribes to a subject and reads all that comes until the end.
func listener(t *testing.T, s *server.Server, subject string) (heard func() string) {
	t.Helper()
	c, err := dialer(s)()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(soon)))
	_, err = fmt.Fprintf(c, "CONNECT {\"verbose\":false}\r\nSUB %s 1\r\nPING\r\n", subject)
	require.NoError(t, err)
	from := bufio.NewReader(c)
	for line := ""; line != "PONG\r\n"; {
		line, err = from.ReadString('\n')
		require.NoError(t, err)
	}
	return func() string {
		t.Helper()
		rest, err := io.ReadAll(from)
		require.NoError(t, err)
		return string(rest)
	}
}

// Clients that do not go are closed, one by one, and get before what is due to them.
func TestLameDuckClosesItsClients(t *testing.T) {
	lab.RequireNoLeaks(t)
	s, log := duck(t, 200*time.Millisecond, 50*time.Millisecond)
	var listeners []func() string
	for range 5 {
		listeners = append(listeners, listener(t, s, "foo"))
	}
	pub := connect(t, s, nats.NoReconnect())
	due := ""
	for i := range 1000 {
		require.NoError(t, pub.Publish("foo", fmt.Appendf(nil, "%03d", i)))
		due += fmt.Sprintf("MSG foo 1 3\r\n%03d\r\n", i)
	}
	require.NoError(t, pub.Flush())
	begin := time.Now()
	s.LameDuckShutdown()
	require.GreaterOrEqual(t, time.Since(begin), 100*time.Millisecond)
	for _, heard := range listeners {
		require.Equal(t, due, heard())
	}
	requireInOrder(t, log.texts(), "^INF Entering lame duck mode", "^INF Closing existing clients$", `^INF Initiating Shutdown\.\.\.$`)
}

// A shutdown does not wait for a lame duck, in no state of it.
func TestShutdownOfALameDuck(t *testing.T) {
	lab.RequireNoLeaks(t)
	for state, grace := range map[string]time.Duration{"Entering lame duck mode": time.Hour - 1, "Closing existing clients": 1} {
		s, log := duck(t, time.Hour, grace)
		for range 3 {
			connect(t, s, nats.NoReconnect())
		}
		over := retires(s)
		awaitLine(t, log.texts, state)
		s.Shutdown()
		requireSoon(t, over)
	}
}

// numbers collects what arrives at several subscriptions.
type numbers struct {
	mu   sync.Mutex
	seen map[string]int
}

func (n *numbers) take(m *nats.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen[string(m.Data)]++
}

func (n *numbers) has(i int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen[fmt.Sprint(i)] > 0
}

// A publisher and a subscriber that are told go on at another server, and nothing that a PONG has
// confirmed is lost on the way.
func TestLameDuckUnderTraffic(t *testing.T) {
	lab.RequireNoLeaks(t)
	one, _ := duck(t, time.Hour, time.Hour-1)
	two := run(t)
	got := &numbers{seen: map[string]int{}}
	moved := make(chan struct{})
	sub := connect(t, one, nats.LameDuckModeHandler(func(*nats.Conn) {
		nc, err := nats.Connect(two.ClientURL())
		if err == nil {
			t.Cleanup(nc.Close)
			if _, err = nc.Subscribe("n", got.take); err == nil && nc.Flush() == nil {
				close(moved)
			}
		}
	}))
	subscribe(t, sub, "n", "", got.take)
	pub := connect(t, one)
	confirmed, left := 0, false
	publish := func() {
		const batch = 50
		for i := range batch {
			require.NoError(t, pub.Publish("n", fmt.Append(nil, confirmed+i)))
		}
		require.NoError(t, pub.Flush())
		confirmed += batch
	}
	for range 10 {
		publish()
	}
	over := retires(one)
	for !left {
		publish() // the lame duck still carries everything
		select {
		case <-moved:
			left = true
		default:
		}
	}
	pub.Close()
	require.NoError(t, sub.Drain())
	requireSoon(t, over)
	pub = connect(t, two)
	for range 10 {
		publish()
	}
	eventually(t, func() bool {
		for i := range confirmed {
			if !got.has(i) {
				return false
			}
		}
		return true
	}, "a confirmed message is lost")
}

// Clients that know another server and do nothing by themselves end up there.
func TestLameDuckClientsReconnect(t *testing.T) {
	one, _ := duck(t, 100*time.Millisecond, 10*time.Millisecond)
	two := run(t)
	var all []*nats.Conn
	for range 5 {
		nc, err := nats.Connect(one.ClientURL()+","+two.ClientURL(), nats.DontRandomize(), nats.ReconnectWait(time.Millisecond))
		require.NoError(t, err)
		defer nc.Close()
		all = append(all, nc)
	}
	one.LameDuckShutdown()
	for _, nc := range all {
		eventually(t, func() bool { return nc.IsConnected() && nc.ConnectedUrl() == two.ClientURL() })
		goesRound(t, nc)
	}
}
