package trust

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

func TestPushShowsWhatServersSay(t *testing.T) {
	home(t)
	f := serve(t, "one", "two")
	succeed(t, "init ACME --url "+f.server.ClientURL())
	stdout, _ := succeed(t, "push --timeout 200ms --json --account APP")
	var lines []map[string]any
	for line := range strings.SplitSeq(strings.TrimSpace(stdout), "\n") {
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &v))
		lines = append(lines, v)
	}
	require.Len(t, lines, 2)
	require.Equal(t, map[string]any{"account": "APP", "server": "one", "ok": true, "message": "jwt updated"}, lines[0])
	require.Equal(t, "APP", f.accounts())
	fail(t, "push --account NONE", `has no account "NONE"`)

	f.mu.Lock()
	f.refuse = "jwt store is full \x1b[2J"
	f.mu.Unlock()
	stdout, _, err := ask(t, "", "push", "--timeout", "100ms", "--account", "APP")
	require.ErrorContains(t, err, "2 answers are missing or refuse")
	require.Contains(t, stdout, "refused  APP               server one: jwt store is full ?[2J")

	f.mu.Lock()
	f.refuse, f.silent["$SYS.REQ.CLAIMS.UPDATE"] = "", true
	f.mu.Unlock()
	_, stderr, err := ask(t, "", "push", "--timeout", "100ms", "--account", "APP")
	require.ErrorContains(t, err, "1 answers are missing")
	require.Contains(t, stderr, "APP: 1 of 2 servers did not answer")
}

func TestPruneIsSignedByTheOperator(t *testing.T) {
	home(t)
	f := serve(t, "one")
	succeed(t, "init ACME --strict --url "+f.server.ClientURL())
	succeed(t, "account add OLD")
	succeed(t, "push --timeout 500ms")
	succeed(t, "account delete OLD")
	succeed(t, "push --timeout 500ms")
	require.Contains(t, f.accounts(), "OLD")
	succeed(t, "push --timeout 500ms --prune")
	require.NotContains(t, f.accounts(), "OLD")
	op, err := jwt.DecodeOperatorClaims(read(t, "data/nats/nsc/stores/ACME/ACME.jwt"))
	require.NoError(t, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Len(t, f.deleted, 1)
	require.Equal(t, op.SigningKeys[0], f.deleted[0].Issuer)
	require.Equal(t, f.deleted[0].Issuer, f.deleted[0].Subject)
	require.Len(t, f.deleted[0].Data["accounts"], 1)
}

func TestNobodyToPushTo(t *testing.T) {
	home(t)
	f := serve(t)
	succeed(t, "init ACME --url "+f.server.ClientURL())
	fail(t, "push", "no server with a full or cache resolver answers")
	fail(t, "pull", "no server with a full or cache resolver answers")
	fail(t, "push --server 127.0.0.1:1", "is the server running")
	fail(t, "push --tlscert x", "a TLS certificate needs its key")
}

// The user that is made for a moment may do what it is made for, and no more.
func TestPassIsNarrow(t *testing.T) {
	home(t)
	succeed(t, "init ACME")
	tl := &tool{host: Host{Clean: strings.Clone}}
	r, err := tl.open(Command(tl.host), false)
	require.NoError(t, err)
	token, _, err := r.pass("_INBOX.x", []string{"$SYS.REQ.CLAIMS.PACK"})
	require.NoError(t, err)
	u, err := jwt.DecodeUserClaims(token)
	require.NoError(t, err)
	good(t, u)
	require.Equal(t, jwt.StringList{"$SYS.REQ.CLAIMS.PACK"}, u.Pub.Allow)
	require.Equal(t, jwt.StringList{"_INBOX.x.>"}, u.Sub.Allow)
	require.InDelta(t, time.Now().Add(2*time.Minute).Unix(), u.Expires, 5)
	require.Equal(t, r.operator.SystemAccount, u.IssuerAccount)
}

func TestPullKeepsWhatTheOperatorSigned(t *testing.T) {
	home(t)
	f := serve(t, "one")
	succeed(t, "init ACME --url "+f.server.ClientURL())
	succeed(t, "account add LOST")
	succeed(t, "push --timeout 500ms")
	lost := read(t, "data/nats/nsc/stores/ACME/accounts/LOST/LOST.jwt")
	succeed(t, "account delete LOST")

	other, err := nkeys.CreateOperator()
	require.NoError(t, err)
	pair, err := nkeys.CreateAccount()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	c := jwt.NewAccountClaims(public)
	c.Name = "EVIL"
	token, err := c.Encode(other)
	require.NoError(t, err)
	f.mu.Lock()
	f.tokens[public] = token
	f.tokens["../../../x\x1b"] = lost
	f.tokens["AX"] = "no token"
	f.mu.Unlock()

	stdout, _, err := ask(t, "", "pull")
	require.ErrorContains(t, err, "3 accounts were refused; the others are kept")
	require.Contains(t, stdout, "is no key of operator")
	require.Contains(t, stdout, "the token is of another account")
	require.NotContains(t, stdout, "\x1b")
	list, _ := succeed(t, "account list")
	require.Contains(t, list, "LOST")
	require.NotContains(t, list, "EVIL")
	require.Equal(t, lost, read(t, "data/nats/nsc/stores/ACME/accounts/LOST/LOST.jwt"))
}
