package check_test

import (
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/server/options"
)

// newKey returns a new key of a kind.
func newKey(t *testing.T, kind nkeys.PrefixByte) (nkeys.KeyPair, string) {
	k, err := nkeys.CreatePair(kind)
	require.NoError(t, err)
	public, err := k.PublicKey()
	require.NoError(t, err)
	return k, public
}

// newOperator returns the claims of an operator, changed by f.
func newOperator(t *testing.T, f func(*jwt.OperatorClaims)) *jwt.OperatorClaims {
	_, public := newKey(t, nkeys.PrefixByteOperator)
	c := jwt.NewOperatorClaims(public)
	if f != nil {
		f(c)
	}
	return c
}

func TestOperatorsRefuseWhatDoesNotGoWithThem(t *testing.T) {
	_, id := newKey(t, nkeys.PrefixByteAccount)
	memory := &options.ResolverConfig{Kind: options.ResolverMemory}
	for _, c := range []struct {
		set  func(o *options.Options)
		want string // "" for nothing wrong
	}{
		{func(*options.Options) {}, ""},
		{func(o *options.Options) { o.Username, o.Password = "ignored", "too" }, ""},
		{func(o *options.Options) { o.Resolver = nil }, "operators require an account resolver to be configured"},
		{func(o *options.Options) { o.Resolver, o.AccountResolver = nil, struct{ options.AccountResolver }{} }, ""},
		{func(o *options.Options) { o.Accounts = []*options.Account{{Name: "A"}} }, "operators do not allow Accounts to be configured directly"},
		{func(o *options.Options) { o.Users = []*options.User{{Username: "a"}} }, "operators do not allow users to be configured directly"},
		{func(o *options.Options) { o.TrustedKeys = []string{o.TrustedOperators[0].Subject} },
			"conflicting options for 'TrustedKeys' and 'TrustedOperators'"},
		{func(o *options.Options) { o.SystemAccount = id }, ""},
		{func(o *options.Options) { o.TrustedOperators[0].SystemAccount, o.SystemAccount = "B", id },
			"system_account in config and operator JWT must be identical"},
		{func(o *options.Options) { o.Resolver = &options.ResolverConfig{Kind: options.ResolverCache, Dir: "x"} },
			"using nats based account resolver - the system account needs to be specified in configuration or the operator jwt"},
		{func(o *options.Options) { o.TrustedOperators[0].SigningKeys.Add(id) },
			`trusted Keys "` + id + `" are required to be a valid public operator nkey`},
		{func(o *options.Options) { o.TrustedOperators = append(o.TrustedOperators, nil) }, "operators: an entry is nil"},
		{func(o *options.Options) { o.ResolverPinnedAccounts = []string{"x"} }, `pinned account key "x" is not a valid public account nkey`},
		{func(o *options.Options) { o.NoAuthUser = "x" }, "no_auth_user not compatible with Trusted Operator"},
		{func(o *options.Options) { o.ResolverPreload = map[string]string{id: "x"} }, "invalid account JWT"},
		{func(o *options.Options) { o.DefaultSentinel = "x" }, "default sentinel JWT not valid"},
		{func(o *options.Options) { o.Resolver = &options.ResolverConfig{Kind: "x"} }, check.BadResolver},
		{func(o *options.Options) { o.TrustedOperators = nil }, ""},
	} {
		err := config.Validate(completed(func(o *options.Options) {
			o.TrustedOperators, o.Resolver = []*jwt.OperatorClaims{newOperator(t, nil)}, memory
			c.set(o)
		}))
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, c.want)
		require.Contains(t, strings.Split(err.Error(), "\n"), c.want)
	}
}

func TestStampedKeys(t *testing.T) {
	_, one := newKey(t, nkeys.PrefixByteOperator)
	_, two := newKey(t, nkeys.PrefixByteOperator)
	_, none := newKey(t, nkeys.PrefixByteAccount)
	keys, err := check.Stamped(" \n", &options.Options{TrustedKeys: []string{one}})
	require.NoError(t, err)
	require.Nil(t, keys)
	keys, err = check.Stamped(one+"  "+two+"\n", &options.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{one, two}, keys)
	for _, c := range []struct {
		text string
		o    options.Options
	}{
		{one + " " + none, options.Options{}},
		{one, options.Options{TrustedKeys: []string{two}}},
		{one, options.Options{TrustedOperators: []*jwt.OperatorClaims{newOperator(t, nil)}}},
	} {
		_, err := check.Stamped(c.text, &c.o)
		require.ErrorIs(t, err, check.ErrStamped)
		require.ErrorContains(t, err, "Error processing trusted operator keys")
	}
}
