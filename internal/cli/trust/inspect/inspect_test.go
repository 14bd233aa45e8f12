package inspect

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// pair makes a key.
func pair(t testing.TB, kind nkeys.PrefixByte) (nkeys.KeyPair, string) {
	p, err := nkeys.CreatePair(kind)
	require.NoError(t, err)
	public, err := p.PublicKey()
	require.NoError(t, err)
	return p, public
}

// encode signs claims.
func encode(t testing.TB, c jwt.Claims, p nkeys.KeyPair) string {
	token, err := c.Encode(p)
	require.NoError(t, err)
	return token
}

func TestWhatATokenAllows(t *testing.T) {
	op, o := pair(t, nkeys.PrefixByteOperator)
	acc, a := pair(t, nkeys.PrefixByteAccount)
	_, other := pair(t, nkeys.PrefixByteAccount)
	_, u := pair(t, nkeys.PrefixByteUser)
	now := time.Now()

	operator := jwt.NewOperatorClaims(o)
	operator.Name, operator.StrictSigningKeyUsage, operator.SystemAccount = "ACME", true, a
	account := jwt.NewAccountClaims(a)
	account.Name = "APP"
	account.Limits.Conn, account.Limits.Subs = 3, 0
	account.Limits.WildcardExports, account.Limits.DisallowBearer = false, true
	account.DefaultPermissions.Pub.Deny.Add("no")
	account.Exports.Add(&jwt.Export{Subject: "calc", Type: jwt.Service, TokenReq: true, Revocations: jwt.RevocationList{"*": 1}})
	account.Imports.Add(&jwt.Import{Subject: "a.*", Account: other, Type: jwt.Stream, LocalSubject: "b.$1"})
	account.Mappings["x"] = []jwt.WeightedMapping{{Subject: "y", Weight: 50}}
	account.Revoke(u)
	scope := jwt.NewUserScope()
	scope.Key, scope.Role = other, "service"
	scope.Template.Sub.Allow.Add("calc")
	account.SigningKeys.AddScopedSigner(scope)
	user := jwt.NewUserClaims(u)
	user.Name, user.Expires, user.BearerToken, user.ProxyRequired = "web", now.Add(time.Hour).Unix(), true, true
	user.Pub.Allow.Add("p")
	user.Pub.Deny.Add("q")
	user.Resp = &jwt.ResponsePermission{MaxMsgs: -1, Expires: time.Second}
	user.Src.Add("10.0.0.0/8")
	user.Times = []jwt.TimeRange{{Start: "08:00:00", End: "09:00:00"}}
	user.Locale = "Europe/Berlin"
	user.AllowedConnectionTypes.Add("MQTT")
	worker := jwt.NewUserClaims(u)
	worker.Resp = &jwt.ResponsePermission{}
	worker.IssuerAccount = a
	scoped := jwt.NewUserClaims(u)
	scoped.SetScoped(true)
	activation := jwt.NewActivationClaims(other)
	activation.ImportSubject, activation.ImportType = "calc", jwt.Service
	expired := jwt.NewUserClaims(u)
	expired.Expires = now.Add(-time.Hour).Unix()
	early := jwt.NewUserClaims(u)
	early.NotBefore = now.Add(time.Hour).Unix()
	wrong := jwt.NewUserClaims(u)
	wrong.Pub.Allow.Add("a..b")
	generic := jwt.NewGenericClaims(o)

	for name, c := range map[string]struct {
		claims jwt.Claims
		signer nkeys.KeyPair
		valid  bool
		want   []string
	}{
		"operator": {operator, op, true, []string{`Operator "ACME"`, "have to be signed by a signing key", "system account " + a}},
		"account": {account, op, false, []string{"at most 3 connections", "no subscriptions of a connection", "exports without wildcards only",
			"no users without a seed", `role "service"`, `may subscribe to "calc"`, "users without permissions of their own:",
			`may publish to everything but "no"`, `exports the service "calc" to accounts with an activation token, revoked for all`,
			`imports the stream "a.*" of account ` + other + ` (role "service" of account "APP", as the file says) as "b.$1"`,
			`maps "x" to "y", 50%`, "users, revoked for 1", "overlapping"}[:12]},
		"user": {user, acc, true, []string{`may publish to "p", but not "q"`, "may subscribe to everything", "any number of replies, within 1s",
			`may come from "10.0.0.0/8"`, "from 08:00:00 to 09:00:00, time of Europe/Berlin", `may connect as "MQTT"`, "without a seed",
			"trusted proxy", "valid until"}},
		"worker":      {worker, acc, true, []string{"may publish nothing but replies", "1 to each request, within 2m0s", "belongs to account " + a}},
		"scoped":      {scoped, acc, true, []string{"may do what its role says"}},
		"activation":  {activation, acc, true, []string{"lets account " + other + ` import the service "calc" of account ` + a}},
		"expired":     {expired, acc, false, []string{"NOT GOOD: it expired at"}},
		"early":       {early, acc, false, []string{"NOT GOOD: it is not valid before"}},
		"wrong":       {wrong, acc, false, []string{"NOT GOOD: subject \"a..b\" cannot contain consecutive"}},
		"generic":     {generic, op, true, []string{"is no token of an operator, account, user or activation"}},
		"no operator": {jwt.NewAccountClaims(a), acc, false, []string{"no operator has signed it"}},
	} {
		t.Run(name, func(t *testing.T) {
			token := encode(t, c.claims, c.signer)
			for _, text := range []string{token, "operator: " + token + "\n", "{\"a\": \"" + token + "\"}"} {
				findings, seeds := Look([]byte(text), map[string]string{}, now)
				require.Empty(t, seeds)
				require.Len(t, findings, 1)
				words := strings.Join(findings[0].Words(), "\n")
				for _, want := range c.want {
					require.Contains(t, words, want)
				}
				require.Equal(t, c.valid || name == "account" && len(findings[0].Problems) == 0, findings[0].Valid, words)
			}
		})
	}
}

