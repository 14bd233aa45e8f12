package resolver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/port"
)

func TestUpdateIsStoredAndApplied(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{})
	n := w.serve(t, d, nil)
	require.Contains(t, n.log.text(), "INF Managing all jwt in exclusive directory "+d.Path())
	id := account(t)
	for i, subject := range forms(id) {
		if i == 1 {
			n.load(id, "old")
		}
		token := w.signing.token(t, id, subject, nil)
		answer := w.ask(t, subject, token)
		require.JSONEq(t, `{"server":{"name":"one"},"data":{"account":"`+id+`","code":200,"message":"jwt updated"}}`, answer)
		stored, err := d.Fetch(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, token, stored)
		if i > 0 {
			require.Equal(t, token, n.inForce(id))
		}
	}
	require.NotContains(t, n.log.text(), "ERR")

	n.mu.Lock()
	n.refuse = errRefused
	n.mu.Unlock()
	_, text := told(t, w.ask(t, forms(id)[0], w.op.token(t, id, "x", nil)))
	require.Equal(t, "jwt updated", text, "it is stored all the same")
	require.Contains(t, n.log.text(), `ERR DirResolver - Update for account "`+id+`" resulted in error refused by a test`)
}

// A request without a place for the answer is served as well.
func TestUpdateWithoutReply(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{})
	w.serve(t, d, nil)
	id := account(t)
	w.client.Publish(&port.Message{Subject: forms(id)[0], Data: []byte(w.op.token(t, id, "x", nil))})
	require.Eventually(t, func() bool { return d.Known(id) }, 10*time.Second, time.Millisecond)
}

// An expired JWT is stored and handed on, so that memory and store agree; one that was there before is
// handed on as well, as the account may have been deleted meanwhile.
func TestUpdateThatExpiredOrIsNotNew(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{AllowDelete: true})
	n := w.serve(t, d, nil)
	id := account(t)
	n.load(id, "old")
	token := w.op.token(t, id, "x", func(c *jwt.AccountClaims) { c.Expires = 1 })
	_, text := told(t, w.ask(t, forms(id)[0], token))
	require.Equal(t, "jwt updated", text)
	require.Equal(t, token, n.inForce(id))

	token = w.op.token(t, id, "y", nil)
	for _, before := range []string{"old", "disabled"} {
		n.load(id, before)
		w.ask(t, forms(id)[0], token)
		require.Equal(t, token, n.inForce(id))
	}
	_, text = told(t, w.ask(t, "$SYS.REQ.CLAIMS.DELETE", w.op.request(t, w.op.public, []string{id}, nil)))
	require.Equal(t, "deleted 1 accounts", text)
	require.Equal(t, "disabled", n.inForce(id))
	w.ask(t, forms(id)[0], token)
	require.Equal(t, token, n.inForce(id), "the same JWT enables it again")
}

