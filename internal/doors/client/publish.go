package client

import (
	"bytes"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/fanout"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/core/subject"
)

// publishing is what a session needs for its PUBs. It belongs to the reader.
type publishing struct {
	refusal *proto.Error // of the last command line; nil if it was accepted
	careful bool         // something is to be done for each message
	mapped  *mapped      // what the account's mappings make of the subject; nil without mappings
	counted bool         // so is the check of permissions: the client may publish so many, or subjects are mapped
	grants  *perm.Grants // what it may publish beside its permissions; nil if there are none

	// of the present batch
	tracing     bool
	busy        bool // the client did something but answer a ping
	active      bool // it published, or changed its subscriptions
	msgs, bytes uint64
}

// mapped is what an account with mappings makes of a subject.
type mapped struct {
	to      []byte // memory of the new subject
	renamed bool   // to is it
	dropped bool   // the message goes nowhere
}

// find looks subj up and returns the subject that the message goes to.
func (p *publishing) find(a *account.Account, subj []byte) []byte {
	maps := a.Mapping()
	if maps == nil {
		p.mapped = nil
		return subj
	}
	if p.mapped == nil {
		p.mapped = new(mapped) // apart, as few sessions need it
	}
	m := p.mapped
	m.to, m.renamed, m.dropped = maps.Append(m.to[:0], subj)
	if m.renamed {
		return m.to
	}
	return subj
}

// begin starts a batch.
func (p *publishing) begin(tracing bool) {
	p.tracing, p.busy, p.active, p.msgs, p.bytes = tracing, false, false, 0, 0
}

// account enters what the batch has brought so far in the session's counters. It comes before
// anything that vouches for it: who has read a PONG finds the messages before it counted.
func (p *publishing) account(s *session) {
	if p.msgs > 0 {
		s.in.msgs.Add(p.msgs)
		s.in.bytes.Add(p.bytes)
		p.msgs, p.bytes, p.busy, p.active = 0, 0, true, true
	}
}

// end ends the batch.
func (p *publishing) end(s *session, now time.Time) {
	p.account(s)
	if p.busy {
		s.pings.active.Store(now.UnixNano())
	}
	if p.active {
		s.in.last.Store(now.UnixNano())
	}
}

// allow adapts p to what the session has become.
func (p *publishing) allow(s *session, v *view) {
	p.careful = s.options.Verbose || s.options.Pedantic
	p.grants = v.grants
}

// pub handles PUB and HPUB.
func (s *session) pub(t *fanout.Trip, buf []byte, c *proto.Command) {
	p, m := &s.publish, &c.Msg
	p.msgs++
	p.bytes += uint64(m.Data.Len)
	if !m.Same || p.counted {
		p.refusal = s.mayPublish(m.Subject.Of(buf), m.Reply.Of(buf))
	}
	if p.tracing {
		s.tracePub(buf, m)
	}
	if p.careful && s.options.Pedantic && !subject.ValidPublish(m.Subject.Of(buf)) {
		s.complain(t, proto.ErrPublishSubject) // and yet it is published
	}
	if p.refusal != nil {
		s.complain(t, p.refusal)
		return
	}
	if p.careful {
		s.ok(t)
	}
	if p.mapped != nil {
		p.mapped.add(t, s.id.Account, m)
		return
	}
	t.Add(s.id.Account, m)
}

// add publishes a message whose subject was looked up.
func (m *mapped) add(t *fanout.Trip, a *account.Account, message *msg.Message) {
	switch {
	case m.dropped:
	case m.renamed:
		t.AddTo(a, message, m.to)
	default:
		t.AddTo(a, message, nil)
	}
}

// mayPublish checks what is reserved for the server, and the permissions: to publish on what mappings make
// of the subject.
func (s *session) mayPublish(subj, reply []byte) *proto.Error {
	if len(subj) > 0 && (reserved(subj, "_GR_.") || reserved(subj, "$NRG.")) {
		return proto.PublishDenied(string(subj))
	}
	if len(reply) > 0 && (reserved(reply, "_R_.") || reserved(reply, "$JS.ACK.") || reserved(reply, "_GR_.")) {
		return proto.ReplyDenied(string(reply))
	}
	subj = s.publish.find(s.id.Account, subj)
	s.publish.counted = s.publish.mapped != nil // the next message may be mapped otherwise
	if s.id.Permissions == nil || s.id.Permissions.MayPublish(subj) {
		return nil
	}
	if g := s.publish.grants; g != nil {
		s.publish.counted = true
		if g.Take(subj, time.Now()) {
			return nil
		}
	}
	return proto.PublishDenied(string(subj))
}

func reserved(subj []byte, prefix string) bool {
	return len(subj) >= len(prefix) && string(subj[:len(prefix)]) == prefix
}

// Unheard implements fanout.Publisher: the client is told that nobody took message i, if it
// asked for that and listens for the reply.
func (s *session) Unheard(t *fanout.Trip, i int32) {
	if !s.options.NoResponders {
		return
	}
	b := &t.Stage.Batch
	m := &b.Msgs[i]
	reply := m.Reply.Of(b.Buf)
	for _, sub := range t.Receivers(s.id.Account, reply).Plain {
		if sub.Owner() == &s.owner {
			t.Say(proto.AppendNoResponders(nil, reply, sub.AppendSID(nil), m.Subject.Of(b.Buf)), false)
			return
		}
	}
}

// line returns the arguments of the command line of m, for traces.
func line(buf []byte, m *msg.Message) []byte {
	return bytes.TrimRight(buf[m.Subject.At:m.Data.At], " \t\r\n")
}
