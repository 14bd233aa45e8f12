package perm

import (
	"fmt"
	"testing"
	"time"
)

// benchSubjects are as many different subjects as a cache of decisions would not hold.
func benchSubjects() [][]byte {
	s := make([][]byte, 1<<14)
	for i := range s {
		s[i] = fmt.Appendf(nil, "orders.region-%d.customer.%d.placed", i%2000, i)
	}
	return s
}

// benchList has n entries, a third each of literal ones, with "*" and with ">".
func benchList(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf([]string{"orders.region-%d.>", "orders.*.customer.%d.placed", "orders.region-%d.customer.1.placed"}[i%3], i))
	}
	return list
}

func BenchmarkMay(b *testing.B) {
	subjects := benchSubjects()
	for _, n := range []int{1, 10, 1000} {
		list := benchList(n)
		queues := make([]string, n)
		for i := range queues {
			queues[i] = list[i] + " v1.*"
		}
		both, err := Compile(Rules{Publish: List{Allow: append(list, "orders.>"), Deny: list}, Subscribe: List{Deny: append(list, queues...)}})
		if err != nil {
			b.Fatal(err)
		}
		for name, ask := range map[string]func([]byte) bool{
			"publish": both.MayPublish,
			"receive": func(s []byte) bool { return both.MayReceive(s, "") },
			"queue":   func(s []byte) bool { return both.MayReceive(s, "v1.a") },
			"filters": func(s []byte) bool { return both.Filters("orders.region-5000.*.a.b", "") },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					ask(subjects[i&(len(subjects)-1)])
				}
			})
		}
	}
}

func BenchmarkGrants(b *testing.B) {
	r, now := &Responses{}, time.Now()
	subjects := benchSubjects()
	b.Run("answered", func(b *testing.B) {
		var g Grants
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s := subjects[i&(len(subjects)-1)]
			g.Allow(s, r, now)
			g.Take(s, now)
		}
	})
	b.Run("flood", func(b *testing.B) {
		var g Grants
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			g.Allow(subjects[i&(len(subjects)-1)], r, now)
		}
	})
}
