package status

import "time"

// DefaultSubListSize is the page size of Subsz where none is asked for.
const DefaultSubListSize = 1024

// SubszOptions chooses what Subsz counts and lists. The zero value, and nil, ask for the
// statistics of all accounts.
type SubszOptions struct {
	Offset        int    `json:"offset"` // entries to skip; below 0 = 0
	Limit         int    `json:"limit"`  // entries per page; below 1 = DefaultSubListSize
	Subscriptions bool   `json:"subscriptions"`
	Account       string `json:"account,omitempty"` // this account only
	Test          string `json:"test,omitempty"`    // literal subject that listed ones must match
}

// Subsz is the state of the subscription indexes, the answer of /subsz.
type Subsz struct {
	ID  string    `json:"server_id"`
	Now time.Time `json:"now"`
	*SublistStats
	Total  int         `json:"total"`  // subscriptions that match; 0 when no list is asked for
	Offset int         `json:"offset"` // effective
	Limit  int         `json:"limit"`  // effective
	Subs   []SubDetail `json:"subscriptions_list,omitempty"`
}

// SublistStats describes one subscription index, or the sum of several. Counters run since
// start.
type SublistStats struct {
	NumSubs      uint32  `json:"num_subscriptions"`
	NumCache     uint32  `json:"num_cache"` // results held now
	NumInserts   uint64  `json:"num_inserts"`
	NumRemoves   uint64  `json:"num_removes"`
	NumMatches   uint64  `json:"num_matches"`
	CacheHitRate float64 `json:"cache_hit_rate"` // share of matches answered by the cache, 0 to 1
	MaxFanout    uint32  `json:"max_fanout"`     // of the cached results
	AvgFanout    float64 `json:"avg_fanout"`     // of the cached results
}

// SubDetail is one subscription.
type SubDetail struct {
	Account    string `json:"account,omitempty"`
	AccountTag string `json:"account_tag,omitempty"` // the account's name tag
	Subject    string `json:"subject"`
	Queue      string `json:"qgroup,omitempty"`
	Sid        string `json:"sid"`
	Msgs       int64  `json:"msgs"`          // delivered
	Max        int64  `json:"max,omitempty"` // auto-unsubscribe limit
	Cid        uint64 `json:"cid"`
}
