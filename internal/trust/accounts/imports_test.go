package accounts

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
)

// imports makes claims that import a stream.
func imports(exporter, subject, token string) func(*jwt.AccountClaims) {
	return func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Account: exporter, Subject: jwt.Subject(subject), Type: jwt.Stream, Token: token})
	}
}

func exports(subject string, private bool) func(*jwt.AccountClaims) {
	return func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Subject: jwt.Subject(subject), Type: jwt.Stream, TokenReq: private})
	}
}

func TestExportersAreLoadedToo(t *testing.T) {
	w := newWorld(t, nil)
	a, b, c := newID(t), newID(t), newID(t)
	w.has(a, imports(b, "s", ""))
	w.has(b, func(k *jwt.AccountClaims) { imports(c, "s", "")(k); exports("s", false)(k) })
	w.has(c, exports("s", false))
	require.True(t, w.lookup(a).Complete())
	require.NotNil(t, w.Loaded(c))
	for _, id := range []string{a, b, c} {
		require.Equal(t, 1, w.fetched(id))
	}
}

func TestAccountsThatImportFromEachOther(t *testing.T) {
	w := newWorld(t, nil)
	a, b := newID(t), newID(t)
	w.has(a, func(k *jwt.AccountClaims) { imports(b, "of.b", "")(k); exports("of.a", false)(k) })
	w.has(b, func(k *jwt.AccountClaims) { imports(a, "of.a", "")(k); exports("of.b", false)(k) })
	require.True(t, w.lookup(a).Complete())
	require.True(t, w.lookup(b).Complete())
}

// The order in which accounts come does not matter.
func TestExportersThatComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		a, b := newID(t), newID(t)
		w.has(a, imports(b, "s", ""))
		require.False(t, w.lookup(a).Complete())
		require.Contains(t, w.log(), "ERR Can't locate account ["+b+"] for import of [s] stream (err=not found)")
		w.has(b, exports("s", false))
		w.lookup(a)
		synctest.Wait()
		require.False(t, w.Loaded(a).Complete(), "it is not looked for all the time")
		time.Sleep(searchPause)
		w.lookup(a)
		synctest.Wait()
		require.True(t, w.Loaded(a).Complete())
		require.Equal(t, 2, w.fetched(b))
	})
}

func TestImportsThatAreNotAuthorized(t *testing.T) {
	w := newWorld(t, nil)
	a, b := newID(t), newID(t)
	w.has(a, imports(b, "s", ""))
	w.has(b, exports("s", true))
	require.False(t, w.lookup(a).Complete())
	require.Contains(t, w.log(), "DBG Error adding stream import to account ["+a+"]: stream import not authorized")
}

// state is that of the only import of an account.
func (w *world) state(id string) error {
	w.t.Helper()
	all := w.Loaded(id).Account.Imports()
	require.Len(w.t, all, 1)
	return all[0].Err
}

func TestGrantsBeginAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		a, exporter := newID(t), newSigner(t, nkeys.CreateAccount)
		now := time.Now().Unix()
		act := jwt.NewActivationClaims(a)
		act.ImportSubject, act.ImportType, act.NotBefore, act.Expires = "s.>", jwt.Stream, now+10, now+20
		w.has(a, imports(exporter.public, "s.one", exporter.signs(act)))
		w.has(exporter.public, exports("s.>", true))
		w.lookup(a)
		require.ErrorIs(t, w.state(a), account.ErrStreamNotAuthorized)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.NoError(t, w.state(a))
		time.Sleep(9 * time.Second)
		synctest.Wait()
		require.NoError(t, w.state(a))
		time.Sleep(time.Second)
		synctest.Wait()
		require.ErrorIs(t, w.state(a), account.ErrStreamNotAuthorized, "though the token is for more than the import")
		require.Zero(t, w.changed(), "connections have nothing to do with it")
	})
}

// An account and its grants have one timer between them, and each rings.
func TestAnAccountOutlivesItsGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		a, exporter := newID(t), newSigner(t, nkeys.CreateAccount)
		now := time.Now().Unix()
		act := jwt.NewActivationClaims(a)
		act.ImportSubject, act.ImportType, act.Expires = "s", jwt.Stream, now+10
		token := exporter.signs(act)
		w.has(a, func(c *jwt.AccountClaims) { imports(exporter.public, "s", token)(c); c.Expires = now + 20 })
		w.has(exporter.public, exports("s", true))
		for range 20 { // others that expire at other times
			id, at := newID(t), now+15
			w.has(id, func(c *jwt.AccountClaims) { c.Expires = at })
			w.lookup(id)
		}
		w.lookup(a)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Error(t, w.state(a))
		require.False(t, w.Loaded(a).Expired())
		require.Zero(t, w.changed())
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, 20, w.changed())
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.True(t, w.Loaded(a).Expired())
	})
}

// An update of the exporter is felt by who imports, at once and in both directions.
func TestExportsChangeLive(t *testing.T) {
	w := newWorld(t, nil)
	a, b := newID(t), newID(t)
	w.has(a, imports(b, "s", ""))
	w.has(b, exports("s", false))
	w.lookup(a)
	require.NoError(t, w.state(a))
	for i, private := range []bool{true, false, true} {
		_, err := w.Update(t.Context(), b, w.claims(b, func(c *jwt.AccountClaims) { exports("s", private)(c); c.Limits.Conn = int64(i) }))
		require.NoError(t, err)
		if private {
			require.Error(t, w.state(a))
		} else {
			require.NoError(t, w.state(a))
		}
	}
	_, err := w.Update(t.Context(), b, w.claims(b, exports("s", false)))
	require.NoError(t, err)
	require.NoError(t, w.state(a))
	w.Removed(b)
	require.Error(t, w.state(a))
}
