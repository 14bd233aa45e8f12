package auth

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/trust/claims"
)

// A known key, nonce and signature.
func TestSignatureVector(t *testing.T) {
	const public = "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK"
	l, _ := newLogins(t, Config{Users: []User{{NKey: public}}})
	id, err := try(t, l, identity.Credentials{NKey: public, Nonce: nonce,
		Sig: "ljSuXAM6Z7NCRNVQUG3B800nylDT2kIPIegiRv5HybFEJTY8-hASedZNYhshbVPoEtTR5uGmDg2x1MMKvuXxDg"})
	require.NoError(t, err)
	require.Equal(t, public, id.NKey)
	require.Empty(t, id.User)
}

// FuzzSignatures: no signature upsets the login, and none but the right one lets in.
func FuzzSignatures(f *testing.F) {
	key := newSigner(f, nkeys.CreateUser)
	right := key.sign(nonce)
	l, _ := newLogins(f, Config{Users: []User{{NKey: key.public}}, Proxies: []string{key.public}})
	f.Add("", "")
	f.Add(base64.RawURLEncoding.EncodeToString(right), base64.RawURLEncoding.EncodeToString(right))
	f.Add(base64.StdEncoding.EncodeToString(right), base64.StdEncoding.EncodeToString(right))
	f.Add(strings.Repeat("A", longestSignature), strings.Repeat("A", 86))
	f.Add("=\r\n", "-_")
	f.Fuzz(func(t *testing.T, sig, vouch string) {
		id, err := l.Authenticate(t.Context(), &identity.Credentials{NKey: key.public, Nonce: nonce, Sig: sig, ProxySig: vouch})
		is := func(text string) bool { b, ok := claims.Signature(text); return ok && string(b) == string(right) }
		switch {
		case err != nil:
			require.Nil(t, id)
		default:
			require.True(t, is(sig), sig)
			require.Equal(t, vouch != "", id.Proxy != "")
			require.True(t, vouch == "" || is(vouch), vouch)
		}
	})
}
