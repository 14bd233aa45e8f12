package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baridmq/barid/server/status"
)

// What is wrong with the options of Connz. ErrSort is wrapped together with the key.
var (
	ErrSort       = errors.New("invalid sorting option")
	ErrSortStop   = errors.New("sort by stop only valid on closed connections")
	ErrSortReason = errors.New("sort by reason only valid on closed connections")
	ErrFilter     = errors.New("filter by subject only valid with account filtering")
)

// everySubject as a filter is none: it lets those without subscriptions pass as well.
const everySubject = ">"

// Connz reports the connections that opts choose; nil opts stand for the zero value. Of open
// and closed it reads what the state asks for, so the other may be nil; both stay as they
// are. Entries with equal sort keys are in order of their ids, so that pages fit together.
func Connz(serverID string, now time.Time, opts *status.ConnzOptions, open, closed []Conn) (*status.Connz, error) {
	o, err := effective(opts)
	if err != nil {
		return nil, err
	}
	switch o.State {
	case status.ConnClosed:
		open = nil
	case status.ConnOpen:
		closed = nil
	}

	var chosen []*Conn
	total := 0
	for _, conns := range [...][]Conn{open, closed} {
		for i := range conns {
			c := &conns[i]
			if o.Account != "" && c.Login.Account != o.Account {
				continue
			}
			total++
			if wanted(c, &o) {
				chosen = append(chosen, c)
			}
		}
	}
	slices.SortFunc(chosen, order(o.Sort, now))

	z := &status.Connz{
		ID:     serverID,
		Now:    now.UTC(),
		Total:  total,
		Offset: o.Offset,
		Limit:  o.Limit,
		Conns:  []*status.ConnInfo{},
	}
	for _, c := range page(chosen, o.Offset, o.Limit) {
		z.Conns = append(z.Conns, c.info(now, &o))
	}
	z.NumConns = len(z.Conns)
	return z, nil
}

// effective fills in defaults and refuses what does not go together.
func effective(opts *status.ConnzOptions) (status.ConnzOptions, error) {
	var o status.ConnzOptions
	if opts != nil {
		o = *opts
	}
	if o.Sort == "" {
		o.Sort = status.ByCid
	}
	if o.FilterSubject == everySubject {
		o.FilterSubject = ""
	}
	o.Offset, o.Limit = paging(o.Offset, o.Limit, status.DefaultConnListSize)
	if o.CID != 0 {
		o.Offset, o.Limit = 0, 1
	}
	switch {
	case !o.Sort.IsValid():
		return o, fmt.Errorf("%w: %s", ErrSort, o.Sort)
	case o.Sort == status.ByStop && o.State != status.ConnClosed:
		return o, ErrSortStop
	case o.Sort == status.ByReason && o.State != status.ConnClosed:
		return o, ErrSortReason
	case o.FilterSubject != "" && o.Account == "":
		return o, ErrFilter
	}
	return o, nil
}

// wanted reports whether c passes the filters that leave the total as it is.
func wanted(c *Conn, o *status.ConnzOptions) bool {
	return (o.CID == 0 || c.CID == o.CID) &&
		(o.User == "" || c.Login.user() == o.User) &&
		(o.MQTTClient == "" || c.MQTTClient == o.MQTTClient) &&
		(o.FilterSubject == "" || c.listensTo(o.FilterSubject))
}

// order returns how to compare by a sort key.
func order(key status.SortOpt, now time.Time) func(a, b *Conn) int {
	by := comparison(key, now)
	return func(a, b *Conn) int { return cmp.Or(by(a, b), cmp.Compare(a.CID, b.CID)) }
}

func comparison(key status.SortOpt, now time.Time) func(a, b *Conn) int {
	switch key {
	case status.BySubs:
		return descending(func(c *Conn) uint32 { return c.NumSubs })
	case status.ByPending:
		return descending(func(c *Conn) int { return c.Pending })
	case status.ByOutMsgs:
		return descending(func(c *Conn) int64 { return c.Out.Msgs })
	case status.ByInMsgs:
		return descending(func(c *Conn) int64 { return c.In.Msgs })
	case status.ByOutBytes:
		return descending(func(c *Conn) int64 { return c.Out.Bytes })
	case status.ByInBytes:
		return descending(func(c *Conn) int64 { return c.In.Bytes })
	case status.ByIdle:
		return descending(func(c *Conn) time.Duration { return c.idle(now) })
	case status.ByRTT:
		return descending(func(c *Conn) time.Duration { return c.RTT })
	case status.ByLast:
		return func(a, b *Conn) int { return b.LastActivity.Compare(a.LastActivity) }
	case status.ByStop:
		return func(a, b *Conn) int { return b.Stop.Compare(a.Stop) }
	case status.ByUptime:
		return func(a, b *Conn) int { return cmp.Compare(a.lifetime(now), b.lifetime(now)) }
	case status.ByReason:
		return func(a, b *Conn) int { return strings.Compare(a.Reason, b.Reason) }
	default: // by cid, the tie break
		return func(a, b *Conn) int { return 0 }
	}
}

func descending[T cmp.Ordered](key func(*Conn) T) func(a, b *Conn) int {
	return func(a, b *Conn) int { return cmp.Compare(key(b), key(a)) }
}

// paging returns the effective offset and limit of a page.
func paging(offset, limit, size int) (int, int) {
	if limit <= 0 {
		limit = size
	}
	return max(offset, 0), limit
}

// page cuts a page out of all.
func page[T any](all []T, offset, limit int) []T {
	rest := all[min(offset, len(all)):]
	return rest[:min(limit, len(rest))]
}
