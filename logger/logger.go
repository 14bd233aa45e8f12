// Package logger writes log lines in the form that operators of NATS servers and their tools
// know:
//
//	[PID] YYYY/MM/DD hh:mm:ss.uuuuuu [INF] text
//
// or as JSON, one object per line. A Logger writes to any io.Writer, to standard error, to a file
// that it rotates and reopens, or to a syslog, which gets the text alone. It knows nothing of the server and imports nothing of it; whoever has the six methods from
// Noticef to Tracef can stand in its place. The package starts no goroutine; each Logger has
// one mutex, held while a line is written, so that lines come out whole and in the order of
// their times.
package logger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrNotFile is returned by Reopen of a logger that does not write to a file it opened.
var ErrNotFile = errors.New("not a file logger")

// Options say how lines look and which are written. The zero value writes bare lines,
// "[INF] text", of all levels but debug and trace.
type Options struct {
	Time   bool // date and time of day to the microsecond stand in front of the label
	UTC    bool // the time is in UTC, not in the local zone
	Debug  bool // Debugf writes; SetDebug changes it
	Trace  bool // Tracef writes; SetTrace changes it
	Colors bool // labels are coloured, provided that the lines go to a character device
	PID    bool // the process id in brackets begins each line

	// JSON makes each line a JSON object: "time" (RFC 3339 to the microsecond, with Time),
	// "level" (info, warn, error, fatal, debug or trace), "pid" (a number, with PID) and "msg". There
	// are no colours then.
	JSON bool

	// Tag is syslog only: the program's name in each message; empty means the base name of the
	// command that started the process. What a syslog would not take for a name becomes "_".
	Tag string

	SizeLimit int64 // files only: bytes after which the file is rotated; 0 means never
	MaxFiles  int   // files only: how many are kept after a rotation, with the live one; 0 means all
}

// Logger writes lines of six levels to one sink. Its methods may be called from any goroutine;
// each line is a single Write. Errors of the sink are dropped, as there is nobody to tell.
type Logger struct {
	// fixed
	form form

	// atomic
	debug atomic.Bool
	trace atomic.Bool

	mu struct {
		sync.Mutex
		sink sink
		line []byte // room for the next line
	}
}

// sink is where lines go. It is called with the logger's lock held.
type sink interface {
	// put writes one line. What it has to say itself it returns, to be put behind the line;
	// settle tells that the line is such a remark, to which there is never another.
	put(line []byte, settle bool) []remark
	// reopen opens the sink afresh, for files; others return ErrNotFile.
	reopen() ([]remark, error)
	// close releases what the sink opened itself.
	close() error
}

// remark is a line that a sink asks for.
type remark struct {
	level level
	text  string
}

type level uint8

const (
	notice level = iota
	warning
	failure
	fatal
	debug
	trace
)

// New returns a logger that writes to w, which stays the caller's: Close does not close it.
// SizeLimit and MaxFiles mean nothing here.
func New(w io.Writer, o Options) *Logger {
	return newLogger(writer{w}, newForm(o, isCharDevice(w)), o)
}

// NewStderr returns a logger that writes to standard error.
func NewStderr(o Options) *Logger { return New(os.Stderr, o) }

// NewFile returns a logger that appends to the file at path, made with mode 0640 if it is not
// there. A file that is larger than SizeLimit already is rotated at once. The error is that of
// opening the file.
func NewFile(path string, o Options) (*Logger, error) {
	f := &file{path: path, limit: o.SizeLimit, keep: o.MaxFiles}
	l := newLogger(f, newForm(o, false), o)
	if err := l.Reopen(); err != nil {
		return nil, err
	}
	return l, nil
}

func newLogger(s sink, f form, o Options) *Logger {
	l := &Logger{form: f}
	l.debug.Store(o.Debug)
	l.trace.Store(o.Trace)
	l.mu.sink = s
	return l
}

// Noticef writes a line labelled INF, formatted as by fmt.Sprintf.
func (l *Logger) Noticef(format string, v ...any) { l.print(notice, format, v...) }

// Warnf writes a line labelled WRN.
func (l *Logger) Warnf(format string, v ...any) { l.print(warning, format, v...) }

// Errorf writes a line labelled ERR.
func (l *Logger) Errorf(format string, v ...any) { l.print(failure, format, v...) }

// Fatalf writes a line labelled FTL. It returns: whether the process ends is its caller's
// decision.
func (l *Logger) Fatalf(format string, v ...any) { l.print(fatal, format, v...) }

// Debugf writes a line labelled DBG if debug lines are on. Where building the arguments costs
// something, ask DebugEnabled first.
func (l *Logger) Debugf(format string, v ...any) {
	if l.debug.Load() {
		l.print(debug, format, v...)
	}
}

// Tracef writes a line labelled TRC if trace lines are on. Where building the arguments costs
// something, ask TraceEnabled first.
func (l *Logger) Tracef(format string, v ...any) {
	if l.trace.Load() {
		l.print(trace, format, v...)
	}
}

// SetDebug switches debug lines on or off.
func (l *Logger) SetDebug(on bool) { l.debug.Store(on) }

// SetTrace switches trace lines on or off.
func (l *Logger) SetTrace(on bool) { l.trace.Store(on) }

// DebugEnabled reports whether Debugf writes.
func (l *Logger) DebugEnabled() bool { return l.debug.Load() }

// TraceEnabled reports whether Tracef writes.
func (l *Logger) TraceEnabled() bool { return l.trace.Load() }

// Reopen opens the file of a file logger again under its name, so that a tool which moved it
// away gets a new one; settings stay. If that fails the old file stays in use. Loggers without
// a file of their own return ErrNotFile.
func (l *Logger) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	remarks, err := l.mu.sink.reopen()
	l.remarkLocked(remarks)
	return err
}

// Close closes the file of a file logger or the connection to a syslog; lines written later are
// lost. Other loggers have nothing to close and return nil.
func (l *Logger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.sink.close()
}

// print formats before it takes the lock: an argument's String method may log, too.
func (l *Logger) print(lv level, format string, v ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, v...), "\r\n")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remarkLocked(l.putLocked(lv, text, false))
}

// remarkLocked writes what the sink has to say.
func (l *Logger) remarkLocked(remarks []remark) {
	for i := 0; i < len(remarks); i++ {
		remarks = append(remarks, l.putLocked(remarks[i].level, remarks[i].text, remarks[i].text != rotating)...)
	}
}

// maxSpare bounds the room for a line that a logger keeps for the next one, in bytes.
const maxSpare = 64 << 10

func (l *Logger) putLocked(lv level, text string, settle bool) []remark {
	line := l.form.appendLine(l.mu.line[:0], lv, text)
	remarks := l.mu.sink.put(line, settle)
	l.mu.line = line
	if cap(line) > maxSpare {
		l.mu.line = nil
	}
	return remarks
}

// writer is the sink of loggers that opened nothing.
type writer struct{ w io.Writer }

func (w writer) put(line []byte, _ bool) []remark {
	_, _ = w.w.Write(line)
	return nil
}

func (writer) reopen() ([]remark, error) { return nil, ErrNotFile }
func (writer) close() error              { return nil }

// isCharDevice reports whether w is a terminal or another character device.
func isCharDevice(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
