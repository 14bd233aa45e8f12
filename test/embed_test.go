package test_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/test"
)

// inProcess opens a client inside the process that is closed when the test ends.
func inProcess(t testing.TB, s *server.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("", append(options, nats.InProcessServer(s))...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func TestRunServerSwitchesOffWhatDisturbsTests(t *testing.T) {
	opts := test.DefaultTestOptions
	opts.Port = -1
	opts.NoLog, opts.Trace, opts.Debug = false, true, true
	s := test.RunServer(&opts)
	defer s.Shutdown()
	require.True(t, opts.NoLog)
	require.False(t, opts.Trace || opts.Debug)
	require.Equal(t, -1, opts.Cluster.PoolSize)
	require.Equal(t, server.CompressionOff, opts.Cluster.Compression.Mode)
	require.Equal(t, server.CompressionOff, opts.LeafNode.Compression.Mode)
}

// Programs read the port in their options, stop the server and run another one with the same.
func TestOptionsAreUsedAgain(t *testing.T) {
	opts := test.DefaultTestOptions
	opts.Port = -1
	s := test.RunServer(&opts)
	port := opts.Port
	require.Equal(t, s.Addr().(*net.TCPAddr).Port, port)
	require.Equal(t, int32(4096), opts.MaxControlLine)
	require.NotZero(t, opts.PingInterval)
	require.Empty(t, opts.ServerName)
	nc := connect(t, s, nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))
	for range 5 {
		s.Shutdown()
		s = test.RunServer(&opts)
		require.Equal(t, port, opts.Port)
	}
	defer s.Shutdown()
	eventually(t, nc.IsConnected, "the client comes back")
}

func TestConnectionsInProcess(t *testing.T) {
	for name, change := range map[string]func(*server.Options){
		"beside a listener":  func(*server.Options) {},
		"without a listener": func(o *server.Options) { o.DontListen = true },
		"unencrypted":        func(o *server.Options) { o.TLSConfig = &tls.Config{} },
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, change)
			a, b := inProcess(t, s), inProcess(t, s)
			got := make(chan string, 1)
			subscribe(t, a, "x", "", func(m *nats.Msg) { got <- string(m.Data) })
			require.NoError(t, b.Publish("x", []byte("hello")))
			require.Equal(t, "hello", <-got)
			require.Equal(t, 2, s.NumClients())
			a.Close()
			eventually(t, func() bool { return s.NumClients() == 1 })
		})
	}
	s := run(t, func(o *server.Options) { o.DontListen = true })
	require.Nil(t, s.Addr())
	s.Shutdown()
	_, err := s.InProcessConn()
	require.Error(t, err)
}

// asker is a program's own authentication.
type asker func(c server.ClientAuthentication) bool

func (a asker) Check(c server.ClientAuthentication) bool { return a(c) }

