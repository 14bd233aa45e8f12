package test_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// provider is a small provider of OpenID Connect: it tells where its keys are, shows them, and signs.
type provider struct {
	*httptest.Server
	t      *testing.T
	key    *ecdsa.PrivateKey
	caFile string
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, caFile: filepath.Join(t.TempDir(), "ca.pem")}
	var err error
	p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: p.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	require.NoError(t, os.WriteFile(p.caFile, cert, 0o600))
	return p
}

// token signs claims, beside those that every token has.
func (p *provider) token(claims map[string]any) string {
	all := map[string]any{"iss": p.URL, "aud": "barid", "sub": "ann", "iat": time.Now().Unix(), "exp": expiresIn(time.Hour)}
	for name, value := range claims {
		all[name] = value
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k1"}}, nil)
	require.NoError(p.t, err)
	payload, err := json.Marshal(all)
	require.NoError(p.t, err)
	signed, err := signer.Sign(payload)
	require.NoError(p.t, err)
	token, err := signed.CompactSerialize()
	require.NoError(p.t, err)
	return token
}

func TestEntryByOpenIDConnect(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	g := guarded(t, fmt.Sprintf(`
		accounts { A { users: [{user: local, password: the-password}] }, B {} }
		authorization { oidc {
			issuer: %q, audience: barid, ca_file: %q, clock_skew: "0s"
			account: A, account_claim: tenant, allowed_accounts: [A, B]
			roles_claim: roles
			roles { reader { permissions { publish { deny: ">" }, subscribe: "news.>" } }
			        writer { permissions { publish: "news.>", subscribe: "_INBOX.>" } } }
		} }`, p.URL, p.caFile), "the-password")

	enter := func(token string, options ...nats.Option) (*nats.Conn, error) {
		g.secret(token)
		return nats.Connect(g.ClientURL(), append(options, nats.Token(token), nats.NoReconnect())...)
	}
	failed := make(chan error, 10)
	reader, err := enter(p.token(map[string]any{"roles": []string{"reader"}}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { failed <- err }))
	require.NoError(t, err)
	defer reader.Close()
	writer, err := enter(p.token(map[string]any{"sub": "bob", "roles": "writer", "filler": strings.Repeat("x", 8000)}))
	require.NoError(t, err, "tokens may be longer than other lines")
	defer writer.Close()
	sub, err := reader.SubscribeSync("news.>")
	require.NoError(t, err)
	require.NoError(t, reader.Flush())
	require.NoError(t, writer.Publish("news.1", []byte("hello")))
	m, err := sub.NextMsg(soon)
	require.NoError(t, err)
	require.Equal(t, "hello", string(m.Data))
	require.NoError(t, reader.Publish("news.2", nil))
	require.ErrorIs(t, <-failed, nats.ErrPermissionViolation)
	local, err := nats.Connect(g.ClientURL(), nats.UserInfo("local", "the-password"))
	require.NoError(t, err, "those of the configuration still may")
	local.Close()

	for name, claims := range map[string]map[string]any{
		"another audience":   {"aud": "other", "roles": "reader"},
		"another issuer":     {"iss": "https://other.example", "roles": "reader"},
		"expired":            {"exp": expiresIn(-time.Minute), "roles": "reader"},
		"an unknown role":    {"roles": []string{"boss"}},
		"a foreign account":  {"tenant": "$SYS", "roles": "reader"},
		"an unknown account": {"tenant": "C", "roles": "reader"},
	} {
		_, err := enter(p.token(claims))
		require.ErrorIs(t, err, nats.ErrAuthorization, name)
	}
	_, err = enter(p.token(map[string]any{"roles": "reader"})[:200])
	require.ErrorIs(t, err, nats.ErrAuthorization)

	short, err := enter(p.token(map[string]any{"exp": expiresIn(2 * time.Second), "roles": "reader"}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { failed <- err }))
	require.NoError(t, err)
	require.ErrorIs(t, <-failed, nats.ErrAuthExpired)
	requireClosed(t, short)
}
