package trust

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/conf"
)

// good fails the test if claims have a fault of any kind.
func good(t *testing.T, c jwt.Claims) {
	t.Helper()
	vr := jwt.CreateValidationResults()
	c.Validate(vr)
	require.Empty(t, vr.Issues)
}

// What is written is a chain of trust for everybody who reads it with the library.
func TestStoreIsAChainOfTrust(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprint("strict ", strict), func(t *testing.T) {
			home(t)
			succeed(t, fmt.Sprintf("init ACME --strict=%t --resolver memory", strict))
			succeed(t, "user add web --deny-pub a --allow-sub b --subs 7 --expiry 1h --tag shop --bearer --conn-type websocket")
			base := "data/nats/nsc/stores/ACME/"
			op, err := jwt.DecodeOperatorClaims(read(t, base+"ACME.jwt"))
			require.NoError(t, err)
			good(t, op)
			require.Equal(t, strict, op.StrictSigningKeyUsage)
			require.Equal(t, op.Subject, op.Issuer)
			for _, name := range []string{"SYS", "APP"} {
				c, err := jwt.DecodeAccountClaims(read(t, base+"accounts/"+name+"/"+name+".jwt"))
				require.NoError(t, err)
				good(t, c)
				require.Equal(t, name, c.Name)
				require.Contains(t, op.SigningKeys, c.Issuer)
				require.Len(t, c.SigningKeys, 1)
				if name == "SYS" {
					require.Equal(t, op.SystemAccount, c.Subject)
					require.Len(t, c.Exports, 2)
				}
				users, err := filepath.Glob(base + "accounts/" + name + "/users/*.jwt")
				require.NoError(t, err)
				for _, file := range users {
					u, err := jwt.DecodeUserClaims(read(t, file))
					require.NoError(t, err)
					good(t, u)
					require.Contains(t, c.SigningKeys, u.Issuer)
					require.Equal(t, c.Subject, u.IssuerAccount)
					creds := read(t, "data/nats/nsc/keys/creds/ACME/"+name+"/"+u.Name+".creds")
					token, err := jwt.ParseDecoratedJWT([]byte(creds))
					require.NoError(t, err)
					require.Equal(t, read(t, file), token)
					pair, err := jwt.ParseDecoratedUserNKey([]byte(creds))
					require.NoError(t, err)
					public, err := pair.PublicKey()
					require.NoError(t, err)
					require.Equal(t, u.Subject, public)
					if u.Name == "web" {
						require.Equal(t, int64(7), u.Subs)
						require.Equal(t, jwt.StringList{"a"}, u.Pub.Deny)
						require.True(t, u.BearerToken)
						require.Equal(t, jwt.StringList{"WEBSOCKET"}, u.AllowedConnectionTypes)
						require.InDelta(t, time.Now().Add(time.Hour).Unix(), u.Expires, 60)
					}
				}
			}
			file, err := conf.ParseFile("barid.conf")
			require.NoError(t, err)
			values := map[string]*conf.Value{}
			for _, p := range file.Root.Pairs {
				values[p.Key] = p.Value
			}
			require.Equal(t, "MEMORY", values["resolver"].Text)
			require.Equal(t, read(t, base+"ACME.jwt"), values["operator"].Text)
			require.Len(t, values["resolver_preload"].Map.Pairs, 2)
		})
	}
}

// foreign writes a store as nsc lays it out, with an operator that has no signing keys.
func foreign(t *testing.T, url string) (account string) {
	t.Helper()
	make := func(kind nkeys.PrefixByte) (nkeys.KeyPair, string) {
		pair, err := nkeys.CreatePair(kind)
		require.NoError(t, err)
		public, err := pair.PublicKey()
		require.NoError(t, err)
		seed, err := pair.Seed()
		require.NoError(t, err)
		write(t, filepath.Join("data/nats/nsc/keys/keys", public[:1], public[1:3], public+".nk"), string(seed))
		return pair, public
	}
	signer, id := make(nkeys.PrefixByteOperator)
	_, system := make(nkeys.PrefixByteAccount)
	owner, account := make(nkeys.PrefixByteAccount)
	base := "data/nats/nsc/stores/O/"
	write(t, base+".nsc", `{"managed":false,"name":"O","kind":"operator","version":"1"}`)
	op := jwt.NewOperatorClaims(id)
	op.Name, op.SystemAccount, op.AccountServerURL = "O", system, url
	token, err := op.Encode(signer)
	require.NoError(t, err)
	write(t, base+"O.jwt", token)
	for name, key := range map[string]string{"SYS": system, "A": account} {
		c := jwt.NewAccountClaims(key)
		c.Name = name
		token, err = c.Encode(signer)
		require.NoError(t, err)
		write(t, base+"accounts/"+name+"/"+name+".jwt", token)
	}
	_, user := make(nkeys.PrefixByteUser)
	u := jwt.NewUserClaims(user)
	u.Name = "U"
	token, err = u.Encode(owner)
	require.NoError(t, err)
	write(t, base+"accounts/A/users/U.jwt", token)
	write(t, "config/nats/nsc/nsc.json", `{"store_root":"data/nats/nsc/stores","operator":"O","account":"A","github_updates":"x/y","last_update":17}`)
	return account
}

