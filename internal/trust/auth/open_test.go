package auth

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
)

func TestOpenLetsEverybodyIn(t *testing.T) {
	a := account.NewRegistry().Get(account.Global)
	o := NewOpen(a)
	require.False(t, o.Required())
	for _, c := range []identity.Credentials{
		{},
		{User: "alice", Pass: "wrong"},
		{Token: "t", JWT: "j", NKey: "n", Sig: "s"},
	} {
		id, err := o.Authenticate(t.Context(), &c)
		require.NoError(t, err)
		require.Same(t, a, id.Account)
		require.Nil(t, id.Permissions)
		require.Equal(t, account.Unlimited(), id.Limits)
		require.Empty(t, id.Label)
	}
}

// An identity is shared by all connections, so that a connection costs none of its own.
func TestOpenAllocatesNothing(t *testing.T) {
	o := NewOpen(account.NewRegistry().Get(account.Global))
	ctx, c := t.Context(), &identity.Credentials{}
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = o.Authenticate(ctx, c) }))
}
