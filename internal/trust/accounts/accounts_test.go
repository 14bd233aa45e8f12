package accounts

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/trust/claims"
)

func TestAnAccountIsLoadedOnce(t *testing.T) {
	w := newWorld(t, nil)
	id := newID(t)
	token := w.has(id, func(c *jwt.AccountClaims) { c.Limits.Conn = 3 })
	require.Nil(t, w.Loaded(id))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if tenant, err := w.Lookup(context.Background(), id); err != nil || tenant.Token != token {
				t.Error(tenant, err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, w.fetched(id))
	tenant := w.Loaded(id)
	require.Same(t, tenant, w.lookup(id))
	require.Same(t, w.registry.Get(id), tenant.Account)
	require.Equal(t, 3, tenant.Account.Limits().Connections)
	require.Equal(t, []*Tenant{tenant}, w.All())
	require.False(t, tenant.Expired())
	require.True(t, tenant.Complete())
	c, issues := tenant.Decoded()
	require.Equal(t, id, c.Subject)
	require.False(t, issues.Any())
	require.Zero(t, w.changed())
}

func TestAccountsThatCannotBeLoaded(t *testing.T) {
	w := newWorld(t, nil)
	missing, expired, early, foreign, other, self := newID(t), newID(t), newID(t), newID(t), newID(t), newSigner(t, nkeys.CreateAccount)
	w.has(expired, func(c *jwt.AccountClaims) { c.Expires = 5 })
	w.has(early, func(c *jwt.AccountClaims) { c.NotBefore = 1 << 40 })
	w.put(foreign, newSigner(t, nkeys.CreateOperator).signs(jwt.NewAccountClaims(foreign)))
	w.put(self.public, self.signs(jwt.NewAccountClaims(self.public)))
	w.put(other, w.claims(missing, nil))
	for _, id := range []string{expired, early, foreign, other, self.public} {
		_, err := w.Lookup(t.Context(), id)
		require.ErrorIs(t, err, ErrInvalid)
		require.EqualError(t, err, "account validation failed")
	}
	_, err := w.Lookup(t.Context(), missing)
	require.ErrorIs(t, err, ErrMissing)
	require.EqualError(t, err, "not found")
	require.Contains(t, w.log(), "WRN Account fetch failed: not found")
	_, err = w.Lookup(t.Context(), "$SYS")
	require.ErrorIs(t, err, ErrMissing)
	require.EqualError(t, err, "will only fetch valid account keys")
	require.Zero(t, w.fetched("$SYS"))
	require.Empty(t, w.places(), "what does not exist takes no memory")
	require.Empty(t, w.All())

	none := newWorld(t, func(c *Config) { c.Fetch = nil })
	_, err = none.Lookup(t.Context(), missing)
	require.EqualError(t, err, "account missing")
}

// places returns the slots there are.
func (w *world) places() map[string]*slot {
	w.Accounts.mu.RLock()
	defer w.Accounts.mu.RUnlock()
	return w.Accounts.mu.slots
}

func TestALookupEndsWithItsContext(t *testing.T) {
	block := make(chan struct{})
	w := newWorld(t, func(c *Config) {
		c.Fetch = func(context.Context, string) (string, error) { <-block; return "", errNotFound }
	})
	id := newID(t)
	var first sync.WaitGroup
	first.Go(func() { _, _ = w.Lookup(context.Background(), id) })
	ctx, cancel := context.WithCancel(t.Context())
	var second sync.WaitGroup
	second.Go(func() {
		if _, err := w.Lookup(ctx, id); err == nil {
			t.Error("there is no such account")
		}
	})
	cancel()
	if s, _ := w.get(id); s != nil && len(s.turn) > 0 {
		second.Wait() // though the first still waits, unless the second was the first
	}
	close(block)
	first.Wait()
	second.Wait()
}

func TestAccountsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := newID(t)
		token := w.has(id, func(c *jwt.AccountClaims) { c.Expires = time.Now().Unix() + 100 })
		first := w.lookup(id)
		time.Sleep(99 * time.Second)
		synctest.Wait()
		require.False(t, w.Loaded(id).Expired())
		require.Zero(t, w.changed())
		time.Sleep(time.Second)
		synctest.Wait()
		require.True(t, w.Loaded(id).Expired())
		require.False(t, first.Expired(), "a snapshot does not change")
		require.Equal(t, 1, w.changed(), "its connections are asked again")

		// The resolver has nothing newer, so it stays.
		require.True(t, w.lookup(id).Expired())
		require.Contains(t, w.log(), "DBG Requested account ["+id+"] has expired")
		require.Contains(t, w.log(), "DBG Requested account update for ["+id+"], same claims detected")
		require.Equal(t, 2, w.fetched(id))
		_, err := w.Lookup(t.Context(), id)
		require.ErrorIs(t, err, ErrExpired)
		require.Contains(t, w.log(), "DBG Requested account update for ["+id+"] ignored, too soon")
		require.Equal(t, 2, w.fetched(id), "not so often")
		time.Sleep(time.Second)
		w.put(id, "")
		_, err = w.Lookup(t.Context(), id)
		require.EqualError(t, err, "account expired")
		time.Sleep(time.Second)
		w.has(id, func(c *jwt.AccountClaims) { c.Expires = 5 })
		_, err = w.Lookup(t.Context(), id)
		require.EqualError(t, err, "account expired")

		// A later one revives it.
		time.Sleep(time.Second)
		w.has(id, func(c *jwt.AccountClaims) { c.Expires = time.Now().Unix() + 50 })
		again := w.lookup(id)
		require.False(t, again.Expired())
		require.NotEqual(t, token, again.Token)
		require.Same(t, first.Account, again.Account)
		require.Equal(t, 1, w.changed())
		time.Sleep(50 * time.Second)
		synctest.Wait()
		require.True(t, w.Loaded(id).Expired())
	})
}

func TestUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := newID(t)
		token := w.has(id, func(c *jwt.AccountClaims) { c.Expires = time.Now().Unix() + 100 })
		update := func(token string) bool {
			applied, err := w.Update(t.Context(), id, token)
			require.NoError(t, err)
			return applied
		}
		require.False(t, update(token), "nobody needs it")
		require.Nil(t, w.Loaded(id))
		before := w.lookup(id)
		require.True(t, update(token))
		require.Contains(t, w.log(), "DBG Requested account update for ["+id+"], same claims detected")
		require.Same(t, before, w.Loaded(id))
		require.Zero(t, w.changed())

		require.True(t, update(w.claims(id, func(c *jwt.AccountClaims) { c.Limits.Conn = 1 })))
		require.Equal(t, 1, before.Account.Limits().Connections)
		require.Equal(t, 1, w.changed())
		time.Sleep(200 * time.Second)
		synctest.Wait()
		require.False(t, w.Loaded(id).Expired(), "the new claims do not expire")

		for _, bad := range []string{"x", w.claims(newID(t), nil), w.claims(id, func(c *jwt.AccountClaims) { c.NotBefore = 1 << 40 }),
			newSigner(t, nkeys.CreateOperator).signs(jwt.NewAccountClaims(id))} {
			_, err := w.Update(t.Context(), id, bad)
			require.ErrorIs(t, err, ErrInvalid)
		}
		require.Zero(t, w.changed())
		require.True(t, update(w.claims(id, func(c *jwt.AccountClaims) { c.Expires = time.Now().Unix() - 10 })))
		require.True(t, w.Loaded(id).Expired(), "what has expired is applied as that")
		require.Equal(t, 1, w.changed())
	})
}

func TestDeletedAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := newID(t)
		w.Removed(id)
		token := w.has(id, func(c *jwt.AccountClaims) { c.Exports.Add(&jwt.Export{Subject: "a", Type: jwt.Stream}) })
		bus := w.lookup(id).Account
		require.Len(t, bus.Spec().Exports, 1)
		w.put(id, "")
		w.Removed(id)
		w.Removed(id)
		require.True(t, w.Loaded(id).Expired())
		require.Empty(t, bus.Spec().Exports)
		require.Equal(t, 1, w.changed())
		require.Contains(t, w.log(), "DBG Disable account "+id+" due to remove")
		time.Sleep(time.Second)
		_, err := w.Lookup(t.Context(), id)
		require.ErrorIs(t, err, ErrExpired)
		// The same JWT enables it again.
		applied, err := w.Update(t.Context(), id, token)
		require.NoError(t, err)
		require.True(t, applied)
		require.False(t, w.lookup(id).Expired())
		require.Len(t, bus.Spec().Exports, 1)
		// Or a resolver that has it.
		w.Removed(id)
		w.put(id, token)
		time.Sleep(time.Second)
		require.False(t, w.lookup(id).Expired())
	})
}

