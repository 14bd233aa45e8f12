package fanout

import (
	"testing"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
)

func crossing2(b *testing.B) (from, to *account.Account) {
	r := account.NewRegistry()
	from = r.Put(account.Spec{Name: "A", Exports: []account.Export{{Subject: ">"}, {Subject: ">", Kind: account.Service}}})
	to = r.Put(account.Spec{Name: "B", Imports: []account.Import{{Account: "A", Subject: "s"},
		{Account: "A", Subject: "t.*", Local: "u.$1"}, {Account: "A", Kind: account.Service, Subject: "help", Local: "ask"}}})
	b.ReportAllocs()
	return from, to
}

// BenchmarkStreamImport is one message to a subscriber in another account.
func BenchmarkStreamImport(b *testing.B) {
	b.Run("same_subject", func(b *testing.B) {
		from, to := crossing2(b)
		quiets(to, 1, "s", "")
		trips(b, from, []string{"s"}, 128)
	})
	b.Run("renamed", func(b *testing.B) {
		from, to := crossing2(b)
		quiets(to, 1, "u.*", "")
		trips(b, from, []string{"t.x"}, 128)
	})
	b.Run("renamed_1to100", func(b *testing.B) {
		from, to := crossing2(b)
		quiets(to, 100, "u.*", "")
		trips(b, from, []string{"t.x"}, 128)
	})
}

// BenchmarkService is a request to a service of another account and its reply.
func BenchmarkService(b *testing.B) {
	from, to := crossing2(b)
	quiets(to, 1, "inbox.*", "")
	k := newTaker(7)
	k.replies = true
	var reply []byte
	answering := newQuiet(8)
	catch := &catcher{quiet: answering, reply: &reply}
	answering.owner.Receiver = catch
	from.Subscribe(account.NewSub(&answering.owner, []byte("1"), nil), []byte("help"))
	buf, msgs := lay([]pub{{"ask", "inbox.1", string(make([]byte, 128))}})
	own := newQuiet(1)
	b.ResetTimer()
	for range b.N {
		one(to, buf, &msgs[0], own)
		at := len(buf)
		full := append(append(buf, reply...), "yes\r\n"...)
		m := msg.Message{Subject: msg.Span{At: uint32(at), Len: uint32(len(reply))}, Data: msg.Span{At: uint32(at + len(reply)), Len: 3}}
		one(from, full, &m, answering)
		buf = full[:at]
	}
	if from.PendingReplies() != 0 {
		b.Fatal("not all were answered")
	}
}

type catcher struct {
	*quiet
	reply *[]byte
}

func (c *catcher) Deliver(st *account.Stage, run msg.Run, s *account.Sub) account.Outcome {
	*c.reply = append((*c.reply)[:0], st.Batch.Msgs[run.From].Reply.Of(st.Batch.Buf)...)
	return c.quiet.Deliver(st, run, s)
}

func one(a *account.Account, buf []byte, m *msg.Message, own *quiet) {
	t := Get()
	t.Begin(Batch{Origin: own.owner.ID, Buf: buf, Own: &own.box})
	t.Add(a, m)
	t.Flush()
	t.Put()
}
