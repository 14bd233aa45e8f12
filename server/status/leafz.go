package status

import "time"

// LeafzOptions chooses what Leafz shows. The zero value, and nil, ask for all leafnodes without
// their subscriptions.
type LeafzOptions struct {
	Subscriptions bool   `json:"subscriptions"` // list subjects
	Account       string `json:"account"`       // this account only
}

// Leafz lists the leafnode connections, the answer of /leafz.
type Leafz struct {
	ID       string      `json:"server_id"`
	Now      time.Time   `json:"now"`
	NumLeafs int         `json:"leafnodes"`
	Leafs    []*LeafInfo `json:"leafs"`
}

// LeafInfo is one leafnode connection. In and out are as seen by the server: in comes from the
// connection.
type LeafInfo struct {
	ID          uint64     `json:"id"`
	Name        string     `json:"name"`     // of the remote server
	IsSpoke     bool       `json:"is_spoke"` // the remote server is the hub
	IsIsolated  bool       `json:"is_isolated,omitempty"`
	Account     string     `json:"account"`
	IP          string     `json:"ip"`
	Port        int        `json:"port"`
	RTT         string     `json:"rtt"` // such as 796µs
	InMsgs      int64      `json:"in_msgs"`
	OutMsgs     int64      `json:"out_msgs"`
	InBytes     int64      `json:"in_bytes"`
	OutBytes    int64      `json:"out_bytes"`
	NumSubs     uint32     `json:"subscriptions"`
	Subs        []string   `json:"subscriptions_list,omitempty"`
	Compression string     `json:"compression,omitempty"` // such as off, s2_fast
	Proxy       *ProxyInfo `json:"proxy,omitempty"`
}
