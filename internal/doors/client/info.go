package client

import (
	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/proto"
)

// infos are the INFO lines of a door, by what they say of authentication and TLS.
type infos [2][3]*proto.InfoLine

// What an INFO says of TLS.
const (
	tlsNone = iota
	tlsRequired
	tlsAvailable
)

// newInfos prepares the lines of the server that i describes. verify says that the server wants
// certificates of clients.
func newInfos(i proto.ServerInfo, verify bool) (all infos) {
	for auth := range all {
		for mode := range all[auth] {
			i.Auth = auth == 1
			i.TLSRequired, i.TLSAvailable, i.TLSVerify = mode == tlsRequired, mode == tlsAvailable, mode != tlsNone && verify
			all[auth][mode] = proto.NewInfoLine(&i)
		}
	}
	return all
}

// line chooses the INFO for the connection. The first one demands no authentication where there is a user for
// those who give no name.
func (s *session) line() *proto.InfoLine {
	auth, mode := 0, tlsNone
	if s.cfg.Auth.Required() || (s.connected && s.cfg.AuthConfigured) {
		auth = 1
	}
	switch t := &s.cfg.TLS; {
	case t.Config == nil || s.kind != identity.Standard:
	case t.Optional && !s.first.Load():
		mode = tlsAvailable
	default:
		mode = tlsRequired
	}
	return s.cfg.infos[auth][mode]
}

// info returns the INFO line for this connection, in account a unless that is nil.
func (s *session) info(a *account.Account) []byte { return s.infoOf(a, s.door.lame.Load()) }

// infoOf is info, of a server that is about to retire or not.
func (s *session) infoOf(a *account.Account, lame bool) []byte {
	i := proto.ConnInfo{MaxPayload: int32(s.parser.MaxPayload), ClientID: s.owner.ID, ClientIP: s.from.Load().ip,
		LameDuck: lame}
	if a != nil {
		i.Account, i.System = a.Name(), a.Name() == s.cfg.System
	}
	if !s.connected {
		i.Nonce = s.nonce
	}
	return s.line().Append(nil, &i)
}
