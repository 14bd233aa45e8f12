package proto

import (
	"bytes"
	"encoding/json"
)

// ServerInfo is what INFO tells a client; its keys stand in the order in which they are written.
type ServerInfo struct {
	ID         string `json:"server_id"`
	Name       string `json:"server_name"`
	Version    string `json:"version"`
	Barid      string `json:"barid,omitempty"` // barid's own version
	Proto      int    `json:"proto"`
	GitCommit  string `json:"git_commit,omitempty"`
	Go         string `json:"go"`
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Headers    bool   `json:"headers"`
	Auth       bool   `json:"auth_required,omitempty"`
	MaxPayload int32  `json:"max_payload"`
	// ClientID is the connection's number, unique in the life of the server.
	ClientID uint64 `json:"client_id,omitempty"`
	ClientIP string `json:"client_ip,omitempty"`
	// ConnectInfo marks the INFO that follows CONNECT and the first PING.
	ConnectInfo bool   `json:"connect_info,omitempty"`
	Account     string `json:"remote_account,omitempty"`
	APILevel    int    `json:"api_lvl"`
	XKey        string `json:"xkey,omitempty"`
}

// Line returns the INFO line of i.
func (i *ServerInfo) Line() []byte {
	var b bytes.Buffer
	b.WriteString("INFO ")
	// A struct of strings, numbers and booleans cannot fail to encode, nor can a buffer to grow.
	_ = json.NewEncoder(&b).Encode(i)
	line := bytes.TrimRight(b.Bytes(), "\n")
	return append(line, " \r\n"...)
}

// ClientOptions is what a client says of itself in CONNECT. Values a CONNECT leaves out keep
// what they were, so a second CONNECT merges over the first.
type ClientOptions struct {
	Verbose      bool   `json:"verbose"`
	Pedantic     bool   `json:"pedantic"`
	Echo         bool   `json:"echo"`
	TLSRequired  bool   `json:"tls_required"`
	Protocol     int    `json:"protocol"`
	Headers      bool   `json:"headers"`
	NoResponders bool   `json:"no_responders"`
	User         string `json:"user"`
	Pass         string `json:"pass"`
	Token        string `json:"auth_token"`
	JWT          string `json:"jwt"`
	NKey         string `json:"nkey"`
	Sig          string `json:"sig"`
	ProxySig     string `json:"proxy_sig"`
	Name         string `json:"name"`
	Lang         string `json:"lang"`
	Version      string `json:"version"`
	Account      string `json:"account"`
	NewAccount   bool   `json:"new_account"`
}

// DefaultClientOptions are in force until a CONNECT is read.
func DefaultClientOptions() ClientOptions {
	return ClientOptions{Verbose: true, Pedantic: true, Echo: true}
}

// Merge decodes the JSON of a CONNECT over o. Unknown keys are ignored. A key of the wrong type
// or bad JSON gives ErrArguments and leaves o as it was.
func (o *ClientOptions) Merge(args []byte) error {
	merged := *o
	if err := json.Unmarshal(args, &merged); err != nil {
		return errArguments
	}
	*o = merged
	return nil
}
