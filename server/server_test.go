package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server/options"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// book is a Logger that keeps its lines.
type book struct {
	mu    sync.Mutex
	lines []string
}

func (b *book) add(level, format string, v []any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, level+" "+fmt.Sprintf(format, v...))
}

func (b *book) Noticef(format string, v ...any) { b.add("INF", format, v) }
func (b *book) Warnf(format string, v ...any)   { b.add("WRN", format, v) }
func (b *book) Fatalf(format string, v ...any)  { b.add("FTL", format, v) }
func (b *book) Errorf(format string, v ...any)  { b.add("ERR", format, v) }
func (b *book) Debugf(format string, v ...any)  { b.add("DBG", format, v) }
func (b *book) Tracef(format string, v ...any)  { b.add("TRC", format, v) }

func (b *book) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}

// newServer makes a server on a free port of the loopback, changed by f; it is shut down at the
// end of the test.
func newServer(t *testing.T, f func(o *Options)) (*Server, *book) {
	t.Helper()
	o := &Options{Host: "127.0.0.1", Port: RANDOM_PORT, NoSigs: true}
	if f != nil {
		f(o)
	}
	s, err := NewServer(o)
	require.NoError(t, err)
	b := &book{}
	s.SetLogger(b, true, true)
	t.Cleanup(s.Shutdown)
	return s, b
}

func TestNewServer(t *testing.T) {
	s, err := NewServer(nil)
	require.NoError(t, err)
	require.Equal(t, 4222, s.options().Port)
	require.True(t, nkeys.IsValidPublicServerKey(s.ID()))
	require.Equal(t, s.ID(), s.Name(), "a server without a name has that of its id")
	named := New(&Options{ServerName: "n"})
	require.Equal(t, "n", named.Name())
	require.NotEqual(t, s.ID(), named.ID())
	require.True(t, nkeys.IsValidPublicCurveKey(s.curve()))

	_, err = NewServer(&Options{ServerName: "a b", MaxPingsOut: -1})
	require.ErrorContains(t, err, "server name cannot contain spaces")
	require.ErrorContains(t, err, "ping_max can not be negative")
	require.Nil(t, New(&Options{MaxPingsOut: -1}))
}

// A server can be asked anything before it has started and after it has ended.
func TestAskingAServerThatDoesNotRun(t *testing.T) {
	ask := func(s *Server) {
		require.Nil(t, s.Addr())
		require.Nil(t, s.MonitorAddr())
		require.Zero(t, s.NumClients())
		require.Zero(t, s.NumSlowConsumers())
		require.False(t, s.ReadyForConnections(0))
		_, err := s.InProcessConn()
		require.ErrorIs(t, err, errNotRunning)
		v, err := s.Varz(nil)
		require.NoError(t, err)
		require.Equal(t, s.ID(), v.ID)
		c, err := s.Connz(nil)
		require.NoError(t, err)
		require.Zero(t, c.NumConns)
	}
	s, _ := newServer(t, nil)
	ask(s)
	s.Shutdown()
	ask(s)
	require.ErrorIs(t, s.StartMonitoring(), errNotRunning)
	s.Start()
	ask(s)
	require.NoError(t, s.Err(), "it was not tried")
	s.WaitForShutdown()
}

func TestStartAndShutdown(t *testing.T) {
	s, log := newServer(t, nil)
	ready := make(chan bool)
	go func() { ready <- s.ReadyForConnections(lab.Patience) }()
	s.Start()
	require.True(t, <-ready)
	s.Start() // nothing happens
	require.Equal(t, s.Addr().(*net.TCPAddr).Port, s.options().Port, "the port that was opened is written back")
	require.Equal(t, fmt.Sprintf("nats://127.0.0.1:%d", s.options().Port), s.ClientURL())
	nc, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer nc.Close()
	info := make([]byte, 6)
	_, err = io.ReadFull(nc, info)
	require.NoError(t, err)
	require.Equal(t, "INFO {", string(info))
	s.Shutdown()
	require.False(t, s.ReadyForConnections(lab.Patience), "it does not wait for what never comes")
	_, err = io.ReadAll(nc)
	require.NoError(t, err, "an orderly end")
	require.Equal(t, 1, strings.Count(log.text(), "INF Server is ready"))
	require.True(t, strings.HasSuffix(log.text(), "INF Server Exiting.."), log.text())
}

