package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// Target is a server that stories are told to.
type Target struct {
	// Dial opens a client connection.
	Dial func() (net.Conn, error)
	// Reason tells why the server closed the connection with this id, and false as long as it does
	// not know of it. A nil Reason means that the target does not tell reasons.
	Reason func(cid uint64) (string, bool)
	// Drip sends every write in many small ones.
	Drip bool
	// Patience bounds each wait; 0 means the Patience of the package.
	Patience time.Duration
	// OwnPings says that the server may send a PING whenever it likes; those are passed over where
	// no PING is expected.
	OwnPings bool
}

var (
	ping = []byte("PING\r\n")
	pong = []byte("PONG\r\n")
)

// Tell plays the story against the target. The error names file and line, the expectation, and what
// had come instead. All connections are closed when it returns.
func (s *Story) Tell(target Target) error {
	if target.Patience == 0 {
		target.Patience = Patience
	}
	t := teller{target: target, voices: map[string]*voice{}}
	defer t.end()
	for i := 0; i < len(s.steps); i++ {
		st := &s.steps[i]
		next := i
		if st.verb == expectsAnyOrder {
			for next+1 < len(s.steps) && s.steps[next+1].verb == expectsAnyOrder && s.steps[next+1].who == st.who {
				next++
			}
		}
		err := t.step(s.steps[i : next+1])
		if err != nil {
			return fmt.Errorf("%s.txt:%d: %s: %w", s.File, st.line, shorten([]byte(st.text)), err)
		}
		i = next
	}
	t.flush(nil)
	return nil
}

// teller is one telling of a story.
type teller struct {
	target Target
	voices map[string]*voice
}

func (t *teller) end() {
	for _, v := range t.voices {
		v.leave()
	}
}

// step plays one step, or several expectations that may be met in any order.
func (t *teller) step(steps []step) error {
	st := &steps[0]
	v, open := t.voices[st.who]
	opens := st.verb == connects || st.verb == dials
	if open == opens {
		return errors.New("this connection is already open, or not open")
	}
	speaker := v
	if st.verb != sends {
		speaker = nil
	}
	t.flush(speaker)
	switch st.verb {
	case connects, dials:
		return t.open(st)
	case sends:
		v.outgoing = append(v.outgoing, st.data...)
	case expects:
		return t.expect(v, st.want)
	case expectsAnyOrder:
		return t.expectAll(v, steps)
	case quiet:
		v.outgoing = append(v.outgoing, ping...)
		v.say(t.target.Drip)
		return t.expect(v, &pattern{exact: pong})
	case closed:
		return t.expectClosed(st.who, string(st.data))
	case leaves:
		v.leave()
		delete(t.voices, st.who)
	}
	return nil
}

// flush sends what the connections have gathered, except the one that goes on speaking. Since it is
// called before each step, at most one has anything, and the order of the story is kept.
func (t *teller) flush(speaker *voice) {
	for _, v := range t.voices {
		if v != speaker {
			v.say(t.target.Drip)
		}
	}
}

func (t *teller) open(st *step) error {
	conn, err := t.target.Dial()
	if err != nil {
		return err
	}
	v := newVoice(conn, t.target.Patience)
	t.voices[st.who] = v
	if st.verb == dials {
		return nil
	}
	info, err := newPattern("INFO {json}")
	if err != nil {
		return err
	}
	v.outgoing = append(v.outgoing, st.data...)
	return t.expect(v, info)
}

// expect waits until the pattern is the next thing that came.
func (t *teller) expect(v *voice, want *pattern) error {
	err := v.await(func(got []byte, _ error) (int, bool, error) {
		if n := t.passOver(got, want); n != 0 {
			return max(n, 0), false, nil
		}
		n, err := want.match(got)
		if n > 0 {
			v.hear(got[:n])
		}
		return n, n > 0, err
	})
	return explain(err, v, want.String())
}

// passOver is the length of a PING that nobody asked for at the start of got, and -1 when what came
// so far may become one.
func (t *teller) passOver(got []byte, want *pattern) int {
	if !t.target.OwnPings || len(got) == 0 || (want.expr == nil && bytes.HasPrefix(want.exact, ping)) {
		return 0
	}
	if bytes.HasPrefix(got, ping) {
		return len(ping)
	}
	if want.expr != nil || !bytes.HasPrefix(want.exact, got) {
		if bytes.HasPrefix(ping, got) {
			return -1
		}
	}
	return 0
}

// expectAll waits until each of the steps was met once, in any order.
func (t *teller) expectAll(v *voice, steps []step) error {
	left := make([]*pattern, 0, len(steps))
	for _, st := range steps {
		left = append(left, st.want)
	}
	for len(left) > 0 {
		err := v.await(func(got []byte, _ error) (int, bool, error) {
			if n := t.passOver(got, left[0]); n != 0 {
				return max(n, 0), false, nil
			}
			failed := 0
			for i, want := range left {
				n, err := want.match(got)
				if n > 0 {
					left = append(left[:i], left[i+1:]...)
					return n, true, nil
				}
				if err != nil {
					failed++
				}
			}
			if failed == len(left) {
				return 0, false, errDiffers
			}
			return 0, false, nil
		})
		if err != nil {
			return explain(err, v, fmt.Sprint("one of ", left))
		}
	}
	return nil
}

// expectClosed waits for the end of the connection, before which nothing may come, closes this side
// too, and asks for the reason if the story names one.
func (t *teller) expectClosed(who string, reason string) error {
	v := t.voices[who]
	err := v.await(func(got []byte, end error) (int, bool, error) {
		if n := t.passOver(got, &pattern{}); n != 0 {
			return max(n, 0), false, nil
		}
		if len(got) > 0 {
			return 0, false, errDiffers
		}
		return 0, end != nil, nil
	})
	if err != nil {
		return explain(err, v, "the end of the connection")
	}
	// A server may wait for this side before it counts the connection as closed.
	v.leave()
	delete(t.voices, who)
	if reason == "" || t.target.Reason == nil {
		return nil
	}
	return t.expectReason(v, reason)
}

func (t *teller) expectReason(v *voice, reason string) error {
	if v.cid == 0 {
		return errors.New("a story that names a reason must have seen an INFO with a connection id")
	}
	const pause = 5 * time.Millisecond
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for range int(t.target.Patience / pause) {
		got, known := t.target.Reason(v.cid)
		if known && got != reason {
			return fmt.Errorf("closed for the reason %q", got)
		}
		if known {
			return nil
		}
		<-tick.C
	}
	return errors.New("the server never told a reason")
}

// hear notes the connection id if the bytes are an INFO.
func (v *voice) hear(got []byte) {
	object, isInfo := bytes.CutPrefix(got, []byte("INFO "))
	if !isInfo {
		return
	}
	var info struct {
		CID uint64 `json:"client_id"`
	}
	if json.Unmarshal(object, &info) == nil && info.CID != 0 {
		v.cid = info.CID
	}
}

// explain adds to a failed wait what was wanted and what is there.
func explain(err error, v *voice, want string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n  want %s\n  got  %s", err, want, shorten(v.rest()))
}
