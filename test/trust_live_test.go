package test_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// governed is a server with a full resolver, and a connection of its operator.
type governed struct {
	*filed
	realm *realm
	dir   string
	admin *nats.Conn
}

func govern(t *testing.T) *governed {
	t.Helper()
	g := &governed{realm: newRealm(t), dir: filepath.Join(t.TempDir(), "jwt")}
	g.filed = fromFile(t, g.realm.inFolder(g.dir))
	g.admin, _ = g.client(g.realm.system.user("admin").option())
	return g
}

// push uploads the JWT of an account as tools do.
func (g *governed) push(a *tenant) {
	g.t.Helper()
	m, err := g.admin.Request("$SYS.REQ.CLAIMS.UPDATE", []byte(a.token), soon)
	require.NoError(g.t, err)
	var answer struct {
		Server struct{ Name string }
		Data   struct {
			Account, Message string
			Code             int
		}
	}
	require.NoError(g.t, json.Unmarshal(m.Data, &answer), string(m.Data))
	require.Equal(g.t, 200, answer.Data.Code, string(m.Data))
	require.Equal(g.t, "jwt updated", answer.Data.Message)
	require.Equal(g.t, a.public, answer.Data.Account)
	require.NotEmpty(g.t, answer.Server.Name)
}

// Operators create accounts, change them and take them away while the server runs, and what they do
// holds at once, also for those who are connected. Others go on undisturbed.
func TestAccountsChangeWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	g := govern(t)
	app, svc := g.realm.account("APP"), g.realm.account("SVC")
	svc.sign(func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Name: "calc", Subject: "calc.>", Type: jwt.Service, TokenReq: true},
			&jwt.Export{Name: "news", Subject: "news.>", Type: jwt.Stream})
	})
	grant := jwt.NewActivationClaims(app.public)
	grant.ImportSubject, grant.ImportType = "calc.add", jwt.Service
	app.sign(func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Name: "calc", Subject: "calc.add", LocalSubject: "math.add", Account: svc.public, Type: jwt.Service,
			Token: must(grant.Encode(svc.pair))},
			&jwt.Import{Name: "news", Subject: "news.>", LocalSubject: "from.svc.>", Account: svc.public, Type: jwt.Stream})
	})
	user := app.user("client")
	_, err := nats.Connect(g.ClientURL(), user.option(), nats.NoReconnect())
	require.ErrorIs(t, err, nats.ErrAuthorization, "nobody knows the account yet")
	g.push(svc)
	g.push(app)
	info, err := os.Stat(filepath.Join(g.dir, app.public+".jwt"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	worker, _ := g.client(svc.user("worker").option())
	client, said := g.client(user.option())
	other, _ := g.client(app.user("other").option())
	subscribe(t, worker, "calc.>", "q", func(m *nats.Msg) { _ = m.Respond([]byte(m.Subject)) })
	ask := func() error { _, err := client.Request("math.add", nil, soon); return err }
	require.NoError(t, ask())
	var heard atomic.Int64
	subscribe(t, client, "from.svc.*", "", func(*nats.Msg) { heard.Add(1) })
	require.NoError(t, worker.Publish("news.1", nil))
	eventually(t, func() bool { return heard.Load() == 1 })

	// A public stream becomes a private one: it stops at once, and comes back.
	svc.sign(func(c *jwt.AccountClaims) { c.Exports[1].TokenReq = true; resort(c) })
	g.push(svc)
	require.NoError(t, worker.Publish("news.2", nil))
	require.NoError(t, worker.Flush())
	require.NoError(t, client.Flush())
	svc.sign(func(c *jwt.AccountClaims) { exportOf(c, "news.>").TokenReq = false })
	g.push(svc)
	require.NoError(t, worker.Publish("news.3", nil))
	eventually(t, func() bool { return heard.Load() == 2 })

	// A grant that is taken back leaves a service that nobody answers.
	svc.sign(func(c *jwt.AccountClaims) { exportOf(c, "calc.>").RevokeAt(app.public, time.Now().Add(time.Minute)) })
	g.push(svc)
	require.ErrorIs(t, ask(), nats.ErrNoResponders)
	svc.sign(func(c *jwt.AccountClaims) { exportOf(c, "calc.>").ClearRevocation(app.public) })
	g.push(svc)
	require.NoError(t, ask())

	// A revoked user has to go; others of the account stay.
	app.sign(func(c *jwt.AccountClaims) { c.RevokeAt(user.public, time.Now().Add(time.Second)) })
	g.push(app)
	requireSays(t, said, "revoked")
	requireClosed(t, client)
	goesRound(t, other)
	_, err = nats.Connect(g.ClientURL(), user.option(), nats.NoReconnect())
	require.ErrorIs(t, err, nats.ErrAuthorization)

	// Fewer connections: the oldest stay.
	young, _ := g.client(app.user("young").option())
	app.sign(func(c *jwt.AccountClaims) { c.Limits.Conn = 1 })
	g.push(app)
	requireClosed(t, young)
	require.ErrorContains(t, young.LastError(), "maximum account active connections exceeded")
	goesRound(t, other)

	// A key that does not sign any more takes its users with it.
	signer := newKey(t, nkeys.CreateAccount)
	app.sign(func(c *jwt.AccountClaims) { c.Limits.Conn = -1; c.SigningKeys.Add(signer.public) })
	g.push(app)
	signed, _ := g.client(app.userBy(signer, "signed").option())
	app.sign(func(c *jwt.AccountClaims) { c.SigningKeys.Remove(signer.public) })
	g.push(app)
	requireClosed(t, signed)
	goesRound(t, other)

	// An account is deleted by whoever may create it.
	order := jwt.NewGenericClaims(g.realm.signer.public)
	order.Data["accounts"] = []string{app.public}
	m, err := g.admin.Request("$SYS.REQ.CLAIMS.DELETE", []byte(must(order.Encode(g.realm.signer.pair))), soon)
	require.NoError(t, err)
	require.Contains(t, string(m.Data), `"message":"deleted 1 accounts"`)
	requireClosed(t, other)
	goesRound(t, worker)
	require.FileExists(t, filepath.Join(g.dir, app.public+".jwt.deleted"))
	_, err = nats.Connect(g.ClientURL(), app.user("late").option(), nats.NoReconnect())
	require.ErrorIs(t, err, nats.ErrAuthorization)
}

// exportOf finds an export, as encoding sorts them.
func exportOf(c *jwt.AccountClaims, subject string) *jwt.Export {
	for _, e := range c.Exports {
		if string(e.Subject) == subject {
			return e
		}
	}
	return nil
}

// resort undoes a mix-up of the exports: the private one is the stream.
func resort(c *jwt.AccountClaims) {
	for _, e := range c.Exports {
		e.TokenReq = true
	}
}

// Messages flow while accounts change: nobody loses one to whom they are due, and nobody gets one after
// his right is gone.
func TestUpdatesUnderTraffic(t *testing.T) {
	t.Parallel()
	g := govern(t)
	source, sink := g.realm.account("SOURCE"), g.realm.account("SINK")
	source.sign(func(c *jwt.AccountClaims) { c.Exports.Add(&jwt.Export{Subject: "s.>", Type: jwt.Stream}) })
	sink.sign(func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Name: "s", Subject: "s.>", Account: source.public, Type: jwt.Stream})
	})
	g.push(source)
	g.push(sink)
	from, _ := g.client(source.user("from").option())
	own, _ := g.client(source.user("own").option())
	to, _ := g.client(sink.user("to").option())
	var here, there atomic.Int64
	subscribe(t, own, "s.>", "", func(*nats.Msg) { here.Add(1) })
	subscribe(t, to, "s.>", "", func(*nats.Msg) { there.Add(1) })
	sent := 0
	send := func(n int) {
		for range n {
			require.NoError(t, from.Publish(fmt.Sprintf("s.%d", sent%7), []byte("x")))
			sent++
		}
		require.NoError(t, from.Flush())
	}
	for round := range 20 {
		send(200)
		eventually(t, func() bool { return here.Load() == int64(sent) })
		eventually(t, func() bool { return there.Load() == 200*int64(round+1) }, "all of the time with the right")
		source.sign(func(c *jwt.AccountClaims) { c.Exports[0].TokenReq = true; c.Name = fmt.Sprint("off ", round) })
		g.push(source)
		before := there.Load()
		send(200)
		require.NoError(t, to.Flush())
		require.Equal(t, before, there.Load(), "nothing comes without the right")
		source.sign(func(c *jwt.AccountClaims) { c.Exports[0].TokenReq = false; c.Name = fmt.Sprint("on ", round) })
		g.push(source)
	}
	eventually(t, func() bool { return here.Load() == int64(sent) })
	require.EqualValues(t, 20*200, there.Load())
}

