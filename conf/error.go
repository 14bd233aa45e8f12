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
}

// Error returns FILE:LINE:COLUMN: and the text; without a file LINE:COLUMN: and the text.
func (e *Error) Error() string { return e.At.String() + ": " + e.Text }

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

// clip shortens what is quoted in an error text.
func clip(s string) string {
	const most = 128
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
