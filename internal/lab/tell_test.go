package lab

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// clerk is a toy server for the stories of this file: INFO, PONG for PING, the words after SAY as
// lines of their own, and the end after BYE.
func clerk(t *testing.T, reason string) Target {
	return Target{
		Dial: func() (net.Conn, error) {
			ours, theirs := net.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer theirs.Close()
				_, _ = io.WriteString(theirs, "INFO {\"client_id\":7} \r\n")
				in := bufio.NewScanner(theirs)
				for in.Scan() {
					verb, rest, _ := strings.Cut(in.Text(), " ")
					switch verb {
					case "PING":
						_, _ = io.WriteString(theirs, "PONG\r\n")
					case "SAY":
						_, _ = io.WriteString(theirs, strings.ReplaceAll(rest, " ", "\r\n")+"\r\n")
					case "BYE":
						return
					}
				}
			}()
			t.Cleanup(func() { <-done })
			return ours, nil
		},
		Reason: func(cid uint64) (string, bool) { return reason, cid == 7 },
	}
}

func tell(t *testing.T, target Target, steps string) error {
	t.Helper()
	s, err := Parse("tale", "title: a tale\npeer: 2.9\n\n"+steps)
	require.NoError(t, err)
	return s.Tell(target)
}

func TestTellingThatHolds(t *testing.T) {
	for name, steps := range map[string]string{
		"line":             "a connects\na > SAY one two\na < one\na < two\na quiet\n",
		"INFO by itself":   "a dials\na < INFO {json client_id=7}\na quiet\n",
		"with CONNECT":     "a connects with {}\na quiet\n",
		"any order":        "a connects\na > SAY x y z\na <~ z\na <~ x\na <~ y\na quiet\n",
		"two lines a time": "a connects\na > SAY x y z\na < x\\r\\ny\na < z\na quiet\n",
		"split":            "a connects\na > SAY o\\\na ...\na > ne\na < one\na quiet\n",
		"two connections":  "a connects\nb connects\na > SAY x\nb > SAY y\nb < y\na < x\n",
		"end":              "a connects\na > BYE\na closed\n",
		"end with reason":  "a connects\na > BYE\na closed: Said So\n",
		"leave, return":    "a connects\na leaves\na connects\na quiet\n",
	} {
		t.Run(name, func(t *testing.T) {
			whole := clerk(t, "Said So")
			require.NoError(t, tell(t, whole, steps))
			whole.Drip = true
			require.NoError(t, tell(t, whole, steps))
		})
	}
}

func TestTellingThatFails(t *testing.T) {
	for name, c := range map[string]struct{ steps, want string }{
		"other line":     {"a connects\na > SAY one\na < two\n", `tale.txt:6: "a < two": differs`},
		"not quiet":      {"a connects\na > SAY one\na quiet\n", `tale.txt:6`},
		"one missing":    {"a connects\na > SAY x y\na <~ x\na <~ z\n", `one of [`},
		"stays open":     {"a connects\na > SAY x\na closed\n", `got  "x\r\n"`},
		"closed early":   {"a connects\na > BYE\na < x\n", `the connection was closed`},
		"other reason":   {"a connects\na > BYE\na closed: Other\n", `closed for the reason "Said So"`},
		"no id":          {"a dials\na > BYE\na < INFO {json client_id=8}\n", `key "client_id" is 7, want 8`},
		"not open":       {"a > PING\n", `already open, or not open`},
		"opened twice":   {"a connects\na connects\n", `already open, or not open`},
		"left and spoke": {"a connects\na leaves\na > PING\n", `already open, or not open`},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, tell(t, clerk(t, "Said So"), c.steps), c.want)
		})
	}
	refused := errors.New("refused")
	err := tell(t, Target{Dial: func() (net.Conn, error) { return nil, refused }}, "a connects\n")
	require.ErrorIs(t, err, refused)
}

// A server with timers of its own may ask for a sign of life in the middle of a story.
func TestOwnPingsArePassedOver(t *testing.T) {
	target := clerk(t, "")
	const steps = "a connects\na > SAY PING one PING PING\na < one\na quiet\na > BYE\na closed\n"
	require.ErrorContains(t, tell(t, target, steps), "differs")
	target.OwnPings = true
	require.NoError(t, tell(t, target, steps))
	require.NoError(t, tell(t, target, "a connects\na > SAY PING PING\na < PING\na < PING\na quiet\n"))
	require.NoError(t, tell(t, target, "a connects\na > SAY PING x PING y\na <~ y\na <~ x\n"))
}

func TestParseRefuses(t *testing.T) {
	const head = "title: a tale\npeer: 2.9\n"
	for text, want := range map[string]string{
		"":                             "needs a title",
		head:                           "needs a title, a peer line and steps",
		"title: x\na connects\n":       "needs a title, a peer line",
		"author: x\n" + head:           `tale:1: unknown header "author"`,
		"options: x\n" + head:          `tale:1: option "x" has no value`,
		"peer: 2.8\n":                  `tale:1: peer is "2.8"`,
		head + "a jumps\n":             `tale:3: no such step: "a jumps"`,
		head + "a connects\na > \\q\n": `tale:4: bad escape`,
	} {
		_, err := Parse("tale", text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestLoad(t *testing.T) {
	stories, err := Load(fstest.MapFS{
		"b.txt":   {Data: []byte("title: second\npeer: differs: newer text\n\na connects\n")},
		"a.txt":   {Data: []byte("title: first\noptions: max_payload=8 ping_max=1\npeer: 2.9\n# note\n\na connects\n")},
		"read.me": {Data: []byte("not a story")},
	})
	require.NoError(t, err)
	require.Len(t, stories, 2)
	require.Equal(t, "first", stories[0].Title)
	require.Equal(t, map[string]string{"max_payload": "8", "ping_max": "1"}, stories[0].Options)
	require.Equal(t, "newer text", stories[1].Differs)
	_, err = Load(fstest.MapFS{"c.txt": {Data: []byte("nonsense\n")}})
	require.ErrorContains(t, err, "c:1: no such step")
}
