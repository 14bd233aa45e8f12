package status

import "time"

// JetStreamVarz is the state of JetStream within Varz; the zero value means that JetStream is
// disabled.
type JetStreamVarz struct {
	Config *JetStreamConfig `json:"config,omitempty"`
	Stats  *JetStreamStats  `json:"stats,omitempty"`
	Meta   *MetaClusterInfo `json:"meta,omitempty"` // only in a cluster
	Limits *JSLimitOpts     `json:"limits,omitempty"`
}

// JetStreamConfig is the effective configuration of JetStream on a server.
type JetStreamConfig struct {
	MaxMemory    int64         `json:"max_memory"`
	MaxStore     int64         `json:"max_storage"`
	StoreDir     string        `json:"store_dir,omitempty"`
	SyncInterval time.Duration `json:"sync_interval,omitempty"`
	SyncAlways   bool          `json:"sync_always,omitempty"`
	Domain       string        `json:"domain,omitempty"`
	CompressOK   bool          `json:"compress_ok,omitempty"`
	UniqueTag    string        `json:"unique_tag,omitempty"`
	Strict       bool          `json:"strict,omitempty"`
}

// JetStreamStats is what JetStream uses on a server or in an account.
type JetStreamStats struct {
	Memory         uint64            `json:"memory"`
	Store          uint64            `json:"storage"`
	ReservedMemory uint64            `json:"reserved_memory"`  // 2^64-1 for an account without such a limit
	ReservedStore  uint64            `json:"reserved_storage"` // 2^64-1 for an account without such a limit
	Accounts       int               `json:"accounts"`
	HAAssets       int               `json:"ha_assets"`
	API            JetStreamAPIStats `json:"api"`
}

// JetStreamAPIStats counts requests to the JetStream API.
type JetStreamAPIStats struct {
	Level    int    `json:"level"`              // API level that the server provides
	Total    uint64 `json:"total"`              // since start
	Errors   uint64 `json:"errors"`             // since start
	Inflight uint64 `json:"inflight,omitempty"` // now
}

// JSLimitOpts holds the configured limits of JetStream; 0 stands for the default.
type JSLimitOpts struct {
	MaxRequestBatch           int           `json:"max_request_batch,omitempty"`
	MaxAckPending             int           `json:"max_ack_pending,omitempty"`
	MaxHAAssets               int           `json:"max_ha_assets,omitempty"`
	Duplicates                time.Duration `json:"max_duplicate_window,omitempty"`
	MaxBatchInflightPerStream int           `json:"max_batch_inflight_per_stream,omitempty"`
	MaxBatchInflightTotal     int           `json:"max_batch_inflight_total,omitempty"`
	MaxBatchSize              int           `json:"max_batch_size,omitempty"`
	MaxBatchTimeout           time.Duration `json:"max_batch_timeout,omitempty"`
}

// MetaClusterInfo is the state of the group that keeps the cluster's JetStream assets, as one
// server sees it.
type MetaClusterInfo struct {
	Name            string            `json:"name,omitempty"`
	Leader          string            `json:"leader,omitempty"` // server name
	Peer            string            `json:"peer,omitempty"`   // peer id of the leader
	Replicas        []*PeerInfo       `json:"replicas,omitempty"`
	Size            int               `json:"cluster_size"`
	QuorumNeeded    int               `json:"quorum_needed"`
	Rescue          bool              `json:"rescue,omitempty"`
	Pending         int               `json:"pending"` // sum of the next two
	PendingRequests int               `json:"pending_requests"`
	PendingInfos    int               `json:"pending_infos"`
	Snapshot        MetaSnapshotStats `json:"snapshot"`
}

// MetaSnapshotStats tells what the meta group has yet to put into a snapshot and when it last
// made one.
type MetaSnapshotStats struct {
	PendingEntries uint64        `json:"pending_entries"`
	PendingSize    uint64        `json:"pending_size"`
	LastTime       time.Time     `json:"last_time"` // zero = never
	LastDuration   time.Duration `json:"last_duration,omitempty"`
}

// PeerInfo is the state of one member of a replication group.
type PeerInfo struct {
	Name    string        `json:"name"`
	Current bool          `json:"current"`
	Offline bool          `json:"offline,omitempty"`
	Active  time.Duration `json:"active"`        // since the last contact
	Lag     uint64        `json:"lag,omitempty"` // entries behind the leader
	Peer    string        `json:"peer"`          // peer id
	Pending bool          `json:"pending,omitempty"`
}
