// Package msg holds messages on their way through the broker: where a message lies in the
// bytes that were read, and which messages of a read travel together.
//
// Header blocks are read and edited here, too (header.go). Otherwise the package copies nothing; it knows nothing of sockets, verbs or accounts. Its values
// belong to one goroutine, the one that publishes; receivers borrow them until the batch is
// flushed.
package msg

import "sort"

// Span is a piece of a batch's buffer: Len bytes from offset At.
type Span struct{ At, Len uint32 }

// Of returns the bytes of s in buf.
func (s Span) Of(buf []byte) []byte {
	return buf[s.At : s.At+s.Len : s.At+s.Len]
}

// End is the offset of the first byte behind s.
func (s Span) End() uint32 { return s.At + s.Len }

// Message tells where the parts of one published message lie in the buffer of its batch.
type Message struct {
	Subject Span
	// Reply is empty when the publisher gave no reply subject.
	Reply Span
	// Data is the header block, if any, followed by the payload. In the buffer it is always
	// followed by CR LF, so that it can be passed on with one copy.
	Data Span
	// Header is the number of bytes of Data that are the header block; 0 for a plain message.
	Header uint32
	// Same says that subject, reply and sizes equal those of the message before it in the batch.
	Same bool
}

// Payload returns where the bytes behind the header block lie.
func (m *Message) Payload() Span {
	return Span{At: m.Data.At + m.Header, Len: m.Data.Len - m.Header}
}

// Run is a range [From, To) of consecutive messages of one batch.
type Run struct{ From, To int32 }

// Len is the number of messages in r.
func (r Run) Len() int { return int(r.To - r.From) }

// Batch is what one read of one publisher brought. Buffers and slices are reused from batch to
// batch; nothing in it may be kept beyond the flush without a copy.
type Batch struct {
	// Origin is the id of the publishing connection; 0 for none.
	Origin uint64
	// Buf is the memory that all spans refer to. It is borrowed from the reader.
	Buf []byte
	// Msgs are the messages read so far, in the order in which they were published.
	Msgs []Message

	taken []uint64 // one bit for each message, used only for runs that were taken in part
}

// Reset empties b and points it at buf, for messages of the connection origin.
func (b *Batch) Reset(origin uint64, buf []byte) {
	b.Origin, b.Buf, b.Msgs, b.taken = origin, buf, b.Msgs[:0], b.taken[:0]
}

// Extent is the number of bytes of the buffer that run r takes, from the subject of its first
// message to the end of its last. Messages lie in the buffer in the order of Msgs.
func (b *Batch) Extent(r Run) int {
	return int(b.Msgs[r.To-1].Data.End() - b.Msgs[r.From].Subject.At)
}

// Head returns the longest run that starts like r and whose extent is at most room, but at
// least one message.
func (b *Batch) Head(r Run, room int) Run {
	if r.Len() < 2 || b.Extent(r) <= room {
		return r
	}
	n := sort.Search(r.Len()-1, func(i int) bool {
		return b.Extent(Run{From: r.From, To: r.From + int32(i) + 2}) > room
	})
	return Run{From: r.From, To: r.From + int32(n) + 1}
}

// Take marks message i as taken by somebody. Receivers that take only some messages of a run
// mark each of those.
func (b *Batch) Take(i int32) {
	for int(i)/64 >= len(b.taken) {
		b.taken = append(b.taken, 0)
	}
	b.taken[i/64] |= 1 << (i % 64)
}

// Taken reports whether message i was marked by Take.
func (b *Batch) Taken(i int32) bool {
	return int(i)/64 < len(b.taken) && b.taken[i/64]&(1<<(i%64)) != 0
}
