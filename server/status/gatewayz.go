package status

import "time"

// GatewayzOptions chooses what Gatewayz shows. The zero value, and nil, ask for all gateways
// without accounts.
type GatewayzOptions struct {
	Name                       string `json:"name"`                         // this remote gateway only
	Accounts                   bool   `json:"accounts"`                     // show the interest of accounts
	AccountName                string `json:"account_name"`                 // of this account only; implies Accounts
	AccountSubscriptions       bool   `json:"subscriptions"`                // list subjects; needs Accounts
	AccountSubscriptionsDetail bool   `json:"account_subscriptions_detail"` // list details instead
}

// Gatewayz lists the connections to other clusters, the answer of /gatewayz.
type Gatewayz struct {
	ID               string                       `json:"server_id"`
	Now              time.Time                    `json:"now"`
	Name             string                       `json:"name,omitempty"`
	Host             string                       `json:"host,omitempty"`
	Port             int                          `json:"port,omitempty"`
	OutboundGateways map[string]*RemoteGatewayz   `json:"outbound_gateways"` // by name
	InboundGateways  map[string][]*RemoteGatewayz `json:"inbound_gateways"`  // by name
}

// RemoteGatewayz is a connection to or from another cluster.
type RemoteGatewayz struct {
	IsConfigured bool               `json:"configured"`
	Connection   *ConnInfo          `json:"connection,omitempty"`
	Accounts     []*AccountGatewayz `json:"accounts,omitempty"`
}

// AccountGatewayz is what a gateway knows of the interest in one account.
type AccountGatewayz struct {
	Name                  string      `json:"name"`
	InterestMode          string      `json:"interest_mode"` // Optimistic, Transitioning or Interest-Only
	NoInterestCount       int         `json:"no_interest_count,omitempty"`
	InterestOnlyThreshold int         `json:"interest_only_threshold,omitempty"`
	TotalSubscriptions    int         `json:"num_subs,omitempty"`
	NumQueueSubscriptions int         `json:"num_queue_subs,omitempty"`
	Subs                  []string    `json:"subscriptions_list,omitempty"`
	SubsDetail            []SubDetail `json:"subscriptions_list_detail,omitempty"`
}
