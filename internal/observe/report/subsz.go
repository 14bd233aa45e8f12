package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/server/status"
)

// Index is a snapshot of the subscription index of one account. Counters run since start.
type Index struct {
	Account   string
	Tag       string // name that people gave the account; empty for its name
	Subs      uint32
	Inserts   uint64
	Removes   uint64
	Matches   uint64
	Hits      uint64 // matches answered by the cache
	Cached    uint32 // results in the cache
	MaxFanout uint32 // entries of the widest cached result
	SumFanout uint64 // entries of all cached results

	// Each calls f for the subscriptions until f returns false, always in the same order while
	// nothing changes. It is called only if somebody asks for a list. nil = there are none.
	Each func(f func(Entry) bool)
}

// Entry is a subscription in an index.
type Entry interface {
	// Subject returns what is subscribed to.
	Subject() string
	// Snapshot returns all that is shown of it.
	Snapshot() Sub
}

// ErrTestSubject says that the test subject of Subsz is not literal; it is wrapped together
// with the subject.
var ErrTestSubject = errors.New("invalid test subject, must be valid publish subject")

// Subsz reports the sum of the subscription indexes that opts choose; nil opts stand for the
// zero value. The list is cut out while the indexes are read, so it takes no more memory than the
// page. Pages fit together as long as nobody subscribes or unsubscribes.
func Subsz(serverID string, now time.Time, opts *status.SubszOptions, accounts []Index) (*status.Subsz, error) {
	var o status.SubszOptions
	if opts != nil {
		o = *opts
	}
	if o.Test != "" && !subject.ValidPublish(o.Test) {
		return nil, fmt.Errorf("%w: %s", ErrTestSubject, o.Test)
	}
	if o.Account != "" {
		accounts = slices.DeleteFunc(slices.Clone(accounts), func(x Index) bool { return x.Account != o.Account })
	}
	z := &status.Subsz{ID: serverID, Now: now.UTC(), SublistStats: SublistStats(accounts...)}
	z.Offset, z.Limit = paging(o.Offset, o.Limit, status.DefaultSubListSize)
	if o.Subscriptions {
		for i := range accounts {
			list(z, &accounts[i], o.Test)
		}
	}
	return z, nil
}

// list adds the part of an index that belongs to the page of z. Without a test the total is known
// beforehand, so reading ends with the page.
func list(z *status.Subsz, x *Index, test string) {
	seen := z.Total
	if test == "" {
		z.Total += int(x.Subs)
	}
	if x.Each == nil || test == "" && (z.Total <= z.Offset || len(z.Subs) == z.Limit) {
		return
	}
	x.Each(func(e Entry) bool {
		if test != "" {
			if !subject.Matches(test, e.Subject()) {
				return true
			}
			z.Total++
		}
		seen++
		if seen > z.Offset && len(z.Subs) < z.Limit {
			s := e.Snapshot()
			d := s.detail()
			d.Account, d.AccountTag = x.Account, cmp.Or(x.Tag, x.Account)
			z.Subs = append(z.Subs, d)
		}
		return test != "" || len(z.Subs) < z.Limit
	})
}

// SublistStats sums up the counters of indexes.
func SublistStats(indexes ...Index) *status.SublistStats {
	z := new(status.SublistStats)
	var hits, fanout uint64
	for i := range indexes {
		x := &indexes[i]
		z.NumSubs += x.Subs
		z.NumCache += x.Cached
		z.NumInserts += x.Inserts
		z.NumRemoves += x.Removes
		z.NumMatches += x.Matches
		z.MaxFanout = max(z.MaxFanout, x.MaxFanout)
		hits += x.Hits
		fanout += x.SumFanout
	}
	if z.NumMatches > 0 {
		z.CacheHitRate = float64(hits) / float64(z.NumMatches)
	}
	if z.NumCache > 0 {
		z.AvgFanout = float64(fanout) / float64(z.NumCache)
	}
	return z
}
