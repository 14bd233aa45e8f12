package resolver

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/port"
)

func others(n int) func(*Config) {
	return func(c *Config) { c.Others = func() int { return n } }
}

func TestFetchAsksOtherServers(t *testing.T) {
	w := newWorld(t)
	here, _ := open(t, DirectoryConfig{Cache: true})
	a, _ := open(t, DirectoryConfig{})
	b, _ := open(t, DirectoryConfig{})
	n := w.serve(t, here, others(2))
	w.serve(t, a, others(2))
	w.serve(t, b, others(2))
	f := n.cfg.Fetcher

	id := account(t)
	_, err := f.Fetch(within(t), id)
	require.EqualError(t, err, "account jwt not found", "all have answered, so nobody waits for the timeout")
	token := w.op.token(t, id, "x", nil)
	_, err = b.Save(id, token)
	require.NoError(t, err)
	got, err := f.Fetch(within(t), id)
	require.NoError(t, err)
	require.Equal(t, token, got)
	require.True(t, here.Has(id, token), "it stays")

	_, err = f.Fetch(within(t), "x")
	require.EqualError(t, err, "will only fetch valid account keys")

	over := account(t)
	old := w.op.signed(t, over, "old", 10, 11)
	_, err = here.Save(over, old)
	require.NoError(t, err)
	got, err = f.Fetch(within(t), over)
	require.NoError(t, err)
	require.Equal(t, old, got, "nobody has another one")
	_, err = b.Save(over, w.op.signed(t, over, "fresh", 20, 0))
	require.NoError(t, err)
	got, err = f.Fetch(within(t), over)
	require.NoError(t, err)
	require.NotEqual(t, old, got)
}

func TestFetchWithoutOtherServers(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{})
	start := time.Now()
	n := w.serve(t, d, nil)
	_, err := n.cfg.Fetcher.Fetch(within(t), account(t))
	require.ErrorIs(t, err, ErrNotFound)
	require.Less(t, time.Since(start), 5*time.Second)
	n.Close()
	_, err = n.cfg.Fetcher.Fetch(within(t), account(t))
	require.ErrorIs(t, err, ErrNotFound)

	m := NewMemory(nil)
	f := NewFetcher(m)
	_, err = f.Fetch(t.Context(), account(t))
	require.EqualError(t, err, "account missing")
	f.Use(NewMemory(map[string]string{w.system: "token"}))
	token, err := f.Fetch(t.Context(), w.system)
	require.NoError(t, err)
	require.Equal(t, "token", token)
}

// What another server says counts only if an operator signed it, and if it was not deleted here.
func TestFetchDoesNotBelieveEverything(t *testing.T) {
	w := newWorld(t)
	here, _ := open(t, DirectoryConfig{AllowDelete: true})
	n := w.serve(t, here, others(1))
	there, _ := open(t, DirectoryConfig{})
	w.serve(t, there, nil)

	id, deleted := account(t), account(t)
	_, err := there.Save(id, operator(t).token(t, id, "x", nil))
	require.NoError(t, err)
	_, err = n.cfg.Fetcher.Fetch(within(t), id)
	require.ErrorIs(t, err, ErrNotFound)
	require.Contains(t, n.log.text(), "is ignored: account validation failed")
	require.False(t, here.Known(id))

	token := w.op.token(t, deleted, "x", nil)
	for _, d := range []*Directory{here, there} {
		_, err = d.Save(deleted, token)
		require.NoError(t, err)
	}
	require.NoError(t, here.Delete(deleted))
	_, err = n.cfg.Fetcher.Fetch(within(t), deleted)
	require.ErrorIs(t, err, ErrNotFound)
}

// A JWT whose time was cut short does not give way to the older one that another server still has.
func TestFetchDoesNotGoBack(t *testing.T) {
	w := newWorld(t)
	here, _ := open(t, DirectoryConfig{})
	n := w.serve(t, here, others(1))
	there, _ := open(t, DirectoryConfig{})
	w.serve(t, there, nil)
	id := account(t)
	shortened := w.op.signed(t, id, "b", 20, 30)
	_, err := here.Save(id, shortened)
	require.NoError(t, err)
	for issued, forward := range map[int64]bool{10: false, 21: true} {
		fromPeer := w.op.signed(t, id, fmt.Sprint("c", issued), issued, 0)
		_, err = there.Save(id, fromPeer)
		require.NoError(t, err)
		_, err = here.Save(id, shortened)
		require.NoError(t, err)
		got, err := n.cfg.Fetcher.Fetch(within(t), id)
		require.NoError(t, err)
		require.Equal(t, forward, got == fromPeer)
		require.Equal(t, !forward, got == shortened)
	}
}

// A store without room does not keep anybody out.
func TestFetchThatCannotBeStored(t *testing.T) {
	w := newWorld(t)
	here, _ := open(t, DirectoryConfig{Limit: 1})
	n := w.serve(t, here, others(1))
	there, _ := open(t, DirectoryConfig{})
	w.serve(t, there, nil)
	for i := range 2 {
		id := account(t)
		token := w.op.token(t, id, "x", nil)
		_, err := there.Save(id, token)
		require.NoError(t, err)
		got, err := n.cfg.Fetcher.Fetch(within(t), id)
		require.NoError(t, err)
		require.Equal(t, token, got)
		require.Equal(t, i == 0, here.Known(id))
	}
	require.Contains(t, n.log.text(), "jwt store is full")
}