func TestProgramDecidesWhoEnters(t *testing.T) {
	var seen sync.Map
	s := run(t, func(o *server.Options) {
		o.Accounts = []*server.Account{server.NewAccount("A")}
		o.CustomClientAuthentication = asker(func(c server.ClientAuthentication) bool {
			opts := c.GetOpts()
			seen.Store(opts.Username, fmt.Sprint(c.GetID(), c.Kind(), c.RemoteAddress() != nil, c.GetTLSConnectionState() == nil, opts.Name, opts.Lang, opts.Password))
			switch opts.Username {
			case "member":
				c.RegisterUser(&server.User{Username: "member", Account: server.NewAccount("A"), Permissions: &server.Permissions{
					Subscribe: &server.SubjectPermission{Deny: []string{"secret"}},
				}})
			case "lost":
				c.RegisterUser(&server.User{Username: "lost", Account: server.NewAccount("nowhere")})
			case "bound":
				c.RegisterUser(&server.User{Username: "bound", AllowedConnectionTypes: map[string]struct{}{"IN_PROCESS": {}}})
			case "panics":
				panic("in the program")
			case "stranger":
				return false
			}
			return true
		})
	})
	for _, name := range []string{"stranger", "lost", "bound", "panics"} {
		_, err := nats.Connect(s.ClientURL(), nats.UserInfo(name, "p"))
		require.ErrorIs(t, err, nats.ErrAuthorization, name)
	}
	inProcess(t, s, nats.UserInfo("bound", "p"))

	failed := make(chan error, 1)
	nc := connect(t, s, nats.UserInfo("member", "p"), nats.Name("n"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { failed <- err }))
	subscribe(t, nc, "x", "", func(*nats.Msg) {})
	_, err := nc.SubscribeSync("secret")
	require.NoError(t, err)
	require.ErrorIs(t, <-failed, nats.ErrPermissionViolation)
	id, err := nc.GetClientID()
	require.NoError(t, err)
	told, _ := seen.Load("member")
	require.Equal(t, fmt.Sprint(id, 0, true, true, "n", "go", "p"), told)

	a, err := s.LookupAccount("A")
	require.NoError(t, err)
	require.Equal(t, 1, a.NumConnections())
	require.Equal(t, 1+everyAccount, a.TotalSubs())
	require.Equal(t, 1, a.Interest("x"))
	require.False(t, a.SubscriptionInterest("y"))
	require.False(t, a.SubscriptionInterest("*"), "no literal subject")
	require.EqualValues(t, 2, s.NumActiveAccounts())

	connect(t, s, nats.UserInfo("anybody", "p"))
	page, err := s.Connz(&server.ConnzOptions{Username: true})
	require.NoError(t, err)
	users := []string{}
	for _, c := range page.Conns {
		users = append(users, c.AuthorizedUser)
	}
	// The port may have been another server's before, to which somebody still tries to reconnect.
	require.Subset(t, users, []string{"bound", "member", "anybody"})
	for _, denied := range []string{"stranger", "lost", "panics"} {
		require.NotContains(t, users, denied)
	}
}

// What a program asks of the server while it decides does not keep the server from ending.
func TestProgramCallsTheServerWhileItDecides(t *testing.T) {
	for name, call := range map[string]func(s *server.Server){
		"Shutdown":        (*server.Server).Shutdown,
		"WaitForShutdown": (*server.Server).WaitForShutdown,
		"RegisterAccount": func(s *server.Server) {
			for s.Running() {
				runtime.Gosched()
			}
			_, _ = s.RegisterAccount("A") // waits for the end
		},
	} {
		t.Run(name, func(t *testing.T) {
			lab.RequireNoLeaks(t)
			own, asked, returned := make(chan *server.Server, 1), make(chan struct{}), make(chan struct{})
			s := run(t, func(o *server.Options) {
				o.CustomClientAuthentication = asker(func(server.ClientAuthentication) bool {
					defer close(returned)
					close(asked)
					call(<-own)
					return true
				})
			})
			own <- s
			left := make(chan error)
			go func() {
				_, err := nats.Connect(s.ClientURL())
				left <- err
			}()
			requireSoon(t, asked)
			begin := time.Now()
			s.Shutdown()
			require.Less(t, time.Since(begin), 5*time.Second)
			requireSoon(t, returned)
			require.Error(t, <-left)
		})
	}
}

// A program can check the signature of a nonce.
func TestProgramChecksSignatures(t *testing.T) {
	s := run(t, func(o *server.Options) {
		o.CustomClientAuthentication = asker(func(c server.ClientAuthentication) bool {
			opts := c.GetOpts()
			user, err := nkeys.FromPublicKey(opts.Nkey)
			if err != nil {
				return false
			}
			sig, err := base64.RawURLEncoding.DecodeString(opts.Sig)
			return err == nil && user.Verify(c.GetNonce(), sig) == nil
		})
	})
	require.True(t, s.NonceRequired())
	user, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := user.PublicKey()
	require.NoError(t, err)
	connect(t, s, nats.Nkey(public, user.Sign))
	_, err = nats.Connect(s.ClientURL(), nats.Nkey(public, func([]byte) ([]byte, error) { return []byte("wrong"), nil }))
	require.ErrorIs(t, err, nats.ErrAuthorization)
}

