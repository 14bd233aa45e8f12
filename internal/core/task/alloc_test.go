//go:build !guard

package task

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The one allocation is the closure of the go statement. Under the tag guard the leaf itself
// allocates.
func TestGoAllocatesOnce(t *testing.T) {
	g := New(nil)
	f := func() {}
	g.Go("f", f)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		g.Go("f", f)
		for running(g) > 0 {
			runtime.Gosched()
		}
	}), 1.0)
}

func running(g *Group) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.total
}
