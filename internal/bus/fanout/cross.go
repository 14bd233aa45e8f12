package fanout

import (
	"encoding/json"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
)

// # Crossing
//
// A message that goes on into another account gets other subjects, and a request another header. It is
// written once into a second batch of the stage, the messages made on the way, and delivered at once.
// There is one stage for both batches, so each destination gets what is for it in the order in which it
// was delivered, and whoever looks at the stage sees all. While made messages are delivered the stage is
// swapped: receivers find them in Stage.Batch as they find others.
//
// Streams need no nesting, as shadows stand at the source. Requests may go over several accounts, and
// a frame remembers each of them.

const (
	// mostMade is how many bytes of made messages may wait to be sent, roughly.
	mostMade = 4 << 20
	// mostArena bounds them for good: what does not fit is refused.
	mostArena = 1 << 30
	// keptArena is how much memory for them a pooled trip may keep.
	keptArena = 1 << 20
	// mostDepth bounds the accounts that one message goes through.
	mostDepth = 16
	// mostHops bounds the requests that one message becomes: where accounts import the same of several
	// others, which do the same, there are more with each.
	mostHops = 1024
)

// crossing is the part of a trip that carries messages into other accounts.
type crossing struct {
	used   bool     // messages were made since the last restart
	homes  []home   // of each made message
	frames []*frame // the first depth are in use
	depth  int
	hops   int // requests that the run or message at hand may still become
	memos  [4]memo
	oldest int // of memos

	mapped  []byte // scratch for subjects
	scratch []byte
	party   *account.Party // of the publisher, once somebody has asked
}

// home is where a message was matched: message i of the batch of the made ones, or of the read ones, in acc.
type home struct {
	acc  *account.Account
	i    int32
	made bool
}

// frame is one account that a message goes through on its way.
type frame struct {
	matches account.Matches
	via     *account.Route   // nil for replies and what was mapped
	passage *account.Passage // of via
	foreign bool             // what goes on here was not published in the account: it is a reply, or an event

	subject, mapped, reply, info, header []byte // scratch
}

// memo remembers that a run was renamed already, for the next subscription that wants it so.
type memo struct {
	via  *account.Path
	from msg.Run
	made bool // from is one of made messages
	to   msg.Run
}

// restart forgets the messages that were made: all of them were sent.
func (c *crossing) restart(st *account.Stage) {
	if !c.used {
		return
	}
	st.Side.Reset(0, st.Side.Buf[:0])
	clear(c.homes)
	c.homes, c.memos, c.used = c.homes[:0], [4]memo{}, false
}

// forget drops what a pooled trip must not keep.
func (c *crossing) forget(st *account.Stage) {
	c.restart(st)
	c.party = nil
	if cap(st.Side.Buf) > keptArena {
		st.Side.Buf = nil
	}
	for _, f := range c.frames {
		f.matches.Reset()
		f.via, f.passage = nil, nil
		if cap(f.header) > keptArena {
			f.header = nil
		}
	}
}

func (t *Trip) enter(via *account.Route, p *account.Passage) *frame {
	c := &t.cross
	if c.depth == len(c.frames) {
		c.frames = append(c.frames, &frame{})
	}
	f := c.frames[c.depth]
	c.depth++
	f.via, f.passage, f.foreign = via, p, p == nil
	return f
}

func (t *Trip) leave() { t.cross.depth-- }

// made returns the batch of the made messages.
func (t *Trip) made() *msg.Batch {
	b := &t.Stage.Side
	if t.Stage.Swapped() {
		b = &t.Stage.Batch
	}
	if !t.cross.used {
		t.cross.used = true
		b.Reset(t.Stage.Batch.Origin, b.Buf[:0])
	}
	return b
}

// write makes a message. at is where it was or is matched; the zero value is for a message that is matched
// by itself, in acc. It reports false if there is no room.
func (t *Trip) write(subject, reply, header, payload []byte, acc *account.Account) (int32, bool) {
	b := t.made()
	i := int32(len(b.Msgs))
	need := len(subject) + len(reply) + len(header) + len(payload) + len(lineEnd)
	if len(b.Buf)+need > mostArena {
		return 0, false
	}
	m := msg.Message{Header: uint32(len(header))}
	m.Subject = put(b, subject)
	m.Reply = put(b, reply)
	m.Data = put(b, header)
	m.Data.Len += put(b, payload).Len
	b.Buf = append(b.Buf, lineEnd...)
	b.Msgs = append(b.Msgs, m)
	t.cross.homes = append(t.cross.homes, home{acc: acc, i: i, made: true})
	return i, true
}

