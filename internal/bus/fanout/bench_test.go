package fanout

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/outbox"
	"github.com/baridmq/barid/internal/core/proto"
)

// quiet is a taker that does as little as a client's connection does: it encodes MSG lines and
// forgets them.
type quiet struct {
	owner account.Owner
	dest  account.Destination
	box   outbox.Box
}

func newQuiet(id uint64) *quiet {
	q := &quiet{}
	q.owner = account.Owner{Receiver: q, ID: id}
	q.box.Init(q, 1<<30)
	q.dest = account.Destination{Box: &q.box, Enc: q, ID: id}
	return q
}

// quiets subscribes n connections of their own, all with the sid 1.
func quiets(a *account.Account, n int, subject, queue string) {
	for i := range n {
		q := newQuiet(uint64(100 + i))
		a.Subscribe(account.NewSub(&q.owner, []byte("1"), []byte(queue)), []byte(subject))
	}
}

func (q *quiet) Deliver(st *account.Stage, run msg.Run, s *account.Sub) account.Outcome {
	gen := q.box.Generation()
	if n, _ := s.Count(run.Len()); n == 0 {
		return account.Refused
	}
	st.Add(&q.dest, gen, run, s)
	return account.Taken
}

func (q *quiet) Encode(dst []byte, b *msg.Batch, r msg.Run, s *account.Sub) ([]byte, int) {
	var sid [20]byte
	return proto.AppendRun(dst, b, r, s.AppendSID(sid[:0]), true)
}

func (q *quiet) Live(s *account.Sub) bool { return !s.GivenUp() }

func (q *quiet) Shape(s *account.Sub) uint64 {
	n, _ := s.SID()
	return n<<2 | 1
}

func (q *quiet) TryWrite(p []byte) (int, bool, error) { return len(p), false, nil }
func (q *quiet) StartWriter()                         { panic("the socket takes everything") }
func (q *quiet) Overflowed()                          { panic("there is no limit") }
func (q *quiet) Broken(error)                         { panic("it cannot break") }
func (q *quiet) Done()                                {}

// trips publishes read batches of 128 messages until b.N messages are through. Each batch begins
// where the one before has ended.
func trips(b *testing.B, a *account.Account, subjects []string, size int) {
	const batch = 128
	payload := string(make([]byte, size))
	all := make([]pub, 0, len(subjects)+batch)
	for len(all) < batch || len(all) < len(subjects) {
		all = append(all, pub{subjects[len(all)%len(subjects)], "", payload})
	}
	buf, msgs := lay(all)
	own := newQuiet(1)
	b.ReportAllocs()
	b.ResetTimer()
	at := 0
	for left := b.N; left > 0; {
		n := min(batch, left, len(msgs)-at)
		left -= n
		t := Get()
		t.Begin(Batch{Origin: 1, Buf: buf, Own: &own.box})
		for i := at; i < at+n; i++ {
			t.Add(a, &msgs[i])
		}
		t.Flush()
		t.Put()
		if at += n; at == len(msgs) {
			at = 0
		}
	}
}

func numbered(format string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf(format, i))
	}
	return names
}

// BenchmarkFanout is one message to n connections, whose sids are equal or not.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		for _, equal := range []bool{true, false} {
			b.Run(fmt.Sprintf("1to%d/equal_sids=%t", n, equal), func(b *testing.B) {
				a := newAccount()
				for i := range n {
					q := newQuiet(uint64(2 + i))
					sid := "1"
					if !equal {
						sid = strconv.Itoa(i)
					}
					a.Subscribe(account.NewSub(&q.owner, []byte(sid), nil), []byte("s"))
				}
				trips(b, a, []string{"s"}, 128)
			})
		}
	}
}

// BenchmarkQueue is one message to one of eight members.
func BenchmarkQueue(b *testing.B) {
	a := newAccount()
	quiets(a, 8, "s", "q")
	trips(b, a, []string{"s"}, 128)
}

// BenchmarkSubjects is a message on one of 100000 subjects, all of which are wanted.
func BenchmarkSubjects(b *testing.B) {
	subjects := numbered("load.%d.value", 100_000)
	b.Run("exact", func(b *testing.B) {
		a := newAccount()
		var owners []*quiet
		for i := range 50 {
			owners = append(owners, newQuiet(uint64(2+i)))
		}
		for i, s := range subjects {
			a.Subscribe(account.NewSub(&owners[i%len(owners)].owner, []byte("1"), nil), []byte(s))
		}
		trips(b, a, subjects, 16)
	})
	b.Run("wildcard", func(b *testing.B) {
		a := newAccount()
		quiets(a, 1, "load.*.value", "")
		quiets(a, 1, "load.>", "")
		trips(b, a, subjects, 16)
	})
}