func TestToolsOfOperators(t *testing.T) {
	t.Parallel()
	g := govern(t)
	a := g.realm.account("A")
	g.push(a)
	ask := func(subject, body string) string {
		m, err := g.admin.Request(subject, []byte(body), soon)
		require.NoError(t, err, subject)
		return string(m.Data)
	}
	require.Equal(t, a.token, ask("$SYS.REQ.ACCOUNT."+a.public+".CLAIMS.LOOKUP", "{}"))
	require.Empty(t, ask("$SYS.REQ.ACCOUNT."+newKey(t, nkeys.CreateAccount).public+".CLAIMS.LOOKUP", ""))
	list := ask("$SYS.REQ.CLAIMS.LIST", "")
	require.Contains(t, list, a.public)
	require.Contains(t, list, g.realm.system.public)
	require.Contains(t, ask("$SYS.REQ.CLAIMS.UPDATE", "nonsense"), "jwt update resulted in error - expected 3 chunks")
	strange := newRealm(t).account("X")
	require.Contains(t, ask("$SYS.REQ.CLAIMS.UPDATE", strange.token), "account validation failed")
	order := jwt.NewGenericClaims(strange.public)
	order.Data["accounts"] = []string{a.public}
	require.Contains(t, ask("$SYS.REQ.CLAIMS.DELETE", must(order.Encode(strange.pair))), "not trusted")

	inbox := nats.NewInbox()
	packs, err := g.admin.SubscribeSync(inbox)
	require.NoError(t, err)
	require.NoError(t, g.admin.PublishRequest("$SYS.REQ.CLAIMS.PACK", inbox, nil))
	got := map[string]string{}
	for {
		m, err := packs.NextMsg(soon)
		require.NoError(t, err)
		if len(m.Data) == 0 {
			break
		}
		for line := range strings.SplitSeq(string(m.Data), "\n") {
			id, token, _ := strings.Cut(line, "|")
			got[id] = token
		}
	}
	require.Equal(t, map[string]string{a.public: a.token, g.realm.system.public: g.realm.system.token}, got)
}

