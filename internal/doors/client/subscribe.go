package client

import (
	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/fanout"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/internal/doors/client/sids"
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
	if old := s.sids.Get(sid); old != nil {
		if !old.Ended() {
			s.ok(t) // the sid is in use: nothing happens
			return nil
		}
		s.forget(old)
	}
	if s.tooMany(1) {
		s.complain(t, proto.ErrMaxSubscriptions)
		return nil
	}
	sub := account.NewSub(&s.owner, sid, queue)
	s.sids.Put(sub)
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
	if max := s.cfg.MaxTokens; max > 0 && subject.Tokens(subj) > max {
		return proto.TooManyTokens(string(subj))
	}
	if string(queue) == reservedQueue || !s.id.Permissions.MaySubscribe(string(subj), string(queue)) {
		return proto.SubscribeDenied(string(subj), string(queue), string(sid))
	}
	return nil
}

// tooMany reports whether the connection would have too many subscriptions with so many more.
func (s *session) tooMany(more int64) bool {
	max := s.maxSubs()
	return max >= 0 && s.subs.Load()+more > int64(max)
}

// maxSubs is how many subscriptions the connection may have, -1 for no bound. Who may have none at all
// may not be connected either: a user JWT without limits is one that its maker forgot to complete.
func (s *session) maxSubs() int {
	max := s.cfg.MaxSubscriptions
	if max == 0 {
		max = -1
	}
	return smallest(max, s.id.Account.Limits().Subscriptions, s.id.Limits.Subscriptions)
}

// unsub handles UNSUB.
func (s *session) unsub(t *fanout.Trip, buf []byte, c *proto.Command) error {
	var args [2]msg.Span
	n := proto.Fields(buf, c.Args, args[:])
	if n < 1 || n > 2 {
		return proto.ErrArguments
	}
	if sub := s.sids.Get(args[0].Of(buf)); sub != nil {
		s.flushOwn(t)
		max := 0
		if n == 2 {
			max = proto.Number(args[1].Of(buf))
		}
		switch {
		case max <= 0:
			s.drop(sub)
		case sub.SetMax(uint64(max)): // what was counted is on its way, and the client waits for it
			s.expire(s.id.Account, sub)
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
	if s.leave(sub) {
		s.traceEnd(sub)
	}
	s.sids.Remove(sub)
}

// leave takes sub out of the account and of the counts. It reports false when it had reached its
// maximum before.
func (s *session) leave(sub *account.Sub) bool {
	if s.id.Account.Unsubscribe(sub) {
		s.subs.Add(-1)
		return true
	}
	s.spent.Add(-1)
	return false
}

// dropAll ends all subscriptions.
func (s *session) dropAll() {
	s.sids.Each(func(sub *account.Sub) {
		sub.GiveUp()
		s.leave(sub)
	})
	s.sids = sids.Table{}
	s.conn.Box.Invalidate()
	s.view.Store(nil) // not before: what is encoded without a view must be stale
}

// expire ends a subscription that has reached its maximum. It may be called by any goroutine
// that delivers; the reader finds the sid later.
func (s *session) expire(a *account.Account, sub *account.Sub) {
	if a.Unsubscribe(sub) {
		s.subs.Add(-1)
		s.spent.Add(1)
		s.traceEnd(sub)
	}
}

// mostSpent is how many ended subscriptions may still occupy their sids.
const mostSpent = 64

// sweep frees the sids of subscriptions that have reached their maximum, once they are many.
func (s *session) sweep() {
	if spent := s.spent.Load(); spent < mostSpent || spent < int64(s.sids.Len()/2) {
		return
	}
	s.sids.Each(func(sub *account.Sub) {
		if sub.Ended() {
			s.forget(sub)
		}
	})
}
