package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/internal/trust/claims"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// signer is somebody with a key.
type signer struct {
	t      testing.TB
	pair   nkeys.KeyPair
	public string
}

func newSigner(t testing.TB, create func() (nkeys.KeyPair, error)) signer {
	t.Helper()
	pair, err := create()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	return signer{t, pair, public}
}

func (s signer) signs(c jwt.Claims) string {
	s.t.Helper()
	token, err := c.Encode(s.pair)
	require.NoError(s.t, err)
	return token
}

// world is a server's accounts with a resolver that a test fills.
type world struct {
	*Accounts
	t        testing.TB
	operator signer
	registry *account.Registry

	mu      sync.Mutex
	tokens  map[string]string
	fetches map[string]int
	changes []string
	lines   []string
}

var errNotFound = missing{errors.New("not found")}

// newWorld makes one that ends with the test; inside of a bubble the test has to end it itself.
func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, operator: newSigner(t, nkeys.CreateOperator), registry: account.NewRegistry(), tokens: map[string]string{}, fetches: map[string]int{}}
	operators, err := claims.NewOperators(nil, []string{w.operator.public})
	require.NoError(t, err)
	tasks := task.New(nil)
	cfg := Config{Registry: w.registry, Operators: operators, Tasks: tasks, Fetch: w.fetch, Log: w,
		Changed: func(a *account.Account) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.changes = append(w.changes, a.Name())
		}}
	if change != nil {
		change(&cfg)
	}
	w.Accounts = New(cfg)
	t.Cleanup(func() {
		w.Close()
		tasks.Close()
		require.Empty(t, tasks.Wait(10*time.Second))
	})
	return w
}

func (w *world) fetch(ctx context.Context, id string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fetches[id]++
	if token, ok := w.tokens[id]; ok {
		return token, nil
	}
	return "", errNotFound
}

// claims makes the JWT of an account.
func (w *world) claims(id string, change func(*jwt.AccountClaims)) string {
	c := jwt.NewAccountClaims(id)
	if change != nil {
		change(c)
	}
	return w.operator.signs(c)
}

// has lets the resolver have an account.
func (w *world) has(id string, change func(*jwt.AccountClaims)) string {
	token := w.claims(id, change)
	w.put(id, token)
	return token
}

func (w *world) put(id, token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tokens[id] = token; token == "" {
		delete(w.tokens, id)
	}
}

// lookup loads an account.
func (w *world) lookup(id string) *Tenant {
	w.t.Helper()
	t, err := w.Lookup(w.t.Context(), id)
	require.NoError(w.t, err)
	return t
}

func (w *world) fetched(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fetches[id]
}

// changed returns how often connections were asked again, and forgets it.
func (w *world) changed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.changes)
	w.changes = nil
	return n
}

func (w *world) add(level, format string, v ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, level+" "+fmt.Sprintf(format, v...))
}

func (w *world) log() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lines, "\n")
}

func (w *world) Noticef(format string, v ...any) { w.add("INF", format, v...) }
func (w *world) Warnf(format string, v ...any)   { w.add("WRN", format, v...) }
func (w *world) Errorf(format string, v ...any)  { w.add("ERR", format, v...) }
func (w *world) Debugf(format string, v ...any)  { w.add("DBG", format, v...) }

// newID is the key of an account.
func newID(t testing.TB) string { return newSigner(t, nkeys.CreateAccount).public }
