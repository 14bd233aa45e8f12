package status

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// DefaultConnListSize is the page size of Connz where none is asked for.
const DefaultConnListSize = 1024

// ConnState chooses connections by whether they are open. In JSON it is a number; the words of
// ParseConnState are read, too.
type ConnState int

// The states. The zero value asks for open connections.
const (
	ConnOpen ConnState = iota
	ConnClosed
	ConnAll
)

// ParseConnState reads open, closed, any or all, in any case; nothing stands for open.
func ParseConnState(text string) (ConnState, error) {
	switch strings.ToLower(text) {
	case "", "open":
		return ConnOpen, nil
	case "closed":
		return ConnClosed, nil
	case "any", "all":
		return ConnAll, nil
	}
	return ConnOpen, fmt.Errorf("Error decoding state for %s", text)
}

// UnmarshalJSON reads the number of a state, or a word for it.
func (s *ConnState) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '"' {
		return json.Unmarshal(b, (*int)(s))
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	state, err := ParseConnState(text)
	if err == nil {
		*s = state
	}
	return err
}

// SortOpt is the key by which Connz orders connections; the empty value is ByCid.
type SortOpt string

// The sort keys. Those of traffic, queues, times and counts put the greatest first unless
// said otherwise.
const (
	ByCid      SortOpt = "cid"        // lowest first
	ByStart    SortOpt = "start"      // like ByCid, as ids are given in order of arrival
	BySubs     SortOpt = "subs"       // subscriptions
	ByPending  SortOpt = "pending"    // bytes queued for the connection
	ByOutMsgs  SortOpt = "msgs_to"    // messages sent to it
	ByInMsgs   SortOpt = "msgs_from"  // messages received from it
	ByOutBytes SortOpt = "bytes_to"   // bytes sent to it
	ByInBytes  SortOpt = "bytes_from" // bytes received from it
	ByLast     SortOpt = "last"       // last activity, most recent first
	ByIdle     SortOpt = "idle"       // longest idle first
	ByUptime   SortOpt = "uptime"     // shortest lived first
	ByStop     SortOpt = "stop"       // last closed first; only for ConnClosed
	ByReason   SortOpt = "reason"     // in alphabetical order; only for ConnClosed
	ByRTT      SortOpt = "rtt"        // round trip time
)

// IsValid reports whether s is a sort key; the empty value is not.
func (s SortOpt) IsValid() bool {
	switch s {
	case ByCid, ByStart, BySubs, ByPending, ByOutMsgs, ByInMsgs, ByOutBytes, ByInBytes,
		ByLast, ByIdle, ByUptime, ByStop, ByReason, ByRTT:
		return true
	}
	return false
}

// ConnzOptions chooses what Connz lists. The zero value, and nil, ask for the first page of
// open connections. A filter that is empty lets everything pass.
type ConnzOptions struct {
	Sort                SortOpt   `json:"sort"`
	Username            bool      `json:"auth"`                 // show user, account, JWT and tags
	Subscriptions       bool      `json:"subscriptions"`        // list subjects
	SubscriptionsDetail bool      `json:"subscriptions_detail"` // list details instead
	Offset              int       `json:"offset"`               // entries to skip; below 0 = 0
	Limit               int       `json:"limit"`                // entries per page; below 1 = DefaultConnListSize
	CID                 uint64    `json:"cid"`                  // this connection only
	MQTTClient          string    `json:"mqtt_client"`          // this MQTT client id only
	State               ConnState `json:"state"`
	User                string    `json:"user"`           // this authenticated user only
	Account             string    `json:"acc"`            // this account only
	FilterSubject       string    `json:"filter_subject"` // subscriptions that overlap it only; needs Account
}

// Connz is a page of connections, the answer of /connz.
type Connz struct {
	ID       string      `json:"server_id"`
	Now      time.Time   `json:"now"`
	NumConns int         `json:"num_connections"` // in this page
	Total    int         `json:"total"`           // of the chosen state and account
	Offset   int         `json:"offset"`          // effective
	Limit    int         `json:"limit"`           // effective
	Conns    []*ConnInfo `json:"connections"`
}

// ConnInfo is one connection, open or closed. In and out are as seen by the server: in comes
// from the connection.
type ConnInfo struct {
	Cid            uint64         `json:"cid"`
	Kind           string         `json:"kind,omitempty"` // such as Client, Leafnode
	Type           string         `json:"type,omitempty"` // nats, mqtt or websocket; only clients
	IP             string         `json:"ip"`
	Port           int            `json:"port"`
	Start          time.Time      `json:"start"`
	LastActivity   time.Time      `json:"last_activity"`
	Stop           *time.Time     `json:"stop,omitempty"`   // only closed ones
	Reason         string         `json:"reason,omitempty"` // only closed ones
	RTT            string         `json:"rtt"`              // such as 796µs; 0s = not measured yet
	Uptime         string         `json:"uptime"`           // until now, or until it was closed
	Idle           string         `json:"idle"`             // until now, or until it was closed
	Pending        int            `json:"pending_bytes"`    // queued for the connection
	InMsgs         int64          `json:"in_msgs"`
	OutMsgs        int64          `json:"out_msgs"`
	InBytes        int64          `json:"in_bytes"`
	OutBytes       int64          `json:"out_bytes"`
	Stalls         int64          `json:"stalls,omitempty"` // times this producer was made to wait
	NumSubs        uint32         `json:"subscriptions"`
	Name           string         `json:"name,omitempty"`
	Lang           string         `json:"lang,omitempty"`
	Version        string         `json:"version,omitempty"`
	TLSVersion     string         `json:"tls_version,omitempty"`      // such as 1.3
	TLSCipher      string         `json:"tls_cipher_suite,omitempty"` // IANA name
	TLSPeerCerts   []*TLSPeerCert `json:"tls_peer_certs,omitempty"`
	TLSFirst       bool           `json:"tls_first,omitempty"` // handshake before INFO
	AuthorizedUser string         `json:"authorized_user,omitempty"`
	Account        string         `json:"account,omitempty"` // not shown for the global account
	Subs           []string       `json:"subscriptions_list,omitempty"`
	SubsDetail     []SubDetail    `json:"subscriptions_list_detail,omitempty"`
	JWT            string         `json:"jwt,omitempty"`
	IssuerKey      string         `json:"issuer_key,omitempty"`
	NameTag        string         `json:"name_tag,omitempty"`
	Tags           []string       `json:"tags,omitempty"`
	MQTTClient     string         `json:"mqtt_client,omitempty"` // client id
	Proxy          *ProxyInfo     `json:"proxy,omitempty"`
}

// TLSPeerCert identifies a certificate that the other side has shown.
type TLSPeerCert struct {
	Subject          string `json:"subject"`
	SubjectPKISha256 string `json:"spki_sha256"` // of the public key info, hex
	CertSha256       string `json:"cert_sha256"` // of the whole certificate, hex
}
