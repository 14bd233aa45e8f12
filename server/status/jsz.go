package status

import "time"

// JSzOptions chooses what Jsz shows. The zero value, and nil, ask for the sums of the server.
type JSzOptions struct {
	Account          string `json:"account,omitempty"` // details of this account only
	Accounts         bool   `json:"accounts,omitempty"`
	Streams          bool   `json:"streams,omitempty"`
	Consumer         bool   `json:"consumer,omitempty"`
	DirectConsumer   bool   `json:"direct_consumer,omitempty"`
	Config           bool   `json:"config,omitempty"`
	LeaderOnly       bool   `json:"leader_only,omitempty"` // fail unless this server leads the meta group
	Offset           int    `json:"offset,omitempty"`      // accounts to skip
	Limit            int    `json:"limit,omitempty"`       // accounts per page
	RaftGroups       bool   `json:"raft,omitempty"`
	StreamLeaderOnly bool   `json:"stream_leader_only,omitempty"`
}

// JSInfo is the state of JetStream on a server, the answer of /jsz.
type JSInfo struct {
	JetStreamStats
	ID              string           `json:"server_id"`
	Now             time.Time        `json:"now"`
	Disabled        bool             `json:"disabled,omitempty"`
	Config          JetStreamConfig  `json:"config"`
	Limits          *JSLimitOpts     `json:"limits,omitempty"`
	Streams         int              `json:"streams"`
	StreamsLeader   int              `json:"streams_leader,omitempty"`
	Consumers       int              `json:"consumers"`
	ConsumersLeader int              `json:"consumers_leader,omitempty"`
	Messages        uint64           `json:"messages"`
	Bytes           uint64           `json:"bytes"`
	Meta            *MetaClusterInfo `json:"meta_cluster,omitempty"` // only in a cluster
	Total           int              `json:"total"`                  // accounts with JetStream
}
