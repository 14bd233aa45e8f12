package client

import (
	"cmp"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/proto"
)

// Party is what messages tell of the connection: those about it, and those that cross accounts in its
// name. server is the name of the server, or of its cluster. The JWT of a user whom it alone lets in is
// left out.
func (i *Info) Party(server string) account.Party {
	start := i.Start.UTC()
	p := account.Party{
		Start: &start, Host: i.IP, ID: i.ID, Account: i.Account,
		User: cmp.Or(i.NKey, i.User), Name: i.Name, Lang: i.Lang, Version: i.Version,
		RTT: i.RTT, Server: server, NameTag: i.NameTag, Kind: "Client", ClientType: "nats",
	}
	if p.User == "" && i.Label == tokenLabel {
		p.User = proto.Redacted
	}
	if !i.Stop.IsZero() {
		stop := i.Stop.UTC()
		p.Stop = &stop
	}
	if c := i.Claims; c != nil {
		p.IssuerKey, p.Tags = c.IssuerKey, c.Tags
		if !c.Bearer {
			p.JWT = c.Token
		}
	}
	return p
}

// Party implements fanout.Caller: all that a service may learn of the client. The name tag is the user's.
func (s *session) Party() *account.Party {
	i := s.snapshot()
	p := i.Party(s.cfg.Info.Name)
	p.Cluster, p.NameTag, p.RTT = s.cfg.Info.Rest.Cluster, "", s.RTT()
	if i.Claims != nil {
		p.NameTag = i.Claims.Name
	}
	return &p
}

// RTT implements fanout.Caller.
func (s *session) RTT() time.Duration { return time.Duration(s.rtt.Load()).Abs() }
