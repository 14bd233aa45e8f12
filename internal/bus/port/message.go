package port

import (
	"bytes"
	"strings"

	"github.com/baridmq/barid/internal/core/msg"
)

// Message is what a port sends and gets. A handler owns what it gets.
type Message struct {
	Subject, Reply string
	// Header is the block as it is on the wire, from NATS/1.0 to the empty line; empty for none.
	Header []byte
	Data   []byte
}

// size is what m counts in an inbox.
func (m *Message) size() int64 {
	return int64(len(m.Subject)+len(m.Reply)+len(m.Header)+len(m.Data)) + overhead
}

// copied returns a copy of m, which lies in buf.
func copied(buf []byte, m *msg.Message) *Message {
	data := bytes.Clone(m.Data.Of(buf))
	both := string(m.Subject.Of(buf))
	c := &Message{Subject: both, Header: data[:m.Header:m.Header], Data: data[m.Header:]}
	if m.Reply.Len > 0 {
		c.Reply = string(m.Reply.Of(buf))
	}
	return c
}

const headerVersion = "NATS/1.0"

// Get returns the first value of a header field, without the blanks around it, "" if there is none.
// Names are alike in whatever case. A block that is not well-formed is read as far as it is.
func (m *Message) Get(key string) string {
	v, _ := msg.Field(m.Header, key)
	return string(v)
}

// Set gives a header field one value, in place of those it has. Line breaks in value become blanks;
// a key that is empty or has a colon or a line break sets nothing. What is no header block is replaced.
func (m *Message) Set(key, value string) {
	if key == "" || strings.ContainsAny(key, ":\r\n") {
		return
	}
	value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	m.Header = msg.SetField(nil, m.Header, key, []byte(value))
}

// noResponders reports whether m is the status that stands for no reply.
func (m *Message) noResponders() bool {
	return len(m.Data) == 0 && bytes.HasPrefix(m.Header, []byte(headerVersion+" 503")) &&
		(len(m.Header) == 12 || m.Header[12] == ' ' || m.Header[12] == '\r')
}
