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
	a.answers.most = 256 << 10
	now := time.Now()
	_, first := p.Expect(nil, []byte("r"), nil, now)
	big := make([]byte, 1<<10)
	for range 257 {
		p.Expect(nil, big, nil, now)
	}
	require.Nil(t, a.answers.mu.requests[first.token])
	require.LessOrEqual(t, a.answers.mu.bytes, a.answers.most+2<<10)
	require.Less(t, a.PendingReplies(), 257)
	first.Forget() // once more is no harm
	n := a.PendingReplies()
	dst, last := p.Expect([]byte("x"), []byte("r"), "note", now)
	require.Regexp(t, `^x_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6}$`, string(dst))
	require.LessOrEqual(t, a.PendingReplies(), n+1)
	require.Empty(t, r.Expire(now.Add(DefaultThreshold-time.Second)))
	require.Equal(t, []*Request{last}, r.Expire(now.Add(DefaultThreshold)))
	require.Zero(t, a.PendingReplies())
	require.Zero(t, a.answers.mu.bytes)

	_, last = p.Expect(nil, []byte("r"), nil, now)
	require.True(t, last.Open())
	require.True(t, r.Remove("B"))
	require.False(t, last.Open(), "who asked is gone")
	require.True(t, r.Remove("A"))
	require.Zero(t, a.PendingReplies())
}
