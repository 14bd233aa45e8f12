package tenancy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/internal/observe/system"
	"github.com/baridmq/barid/server/options"
	"github.com/baridmq/barid/server/status"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// pages keep the lines of a log.
type pages struct {
	mu    sync.Mutex
	lines []string
}

func (p *pages) add(level, format string, v ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, level+" "+fmt.Sprintf(format, v...))
}

func (p *pages) Noticef(format string, v ...any) { p.add("INF", format, v...) }
func (p *pages) Warnf(format string, v ...any)   { p.add("WRN", format, v...) }
func (p *pages) Errorf(format string, v ...any)  { p.add("ERR", format, v...) }
func (p *pages) Debugf(format string, v ...any)  { p.add("DBG", format, v...) }

func (p *pages) having(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.lines, func(line string) bool { return strings.Contains(line, text) })
}

// tenants makes those of options and starts them. They end with the test.
func tenants(t *testing.T, o *options.Options) (*Tenants, *pages, error) {
	t.Helper()
	key, err := nkeys.CreateServer()
	require.NoError(t, err)
	curve, err := nkeys.CreateCurveKeys()
	require.NoError(t, err)
	id, err := key.PublicKey()
	require.NoError(t, err)
	config.Complete(o)
	log, tasks := &pages{}, task.New(nil)
	x, err := New(Config{
		ID: id, Key: key, XKey: curve, Version: "2.12.0", Tasks: tasks, IDs: new(atomic.Uint64), Log: log,
		Changed: func(*account.Account) {},
		System: func() system.Config {
			return system.Config{
				Server: system.Server{ID: id, Name: "n"}, Log: log,
				Source: system.Source{Varz: func() *status.Varz { return &status.Varz{} }},
				Lookup: system.Lookup{User: func(uint64) *status.UserInfo { return nil }, IsClient: func(uint64) bool { return false }},
			}
		},
	}, o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		x.Stop(context.Background())
		cancel()
		tasks.Close()
		require.Empty(t, tasks.Wait(5*time.Second))
	})
	return x, log, x.Start(ctx)
}

func public(t *testing.T, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	pair, err := create()
	require.NoError(t, err)
	key, err := pair.PublicKey()
	require.NoError(t, err)
	return pair, key
}

func TestNameOfTheSystemAccount(t *testing.T) {
	_, id := public(t, nkeys.CreateAccount)
	one := &jwt.OperatorClaims{}
	one.SystemAccount = id
	for _, c := range []struct {
		want string
		o    options.Options
	}{
		{"$SYS", options.Options{}},
		{"X", options.Options{SystemAccount: "X"}},
		{"", options.Options{SystemAccount: "X", NoSystemAccount: true}},
		{id, options.Options{TrustedOperators: []*jwt.OperatorClaims{one}}},
		{"$SYS", options.Options{TrustedOperators: []*jwt.OperatorClaims{one, one}}},
	} {
		require.Equal(t, c.want, SystemAccount(&c.o))
	}
}

// Everybody may ask the system account about himself, also in an account that a program has made.
func TestAllAccountsImportOfTheSystem(t *testing.T) {
	x, _, err := tenants(t, &options.Options{Accounts: []*options.Account{options.NewAccount("A")}})
	require.NoError(t, err)
	x.Register("OWN")
	for _, name := range []string{account.Global, "A", "OWN"} {
		imports := x.Registry().Get(name).Imports()
		require.Len(t, imports, 4, name)
		for _, i := range imports {
			require.NoError(t, i.Err, name)
		}
		require.Empty(t, x.Rules(x.Registry().Get(name)).Imports, "they are nobody's own")
	}
	require.Empty(t, x.System().Imports())
	require.Empty(t, x.Rules(x.System()).Exports)
}

func TestChangesOfPrograms(t *testing.T) {
	x, _, err := tenants(t, &options.Options{Accounts: []*options.Account{options.NewAccount("A"), options.NewAccount("B")}})
	require.NoError(t, err)
	a, b := x.Registry().Get("A"), x.Registry().Get("B")
	importing := func(r *options.AccountRules) error {
		r.Imports = append(r.Imports, &options.AccountImport{Service: true, Account: "A", Subject: "add"})
		return nil
	}
	require.ErrorIs(t, x.Change(b, importing), account.ErrServiceNotAuthorized)
	require.Len(t, b.Imports(), 4, "nothing was changed")
	require.NoError(t, x.Change(a, func(r *options.AccountRules) error {
		r.Exports = append(r.Exports, &options.AccountExport{Service: true, Subject: "add", Response: "Stream"})
		return nil
	}))
	require.NoError(t, x.Change(b, importing))
	require.Len(t, x.Rules(b).Imports, 1)
	require.Equal(t, "Stream", x.Rules(a).Exports[0].Response)
	x.Registry().Remove("A")
	require.ErrorIs(t, x.Change(a, importing), ErrMissing)
	require.Nil(t, x.Registry().Get("A"), "it does not come back")
}

// What a reload does not name goes, but not what a program has made.
func TestReloadOfAccounts(t *testing.T) {
	before := &options.Options{Accounts: []*options.Account{options.NewAccount("A"), options.NewAccount("B")}}
	x, _, err := tenants(t, before)
	require.NoError(t, err)
	x.Register("OWN")
	b := x.Registry().Get("B")
	after := &options.Options{Accounts: []*options.Account{options.NewAccount("B"), options.NewAccount("C")}}
	config.Complete(after)
	undo, err := x.Prepare(after)
	require.NoError(t, err)
	require.NotNil(t, x.Registry().Get("C"))
	undo()
	require.Nil(t, x.Registry().Get("C"), "a reload that fails leaves nothing behind")
	_, err = x.Prepare(after)
	require.NoError(t, err)
	x.Apply(before, after)
	require.Nil(t, x.Registry().Get("A"))
	require.Same(t, b, x.Registry().Get("B"))
	for _, name := range []string{"C", "OWN", "$SYS", account.Global} {
		require.NotNil(t, x.Registry().Get(name), name)
	}
}

// An operator whose system account cannot be found, or is not his, keeps the server from starting;
// one that has none is warned.
func TestStartOfOperators(t *testing.T) {
	operator, trusted := public(t, nkeys.CreateOperator)
	_, id := public(t, nkeys.CreateAccount)
	sign := func(by nkeys.KeyPair) string {
		token, err := jwt.NewAccountClaims(id).Encode(by)
		require.NoError(t, err)
		return token
	}
	stranger, _ := public(t, nkeys.CreateOperator)
	memory := &options.ResolverConfig{Kind: options.ResolverMemory}
	for _, c := range []struct {
		name, want string
		o          options.Options
	}{
		{"known", "", options.Options{SystemAccount: id, Resolver: memory, ResolverPreload: map[string]string{id: sign(operator)}}},
		{"missing", "error resolving system account: account missing", options.Options{SystemAccount: id, Resolver: memory}},
		{"a stranger's", "Can't set system account: account validation failed",
			options.Options{SystemAccount: id, Resolver: memory, ResolverPreload: map[string]string{id: sign(stranger)}}},
		{"none", "", options.Options{Resolver: memory}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.TrustedKeys = []string{trusted}
			x, log, err := tenants(t, &c.o)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			require.NotNil(t, x.System())
			require.Equal(t, c.o.SystemAccount == options.DefaultSystemAccount, log.having("WRN Trusted Operators should utilize a System Account"))
		})
	}
}