func TestUpdateErrors(t *testing.T) {
	stranger := operator(t)
	id, other := account(t), account(t)
	broken := func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Subject: "a b", Type: jwt.Stream})
		c.Exports.Add(&jwt.Export{Subject: ".x", Type: jwt.Stream})
	}
	const spaces, dot = `subject "a b" cannot have spaces`, "subject \".x\" cannot start or end with a `.`"
	const general, both, single = 1, 0, 2
	for _, c := range []struct {
		name   string
		form   int // of the request
		strict bool
		token  func(w *world) string
		// what a full resolver says, and a cache if that is not the same with other words before
		account, full, cache string
	}{
		{name: "nothing", token: func(*world) string { return "" }, account: "n/a", full: "jwt update resulted in error - expected 3 chunks"},
		{name: "garbage", token: func(*world) string { return "x" }, account: "n/a", full: "jwt update resulted in error - expected 3 chunks"},
		{
			name: "a user", account: "n/a", full: "jwt update resulted in error - not account claim",
			token: func(w *world) string {
				k := newSigner(t, nkeys.CreateAccount)
				u := newSigner(t, nkeys.CreateUser)
				token, err := jwt.NewUserClaims(u.public).Encode(k.pair)
				require.NoError(t, err)
				return token
			},
		},
		{
			name: "a bad signature", account: "n/a", full: "jwt update resulted in error - claim failed V2 signature verification",
			token: func(w *world) string {
				a, b := w.op.token(t, id, "a", nil), w.op.token(t, id, "b", nil)
				return a[:strings.LastIndex(a, ".")] + b[strings.LastIndex(b, "."):]
			},
		},
		{
			name: "not valid", account: id, full: "jwt validation failed - validation errors: [" + dot + " " + spaces + "]",
			cache: "jwt update cache validation failed - validation errors: [" + dot + " " + spaces + "]",
			token: func(w *world) string { return w.op.token(t, id, "a", broken) },
		},
		{
			name: "another account", form: single, account: id, full: "jwt update resulted in error - subject does not match jwt content",
			token: func(w *world) string { return w.op.token(t, other, "a", nil) },
		},
		{
			name: "another account, not valid", form: single, account: other,
			full:  "jwt validation failed - validation errors: [" + dot + " " + spaces + "]",
			cache: "jwt update cache validation failed - validation errors: [" + dot + " " + spaces + "]",
			token: func(w *world) string { return w.op.token(t, other, "a", broken) },
		},
		{
			name: "the operator's own key", strict: true, account: id,
			full:  "jwt update resulted in error - operator requires issuer to be a signing key",
			token: func(w *world) string { return w.op.token(t, id, "a", nil) },
		},
		{
			name: "the operator's own key, not valid", form: general, strict: true, account: id,
			full:  "jwt update resulted in error - operator requires issuer to be a signing key",
			token: func(w *world) string { return w.op.token(t, id, "a", broken) },
		},
		{
			name: "a stranger", account: id, full: "jwt update resulted in error - account validation failed",
			token: func(w *world) string { return stranger.token(t, id, "a", nil) },
		},
	} {
		for _, cache := range []bool{false, true} {
			w := newWorld(t)
			w.strict = c.strict
			d, _ := open(t, DirectoryConfig{Cache: cache})
			n := w.serve(t, d, nil)
			n.load(id, "old")
			for i, subject := range forms(id) {
				if c.form == general && i != 0 || c.form == single && i == 0 {
					continue
				}
				at, text := told(t, w.ask(t, subject, c.token(w)))
				want, wantAt := c.full, c.account
				if cache {
					want = strings.Replace(c.full, "jwt update ", "jwt update cache ", 1)
					if c.cache != "" {
						want = c.cache
					}
					if i > 0 && wantAt == "n/a" {
						wantAt = id
					}
				}
				require.Equal(t, want, text, "%s by %s, cache %v", c.name, subject, cache)
				require.Equal(t, wantAt, at, "%s by %s, cache %v", c.name, subject, cache)
			}
			require.Zero(t, d.Len())
			require.Equal(t, "old", n.inForce(id))
		}
	}
}

func TestUpdateOfAFullStore(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{Limit: 1})
	w.serve(t, d, nil)
	for i, want := range []string{"jwt updated", "jwt update resulted in error - jwt store is full"} {
		id := account(t)
		at, text := told(t, w.ask(t, forms(id)[i], w.op.token(t, id, "a", nil)))
		require.Equal(t, want, text)
		require.Equal(t, id, at)
	}
}

func TestUpdateOfACache(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{Cache: true})
	n := w.serve(t, d, nil)
	require.Contains(t, n.log.text(), "INF Managing some jwt in exclusive directory "+d.Path())
	id := account(t)
	for _, subject := range forms(id) {
		_, text := told(t, w.ask(t, subject, w.op.token(t, id, "unknown", nil)))
		require.Equal(t, "jwt update cache skipped", text)
		require.False(t, d.Known(id))
	}
	n.load(id, "old")
	for _, subject := range forms(id) {
		token := w.op.token(t, id, subject, nil)
		_, text := told(t, w.ask(t, subject, token))
		require.Equal(t, "jwt updated cache", text)
		require.True(t, d.Has(id, token))
		require.Equal(t, token, n.inForce(id))
	}
	// What it has of an account that is not loaded would be in force again when that is.
	n.mu.Lock()
	delete(n.loaded, id)
	n.mu.Unlock()
	token := w.op.token(t, id, "newer", nil)
	_, text := told(t, w.ask(t, forms(id)[0], token))
	require.Equal(t, "jwt update cache skipped", text)
	require.True(t, d.Has(id, token))
}

