package account

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegistryHasTheGlobalAccount(t *testing.T) {
	r := NewRegistry()
	g := r.Get(Global)
	require.NotNil(t, g)
	require.Equal(t, Global, g.Name())
	require.Equal(t, Unlimited(), g.Limits())
	require.Equal(t, []*Account{g}, r.All())
	require.Nil(t, r.Get("A"))
}

func TestPutMakesOrChanges(t *testing.T) {
	r := NewRegistry()
	b := r.Put(Spec{Name: "B", Limits: Limits{Connections: 1, Subscriptions: 2, Payload: 3}})
	a := r.Put(Spec{Name: "A", Limits: Unlimited()})
	require.Same(t, b, r.Get("B"))
	require.Equal(t, []*Account{r.Get(Global), a, b}, r.All(), "in the order of their names")

	require.True(t, b.Join())
	require.False(t, b.Join())
	require.Same(t, b, r.Put(Spec{Name: "B", Limits: Limits{Connections: 2, Subscriptions: -1, Payload: -1}}))
	require.Equal(t, Limits{Connections: 2, Subscriptions: -1, Payload: -1}, b.Limits())
	require.Equal(t, 1, b.Connections(), "who is there stays")
	require.True(t, b.Join())
}

// Two registries are two servers of a process: they share nothing.
func TestRegistriesShareNothing(t *testing.T) {
	a, b := NewRegistry(), NewRegistry()
	require.NotSame(t, a.Get(Global), b.Get(Global))
	a.Get(Global).Subscribe(NewSub(&Owner{}, []byte("1"), nil), []byte("x"))
	require.Zero(t, b.Get(Global).Subscriptions())
}

func TestPutByManyMakesOneAccount(t *testing.T) {
	for range 200 {
		r := NewRegistry()
		var made [4]*Account
		var missing atomic.Int64
		several(len(made), func(i int) {
			made[i] = r.Put(Spec{Name: "A", Limits: Unlimited()})
			if r.Get("A") != made[i] {
				missing.Add(1)
			}
			r.All()
		})
		for _, a := range made {
			require.Same(t, made[0], a)
		}
		require.Zero(t, missing.Load())
		require.Len(t, r.All(), 2)
	}
}

// A removed account stays valid for those who have it; one of its name that comes later is another.
func TestRemove(t *testing.T) {
	r := NewRegistry()
	a := r.Put(Spec{Name: "A", Limits: Unlimited()})
	require.True(t, a.Join())
	require.True(t, r.Remove("A"))
	require.False(t, r.Remove("A"))
	require.Nil(t, r.Get("A"))
	require.Equal(t, 1, a.Connections())
	a.Leave()
	require.NotSame(t, a, r.Put(Spec{Name: "A", Limits: Unlimited()}))
	require.False(t, r.Remove(Global), "it is always there")
	require.NotNil(t, r.Get(Global))
}
