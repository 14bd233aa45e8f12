package outbox

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/msg"
)

// ref is a subscription for tests.
type ref struct {
	name  string
	shape uint64
	dead  bool
}

// plain writes each message as "name:data " and counts how often it was asked.
type plain struct{ encoded int }

func (e *plain) Encode(dst []byte, b *msg.Batch, r msg.Run, s *ref) ([]byte, int) {
	e.encoded++
	bytes := 0
	for i := r.From; i < r.To; i++ {
		data := b.Msgs[i].Data.Of(b.Buf)
		dst = fmt.Appendf(dst, "%s:%s ", s.name, data)
		bytes += len(data)
	}
	return dst, bytes
}
func (e *plain) Live(s *ref) bool    { return !s.dead }
func (e *plain) Shape(s *ref) uint64 { return s.shape }

// batch fills a stage with messages whose payloads are the words of text.
func batch(st *Stage[ref], text string) {
	st.Batch.Reset(1, []byte(text+"\r\n"))
	at := 0
	for _, word := range strings.Fields(text) {
		at += strings.Index(text[at:], word)
		span := msg.Span{At: uint32(at), Len: uint32(len(word))}
		st.Batch.Msgs = append(st.Batch.Msgs, msg.Message{Subject: span, Data: span})
		at += len(word)
	}
}

func destination(s *fakeSocket, e Encoder[ref], id uint64) *Destination[ref] {
	return &Destination[ref]{Box: &s.box, Enc: e, ID: id}
}

func run(from, to int32) msg.Run { return msg.Run{From: from, To: to} }

func TestStageKeepsTheOrderOfEachDestination(t *testing.T) {
	var st Stage[ref]
	e := &plain{}
	a, b := newSocket(1000), newSocket(1000)
	da, db := destination(a, e, 1), destination(b, e, 2)
	batch(&st, "m0 m1 m2 m3")
	x, y := &ref{name: "x"}, &ref{name: "y"}
	st.Add(da, 0, run(0, 2), x)
	st.Add(db, 0, run(0, 2), y)
	st.Add(da, 0, run(2, 3), y)
	st.Add(da, 0, run(3, 4), x)
	require.False(t, st.Empty())
	require.Empty(t, st.Flush(nil, nil, time.Time{}))
	require.True(t, st.Empty())
	require.Equal(t, "x:m0 x:m1 y:m2 x:m3 ", a.text())
	require.Equal(t, "y:m0 y:m1 ", b.text())
}

func TestStageEncodesOnceForDestinationsThatWantTheSame(t *testing.T) {
	var st Stage[ref]
	e := &plain{}
	batch(&st, "m0 m1 m2")
	var sockets []*fakeSocket
	for i := range 50 {
		s := newSocket(1000)
		shape, name := uint64(7), "x"
		if i == 25 {
			shape, name = 8, "z"
		}
		sockets = append(sockets, s)
		st.Add(destination(s, e, uint64(i)), 0, run(0, 3), &ref{name: name, shape: shape})
	}
	st.Flush(nil, nil, time.Time{})
	require.Equal(t, 3, e.encoded, "before, at and after the one that differs")
	for i, s := range sockets {
		want := "x:m0 x:m1 x:m2 "
		if i == 25 {
			want = strings.ReplaceAll(want, "x", "z")
		}
		require.Equal(t, want, s.text())
		require.Equal(t, Load{Messages: 3, Bytes: 6}, s.box.Load())
	}
}

func TestStageServesThePublisherLast(t *testing.T) {
	var st Stage[ref]
	var order []string
	e := &plain{}
	own, other := newSocket(1000), newSocket(1000)
	own.accept = func(n int) int { order = append(order, "own"); return n }
	other.accept = func(n int) int { order = append(order, "other"); return n }
	batch(&st, "m0")
	st.Add(destination(own, e, 1), 0, run(0, 1), &ref{name: "x"})
	st.Add(destination(other, e, 2), 0, run(0, 1), &ref{name: "x"})
	st.Flush(&own.box, []byte("PONG "), time.Time{})
	require.Equal(t, []string{"other", "own", "own"}, order)
	require.Equal(t, "PONG x:m0 ", own.text())
}

// What was staged for a subscription that was given up before the flush is not sent, even if
// others of the same box are.
func TestStageGivesUpWhatIsStale(t *testing.T) {
	var st Stage[ref]
	e := &plain{}
	s := newSocket(1000)
	d := destination(s, e, 1)
	batch(&st, "m0 m1")
	keep, gone := &ref{name: "keep"}, &ref{name: "gone"}
	gen := s.box.Generation()
	st.Add(d, gen, run(0, 1), keep)
	st.Add(d, gen, run(0, 2), gone)
	st.Add(d, gen, run(1, 2), keep)
	gone.dead = true
	s.box.Invalidate()
	s.box.Send([]byte("+OK "), 0, 0, Any)
	lost := st.Flush(nil, nil, time.Time{})
	require.Equal(t, []Lost[ref]{{Ref: gone, Run: run(0, 2)}}, lost)
	require.Equal(t, "+OK keep:m0 keep:m1 ", s.text())
}

// restless invalidates its box whenever it encodes, as a client does that subscribes and
// unsubscribes all the time.
type restless struct {
	plain
	box *Box
}