const lineEnd = "\r\n"

func put(b *msg.Batch, p []byte) msg.Span {
	at := len(b.Buf)
	b.Buf = append(b.Buf, p...)
	return msg.Span{At: uint32(at), Len: uint32(len(p))}
}

// home tells where message i was matched.
func (t *Trip) home(made bool, i int32) home {
	if made {
		return t.cross.homes[i]
	}
	return home{acc: t.acc, i: i}
}

// deliver gives the made message i to those who want it, and reports whether anybody took it.
func (t *Trip) deliver(m *account.Matches, i int32) (heard bool) {
	if !t.Stage.Swapped() {
		t.Stage.Swap()
		defer t.Stage.Swap()
	}
	one := msg.Run{From: i, To: i + 1}
	for _, s := range m.Plain {
		if s.Deliver(&t.Stage, one) == account.Taken {
			heard = true
		}
	}
	for q := range m.Queues {
		if t.toOne(m.Queues[q].Members, nil, one) {
			heard = true
		}
	}
	t.staged += int64(t.Stage.Batch.Extent(one)) * int64(len(m.Plain)+len(m.Queues))
	return heard
}

// Stream implements account.Carrier.
func (t *Trip) Stream(run msg.Run, via *account.Path, to *account.Sub) account.Outcome {
	t.relieve()
	made, ok := t.renamed(run, via)
	if !ok {
		return account.Refused
	}
	outer := &t.Stage.Batch // whichever it is, it is there again after the second Swap
	if t.Stage.Swapped() {
		return t.partly(to.Deliver(&t.Stage, made), outer, outer, run, made)
	}
	t.Stage.Swap()
	out := to.Deliver(&t.Stage, made)
	t.Stage.Swap()
	return t.partly(out, outer, &t.Stage.Side, run, made)
}

// partly marks the messages of run that were taken of made, if they were not all.
func (t *Trip) partly(out account.Outcome, outer, inner *msg.Batch, run, made msg.Run) account.Outcome {
	if out == account.Partly {
		for k := range int32(run.Len()) {
			if inner.Taken(made.From + k) {
				outer.Take(run.From + k)
			}
		}
	}
	return out
}

// renamed returns run with the subjects at the end of via.
func (t *Trip) renamed(run msg.Run, via *account.Path) (made msg.Run, ok bool) {
	c := &t.cross
	fromMade := t.Stage.Swapped()
	for i := range c.memos {
		if m := &c.memos[i]; m.via == via && m.from == run && m.made == fromMade {
			return m.to, true
		}
	}
	from, to := &t.Stage.Batch, t.made()
	if len(to.Buf)+2*from.Extent(run) > mostArena {
		return made, false
	}
	made.From = int32(len(to.Msgs))
	for i := run.From; i < run.To; i++ {
		src := from.Msgs[i]
		at := len(to.Buf)
		to.Buf, c.scratch, ok = via.Rename(to.Buf, src.Subject.Of(from.Buf), c.scratch)
		if !ok {
			to.Msgs, c.homes = to.Msgs[:made.From], c.homes[:made.From]
			return made, false
		}
		m := msg.Message{Header: src.Header, Same: src.Same && i > run.From}
		m.Subject = msg.Span{At: uint32(at), Len: uint32(len(to.Buf) - at)}
		m.Reply = put(to, src.Reply.Of(from.Buf))
		m.Data = put(to, src.Data.Of(from.Buf))
		to.Buf = append(to.Buf, lineEnd...)
		to.Msgs = append(to.Msgs, m)
		c.homes = append(c.homes, t.home(fromMade, i))
	}
	made.To = int32(len(to.Msgs))
	c.memos[c.oldest] = memo{via, run, fromMade, made}
	c.oldest = (c.oldest + 1) % len(c.memos)
	return made, true
}

// Request implements account.Carrier.
func (t *Trip) Request(run msg.Run, via *account.Route) account.Outcome {
	p := via.Passage()
	if p == nil || t.under(via) {
		return account.Refused
	}
	taken := 0
	for i := run.From; i < run.To; i++ {
		if t.cross.hops--; t.cross.hops < 0 {
			break
		}
		if t.request(via, p, i) {
			t.Stage.Batch.Take(i)
			taken++
		}
		t.relieve()
	}
	return outcome(taken, run)
}