func TestInProcess(t *testing.T) {
	s, _ := newServer(t, func(o *Options) { o.DontListen = true })
	s.Start()
	require.True(t, s.ReadyForConnections(0))
	require.Nil(t, s.Addr())
	nc, err := s.InProcessConn()
	require.NoError(t, err)
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(lab.Patience))
	before := s.NumSubscriptions()
	require.NoError(t, lab.Subscribe(nc, "a.>"))
	require.Equal(t, 1, s.NumClients())
	require.Equal(t, before+1, s.NumSubscriptions())
	_, err = io.WriteString(nc, "PUB a.b 2\r\nhi\r\n")
	require.NoError(t, err)
	want := "MSG a.b 1 2\r\nhi\r\n"
	got := make([]byte, len(want))
	_, err = io.ReadFull(nc, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))

	c, err := s.Connz(&ConnzOptions{Subscriptions: true})
	require.NoError(t, err)
	require.Len(t, c.Conns, 1)
	require.Equal(t, []string{"a.>"}, c.Conns[0].Subs)
	require.EqualValues(t, 1, c.Conns[0].InMsgs)
	require.EqualValues(t, 2, c.Conns[0].OutBytes)
	v, err := s.Varz(nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, v.InMsgs)
	require.Equal(t, before+1, v.Subscriptions)
}

// A start that fails is told, by Err and in the log, and leaves nothing open.
func TestStartsThatFail(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for _, c := range []struct {
		name string
		set  func(o *Options)
		want string
	}{
		{"the port", func(o *Options) { o.Port, o.HTTPPort = port, RANDOM_PORT }, "Error listening on port: 127.0.0.1:" + strconv.Itoa(port)},
		{"the monitor's port", func(o *Options) { o.HTTPPort = port }, "Can't start monitoring: "},
		{"the pid file", func(o *Options) { o.PidFile = filepath.Join(t.TempDir(), "no", "such", "folder") }, "Could not write pidfile: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, log := newServer(t, c.set)
			s.Start()
			require.ErrorContains(t, s.Err(), c.want)
			require.Contains(t, log.text(), "FTL "+c.want)
			require.False(t, s.ReadyForConnections(lab.Patience))
			s.WaitForShutdown()
		})
	}
}

func TestPidFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	s, _ := newServer(t, func(o *Options) { o.PidFile = file })
	s.Start()
	require.NoError(t, s.Err())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(os.Getpid()), string(text))
}

func TestGreeting(t *testing.T) {
	s, log := newServer(t, func(o *Options) {
		o.ServerName, o.MaxPayload = "n", 8<<20+1
	})
	s.greet()
	s.tellOfConfig()
	for _, want := range []string{
		"INF Starting barid", "INF   Version:  " + BaridVersion + ", compatible with " + VERSION,
		"INF   Name:     n", "INF   ID:       " + s.ID(), "WRN Maximum payloads over 8.00 MB are generally discouraged",
	} {
		require.Contains(t, log.text(), want)
	}
	modest, log := newServer(t, func(o *Options) { o.MaxPayload = 8 << 20 })
	modest.greet()
	modest.tellOfConfig()
	require.NotContains(t, log.text(), "WRN")
}

func TestSetLogger(t *testing.T) {
	write := func(l *logs) {
		l.Noticef("%d", 1)
		l.Warnf("%d", 2)
		l.Fatalf("%d", 3)
		l.Errorf("%d", 4)
		l.Debugf("%d", 5)
		l.Tracef("%d", 6)
	}
	for _, c := range []struct {
		debug, trace bool
		want         string
	}{
		{false, false, "INF 1\nWRN 2\nFTL 3\nERR 4"},
		{true, false, "INF 1\nWRN 2\nFTL 3\nERR 4\nDBG 5"},
		{false, true, "INF 1\nWRN 2\nFTL 3\nERR 4\nTRC 6"},
	} {
		s, b := newServer(t, nil)
		s.SetLogger(b, c.debug, c.trace)
		write(&s.logs)
		require.Equal(t, c.want, b.text())
		require.Equal(t, c.trace, s.logs.Tracing())
		s.SetLogger(nil, true, true)
		write(&s.logs)
		require.Equal(t, c.want, b.text(), "nil is nowhere")
		require.False(t, s.logs.Tracing())
	}
}

