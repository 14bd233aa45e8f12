package test_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/test"
)

// filed is a server that is configured by a file.
type filed struct {
	*server.Server
	t    *testing.T
	file string
	log  *journal
}

// fromFile starts a server on a free port. The configuration does not say where to listen.
func fromFile(t *testing.T, conf string) *filed {
	t.Helper()
	f := &filed{t: t, file: filepath.Join(t.TempDir(), "barid.conf"), log: &journal{}}
	f.write(conf)
	f.Server, _ = test.RunServerWithConfigOverrides(f.file, func(o *server.Options) { o.DisableShortFirstPing = true },
		func(s *server.Server) { s.SetLogger(f.log, false, false) })
	t.Cleanup(f.Shutdown)
	return f
}

func (f *filed) write(conf string) {
	f.t.Helper()
	const where = "listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\n"
	require.NoError(f.t, os.WriteFile(f.file, []byte(where+conf), 0o600))
}

// become reloads another configuration.
func (f *filed) become(conf string) {
	f.t.Helper()
	f.write(conf)
	require.NoError(f.t, f.Reload())
}

// client connects without coming back, and returns what the server says against it.
func (f *filed) client(options ...nats.Option) (*nats.Conn, <-chan error) {
	f.t.Helper()
	said := make(chan error, 100)
	options = append(options, nats.NoReconnect(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { said <- err }))
	return connect(f.t, f.Server, options...), said
}

// reason is why the connection of a user was closed.
func (f *filed) reason(user string) (reason string) {
	f.t.Helper()
	eventually(f.t, func() bool {
		closed, err := f.Connz(&server.ConnzOptions{State: server.ConnClosed, Username: true})
		require.NoError(f.t, err)
		for _, c := range closed.Conns {
			if c.AuthorizedUser == user {
				reason = c.Reason
				return true
			}
		}
		return false
	})
	return reason
}

func requireClosed(t *testing.T, nc *nats.Conn) {
	t.Helper()
	eventually(t, nc.IsClosed, "the connection is still there")
}

func requireSays(t *testing.T, said <-chan error, want string) {
	t.Helper()
	select {
	case err := <-said:
		require.ErrorContains(t, err, want)
	case <-time.After(soon):
		require.Fail(t, "nothing was said", want)
	}
}

// Who is no user any more, or has another password, has to go; others stay.
func TestReloadOfUsers(t *testing.T) {
	f := fromFile(t, `authorization { users [{user: a, password: a}, {user: b, password: b}, {user: c, password: c}] }`)
	gone, _ := f.client(nats.UserInfo("a", "a"))
	stays, _ := f.client(nats.UserInfo("b", "b"))
	changed, _ := f.client(nats.UserInfo("c", "c"))
	f.become(`authorization { users [{user: b, password: b}, {user: c, password: other}, {user: d, password: d}] }`)
	requireClosed(t, gone)
	requireClosed(t, changed)
	require.Equal(t, "Client Closed", f.reason("a"))
	require.Equal(t, "Authentication Failure", f.reason("c"))
	goesRound(t, stays)
	_, err := nats.Connect(f.ClientURL(), nats.UserInfo("a", "a"))
	require.ErrorIs(t, err, nats.ErrAuthorization)
	entering, _ := f.client(nats.UserInfo("d", "d"))
	goesRound(t, entering)
	f.become("")
	open, _ := f.client()
	goesRound(t, open)
	f.become(`authorization { token: secret }`)
	requireClosed(t, open)
	for _, line := range f.log.texts() {
		require.NotContains(t, line, "secret")
	}
}

// Permissions are those of the new file at once: subscriptions that are not allowed go.
func TestReloadOfPermissions(t *testing.T) {
	const users = `authorization { users [{user: a, password: a, permissions: {publish: ">", subscribe: %s}}] }`
	f := fromFile(t, fmt.Sprintf(users, `["foo", "bar"]`))
	nc, said := f.client(nats.UserInfo("a", "a"))
	foo, err := nc.SubscribeSync("foo")
	require.NoError(t, err)
	bar, err := nc.SubscribeSync("bar")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	f.become(fmt.Sprintf(users, `["bar", "baz"]`))
	requireSays(t, said, `Permissions Violation for Subscription to "foo" (sid "1")`)
	for _, subject := range []string{"foo", "bar"} {
		require.NoError(t, nc.Publish(subject, nil))
	}
	_, err = bar.NextMsg(soon)
	require.NoError(t, err)
	pending, _, err := foo.Pending()
	if err == nil { // the library ends the subscription by itself
		require.Zero(t, pending)
	}
	baz, err := nc.SubscribeSync("baz")
	require.NoError(t, err)
	require.NoError(t, nc.Publish("baz", nil))
	_, err = baz.NextMsg(soon)
	require.NoError(t, err, "what is allowed now")
}