// A program that thinks for long does not keep the server from ending.
func TestShutdownDoesNotWaitForTheProgramsAnswer(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	s := run(t, func(o *server.Options) {
		o.CustomClientAuthentication = asker(func(server.ClientAuthentication) bool {
			close(asked)
			<-answer
			return true
		})
	})
	failed := make(chan error, 1)
	go func() {
		_, err := nats.Connect(s.ClientURL(), nats.Timeout(soon))
		failed <- err
	}()
	<-asked
	down := make(chan struct{})
	go func() { s.Shutdown(); close(down) }()
	require.Error(t, <-failed, "the connection ends before there is an answer")
	close(answer)
	<-down
}

func TestClientsAreDisconnectedByNumber(t *testing.T) {
	s := run(t)
	gone := make(chan error, 1)
	nc := connect(t, s, nats.NoReconnect(), nats.ClosedHandler(func(nc *nats.Conn) { gone <- nc.LastError() }))
	id, err := nc.GetClientID()
	require.NoError(t, err)
	require.Error(t, s.DisconnectClientByID(id+1000))
	require.NoError(t, s.DisconnectClientByID(id))
	<-gone
	eventually(t, func() bool { return s.NumClients() == 0 })
	require.Error(t, s.DisconnectClientByID(id))
}

// Claims bound an account at once, for those who are in it, too.
func TestClaimsBoundALiveAccount(t *testing.T) {
	a := server.NewAccount("A")
	s := run(t, func(o *server.Options) {
		o.Accounts = []*server.Account{a}
		o.Users = []*server.User{{Username: "u", Password: "p", Account: a}}
	})
	var left atomic.Int64
	full := make(chan error, 2)
	for range 2 {
		connect(t, s, nats.UserInfo("u", "p"), nats.NoReconnect(), nats.ClosedHandler(func(nc *nats.Conn) {
			left.Add(1)
			full <- nc.LastError()
		}))
	}
	require.Equal(t, 2, a.NumConnections(), "the handle in the options answers")
	claims := jwt.NewAccountClaims("A")
	claims.Limits.Conn, claims.Limits.Payload = 1, 10
	s.UpdateAccountClaims(a, claims)
	require.ErrorIs(t, <-full, nats.ErrMaxAccountConnectionsExceeded)
	eventually(t, func() bool { return a.NumConnections() == 1 })
	require.EqualValues(t, 1, left.Load())
	_, err := nats.Connect(s.ClientURL(), nats.UserInfo("u", "p"))
	require.True(t, errors.Is(err, nats.ErrMaxAccountConnectionsExceeded), "%v", err)

	claims.Limits.Conn = 2
	s.UpdateAccountClaims(a, claims)
	nc := connect(t, s, nats.UserInfo("u", "p"))
	eventually(t, func() bool { return nc.MaxPayload() == 10 }, "the second INFO tells the limit")
}

// A program may call everything after the end.
func TestMethodsAnswerAfterShutdown(t *testing.T) {
	s := run(t)
	a, err := s.LookupAccount("$G")
	require.NoError(t, err)
	s.Shutdown()
	require.Zero(t, a.NumConnections())
	require.Zero(t, s.NumClients())
	require.Zero(t, s.NumRoutes())
	require.NotEmpty(t, s.ClientURL())
	require.Error(t, s.DisconnectClientByID(1))
	s.UpdateAccountClaims(a, jwt.NewAccountClaims("A"))
	_, err = s.RegisterAccount("late")
	require.NoError(t, err)
	require.False(t, s.ReadyForConnections(time.Millisecond))
}
