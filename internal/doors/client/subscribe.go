package client

import (
	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/fanout"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/core/subject"
)

// reservedQueue is a group name that clients may not use.
const reservedQueue = "_sys_"

// sub handles SUB.
func (s *session) sub(t *fanout.Trip, buf []byte, c *proto.Command) error {
	var args [3]msg.Span
	var queue []byte
	n := proto.Fields(buf, c.Args, args[:])
	switch n {
	case 2:
	case 3:
		queue = args[1].Of(buf)
	default:
		return proto.ErrArguments
	}
	subj, sid := args[0].Of(buf), args[n-1].Of(buf)
	if err := s.maySubscribe(subj, queue, sid); err != nil {
		s.complain(t, err)
		return nil
	}
	if old := s.sids.get(sid); old != nil {
		if max := old.Max(); max == 0 || old.Taken() < max {
			s.ok(t) // the sid is in use: nothing happens
			return nil
		}
		s.forget(old)
	}
	if s.tooMany() {
		s.complain(t, proto.ErrMaxSubscriptions)
		return nil
	}
	sub := account.NewSub(&s.owner, sid, queue)
	s.sids.put(sub)
	s.subs.Add(1)
	s.id.Account.Subscribe(sub, subj)
	s.ok(t)
	return nil
}

// maySubscribe checks subject and permissions.
func (s *session) maySubscribe(subj, queue, sid []byte) error {
	if !subject.ValidSubscription(subj) {
		return proto.ErrSubject
	}
	if max := s.door.cfg.MaxTokens; max > 0 && subject.Tokens(subj) > max {
		return proto.TooManyTokens(string(subj))
	}
	if string(queue) == reservedQueue || (s.id.Permissions != nil && !s.id.Permissions.MaySubscribe(string(subj))) {
		return proto.SubscribeDenied(string(subj), string(queue), string(sid))
	}
	return nil
}

// tooMany reports whether the connection has as many subscriptions as it may have.
func (s *session) tooMany() bool {
	max := s.door.cfg.MaxSubscriptions
	if max == 0 {
		max = -1
	}
	max = smallest(max, s.id.Account.Limits().Subscriptions, s.id.Limits.Subscriptions)
	return max >= 0 && s.subs.Load() >= int64(max)
}

// unsub handles UNSUB.
func (s *session) unsub(t *fanout.Trip, buf []byte, c *proto.Command) error {
	var args [2]msg.Span
	n := proto.Fields(buf, c.Args, args[:])
	if n < 1 || n > 2 {
		return proto.ErrArguments
	}
	if sub := s.sids.get(args[0].Of(buf)); sub != nil {
		s.flushOwn(t)
		max := 0
		if n == 2 {
			max = proto.Number(args[1].Of(buf))
		}
		if max <= 0 || sub.SetMax(uint64(max)) {
			s.drop(sub)
		}
	}
	s.ok(t)
	return nil
}

// flushOwn sends what the client has published to itself: commands of one connection take effect
// one after the other.
func (s *session) flushOwn(t *fanout.Trip) {
	if t.Stage.Holds(&s.conn.Box) {
		t.Flush()
	}
}

// drop ends a subscription now: nothing that is said from here on is followed by a message for
// it, not even one that was staged before.
func (s *session) drop(sub *account.Sub) {
	sub.GiveUp()
	s.forget(sub)
	s.conn.Box.Invalidate()
}

// forget takes sub out of the account and frees its sid.
func (s *session) forget(sub *account.Sub) {
	if s.id.Account.Unsubscribe(sub) {
		s.subs.Add(-1)
		s.traceEnd(sub)
	} else {
		s.spent.Add(-1) // it had reached its maximum
	}
	s.sids.remove(sub)
}

// dropAll ends all subscriptions.
func (s *session) dropAll() {
	s.view.Store(nil)
	s.sids.each(func(sub *account.Sub) {
		sub.GiveUp()
		s.id.Account.Unsubscribe(sub)
	})
	s.sids = sids{}
	s.subs.Store(0)
	s.spent.Store(0)
	s.conn.Box.Invalidate()
}

// expire ends a subscription that has reached its maximum. It may be called by any goroutine
// that delivers; the reader finds the sid later.
func (s *session) expire(v *view, sub *account.Sub) {
	if v.id.Account.Unsubscribe(sub) {
		s.subs.Add(-1)
		s.spent.Add(1)
		s.traceEnd(sub)
	}
}

// mostSpent is how many ended subscriptions may still occupy their sids.
const mostSpent = 64

// sweep frees the sids of subscriptions that have reached their maximum, once they are many.
func (s *session) sweep() {
	if spent := s.spent.Load(); spent < mostSpent || spent < int64(s.sids.count/2) {
		return
	}
	s.sids.each(func(sub *account.Sub) {
		if max := sub.Max(); max != 0 && sub.Taken() >= max {
			s.forget(sub)
		}
	})
}
