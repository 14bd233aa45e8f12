package resolver

import (
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/trust/claims"
)

// alone returns a Service that serves nobody, for what needs no port.
func alone(t testing.TB, cfg DirectoryConfig) (*Service, signer) {
	op := operator(t)
	operators, err := claims.NewOperators([]*jwt.OperatorClaims{jwt.NewOperatorClaims(op.public)}, nil)
	require.NoError(t, err)
	d, _ := open(t, cfg)
	s := &Service{dir: d, name: "jwt update", turn: make(chan struct{}, 1), refused: map[string]bool{}, ctx: t.Context()}
	s.cfg = Config{Operators: operators, Log: silence{}, Loaded: func(string) bool { return false }, Removed: func(string) {}}
	return s, op
}

// FuzzMerge: whatever another server sends, nothing gets into the store that no operator signed.
func FuzzMerge(f *testing.F) {
	id := account(f)
	token := operator(f).token(f, id, "x", nil)
	for _, seed := range []string{"", "\n", "|", id + "|" + token, id + "|" + token + "\n" + id + "|", id + "|a.b.c|", "../x|" + token, id + "|e30.e30.e30"} {
		f.Add(seed)
	}
	s, _ := alone(f, DirectoryConfig{})
	f.Fuzz(func(t *testing.T, pack string) {
		_ = s.merge(pack)
		require.Zero(t, s.dir.Len())
		for line := range strings.SplitSeq(pack, "\n") {
			if id, token, err := splitLine(line); err == nil {
				require.Equal(t, line, id+"|"+token)
				require.True(t, nkeys.IsValidPublicAccountKey(id))
			}
		}
	})
}

// FuzzDelete: nothing is deleted that no operator asked to. The payload and the header of the request
// are signed, by a stranger, so that decoding goes on behind the signature.
func FuzzDelete(f *testing.F) {
	id := account(f)
	stranger := operator(f)
	accounts := `"nats":{"accounts":["` + id + `"]}`
	names := `"iss":"` + stranger.public + `","sub":"` + stranger.public + `",`
	for _, payload := range []string{"", "null", "{" + names + accounts + "}", "{" + names + `"type":"x"}`, "{" + names + `"nats":null,"tags":["a"],"type":"x"}`, `{"sub":1}`} {
		f.Add(`{"typ":"JWT","alg":"ed25519-nkey"}`, payload, true)
		f.Add(`{"typ":"jwt","alg":"ed25519"}`, payload, false)
	}
	s, _ := alone(f, DirectoryConfig{AllowDelete: true})
	_, err := s.dir.Save(id, made(id, "x", 1, 0))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, header, payload string, both bool) {
		h, p := raw(header), raw(payload)
		signed := p
		if both {
			signed = h + "." + p
		}
		sig, err := stranger.pair.Sign([]byte(signed))
		require.NoError(t, err)
		o := s.remove(h + "." + p + "." + raw(string(sig)))
		require.Equal(t, 500, o.Code, o.Message)
		require.True(t, s.dir.Known(id))
		_ = s.update("", h+"."+p+"."+raw(string(sig)))
		require.Equal(t, 1, s.dir.Len())
	})
}

// FuzzCommon: what is read without a look at the signature is what the JWT library reads.
func FuzzCommon(f *testing.F) {
	id := account(f)
	for _, seed := range []string{operator(f).token(f, id, "x", nil), made(id, "x", 1, 0), "", "..", "a.b.c", "e30.e30.e30", "e30." + raw(`{"exp":1e99}`) + ".x", "e30.e30.e30.e30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := common(token)
		g, theirs := claims.DecodeGeneric(token)
		if theirs == nil {
			require.NoError(t, err)
			require.Equal(t, g.ClaimsData, got)
		}
	})
}