func TestReloadOfLimits(t *testing.T) {
	f := fromFile(t, "max_payload: 1000")
	var all []*nats.Conn
	for range 5 {
		nc, _ := f.client()
		require.EqualValues(t, 1000, nc.MaxPayload())
		all = append(all, nc)
	}
	f.become("max_payload: 100\nmax_connections: 2")
	eventually(t, func() bool { return f.NumClients() == 2 })
	awaitLine(t, f.log.texts, "INF Closed 3 connections to fall within max_connections")
	open := 0
	for _, nc := range all {
		eventually(t, func() bool { return nc.IsClosed() || nc.FlushTimeout(soon) == nil })
		if !nc.IsClosed() {
			open++
			goesRound(t, nc)
			require.NoError(t, nc.Publish("big", make([]byte, 200)))
			requireClosed(t, nc)
		}
	}
	require.Equal(t, 2, open)
	eventually(t, func() bool { return f.NumClients() == 0 })
	nc, _ := f.client()
	require.EqualValues(t, 100, nc.MaxPayload())
}

// New connections are pinged as the new file says.
func TestReloadOfPings(t *testing.T) {
	f := fromFile(t, "")
	f.become("ping_interval: \"20ms\"\nping_max: 1")
	listen := listener(t, f.Server, "foo") // it does not answer
	require.Contains(t, listen(), "PING\r\n")
}

func TestReloadOfDebugAndTrace(t *testing.T) {
	f := fromFile(t, "")
	f.become("debug: true\ntrace: true")
	nc, _ := f.client()
	goesRound(t, nc)
	awaitLine(t, f.log.texts, `^DBG .*Client connection created$`)
	awaitLine(t, f.log.texts, `^TRC .*<<- \[CONNECT `)
	f.become("")
	requireInOrder(t, f.log.texts(), "^INF Reloaded: debug = true$", "^INF Reloaded: trace = true$", "^INF Reloaded server configuration",
		"^INF Reloaded: debug = false$")
	before := len(f.log.texts())
	goesRound(t, nc)
	for _, line := range f.log.texts()[before:] {
		require.NotContains(t, line, "TRC")
	}
}

func TestReloadOfAccountsWithClients(t *testing.T) {
	const conf = `accounts { A { users [{user: a, password: a}] }, B { users [{user: b, password: b}] } }`
	f := fromFile(t, conf)
	a, _ := f.client(nats.UserInfo("a", "a"))
	b, _ := f.client(nats.UserInfo("b", "b"))
	f.become(`accounts { B { users [{user: b, password: b}, {user: a, password: a}] } }`)
	requireClosed(t, a)
	goesRound(t, b)
	moved, _ := f.client(nats.UserInfo("a", "a"))
	subscribed := subscribe(t, b, "foo", "", func(*nats.Msg) {})
	require.True(t, subscribed.IsValid())
	goesRound(t, moved)
}

// A new certificate is for new connections, monitoring included; who is there stays. Clients whose
// certificates are not pinned any more have to go.
func TestReloadOfTLS(t *testing.T) {
	a := newAuthority(t)
	first, second, one, two := a.issue("first"), a.issue("second"), a.issue("one"), a.issue("two")
	conf := func(p *paper, pins ...string) string {
		pinned := ""
		if len(pins) > 0 {
			pinned = fmt.Sprintf("pinned_certs: [%q]", strings.Join(pins, `", "`))
		}
		return fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true, timeout: 15\n%s }", p.certFile, p.keyFile, a.certFile, pinned)
	}
	f := fromFile(t, conf(first))
	old, _ := f.client(nats.Secure(a.trusting(one)))
	other, _ := f.client(nats.Secure(a.trusting(two)))
	require.Equal(t, first.cert.Raw, encryptedBy(t, old).PeerCertificates[0].Raw)
	f.become(conf(second))
	goesRound(t, old)
	fresh, _ := f.client(nats.Secure(a.trusting(one)))
	require.Equal(t, second.cert.Raw, encryptedBy(t, fresh).PeerCertificates[0].Raw)

	f.become(conf(second, one.fingerprint()))
	requireClosed(t, other)
	goesRound(t, old)
	awaitLine(t, f.log.texts, "INF Disconnect 1 clients due to pinned certs reload")
	_, err := nats.Connect(f.ClientURL(), nats.Secure(a.trusting(two)))
	require.Error(t, err)
}

