package client

import (
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/proto"
)

// Deliver implements account.Receiver.
func (s *session) Deliver(st *account.Stage, run msg.Run, sub *account.Sub) account.Outcome {
	gen := s.conn.Box.Generation() // before anything is asked that may change
	v := s.view.Load()
	if v == nil || s.conn.Ended() || (!v.echo && st.Batch.Origin == s.owner.ID) {
		return account.Refused
	}
	if p := v.id.Permissions; p != nil {
		if subject := sub.Subject(); subject == "" || v.grants != nil || p.Filters(subject, sub.Queue()) {
			return s.deliverFiltered(st, run, sub, v, gen)
		}
	}
	n, last := sub.Count(run.Len())
	if n > 0 {
		st.Add(&s.dest, gen, msg.Run{From: run.From, To: run.From + int32(n)}, sub)
	}
	if last {
		s.expire(v.id.Account, sub)
	}
	switch n {
	case run.Len():
		return account.Taken
	case 0:
		return account.Refused
	}
	for i := run.From; i < run.From+int32(n); i++ {
		st.Batch.Take(i)
	}
	return account.Partly
}

// deliverFiltered takes the messages of run that the permissions let through, one by one: a run
// may have several subjects. Those that were taken may give the right to answer.
func (s *session) deliverFiltered(st *account.Stage, run msg.Run, sub *account.Sub, v *view, gen uint64) account.Outcome {
	b := &st.Batch
	taken := 0
	var now time.Time
	if v.grants != nil {
		now = time.Now()
	}
	for i := run.From; i < run.To; i++ {
		m := &b.Msgs[i]
		if !v.id.Permissions.MayReceive(m.Subject.Of(b.Buf), sub.Queue()) {
			continue
		}
		n, last := sub.Count(1)
		if n == 1 {
			st.Add(&s.dest, gen, msg.Run{From: i, To: i + 1}, sub)
			b.Take(i)
			taken++
			if v.grants != nil {
				v.grant(m.Reply.Of(b.Buf), now)
			}
		}
		if last {
			s.expire(v.id.Account, sub)
		}
	}
	switch taken {
	case run.Len():
		return account.Taken
	case 0:
		return account.Refused
	}
	return account.Partly
}

// grant allows the client to answer a message that it gets, unless it may publish there anyway.
func (v *view) grant(reply []byte, now time.Time) {
	if len(reply) > 0 && !v.id.Permissions.MayPublish(reply) {
		v.grants.Allow(reply, v.id.Permissions.Responses(), now)
	}
}

// Encode implements outbox.Encoder.
func (s *session) Encode(dst []byte, b *msg.Batch, r msg.Run, sub *account.Sub) ([]byte, int) {
	v := s.view.Load()
	if v == nil {
		return dst, 0 // the box is closed, or about to say Stale
	}
	var sid [20]byte
	if s.tracing() {
		s.traceDeliveries(b, r, sub, v.headers)
	}
	return proto.AppendRun(dst, b, r, sub.AppendSID(sid[:0]), v.headers)
}

// Live implements outbox.Encoder.
func (s *session) Live(sub *account.Sub) bool { return !sub.GivenUp() }

// Shape implements outbox.Encoder: the encoding depends on the sid and on whether the client
// takes headers.
func (s *session) Shape(sub *account.Sub) uint64 {
	sid, ok := sub.SID()
	v := s.view.Load()
	if !ok || v == nil || s.tracing() {
		return 0
	}
	shape := sid<<2 | 1
	if v.headers {
		shape |= 2
	}
	return shape
}