func TestStoresOfOtherToolsAreGoodToWorkWith(t *testing.T) {
	home(t)
	f := serve(t, "one")
	id := foreign(t, f.server.ClientURL())
	list, _ := succeed(t, "account list")
	require.Contains(t, list, id)
	list, _ = succeed(t, "user list --account A")
	require.Contains(t, list, "A/U")
	succeed(t, "user add v")
	u, err := jwt.DecodeUserClaims(read(t, "data/nats/nsc/stores/O/accounts/A/users/v.jwt"))
	require.NoError(t, err)
	require.Equal(t, id, u.Issuer, "there is no signing key")
	require.Empty(t, u.IssuerAccount)
	succeed(t, "user edit U --subs 3")
	succeed(t, "push --timeout 100ms")
	require.Len(t, strings.Fields(f.accounts()), 2)
	succeed(t, "operator select O --account A")
	settings := read(t, "config/nats/nsc/nsc.json")
	require.Contains(t, settings, `"github_updates": "x/y"`, "what others keep there stays")
	require.Contains(t, settings, `"last_update": 17`)

	fail(t, "operator edit --strict", "a strict operator needs a signing key")
	_, told := succeed(t, "operator edit --strict --signing-key")
	require.Contains(t, told, "account A is signed anew")
	fail(t, "user add w", "account edit A --signing-key")
	succeed(t, "account edit A --signing-key")
	succeed(t, "user add w")
}

// Two commands at once lose nothing of each other.
func TestCommandsThatWriteWaitForEachOther(t *testing.T) {
	home(t)
	succeed(t, "init ACME")
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, _, errs[i] = ask(t, "", "account", "edit", "APP", "--tag", fmt.Sprint("t", i)) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	c, err := jwt.DecodeAccountClaims(read(t, "data/nats/nsc/stores/ACME/accounts/APP/APP.jwt"))
	require.NoError(t, err)
	require.Len(t, c.Tags, len(errs))
}

func TestSeedsMayBeElsewhere(t *testing.T) {
	home(t)
	succeed(t, "init ACME --strict")
	require.NoError(t, os.Rename("data/nats/nsc/keys/keys", "safe"))
	fail(t, "account edit APP --conns 3", "name one with --keys-from")
	fail(t, "user add web", "account edit APP --signing-key")
	succeed(t, "account edit APP --conns 3 --keys-from safe")
	_, told := succeed(t, "user edit app --keys-from safe")
	require.Contains(t, told, "app.creds")
	succeed(t, "keys import safe")
	succeed(t, "account edit APP --conns 4")

	pair, err := nkeys.CreateAccount()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	write(t, "mine.nk", string(seed))
	succeed(t, "account add MINE --seed mine.nk")
	list, _ := succeed(t, "account list")
	require.Contains(t, list, public)
	fail(t, "user add x --seed mine.nk", "another kind of key")
	_, err = os.Stat("data/nats/nsc/keys/creds/ACME/APP/x.creds")
	require.Error(t, err)
}

// Nothing of a deleted account stays but what was asked to.
func TestDeletedAccountsAreGone(t *testing.T) {
	dir := home(t)
	succeed(t, "init ACME")
	succeed(t, "account add GONE")
	succeed(t, "user add u --account GONE")
	before := len(seeds(t, dir))
	succeed(t, "account delete GONE --rm-keys")
	require.Equal(t, before-3, len(seeds(t, dir)))
	list, _ := succeed(t, "account list --json")
	require.NotContains(t, list, "GONE")
	_, err := os.Stat("data/nats/nsc/keys/creds/ACME/GONE")
	require.Error(t, err)
	succeed(t, "account add GONE")
}
