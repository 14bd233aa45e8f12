package test_test

import (
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A user JWT without limits allows no subscription at all, and such a connection is ended.
func TestUserWithoutSubscriptions(t *testing.T) {
	t.Parallel()
	g := govern(t)
	a := g.realm.account("A")
	g.push(a)
	none := a.user("none", func(u *jwt.UserClaims) { u.Limits.Subs = 0 })
	_, err := nats.Connect(g.ClientURL(), none.option(), nats.NoReconnect())
	require.ErrorContains(t, err, "maximum subscriptions exceeded")
	idle, _ := g.client(a.user("idle").option())
	a.sign(func(c *jwt.AccountClaims) { c.Limits.Subs = 0 })
	g.push(a)
	requireClosed(t, idle)
}
