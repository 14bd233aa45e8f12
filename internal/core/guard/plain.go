//go:build !guard

package guard

import "sync"

// Leaf is a mutex under which no other lock may be taken. The zero value is unlocked.
type Leaf struct{ sync.Mutex }

// RWLeaf is a reader/writer mutex under which no other lock may be taken. The zero value is
// unlocked.
type RWLeaf struct{ sync.RWMutex }

// Owner is a mutex under which leaves may be taken, one at a time, but no other Owner. The zero value
// is unlocked.
type Owner struct{ sync.Mutex }