func outcome(taken int, run msg.Run) account.Outcome {
	switch taken {
	case 0:
		return account.Refused
	case run.Len():
		return account.Taken
	}
	return account.Partly
}

// under reports whether a message is on its way by via already, or by too many.
func (t *Trip) under(via *account.Route) bool {
	if t.cross.depth >= mostDepth {
		return true
	}
	for _, f := range t.cross.frames[:t.cross.depth] {
		if f.via == via {
			return true
		}
	}
	return false
}

// ackPrefix begins replies that are not rewritten: they acknowledge messages of streams, and the subjects
// tell all about that.
const ackPrefix = "$JS.ACK."

// request sends message i on, and reports whether anybody took it.
func (t *Trip) request(via *account.Route, p *account.Passage, i int32) (heard bool) {
	f := t.enter(via, p)
	defer t.leave()
	b := &t.Stage.Batch
	m := b.Msgs[i]
	subject, ok := p.Remote(f.subject[:0], m.Subject.Of(b.Buf))
	f.subject = subject
	if !ok {
		return false
	}
	if maps := p.Exporter().Mapping(); maps != nil {
		out, mapped, dropped := maps.Append(f.mapped[:0], subject)
		f.mapped = out
		if dropped {
			return true
		}
		if mapped {
			subject = out
		}
	}
	data := m.Data.Of(b.Buf)
	header, payload := data[:m.Header], data[m.Header:]
	sample := t.sample(p, header)
	p.Exporter().Match(subject, &f.matches)
	if f.matches.Empty() {
		t.failed(p, sample, unavailable)
		return false
	}
	reply := m.Reply.Of(b.Buf)
	var asked *account.Request
	switch {
	case len(reply) == 0:
		t.failed(p, sample, badRequest)
	case len(reply) >= len(ackPrefix) && string(reply[:len(ackPrefix)]) == ackPrefix:
	default:
		f.reply, asked = p.Expect(f.reply[:0], reply, via, sample.note(), time.Now())
		reply = f.reply
	}
	f.info = t.appendInfo(f.info[:0], p)
	f.header = msg.SetField(f.header[:0], header, infoField, f.info)
	made, ok := t.write(subject, reply, f.header, payload, p.Exporter())
	if ok && t.deliver(&f.matches, made) {
		return true
	}
	if asked != nil {
		asked.Forget()
		t.failed(p, sample, unavailable)
	}
	return false
}

// Answer implements account.Carrier.
func (t *Trip) Answer(run msg.Run, find account.Finder) account.Outcome {
	if t.cross.depth >= mostDepth {
		return account.Refused
	}
	taken := 0
	for i := run.From; i < run.To; i++ {
		b := &t.Stage.Batch
		m := &b.Msgs[i]
		now := time.Now()
		asked := find.Find(m.Subject.Of(b.Buf), m.Data.Len == 0, now)
		if asked != nil && asked.Open() && t.answer(asked, *m, now) {
			t.Stage.Batch.Take(i)
			taken++
		}
		t.relieve()
	}
	return outcome(taken, run)
}

// answer sends a reply on to who asked, and reports whether that is still wanted.
func (t *Trip) answer(asked *account.Request, m msg.Message, now time.Time) (heard bool) {
	f := t.enter(nil, nil)
	defer t.leave()
	b := &t.Stage.Batch
	a := asked.Passage.Importer()
	f.subject = append(f.subject[:0], asked.Reply...)
	a.Match(f.subject, &f.matches)
	if !f.matches.Empty() {
		data := m.Data.Of(b.Buf)
		made, ok := t.write(f.subject, m.Reply.Of(b.Buf), data[:m.Header], data[m.Header:], a)
		heard = ok && t.deliver(&f.matches, made)
	}
	if !heard {
		asked.Forget()
	}
	t.answered(asked, now)
	return heard
}

// addMapped is the rest of Add, of message i, for an account with mappings.
func (t *Trip) addMapped(a *account.Account, i int32, maps *account.Mappings) {
	b := &t.Stage.Batch
	subject, mapped, dropped := maps.Append(t.cross.mapped[:0], b.Msgs[i].Subject.Of(b.Buf))
	t.cross.mapped = subject
	switch {
	case dropped:
		t.Settle()
	case mapped:
		t.addTo(a, i, subject)
	default:
		t.addTo(a, i, nil)
	}
}

