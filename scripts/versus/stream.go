package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A message is one MSG of the stream; all slices point into the stream's buffer and are valid until
// its next fill.
type message struct {
	subject []byte
	sid     int
	reply   []byte
	payload []byte
}

// op is a command of the server.
type op int

const (
	opNone op = iota // nothing complete is in the buffer
	opMsg
	opPing
	opPong
	opOther // INFO and +OK
)

// A stream parses in place what a server sends. A line that equals the line of the message before is
// not parsed again.
type stream struct {
	from       io.Reader
	buf        []byte
	start, end int // the part of buf that is not yet consumed
	last       line
}

// A line is a parsed MSG line: a copy of its bytes, and what they say.
type line struct {
	bytes          []byte // with the line end
	subject, reply cut
	sid, size      int
}

// A cut is a part of a line.
type cut struct{ from, to int }

func (c cut) of(b []byte) []byte { return b[c.from:c.to] }

func newStream(from io.Reader, size int) *stream { return &stream{from: from, buf: make([]byte, size)} }

// fill reads once. Messages handed out before are invalid after it.
func (s *stream) fill() error {
	rest := s.end - s.start
	switch {
	case rest == len(s.buf):
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	case rest < len(s.buf)/64 || s.end > len(s.buf)/4*3:
		s.start, s.end = 0, copy(s.buf, s.buf[s.start:s.end])
	}
	n, err := s.from.Read(s.buf[s.end:])
	s.end += n
	if n > 0 {
		return nil
	}
	return err
}

// next consumes the next command in the buffer and, if it is a message, stores it in m. It fails on
// -ERR and on anything it does not understand.
func (s *stream) next(m *message) (op, error) {
	rest := s.buf[s.start:s.end]
	if len(s.last.bytes) > 0 && bytes.HasPrefix(rest, s.last.bytes) {
		return s.message(rest, m)
	}
	eol := bytes.IndexByte(rest, '\n')
	if eol < 0 {
		return opNone, nil
	}
	said := rest[:eol+1]
	if bytes.HasPrefix(said, []byte("MSG ")) {
		if !s.last.parse(said) {
			return opNone, fmt.Errorf("no message line: %q", said)
		}
		return s.message(rest, m)
	}
	s.start += len(said)
	switch {
	case bytes.HasPrefix(said, []byte("PING")):
		return opPing, nil
	case bytes.HasPrefix(said, []byte("PONG")):
		return opPong, nil
	case bytes.HasPrefix(said, []byte("INFO")), bytes.HasPrefix(said, []byte("+OK")):
		return opOther, nil
	}
	return opNone, fmt.Errorf("the server said %q", bytes.TrimSpace(said[:min(len(said), 200)]))
}

// message cuts the message out of rest, which begins with the last line.
func (s *stream) message(rest []byte, m *message) (op, error) {
	l := &s.last
	body := len(l.bytes)
	end := body + l.size
	if len(rest) < end+2 {
		return opNone, nil
	}
	if rest[end] != '\r' || rest[end+1] != '\n' {
		return opNone, errors.New("a message's payload does not end where its size says")
	}
	m.subject, m.reply = l.subject.of(rest), l.reply.of(rest)
	m.sid = l.sid
	m.payload = rest[body:end]
	s.start += end + 2
	return opMsg, nil
}

// parse reads the line of a message: MSG subject sid [reply] size. It answers false if it is none.
func (l *line) parse(said []byte) bool {
	l.bytes = append(l.bytes[:0], said...)
	var words [4]cut
	n, i := 0, len("MSG ")
	end := len(bytes.TrimRight(said, "\r\n"))
	for ; i < end && n < len(words); n++ {
		length := bytes.IndexByte(said[i:end], ' ')
		if length < 0 {
			length = end - i
		}
		words[n] = cut{i, i + length}
		i += length + 1
	}
	if n < 3 || i < end {
		return false
	}
	l.subject, l.reply = words[0], cut{}
	if n == 4 {
		l.reply = words[2]
	}
	var sidOK, sizeOK bool
	l.sid, sidOK = number(words[1].of(said))
	l.size, sizeOK = number(words[n-1].of(said))
	return sidOK && sizeOK
}

func number(digits []byte) (int, bool) {
	n := 0
	for _, d := range digits {
		if d < '0' || d > '9' || n > 1<<27 {
			return 0, false
		}
		n = n*10 + int(d-'0')
	}
	return n, len(digits) > 0
}
