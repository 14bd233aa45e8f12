package server

import "github.com/baridmq/barid/server/status"

// DefaultConnListSize is the number of connections on a page of /connz.
const DefaultConnListSize = status.DefaultConnListSize

// Types of reports and what they are asked with; see package status.
type (
	Varz                  = status.Varz
	VarzOptions           = status.VarzOptions
	ClusterOptsVarz       = status.ClusterOptsVarz
	GatewayOptsVarz       = status.GatewayOptsVarz
	LeafNodeOptsVarz      = status.LeafNodeOptsVarz
	MQTTOptsVarz          = status.MQTTOptsVarz
	WebsocketOptsVarz     = status.WebsocketOptsVarz
	JetStreamVarz         = status.JetStreamVarz
	JetStreamStats        = status.JetStreamStats
	OCSPResponseCacheVarz = status.OCSPResponseCacheVarz
	ProxiesOptsVarz       = status.ProxiesOptsVarz
	ProxyInfo             = status.ProxyInfo
	Connz                 = status.Connz
	ConnInfo              = status.ConnInfo
	ConnzOptions          = status.ConnzOptions
	ConnState             = status.ConnState
	SortOpt               = status.SortOpt
	Subsz                 = status.Subsz
	SubszOptions          = status.SubszOptions
	SublistStats          = status.SublistStats
	SubDetail             = status.SubDetail
	Routez                = status.Routez
	RoutezOptions         = status.RoutezOptions
	RouteInfo             = status.RouteInfo
	Gatewayz              = status.Gatewayz
	GatewayzOptions       = status.GatewayzOptions
	Leafz                 = status.Leafz
	LeafzOptions          = status.LeafzOptions
	LeafInfo              = status.LeafInfo
	Accountz              = status.Accountz
	AccountzOptions       = status.AccountzOptions
	AccountInfo           = status.AccountInfo
	AccountStatz          = status.AccountStatz
	AccountStatzOptions   = status.AccountStatzOptions
	AccountStat           = status.AccountStat
	DataStats             = status.DataStats
	MsgBytes              = status.MsgBytes
	JSzOptions            = status.JSzOptions
	JSInfo                = status.JSInfo
	MetaClusterInfo       = status.MetaClusterInfo
	HealthzOptions        = status.HealthzOptions
	HealthStatus          = status.HealthStatus

	ConnectEventMsg    = status.ConnectEventMsg
	DisconnectEventMsg = status.DisconnectEventMsg
	AccountNumConns    = status.AccountNumConns
	ServerStatsMsg     = status.ServerStatsMsg
	ServerStats        = status.ServerStats
	ServerInfo         = status.ServerInfo
	ServerAPIResponse  = status.ServerAPIResponse
	EventFilterOptions = status.EventFilterOptions
	ApiError           = status.ApiError
	UserInfo           = status.UserInfo
)

// States of connections, for ConnzOptions.
const (
	ConnOpen   = status.ConnOpen
	ConnClosed = status.ConnClosed
	ConnAll    = status.ConnAll
)
