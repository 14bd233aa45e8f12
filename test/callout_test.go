package test_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// decider answers requests about connections, as a service does that a team has written for that.
type decider struct {
	t      *testing.T
	issuer key
	curve  nkeys.KeyPair // nil for plain requests
	decide func(*jwt.AuthorizationRequestClaims, *jwt.UserClaims) error
}

// serve begins to answer. The connection is one of the service's own users.
func (d *decider) serve(nc *nats.Conn) {
	subscribe(d.t, nc, "$SYS.REQ.USER.AUTH", "", func(m *nats.Msg) {
		data, server := m.Data, m.Header.Get("Nats-Server-Xkey")
		if d.curve != nil {
			plain, err := d.curve.Open(data, server)
			if err != nil {
				return
			}
			data = plain
		}
		req, err := jwt.DecodeAuthorizationRequestClaims(string(data))
		if err != nil {
			return
		}
		answer := jwt.NewAuthorizationResponseClaims(req.UserNkey)
		answer.Audience = req.Server.ID
		user := jwt.NewUserClaims(req.UserNkey)
		if err := d.decide(req, user); err != nil {
			answer.Error = err.Error()
		} else {
			answer.Jwt = must(user.Encode(d.issuer.pair))
		}
		out := []byte(must(answer.Encode(d.issuer.pair)))
		if d.curve != nil {
			if out, err = d.curve.Seal(out, server); err != nil {
				return
			}
		}
		_ = m.Respond(out)
	})
}

func TestServiceDecidesWhoEnters(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []bool{false, true} {
		d := &decider{t: t, issuer: newKey(t, nkeys.CreateAccount), decide: func(r *jwt.AuthorizationRequestClaims, u *jwt.UserClaims) error {
			if r.ConnectOptions.Username != "ann" || r.ConnectOptions.Password != "the-password" {
				return errors.New("no such user")
			}
			u.Name, u.Audience = "ann", "APP"
			u.Pub.Allow.Add("x.>")
			return nil
		}}
		xkey := ""
		if encrypted {
			curve := newKey(t, nkeys.CreateCurveKeys)
			d.curve, xkey = curve.pair, "xkey: "+curve.public
		}
		g := guarded(t, fmt.Sprintf(`
			accounts { AUTH { users [{user: service, password: the-password}] }, APP { users [] } }
			authorization { timeout: 5, auth_callout { issuer: %s, account: AUTH, auth_users: [service], %s } }`, d.issuer.public, xkey),
			"the-password")
		service := g.client(t, "service")
		_, err := nats.Connect(g.ClientURL(), nats.UserInfo("ann", "the-password"), nats.NoReconnect())
		require.ErrorIs(t, err, nats.ErrAuthorization, "there is no service yet")
		d.serve(service)
		failed := make(chan error, 10)
		ann, err := nats.Connect(g.ClientURL(), nats.UserInfo("ann", "the-password"), nats.NoReconnect(),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { failed <- err }))
		require.NoError(t, err)
		defer ann.Close()
		z, err := g.Connz(nil)
		require.NoError(t, err)
		require.Len(t, z.Conns, 2)
		require.NoError(t, ann.Publish("y", nil))
		require.ErrorIs(t, <-failed, nats.ErrPermissionViolation)
		_, err = nats.Connect(g.ClientURL(), nats.UserInfo("ann", "the-guess"), nats.NoReconnect())
		require.ErrorIs(t, err, nats.ErrAuthorization)
		g.logs("WRN", "Auth callout service returned an error: no such user")
	}
}

// The account of an operator may have its users decided about, too: they come with a token that says no
// more than which account they want.
func TestServiceOfAnOperatorsAccount(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	app := r.account("APP")
	gate := r.account("AUTH")
	service := gate.user("service")
	gate.sign(func(c *jwt.AccountClaims) {
		c.Authorization.AuthUsers.Add(service.public)
		c.Authorization.AllowedAccounts.Add(app.public)
	})
	sentinel := gate.user("sentinel", func(u *jwt.UserClaims) {
		u.BearerToken = true
		u.Pub.Deny.Add(">")
		u.Sub.Deny.Add(">")
	})
	f := fromFile(t, r.inMemory())
	nc, _ := f.client(service.option())
	subscribe(t, nc, "$SYS.REQ.USER.AUTH", "", func(m *nats.Msg) {
		req, err := jwt.DecodeAuthorizationRequestClaims(string(m.Data))
		if err != nil {
			return
		}
		answer := jwt.NewAuthorizationResponseClaims(req.UserNkey)
		answer.Audience = req.Server.ID
		user := jwt.NewUserClaims(req.UserNkey)
		user.Name = req.ConnectOptions.Username
		if user.Name == "ann" {
			answer.Jwt = must(user.Encode(app.pair))
		} else {
			answer.Error = "who is that"
		}
		_ = m.Respond([]byte(must(answer.Encode(gate.pair))))
	})
	enter := func(name string) (*nats.Conn, error) {
		return nats.Connect(f.ClientURL(), nats.UserJWT(func() (string, error) { return sentinel.token, nil },
			func([]byte) ([]byte, error) { return nil, nil }),
			nats.UserInfo(name, "p"), nats.NoReconnect())
	}
	ann, err := enter("ann")
	require.NoError(t, err)
	defer ann.Close()
	goesRound(t, ann)
	a, err := f.LookupAccount(app.public)
	require.NoError(t, err)
	require.Equal(t, 1, a.NumConnections())
	_, err = enter("bob")
	require.ErrorIs(t, err, nats.ErrAuthorization)
}
