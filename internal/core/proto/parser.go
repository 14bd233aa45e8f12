// Package proto is the wire grammar of the NATS client protocol: a pull parser, encoders, the
// shapes of INFO and CONNECT, and the texts of protocol errors.
//
// The parser copies nothing: a command points into the bytes it was given. The package knows
// nothing of sockets, sessions or accounts, owns no goroutine and no lock; a Parser belongs to
// the goroutine that reads its connection.
package proto

import (
	"bytes"

	"github.com/baridmq/barid/internal/core/msg"
)

// Verb is the kind of a command.
type Verb uint8

// The verbs that a client may send. None means that the buffer holds no whole command.
const (
	None    Verb = iota
	Pub          // PUB and HPUB
	Sub          // SUB
	Unsub        // UNSUB
	Ping         // PING
	Pong         // PONG
	Connect      // CONNECT
	Info         // INFO, tolerated
	OK           // +OK, tolerated
	Err          // -ERR: the client complains and is closed
)

// Command is one parsed command. Its spans refer to the buffer given to Next.
type Command struct {
	Verb Verb
	// Msg is the message of a Pub.
	Msg msg.Message
	// Args are the arguments of other verbs that have any: the bytes between the verb and the
	// line end, without blanks at either end.
	Args msg.Span
	// Need is, when no command was found, how many bytes from its start the command will take
	// as far as that is known, else 0.
	Need int
}

// Parser finds the commands of one client in a byte stream. Its fields may be changed between
// two calls by the goroutine that calls it.
type Parser struct {
	// MaxLine bounds the argument part of a control line, in bytes.
	MaxLine int
	// MaxConnect bounds that of CONNECT; 0 for MaxLine.
	MaxConnect int
	// MaxPayload bounds header and payload together, in bytes; negative for no bound.
	MaxPayload int
	// Headers says that HPUB was agreed upon.
	Headers bool

	// The command line of the last Pub of this buffer. A publisher mostly repeats itself, and
	// an equal line needs no second parse.
	lineAt, lineLen int
	last            msg.Message

	// ignoring is the verb of a line whose end has not come yet and whose text means nothing. Such
	// a line may be as long as it likes, and nothing of it is kept.
	ignoring Verb
}

// Begin forgets what the parser remembers of the former buffer. It must be called whenever the
// buffer was changed or moved.
func (p *Parser) Begin() { p.lineLen = 0 }

// Next parses the command that starts at pos and returns the offset behind it. When the buffer
// holds only a part of a command, Verb is None, and what is from the returned offset on must be
// given again, with more. An error of type *Error ends the connection.
func (p *Parser) Next(buf []byte, pos int, c *Command) (int, error) {
	if n := p.lineLen; n > 0 && len(buf)-pos >= n && bytes.Equal(buf[pos:pos+n], buf[p.lineAt:p.lineAt+n]) {
		shift := uint32(pos - p.lineAt)
		c.Msg = p.last
		c.Msg.Subject.At += shift
		c.Msg.Reply.At += shift
		c.Msg.Data.At += shift
		c.Msg.Same = true
		return p.payload(buf, pos, c)
	}
	c.Verb, c.Need = None, 0
	rest := buf[pos:]
	eol := bytes.IndexByte(rest, '\n')
	verb, skip := p.ignoring, 0
	if verb == None {
		var err error
		if verb, skip, err = verbOf(rest, eol >= 0); err != nil || verb == None {
			return pos, err
		}
	}
	if verb == Ping || verb == Pong || verb == OK {
		return p.ignore(verb, pos, eol, len(buf), c)
	}
	most := p.MaxLine
	if verb == Connect && p.MaxConnect > 0 {
		most = p.MaxConnect
	}
	if eol < 0 {
		// One more, as it may be the CR. Blanks in front do not count, but are kept, too.
		if len(rest)-skip > 2*most+1 || len(bytes.TrimLeft(rest[skip:], " \t")) > most+1 {
			return pos, errControlLine
		}
		return pos, nil
	}
	from, to := trim(rest, skip, eol)
	if to-from > most {
		return pos, errControlLine
	}
	if verb == Pub {
		return p.pub(buf, pos, pos+from, pos+to, pos+eol+1, c)
	}
	c.Verb = verb
	c.Args = msg.Span{At: uint32(pos + from), Len: uint32(to - from)}
	return pos + eol + 1, nil
}

// ignore skips the text behind verb, up to the line end that is eol bytes behind pos or, if that
// is negative, up to the end of what there is.
func (p *Parser) ignore(verb Verb, pos, eol, end int, c *Command) (int, error) {
	if eol < 0 {
		p.ignoring = verb
		return end, nil
	}
	p.ignoring = None
	c.Verb, c.Args = verb, msg.Span{}
	return pos + eol + 1, nil
}

