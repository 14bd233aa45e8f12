package report

import (
	"errors"
	"fmt"
	"time"

	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/server/status"
)

// Index is a snapshot of the subscription index of one account. Counters run since start.
type Index struct {
	Account   string
	Subs      uint32
	Inserts   uint64
	Removes   uint64
	Matches   uint64
	Hits      uint64 // matches answered by the cache
	Cached    uint32 // results in the cache
	MaxFanout uint32 // entries of the widest cached result
	SumFanout uint64 // entries of all cached results
}

// ErrTestSubject says that the test subject of Subsz is not literal; it is wrapped together
// with the subject.
var ErrTestSubject = errors.New("invalid test subject, must be valid publish subject")

// Subsz reports the sum of the subscription indexes that opts choose; nil opts stand for the
// zero value. It lists no subscriptions yet.
func Subsz(serverID string, now time.Time, opts *status.SubszOptions, accounts []Index) (*status.Subsz, error) {
	var o status.SubszOptions
	if opts != nil {
		o = *opts
	}
	if o.Test != "" && !subject.ValidPublish(o.Test) {
		return nil, fmt.Errorf("%w: %s", ErrTestSubject, o.Test)
	}
	z := &status.Subsz{ID: serverID, Now: now.UTC(), SublistStats: &status.SublistStats{}}
	z.Offset, z.Limit = paging(o.Offset, o.Limit, status.DefaultSubListSize)

	var hits, fanout uint64
	for _, x := range accounts {
		if o.Account != "" && x.Account != o.Account {
			continue
		}
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
	return z, nil
}