// AddTo is Add for who has applied the mappings of a itself: m is published on subject, on its own one if
// that is nil. The bytes of subject are not kept.
func (t *Trip) AddTo(a *account.Account, m *msg.Message, subject []byte) {
	b := &t.Stage.Batch
	i := int32(len(b.Msgs))
	b.Msgs = append(b.Msgs, *m)
	t.addTo(a, i, subject)
}

// addTo publishes message i by itself: the next one may have the same subject and go elsewhere.
func (t *Trip) addTo(a *account.Account, i int32, subject []byte) {
	t.Settle()
	b := &t.Stage.Batch
	m := b.Msgs[i]
	if subject == nil {
		t.find(a, m.Subject.Of(b.Buf), i, false)
		t.run.To = i + 1
		t.Settle()
		return
	}
	t.cross.hops = mostHops
	if !t.remap(a, &m, subject) && m.Reply.Len > 0 && t.from != nil {
		t.from.Unheard(t, i)
	}
	t.relieve()
}

// remap publishes m on subject, and reports whether anybody took it.
func (t *Trip) remap(a *account.Account, m *msg.Message, subject []byte) (heard bool) {
	f := t.enter(nil, nil)
	defer t.leave()
	f.foreign = false
	a.Match(subject, &f.matches)
	if f.matches.Empty() {
		return false
	}
	buf := t.Stage.Batch.Buf
	data := m.Data.Of(buf)
	i, ok := t.write(subject, m.Reply.Of(buf), data[:m.Header], data[m.Header:], a)
	return ok && t.deliver(&f.matches, i)
}

// infoField is the header that tells a service who asks.
const infoField = "Nats-Request-Info"

// Caller is a Publisher that can tell who it is. Its methods are called by the goroutine of the trip.
type Caller interface {
	// Party returns all that others may be told of the publisher. The value is the caller's.
	Party() *account.Party
	// RTT is the last round trip that was measured; 0 for none.
	RTT() time.Duration
}

func (t *Trip) rtt() time.Duration {
	if c, ok := t.from.(Caller); ok {
		return c.RTT()
	}
	return 0
}

// publisher returns who publishes. It must not be changed.
func (t *Trip) publisher() *account.Party {
	if t.cross.party == nil {
		t.cross.party = &account.Party{}
		if c, ok := t.from.(Caller); ok {
			t.cross.party = c.Party()
		}
	}
	return t.cross.party
}

// first returns by what a request came into the first of a chain of accounts, the last of which is that
// of p, and whether that tells who asks: who imports a service says so for all who answer in the end. Of
// who replies in another account nothing is told, should the subject of a reply be that of a service.
func (t *Trip) first(p *account.Passage) (first *account.Passage, share bool) {
	first, share = p, p.Import().Share
	for i := t.cross.depth - 2; i >= 0; i-- { // the last frame is that of p
		f := t.cross.frames[i]
		if f.passage == nil {
			share = share && !f.foreign
			break
		}
		first, share = f.passage, f.passage.Import().Share
	}
	return first, share
}

// requester returns what a service may know of who asks.
func (t *Trip) requester(p *account.Passage) *account.Party {
	first, share := t.first(p)
	who := account.Party{RTT: t.rtt()}
	if share {
		who = *t.publisher()
	} else if p.System() {
		who.Server, who.Cluster = t.publisher().Server, t.publisher().Cluster
	}
	who.Account = first.Importer().Name()
	if first != p {
		who.Service = p.Importer().Name()
	}
	return &who
}

// appendInfo appends the value of the header that tells who asks.
func (t *Trip) appendInfo(dst []byte, p *account.Passage) []byte {
	first, share := t.first(p)
	if share || p.System() {
		text, _ := json.Marshal(t.requester(p)) // it has nothing that cannot be encoded
		return append(dst, text...)
	}
	dst = append(append(dst, `{"acc":`...), first.Who()...)
	if first != p {
		dst = append(append(dst, `,"svc":`...), p.Who()...)
	}
	if rtt := t.rtt(); rtt > 0 {
		dst = appendInt(append(dst, `,"rtt":`...), int64(rtt))
	}
	return append(dst, '}')
}
