package test_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Who asks for replies on an imported service does not learn who replies.
func TestResponderIsNotSharedByTheReplySubject(t *testing.T) {
	r := newRealm(t)
	b := r.account("B", func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Subject: "help", Type: jwt.Service})
	})
	c := r.account("C", func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Subject: "spy", Type: jwt.Service})
	})
	a := r.account("A", func(x *jwt.AccountClaims) {
		x.Imports.Add(&jwt.Import{Account: b.public, Subject: "help", Type: jwt.Service})
		x.Imports.Add(&jwt.Import{Account: c.public, Subject: "spy", Type: jwt.Service, Share: true})
	})
	g := fromFile(t, r.inMemory())
	victim, _ := g.client(b.user("victim-user", func(u *jwt.UserClaims) { u.Tags.Add("secret-role") }).option(), nats.Name("victim-responder"))
	subscribe(t, victim, "help", "", func(m *nats.Msg) { _ = m.Respond([]byte("fine")) })
	spy, _ := g.client(c.user("spy").option())
	got, err := spy.SubscribeSync("spy")
	require.NoError(t, err)
	require.NoError(t, spy.Flush())
	at, _ := g.client(a.user("attacker").option())
	require.NoError(t, at.PublishRequest("help", "spy", nil))
	m, err := got.NextMsg(soon)
	require.NoError(t, err)
	require.NotContains(t, m.Header.Get("Nats-Request-Info"), "victim")
}

// Replies end with the right to ask.
func TestNoReplyAfterRevocation(t *testing.T) {
	g := govern(t)
	svc, app := g.realm.account("SVC"), g.realm.account("APP")
	svc.sign(func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Subject: "help", Type: jwt.Service, TokenReq: true, ResponseType: jwt.ResponseTypeStream})
	})
	act := jwt.NewActivationClaims(app.public)
	act.ImportSubject, act.ImportType = "help", jwt.Service
	token := must(act.Encode(svc.pair))
	app.sign(func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Account: svc.public, Subject: "help", Type: jwt.Service, Token: token})
	})
	g.push(svc)
	g.push(app)
	worker, _ := g.client(svc.user("w").option())
	reply := make(chan string, 1)
	subscribe(t, worker, "help", "", func(m *nats.Msg) { reply <- m.Reply })
	asker, _ := g.client(app.user("a").option())
	in, err := asker.SubscribeSync("in")
	require.NoError(t, err)
	require.NoError(t, asker.PublishRequest("help", "in", nil))
	to := <-reply
	require.NoError(t, worker.Publish(to, []byte("before")))
	m, err := in.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "before", string(m.Data))
	svc.sign(func(c *jwt.AccountClaims) { c.Exports[0].RevokeAt(app.public, time.Now().Add(time.Second)) })
	g.push(svc)
	require.NoError(t, asker.PublishRequest("help", "in", nil))
	_, err = in.NextMsg(soon)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	require.NoError(t, worker.Publish(to, []byte("after")))
	require.NoError(t, worker.Flush())
	_, err = in.NextMsg(200 * time.Millisecond)
	require.ErrorIs(t, err, nats.ErrTimeout)
}

// Who passes a service on learns which account replied, but not who there.
func TestLatencyOfAChainKeepsTheResponder(t *testing.T) {
	r := newRealm(t)
	b := r.account("B", func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Subject: "help", Type: jwt.Service})
	})
	m := r.account("M", func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Account: b.public, Subject: "help", LocalSubject: "mid", Type: jwt.Service})
		c.Exports.Add(&jwt.Export{Subject: "mid", Type: jwt.Service, Latency: &jwt.ServiceLatency{Sampling: 100, Results: "lat"}})
	})
	a := r.account("A", func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Account: m.public, Subject: "mid", LocalSubject: "ask", Type: jwt.Service})
	})
	g := fromFile(t, r.inMemory())
	victim, _ := g.client(b.user("victim-user").option(), nats.Name("victim-responder"))
	subscribe(t, victim, "help", "", func(m *nats.Msg) { _ = m.Respond([]byte("fine")) })
	spy, _ := g.client(m.user("spy").option())
	got, err := spy.SubscribeSync("lat")
	require.NoError(t, err)
	require.NoError(t, spy.Flush())
	at, _ := g.client(a.user("asker").option())
	_, err = at.Request("ask", nil, soon)
	require.NoError(t, err)
	msg, err := got.NextMsg(soon)
	require.NoError(t, err)
	require.False(t, strings.Contains(string(msg.Data), "victim-responder"), "leak")
}