func TestUpdateWithoutADirectory(t *testing.T) {
	w := newWorld(t)
	m := NewMemory(nil)
	n := w.serve(t, m, nil)
	id := account(t)
	for _, subject := range []string{"$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.CLAIMS.LIST", "$SYS.REQ.CLAIMS.DELETE", packSubject, "$SYS.REQ.ACCOUNT." + id + ".CLAIMS.LOOKUP"} {
		_, err := w.client.Request(within(t), &port.Message{Subject: subject})
		require.ErrorIs(t, err, port.ErrNoResponders, subject)
	}
	good := w.op.token(t, id, "good", nil)
	for _, subject := range forms(id)[1:] {
		n.mu.Lock()
		delete(n.loaded, id)
		n.refuse = nil
		n.mu.Unlock()
		ask := func(token string) string {
			at, text := told(t, w.ask(t, subject, token))
			require.Equal(t, id, at)
			return text
		}
		require.Equal(t, "jwt update error - request body is empty", ask(""))
		require.Equal(t, "jwt update resulted in error - expected 3 chunks", ask("x"))
		require.Equal(t, "jwt update resulted in error - subject does not match jwt content", ask(w.op.token(t, account(t), "a", nil)))
		require.Equal(t, "jwt update skipped", ask(good))
		n.load(id, "old")
		require.Equal(t, "jwt updated", ask(good))
		require.Equal(t, good, n.inForce(id))
		n.mu.Lock()
		n.refuse = errRefused
		n.mu.Unlock()
		require.Equal(t, "jwt update resulted in error - account validation failed", ask(good))
	}
	ids, err := m.List()
	require.NoError(t, err)
	require.Empty(t, ids, "the next reload goes back to the configuration")
}

func TestListAndLookup(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{})
	w.serve(t, d, nil)
	require.JSONEq(t, `{"server":{"name":"one"},"data":[]}`, w.ask(t, "$SYS.REQ.CLAIMS.LIST", ""))
	a, b, over := account(t), account(t), account(t)
	for _, id := range []string{a, b} {
		w.ask(t, forms(id)[0], w.op.token(t, id, "x", nil))
	}
	w.ask(t, forms(over)[0], w.op.token(t, over, "x", func(c *jwt.AccountClaims) { c.Expires = 1 }))
	ids := []string{a, b}
	slices.Sort(ids)
	list, err := json.Marshal(ids)
	require.NoError(t, err)
	require.JSONEq(t, `{"server":{"name":"one"},"data":`+string(list)+`}`, w.ask(t, "$SYS.REQ.CLAIMS.LIST", ""))

	token, err := d.Fetch(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, token, w.ask(t, "$SYS.REQ.ACCOUNT."+a+".CLAIMS.LOOKUP", "{}"))
	for _, unknown := range []string{account(t), "x"} {
		require.Empty(t, w.ask(t, "$SYS.REQ.ACCOUNT."+unknown+".CLAIMS.LOOKUP", ""))
	}
}

func TestPackHasAllThatIsNotExpired(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{})
	w.serve(t, d, nil)
	require.Empty(t, w.pack(t, nil))
	var want []string
	for range 3 {
		id := account(t)
		token := w.op.token(t, id, "x", nil)
		w.ask(t, forms(id)[0], token)
		want = append(want, id+"|"+token)
	}
	over := account(t)
	w.ask(t, forms(over)[0], w.op.token(t, over, "x", func(c *jwt.AccountClaims) { c.Expires = 1 }))
	slices.Sort(want)
	require.Equal(t, want, w.pack(t, nil))
	require.Equal(t, want, w.pack(t, make([]byte, 32)))
	hash := d.Hash()
	require.Empty(t, w.pack(t, hash[:]))
}

