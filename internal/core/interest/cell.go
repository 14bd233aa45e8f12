package interest

import (
	"strings"
	"unsafe"
)

// cell is an entry of a table: a key, whose bytes never change, and what belongs to it.
type cell[V any] struct {
	key string
	val V
}

// newCell returns a cell for key with a copy of its bytes behind it in the same allocation, so
// that comparing them needs no further wait for memory and no object of their own. The room
// comes in steps that, behind the head of a node (32 bytes) or of a branch (56), are sizes the
// allocator has; a node of up to 32 bytes and a branch of up to 8 are one cache line. Longer
// keys, which are rare, are apart.
func newCell[V any](key string) *cell[V] {
	switch n := len(key); {
	case n <= 8:
		c := new(struct {
			cell[V]
			room [8]byte
		})
		c.key = textOf(c.room[:copy(c.room[:], key)])
		return &c.cell
	case n <= 16:
		c := new(struct {
			cell[V]
			room [16]byte
		})
		c.key = textOf(c.room[:copy(c.room[:], key)])
		return &c.cell
	case n <= 32:
		c := new(struct {
			cell[V]
			room [32]byte
		})
		c.key = textOf(c.room[:copy(c.room[:], key)])
		return &c.cell
	case n <= 48:
		c := new(struct {
			cell[V]
			room [48]byte
		})
		c.key = textOf(c.room[:copy(c.room[:], key)])
		return &c.cell
	default:
		c := new(cell[V])
		c.key = strings.Clone(key)
		return c
	}
}

// textOf returns b as a string without copying it. It is good for as long as nobody writes to
// b: for the time of a call with bytes of the caller, forever with the room of a cell, which
// is written before the cell is published and then never again.
func textOf(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
