package account

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Subscriptions that come and go while imports do leave nothing behind, and those that stay have their
// shadows.
func TestSubscribingWhileImportsChange(t *testing.T) {
	r := NewRegistry()
	a := r.Put(Spec{Name: "A", Exports: everything})
	with := Spec{Name: "B", Imports: []Import{{Account: "A", Subject: "a.*", Local: "b.$1"}}}
	other := Spec{Name: "B", Imports: []Import{{Account: "A", Subject: "a.>"}}}
	none := Spec{Name: "B"}
	b := r.Put(with)
	extra := a.Subscriptions()
	var busy atomic.Int64
	busy.Store(2)
	kept := make([][]*Sub, 2)
	several(3, func(i int) {
		if i == 2 {
			for n := 0; busy.Load() > 0; n++ {
				r.Put([]Spec{with, other, none}[n%3])
			}
			return
		}
		defer busy.Add(-1)
		o := &Owner{}
		for n := range 600 {
			s := NewSub(o, []byte("1"), nil)
			b.Subscribe(s, fmt.Appendf(nil, "b.%d", n%10))
			if n%100 == 0 {
				kept[i] = append(kept[i], s)
			} else {
				b.Unsubscribe(s)
			}
		}
	})
	r.Put(with)
	require.Equal(t, extra+12, a.Subscriptions())
	var m Matches
	a.Match([]byte("a.0"), &m)
	require.Len(t, m.Plain, 12)
	for _, all := range kept {
		for _, s := range all {
			require.True(t, b.Unsubscribe(s))
		}
	}
	require.Equal(t, extra, a.Subscriptions())
	require.Empty(t, b.wiring.shadows)
	r.Put(none)
	require.False(t, b.shadowed.Load())
}

// Entries and shadows that are wanted before and after a change stay what they are.
func TestUpdatesKeepEntries(t *testing.T) {
	r := NewRegistry()
	a := r.Put(Spec{Name: "A", Exports: everything})
	spec := Spec{Name: "B", Imports: []Import{{Account: "A", Subject: "a"}, {Account: "A", Kind: Service, Subject: "s", Local: "t"}}}
	b := r.Put(spec)
	b.Subscribe(NewSub(&Owner{}, []byte("1"), nil), []byte("*"))
	find := func(acc *Account, subject string) *Sub {
		var m Matches
		acc.Match([]byte(subject), &m)
		for _, s := range m.Plain {
			if s.Foreign() {
				return s
			}
		}
		return nil
	}
	shadow, entry := find(a, "a"), find(b, "t")
	require.NotNil(t, shadow)
	require.NotNil(t, entry)
	spec.Limits.Connections = 7
	spec.Imports = append(spec.Imports[:2:2], Import{Account: "A", Subject: "b.>"})
	r.Put(spec)
	r.Put(Spec{Name: "A", Exports: []Export{{Subject: "*"}, {Subject: "b.>"}, {Subject: "s", Kind: Service}}})
	require.Same(t, shadow, find(a, "a"))
	require.Same(t, entry, find(b, "t"))
	r.Put(Spec{Name: "A"})
	require.Nil(t, find(a, "a"))
	require.Nil(t, find(b, "t"))
}

