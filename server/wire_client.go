package server

import (
	"runtime"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/trust/auth"
)

// apiLevel is the level of the JetStream API that INFO reports, whether or not it is served.
const apiLevel = 0

// doorConfig is what the door of NATS clients gets of the options. The listener is open.
func (s *Server) doorConfig() client.Config {
	o := s.opts
	host, port, _ := config.Advertise(o) // Validate has refused what cannot be advertised
	return client.Config{
		Tasks: s.connTask,
		Auth:  auth.NewOpen(s.accounts.Get(account.Global)),
		Log:   &s.logs,
		IDs:   &s.ids,
		Info: proto.ServerInfo{
			ID: s.id, Name: s.Name(), Version: VERSION, Barid: BaridVersion, Proto: 1,
			GitCommit: commit(), Go: runtime.Version(), Host: host, Port: port,
			Headers: !o.NoHeaderSupport,
			Rest:    proto.ServerInfoRest{APILevel: apiLevel, XKey: s.xkey},
		},
		MaxConnections:   o.MaxConn,
		MaxSubscriptions: o.MaxSubs,
		MaxTokens:        int(o.MaxSubTokens),
		MaxLine:          int(o.MaxControlLine),
		MaxPayload:       int(o.MaxPayload),
		MaxPending:       int(o.MaxPending),
		MaxClosed:        o.MaxClosedClients,
		MaxTraced:        o.MaxTracedMsgLen,
		WriteDeadline:    o.WriteDeadline,
		PingInterval:     o.PingInterval,
		PingMax:          o.MaxPingsOut,
		FirstPing:        !o.DisableShortFirstPing,
	}
}

// served returns the door of NATS clients, nil before the server has started.
func (s *Server) served() *client.Door {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.door
}
