package report

import (
	"errors"
	"time"

	"github.com/baridmq/barid/server/status"
)

// Names is who a server is, for the reports that need nothing else of it.
type Names struct{ ID, Name string }

// Routez reports the routes of a server that has none.
func Routez(server Names, now time.Time) *status.Routez {
	return &status.Routez{ID: server.ID, Name: server.Name, Now: now.UTC(), Routes: []*status.RouteInfo{}}
}

// Gatewayz reports the gateways of a server that has none.
func Gatewayz(server Names, now time.Time) *status.Gatewayz {
	return &status.Gatewayz{
		ID: server.ID, Now: now.UTC(),
		OutboundGateways: map[string]*status.RemoteGatewayz{},
		InboundGateways:  map[string][]*status.RemoteGatewayz{},
	}
}

// Leafz reports the leafnodes of a server that has none.
func Leafz(server Names, now time.Time) *status.Leafz {
	return &status.Leafz{ID: server.ID, Now: now.UTC(), Leafs: []*status.LeafInfo{}}
}

// ErrNotLeader says that a server which does not lead was asked to answer only if it does.
var ErrNotLeader = errors.New("filtered response: not leader")

// Jsz reports the state of JetStream of a server on which it is disabled; nil opts stand for the
// zero value.
func Jsz(server Names, now time.Time, opts *status.JSzOptions) (*status.JSInfo, error) {
	if opts != nil && opts.LeaderOnly {
		return nil, ErrNotLeader
	}
	return &status.JSInfo{ID: server.ID, Now: now.UTC(), Disabled: true}, nil
}
