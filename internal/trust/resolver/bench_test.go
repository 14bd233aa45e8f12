package resolver

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

const many = 10_000

// crowd fills a directory with accounts.
func crowd(b *testing.B) (dir string, ids []string) {
	b.Helper()
	dir = b.TempDir()
	op := operator(b)
	for i := range many {
		id := account(b)
		ids = append(ids, id)
		token := op.token(b, id, fmt.Sprint("account ", i), nil)
		if err := os.WriteFile(filepath.Join(dir, id+".jwt"), []byte(token), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return dir, ids
}

// BenchmarkOpen is the start of a server with 10,000 accounts. B/account is what stays in memory.
func BenchmarkOpen(b *testing.B) {
	dir, _ := crowd(b)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		before := heap()
		b.StartTimer()
		d, err := OpenDirectory(DirectoryConfig{Path: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/many, "B/account")
		_ = d.Close()
		b.StartTimer()
	}
}

func BenchmarkFetch(b *testing.B) {
	dir, ids := crowd(b)
	d, err := OpenDirectory(DirectoryConfig{Path: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	b.Run("known", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			if _, err := d.Fetch(b.Context(), ids[i%len(ids)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unknown", func(b *testing.B) {
		id := account(b)
		for b.Loop() {
			if _, err := d.Fetch(b.Context(), id); err == nil {
				b.Fatal("found")
			}
		}
	})
}

func BenchmarkSave(b *testing.B) {
	d, _ := open(b, DirectoryConfig{})
	id := account(b)
	i := 0
	for b.Loop() {
		i++
		if _, err := d.Save(id, made(id, fmt.Sprint(i), int64(i), 0)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	dir, _ := crowd(b)
	d, err := OpenDirectory(DirectoryConfig{Path: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	for b.Loop() {
		if ids, _ := d.List(); len(ids) != many {
			b.Fatal(len(ids))
		}
	}
}
