package status

import "time"

// Schema names of events, in TypedEvent.Type.
const (
	ConnectEventType         = "io.nats.server.advisory.v1.client_connect"
	DisconnectEventType      = "io.nats.server.advisory.v1.client_disconnect"
	AccountConnectionsType   = "io.nats.server.advisory.v1.account_connections"
	ServiceLatencyMetricType = "io.nats.server.metric.v1.service_latency"
)

// TypedEvent is what all events have.
type TypedEvent struct {
	Type string    `json:"type"`
	ID   string    `json:"id"` // 22 characters, unique
	Time time.Time `json:"timestamp"`
}

// ServerInfo says which server an event or an answer comes from.
type ServerInfo struct {
	Name         string            `json:"name"`
	Host         string            `json:"host"` // where it listens for clients
	ID           string            `json:"id"`   // public server key
	Cluster      string            `json:"cluster,omitempty"`
	Domain       string            `json:"domain,omitempty"` // of JetStream
	Version      string            `json:"ver"`              // reference level
	Tags         []string          `json:"tags,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	FeatureFlags map[string]bool   `json:"feature_flags,omitempty"`
	JetStream    bool              `json:"jetstream"`
	Flags        ServerCapability  `json:"flags"`
	Seq          uint64            `json:"seq"` // grows with everything that the server says
	Time         time.Time         `json:"time"`
}

// ServerCapability is a set of bits that say what a server can do.
type ServerCapability uint64

// The bits.
const (
	JetStreamEnabled     ServerCapability = 1 << iota // JetStream is on
	BinaryStreamSnapshot                              // snapshots of streams are sent in binary form
	AccountNRG                                        // replication traffic may run in accounts
)

// ClientInfo says of a connection who it is, in events.
type ClientInfo struct {
	Start      *time.Time    `json:"start,omitempty"`
	Host       string        `json:"host,omitempty"` // address
	ID         uint64        `json:"id,omitempty"`   // number of the connection
	Account    string        `json:"acc,omitempty"`
	Service    string        `json:"svc,omitempty"` // account in a chain of imports
	User       string        `json:"user,omitempty"`
	Name       string        `json:"name,omitempty"`
	Lang       string        `json:"lang,omitempty"`
	Version    string        `json:"ver,omitempty"`
	RTT        time.Duration `json:"rtt,omitempty"`
	Server     string        `json:"server,omitempty"`
	Cluster    string        `json:"cluster,omitempty"`
	Alternates []string      `json:"alts,omitempty"` // other clusters, nearest first
	Stop       *time.Time    `json:"stop,omitempty"`
	Jwt        string        `json:"jwt,omitempty"`
	IssuerKey  string        `json:"issuer_key,omitempty"`
	NameTag    string        `json:"name_tag,omitempty"` // of the account
	Tags       []string      `json:"tags,omitempty"`     // of the user
	Kind       string        `json:"kind,omitempty"`     // such as Client, Leafnode
	ClientType string        `json:"client_type,omitempty"`
	MQTTClient string        `json:"client_id,omitempty"` // MQTT client id
	Nonce      string        `json:"nonce,omitempty"`     // auth callout only
	Reply      string        `json:"reply,omitempty"`     // of a service import
}

// ConnectEventMsg is the event that a connection has come.
type ConnectEventMsg struct {
	TypedEvent
	Server ServerInfo `json:"server"`
	Client ClientInfo `json:"client"`
}

// DisconnectEventMsg is the event that a connection has gone, or was not let in. Sent is what the
// connection sent, Received what it got.
type DisconnectEventMsg struct {
	TypedEvent
	Server   ServerInfo `json:"server"`
	Client   ClientInfo `json:"client"`
	Sent     DataStats  `json:"sent"`
	Received DataStats  `json:"received"`
	Reason   string     `json:"reason"`
}

// AccountNumConns is the event that the number of connections of an account has changed on a server,
// also repeated while there are some.
type AccountNumConns struct {
	TypedEvent
	Server ServerInfo `json:"server"`
	AccountStat
}

// ServerStatsMsg is what a server publishes of its load now and then.
type ServerStatsMsg struct {
	Server ServerInfo  `json:"server"`
	Stats  ServerStats `json:"statsz"`
}

// ServerStats is the load of a server. Counters run since start.
type ServerStats struct {
	Start              time.Time             `json:"start"`
	Mem                int64                 `json:"mem"` // resident set
	Cores              int                   `json:"cores"`
	CPU                float64               `json:"cpu"` // percent of one core
	Connections        int                   `json:"connections"`
	TotalConnections   uint64                `json:"total_connections"`
	ActiveAccounts     int                   `json:"active_accounts"` // those with connections
	NumSubs            uint32                `json:"subscriptions"`
	Sent               DataStats             `json:"sent"`
	SentClients        DataStats             `json:"sent_to_clients"`
	Received           DataStats             `json:"received"`
	ReceivedClients    DataStats             `json:"received_from_clients"`
	SlowConsumers      int64                 `json:"slow_consumers"`
	SlowConsumersStats *SlowConsumersStats   `json:"slow_consumer_stats,omitempty"`
	StaleConnections   int64                 `json:"stale_connections,omitempty"`
	StaleStats         *StaleConnectionStats `json:"stale_connection_stats,omitempty"`
	StalledClients     int64                 `json:"stalled_clients,omitempty"`
	Routes             []*RouteStat          `json:"routes,omitempty"`
	Gateways           []*GatewayStat        `json:"gateways,omitempty"`
	ActiveServers      int                   `json:"active_servers,omitempty"` // known ones, with this
	JetStream          *JetStreamVarz        `json:"jetstream,omitempty"`
	MemLimit           int64                 `json:"gomemlimit,omitempty"`
	MaxProcs           int                   `json:"gomaxprocs,omitempty"`
}

// RouteStat is the load of one route.
type RouteStat struct {
	ID       uint64    `json:"rid"`
	Name     string    `json:"name,omitempty"`
	Sent     DataStats `json:"sent"`
	Received DataStats `json:"received"`
	Pending  int       `json:"pending"` // bytes
}

// GatewayStat is the load of one gateway.
type GatewayStat struct {
	ID         uint64    `json:"gwid"`
	Name       string    `json:"name"`
	Sent       DataStats `json:"sent"`
	Received   DataStats `json:"received"`
	NumInbound int       `json:"inbound_connections"`
}
