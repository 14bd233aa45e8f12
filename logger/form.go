package logger

import (
	"fmt"
	"os"
	"strconv"
	"time"
	"unicode/utf8"
)

// form is how a line looks. It is called with the logger's lock held.
type form interface {
	// appendLine appends the line of the text, with its line break, to b.
	appendLine(b []byte, lv level, text string) []byte
}

// newForm returns the form that the options ask for; charDevice tells whether lines go to one.
func newForm(o Options, charDevice bool) form {
	c := clock{on: o.Time, utc: o.UTC}
	pid := ""
	if o.PID {
		pid = strconv.Itoa(os.Getpid())
	}
	if o.JSON {
		return jsonForm{clock: c, pid: pid}
	}
	if pid != "" {
		pid = "[" + pid + "] "
	}
	return textForm{clock: c, pid: pid, colors: o.Colors && charDevice}
}

// clock writes the times of lines.
type clock struct{ on, utc bool }

// append appends the time of now if times are on.
func (c clock) append(b []byte, layout string) []byte {
	if !c.on {
		return b
	}
	now := time.Now()
	if c.utc {
		now = now.UTC()
	}
	return now.AppendFormat(b, layout)
}

// textForm is the form of people.
type textForm struct {
	clock
	pid    string // with brackets and a blank, or empty
	colors bool
}

func (f textForm) appendLine(b []byte, lv level, text string) []byte {
	b = append(b, f.pid...)
	b = f.append(b, "2006/01/02 15:04:05.000000 ")
	letters, color := lv.label()
	b = append(b, '[')
	if f.colors {
		b = append(b, "\x1b["+color+"m"+letters+"\x1b[0m"...)
	} else {
		b = append(b, letters...)
	}
	b = append(b, "] "...)
	b = appendEscaped(b, text)
	return append(b, '\n')
}

// label returns the three letters of a level and their colour, as parameters of the terminal
// sequence "select graphic rendition".
func (l level) label() (letters, color string) {
	switch l {
	case notice:
		return "INF", "32"
	case warning:
		return "WRN", "0;93"
	case failure:
		return "ERR", "31"
	case fatal:
		return "FTL", "31"
	case debug:
		return "DBG", "36"
	default:
		return "TRC", "33"
	}
}

// isControl reports whether r is a control character: C0, DEL or C1.
func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }

// appendEscaped appends text with its control characters, and bytes that are not UTF-8, in Go's
// notation. Much of what is logged was sent by clients: a line break would let them forge lines, an
// escape sequence rule the operator's terminal. Tabs are harmless and stay.
func appendEscaped(b []byte, text string) []byte {
	done := 0
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		invalid := r == utf8.RuneError && size == 1
		if !invalid && (!isControl(r) || r == '\t') {
			i += size
			continue
		}
		b = append(b, text[done:i]...)
		switch {
		case invalid:
			b = fmt.Appendf(b, `\x%02x`, text[i])
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		default:
			b = fmt.Appendf(b, `\x%02x`, r)
		}
		i += size
		done = i
	}
	return append(b, text[done:]...)
}

// jsonForm is the form of programs.
type jsonForm struct {
	clock
	pid string // decimal, or empty
}

func (f jsonForm) appendLine(b []byte, lv level, text string) []byte {
	b = append(b, '{')
	b = f.append(b, `"time":"2006-01-02T15:04:05.000000Z07:00",`)
	b = append(b, `"level":"`...)
	b = append(b, lv.name()...)
	if f.pid != "" {
		b = append(b, `","pid":`...)
		b = append(b, f.pid...)
		b = append(b, `,"msg":"`...)
	} else {
		b = append(b, `","msg":"`...)
	}
	b = appendJSON(b, text)
	return append(b, "\"}\n"...)
}

// name returns the level as programs that gather JSON lines know it.
func (l level) name() string {
	switch l {
	case notice:
		return "info"
	case warning:
		return "warn"
	case failure:
		return "error"
	case fatal:
		return "fatal"
	case debug:
		return "debug"
	default:
		return "trace"
	}
}

// appendJSON appends the inside of a JSON string (RFC 8259, section 7) for text. Each byte that is
// not UTF-8 becomes U+FFFD. Besides what has to be escaped, DEL, C1 and the two separators of
// Unicode are: terminals obey the former, some readers of lines end one at the latter.
func appendJSON(b []byte, text string) []byte {
	done := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		invalid := r == utf8.RuneError && size == 1
		if !invalid && !isControl(r) && r != '"' && r != '\\' && r != '\u2028' && r != '\u2029' {
			i += size
			continue
		}
		b = append(b, text[done:i]...)
		switch r {
		case '"', '\\':
			b = append(b, '\\', byte(r))
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		i += size
		done = i
	}
	return append(b, text[done:]...)
}
