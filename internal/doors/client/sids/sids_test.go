package sids

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
)

// Random histories: whatever clients choose, the table agrees with a map.
func TestSidsAgreeWithAMap(t *testing.T) {
	counter := 0
	for name, choose := range map[string]func(r *rand.Rand) string{
		"counting up":  func(*rand.Rand) string { counter++; return strconv.Itoa(counter) },
		"few":          func(r *rand.Rand) string { return strconv.Itoa(r.IntN(20)) },
		"many":         func(r *rand.Rand) string { return strconv.Itoa(r.IntN(3000)) },
		"sparse":       func(r *rand.Rand) string { return strconv.Itoa(r.IntN(40) * 5000) },
		"huge":         func(r *rand.Rand) string { return strconv.FormatUint(1e18-1-r.Uint64N(300), 10) },
		"far apart":    func(r *rand.Rand) string { return strconv.FormatUint(r.Uint64N(3)*4e17+r.Uint64N(50), 10) },
		"words":        func(r *rand.Rand) string { return fmt.Sprintf("s%d", r.IntN(30)) },
		"odd numbers":  func(r *rand.Rand) string { return fmt.Sprintf("%0*d", 1+r.IntN(4), r.IntN(20)) },
		"beyond words": func(r *rand.Rand) string { return "1844674407370955161" + strconv.Itoa(r.IntN(10)) },
		"counting down": func(r *rand.Rand) string {
			counter++
			return strconv.Itoa(1_000_000 - counter)
		},
		"windows": func(r *rand.Rand) string { // what a long life of short subscriptions looks like
			counter += r.IntN(3)
			return strconv.Itoa(counter - counter%97)
		},
		"a mixture": func(r *rand.Rand) string {
			return [...]string{strconv.Itoa(r.IntN(500)), fmt.Sprint("x", r.IntN(9)), strconv.Itoa(r.IntN(1e9)), "0"}[r.IntN(4)]
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(12) {
				counter = 0
				random := rand.New(rand.NewPCG(seed, 3))
				var table Table
				model, order, most := map[string]*account.Sub{}, []string{}, 0
				for range 600 {
					sid := choose(random)
					if len(order) > 0 && random.IntN(100) < 20+30*int(seed%2) { // every other history stays small
						sid = order[random.IntN(len(order))]
					}
					require.Same(t, model[sid], table.Get([]byte(sid)), sid)
					if s := model[sid]; s != nil {
						table.Remove(s)
						delete(model, sid)
						order = slices.DeleteFunc(order, func(o string) bool { return o == sid })
					} else {
						s := account.NewSub(&account.Owner{}, []byte(sid), nil)
						table.Put(s)
						model[sid] = s
						order = append(order, sid)
					}
					most = max(most, len(model))
					require.Equal(t, len(model), table.count)
				}
				for sid, s := range model {
					require.Same(t, s, table.Get([]byte(sid)), sid)
				}
				seen := map[string]*account.Sub{}
				table.Each(func(s *account.Sub) { seen[string(s.AppendSID(nil))] = s })
				require.Equal(t, model, seen)
				require.LessOrEqual(t, len(table.window), 2*most+windowSlack+1, "memory for sids that nobody chose")

				table.Each(table.Remove)
				require.Zero(t, table.count)
				for sid := range model {
					require.Nil(t, table.Get([]byte(sid)))
				}
			}
		})
	}
}

// A connection that subscribes and unsubscribes for a long time keeps a small window, and its
// sids stay in it.
func TestTheWindowSlides(t *testing.T) {
	var table Table
	live := []*account.Sub{}
	for i := range 100_000 {
		s := account.NewSub(&account.Owner{}, strconv.AppendInt(nil, int64(i), 10), nil)
		table.Put(s)
		if live = append(live, s); len(live) > 10 {
			table.Remove(live[0])
			live = live[1:]
		}
		require.LessOrEqual(t, len(table.window), 2*11+windowSlack+1)
	}
	require.Empty(t, table.far)
	for _, s := range live {
		require.Same(t, s, table.Get(s.AppendSID(nil)))
	}
}