func TestConfigureLogger(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	s, b := newServer(t, func(o *Options) { o.LogFile, o.Debug = file, true })
	require.NoError(t, s.ConfigureLogger())
	s.logs.Noticef("a line")
	s.logs.Debugf("another")
	s.logs.Tracef("not this one")
	s.Shutdown() // closes the file
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "[INF] a line\n")
	require.Contains(t, string(text), "[DBG] another\n")
	require.NotContains(t, string(text), "not this one")
	require.Empty(t, b.text(), "the file is in its place")

	silent, b := newServer(t, func(o *Options) { o.NoLog, o.LogFile = true, filepath.Join(t.TempDir(), "none") })
	require.NoError(t, silent.ConfigureLogger())
	silent.logs.Noticef("to the logger that was set")
	require.Contains(t, b.text(), "to the logger that was set")
	require.NoFileExists(t, silent.options().LogFile)

	bad, _ := newServer(t, func(o *Options) { o.LogFile = filepath.Join(t.TempDir(), "no", "folder") })
	require.ErrorIs(t, bad.ConfigureLogger(), os.ErrNotExist)
}

// A panic of a goroutine is told, with its stack, and the server goes on.
func TestPanicsAreTold(t *testing.T) {
	s, log := newServer(t, nil)
	require.True(t, s.tasks.Go("unlucky", func() { panic(errors.New("boom")) }))
	require.Empty(t, s.tasks.Wait(lab.Patience))
	require.Contains(t, log.text(), "ERR Internal error in unlucky: boom\n")
	require.Contains(t, log.text(), "server_test.go:")
}

// Each option that is for the door of NATS clients gets there.
func TestDoorConfig(t *testing.T) {
	s, _ := newServer(t, func(o *Options) {
		o.ServerName, o.ClientAdvertise = "n", "example.org:7"
		o.MaxConn, o.MaxSubs, o.MaxSubTokens, o.MaxControlLine = 1, 2, 3, 4
		o.MaxPayload, o.MaxPending, o.MaxClosedClients, o.MaxTracedMsgLen = 5, 6, 7, 8
		o.AlwaysEnableNonce = true
		o.Username, o.AuthTimeout, o.TLSTimeout, o.ProxyProtocol, o.SystemAccount = "u", 3, 4, true, "S"
		o.Accounts = []*options.Account{{Name: "S"}}
		o.OIDC = &options.OIDC{Issuer: "https://id.example", Audience: []string{"barid"}}
		o.TLSConfig, o.AllowNonTLS, o.TLSRateLimit = &tls.Config{MinVersion: tls.VersionTLS13}, true, 12
		o.TLSHandshakeFirst, o.TLSHandshakeFirstFallback = true, 13
		o.TraceHeaders, o.TraceVerbose = true, true
		o.WriteDeadline, o.PingInterval, o.MaxPingsOut, o.NoFastProducerStall = 9, 10, 11, true
	})
	cfg := s.doorConfig()
	want := client.Config{
		Tasks: s.connTask, Auth: cfg.Auth, Log: &s.logs, Info: cfg.Info, IDs: &s.ids,
		MaxConnections: 1, MaxSubscriptions: 2, MaxTokens: 3, MaxLine: 4, MaxPayload: 5, MaxPending: 6,
		MaxClosed: 7, WriteDeadline: 9, Pings: client.Pings{Interval: 10, Max: 11, First: true}, NoStall: true,
		AuthConfigured: true, AuthTimeout: 3 * time.Second, ProxyProtocol: true, System: "S",
		TLS: client.TLS{
			Timeout: 4 * time.Second, Optional: true, First: true, Fallback: 13, Rate: 12,
		},
		Trace: client.Trace{MaxPayload: 8, Headers: true, System: true},
	}
	require.True(t, cfg.TLS.Pinned(nil), "nothing is pinned")
	cfg.TLS.Pinned = nil // functions cannot be compared
	require.True(t, cfg.TLS.Config.DynamicRecordSizingDisabled)
	require.Equal(t, uint16(tls.VersionTLS13), cfg.TLS.Config.MinVersion)
	cfg.TLS.Config = nil
	require.NotNil(t, cfg.Observer)
	want.Observer, want.AlwaysNonce, want.MaxConnect = cfg.Observer, true, 64<<10
	require.Equal(t, want, cfg)
	fields := reflect.ValueOf(cfg)
	for i := range fields.NumField() {
		require.False(t, fields.Field(i).IsZero(), fields.Type().Field(i).Name)
	}
	i := cfg.Info
	require.Equal(t, []any{s.ID(), "n", VERSION, BaridVersion, 1, "example.org", 7, true, s.curve()},
		[]any{i.ID, i.Name, i.Version, i.Barid, i.Proto, i.Host, i.Port, i.Headers, i.Rest.XKey})
	require.True(t, cfg.Auth.Required())

	plain, _ := newServer(t, func(o *Options) { o.DisableShortFirstPing, o.NoHeaderSupport = true, true })
	cfg = plain.doorConfig()
	require.False(t, cfg.Pings.First)
	require.False(t, cfg.Info.Headers)
	require.Equal(t, "127.0.0.1", cfg.Info.Host)
}

