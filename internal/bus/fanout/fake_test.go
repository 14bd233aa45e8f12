package fanout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/outbox"
	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// taker is a connection as the trip sees it: a receiver, with a box whose socket takes everything
// at once. Each message appears in text as "sid:subject=payload ".
type taker struct {
	owner account.Owner
	dest  account.Destination
	box   outbox.Box

	text    strings.Builder
	runs    []msg.Run // given to Deliver
	filter  func(subject string) bool
	closed  bool                 // refuses everything, as a connection that ends
	replies bool                 // show reply subjects, "sid:subject>reply=payload "
	header  string               // of the last message written
	onWrite func(written string) // told before text grows
}

func newTaker(id uint64) *taker {
	k := &taker{}
	k.owner = account.Owner{Receiver: k, ID: id}
	k.box.Init(k, 1<<30)
	k.dest = account.Destination{Box: &k.box, Enc: k, ID: id}
	return k
}

// sub subscribes k in a, in the group queue unless that is empty.
func (k *taker) sub(a *account.Account, subject, sid, queue string) *account.Sub {
	s := account.NewSub(&k.owner, []byte(sid), []byte(queue))
	a.Subscribe(s, []byte(subject))
	return s
}

// take returns what was written since it was last called.
func (k *taker) take() string {
	defer k.text.Reset()
	return k.text.String()
}

// Deliver implements account.Receiver.
func (k *taker) Deliver(st *account.Stage, run msg.Run, s *account.Sub) account.Outcome {
	gen := k.box.Generation()
	if k.runs = append(k.runs, run); len(k.runs) > 10000 {
		panic("a message goes round for ever")
	}
	if k.closed {
		return account.Refused
	}
	var taken []int32
	for i := run.From; i < run.To; i++ {
		if k.filter != nil && !k.filter(string(st.Batch.Msgs[i].Subject.Of(st.Batch.Buf))) {
			continue
		}
		if n, _ := s.Count(1); n == 0 {
			continue
		}
		st.Add(&k.dest, gen, msg.Run{From: i, To: i + 1}, s)
		taken = append(taken, i)
	}
	switch len(taken) {
	case 0:
		return account.Refused
	case run.Len():
		return account.Taken
	}
	for _, i := range taken {
		st.Batch.Take(i)
	}
	return account.Partly
}

// Encode implements outbox.Encoder.
func (k *taker) Encode(dst []byte, b *msg.Batch, r msg.Run, s *account.Sub) ([]byte, int) {
	for i := r.From; i < r.To; i++ {
		m := &b.Msgs[i]
		dst = append(s.AppendSID(dst), ':')
		dst = append(dst, m.Subject.Of(b.Buf)...)
		if k.replies && m.Reply.Len > 0 {
			dst = append(append(dst, '>'), m.Reply.Of(b.Buf)...)
		}
		k.header = string(b.Buf[m.Data.At : m.Data.At+m.Header])
		dst = append(append(append(dst, '='), m.Payload().Of(b.Buf)...), ' ')
	}
	return dst, 0
}

// Live implements outbox.Encoder.
func (k *taker) Live(s *account.Sub) bool { return !s.GivenUp() }

// Shape implements outbox.Encoder.
func (k *taker) Shape(s *account.Sub) uint64 {
	n, ok := s.SID()
	if !ok {
		return 0
	}
	return n + 1
}

// TryWrite implements outbox.Sink.
func (k *taker) TryWrite(p []byte) (int, bool, error) {
	if k.onWrite != nil {
		k.onWrite(string(p))
	}
	k.text.Write(p)
	return len(p), false, nil
}

// The rest of outbox.Sink; nothing of it can happen here but Done.
func (k *taker) StartWriter()     { panic("the socket takes everything") }
func (k *taker) Overflowed()      { panic("there is no limit") }
func (k *taker) Broken(err error) { panic(err) }
func (k *taker) Done()            {}

// pub is a message to publish.
type pub struct{ subject, reply, payload string }

// pubs reads messages written as "subject=payload" or "subject>reply=payload".
func pubs(text string) (all []pub) {
	for word := range strings.FieldsSeq(text) {
		head, payload, _ := strings.Cut(word, "=")
		subject, reply, _ := strings.Cut(head, ">")
		all = append(all, pub{subject, reply, payload})
	}
	return all
}

// lay puts messages into one buffer, as a read would have them.
func lay(all []pub) (buf []byte, msgs []msg.Message) {
	span := func(text string) msg.Span {
		s := msg.Span{At: uint32(len(buf)), Len: uint32(len(text))}
		buf = append(buf, text...)
		return s
	}
	for i, p := range all {
		m := msg.Message{Subject: span(p.subject)}
		buf = append(buf, ' ')
		if p.reply != "" {
			m.Reply = span(p.reply)
			buf = append(buf, ' ')
		}
		m.Data = span(p.payload)
		buf = append(buf, "\r\n"...)
		m.Same = i > 0 && p.subject == all[i-1].subject && p.reply == all[i-1].reply && len(p.payload) == len(all[i-1].payload)
		msgs = append(msgs, m)
	}
	return buf, msgs
}

// publisher is where a trip comes from.
type publisher struct {
	*taker
	unheard []string // subjects, with payloads
}

// Unheard implements Publisher.
func (p *publisher) Unheard(t *Trip, i int32) {
	b := &t.Stage.Batch
	p.unheard = append(p.unheard, fmt.Sprintf("%s=%s", b.Msgs[i].Subject.Of(b.Buf), b.Msgs[i].Data.Of(b.Buf)))
}

// begin returns a trip of p with messages that are not added yet.
func (p *publisher) begin(t *testing.T, text string) (*Trip, []msg.Message) {
	t.Helper()
	buf, msgs := lay(pubs(text))
	trip := Get()
	trip.Begin(Batch{Origin: p.owner.ID, Buf: buf, Own: &p.box, From: p, Now: time.Now()})
	t.Cleanup(func() {
		require.True(t, trip.Stage.Empty(), "a trip that was not flushed")
		trip.Put()
	})
	return trip, msgs
}

// publish publishes messages in a.
func (p *publisher) publish(t *testing.T, a *account.Account, text string) {
	t.Helper()
	trip, msgs := p.begin(t, text)
	for i := range msgs {
		trip.Add(a, &msgs[i])
	}
	trip.Flush()
}

// newAccount returns an empty account.
func newAccount() *account.Account {
	return account.NewRegistry().Get(account.Global)
}

func newPublisher() *publisher { return &publisher{taker: newTaker(1)} }
