package status

import (
	"encoding/json"
	"time"
)

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
	AccountName string                `json:"account_name"`
	LastUpdate  time.Time             `json:"update_time,omitzero"` // when its settings last came into force
	IsSystem    bool                  `json:"is_system,omitempty"`
	Expired     bool                  `json:"expired"`
	Complete    bool                  `json:"complete"` // nothing that it imports is missing
	JetStream   bool                  `json:"jetstream_enabled"`
	LeafCnt     int                   `json:"leafnode_connections"`
	ClientCnt   int                   `json:"client_connections"`
	SubCnt      uint32                `json:"subscriptions"`
	Mappings    map[string][]*MapDest `json:"mappings,omitempty"` // by source
	Exports     []ExtExport           `json:"exports,omitempty"`
	Imports     []ExtImport           `json:"imports,omitempty"`
	Jwt         string                `json:"jwt,omitempty"`
	IssuerKey   string                `json:"issuer_key,omitempty"`
	NameTag     string                `json:"name_tag,omitempty"`
	Tags        []string              `json:"tags,omitempty"`
	Claim       json.RawMessage       `json:"decoded_jwt,omitempty"` // claims of the JWT
	Vr          []ExtVrIssues         `json:"validation_result_jwt,omitempty"`
	RevokedUser map[string]time.Time  `json:"revoked_user,omitempty"` // by public key, or *
	Sublist     *SublistStats         `json:"sublist_stats,omitempty"`
	Responses   map[string]ExtImport  `json:"responses,omitempty"` // by reply subject
}

// MapDest is where a part of the messages of a mapping goes.
type MapDest struct {
	Subject string `json:"subject"`
	Weight  uint8  `json:"weight"` // percent
	Cluster string `json:"cluster,omitempty"`
}

// ExtExport is what an account lets others import: the fields of a JWT, and its effect.
type ExtExport struct {
	Name                 string           `json:"name,omitempty"`
	Subject              string           `json:"subject,omitempty"`
	Type                 string           `json:"type,omitempty"` // stream or service
	TokenReq             bool             `json:"token_req,omitempty"`
	Revocations          map[string]int64 `json:"revocations,omitempty"`   // seconds of Unix time by account, or *
	ResponseType         string           `json:"response_type,omitempty"` // Singleton, Stream or Chunked
	ResponseThreshold    time.Duration    `json:"response_threshold,omitempty"`
	Latency              *ServiceSampling `json:"service_latency,omitempty"`
	AccountTokenPosition uint             `json:"account_token_position,omitempty"`
	AllowTrace           bool             `json:"allow_trace,omitempty"`

	ApprovedAccounts []string             `json:"approved_accounts,omitempty"`
	RevokedAct       map[string]time.Time `json:"revoked_activations,omitempty"`
}

// ServiceSampling says which requests to a service are measured.
type ServiceSampling struct {
	Sampling int    `json:"sampling"` // percent; 0 leaves it to headers
	Results  string `json:"results"`  // subject of the figures
}

// ExtImport is what an account takes of another: the fields of a JWT, and its state.
type ExtImport struct {
	Name         string `json:"name,omitempty"`
	Subject      string `json:"subject,omitempty"` // in the exporter
	Account      string `json:"account,omitempty"` // the exporter
	Token        string `json:"token,omitempty"`
	To           string `json:"to,omitempty"`            // for readers that are older than LocalSubject
	LocalSubject string `json:"local_subject,omitempty"` // in the importer
	Type         string `json:"type,omitempty"`          // stream or service
	AllowTrace   bool   `json:"allow_trace,omitempty"`

	Invalid     bool                `json:"invalid"` // not in force
	Share       bool                `json:"share"`   // a service is told who asks
	Tracking    bool                `json:"tracking"`
	TrackingHdr map[string][]string `json:"tracking_header,omitempty"`
	Latency     *ServiceSampling    `json:"latency,omitempty"`
	M1          *ServiceLatency     `json:"m1,omitempty"`
}

// ExtVrIssues is something that is not as it should be with the JWT of an account.
type ExtVrIssues struct {
	Description string `json:"description"`
	Blocking    bool   `json:"blocking"`
	Time        bool   `json:"time_check"`
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
