package status

import "time"

// AccountzOptions chooses what Accountz shows. The zero value, and nil, ask for the names of all
// accounts.
type AccountzOptions struct {
	Account string `json:"account"` // details of this one instead
}

// Accountz lists the accounts or describes one of them, the answer of /accountz.
type Accountz struct {
	ID            string       `json:"server_id"`
	Now           time.Time    `json:"now"`
	SystemAccount string       `json:"system_account,omitempty"`
	Accounts      []string     `json:"accounts,omitempty"`       // names, unless one is asked for
	Account       *AccountInfo `json:"account_detail,omitempty"` // the one that is asked for
}

// AccountInfo describes one account.
type AccountInfo struct {
	AccountName string        `json:"account_name"`
	LastUpdate  time.Time     `json:"update_time,omitzero"` // when its settings last came into force
	IsSystem    bool          `json:"is_system,omitempty"`
	Expired     bool          `json:"expired"`
	Complete    bool          `json:"complete"` // nothing that it imports is missing
	JetStream   bool          `json:"jetstream_enabled"`
	LeafCnt     int           `json:"leafnode_connections"`
	ClientCnt   int           `json:"client_connections"`
	SubCnt      uint32        `json:"subscriptions"`
	Jwt         string        `json:"jwt,omitempty"`
	IssuerKey   string        `json:"issuer_key,omitempty"`
	NameTag     string        `json:"name_tag,omitempty"`
	Tags        []string      `json:"tags,omitempty"`
	Sublist     *SublistStats `json:"sublist_stats,omitempty"`
}

// AccountStatzOptions chooses what AccountStatz shows. The zero value, and nil, ask for the
// accounts that have connections.
type AccountStatzOptions struct {
	Accounts      []string `json:"accounts"`       // these only; empty for all
	IncludeUnused bool     `json:"include_unused"` // also those without connections
}

// AccountStatz is what accounts use, the answer of /accstatz.
type AccountStatz struct {
	ID       string         `json:"server_id"`
	Now      time.Time      `json:"now"`
	Accounts []*AccountStat `json:"account_statz"`
}

// AccountStat is what one account uses. Traffic is counted since start, as seen by the server:
// received is what came from the account's connections.
type AccountStat struct {
	Account       string    `json:"acc"`
	Name          string    `json:"name"` // the account's name tag
	Conns         int       `json:"conns"`
	LeafNodes     int       `json:"leafnodes"`
	TotalConns    int       `json:"total_conns"` // sum of the two above
	NumSubs       uint32    `json:"num_subscriptions"`
	Sent          DataStats `json:"sent"`
	Received      DataStats `json:"received"`
	SlowConsumers int64     `json:"slow_consumers"` // since start
}

// MsgBytes counts messages and their bytes.
type MsgBytes struct {
	Msgs  int64 `json:"msgs"`
	Bytes int64 `json:"bytes"`
}

// DataStats counts traffic: all of it, and the parts that went over links to other servers.
type DataStats struct {
	MsgBytes
	Gateways *MsgBytes `json:"gateways,omitempty"`
	Routes   *MsgBytes `json:"routes,omitempty"`
	Leafs    *MsgBytes `json:"leafs,omitempty"`
}
