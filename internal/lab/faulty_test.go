package lab

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script plays a server on the other end of a pipe: it says the greeting, and after each line that it
// reads what the answers have for it. What it was told comes out of the channel when the connection
// is closed.
func script(t *testing.T, greeting string, answers map[string]string) (net.Conn, <-chan []string) {
	ours, theirs := net.Pipe()
	told := make(chan []string, 1)
	say := func(text string) {
		if text != "" { // a pipe makes even nothing wait for its reader
			_, _ = io.WriteString(theirs, text)
		}
	}
	go func() {
		defer theirs.Close()
		say(greeting)
		var lines []string
		for in := bufio.NewScanner(theirs); in.Scan(); {
			lines = append(lines, in.Text())
			say(answers[in.Text()])
		}
		told <- lines
	}()
	t.Cleanup(func() { _ = ours.Close() })
	return ours, told
}

func TestSubscribeTakesNothingThatFollows(t *testing.T) {
	conn, told := script(t, "INFO {} \r\n", map[string]string{"PING": "PONG\r\nMSG a 1 2\r\nhi\r\n"})
	require.NoError(t, Subscribe(conn, "a"))
	rest := make([]byte, 15)
	_, err := io.ReadFull(conn, rest)
	require.NoError(t, err)
	require.Equal(t, "MSG a 1 2\r\nhi\r\n", string(rest))
	require.NoError(t, conn.Close())
	require.Equal(t, []string{`CONNECT {"verbose":false,"pedantic":false}`, "SUB a 1", "PING"}, <-told)
}

func TestStuckClosesWhatItCannotUse(t *testing.T) {
	conn, told := script(t, "no line end", nil)
	closing := errors.New("")
	_, err := Stuck(func() (net.Conn, error) { return &failing{Conn: conn, err: io.ErrUnexpectedEOF}, nil }, "a")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	<-told // ends because the connection was closed
	_, err = Stuck(func() (net.Conn, error) { return nil, closing }, "a")
	require.ErrorIs(t, err, closing)
}

// failing is a connection on which nothing can be read.
type failing struct {
	net.Conn
	err error
}

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestSlowTakesItsShare(t *testing.T) {
	conn, _ := script(t, strings.Repeat("x", 100), nil)
	slow := &Slow{Conn: conn, PerTick: 30, Tick: time.Millisecond}
	p := make([]byte, 200)
	for _, want := range []int{30, 30, 30, 10} {
		n, err := slow.Read(p)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
}

func TestHalfOpen(t *testing.T) {
	var ends []<-chan []string
	dial := func() (net.Conn, error) {
		conn, told := script(t, "", nil)
		ends = append(ends, told)
		return conn, nil
	}
	crowd, err := HalfOpen(dial, 3, "PUB a")
	require.NoError(t, err)
	require.Len(t, crowd, 3)
	crowd.Close()
	for _, told := range ends {
		require.Equal(t, []string{"PUB a"}, <-told)
	}

	refused := errors.New("refused")
	ends = nil
	_, err = HalfOpen(func() (net.Conn, error) {
		if len(ends) == 2 {
			return nil, refused
		}
		return dial()
	}, 5, "PUB a")
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "connection 3 of 5")
	for _, told := range ends {
		<-told // those that were opened are closed
	}
}
