package resolver

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/stretchr/testify/require"

	bus "github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/trust/claims"
)

// world is a system account, which several servers share, and an operator.
type world struct {
	acc    *bus.Account
	tasks  *task.Group
	ids    atomic.Uint64
	client *port.Port

	op, signing signer // the operator's own key and one that signs for it
	strict      bool
	system      string
}

func newWorld(t testing.TB) *world {
	w := &world{
		acc: bus.NewRegistry().Get(bus.Global), tasks: task.New(nil),
		op: operator(t), signing: operator(t), system: account(t),
	}
	t.Cleanup(func() {
		w.tasks.Close()
		require.Empty(t, w.tasks.Wait(10*time.Second))
	})
	w.client = w.port(t)
	return w
}

func (w *world) port(t testing.TB) *port.Port {
	p := port.Open(port.Config{Account: w.acc, Tasks: w.tasks, Name: "port", ID: w.ids.Add(1)})
	t.Cleanup(p.Close)
	return p
}

// node is a server of a world.
type node struct {
	*Service
	w    *world
	log  *record
	port *port.Port

	mu      sync.Mutex
	loaded  map[string]string // JWTs of accounts that are loaded
	removed []string
	refuse  error // what Update returns
}

// serve starts a server; change may be nil.
func (w *world) serve(t testing.TB, store Store, change func(*Config)) *node {
	t.Helper()
	c := jwt.NewOperatorClaims(w.op.public)
	c.SigningKeys.Add(w.signing.public)
	c.StrictSigningKeyUsage = w.strict
	operators, err := claims.NewOperators([]*jwt.OperatorClaims{c}, nil)
	require.NoError(t, err)
	n := &node{w: w, log: &record{}, loaded: map[string]string{}, port: w.port(t)}
	cfg := Config{
		Port: n.port, Readers: w.port(t), Fetcher: NewFetcher(store), Operators: operators, System: w.system,
		Update: n.update, Loaded: n.isLoaded, Removed: n.remove,
		Server: func() any { return map[string]any{"name": "one"} },
		Tasks:  w.tasks, Log: n.log, Interval: time.Minute, Timeout: 10 * time.Second,
	}
	if change != nil {
		change(&cfg)
	}
	n.Service, err = Serve(cfg)
	require.NoError(t, err)
	t.Cleanup(n.Close)
	return n
}

func (n *node) load(id, token string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loaded[id] = token
}

func (n *node) update(_ context.Context, id, token string) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse != nil {
		return false, n.refuse
	}
	if _, ok := n.loaded[id]; !ok {
		return false, nil
	}
	n.loaded[id] = token
	return true, nil
}

func (n *node) isLoaded(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.loaded[id]
	return ok
}

func (n *node) remove(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.removed = append(n.removed, id)
	if _, ok := n.loaded[id]; ok {
		n.loaded[id] = "disabled"
	}
}

func (n *node) inForce(id string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.loaded[id]
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// ask requests and returns the first answer.
func (w *world) ask(t testing.TB, subject, body string) string {
	t.Helper()
	r, err := w.client.Request(within(t), &port.Message{Subject: subject, Data: []byte(body)})
	require.NoError(t, err)
	return string(r.Data)
}

// told is what an answer says: the account and the code, and what is said.
func told(t testing.TB, answer string) (acc, text string) {
	t.Helper()
	var r struct {
		Server struct{ Name string }
		Data   struct {
			Account, Message string
			Code             int
		}
		Error struct {
			Account, Description string
			Code                 int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &r), answer)
	require.Equal(t, "one", r.Server.Name)
	if r.Error.Code != 0 {
		require.Equal(t, 500, r.Error.Code)
		require.NotContains(t, answer, `"data"`)
		return r.Error.Account, r.Error.Description
	}
	require.Equal(t, 200, r.Data.Code)
	require.NotContains(t, answer, `"error"`)
	return r.Data.Account, r.Data.Message
}

// forms are the subjects of an update.
func forms(id string) []string {
	return []string{
		"$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.ACCOUNT." + id + ".CLAIMS.UPDATE", "$SYS.ACCOUNT." + id + ".CLAIMS.UPDATE",
	}
}

// pack asks for all JWTs, as tools do.
func (w *world) pack(t testing.TB, hash []byte) (lines []string) {
	t.Helper()
	ended := false
	err := w.client.Gather(within(t), &port.Message{Subject: packSubject, Data: hash}, func(m *port.Message) bool {
		ended = len(m.Data) == 0
		if !ended {
			lines = append(lines, string(m.Data))
		}
		return !ended
	})
	require.NoError(t, err)
	require.True(t, ended)
	return lines
}

// request returns a JWT that asks to delete accounts.
func (s signer) request(t testing.TB, subject string, accounts any, change func(*jwt.GenericClaims)) string {
	t.Helper()
	g := jwt.NewGenericClaims(subject)
	if accounts != nil {
		g.Data["accounts"] = accounts
	}
	if change != nil {
		change(g)
	}
	token, err := g.Encode(s.pair)
	require.NoError(t, err)
	return token
}

var errRefused = errors.New("refused by a test")
