package test_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/status"
)

// key is an nkey with its texts.
type key struct {
	pair         nkeys.KeyPair
	public, seed string
}

func newKey(t testing.TB, create func() (nkeys.KeyPair, error)) key {
	pair, err := create()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	return key{pair: pair, public: public, seed: string(seed)}
}

// signs is the signature of a nonce as clients send it.
func (k key) signs(t testing.TB, nonce string) string {
	sig, err := k.pair.Sign([]byte(nonce))
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(sig)
}

// option is the login of the client library. The signatures are secrets of the gate.
func (k key) option(g *gate) nats.Option {
	return nats.Nkey(k.public, func(nonce []byte) ([]byte, error) {
		sig, err := k.pair.Sign(nonce)
		g.secret(base64.RawURLEncoding.EncodeToString(sig))
		return sig, err
	})
}

func TestEntryByNkey(t *testing.T) {
	t.Parallel()
	ann, eve := newKey(t, nkeys.CreateUser), newKey(t, nkeys.CreateUser)
	g := guarded(t, fmt.Sprintf(`
		accounts { A { users: [ {nkey: %s} ] } }
		authorization { users: [ {user: bob, password: the-password} ] }`, ann.public), ann.seed, eve.seed, "the-password")
	require.Len(t, g.wire().info.Nonce, 15)
	require.True(t, g.wire().info.Auth)
	impostor := key{pair: eve.pair, public: ann.public}
	g.tries(
		attempt{name: "right", options: []nats.Option{ann.option(g)}, user: "A/nkey:" + ann.public, shown: ann.public},
		attempt{name: "wrong seed", options: []nats.Option{impostor.option(g)}, said: fmt.Sprintf(" - Nkey %q", ann.public)},
		attempt{name: "unknown key", options: []nats.Option{eve.option(g)}, said: fmt.Sprintf(" - Nkey %q", eve.public)},
		attempt{name: "user beside", options: []nats.Option{nats.UserInfo("bob", "the-password")}, user: "$G/user:bob", shown: "bob"},
		attempt{name: "both", options: []nats.Option{nats.UserInfo("bob", "the-password"), impostor.option(g)},
			said: fmt.Sprintf(" - Nkey %q", ann.public)},
		attempt{name: "key as user", options: []nats.Option{nats.UserInfo(ann.public, "")}, said: fmt.Sprintf(" - User %q", ann.public)},
		attempt{name: "nothing"},
	)
	g.logs("DBG ", "Signature not verified")
}

// The signature is of the nonce of this connection and no other, in one of two encodings.
func TestNkeySignatures(t *testing.T) {
	t.Parallel()
	ann := newKey(t, nkeys.CreateUser)
	g := guarded(t, fmt.Sprintf(`authorization { users: [ {nkey: %s} ] }`, ann.public), ann.seed)
	login := func(sig string) string {
		if sig != "" {
			g.secret(sig)
		}
		return fmt.Sprintf(`"nkey":%q,"sig":%q`, ann.public, sig)
	}

	first := g.wire()
	sig := ann.signs(t, first.info.Nonce)
	first.enters(login(sig))
	// A second CONNECT is for the same nonce, and without its signature it is none.
	first.enters(login(sig))
	first.refused(login(""), "Authentication Failure")

	padded := g.wire()
	raw, err := base64.RawURLEncoding.DecodeString(ann.signs(t, padded.info.Nonce))
	require.NoError(t, err)
	padded.enters(login(base64.StdEncoding.EncodeToString(raw)))

	for name, forge := range map[string]func(nonce string) string{
		"missing":               func(string) string { return "" },
		"of another connection": func(string) string { return sig },
		"of other bytes":        func(nonce string) string { return ann.signs(t, nonce+" ") },
		"of the decoded nonce": func(nonce string) string {
			b, err := base64.RawURLEncoding.DecodeString(nonce)
			require.NoError(t, err)
			return ann.signs(t, string(b))
		},
		"of nothing":      func(string) string { return ann.signs(t, "") },
		"garbage":         func(string) string { return "not-a-signature" },
		"no base64":       func(string) string { return "%%%% no base64 %%%%" },
		"cut":             func(nonce string) string { return ann.signs(t, nonce)[:80] },
		"longer":          func(nonce string) string { return ann.signs(t, nonce) + "AAAA" },
		"endless":         func(string) string { return strings.Repeat("A", 3000) },
		"the nonce":       func(nonce string) string { return nonce },
		"the seed itself": func(string) string { return ann.seed },
	} {
		w := g.wire()
		require.NotEqual(t, first.info.Nonce, w.info.Nonce)
		t.Log("a signature that is", name)
		w.refused(login(forge(w.info.Nonce)), "Authentication Failure")
		g.logs("ERR ", fmt.Sprintf("cid:%d - authentication error - Nkey %q", w.info.CID, ann.public))
	}
	g.logs("DBG ", "Signature missing")
	g.logs("DBG ", "Signature not valid base64")
	g.logs("DBG ", "Signature not verified")
}

