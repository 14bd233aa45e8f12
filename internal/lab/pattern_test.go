package lab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`PING`, "PING\r\n"},
		{``, "\r\n"},
		{`PING\`, "PING"},
		{`PING\n\`, "PING\n"},
		{`a\tb\x00\\c`, "a\tb\x00\\c\r\n"},
		{`PUB {ab*3} 5`, "PUB ababab 5\r\n"},
		{`CONNECT {"name":"a*2","x":{}}`, "CONNECT {\"name\":\"a*2\",\"x\":{}}\r\n"},
	} {
		got, err := line(c.text)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, string(got), c.text)
	}
	_, err := line(`bad \q`)
	require.ErrorContains(t, err, "bad escape")
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		text, got string
		taken     int
		differs   bool
	}{
		{`PONG`, "PONG\r\n", 6, false},
		{`PONG`, "PONG\r\nPING\r\n", 6, false},
		{`PONG`, "PON", 0, false},
		{`PONG`, "POUR", 0, true},
		{`PONG`, "PONG\n", 0, true},
		{`MSG a {1|2} 3`, "MSG a 2 3\r\n", 11, false},
		{`MSG a {1|2} 3`, "MSG a 3 3\r\n", 0, true},
		{`MSG a {1|2} 3`, "MSG a", 0, false},
		{`a {b\r\n|}`, "a \r\n", 4, false},
		{`a {b\r\n|}`, "a b\r\n", 0, false},
		{`a {b\r\n|}`, "a b\r\n\r\n", 7, false},
		{`a {b\r\n|}`, "a b\r\nc\r\n", 0, true},
		{`-ERR {any}`, "-ERR 'x'\r\n+OK\r\n", 10, false},
		{`HMSG {any} {digits} {digits}`, "HMSG a 16 16\r\n", 14, false},
		{`HMSG {any} {digits} {digits}`, "HMSG a 16 b\r\n", 0, true},
		{`a.b`, "axb\r\n", 0, true},
		{`a.b{1|2}`, "axb1\r\n", 0, true},
		{`INFO {json}`, "INFO {\"a\":1} \r\n", 15, false},
		{`INFO {json a=1 b=present c=absent s="$G"}`, "INFO {\"a\":1,\"b\":0,\"s\":\"$G\"}\r\n", 29, false},
		{`INFO {json a=2}`, "INFO {\"a\":1}\r\n", 0, true},
		{`INFO {json b=present}`, "INFO {\"a\":1}\r\n", 0, true},
		{`INFO {json a=absent}`, "INFO {\"a\":1}\r\n", 0, true},
	} {
		p, err := newPattern(c.text)
		require.NoError(t, err, c.text)
		n, err := p.match([]byte(c.got))
		require.Equal(t, c.taken, n, "%s on %q: %v", c.text, c.got, err)
		require.Equal(t, c.differs, err != nil, "%s on %q: %v", c.text, c.got, err)
	}
	_, err := newPattern(`INFO {json not a demand}`)
	require.ErrorContains(t, err, "bad demand")
}

func TestShortenKeepsBothEnds(t *testing.T) {
	long := make([]byte, 5000)
	long[0], long[4999] = 'a', 'z'
	short := shorten(long)
	require.Less(t, len(short), 5000)
	require.Regexp(t, `^"a.* 4400 bytes .*z"$`, short)
}
