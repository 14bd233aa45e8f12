package claims

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// signer is somebody with a key.
type signer struct {
	t      testing.TB
	pair   nkeys.KeyPair
	public string
}

func newSigner(t testing.TB, create func() (nkeys.KeyPair, error)) signer {
	t.Helper()
	pair, err := create()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	return signer{t, pair, public}
}

// signs makes a JWT of claims.
func (s signer) signs(c jwt.Claims) string {
	s.t.Helper()
	token, err := c.Encode(s.pair)
	require.NoError(s.t, err)
	return token
}

// world has one of each.
type world struct {
	operator, account, user signer
	operators               *Operators
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{operator: newSigner(t, nkeys.CreateOperator), account: newSigner(t, nkeys.CreateAccount), user: newSigner(t, nkeys.CreateUser)}
	var err error
	w.operators, err = NewOperators(nil, []string{w.operator.public})
	require.NoError(t, err)
	return w
}

// load makes an account of what change makes of usual claims.
func (w *world) load(t testing.TB, change func(*jwt.AccountClaims)) *Account {
	t.Helper()
	a, err := w.try(change)
	require.NoError(t, err)
	return a
}

func (w *world) try(change func(*jwt.AccountClaims)) (*Account, error) {
	c := jwt.NewAccountClaims(w.account.public)
	c.Name = "team"
	if change != nil {
		change(c)
	}
	return NewAccount(w.operator.signs(c), w.operators)
}

// userClaims are usual claims of the user, decoded.
func (w *world) userClaims(t testing.TB, by signer, change func(*jwt.UserClaims)) *jwt.UserClaims {
	t.Helper()
	c := jwt.NewUserClaims(w.user.public)
	c.Name = "alice"
	if by.public != w.account.public {
		c.IssuerAccount = w.account.public
	}
	if change != nil {
		change(c)
	}
	u, err := DecodeUser(by.signs(c))
	require.NoError(t, err)
	return u
}

// forge makes a token of any JSON, signed by s over the part that counts for the version.
func (s signer) forge(header, claims string, encoding *base64.Encoding, v1 bool) string {
	s.t.Helper()
	head, body := encoding.EncodeToString([]byte(header)), encoding.EncodeToString([]byte(claims))
	text := head + "." + body
	if v1 {
		text = body
	}
	sig, err := s.pair.Sign([]byte(text))
	require.NoError(s.t, err)
	return head + "." + body + "." + encoding.EncodeToString(sig)
}

const (
	headerNew = `{"typ":"JWT","alg":"ed25519-nkey"}`
	headerOld = `{"typ":"jwt","alg":"ed25519"}`
)

// old makes a token of version 1.
func (s signer) old(kind, subject, own string, encoding *base64.Encoding) string {
	body, err := json.Marshal(map[string]any{"iss": s.public, "sub": subject, "iat": time.Now().Unix(), "type": kind,
		"name": "\u00fb\u00ff\u00fe>>>???", "nats": json.RawMessage(own)})
	require.NoError(s.t, err)
	return s.forge(headerOld, string(body), encoding, true)
}

// inSeed makes sure that a token is one of the old encoding.
func inSeed(t testing.TB, token string) string {
	t.Helper()
	require.True(t, strings.ContainsAny(token, "+/"), token)
	return token
}