// Where there is nothing to sign there is no nonce.
func TestNoNonceWithoutNeed(t *testing.T) {
	t.Parallel()
	require.Empty(t, guarded(t, `authorization { users: [ {user: ann, password: the-password} ] }`).wire().info.Nonce)
	require.Empty(t, guarded(t, ``).wire().info.Nonce)
}

// Who sends his seed in place of his public key is refused, and does not find it in the log.
func TestSeedInPlaceOfNkey(t *testing.T) {
	t.Parallel()
	ann := newKey(t, nkeys.CreateUser)
	g := guarded(t, fmt.Sprintf(`authorization { users: [ {nkey: %s} ] }`, ann.public), ann.seed)
	w := g.wire()
	w.refused(fmt.Sprintf(`"nkey":%q,"sig":%q`, ann.seed, g.secret(ann.signs(t, w.info.Nonce))), "Authentication Failure")
}

// A trusted proxy vouches for a connection by its signature of the nonce.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	proxy, other := newKey(t, nkeys.CreateServer), newKey(t, nkeys.CreateServer)
	user := newKey(t, nkeys.CreateUser)
	g := guarded(t, fmt.Sprintf(`
		proxies { trusted: [ {key: %s} ] }
		authorization { users: [
			{user: free, password: the-password}
			{user: bound, password: the-password, proxy_required: true}
			{nkey: %s, proxy_required: true}
		] }`, proxy.public, user.public), proxy.seed, other.seed, user.seed, "the-password")
	const free, bound = `"user":"free","pass":"the-password"`, `"user":"bound","pass":"the-password"`
	vouched := func(w *wire, k key, fields string) string {
		return fmt.Sprintf(`%s,"proxy_sig":%q`, fields, g.secret(k.signs(t, w.info.Nonce)))
	}
	require.Len(t, g.wire().info.Nonce, 15)

	// With the signature everybody enters, and Connz shows who vouched.
	for _, fields := range []string{free, bound} {
		w := g.wire()
		w.enters(vouched(w, proxy, fields))
		require.Equal(t, proxy.public, g.entered(w.info.CID, status.ConnOpen).Proxy.Key)
	}
	w := g.wire()
	w.enters(vouched(w, proxy, fmt.Sprintf(`"nkey":%q,"sig":%q`, user.public, user.signs(t, w.info.Nonce))))
	require.Equal(t, user.public, g.entered(w.info.CID, status.ConnOpen).AuthorizedUser)

	// Without it only those who need none.
	w = g.wire().enters(free)
	require.Nil(t, g.entered(w.info.CID, status.ConnOpen).Proxy)
	g.wire().refused(bound, "Proxy Required")
	w = g.wire()
	w.refused(fmt.Sprintf(`"nkey":%q,"sig":%q`, user.public, user.signs(t, w.info.Nonce)), "Proxy Required")

	// A signature that is not good is worse than none. In standard base64 it is not good.
	for _, fields := range []string{free, bound} {
		w := g.wire()
		w.refused(vouched(w, other, fields), "Proxy Not Trusted")
	}
	g.wire().refused(free+`,"proxy_sig":"garbage"`, "Proxy Not Trusted")
	g.wire().refused(free+`,"proxy_sig":"%%"`, "Proxy Not Trusted")
	w = g.wire()
	raw, err := proxy.pair.Sign([]byte(w.info.Nonce))
	require.NoError(t, err)
	w.refused(fmt.Sprintf(`%s,"proxy_sig":%q`, free, base64.StdEncoding.EncodeToString(raw)), "Proxy Not Trusted")
	first, second := g.wire(), g.wire()
	second.refused(vouched(first, proxy, free), "Proxy Not Trusted")

	// A proxy vouches for the connection and not for the user.
	w = g.wire()
	w.refused(vouched(w, proxy, `"user":"bound","pass":"the-guess"`), "Authentication Failure")
	w = g.wire()
	w.refused(vouched(w, proxy, `"user":"eve","pass":"the-guess"`), "Authentication Failure")
}

// The signature of a proxy means nothing where no proxy is trusted, and the one login there is can
// be bound to one, too.
func TestProxyOfSingleLogin(t *testing.T) {
	t.Parallel()
	proxy := newKey(t, nkeys.CreateServer)
	plain := guarded(t, `authorization { user: ann, password: the-password }`)
	plain.wire().enters(`"user":"ann","pass":"the-password","proxy_sig":"garbage"`)
	for login, fields := range map[string]string{
		"user: ann, password: the-password": `"user":"ann","pass":"the-password"`,
		"token: the-token":                  `"auth_token":"the-token"`,
	} {
		g := guarded(t, fmt.Sprintf(`
			proxies { trusted: [ {public_key: %s} ] }
			authorization { %s, proxy_required: true }`, proxy.public, login), "the-password", "the-token")
		g.wire().refused(fields, "Proxy Required")
		w := g.wire()
		w.enters(fmt.Sprintf(`%s,"proxy_sig":%q`, fields, g.secret(proxy.signs(t, w.info.Nonce))))
	}
}
