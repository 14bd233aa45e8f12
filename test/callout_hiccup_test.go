package test_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// An account server that fails once does not let users in past the service of their account.
func TestCalloutOutlivesAHiccup(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	a := r.account("CALL", func(c *jwt.AccountClaims) {
		c.Authorization.AuthUsers.Add(newKey(t, nkeys.CreateUser).public)
	})
	var asked atomic.Int64
	src := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch {
		case strings.HasSuffix(q.URL.Path, r.system.public):
			_, _ = io.WriteString(w, r.system.token)
		case strings.HasSuffix(q.URL.Path, a.public):
			if asked.Add(1) == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			_, _ = io.WriteString(w, a.token)
		}
	}))
	t.Cleanup(src.Close)
	s := fromFile(t, r.base()+"resolver: URL("+src.URL+"/accounts)\n")
	_, err := nats.Connect(s.ClientURL(), a.user("u").option(), nats.NoReconnect())
	require.ErrorIs(t, err, nats.ErrAuthorization)
	require.EqualValues(t, 1, asked.Load(), "one login asks once")
}
