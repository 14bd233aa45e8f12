package outbox

import "time"

// Take is the writer goroutine's side of a box. The first call passes written 0; each further
// call tells how many bytes of the slices it got before the socket took, and thereby gives them
// back. It appends to bufs what to write next, at least limit bytes if there are as many. An
// empty answer means that the writer has lost the turn and must end; Done was called if the box
// is closed. A writer whose socket failed calls Close(false) and then Take.
func (b *Box) Take(w *Writer, written, limit int) [][]byte {
	b.mu.Lock()
	b.mu.held -= written
	if w != nil {
		if written > 0 {
			b.mu.moved = time.Now()
		}
		b.requeueLocked(w.advance(written))
	}
	var drop *chunk
	if b.mu.discard {
		drop, b.mu.queue, b.mu.held = b.mu.queue.head, queue{}, 0
	}
	if b.mu.queue.head == nil {
		done := b.restLocked()
		b.mu.Unlock()
		free(drop)
		if done {
			b.sink.Done()
		}
		return nil
	}
	if b.mu.held <= b.high {
		b.wakeLocked()
	}
	w.first = b.mu.queue.take(limit)
	b.mu.Unlock()
	w.bufs = w.bufs[:0]
	for c := w.first; c != nil; c = c.next {
		w.bufs = append(w.bufs, c.buf[c.from:])
	}
	return w.bufs
}

// Writer is the scratch of one writer goroutine. The zero value is ready.
type Writer struct {
	first *chunk
	bufs  [][]byte
}

// advance frees the chunks of which everything was written and returns the others.
func (w *Writer) advance(written int) *chunk {
	first := w.first
	w.first = nil
	for first != nil {
		n := len(first.buf) - first.from
		if written < n {
			first.from += written
			return first
		}
		written -= n
		next := first.next
		first.next = nil
		free(first)
		first = next
	}
	return nil
}

// Close refuses everything from now on. With flush what is held is still written, without it is
// thrown away. The sink's Done is called when nothing is left, at once if nothing is held and
// nobody writes. A writer that waits for the socket is not woken.
func (b *Box) Close(flush bool) {
	b.mu.Lock()
	b.mu.closed = true
	b.mu.discard = b.mu.discard || !flush
	b.wakeLocked()
	done := !b.mu.turn && !b.mu.done
	if done {
		b.mu.done = true
	}
	b.mu.Unlock()
	if done {
		b.sink.Done()
	}
}

// Load is what a box holds and has done, for reports.
type Load struct {
	// Held is the number of bytes that wait for the socket.
	Held int
	// Messages and Bytes count the messages sent and their header and payload bytes.
	Messages, Bytes uint64
	// Fresh is when messages were last sent, to the millisecond; zero for never.
	Fresh time.Time
}

// freshen notes that messages are sent at now. To look is cheaper than to write, so it is exact to
// a millisecond only.
func (b *Box) freshen(now time.Time) {
	if ns := now.UnixNano(); ns-b.fresh.Load() >= int64(time.Millisecond) {
		b.fresh.Store(ns)
	}
}

// Load returns what b holds now and has sent so far.
func (b *Box) Load() Load {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := Load{Held: b.mu.held, Messages: b.mu.messages, Bytes: b.mu.bytes}
	if ns := b.fresh.Load(); ns != 0 {
		l.Fresh = time.Unix(0, ns)
	}
	return l
}

// Crowded reports whether b holds more than three quarters of its limit while its socket took
// something within the last patience. A producer may then wait for Room.
func (b *Box) Crowded(now time.Time, patience time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.held > b.high && !b.mu.closed && now.Sub(b.mu.moved) < patience
}

// Room returns a channel that is closed once b is no longer crowded or was closed.
func (b *Box) Room() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.room == nil {
		b.mu.room = make(chan struct{})
	}
	room := b.mu.room
	if b.mu.held <= b.high || b.mu.closed {
		b.wakeLocked()
	}
	return room
}

func (b *Box) wakeLocked() {
	if b.mu.room != nil {
		close(b.mu.room)
		b.mu.room = nil
	}
}
