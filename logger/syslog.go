package logger

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of what a syslog that does not answer costs. Whoever logs waits for it, so the time
// that an attempt may take is short, and after trouble lines are dropped for a while that is long
// compared with it.
const (
	firstDial = 5 * time.Second        // until the connection of a new logger stands
	nextDial  = 250 * time.Millisecond // until a later one stands
	patience  = 100 * time.Millisecond // until a line is taken
	minPause  = time.Second            // after trouble nothing is tried for so long,
	pauseRate = 20                     // and for so many times what the trouble took
)

// maxMessage bounds a message to a syslog in bytes. It is what collectors take unless told
// otherwise; longer text is cut.
const maxMessage = 8 << 10

// errNoSyslog says that none of the sockets of a local syslog took a connection.
var errNoSyslog = errors.New("no local syslog answers")

// NewSyslog returns a logger that writes to the syslog of this machine, facility daemon. Messages
// are the text alone, as syslog has its own time, level and process id: Time, UTC, Colors, PID and
// JSON mean nothing here. Lines that the syslog does not take in time are dropped and counted;
// once it takes lines again the logger warns how many were lost. The error, "error connecting to
// syslog: ...", comes where no syslog listens, on Windows always.
func NewSyslog(o Options) (*Logger, error) {
	var targets []target
	for _, path := range []string{"/dev/log", "/var/run/syslog", "/var/run/log"} {
		targets = append(targets, sockets(path)...)
	}
	l, err := newSyslog(targets, o, false)
	if err != nil {
		return nil, connectError(errNoSyslog)
	}
	return l, nil
}

// NewRemoteSyslog is NewSyslog for another syslog: udp://host:port, tcp://host:port or
// unix:///path, a datagram or stream socket. Messages to hosts carry this host's name and a time
// with zone, as forwarding syslogs send them; those over TCP end in a line break (RFC 6587,
// section 3.4.2). Errors are "error invalid network type: ..." and "error connecting to
// syslog: ...".
func NewRemoteSyslog(to string, o Options) (*Logger, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, connectError(err)
	}
	var targets []target
	switch u.Scheme {
	case "udp", "tcp":
		targets = []target{{u.Scheme, u.Host}}
	case "unix":
		targets = sockets(u.Path)
	default:
		return nil, fmt.Errorf("error invalid network type: %q", u.Scheme)
	}
	l, err := newSyslog(targets, o, true)
	if err != nil {
		return nil, connectError(err)
	}
	return l, nil
}

func newSyslog(targets []target, o Options, remote bool) (*Logger, error) {
	s := &syslog{targets: targets}
	if err := s.dial(firstDial); err != nil {
		return nil, err
	}
	return newLogger(s, newSyslogForm(o.Tag, remote), o), nil
}

func connectError(err error) error { return fmt.Errorf("error connecting to syslog: %q", err.Error()) }

// target is where a syslog may listen.
type target struct{ network, address string }

// sockets are the targets that a path may be.
func sockets(path string) []target { return []target{{"unixgram", path}, {"unix", path}} }

// syslog is a sink that writes to a syslog. All of it is guarded by the mutex of its logger.
//
// The standard library's log/syslog would connect and write without any limit of time.
type syslog struct {
	targets []target // fixed; the first that takes a connection counts

	conn    net.Conn // nil while there is none
	stream  bool     // conn is one; messages need an end
	dialed  time.Time
	resume  time.Time // lines are dropped until then
	dropped int       // lines since one was taken
	closed  bool
}

func (s *syslog) put(line []byte, _ bool) []remark {
	if s.closed {
		return nil
	}
	begin := time.Now()
	if begin.Before(s.resume) || !s.send(line) {
		s.dropped++
		return nil
	}
	if s.dropped == 0 {
		return nil
	}
	lost := s.dropped
	s.dropped = 0
	return []remark{{warning, fmt.Sprintf("Syslog did not take %d lines, they are lost", lost)}}
}

// send writes a message, and over a new connection if the old one broke: a syslog that was started
// again misses nothing then.
func (s *syslog) send(line []byte) bool {
	begin := time.Now()
	err := s.write(line)
	var timeout net.Error
	late := errors.As(err, &timeout) && timeout.Timeout()
	if err != nil && !late && begin.Sub(s.dialed) >= minPause {
		if err = s.dial(nextDial); err == nil {
			err = s.write(line)
		}
	}
	if err == nil {
		return true
	}
	now := time.Now()
	s.resume = now.Add(max(minPause, pauseRate*now.Sub(begin)))
	return false
}

// write writes a message. After an error there is no connection any more: part of the message may
// be on its way, which the next would be appended to.
func (s *syslog) write(line []byte) error {
	if s.conn == nil {
		return net.ErrClosed
	}
	if !s.stream {
		line = bytes.TrimSuffix(line, []byte("\n"))
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.conn.Write(line)
	if err != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
	return err
}

// dial makes a connection to one of the targets, within the time for all. The error is the last.
func (s *syslog) dial(within time.Duration) error {
	s.dialed = time.Now()
	d := net.Dialer{Deadline: s.dialed.Add(within)}
	var err error
	for _, t := range s.targets {
		var conn net.Conn
		if conn, err = d.Dial(t.network, t.address); err == nil {
			s.conn, s.stream = conn, t.network == "tcp" || t.network == "unix"
			return nil
		}
	}
	return err
}

func (*syslog) reopen() ([]remark, error) { return nil, ErrNotFile }

func (s *syslog) close() error {
	s.closed = true
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// syslogForm is the form of RFC 3164, section 4: priority, time, for remote ones the host, then
// tag, process id and text.
type syslogForm struct {
	layout string // of the time
	source string // what stands between time and text
}

func newSyslogForm(tag string, remote bool) syslogForm {
	if tag == "" {
		tag = filepath.Base(os.Args[0])
	}
	source := " " + strings.Map(tagRune, tag) + "[" + strconv.Itoa(os.Getpid()) + "]: "
	if !remote {
		return syslogForm{time.Stamp, source}
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	return syslogForm{time.RFC3339, " " + strings.Map(tagRune, host) + source}
}

// tagRune keeps what can stand in a tag or a host's name: printable ASCII but blanks and what
// ends a tag.
func tagRune(r rune) rune {
	if r <= ' ' || r >= 0x7f || strings.ContainsRune("[]:", r) {
		return '_'
	}
	return r
}

func (f syslogForm) appendLine(b []byte, lv level, text string) []byte {
	const daemon = 3 // facility, RFC 3164, section 4.1.1
	begin := len(b)
	b = append(b, '<')
	b = strconv.AppendInt(b, daemon<<3|lv.severity(), 10)
	b = append(b, '>')
	b = time.Now().AppendFormat(b, f.layout)
	b = append(b, f.source...)
	b = appendEscaped(b, text)
	if end := begin + maxMessage - len("...\n"); len(b) > end {
		for i := range utf8.UTFMax {
			if utf8.RuneStart(b[end-i]) {
				end -= i
				break
			}
		}
		b = append(b[:end], "..."...)
	}
	return append(b, '\n')
}

// severity returns the level in numbers of RFC 3164, section 4.1.1.
func (l level) severity() int64 {
	switch l {
	case fatal:
		return 2 // critical
	case failure:
		return 3
	case warning:
		return 4
	case debug:
		return 7
	default:
		return 5 // notice
	}
}