func TestReload(t *testing.T) {
	w := newWorld(t, nil)
	same, other, gone, bad := newID(t), newID(t), newID(t), newID(t)
	for _, id := range []string{same, other, gone, bad} {
		w.has(id, nil)
		w.lookup(id)
	}
	w.put(gone, "")
	w.put(bad, "x")
	w.has(other, func(c *jwt.AccountClaims) { c.Limits.Conn = 5 })
	w.Reload(t.Context())
	require.Equal(t, 3, w.changed())
	require.False(t, w.Loaded(same).Expired())
	require.Equal(t, 5, w.Loaded(other).Account.Limits().Connections)
	require.True(t, w.Loaded(gone).Expired())
	require.True(t, w.Loaded(bad).Expired())
	require.Contains(t, w.log(), fmt.Sprintf("INF Reloaded: deleting account [removed]: %q", gone))
	require.Contains(t, w.log(), fmt.Sprintf("INF Reloaded: deleting account [bad claims]: %q", bad))
	w.has(gone, nil)
	w.Reload(t.Context())
	require.False(t, w.Loaded(gone).Expired())
}

func TestAStandInIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := newID(t)
		w := newWorld(t, func(c *Config) { c.System = id })
		stand := w.StandIn(id)
		require.Same(t, stand, w.StandIn(id))
		require.Contains(t, w.log(), "INF Using bootstrapping system account")
		require.Same(t, stand, w.lookup(id))
		require.True(t, stand.Claims.Signs(id))
		require.Equal(t, account.Unlimited(), stand.Account.Limits())
		c, _ := stand.Decoded()
		require.Nil(t, c)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Empty(t, w.Loaded(id).Token)
		w.put(id, "x")
		time.Sleep(time.Second)
		w.Reload(t.Context())
		token := w.has(id, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, token, w.Loaded(id).Token)
		require.Contains(t, w.log(), "INF System account fetched and updated")
		require.Same(t, stand.Account, w.Loaded(id).Account)
		n := w.fetched(id)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, n, w.fetched(id))
	})
}

// The system account exports what it has for all, and every other account imports that.
func TestSystemImports(t *testing.T) {
	system, id := newID(t), newID(t)
	w := newWorld(t, func(c *Config) { c.System = system })
	w.has(system, nil)
	w.has(id, nil)
	require.Equal(t, account.SystemImports(system, id), w.lookup(id).Account.Spec().Imports)
	require.Equal(t, account.SystemExports(), w.lookup(system).Account.Spec().Exports)
}

func BenchmarkLookup(b *testing.B) {
	const accounts = 10_000
	operator := newSigner(b, nkeys.CreateOperator)
	operators, err := claims.NewOperators(nil, []string{operator.public})
	require.NoError(b, err)
	tokens, ids := map[string]string{}, make([]string, accounts)
	for i := range ids {
		ids[i] = newID(b)
		c := jwt.NewAccountClaims(ids[i])
		c.Name = "some account"
		c.Expires = 4_000_000_000
		c.Exports.Add(&jwt.Export{Subject: "a.>", Type: jwt.Stream})
		tokens[ids[i]] = operator.signs(c)
	}
	w := newWorld(b, func(c *Config) {
		c.Operators, c.Log = operators, nil
		c.Fetch = func(_ context.Context, id string) (string, error) { return tokens[id], nil }
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for _, id := range ids {
		w.lookup(id)
	}
	took := time.Since(begin)
	runtime.GC()
	runtime.ReadMemStats(&after)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Lookup(context.Background(), ids[i%accounts]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/accounts, "B/account")
	b.ReportMetric(float64(took.Microseconds())/accounts, "µs/load")
	runtime.KeepAlive(w)
}