func TestFetchThatNobodyAnswers(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{})
	n := w.serve(t, d, func(c *Config) { others(1)(c); c.Timeout = 20 * time.Millisecond })
	_, err := n.cfg.Fetcher.Fetch(within(t), account(t))
	require.EqualError(t, err, "fetching jwt timed out")

	silent, err := w.client.Subscribe("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", "", func(*port.Message) { n.port.Close() })
	require.NoError(t, err)
	defer silent.Close()
	n.cfg.Timeout = 10 * time.Second
	_, err = n.cfg.Fetcher.Fetch(within(t), account(t))
	require.EqualError(t, err, "fetching jwt failed due to shutdown")
}

// Servers that compare what they have end with the same, whatever each of them had.
func TestServersConverge(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	w := newWorld(t)
	stranger := operator(t)
	var ids []string
	for range 6 {
		ids = append(ids, account(t))
	}
	var nodes []*node
	for i := range 2 {
		d, _ := open(t, DirectoryConfig{})
		for _, id := range ids {
			if random.IntN(3) > 0 {
				_, err := d.Save(id, w.op.token(t, id, fmt.Sprint("n", i), nil))
				require.NoError(t, err)
			}
		}
		nodes = append(nodes, w.serve(t, d, others(1)))
	}
	bad := account(t)
	foreign := stranger.token(t, bad, "x", nil)
	_, err := nodes[0].dir.Save(bad, foreign)
	require.NoError(t, err)
	// One of the two answers, each time another.
	same := func() bool {
		for _, n := range nodes {
			n.compare(t.Context())
		}
		a, b := map[string]string{}, map[string]string{}
		nodes[0].dir.Each(func(id, token string) bool { a[id] = token; return true })
		nodes[1].dir.Each(func(id, token string) bool { b[id] = token; return true })
		if _, spread := b[bad]; spread {
			t.Error("took what no operator signed")
		}
		delete(a, bad)
		return maps.Equal(a, b)
	}
	require.Eventually(t, same, 10*time.Second, time.Millisecond)
}

// The clock does it, too.
func TestServersCompareByTheClock(t *testing.T) {
	w := newWorld(t)
	quick := func(c *Config) { others(1)(c); c.Interval = 5 * time.Millisecond }
	a, _ := open(t, DirectoryConfig{})
	b, _ := open(t, DirectoryConfig{})
	w.serve(t, a, quick)
	n := w.serve(t, b, quick)
	id := account(t)
	n.load(id, "old")
	token := w.op.token(t, id, "x", nil)
	_, err := a.Save(id, token)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return n.inForce(id) == token }, 10*time.Second, time.Millisecond)
	require.Equal(t, a.Hash(), b.Hash())
	require.Eventually(t, func() bool { return strings.Contains(n.log.text(), "DBG DirResolver - Merging succeeded and changed ") }, 10*time.Second, time.Millisecond)
}

func TestMerge(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{AllowDelete: true})
	n := w.serve(t, d, nil)
	a, b, stranger, deleted := account(t), account(t), account(t), account(t)
	line := func(id string) string { return id + "|" + w.op.token(t, id, "x", nil) }
	_, err := d.Save(deleted, w.op.signed(t, deleted, "x", 20, 0))
	require.NoError(t, err)
	old := deleted + "|" + w.op.signed(t, deleted, "x", 10, 0)
	require.NoError(t, d.Delete(deleted))

	foreign := stranger + "|" + operator(t).token(t, stranger, "x", nil)
	err = n.merge(strings.Join([]string{"no line", line(a), "", "x|y", a + "|x|y", old, foreign, foreign, line(b), a + "|x"}, "\n"))
	require.ErrorContains(t, err, `line in package didn't contain 2 entries: "no line"`)
	require.ErrorContains(t, err, "key to merge is not a valid public account key")
	require.ErrorContains(t, err, `line in package didn't contain 2 entries: "`+a)
	ids, _ := d.List()
	require.ElementsMatch(t, []string{a, b}, ids)
	require.Equal(t, 1, strings.Count(n.log.text(), stranger), "logged once")
}

func TestReloadAppliesWhatChanged(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{})
	n := w.serve(t, d, nil)
	a, b := account(t), account(t)
	n.load(a, "old")
	for _, id := range []string{a, b} {
		put(t, fileOf(d, id), w.op.token(t, id, "x", nil))
	}
	n.Reload(t.Context())
	token, err := d.Fetch(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, token, n.inForce(a))
	require.Empty(t, n.inForce(b), "not loaded")
	w.serve(t, NewMemory(nil), nil).Reload(t.Context())
}

// The clock also removes what has expired.
func TestServiceRemovesWhatExpired(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{Cache: true, TTL: 10 * time.Millisecond})
	w.serve(t, d, nil)
	id := account(t)
	_, err := d.Save(id, w.op.token(t, id, "x", nil))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return d.Len() == 0 }, 10*time.Second, time.Millisecond)
	require.NoFileExists(t, fileOf(d, id))
}
