package conf

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a configuration, and where. Errors of the language itself come
// one at a time.
type Error struct {
	At   Position
	Text string
	Err  error // what caused it, nil if nothing did

	placed bool // Text says where
}

// Error returns FILE:LINE:COLUMN: and the text; without a file LINE:COLUMN: and the text. Where
// tools know the text with the place inside, it is only that.
func (e *Error) Error() string {
	if e.placed {
		return e.Text
	}
	return e.At.String() + ": " + e.Text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// fail makes an error about the given place of the text. Tools know its wording.
func (p *parser) fail(offset int, format string, args ...any) *Error {
	at := p.at(offset)
	return &Error{At: at, Text: fmt.Sprintf("Parse error on line %d: '%s'", at.Line, fmt.Sprintf(format, args...))}
}

// failPlain makes an error about the given place without saying that the text did not parse.
func (p *parser) failPlain(offset int, format string, args ...any) *Error {
	return &Error{At: p.at(offset), Text: fmt.Sprintf(format, args...)}
}

// failKey makes an error about a key without a value.
func (p *parser) failKey(offset int) *Error {
	at := p.at(offset)
	return &Error{At: at, Text: fmt.Sprintf("config is invalid (%s): the key has no value", at), placed: true}
}

// clip shortens what is quoted in an error text.
func clip(s string) string { return clipTo(128, s) }

func clipTo(most int, s string) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
