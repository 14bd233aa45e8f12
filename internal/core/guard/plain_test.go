//go:build !guard

package guard

import (
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestPlainTypesAddNothing(t *testing.T) {
	require.Equal(t, unsafe.Sizeof(sync.Mutex{}), unsafe.Sizeof(Leaf{}))
	require.Equal(t, unsafe.Sizeof(sync.Mutex{}), unsafe.Sizeof(Owner{}))
	require.Equal(t, unsafe.Sizeof(sync.RWMutex{}), unsafe.Sizeof(RWLeaf{}))
}