func (e *restless) Encode(dst []byte, b *msg.Batch, r msg.Run, s *ref) ([]byte, int) {
	e.box.Invalidate()
	return e.plain.Encode(dst, b, r, s)
}

func TestStageIsNotHeldUpByARestlessDestination(t *testing.T) {
	var st Stage[ref]
	s := newSocket(1 << 20)
	e := &restless{box: &s.box}
	batch(&st, "m0 m1")
	st.Add(destination(s, e, 1), s.box.Generation(), run(0, 2), &ref{name: "x"})
	require.Empty(t, st.Flush(nil, nil, time.Time{}))
	require.Equal(t, "x:m0 x:m1 ", s.text())
	require.Equal(t, 1, e.encoded)
}

func TestStageReportsWhatAClosedBoxDoesNotGet(t *testing.T) {
	var st Stage[ref]
	s := newSocket(1000)
	batch(&st, "m0 m1")
	x := &ref{name: "x"}
	st.Add(destination(s, &plain{}, 1), 0, run(0, 2), x)
	s.box.Close(true)
	require.Equal(t, []Lost[ref]{{Ref: x, Run: run(0, 2)}}, st.Flush(nil, nil, time.Time{}))
}

// A box with a small limit gets a batch in pieces, and what it could not have of a long run is
// reported exactly.
func TestStageSendsPieces(t *testing.T) {
	var st Stage[ref]
	e := &plain{}
	s := newSocket(160) // pieces of about 20 bytes
	words := make([]string, 40)
	for i := range words {
		words[i] = fmt.Sprintf("m%02d", i)
	}
	batch(&st, strings.Join(words, " "))
	st.Add(destination(s, e, 1), 0, run(0, 40), &ref{name: "x"})
	require.Empty(t, st.Flush(nil, nil, time.Time{}))
	require.Equal(t, "x:"+strings.Join(words, " x:")+" ", s.text())
	require.Greater(t, e.encoded, 5)
	require.Equal(t, Load{Messages: 40, Bytes: 120}, s.box.Load())
}

func TestStageAllocatesNothing(t *testing.T) {
	var st Stage[ref]
	e := &quiet{}
	var ds []*Destination[ref]
	x := &ref{name: "x", shape: 1}
	for i := range 100 {
		s := newSocket(1 << 20)
		s.accept = func(n int) int { s.got = s.got[:0]; return n }
		ds = append(ds, &Destination[ref]{Box: &s.box, Enc: e, ID: uint64(i)})
	}
	batch(&st, "m0 m1 m2 m3")
	round := func() {
		for _, d := range ds {
			st.Add(d, 0, run(0, 4), x)
		}
		st.Flush(nil, nil, time.Time{})
	}
	round()
	require.Zero(t, testing.AllocsPerRun(10, round))
}

// quiet encodes without allocating.
type quiet struct{ plain }

func (e *quiet) Encode(dst []byte, b *msg.Batch, r msg.Run, s *ref) ([]byte, int) {
	return append(dst, b.Buf...), len(b.Buf)
}

// publisher is a connection for Pressure.
type publisher struct{ ended bool }

func (p *publisher) Ended() bool { return p.ended }

// crowded returns a socket that holds more than three quarters of its limit and takes nothing
// until its wait channel says so.
func crowded() *fakeSocket {
	s := newSocket(1000)
	s.wait = make(chan struct{})
	s.accept = func(int) int { return 0 }
	s.box.Send(make([]byte, 900), 1, 900, Any)
	return s
}

func drain(s *fakeSocket) {
	close(s.wait)
	s.writers.Wait()
}

func TestPressureWaitsForTheOnlyConsumerWhileItReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowded()
		p := Pressure{Publisher: &publisher{}}
		p.Served(&s.box, time.Now())
		time.AfterFunc(1500*time.Millisecond, func() { close(s.wait) })
		start := time.Now()
		p.Wait([]*Box{&s.box}, start)
		require.Equal(t, 1500*time.Millisecond, time.Since(start))
		require.EqualValues(t, 1, p.Stalls.Load())
		s.writers.Wait()
	})
}

func TestPressureLosesPatienceWithAStuckConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowded()
		p := Pressure{Publisher: &publisher{}}
		p.Served(&s.box, time.Now())
		start := time.Now()
		p.Wait([]*Box{&s.box}, start)
		require.Equal(t, patience, time.Since(start))
		start = time.Now()
		p.Wait([]*Box{&s.box}, start)
		require.Zero(t, time.Since(start), "it costs nothing from then on")
		drain(s)
	})
}

func TestPressureCostsOthersAtMostATenth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowded()
		p := Pressure{Publisher: &publisher{}}
		p.Served(nil, time.Now())
		start, waited := time.Now(), time.Duration(0)
		for time.Since(start) < 200*time.Millisecond {
			time.Sleep(time.Millisecond) // the publisher's work
			before := time.Now()
			p.Wait([]*Box{&s.box}, before)
			waited += time.Since(before)
		}
		require.Less(t, waited, 20*time.Millisecond+mostCredit)
		require.Greater(t, waited, 10*time.Millisecond)
		drain(s)
	})
}

func TestPressureEndsWithItsPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowded()
		pub := &publisher{ended: true}
		p := Pressure{Publisher: pub}
		p.Served(&s.box, time.Now())
		start := time.Now()
		p.Wait([]*Box{&s.box}, start)
		require.Zero(t, time.Since(start))
		drain(s)
	})
}
