package outbox

import "sync"

// A chunk is a piece of output that waits for its socket. Chunks come in size classes from
// pools, so a connection that waits for a little holds a little.
type chunk struct {
	next *chunk
	from int    // what lies before it was written
	buf  []byte // len: filled, cap: size class
}

const (
	smallestChunk = 512
	classes       = 8 // 512 bytes to 64 KiB
	largestChunk  = smallestChunk << (classes - 1)
)

var pools [classes]sync.Pool

// newChunk returns an empty chunk with room for n bytes, or for largestChunk if that is less.
func newChunk(n int) *chunk {
	class, size := 0, smallestChunk
	for size < n && size < largestChunk {
		class, size = class+1, size*2
	}
	if c, ok := pools[class].Get().(*chunk); ok {
		return c
	}
	return &chunk{buf: make([]byte, 0, size)}
}

// free gives the chunks of a list back to their pools.
func free(c *chunk) {
	for c != nil {
		next := c.next
		class := 0
		for size := smallestChunk; size < cap(c.buf); size *= 2 {
			class++
		}
		c.next, c.from, c.buf = nil, 0, c.buf[:0]
		pools[class].Put(c)
		c = next
	}
}

// queue is a list of chunks, first in first out.
type queue struct{ head, tail *chunk }

// add copies p to the end of q. Chunks double in size while the queue grows.
func (q *queue) add(p []byte) {
	for len(p) > 0 {
		if q.tail == nil || len(q.tail.buf) == cap(q.tail.buf) {
			want := len(p)
			if q.tail != nil {
				want = max(want, 2*cap(q.tail.buf))
			}
			q.push(newChunk(want))
		}
		t := q.tail
		n := min(len(p), cap(t.buf)-len(t.buf))
		t.buf = append(t.buf, p[:n]...)
		p = p[n:]
	}
}

func (q *queue) push(c *chunk) {
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
}

// unshift puts a copy of p before everything else in q.
func (q *queue) unshift(p []byte) {
	var front queue
	front.add(p)
	if front.tail == nil {
		return
	}
	front.tail.next = q.head
	q.head = front.head
	if q.tail == nil {
		q.tail = front.tail
	}
}

// take removes chunks from the front of q, until they hold at least limit bytes or q is empty.
func (q *queue) take(limit int) *chunk {
	first := q.head
	n := 0
	for c := first; c != nil; c = c.next {
		if n += len(c.buf) - c.from; n >= limit || c.next == nil {
			q.head, c.next = c.next, nil
			if q.head == nil {
				q.tail = nil
			}
			break
		}
	}
	return first
}
