//go:build !guard

package fanout

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
)

// Once its buffers have grown, a trip allocates nothing, whatever it carries. Under the tag guard
// locks allocate, and under the race detector pools forget, so it is one trip all the time.
func TestATripAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		name, text string
		setup      func(a *account.Account)
	}{
		{"one receiver", "s=1 s=1 s=1", func(a *account.Account) { quiets(a, 1, "s", "") }},
		{"many receivers", "s=1 s=22 s=333", func(a *account.Account) { quiets(a, 200, "s", "") }},
		{"a queue", "s=1 s=1 s=22", func(a *account.Account) { quiets(a, 8, "s", "q") }},
		{"two queues over several subjects", "s.a=1 s.b=1 s.c=1", func(a *account.Account) {
			quiets(a, 4, "s.*", "q")
			quiets(a, 4, "s.a", "q")
			quiets(a, 4, "s.>", "r")
		}},
		{"wildcards", "s.a=1 s.b=1 t.c=1", func(a *account.Account) {
			quiets(a, 3, "*.*", "")
			quiets(a, 3, "s.>", "")
		}},
		{"nobody", "s=1 t=1", func(*account.Account) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount()
			c.setup(a)
			buf, msgs := lay(pubs(strings.Repeat(c.text+" ", 20)))
			own := newQuiet(1)
			trip := Get()
			defer trip.Put()
			round := func() {
				trip.Begin(Batch{Origin: 1, Buf: buf, Own: &own.box, Now: time.Time{}})
				for i := range msgs {
					trip.Add(a, &msgs[i])
				}
				trip.Say([]byte("PONG "), true)
				trip.Flush()
			}
			round()
			require.Zero(t, testing.AllocsPerRun(50, round))
		})
	}
}
