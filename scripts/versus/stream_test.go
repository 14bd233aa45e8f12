package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// readAll parses everything and writes what it understood, one command each.
func readAll(from io.Reader, size int) ([]string, error) {
	s := newStream(from, size)
	var m message
	var all []string
	for {
		o, err := s.next(&m)
		if err != nil {
			return all, err
		}
		switch o {
		case opMsg:
			all = append(all, strings.Join([]string{string(m.subject), string(rune('0' + m.sid)), string(m.reply), string(m.payload)}, "|"))
		case opPing:
			all = append(all, "ping")
		case opPong:
			all = append(all, "pong")
		case opOther:
			all = append(all, "other")
		case opNone:
			if err := s.fill(); err == io.EOF {
				return all, nil
			} else if err != nil {
				return all, err
			}
		}
	}
}

func TestStream(t *testing.T) {
	const in = "INFO {}\r\n" +
		"MSG a 1 2\r\nhi\r\n" +
		"MSG a 1 2\r\nho\r\n" + // the same line
		"PING\r\n" +
		"MSG a 1 3\r\n\r\n!\r\n" + // a payload with a line end
		"MSG a.b 2 re.ply 0\r\n\r\n" +
		"MSG a 1 11\r\nMSG a 1 11\r\r\n" +
		"MSG a 1 12\r\nlonger than \r\n" +
		"+OK\r\nPONG\r\n"
	want := []string{"other", "a|1||hi", "a|1||ho", "ping", "a|1||\r\n!", "a.b|2|re.ply|", "a|1||MSG a 1 11\r", "a|1||longer than ", "other", "pong"}
	for _, size := range []int{1, 2, 7, 16, 64, 4096} {
		got, err := readAll(strings.NewReader(in), size)
		require.NoError(t, err)
		require.Equal(t, want, got, "buffer of %d", size)
		got, err = readAll(iotest.OneByteReader(strings.NewReader(in)), size)
		require.NoError(t, err)
		require.Equal(t, want, got, "byte by byte, buffer of %d", size)
	}
}

func TestStreamRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"an error":          "-ERR 'Stale Connection'\r\n",
		"nonsense":          "WHAT\r\n",
		"too few words":     "MSG a 1\r\n",
		"too many words":    "MSG a 1 b 2 3\r\n",
		"a strange sid":     "MSG a x 2\r\nhi\r\n",
		"a strange size":    "MSG a 1 -2\r\nhi\r\n",
		"no size":           "MSG a 1 \r\n",
		"a longer payload":  "MSG a 1 2\r\nhi!\r\n",
		"a shorter payload": "MSG a 1 3\r\nhi\r\nPING\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readAll(strings.NewReader(in), 64)
			require.Error(t, err)
		})
	}
}
