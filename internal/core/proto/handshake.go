package proto

import (
	"encoding/json"
	"strconv"
)

// ServerInfo is what INFO tells every client of a server, in the order in which it is written.
// What is particular to a connection, ConnInfo, stands between the two halves.
type ServerInfo struct {
	ID        string `json:"server_id"`
	Name      string `json:"server_name"`
	Version   string `json:"version"`
	Barid     string `json:"barid,omitempty"` // barid's own version
	Proto     int    `json:"proto"`
	GitCommit string `json:"git_commit,omitempty"`
	Go        string `json:"go"`
	Host      string `json:"host"`
	Port      int    `json:"port"`
	Headers   bool   `json:"headers"`
	Auth      bool   `json:"auth_required,omitempty"`

	TLSRequired  bool `json:"tls_required,omitempty"`
	TLSVerify    bool `json:"tls_verify,omitempty"`
	TLSAvailable bool `json:"tls_available,omitempty"`

	// Rest is written behind ConnInfo.
	Rest ServerInfoRest `json:"-"`
}

// ServerInfoRest is the second half of ServerInfo.
type ServerInfoRest struct {
	Cluster  string `json:"cluster,omitempty"`
	APILevel int    `json:"api_lvl"`
	XKey     string `json:"xkey,omitempty"`
}

// ConnInfo is what INFO tells one connection.
type ConnInfo struct {
	// MaxPayload is the effective limit, in bytes; -1 for none.
	MaxPayload int32
	// ClientID is the connection's number, unique in the life of the server.
	ClientID uint64
	ClientIP string
	// Nonce is what the client is to sign; empty for nothing.
	Nonce string
	// LameDuck says that the server is about to retire.
	LameDuck bool
	// System says that Account is the system account.
	System bool
	// Account, if it is not empty, marks the INFO that follows CONNECT and the first PING, and
	// names the account of the connection.
	Account string
}

// InfoLine makes INFO lines. Most of a line is the same for all connections, and is made once.
type InfoLine struct{ head, tail string }

// NewInfoLine prepares the lines of the server that i describes.
func NewInfoLine(i *ServerInfo) *InfoLine {
	head, tail := encode(i), encode(&i.Rest)
	return &InfoLine{head: "INFO " + head[:len(head)-1], tail: "," + tail[1:] + " \r\n"}
}

// Append appends the line for the connection that c describes.
func (l *InfoLine) Append(dst []byte, c *ConnInfo) []byte {
	dst = append(dst, l.head...)
	dst = append(dst, `,"max_payload":`...)
	dst = strconv.AppendInt(dst, int64(c.MaxPayload), 10)
	dst = append(dst, `,"client_id":`...)
	dst = strconv.AppendUint(dst, c.ClientID, 10)
	dst = append(dst, `,"client_ip":`...)
	dst = append(dst, encode(c.ClientIP)...)
	if c.Nonce != "" { // of letters that JSON leaves alone
		dst = append(dst, `,"nonce":"`...)
		dst = append(dst, c.Nonce...)
		dst = append(dst, '"')
	}
	if c.LameDuck {
		dst = append(dst, `,"ldm":true`...)
	}
	if c.Account != "" {
		dst = append(dst, `,"connect_info":true,"remote_account":`...)
		dst = append(dst, encode(c.Account)...)
		if c.System {
			dst = append(dst, `,"acc_is_sys":true`...)
		}
	}
	return append(dst, l.tail...)
}

// encode returns v as JSON. Strings, numbers and booleans cannot fail to encode.
func encode(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
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

// Merge returns what the JSON of a CONNECT makes of o, which it leaves alone. Unknown keys are
// ignored. A key of the wrong type or bad JSON gives ErrArguments.
func (o *ClientOptions) Merge(args []byte) (*ClientOptions, error) {
	merged := *o
	if err := json.Unmarshal(args, &merged); err != nil {
		return nil, ErrArguments
	}
	return &merged, nil
}