func TestTokensThatWereChangedAreNotGood(t *testing.T) {
	acc, _ := pair(t, nkeys.PrefixByteAccount)
	_, u := pair(t, nkeys.PrefixByteUser)
	c := jwt.NewUserClaims(u)
	c.Pub.Deny.Add("secret")
	token := encode(t, c, acc)
	chunks := strings.Split(token, ".")
	body, err := base64.RawURLEncoding.DecodeString(chunks[1])
	require.NoError(t, err)
	forged := strings.Replace(string(body), "secret", "public", 1)
	require.NotEqual(t, string(body), forged)
	chunks[1] = base64.RawURLEncoding.EncodeToString([]byte(forged))
	findings, _ := Look([]byte(strings.Join(chunks, ".")), map[string]string{}, time.Now())
	require.Len(t, findings, 1)
	require.False(t, findings[0].Valid)
	require.Equal(t, []string{"A token that is not good",
		"  NOT GOOD: the signature is wrong: somebody changed the token, or it was not made by who it names"}, findings[0].Words())
	require.Empty(t, findings[0].Claims, "what nobody has signed is not shown")
}

// A file cannot give a name to a key that is known already, and what it says of others is marked.
func TestFilesCannotNameKeysOfOthers(t *testing.T) {
	op, o := pair(t, nkeys.PrefixByteOperator)
	c := jwt.NewOperatorClaims(o)
	c.Name = "TRUSTED"
	known := map[string]string{o: "operator \"mine\""}
	findings, _ := Look([]byte(encode(t, c, op)), known, time.Now())
	require.Equal(t, `operator "mine"`, findings[0].SignedBy)
	findings, _ = Look([]byte(encode(t, c, op)), map[string]string{}, time.Now())
	require.Equal(t, `operator "TRUSTED", as the file says`, findings[0].SignedBy)
}

func TestSeedsAreFoundAndNotShown(t *testing.T) {
	user, u := pair(t, nkeys.PrefixByteUser)
	acc, _ := pair(t, nkeys.PrefixByteAccount)
	seed, err := user.Seed()
	require.NoError(t, err)
	creds, err := jwt.FormatUserConfig(encode(t, jwt.NewUserClaims(u), acc), seed)
	require.NoError(t, err)
	findings, seeds := Look(creds, map[string]string{}, time.Now())
	require.Len(t, findings, 1)
	require.True(t, findings[0].Valid)
	require.Equal(t, []string{u}, seeds)
	require.NotContains(t, strings.Join(findings[0].Words(), "\n"), string(seed))
}

func TestTextWithoutTokens(t *testing.T) {
	for _, text := range []string{"", "a.b.c", "nats-server.example.organisation", strings.Repeat("a.", 10000), "\x00\xff", strings.Repeat("S", 58)} {
		findings, seeds := Look([]byte(text), map[string]string{}, time.Now())
		require.Empty(t, findings)
		require.Empty(t, seeds)
	}
}

func FuzzLook(f *testing.F) {
	acc, _ := pair(f, nkeys.PrefixByteAccount)
	_, u := pair(f, nkeys.PrefixByteUser)
	f.Add([]byte(encode(f, jwt.NewUserClaims(u), acc)))
	// Any claims that somebody may sign: what is fuzzed is the body, under a good signature.
	for _, body := range []string{`{"nats":{"type":"account","version":2,"exports":[null],"imports":[null]}}`,
		`{"nats":{"type":"account","version":2,"signing_keys":[null,{"kind":"user_scope","key":"x"}],"mappings":{"a":null}}}`,
		`{"nats":{"type":"user","version":2,"times":[{}],"resp":{}}}`, `{"nats":{"type":"activation","version":2}}`, `{"type":"user"}`, `{}`} {
		f.Add([]byte(body))
	}
	pairs := map[string]nkeys.KeyPair{}
	for _, kind := range []nkeys.PrefixByte{nkeys.PrefixByteOperator, nkeys.PrefixByteAccount} {
		p, public := pair(f, kind)
		pairs[public] = p
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		texts := [][]byte{text}
		for public, p := range pairs {
			body := append([]byte(nil), text...)
			if len(body) > 1 && body[0] == '{' {
				body = append([]byte(`{"iss":"`+public+`","sub":"`+public+`",`), body[1:]...)
			}
			signed := "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ." + base64.RawURLEncoding.EncodeToString(body)
			sig, err := p.Sign([]byte(signed))
			require.NoError(t, err)
			texts = append(texts, []byte(signed+"."+base64.RawURLEncoding.EncodeToString(sig)))
		}
		for _, text := range texts {
			findings, _ := Look(text, map[string]string{}, time.Unix(1.8e9, 0))
			for _, f := range findings {
				require.NotEmpty(t, f.Words())
				require.Equal(t, f.Valid, len(f.Problems) == 0)
			}
		}
	})
}
