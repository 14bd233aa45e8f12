package claims

import (
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

func TestWhoMaySignAccounts(t *testing.T) {
	own, signing, strict, strictSigning, plainKey := newSigner(t, nkeys.CreateOperator).public, newSigner(t, nkeys.CreateOperator).public,
		newSigner(t, nkeys.CreateOperator).public, newSigner(t, nkeys.CreateOperator).public, newSigner(t, nkeys.CreateOperator).public
	lax, narrow := jwt.NewOperatorClaims(own), jwt.NewOperatorClaims(strict)
	lax.SigningKeys.Add(signing)
	lax.SystemAccount = "S"
	narrow.SigningKeys.Add(strictSigning)
	narrow.StrictSigningKeyUsage = true
	o, err := NewOperators([]*jwt.OperatorClaims{lax, narrow}, []string{plainKey})
	require.NoError(t, err)
	require.Equal(t, []string{own, signing, strictSigning, plainKey}, o.Keys())
	for _, c := range []struct {
		key                             string
		trusted, identity, strictSigner bool
	}{
		{own, true, false, false}, {signing, true, false, false}, {plainKey, true, false, false},
		{strict, false, true, false}, {strictSigning, true, false, true}, {"", false, false, false},
	} {
		require.Equal(t, c.trusted, o.Trusts(c.key), c.key)
		require.Equal(t, c.identity, o.StrictIdentity(c.key), c.key)
		require.Equal(t, c.strictSigner, o.StrictAccount(c.key), c.key)
	}
	require.Empty(t, o.SystemAccount(), "several operators")
	o, err = NewOperators([]*jwt.OperatorClaims{lax}, nil)
	require.NoError(t, err)
	require.Equal(t, "S", o.SystemAccount())

	_, err = NewOperators(nil, []string{"x"})
	require.EqualError(t, err, `trusted Keys "x" are required to be a valid public operator nkey`)
	seed, err := newSigner(t, nkeys.CreateOperator).pair.Seed()
	require.NoError(t, err)
	_, err = NewOperators(nil, []string{string(seed)})
	require.NotContains(t, err.Error(), string(seed))
	var none *Operators
	require.False(t, none.Trusts("") || none.StrictAccount("") || none.StrictIdentity(""))
}

func TestVersionsThatOperatorsWant(t *testing.T) {
	key := newSigner(t, nkeys.CreateOperator).public
	for wanted, text := range map[string]string{
		"": "", "2.10.5": "", "2.10.4": "", "1.99.99": "", "2.9.99": "",
		"3.0.0":  "operator " + key + " expected major version 3 > server major version 2",
		"2.11.0": "operator " + key + " expected minor version 11 > server minor version 10",
		"2.10.6": "operator " + key + " expected update version 6 > server update version 5",
		"2.10":   "operator " + key + ` expects version 2.10 got error instead: "2.10" is not a version of three numbers`,
		"2.10.x": "operator " + key + ` expects version 2.10.x got error instead: "2.10.x" is not a version of three numbers`,
		"2.-1.0": "operator " + key + ` expects version 2.-1.0 got error instead: "2.-1.0" is not a version of three numbers`,
	} {
		c := jwt.NewOperatorClaims(key)
		c.AssertServerVersion = wanted
		o, err := NewOperators([]*jwt.OperatorClaims{c}, nil)
		require.NoError(t, err)
		if err = o.CheckVersion("2.10.5-dev"); text == "" {
			require.NoError(t, err, wanted)
		} else {
			require.EqualError(t, err, text)
		}
	}
}

func TestWhoMayDelete(t *testing.T) {
	first, second, signing := newSigner(t, nkeys.CreateOperator), newSigner(t, nkeys.CreateOperator), newSigner(t, nkeys.CreateOperator)
	a, system := newSigner(t, nkeys.CreateAccount).public, newSigner(t, nkeys.CreateAccount).public
	make := func(strict bool) *Operators {
		one, two := jwt.NewOperatorClaims(first.public), jwt.NewOperatorClaims(second.public)
		one.SigningKeys.Add(signing.public)
		one.StrictSigningKeyUsage = strict
		o, err := NewOperators([]*jwt.OperatorClaims{one, two}, nil)
		require.NoError(t, err)
		return o
	}
	ask := func(o *Operators, by signer, subject string, accounts any) ([]string, error) {
		c := jwt.NewGenericClaims(subject)
		c.Data["accounts"] = accounts
		g, err := DecodeGeneric(by.signs(c))
		require.NoError(t, err)
		return o.MayDelete(g, system)
	}
	for _, by := range []signer{first, signing} {
		ids, err := ask(make(false), by, by.public, []string{a})
		require.NoError(t, err)
		require.Equal(t, []string{a}, ids)
	}
	_, err := ask(make(true), first, first.public, []string{a})
	require.EqualError(t, err, "not trusted")
	_, err = ask(make(true), signing, signing.public, []string{a})
	require.NoError(t, err)
	_, err = ask(make(false), second, second.public, []string{a})
	require.EqualError(t, err, "not trusted")
	_, err = ask(make(false), first, signing.public, []string{a})
	require.EqualError(t, err, "not self signed")
	for _, bad := range []any{nil, "x", []string{"x"}, []any{1}, []string{a, first.public}} {
		_, err = ask(make(false), first, first.public, bad)
		require.EqualError(t, err, "malformed request")
	}
	_, err = ask(make(false), first, first.public, []string{a, system})
	require.EqualError(t, err, "not allowed to delete system account")
}
