package port

import (
	"sync"
	"time"

	"github.com/baridmq/barid/internal/bus/fanout"
	"github.com/baridmq/barid/internal/core/msg"
)

const (
	// mostBytes is what a published message may have, with its header.
	mostBytes = 64 << 20
	// mostKept is how large a buffer may be to be used again.
	mostKept = 64 << 10
)

// letter is the memory of one message that is published. It is the trip's Publisher.
type letter struct {
	buf     []byte
	unheard bool
}

var letters = sync.Pool{New: func() any { return &letter{} }}

// Unheard implements fanout.Publisher.
func (l *letter) Unheard(*fanout.Trip, int32) { l.unheard = true }

// lay writes m into l and tells where its parts are.
func (l *letter) lay(m *Message) msg.Message {
	span := func(s string) msg.Span {
		at := len(l.buf)
		l.buf = append(l.buf, s...)
		return msg.Span{At: uint32(at), Len: uint32(len(s))}
	}
	l.unheard, l.buf = false, l.buf[:0]
	out := msg.Message{Subject: span(m.Subject), Reply: span(m.Reply), Header: uint32(len(m.Header))}
	out.Data = msg.Span{At: uint32(len(l.buf)), Len: uint32(len(m.Header) + len(m.Data))}
	l.buf = append(append(append(l.buf, m.Header...), m.Data...), "\r\n"...)
	return out
}

// Publish sends m and reports whether anybody took it; of a message without Reply it reports Interest.
// It copies m. It must not be called inside Receiver.Deliver. A message is not sent
// when its port is closed, when its subject or reply has blanks or line breaks, as the one of a
// hostile name might, or when header and data are more than 64 MiB.
func (p *Port) Publish(m *Message) (heard bool) {
	if p.closed.Load() || len(m.Header)+len(m.Data) > mostBytes || m.Subject == "" || !clean(m.Subject) || !clean(m.Reply) {
		return false
	}
	if m.Reply == "" && !p.Interest(m.Subject) {
		return false
	}
	t, l := fanout.Get(), letters.Get().(*letter)
	out := l.lay(m)
	t.Begin(fanout.Batch{Origin: p.cfg.ID, Buf: l.buf, From: l, Now: time.Now()})
	t.Add(p.cfg.Account, &out)
	t.Flush()
	t.Put()
	heard = !l.unheard
	if cap(l.buf) <= mostKept {
		letters.Put(l)
	}
	return heard
}

// Interest reports whether anybody may want what is published on the literal subject. In an account with
// mappings it is always true: they decide when a message is sent.
func (p *Port) Interest(subject string) bool {
	if p.cfg.Account.Mapping() != nil {
		return true
	}
	t := fanout.Get()
	defer t.Put()
	return !t.Receivers(p.cfg.Account, []byte(subject)).Empty()
}
