package status

import "time"

// RoutezOptions chooses what Routez shows. The zero value, and nil, ask for routes without their
// subscriptions.
type RoutezOptions struct {
	Subscriptions       bool `json:"subscriptions"`        // list subjects
	SubscriptionsDetail bool `json:"subscriptions_detail"` // list details instead
}

// Routez lists the connections to servers of the same cluster, the answer of /routez.
type Routez struct {
	ID        string             `json:"server_id"`
	Name      string             `json:"server_name"`
	Now       time.Time          `json:"now"`
	Import    *SubjectPermission `json:"import,omitempty"` // what the cluster may send to this server
	Export    *SubjectPermission `json:"export,omitempty"` // what this server may send to the cluster
	NumRoutes int                `json:"num_routes"`
	Routes    []*RouteInfo       `json:"routes"`
}

// SubjectPermission lists subjects that may pass and subjects that may not.
type SubjectPermission struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// RouteInfo is one route. In and out are as seen by the server: in comes from the route.
type RouteInfo struct {
	Rid          uint64             `json:"rid"`
	RemoteID     string             `json:"remote_id"`
	RemoteName   string             `json:"remote_name"`
	DidSolicit   bool               `json:"did_solicit"`   // this server has dialled
	IsConfigured bool               `json:"is_configured"` // named in the configuration, not gossiped
	IP           string             `json:"ip"`
	Port         int                `json:"port"`
	Start        time.Time          `json:"start"`
	LastActivity time.Time          `json:"last_activity"`
	RTT          string             `json:"rtt"` // such as 796µs; 0s = not measured yet
	Uptime       string             `json:"uptime"`
	Idle         string             `json:"idle"`
	Import       *SubjectPermission `json:"import,omitempty"` // of the remote server
	Export       *SubjectPermission `json:"export,omitempty"` // of the remote server
	Pending      int                `json:"pending_size"`     // bytes queued for the route
	InMsgs       int64              `json:"in_msgs"`
	OutMsgs      int64              `json:"out_msgs"`
	InBytes      int64              `json:"in_bytes"`
	OutBytes     int64              `json:"out_bytes"`
	NumSubs      uint32             `json:"subscriptions"`
	Subs         []string           `json:"subscriptions_list,omitempty"`
	SubsDetail   []SubDetail        `json:"subscriptions_list_detail,omitempty"`
	Account      string             `json:"account,omitempty"`     // of a route that serves one account alone
	Compression  string             `json:"compression,omitempty"` // such as off, s2_fast
}