func TestOptionsAreCloned(t *testing.T) {
	require.Nil(t, (*Options)(nil).Clone())
	o := &Options{Port: 7}
	c := o.Clone()
	require.Equal(t, o, c)
	c.Port = 8
	require.Equal(t, 7, o.Port)
}

// A name in a certificate counts only if an authority vouches for it, whatever the configuration
// of an embedding program demands; and who is pinned is asked for a certificate.
func TestWhatClientsHaveToShow(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want tls.ClientAuthType
	}{
		{"nothing", Options{}, tls.NoClientCert},
		{"pins", Options{TLSPinnedCerts: PinnedCertSet{}}, tls.RequireAnyClientCert},
		{"names", Options{TLSMap: true}, tls.RequireAndVerifyClientCert},
		{"names and pins", Options{TLSMap: true, TLSPinnedCerts: PinnedCertSet{}}, tls.RequireAndVerifyClientCert},
	} {
		given := &tls.Config{}
		c.o.TLSConfig = given
		require.Equal(t, c.want, clientTLS(&c.o).ClientAuth, c.name)
		require.Equal(t, tls.NoClientCert, given.ClientAuth, "what the program gave is left alone")
	}
	require.Nil(t, clientTLS(&Options{}))
}

// Who configures no more than an entrance for operators lets everybody else in as well.
func TestTheHiddenUser(t *testing.T) {
	system := &options.Account{Name: "$SYS"}
	admin := []*options.User{{Username: "admin", Password: "p", Account: system}}
	for _, c := range []struct {
		name   string
		change func(o *Options)
		open   bool
	}{
		{"only the system account", func(*Options) {}, true},
		{"listed, too", func(o *Options) { o.Accounts = []*options.Account{system} }, true},
		{"another account", func(o *Options) { o.Accounts = []*options.Account{system, {Name: "A"}} }, false},
		{"another user", func(o *Options) { o.Users = append(o.Users, &options.User{Username: "u", Password: "p"}) }, false},
		{"an authorization block", func(o *Options) { o.AuthorizationBlock = true }, false},
		{"a user for those without a name", func(o *Options) { o.NoAuthUser = "admin" }, true},
	} {
		s, _ := newServer(t, func(o *Options) { o.Users = slices.Clone(admin); c.change(o) })
		require.Equal(t, !c.open, s.auth.Required(), c.name)
	}
}

// What a configuration file says in vain is told at the start.
func TestNotesAreLogged(t *testing.T) {
	s, log := newServer(t, func(o *Options) {
		o.ConfigFile, o.ConfigNotes = "f.conf", []string{"f.conf:1:0: it has no effect"}
	})
	s.Start()
	require.Contains(t, log.text(), "WRN f.conf:1:0: it has no effect\n")
}

// Proxies vouch for logins; where there are none, somebody has forgotten something.
func TestProxiesWithoutLogins(t *testing.T) {
	pair, err := nkeys.CreateServer()
	require.NoError(t, err)
	key, err := pair.PublicKey()
	require.NoError(t, err)
	for _, user := range []string{"", "u"} {
		s, log := newServer(t, func(o *Options) {
			o.Username, o.Proxies = user, &ProxiesConfig{Trusted: []*ProxyConfig{{Key: key}}}
		})
		s.Start()
		require.Equal(t, user == "", strings.Contains(log.text(), "WRN Trusted proxies have no effect"), user)
	}
}