// The table of requests has room for so many; the oldest go first.
func TestRequestsAreBounded(t *testing.T) {
	r := NewRegistry()
	a := r.Put(Spec{Name: "A", Exports: []Export{{Kind: Service, Subject: "*"}}})
	b := r.Put(Spec{Name: "B", Imports: []Import{{Kind: Service, Account: "A", Subject: "s"}}})
	p := b.plan.Load().services[0]
	via := newRoute(p)
	a.answers.most = 256 << 10
	now := time.Now()
	_, first := p.Expect(nil, []byte("r"), via, nil, now)
	big := make([]byte, 1<<10)
	for range 257 {
		p.Expect(nil, big, via, nil, now)
	}
	require.Nil(t, a.answers.mu.requests[first.token])
	require.LessOrEqual(t, a.answers.mu.bytes, a.answers.most+2<<10)
	require.Less(t, a.PendingReplies(), 257)
	first.Forget() // once more is no harm
	n := a.PendingReplies()
	dst, last := p.Expect([]byte("x"), []byte("r"), via, "note", now)
	require.Regexp(t, `^x_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6}$`, string(dst))
	require.LessOrEqual(t, a.PendingReplies(), n+1)
	late, next := r.Expire(now.Add(DefaultThreshold - 300*time.Millisecond))
	require.Empty(t, late)
	require.Equal(t, now.Add(DefaultThreshold), next, "when its time is over")
	late, next = r.Expire(now.Add(DefaultThreshold))
	require.Equal(t, []*Request{last}, late)
	require.Equal(t, now.Add(DefaultThreshold+time.Second), next)
	require.Zero(t, a.PendingReplies())
	require.Zero(t, a.answers.mu.bytes)

	_, last = p.Expect(nil, []byte("r"), via, nil, now)
	require.True(t, last.Open())
	require.True(t, r.Remove("B"))
	require.False(t, last.Open(), "who asked is gone")
	require.True(t, r.Remove("A"))
	require.Zero(t, a.PendingReplies())
}

// Who floods a service pushes out requests of its own, not those of others, and has one share in all
// tables.
func TestFloodsPushOutTheirOwn(t *testing.T) {
	r := NewRegistry()
	exporters := []*Account{r.Put(Spec{Name: "A", Exports: everything}), r.Put(Spec{Name: "Z", Exports: everything})}
	for _, a := range exporters {
		a.answers.most = 64 << 10
	}
	expect := func(importer, exporter string) *Request {
		b := r.Get(importer)
		if b == nil {
			b = r.Put(Spec{Name: importer, Imports: []Import{{Kind: Service, Account: "A", Subject: "s"}, {Kind: Service, Account: "Z", Subject: "s", Local: "z"}}})
		}
		for _, p := range b.plan.Load().services {
			if p.exporter.name == exporter {
				_, asked := p.Expect(nil, []byte("r"), newRoute(p), nil, time.Now())
				return asked
			}
		}
		return nil
	}
	open := func(asked *Request) bool {
		tab := &asked.Passage.exporter.answers
		return tab.mu.requests[asked.token] == asked
	}
	quiet := expect("quiet", "A")
	share := (64 << 10) / shares
	for range 1000 {
		expect("loud", "A")
		expect("loud", "Z")
	}
	require.True(t, open(quiet))
	require.LessOrEqual(t, int(r.Get("loud").asking.Load()), share+2*512)
	for i := range 20 { // more than the table has shares
		for range 100 {
			expect(fmt.Sprint("loud", i), "A")
		}
	}
	require.True(t, open(quiet))
	require.LessOrEqual(t, exporters[0].answers.mu.bytes, 64<<10+512)
	late, _ := r.Expire(time.Now().Add(time.Hour))
	require.Empty(t, late, "none is measured")
	for _, a := range exporters {
		require.Zero(t, a.PendingReplies())
		require.Empty(t, a.answers.mu.holders)
	}
	require.Zero(t, r.Get("loud").asking.Load())
	expect("loud", "A")
	require.True(t, r.Remove("A"))
	require.Zero(t, r.Get("loud").asking.Load())
}

// Services that have less than a second to answer are looked at more often, if that is measured.
func TestExpireSaysWhenToComeAgain(t *testing.T) {
	r, now := NewRegistry(), time.Now()
	for _, c := range []struct {
		export Export
		next   time.Duration
	}{
		{Export{Kind: Service, Subject: "s", Threshold: 300 * time.Millisecond}, time.Second},
		{Export{Kind: Service, Subject: "s", Threshold: time.Second, Latency: &Latency{}}, time.Second},
		{Export{Kind: Service, Subject: "s", Threshold: 300 * time.Millisecond, Latency: &Latency{}}, 100 * time.Millisecond},
	} {
		r.Put(Spec{Name: "A", Exports: []Export{c.export}})
		_, next := r.Expire(now)
		require.Equal(t, c.next, next.Sub(now))
	}
}