// pub parses the arguments buf[from:to] of PUB or HPUB; its line starts at pos and ends at end.
func (p *Parser) pub(buf []byte, pos, from, to, end int, c *Command) (int, error) {
	headers := buf[pos]|0x20 == 'h'
	var args [4]msg.Span
	n := split(buf, from, to, args[:])
	c.Msg = msg.Message{}
	numbers := 1
	if headers {
		if !p.Headers {
			return pos, ErrArguments
		}
		numbers = 2
	}
	switch n - numbers {
	case 2:
		c.Msg.Reply = args[1]
	case 1:
	default:
		return pos, ErrArguments
	}
	c.Msg.Subject = args[0]
	size := Number(args[n-1].Of(buf))
	if size < 0 {
		return pos, ErrArguments
	}
	if headers {
		h := Number(args[n-2].Of(buf))
		if h < 0 || h > size {
			return pos, ErrArguments
		}
		c.Msg.Header = uint32(h)
	}
	if p.MaxPayload >= 0 && size > p.MaxPayload {
		return pos, &Error{Text: textMaxPayload, Reason: errPayload.Reason, Log: payloadLog(size, p.MaxPayload)}
	}
	c.Msg.Data = msg.Span{At: uint32(end), Len: uint32(size)}
	p.last, p.lineAt, p.lineLen = c.Msg, pos, end-pos
	return p.payload(buf, pos, c)
}

// payload checks that the payload of c.Msg is there as announced.
func (p *Parser) payload(buf []byte, pos int, c *Command) (int, error) {
	end := int(c.Msg.Data.End())
	if len(buf) < end+2 {
		if len(buf) > end && buf[end] != '\r' {
			return pos, ErrUnknown
		}
		c.Verb, c.Need = None, end+2-pos
		return pos, nil
	}
	if buf[end] != '\r' || buf[end+1] != '\n' {
		return pos, ErrUnknown
	}
	c.Verb = Pub
	return end + 2, nil
}

// verbOf recognises the verb at the start of rest and returns the offset behind it. It answers
// None without an error when more bytes may still make a verb.
func verbOf(rest []byte, whole bool) (Verb, int, error) {
	if len(rest) == 0 {
		return None, 0, nil
	}
	for i := range grammar {
		g := &grammar[i]
		n := min(len(rest), len(g.word))
		if !equalFold(rest[:n], g.word[:n]) {
			continue
		}
		if n < len(g.word) {
			if whole {
				break
			}
			return None, 0, nil
		}
		if g.blank {
			if n == len(rest) {
				return None, 0, nil
			}
			if rest[n] != ' ' && rest[n] != '\t' {
				break
			}
		}
		return g.verb, n, nil
	}
	return None, 0, ErrUnknown
}

// grammar lists the verbs in lower case, the frequent ones first. No verb is the beginning of
// another, so the first match decides.
var grammar = [...]struct {
	word  string
	verb  Verb
	blank bool // at least one blank must follow
}{
	{"pub", Pub, true},
	{"hpub", Pub, true},
	{"sub", Sub, true},
	{"unsub", Unsub, true},
	{"ping", Ping, false},
	{"pong", Pong, false},
	{"connect", Connect, false},
	{"info", Info, false},
	{"+ok", OK, false},
	{"-err", Err, true},
}

// equalFold compares a with lower-case letters in word.
func equalFold(a []byte, word string) bool {
	for i, c := range a {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// trim returns the bounds of the arguments in line[from:to]: without blanks at either end and
// without the one CR that may stand before the line end.
func trim(line []byte, from, to int) (int, int) {
	for from < to && (line[from] == ' ' || line[from] == '\t') {
		from++
	}
	if to > from && line[to-1] == '\r' {
		to--
	}
	for to > from && (line[to-1] == ' ' || line[to-1] == '\t') {
		to--
	}
	return from, to
}

// split cuts buf[from:to] at blanks into at most len(out) arguments and returns how many there
// are; len(out)+1 when there are more, or one holds a CR.
func split(buf []byte, from, to int, out []msg.Span) int {
	n := 0
	for i := from; i < to; {
		if c := buf[i]; c == ' ' || c == '\t' {
			i++
			continue
		}
		start := i
		for i < to && buf[i] != ' ' && buf[i] != '\t' {
			if buf[i] == '\r' { // it would break the lines of those who get the message
				return len(out) + 1
			}
			i++
		}
		if n == len(out) {
			return n + 1
		}
		out[n] = msg.Span{At: uint32(start), Len: uint32(i - start)}
		n++
	}
	return n
}

// Number parses decimal digits, at most nine of them; -1 for anything else.
func Number(b []byte) int {
	if len(b) == 0 || len(b) > 9 {
		return -1
	}
	n := 0
	for _, c := range b {
		if c -= '0'; c > 9 {
			return -1
		}
		n = n*10 + int(c)
	}
	return n
}

// Fields cuts the arguments of a SUB or UNSUB at blanks. It returns how many there are, or
// len(out)+1 when there are more than fit.
func Fields(buf []byte, args msg.Span, out []msg.Span) int {
	return split(buf, int(args.At), int(args.End()), out)
}
