package interest

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTableCollisions drives one table with hashes that collide in line, tag or both.
func TestTableCollisions(t *testing.T) {
	tests := []struct {
		name string
		hash func(i int) uint64
	}{
		{"same hash", func(int) uint64 { return 3 }},
		{"same line", func(i int) uint64 { return 3 | uint64(i)<<56 }},
		{"last line", func(i int) uint64 { return 7 | uint64(i)<<56 }},
		{"same tag", func(i int) uint64 { return uint64(i) % 8 }},
		{"neighbours in tag", func(i int) uint64 { return uint64(i/2)%8 | uint64(i%4)<<56 }},
		{"random", func(i int) uint64 { return uint64(i) * 0x9e37_79b9_7f4a_7c15 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			tab := newTable[int](8, 0)
			hash := map[string]uint64{}
			var in, out []*cell[int]
			for i := range 8 * fullLine {
				c := newCell[int](fmt.Sprint("key", i))
				hash[c.key] = tt.hash(i)
				out = append(out, c)
			}
			for step := range 2000 {
				if len(out) > 0 && (len(in) == 0 || rnd.IntN(100) < 55) {
					i := rnd.IntN(len(out))
					c := out[i]
					require.Nil(t, tab.find(hash[c.key], c.key))
					tab.place(c, hash[c.key])
					in, out = append(in, c), append(out[:i], out[i+1:]...)
				} else {
					i := rnd.IntN(len(in))
					c := in[i]
					require.Same(t, c, tab.find(hash[c.key], c.key))
					tab.take(c, hash[c.key])
					in, out = append(in[:i], in[i+1:]...), append(out, c)
				}
				require.Equal(t, len(in), *tab.used)
				if step%20 == 0 {
					requireSoundLines(t, tab, func(key string) uint64 { return hash[key] })
				}
			}
		})
	}
}

// TestPassedStays lets more cells pass one line than the mark can count.
func TestPassedStays(t *testing.T) {
	tab := newTable[int](64, 0)
	var cells []*cell[int]
	for i := range 64 * fullLine {
		c := newCell[int](fmt.Sprint(i))
		cells = append(cells, c)
		tab.place(c, 5)
	}
	for i, c := range cells {
		require.Same(t, c, tab.find(5, c.key))
		tab.take(c, 5)
		require.Nil(t, tab.find(5, c.key))
		if i+1 < len(cells) {
			require.NotNil(t, tab.find(5, cells[i+1].key))
		}
	}
	require.Zero(t, *tab.used)
}

func TestTakeOfAStranger(t *testing.T) {
	x, y := New[item](), New[item]()
	it := &item{1}
	n := x.Insert([]byte("a"), "", it)
	y.Insert([]byte("b"), "", it)
	require.Panics(t, func() { y.Remove(n, "", it) })
}

func TestDirectory(t *testing.T) {
	seed := maphash.MakeSeed()
	rnd := rand.New(rand.NewPCG(3, 4))
	var d directory[int]
	model := map[string]*cell[int]{}
	most := 0
	for _, target := range []int{1, 0, 6, 7, 0, 500, 40, 3072, 3073, 3071, 6150, 6140, 7000, 16_000, 5000, 1200, 1000, 7000, 400, 60, 0, 3} {
		for len(model) != target {
			key := fmt.Sprint(rnd.IntN(20_000))
			hash := maphash.String(seed, key)
			c := d.find(hash, key)
			if c != model[key] {
				t.Fatalf("%q is found wrongly", key)
			}
			switch {
			case c == nil && len(model) < target:
				model[key] = newCell[int](key)
				d.add(model[key], hash, seed)
			case c != nil && len(model) > target:
				d.drop(c, hash, seed)
				delete(model, key)
			}
		}
		if tab := d.at.Load(); tab != nil && tab.fan != nil {
			most = max(most, len(tab.fan.places))
		}
		requireSoundTable(t, seed, &d)
		count := 0
		for c := range d.all(seed) {
			if c != model[c.key] {
				t.Fatalf("%q is not there", c.key)
			}
			count++
		}
		require.Len(t, model, count)
	}
	require.Equal(t, 8, most, "16 000 cells need 8 tables")
}
