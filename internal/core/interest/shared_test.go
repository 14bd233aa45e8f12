package interest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A long list that was gathered once is handed to several readers, each of which adds members of
// other subjects to it: none may find what another has added.
func TestReadersDoNotAppendToASharedList(t *testing.T) {
	const crowd, guests = 300, 3
	x := New[string]()
	insert := func(subject string, n int) {
		for range n {
			x.Insert([]byte(subject), "q", &subject)
		}
	}
	insert("foo.>", crowd)
	insert("foo.*.a", guests)
	insert("foo.*.b", guests)
	var m Matches[string]
	for range 4 * restful { // until the list is kept
		x.Match([]byte("foo.1.x"), &m)
	}
	var wg sync.WaitGroup
	for _, last := range []string{"a", "b"} {
		wg.Go(func() {
			var m Matches[string]
			for range 20_000 {
				x.Match([]byte("foo.1."+last), &m)
				for _, member := range m.Queues[0].Members {
					if *member != "foo.>" && *member != "foo.*."+last {
						t.Errorf("a match of foo.1.%s has a member of %s", last, *member)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, crowd+2*guests, x.Len())
}
