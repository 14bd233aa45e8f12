package conn

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// An idle connection must cost next to nothing, a busy one should read as much as possible at
// once. So a connection that waits holds no buffer, or one that just fits the part of a command
// it has. The buffer it takes when data is there grows with each read that fills it and shrinks
// after several that do not.
const (
	smallestBuffer = 512
	bufferClasses  = 10 // 512 bytes to 256 KiB
	firstClass     = 2  // 2 KiB
	largestBuffer  = smallestBuffer << (bufferClasses - 1)
	// fewBeforeShrink is how many reads in a row must bring less than a quarter of the buffer.
	fewBeforeShrink = 16
)

var bufferPools [bufferClasses]sync.Pool

// buffer is a piece of memory to read into.
type buffer struct{ b []byte }

// newBuffer returns a buffer of at least size bytes.
func newBuffer(size int) *buffer {
	class := classOf(size)
	if class == bufferClasses {
		return &buffer{b: make([]byte, size)}
	}
	if b, ok := bufferPools[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{b: make([]byte, smallestBuffer<<class)}
}

// free gives b back; larger ones than usual are left to the garbage collector.
func (b *buffer) free() {
	if class := classOf(len(b.b)); class < bufferClasses {
		bufferPools[class].Put(b)
	}
}

// classOf is the smallest class that holds size bytes, bufferClasses if there is none.
func classOf(size int) int {
	class := 0
	for class < bufferClasses && smallestBuffer<<class < size {
		class++
	}
	return class
}

// input is the read side of a connection.
type input struct {
	c     *Conn
	buf   *buffer // nil while nothing is held
	held  int     // bytes in buf: a part of a command
	need  int     // how many that command takes, if known
	class int     // size of buffer to read into
	few   int     // reads in a row that brought little
	got   int     // by the last try
	err   error   // of the last try
	try   func(fd uintptr) bool
}

// init prepares in for c.
func (in *input) init(c *Conn) {
	in.c, in.class = c, firstClass
	if c.raw != nil {
		in.try = in.readNow
	}
}

// next waits for input and has the session handle it. It returns early, without an error, when it
// was woken to run posts.
func (in *input) next() error {
	if err := in.fill(); err != nil {
		if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, nothingNow{}) {
			return err
		}
		// It is cleared before the queue is emptied: who posts after that wakes the reader again.
		in.c.nc.SetReadDeadline(time.Time{})
		in.stow()
		return nil
	}
	if t := in.c.tunnel.Load(); t != nil {
		t.answer(&in.c.Box)
	}
	now := time.Now()
	full := in.held == len(in.buf.b)
	in.adapt(full)
	data := in.buf.b[:in.held]
	used, need, err := in.c.session.Read(data, now)
	if err != nil {
		return err
	}
	in.held, in.need = copy(data, data[used:]), need
	if in.held == 0 {
		in.free()
	}
	return nil
}

// fill reads once, after waiting for something to read.
func (in *input) fill() error {
	if len(in.c.ahead) > 0 {
		in.take()
		return nil
	}
	if in.try == nil {
		in.grow()
		n, err := in.read(in.buf.b[in.held:])
		in.held += n
		in.got = n
		if n > 0 {
			err = nil // it comes again
		}
		return err
	}
	if err := in.c.raw.Read(in.try); err != nil {
		return err
	}
	if in.err != nil {
		return in.err
	}
	if in.got == 0 {
		return io.EOF
	}
	in.held += in.got
	return nil
}

// readNow is called with the descriptor of a socket that may have data; it reports false to be
// called again when it has.
func (in *input) readNow(fd uintptr) bool {
	in.grow()
	var again bool
	if t := in.c.tunnel.Load(); t != nil {
		in.got, again, in.err = t.readNow(fd, in.buf.b[in.held:])
	} else {
		in.got, again, in.err = readNow(fd, in.buf.b[in.held:])
	}
	if again {
		in.stow()
	}
	return !again
}

// read reads from a socket that cannot be tried without waiting.
func (in *input) read(p []byte) (int, error) {
	if t := in.c.tunnel.Load(); t != nil {
		return t.tls.Read(p)
	}
	return in.c.nc.Read(p)
}

// take gives the session what was read before it was served.
func (in *input) take() {
	in.buf = newBuffer(len(in.c.ahead))
	in.got = copy(in.buf.b, in.c.ahead)
	in.held, in.c.ahead = in.got, nil
}

// grow makes room to read into: a buffer of the present class, or as much as the command that
// is held in part needs, but not more than four times what has come of it. So nobody gets
// memory for a size that he merely claims.
func (in *input) grow() {
	want := smallestBuffer << in.class
	if in.held > 0 {
		want = max(want, int(min(int64(in.need), 4*int64(in.held))))
		if in.held >= want {
			want = 2 * in.held
		}
	}
	if in.buf == nil || len(in.buf.b) < want {
		in.move(want)
	}
}

// stow keeps as little memory as possible while waiting.
func (in *input) stow() {
	switch {
	case in.buf == nil:
	case in.held == 0:
		in.free()
	case in.held*4 < len(in.buf.b) && len(in.buf.b) > smallestBuffer:
		in.move(in.held)
	}
}

// move puts what is held into a buffer of at least size bytes.
func (in *input) move(size int) {
	next := newBuffer(size)
	if in.buf != nil {
		copy(next.b, in.buf.b[:in.held])
		in.buf.free()
	}
	in.buf = next
}

// adapt chooses the class of the next buffer, after a read that filled this one or did not.
func (in *input) adapt(full bool) {
	switch {
	case full:
		in.few = 0
		in.class = min(in.class+1, bufferClasses-1)
	case in.got*4 >= smallestBuffer<<in.class:
		in.few = 0
	default:
		if in.few++; in.few == fewBeforeShrink {
			in.few = 0
			in.class = max(in.class-1, firstClass)
		}
	}
}

// free gives the buffer back.
func (in *input) free() {
	if in.buf != nil {
		in.buf.free()
		in.buf, in.held = nil, 0
	}
}
