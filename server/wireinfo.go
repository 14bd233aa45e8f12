package server

import (
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/server/status"
)

// InfoProto is the line of an INFO, with the JSON of an Info in it.
const InfoProto = "INFO %s\r\n"

// Levels of the protocol between servers, Info.Proto on connections between them.
const (
	// RouteProtoZero is the first one.
	RouteProtoZero = iota
	// RouteProtoInfo sends INFO at any time.
	RouteProtoInfo
	// RouteProtoV2 knows accounts.
	RouteProtoV2
)

// Levels of the protocol with clients, ClientOpts.Protocol.
const (
	// ClientProtoZero sends no INFO after the first.
	ClientProtoZero = iota
	// ClientProtoInfo may send INFO at any time.
	ClientProtoInfo
)

// Values of the protocol; see package status.
type (
	Info           = status.Info
	InfoPermission = status.InfoPermission
	TypedEvent     = status.TypedEvent
	ClientInfo     = status.ClientInfo
	ServiceLatency = status.ServiceLatency
)

// MaxAccountCycleSearchDepth bounds the search for cycles of imports, in accounts.
const MaxAccountCycleSearchDepth = 1024

// Errors about imports between accounts, as Account.AddServiceImport and its siblings return them.
var (
	ErrImportFormsCycle = account.ErrCycle
	ErrCycleSearchDepth = account.ErrCycleDepth
)

// SetGatewaysSolicitDelay does nothing. It sets how long a server waits before it connects to other
// clusters, and barid does not connect to any yet.
func SetGatewaysSolicitDelay(time.Duration) {}

// ResetGatewaysSolicitDelay does nothing; see SetGatewaysSolicitDelay.
func ResetGatewaysSolicitDelay() {}

// GatewayDoNotForceInterestOnlyMode does nothing: barid has no gateways yet.
func GatewayDoNotForceInterestOnlyMode(bool) {}
