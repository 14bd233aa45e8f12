package status

import (
	"net/http"
	"time"
)

// Info is what INFO tells, in the JSON of the NATS protocol: to clients, and between servers. It is
// for programs that speak the protocol themselves.
type Info struct {
	ID                string   `json:"server_id"`
	Name              string   `json:"server_name"`
	Version           string   `json:"version"`
	Proto             int      `json:"proto"`
	GitCommit         string   `json:"git_commit,omitempty"`
	GoVersion         string   `json:"go"`
	Host              string   `json:"host"`
	Port              int      `json:"port"`
	Headers           bool     `json:"headers"`
	AuthRequired      bool     `json:"auth_required,omitempty"`
	TLSRequired       bool     `json:"tls_required,omitempty"`
	TLSVerify         bool     `json:"tls_verify,omitempty"`
	TLSAvailable      bool     `json:"tls_available,omitempty"`
	MaxPayload        int32    `json:"max_payload"`
	JetStream         bool     `json:"jetstream,omitempty"`
	IP                string   `json:"ip,omitempty"`
	CID               uint64   `json:"client_id,omitempty"`
	ClientIP          string   `json:"client_ip,omitempty"`
	Nonce             string   `json:"nonce,omitempty"`
	Cluster           string   `json:"cluster,omitempty"`
	Dynamic           bool     `json:"cluster_dynamic,omitempty"`
	Domain            string   `json:"domain,omitempty"`
	ClientConnectURLs []string `json:"connect_urls,omitempty"`
	WSConnectURLs     []string `json:"ws_connect_urls,omitempty"`
	LameDuckMode      bool     `json:"ldm,omitempty"`
	Compression       string   `json:"compression,omitempty"`
	ConnectInfo       bool     `json:"connect_info,omitempty"`
	RemoteAccount     string   `json:"remote_account,omitempty"`
	IsSystemAccount   bool     `json:"acc_is_sys,omitempty"`
	JSApiLevel        int      `json:"api_lvl,omitempty"`

	// Between servers of a cluster.
	Import        *InfoPermission `json:"import,omitempty"`
	Export        *InfoPermission `json:"export,omitempty"`
	LNOC          bool            `json:"lnoc,omitempty"`
	LNOCU         bool            `json:"lnocu,omitempty"`
	InfoOnConnect bool            `json:"info_on_connect,omitempty"`
	RoutePoolSize int             `json:"route_pool_size,omitempty"`
	RoutePoolIdx  int             `json:"route_pool_idx,omitempty"`
	RouteAccount  string          `json:"route_account,omitempty"`
	RouteAccReqID string          `json:"route_acc_add_reqid,omitempty"`
	GossipMode    byte            `json:"gossip_mode,omitempty"`

	// Between clusters.
	Gateway           string   `json:"gateway,omitempty"`
	GatewayURLs       []string `json:"gateway_urls,omitempty"`
	GatewayURL        string   `json:"gateway_url,omitempty"`
	GatewayCmd        byte     `json:"gateway_cmd,omitempty"`
	GatewayCmdPayload []byte   `json:"gateway_cmd_payload,omitempty"`
	GatewayNRP        bool     `json:"gateway_nrp,omitempty"`
	GatewayIOM        bool     `json:"gateway_iom,omitempty"`

	// From a server to its leafnodes.
	LeafNodeURLs []string `json:"leafnode_urls,omitempty"`

	// XKey is the public key for what only this server is to read.
	XKey string `json:"xkey,omitempty"`
}

// InfoPermission bounds what a server imports from others or exports to them.
type InfoPermission struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// ServiceLatency is an event about one request to a service. barid does not measure services yet;
// the type reads what other servers send.
type ServiceLatency struct {
	TypedEvent
	Status         int           `json:"status"`
	Error          string        `json:"description,omitempty"`
	Requestor      *ClientInfo   `json:"requestor,omitempty"`
	Responder      *ClientInfo   `json:"responder,omitempty"`
	RequestHeader  http.Header   `json:"header,omitempty"`
	RequestStart   time.Time     `json:"start"`
	ServiceLatency time.Duration `json:"service"`
	SystemLatency  time.Duration `json:"system"`
	TotalLatency   time.Duration `json:"total"`
}

// NATSTotalTime returns the part of the time that was not spent in the service.
func (l *ServiceLatency) NATSTotalTime() time.Duration { return l.TotalLatency - l.ServiceLatency }