// Monitoring by HTTPS shows the new certificate, too.
func TestReloadOfTheMonitorsCertificate(t *testing.T) {
	a := newAuthority(t)
	s := run(t, secured(t, a), func(o *server.Options) { o.HTTPPort, o.HTTPSPort = 0, -1 })
	shown := func() []byte {
		c, err := tls.Dial("tcp", s.MonitorAddr().String(), a.trusting())
		require.NoError(t, err)
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Raw
	}
	before := shown()
	opts := freePorts()
	secured(t, a)(opts)
	opts.HTTPPort, opts.HTTPSPort = 0, -1
	require.NoError(t, s.ReloadOptions(opts))
	require.NotEqual(t, before, shown())
}

// What cannot be changed, or is wrong, changes nothing, whatever else the file says.
func TestReloadThatIsRefused(t *testing.T) {
	f := fromFile(t, "max_payload: 1000\nserver_name: n")
	nc, _ := f.client()
	for conf, want := range map[string]string{
		"server_name: m":                    "config reload not supported for ServerName: old=n, new=m",
		"server_name: n\nmax_pending: 2000": "config reload not supported for MaxPending: old=67108864, new=2000",
		"server_name: n\nmax_payload: [":    "barid.conf:",
		"server_name: n\nnonsense: 1":       "nonsense",
		"server_name: n\nping_max: -1":      "ping_max can not be negative",
	} {
		f.write("max_payload: 500\nmax_connections: 0\n" + conf)
		before := f.ConfigTime()
		require.ErrorContains(t, f.Reload(), want)
		require.Equal(t, before, f.ConfigTime())
		goesRound(t, nc)
		fresh, _ := f.client()
		require.EqualValues(t, 1000, fresh.MaxPayload(), conf)
	}
	require.NoError(t, os.Remove(f.file))
	require.Error(t, f.Reload())
	goesRound(t, nc)
}

// A program reloads options of its own: known to be done with a copy of those it started with.
func TestReloadOfOptions(t *testing.T) {
	opts := freePorts()
	s := test.RunServer(opts)
	defer s.Shutdown()
	for range 4 {
		connect(t, s, nats.NoReconnect())
	}
	changed := *opts
	changed.MaxConn = 1
	require.NoError(t, s.ReloadOptions(&changed))
	eventually(t, func() bool { return s.NumClients() == 1 })
}

// A hundred reloads, each with other settings, lose no message and leave nothing behind.
func TestReloadUnderTraffic(t *testing.T) {
	lab.RequireNoLeaks(t)
	const conf = `
		authorization { timeout: 15, users [
			{user: a, password: a, permissions: {subscribe: ["t", "x.%[1]d"]}}, {user: b, password: b}, {user: u%[1]d, password: u} ] }
		accounts { A%[1]d { users [{user: n%[1]d, password: n}] } }
		max_payload: %[2]d
		max_control_line: %[2]d
		ping_interval: "%[2]ds"
		debug: %[3]t`
	render := func(i int) string { return fmt.Sprintf(conf, i, 4096+i, i%2 == 0) }
	f := fromFile(t, render(0))
	var received, sent atomic.Int64
	for range 3 {
		nc, said := f.client(nats.UserInfo("a", "a"))
		expected := int64(0)
		subscribe(t, nc, "t", "", func(m *nats.Msg) {
			if string(m.Data) == fmt.Sprint(expected) {
				expected++
				received.Add(1)
			}
		})
		defer func() { require.Empty(t, said) }()
	}
	pub, _ := f.client(nats.UserInfo("b", "b"))
	stop := make(chan struct{})
	var traffic sync.WaitGroup
	traffic.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for range 20 {
				if pub.Publish("t", fmt.Append(nil, sent.Load())) != nil {
					return
				}
				sent.Add(1)
			}
			if pub.Flush() != nil {
				return
			}
		}
	})
	for i := range 100 {
		f.become(render(i + 1))
	}
	close(stop)
	traffic.Wait()
	require.NoError(t, pub.Flush())
	eventually(t, func() bool { return received.Load() == 3*sent.Load() }, "messages are lost")
	require.Equal(t, 4, f.NumClients())
	require.Equal(t, 3, f.NumLoadedAccounts(), "$G, $SYS and the last one")
}
