package callout

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/identity"
)

// signed makes a JWT of any text.
func signed(t testing.TB, k key, text []byte) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"ed25519-nkey"}`)) + "." + base64.RawURLEncoding.EncodeToString(text)
	sig, err := k.Sign([]byte(head))
	require.NoError(t, err)
	return head + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// inside returns the claims of a JWT.
func inside(t testing.TB, token string) []byte {
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	return text
}

// Whatever a service answers, as it is or signed by the right key, as an envelope or in one: it is
// refused, or it is an answer to the request by which nobody gets more than it says.
func FuzzAnswer(f *testing.F) {
	w := newWorld(f)
	a := w.static(func(c *Config) { c.Static.XKey = w.xkey.public })
	user := newKey(f, nkeys.CreateUser)
	r := &jwt.AuthorizationRequestClaims{}
	r.UserNkey, r.Server.ID = user.public, w.server.public
	bare := userJWT(f, user.public, w.issuer, func(u *jwt.UserClaims) {
		u.Name = "alice"
		u.Pub.Allow.Add("a.>")
		u.Expires = time.Now().Add(time.Hour).Unix()
	})
	good := response(f, r, bare, w.issuer, nil)
	for how := range uint8(4) {
		for _, seed := range []string{good, bare, string(inside(f, good)), string(inside(f, bare)), "", "eyJ", "xkv1", "{}", "null"} {
			f.Add([]byte(seed), how)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, how uint8) {
		switch how % 4 {
		case 1:
			data = []byte(signed(t, w.issuer, data))
		case 2:
			data = []byte(response(t, r, signed(t, w.issuer, data), w.issuer, nil))
		case 3:
			data = sealedFor(w, w.xkey, data, w.curve.public)
		}
		q := &query{a: a, c: &identity.Credentials{Remote: "10.0.0.1"}, acc: w.account("AUTH"), xkey: w.xkey.public, trust: a.cfg.Static, user: user.public}
		id, err := q.judge(context.Background(), data)
		if err != nil {
			require.Nil(t, id)
			var why reason
			require.ErrorAs(t, err, &why)
			require.LessOrEqual(t, len(why.text()), 2*mostReason)
			require.NotContains(t, why.text(), "\n")
			return
		}
		require.NotNil(t, id.Account)
		require.Equal(t, w.issuer.public, id.Claims.IssuerKey)
		if how%4 == 2 {
			var c struct{ Sub string }
			require.NoError(t, json.Unmarshal(inside(t, string(inside2(t, data))), &c))
			require.Equal(t, user.public, c.Sub)
		}
	})
}

// inside2 returns the user JWT in an envelope.
func inside2(t testing.TB, envelope []byte) string {
	r, err := jwt.DecodeAuthorizationResponseClaims(string(envelope))
	require.NoError(t, err)
	return r.Jwt
}