func TestDelete(t *testing.T) {
	stranger := operator(t)
	for _, c := range []struct {
		name      string
		forbidden bool
		strict    bool
		request   func(w *world, id string) string
		want      string // with SUB for the subject
	}{
		{name: "by the operator", want: "deleted 2 accounts", request: func(w *world, id string) string {
			return w.op.request(t, w.op.public, []string{id, account(t)}, nil)
		}},
		{name: "by a signing key", strict: true, want: "deleted 1 accounts", request: func(w *world, id string) string {
			return w.signing.request(t, w.signing.public, []string{id}, nil)
		}},
		{name: "garbage", want: "delete accounts request by  failed - expected 3 chunks", request: func(*world, string) string { return "x" }},
		{name: "not enabled", forbidden: true, want: "delete accounts request by SUB failed - delete must be enabled in server config", request: func(w *world, id string) string {
			return stranger.request(t, w.op.public, 1, nil)
		}},
		{name: "for somebody else", want: "delete accounts request by SUB failed - not self signed", request: func(w *world, id string) string {
			return w.signing.request(t, w.op.public, []string{id}, nil)
		}},
		{name: "by a stranger", want: "delete accounts request by OTHER failed - not trusted", request: func(w *world, id string) string {
			return stranger.request(t, stranger.public, []string{id}, nil)
		}},
		{name: "by a strict operator's own key", strict: true, want: "delete accounts request by SUB failed - not trusted", request: func(w *world, id string) string {
			return w.op.request(t, w.op.public, []string{id}, nil)
		}},
		{name: "no accounts", want: "delete accounts request by SUB failed - malformed request", request: func(w *world, id string) string {
			return w.op.request(t, w.op.public, nil, nil)
		}},
		{name: "no list", want: "delete accounts request by SUB failed - malformed request", request: func(w *world, id string) string {
			return w.op.request(t, w.op.public, id, nil)
		}},
		{name: "no key", want: "delete accounts request by SUB failed - malformed request", request: func(w *world, id string) string {
			return w.op.request(t, w.op.public, []any{id, "../x"}, nil)
		}},
		{name: "the system account", want: "delete accounts request by SUB failed - not allowed to delete system account", request: func(w *world, id string) string {
			return w.op.request(t, w.op.public, []string{id, w.system}, nil)
		}},
		{name: "an old request", want: "delete accounts request by SUB failed - claim is expired", request: func(w *world, id string) string {
			return w.op.request(t, w.op.public, []string{id}, func(g *jwt.GenericClaims) { g.Expires = 1 })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.strict = c.strict
			d, _ := open(t, DirectoryConfig{AllowDelete: !c.forbidden})
			n := w.serve(t, d, nil)
			id := account(t)
			_, err := d.Save(id, w.signing.token(t, id, "x", nil))
			require.NoError(t, err)
			at, text := told(t, w.ask(t, "$SYS.REQ.CLAIMS.DELETE", c.request(w, id)))
			require.Empty(t, at)
			require.Equal(t, strings.NewReplacer("SUB", w.op.public, "OTHER", stranger.public).Replace(c.want), text)
			deleted := strings.HasPrefix(c.want, "deleted")
			require.Equal(t, !deleted, d.Known(id))
			require.Equal(t, deleted, slices.Contains(n.removed, id))
		})
	}
}

func TestDeleteOfACacheAndOfWhatCannotBe(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{Cache: true})
	w.serve(t, d, nil)
	id, stuck := account(t), account(t)
	_, err := d.Save(id, w.op.token(t, id, "x", nil))
	require.NoError(t, err)
	put(t, d.Path()+"/outside", "")
	// A folder with something in it cannot be removed as a file.
	mkdir(t, fileOf(d, stuck))
	put(t, fileOf(d, stuck)+"/x", "")
	_, text := told(t, w.ask(t, "$SYS.REQ.CLAIMS.DELETE", w.op.request(t, w.op.public, []string{id, stuck}, nil)))
	require.Regexp(t, `^deleted 1 accounts, failed for 1 - the JWT could not be deleted: `, text)
	require.NoFileExists(t, fileOf(d, id))
}

func TestServeThatCannot(t *testing.T) {
	w := newWorld(t)
	d, _ := open(t, DirectoryConfig{})
	closed := w.port(t)
	closed.Close()
	f := NewFetcher(d)
	_, err := Serve(Config{Port: w.port(t), Readers: closed, Fetcher: f, Tasks: w.tasks})
	require.ErrorIs(t, err, port.ErrClosed)
	require.Nil(t, f.peers.Load())
	_, err = w.client.Request(within(t), &port.Message{Subject: "$SYS.REQ.CLAIMS.UPDATE"})
	require.ErrorIs(t, err, port.ErrNoResponders, "nothing of it is left")

	w.tasks.Close()
	s, err := Serve(Config{Port: w.port(t), Fetcher: f, Tasks: w.tasks})
	require.NoError(t, err)
	s.Close()
	s.Close()
}