// What the system account is told of those who come and go.
func TestSystemEvents(t *testing.T) {
	t.Parallel()
	g := govern(t)
	a := g.realm.account("A")
	g.push(a)
	events, err := g.admin.SubscribeSync("$SYS.>")
	require.NoError(t, err)
	require.NoError(t, g.admin.Flush())
	user := a.user("ann")
	nc, _ := g.client(user.option(), nats.Name("here"))
	nc.Close()
	next := func(subject string) map[string]any {
		t.Helper()
		for {
			m, err := events.NextMsg(soon)
			require.NoError(t, err, subject)
			if m.Subject == subject {
				var v map[string]any
				require.NoError(t, json.Unmarshal(m.Data, &v))
				return v
			}
		}
	}
	came := next("$SYS.ACCOUNT." + a.public + ".CONNECT")
	require.Equal(t, "io.nats.server.advisory.v1.client_connect", came["type"])
	client := came["client"].(map[string]any)
	require.Equal(t, user.public, client["user"])
	require.Equal(t, "here", client["name"])
	require.Equal(t, a.public, client["issuer_key"])
	require.Equal(t, user.token, client["jwt"])
	require.Equal(t, "A", client["name_tag"])
	went := next("$SYS.ACCOUNT." + a.public + ".DISCONNECT")
	require.Equal(t, "Client Closed", went["reason"])
	eve := a.user("eve")
	eve.pair = newKey(t, nkeys.CreateUser).pair
	_, err = nats.Connect(g.ClientURL(), eve.option(), nats.NoReconnect())
	require.Error(t, err)
	refused := next("$SYS.SERVER." + g.ID() + ".CLIENT.AUTH.ERR")
	require.Equal(t, "Authentication Failure", refused["reason"])

	m, err := g.admin.Request("$SYS.REQ.SERVER.PING", nil, soon)
	require.NoError(t, err)
	var stats struct {
		Server struct{ ID string }
		Statsz struct {
			Connections int `json:"connections"`
			Servers     int `json:"active_servers"`
		}
	}
	require.NoError(t, json.Unmarshal(m.Data, &stats), string(m.Data))
	require.Equal(t, g.ID(), stats.Server.ID)
	require.Positive(t, stats.Statsz.Connections)
	for _, name := range []string{"VARZ", "CONNZ", "SUBSZ", "ACCOUNTZ", "HEALTHZ", "STATSZ", "IDZ", "LEAFZ", "ROUTEZ", "GATEWAYZ", "JSZ"} {
		for _, to := range []string{"PING", g.ID()} {
			m, err := g.admin.Request("$SYS.REQ.SERVER."+to+"."+name, []byte("{}"), soon)
			require.NoError(t, err, name)
			require.True(t, json.Valid(m.Data), name)
		}
	}

	// What ordinary accounts may ask of themselves, and no more.
	ann, _ := g.client(a.user("ann", func(u *jwt.UserClaims) { u.Pub.Allow.Add("x.>", "$SYS.REQ.>", "_INBOX.>") }).option())
	m, err = ann.Request("$SYS.REQ.USER.INFO", nil, soon)
	require.NoError(t, err)
	require.Contains(t, string(m.Data), `"account":"`+a.public+`"`)
	require.Contains(t, string(m.Data), `"user_name":"ann"`)
	require.Contains(t, string(m.Data), `x.\u003e`)
	m, err = ann.Request("$SYS.REQ.ACCOUNT.PING.CONNZ", nil, soon)
	require.NoError(t, err)
	require.Contains(t, string(m.Data), `"num_connections":1`, "its own, and not that of the operator")
	_, err = ann.Request("$SYS.REQ.SERVER.PING.VARZ", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	_, err = ann.Request("$SYS.REQ.CLAIMS.LIST", nil, soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)
}

// A reload while the account server is ill takes no account away.
func TestReloadWhileTheAccountServerIsIll(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	app := r.account("APP")
	var ill atomic.Bool
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		id := q.URL.Path[strings.LastIndex(q.URL.Path, "/")+1:]
		for _, a := range r.tenants {
			switch {
			case a.public != id:
			case ill.Load():
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				fmt.Fprint(w, a.token)
			}
		}
	}))
	defer h.Close()
	f := fromFile(t, r.base()+fmt.Sprintf("resolver: URL(%s/a/)\n", h.URL))
	nc, _ := f.client(app.user("one").option())
	ill.Store(true)
	f.become(r.base() + fmt.Sprintf("resolver: URL(%s/a)\n", h.URL))
	ill.Store(false)
	require.NoError(t, nc.FlushTimeout(soon))
	f.client(app.user("two").option())
}
