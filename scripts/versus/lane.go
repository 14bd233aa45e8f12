package main

import (
	"context"
	"errors"
	"fmt"
)

// Bounds of what a lane has on its way, in bytes: per subscriber, so that the server is kept busy but
// works from its caches, and in all, so that even if everything waited for one subscriber it would
// stay below the 48 MiB at which a server begins to slow its publishers.
const (
	flowPerSubscriber = 4 << 20
	flowInAll         = 32 << 20
)

// A lanePlan describes one publisher and all who listen to it.
type lanePlan struct {
	script    *script
	listeners []listener
	fanout    int // deliveries that each message causes
}

// A listener is one subscribing connection.
type listener struct {
	subs  []subscription
	check checker
	pace  func(bytes int) // if set, called after each read with what it gave; may wait
}

// A lane is a lanePlan at work.
type lane struct {
	id     int
	plan   lanePlan
	gate   *gate
	pub    *client
	subs   []*subscriber
	at     int // position in the script
	seq    int // messages published
	window int // bytes that one write may have
}

type subscriber struct {
	*client
	listener
	gate *gate
}

// openLane connects everybody, subscribers first; their goroutines belong to the crew.
func openLane(c *crew, t *target, id int, plan lanePlan) (*lane, error) {
	mean := plan.script.meanSize()
	limit := max(4*plan.fanout, min(plan.fanout*flowPerSubscriber, flowInAll)/mean)
	l := &lane{
		id: id, plan: plan, gate: newGate(limit),
		window: min(chunkSize, limit/4/plan.fanout*mean),
	}
	bufSize := min(max(4<<20/len(plan.listeners), 16<<10), 256<<10)
	for _, who := range plan.listeners {
		s, err := t.dial(c.ctx, bufSize)
		if err != nil {
			return l, err
		}
		l.subs = append(l.subs, &subscriber{s, who, l.gate})
		if err := s.subscribe(who.subs); err != nil {
			return l, err
		}
	}
	for _, s := range l.subs {
		c.start(s.receive)
	}
	var err error
	l.pub, err = t.dial(c.ctx, 4<<10)
	return l, err
}

// receive reads until a PONG comes, for which somebody else has sent the PING.
func (s *subscriber) receive() error {
	if err := s.untilSettled(); err != nil {
		return fmt.Errorf("a subscriber's connection: %w", err)
	}
	return nil
}

func (s *subscriber) untilSettled() error {
	var m message
	for n := 0; ; {
		o, err := s.next(&m)
		switch {
		case err != nil:
			return err
		case o == opMsg:
			s.check.take(&m)
			n++
		case o == opPing:
			if err := s.write([]byte("PONG\r\n")); err != nil {
				return err
			}
		case o == opPong:
			s.gate.add(n)
			return nil
		case o == opNone:
			s.gate.add(n)
			n = 0
			if err := s.read(); err != nil {
				return err
			}
		}
	}
}

// read fills the buffer once, at the listener's pace.
func (s *subscriber) read() error {
	had := s.end - s.start
	if err := s.fill(); err != nil {
		return err
	}
	if s.pace != nil {
		s.pace(s.end - s.start - had)
	}
	return nil
}

// publish sends n messages and waits until all their deliveries have arrived.
func (l *lane) publish(ctx context.Context, n int) error {
	if err := l.send(ctx, n); err != nil {
		return err
	}
	return l.gate.await(ctx, int64(l.seq*l.plan.fanout))
}

// send sends n messages as fast as the gate allows.
func (l *lane) send(ctx context.Context, n int) error {
	for n > 0 {
		b, k := l.plan.script.chunk(l.at, n, l.window, l.id, uint64(l.seq))
		if err := l.gate.pass(ctx, int64((l.seq+k)*l.plan.fanout)); err != nil {
			return err
		}
		if err := l.pub.write(b); err != nil {
			return err
		}
		l.seq += k
		l.at = (l.at + k) % l.plan.script.len()
		n -= k
	}
	return nil
}

// settle asks every connection of the lane for a last PONG, which ends the subscribers; whatever
// is still under way comes before it.
func (l *lane) settle() error {
	if err := l.pub.sync(nil); err != nil {
		return err
	}
	for _, s := range l.subs {
		if err := s.write([]byte("PING\r\n")); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) close() {
	for _, s := range l.subs {
		s.close()
	}
	if l.pub != nil {
		l.pub.close()
	}
}

// verdict returns the faults of all subscribers, which must have ended.
func (l *lane) verdict() faults {
	var f faults
	for _, s := range l.subs {
		f.add(s.check.finish(l.seq))
	}
	return f
}

// lanes is all traffic of a scenario.
type lanes struct {
	crew *crew
	all  []*lane
}

// openLanes opens a lane for each plan. It must be closed in any case.
func openLanes(ctx context.Context, t *target, plans []lanePlan) (*lanes, error) {
	ls := &lanes{crew: newCrew(ctx)}
	for i, p := range plans {
		l, err := openLane(ls.crew, t, i, p)
		ls.all = append(ls.all, l)
		if err != nil {
			return ls, err
		}
	}
	return ls, nil
}

// publish sends n messages, divided among the lanes, and waits for all deliveries.
func (ls *lanes) publish(n int) error {
	p := newCrew(ls.crew.ctx)
	for _, l := range ls.all {
		p.start(func() error { return l.publish(p.ctx, n/len(ls.all)) })
	}
	return ls.explain(p.wait())
}

// explain adds to the error of a lane that has stalled what the subscribers miss. It ends all traffic then.
func (ls *lanes) explain(err error) error {
	if !errors.Is(err, errStalled) {
		return err
	}
	bad, failed := ls.finish()
	if failed != nil {
		return errors.Join(err, failed)
	}
	return fmt.Errorf("%w; messages: %v", err, bad)
}

// finish ends all traffic and returns what went wrong in it.
func (ls *lanes) finish() (faults, error) {
	var f faults
	for _, l := range ls.all {
		if err := l.settle(); err != nil {
			return f, errors.Join(err, context.Cause(ls.crew.ctx))
		}
	}
	if err := ls.crew.wait(); err != nil {
		return f, err
	}
	for _, l := range ls.all {
		f.add(l.verdict())
	}
	return f, nil
}

func (ls *lanes) close() {
	ls.crew.dismiss()
	for _, l := range ls.all {
		l.close()
	}
}

// measure lets the lanes carry n messages and returns what these cost the server.
func (ls *lanes) measure(t *target, n int) (sample, error) {
	m, err := t.mark()
	if err != nil {
		return sample{}, err
	}
	if err := ls.publish(n); err != nil {
		return sample{}, err
	}
	return t.since(m, n)
}

// warmUpPart: before a measured part, one part in so many of its work is done unmeasured.
const warmUpPart = 10

// flow makes the run of a scenario that is lanes and nothing else.
func flow(plans func() []lanePlan) runFunc {
	return func(ctx context.Context, t *target, n int) (sample, error) {
		ls, err := openLanes(ctx, t, plans())
		defer ls.close()
		if err != nil {
			return sample{}, err
		}
		if err := ls.publish(n / warmUpPart); err != nil {
			return sample{}, err
		}
		s, err := ls.measure(t, n)
		if err != nil {
			return s, err
		}
		s.Faults, err = ls.finish()
		return s, err
	}
}
