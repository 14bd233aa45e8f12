package main

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// chunkSize is how many bytes a publisher hands to one write, more or less.
const chunkSize = 64 << 10

// A post is one message of a script: where it goes and how large its payload is.
type post struct {
	subject string
	size    int // bytes, at least stampSize
}

// A script is a sequence of publish commands rendered once and sent over and over; only the stamps
// change.
type script struct {
	bytes    []byte
	starts   []int // offset of each command, and behind the last the end
	stamps   []int // offset of each payload
	subjects []int // length of each subject
}

func newScript(posts []post) *script {
	size := 0
	for _, p := range posts {
		size += len("PUB  12345\r\n\r\n") + len(p.subject) + p.size
	}
	s := &script{bytes: make([]byte, 0, size)}
	for _, p := range posts {
		s.starts = append(s.starts, len(s.bytes))
		s.subjects = append(s.subjects, len(p.subject))
		s.bytes = append(s.bytes, "PUB "...)
		s.bytes = append(s.bytes, p.subject...)
		s.bytes = append(s.bytes, ' ')
		s.bytes = strconv.AppendInt(s.bytes, int64(p.size), 10)
		s.bytes = append(s.bytes, "\r\n"...)
		s.stamps = append(s.stamps, len(s.bytes))
		s.bytes = append(s.bytes, bytes.Repeat([]byte{'.'}, p.size)...)
		s.bytes = append(s.bytes, "\r\n"...)
	}
	s.starts = append(s.starts, len(s.bytes))
	return s
}

// uniform is a script of one subject and one size, long enough for one chunk.
func uniform(subject string, size int) *script {
	p := post{subject, size}
	posts := make([]post, max(1, chunkSize/newScript([]post{p}).meanSize()))
	for i := range posts {
		posts[i] = p
	}
	return newScript(posts)
}

func (s *script) len() int { return len(s.stamps) }

// meanSize is the average length of a command in bytes.
func (s *script) meanSize() int { return len(s.bytes) / s.len() }

func (s *script) subject(i int) []byte {
	from := s.starts[i] + len("PUB ")
	return s.bytes[from : from+s.subjects[i]]
}

// chunk stamps up to most commands from the one at position at on, but not more than limit bytes
// if that is more than one command and not beyond the script's end. It returns their bytes, which
// are valid until the next call, and their number.
func (s *script) chunk(at, most, limit, lane int, seq uint64) ([]byte, int) {
	from, n := s.starts[at], 0
	for n < most && at+n < s.len() && (n == 0 || s.starts[at+n+1]-from <= limit) {
		binary.LittleEndian.PutUint64(s.bytes[s.stamps[at+n]:], stamp(lane, seq+uint64(n)))
		n++
	}
	return s.bytes[from:s.starts[at+n]], n
}

// A route tells which messages of a script one connection gets, and on which of its subscriptions.
type route struct {
	script *script
	places []int32 // by position in the script: place among this connection's messages, -1: not for it
	sids   []int   // by place: the subscription
}

// newRoute asks sidOf, for each position of the script, for the subscription of this connection
// that the message is for; 0 means none.
func newRoute(s *script, sidOf func(position int) int) *route {
	r := &route{script: s, places: make([]int32, s.len())}
	for i := range r.places {
		r.places[i] = -1
		if sid := sidOf(i); sid != 0 {
			r.places[i] = int32(len(r.sids))
			r.sids = append(r.sids, sid)
		}
	}
	return r
}

// place turns the number of a message of the lane into the number of a message of this connection.
// It answers false if the message is not for the connection or did not come on the subscription and
// subject it should.
func (r *route) place(seq uint64, m *message) (uint64, bool) {
	size := uint64(len(r.places))
	pass, position := seq/size, int(seq%size)
	p := r.places[position]
	if p < 0 || r.sids[p] != m.sid || !bytes.Equal(r.script.subject(position), m.subject) {
		return 0, false
	}
	return pass*uint64(len(r.sids)) + uint64(p), true
}

// due is how many of the first published messages of the lane are for this connection.
func (r *route) due(published int) uint64 {
	size := len(r.places)
	n := published / size * len(r.sids)
	for _, p := range r.places[:published%size] {
		if p >= 0 {
			n++
		}
	}
	return uint64(n)
}
