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

// MostListed bounds the subscriptions on a page of /connz, and on one of /subsz whatever limit is
// asked for: a million of them in one answer would take a gigabyte.
const MostListed = 100_000

// Conns is a list of connections that is read one by one, so that nobody has to hold all of them
// in the shape of a report.
type Conns struct {
	Len int // 0 = none, then At may be nil

	// At returns the entry at i, from 0 to Len-1. It is called up to three times for some.
	At func(i int) Conn
}

// OpenTotals sums up the open connections. In and out are as seen by the server.
type OpenTotals struct {
	Connections   int
	Pending       int64 // bytes queued for them
	Subscriptions int64
	In, Out       Tally
}

// Population is what Connz chooses from.
type Population struct {
	Open, Closed Conns

	// Subs lists the subscriptions of the connections whose ids have a quota, and no more of each
	// than that. It is called at most once, if somebody asks for them. nil = there are none.
	Subs func(quota map[uint64]int) map[uint64][]Sub

	// Interested returns the ids of the connections that have a subscription in the account which
	// overlaps the subject. It is called at most once, if that is asked for. nil = there are none.
	Interested func(account, subject string) map[uint64]bool
}

// Connz reports the connections that opts choose; nil opts stand for the zero value. Of open
// and closed it reads what the state asks for. Entries with equal sort keys are in order of their
// ids, so that pages fit together. Only keys are sorted: entries are made for the page alone.
func Connz(serverID string, now time.Time, opts *status.ConnzOptions, from Population) (*status.Connz, error) {
	o, err := effective(opts)
	if err != nil {
		return nil, err
	}
	var interested map[uint64]bool
	if o.FilterSubject != "" && from.Interested != nil {
		interested = from.Interested(o.Account, o.FilterSubject)
	}
	lists := from.chosen(o.State)
	var keys []key
	total := 0
	for n, list := range lists {
		for i := range list.Len {
			c := list.At(i)
			if o.Account != "" && c.Login.Account != o.Account {
				continue
			}
			total++
			if wanted(&c, &o) && (o.FilterSubject == "" || interested[c.CID]) {
				k := keyOf(&c, o.Sort, now)
				k.list, k.at = n, i
				keys = append(keys, k)
			}
		}
	}
	slices.SortFunc(keys, key.compare)
	keys = page(keys, o.Offset, o.Limit)

	z := &status.Connz{
		ID:       serverID,
		Now:      now.UTC(),
		NumConns: len(keys),
		Total:    total,
		Offset:   o.Offset,
		Limit:    o.Limit,
		Conns:    make([]*status.ConnInfo, 0, len(keys)),
	}
	subs := from.subsOf(lists, keys, &o)
	for _, k := range keys {
		c := lists[k.list].At(k.at)
		z.Conns = append(z.Conns, c.info(now, &o, subs[k.cid]))
	}
	return z, nil
}

// chosen returns the lists that a state asks for.
func (p *Population) chosen(state status.ConnState) []Conns {
	switch state {
	case status.ConnClosed:
		return []Conns{p.Closed}
	case status.ConnOpen:
		return []Conns{p.Open}
	}
	return []Conns{p.Open, p.Closed}
}

// subsOf returns the subscriptions of a page, if they are asked for: those of the open connections in
// front, as long as MostListed lasts.
func (p *Population) subsOf(lists []Conns, keys []key, o *status.ConnzOptions) map[uint64][]Sub {
	if p.Subs == nil || !o.Subscriptions && !o.SubscriptionsDetail {
		return nil
	}
	quota, rest := map[uint64]int{}, MostListed
	for _, k := range keys {
		c := lists[k.list].At(k.at)
		if n := min(int(c.NumSubs), rest); n > 0 && !c.closed() {
			quota[k.cid] = n
			rest -= n
		}
	}
	if len(quota) == 0 {
		return nil
	}
	return p.Subs(quota)
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
		(o.MQTTClient == "" || c.MQTTClient == o.MQTTClient)
}

// key is what a connection is sorted by, and where it is found again.
type key struct {
	number   int64  // lowest first
	text     string // then in alphabetical order
	cid      uint64 // then lowest first
	list, at int
}

func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.number, o.number), strings.Compare(k.text, o.text), cmp.Compare(k.cid, o.cid))
}

// keyOf returns the key of c. Numbers of which the greatest comes first are negative.
func keyOf(c *Conn, by status.SortOpt, now time.Time) key {
	k := key{cid: c.CID}
	switch by {
	case status.BySubs:
		k.number = -int64(c.NumSubs)
	case status.ByPending:
		k.number = -int64(c.Pending)
	case status.ByOutMsgs:
		k.number = -c.Out.Msgs
	case status.ByInMsgs:
		k.number = -c.In.Msgs
	case status.ByOutBytes:
		k.number = -c.Out.Bytes
	case status.ByInBytes:
		k.number = -c.In.Bytes
	case status.ByIdle:
		k.number = -int64(c.idle(now))
	case status.ByRTT:
		k.number = -int64(c.RTT)
	case status.ByLast:
		k.number = -c.LastActivity.UnixNano()
	case status.ByStop:
		k.number = -c.Stop.UnixNano()
	case status.ByUptime:
		k.number = int64(c.lifetime(now))
	case status.ByReason:
		k.text = c.Reason
	}
	return k
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
