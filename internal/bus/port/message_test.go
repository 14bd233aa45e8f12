package port

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGet(t *testing.T) {
	for _, c := range []struct{ header, key, want string }{
		{"", "A", ""},
		{"NATS/1.0\r\n\r\n", "A", ""},
		{"NATS/1.0\r\nA: 1\r\n\r\n", "A", "1"},
		{"NATS/1.0\r\nA: 1\r\n\r\n", "a", "1"},
		{"NATS/1.0\r\nA:1\r\nA: 2\r\n\r\n", "A", "1"},
		{"NATS/1.0\r\nAB: 1\r\nA: \t2 \r\n\r\n", "A", "2"},
		{"NATS/1.0 503 Text\r\nA: a:b\r\n\r\n", "A", "a:b"},
		{"NATS/1.0\r\n\r\nA: 1\r\n\r\n", "A", ""},
		{"NATS/1.0\r\nA: 1", "A", "1"},
		{"NATS/1.0", "A", ""},
		{"NATS/1.0\r\nno colon\r\nA: 1\r\n\r\n", "A", "1"},
		{"HTTP/1.1\r\nA: 1\r\n\r\n", "A", ""},
		{"NATS/1.0\nA: 1\n\n", "A", "1"},
	} {
		m := Message{Header: []byte(c.header)}
		require.Equal(t, c.want, m.Get(c.key), "%q", c.header)
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct{ header, key, value, want string }{
		{"", "A", "1", "NATS/1.0\r\nA: 1\r\n\r\n"},
		{"NATS/1.0\r\nA: 1\r\n\r\n", "B", "2", "NATS/1.0\r\nA: 1\r\nB: 2\r\n\r\n"},
		{"NATS/1.0 404 None\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\n", "A", "4", "NATS/1.0 404 None\r\nB: 2\r\nA: 4\r\n\r\n"},
		{"NATS/1.0\r\n\r\n", "A", "1\r\nB: 2", "NATS/1.0\r\nA: 1  B: 2\r\n\r\n"},
		{"NATS/1.0\r\nA: 1\r\n\r\n", "B\r\nC", "2", "NATS/1.0\r\nA: 1\r\n\r\n"},
		{"NATS/1.0\r\nA: 1\r\n\r\n", "B:", "2", "NATS/1.0\r\nA: 1\r\n\r\n"},
		{"NATS/1.0\r\nA: 1\r\n\r\n", "", "2", "NATS/1.0\r\nA: 1\r\n\r\n"},
		{"broken", "A", "1", "NATS/1.0\r\nA: 1\r\n\r\n"},
		{"NATS/1.0\r\nA: 1\r\n", "A", "1", "NATS/1.0\r\nA: 1\r\n\r\n"},
	} {
		m := Message{Header: []byte(c.header)}
		m.Set(c.key, c.value)
		require.Equal(t, c.want, string(m.Header), "%q", c.header)
	}
}

// Whatever a client sends as a header, reading and changing it stays within its bounds, and the
// result of a change is a block.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("NATS/1.0 503 Text\r\nA: 1\r\nB: 2\r\n\r\n"), "A", "x")
	f.Add([]byte("NATS/1.0\r\n:\r\n\r\n\r\n"), "B", "\r\n")
	f.Add([]byte("NATS/1.0"), "", "")
	f.Fuzz(func(t *testing.T, block []byte, key, value string) {
		m := Message{Header: bytes.Clone(block)}
		m.Get(key)
		m.noResponders()
		m.Set(key, value)
		if bytes.Equal(m.Header, block) {
			return
		}
		require.True(t, bytes.HasPrefix(m.Header, []byte(headerVersion)))
		require.True(t, bytes.HasSuffix(m.Header, []byte("\r\n\r\n")))
		require.Contains(t, string(m.Header), key+": ")
	})
}
