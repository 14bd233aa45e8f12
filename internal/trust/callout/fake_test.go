package callout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// key is a pair with its public key.
type key struct {
	nkeys.KeyPair
	public string
}

func newKey(t testing.TB, create func() (nkeys.KeyPair, error)) key {
	t.Helper()
	k, err := create()
	require.NoError(t, err)
	public, err := k.PublicKey()
	require.NoError(t, err)
	return key{k, public}
}

// fake is the Authenticator that is wrapped: it knows users by their names.
type fake struct {
	users map[string]*identity.Identity
	asked atomic.Int64
	gone  atomic.Bool
}

func (f *fake) Authenticate(_ context.Context, c *identity.Credentials) (*identity.Identity, error) {
	f.asked.Add(1)
	if id := f.users[c.User+c.NKey]; id != nil && c.Pass != "wrong" {
		return id, nil
	}
	return nil, identity.ErrDenied
}

func (f *fake) Recheck(_ context.Context, _ *identity.Credentials, was *identity.Identity) (*identity.Identity, error) {
	if f.gone.Load() {
		return nil, identity.ErrGone
	}
	return was, nil
}

func (f *fake) Required() bool { return false }
func (f *fake) Nonce() bool    { return true }

// world is where the tests happen: accounts, a server and a service.
type world struct {
	t        testing.TB
	registry *account.Registry
	tasks    *task.Group
	ports    *Ports
	next     *fake
	ids      atomic.Uint64

	server, curve, issuer, xkey key

	mu     sync.Mutex
	warned []string
	debugs []string
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, registry: account.NewRegistry(), tasks: task.New(nil), next: &fake{users: map[string]*identity.Identity{}}}
	w.server, w.curve = newKey(t, nkeys.CreateServer), newKey(t, nkeys.CreateCurveKeys)
	w.issuer, w.xkey = newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateCurveKeys)
	w.ports = NewPorts(w.tasks, func() uint64 { return w.ids.Add(1) })
	t.Cleanup(func() {
		w.ports.Close()
		w.tasks.Close()
		require.Empty(t, w.tasks.Wait(10*time.Second))
	})
	return w
}

// account returns the account of a name, which it makes if there is none.
func (w *world) account(name string) *account.Account {
	if a := w.registry.Get(name); a != nil {
		return a
	}
	return w.registry.Put(account.Spec{Name: name, Limits: account.Unlimited()})
}

// user lets somebody in without the service.
func (w *world) user(name, acc string) *identity.Identity {
	id := &identity.Identity{Account: w.account(acc), User: name, Limits: account.Unlimited()}
	w.next.users[name] = id
	return id
}

// config is what is common to both modes.
func (w *world) config() Config {
	note := func(list *[]string) func(string, ...any) {
		return func(format string, v ...any) {
			w.mu.Lock()
			*list = append(*list, fmt.Sprintf(format, v...))
			w.mu.Unlock()
		}
	}
	return Config{
		Next: w.next, Ports: w.ports, Key: w.server, Curve: w.curve, Timeout: 2 * time.Second,
		Server: jwt.ServerID{Name: "S", Host: "h", Version: "1.2.3"},
		Warnf:  note(&w.warned), Debugf: note(&w.debugs),
	}
}

// static returns an Authenticator of a configuration whose service is in AUTH.
func (w *world) static(change func(*Config)) *Authenticator {
	w.t.Helper()
	cfg := w.config()
	w.account("AUTH")
	w.account("APP")
	cfg.Static = &Static{
		Issuer: w.issuer.public, Account: w.account("AUTH"), Users: []string{"auth"},
		Lookup: func(name string) (*account.Account, *perm.Permissions) { return w.registry.Get(name), nil },
	}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	require.NoError(w.t, err)
	return a
}

// service is one that decides.
type service struct {
	w    *world
	port *port.Port

	asked atomic.Int64
	last  atomic.Pointer[jwt.AuthorizationRequestClaims]
	calls atomic.Pointer[port.Message]
}

// serve answers requests in an account by what answer makes of them; "" is no answer.
func (w *world) serve(acc string, answer func(*jwt.AuthorizationRequestClaims) string) *service {
	w.t.Helper()
	s := &service{w: w}
	s.port = port.Open(port.Config{Account: w.account(acc), Tasks: w.tasks, Name: "service", ID: w.ids.Add(1)})
	w.t.Cleanup(s.port.Close)
	_, err := s.port.Subscribe(Subject, "", func(m *port.Message) {
		s.asked.Add(1)
		s.calls.Store(m)
		data := m.Data
		if from := m.Get(xkeyHeader); from != "" {
			var err error
			if data, err = w.xkey.Open(data, from); err != nil {
				w.t.Error(err)
			}
		}
		r, err := jwt.DecodeAuthorizationRequestClaims(string(data))
		if err != nil {
			w.t.Error(err)
			return
		}
		s.last.Store(r)
		if out := answer(r); out != "" {
			s.port.Publish(&port.Message{Subject: m.Reply, Data: []byte(strings.TrimSuffix(out, "EMPTY"))})
		}
	})
	require.NoError(w.t, err)
	return s
}

// userJWT is one for a request, signed by signer.
func userJWT(t testing.TB, user string, signer key, change func(*jwt.UserClaims)) string {
	u := jwt.NewUserClaims(user)
	u.Audience = "APP"
	if change != nil {
		change(u)
	}
	token, err := u.Encode(signer)
	if err != nil {
		t.Error(err)
	}
	return token
}

// response is the envelope of a user JWT.
func response(t testing.TB, r *jwt.AuthorizationRequestClaims, token string, signer key, change func(*jwt.AuthorizationResponseClaims)) string {
	out := jwt.NewAuthorizationResponseClaims(r.UserNkey)
	out.Audience, out.Jwt = r.Server.ID, token
	if change != nil {
		change(out)
	}
	text, err := out.Encode(signer)
	if err != nil {
		t.Error(err)
	}
	return text
}

// admit answers as a service does that lets everybody in.
func (w *world) admit(change func(*jwt.UserClaims)) func(*jwt.AuthorizationRequestClaims) string {
	return func(r *jwt.AuthorizationRequestClaims) string {
		return response(w.t, r, userJWT(w.t, r.UserNkey, w.issuer, change), w.issuer, nil)
	}
}

// enter is a login by name and password.
func enter(a *Authenticator, name, pass string) (*identity.Identity, error) {
	return a.Authenticate(context.Background(), &identity.Credentials{User: name, Pass: pass, Kind: identity.Standard, Remote: "10.0.0.1", ID: 7})
}

// refused checks that a login failed for a reason, of which the client does not hear.
func (w *world) refused(t *testing.T, err error, acc, why string) {
	t.Helper()
	var r *identity.Refused
	require.ErrorAs(t, err, &r)
	require.Equal(t, acc, r.Account.Name())
	require.Equal(t, why, r.Why)
	var e *proto.Error
	require.True(t, errors.As(err, &e))
	require.Same(t, proto.ErrAuthorization, e)
	w.mu.Lock()
	defer w.mu.Unlock()
	if why != "" {
		require.Contains(t, w.warned, "10.0.0.1 - cid:7 - "+why)
	}
	for _, line := range append(w.warned, w.debugs...) {
		require.NotContains(t, line, "secret", "passwords are not logged")
	}
}
