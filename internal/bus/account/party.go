package account

import "time"

// Party is what a message can tell of a connection: who asks for a service or answers, who came and
// went. Its JSON is that of events of the system account and of the header Nats-Request-Info.
type Party struct {
	Start      *time.Time    `json:"start,omitempty"`
	Host       string        `json:"host,omitempty"` // address of the client
	ID         uint64        `json:"id,omitempty"`   // number of the connection
	Account    string        `json:"acc,omitempty"`
	Service    string        `json:"svc,omitempty"` // account in the middle of a chain of imports
	User       string        `json:"user,omitempty"`
	Name       string        `json:"name,omitempty"`
	Lang       string        `json:"lang,omitempty"`
	Version    string        `json:"ver,omitempty"`
	RTT        time.Duration `json:"rtt,omitempty"` // ns
	Server     string        `json:"server,omitempty"`
	Cluster    string        `json:"cluster,omitempty"`
	Stop       *time.Time    `json:"stop,omitempty"`
	JWT        string        `json:"jwt,omitempty"`
	IssuerKey  string        `json:"issuer_key,omitempty"`
	NameTag    string        `json:"name_tag,omitempty"`
	Tags       []string      `json:"tags,omitempty"`
	Kind       string        `json:"kind,omitempty"`        // Client
	ClientType string        `json:"client_type,omitempty"` // nats
	Nonce      string        `json:"nonce,omitempty"`
}
