package conf

import (
	"encoding/hex"
	"strings"
)

// raw reads a text between two of the given quote, in which nothing has a meaning.
func (p *parser) raw(quote byte) (string, error) {
	inside := p.rest()[1:]
	end := strings.IndexByte(inside, quote)
	if end < 0 {
		return "", p.fail(p.pos, "Unexpected EOF.")
	}
	p.pos += end + 2
	return inside[:end], nil
}

// quoted reads a text between double quotes.
func (p *parser) quoted() (string, error) {
	start := p.pos
	var b strings.Builder
	for p.pos++; !p.done(); {
		switch c := p.peek(); c {
		case '"':
			p.pos++
			return b.String(), nil
		case '\\':
			c, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	return "", p.fail(start, "Unexpected EOF.")
}

// escape reads a backslash and what it gives a meaning to.
func (p *parser) escape() (byte, error) {
	start := p.pos
	p.pos += 2
	switch c := p.text[start:min(p.pos, len(p.text))]; c {
	case `\t`:
		return '\t', nil
	case `\n`:
		return '\n', nil
	case `\r`:
		return '\r', nil
	case `\"`, `\\`:
		return c[1], nil
	case `\x`:
		digits := p.text[p.pos:min(p.pos+2, len(p.text))]
		b, err := hex.DecodeString(digits)
		if err != nil || len(b) != 1 {
			if digits == "" {
				digits = p.got()
			}
			return 0, p.fail(start, `Expected two hexadecimal digits after '\x', but got '%s'`, strings.ToValidUTF8(digits, "?"))
		}
		p.pos += 2
		return b[0], nil
	}
	p.pos = min(start+1, len(p.text))
	return 0, p.fail(start, `Invalid escape character '%s'. Only the following escape characters are allowed: \xXX, \t, \n, \r, \", \\.`, p.got())
}

// paragraph reads a text in parentheses. Only one that is alone on its line closes it.
func (p *parser) paragraph() (string, error) {
	inside := p.rest()[1:]
	for from := 0; ; {
		i := strings.Index(inside[from:], "\n)")
		if i < 0 {
			return "", p.fail(p.pos, "Unexpected EOF processing block.")
		}
		from += i + len("\n)")
		after := strings.TrimPrefix(inside[from:], "\r")
		if after == "" || after[0] == '\n' {
			p.pos += 1 + from
			return inside[:from-1], nil
		}
	}
}

// word reads a text without quotes into v: a boolean, a variable or a string.
func (p *parser) word(v *Value) error {
	start := p.pos
	text, escaped, err := p.bare()
	if err != nil {
		return err
	}
	if escaped {
		v.Text = text
		return nil
	}
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		v.Kind, v.Bool = Boolean, true
	case "false", "no", "off":
		v.Kind = Boolean
	default:
		if name, ok := strings.CutPrefix(text, "$"); ok {
			return p.variable(v, name, start)
		}
		v.Text = text
	}
	return nil
}

// bare reads a text without quotes, and says whether something was escaped in it. A single quote
// ends it and is no part of it.
func (p *parser) bare() (text string, escaped bool, err error) {
	var b strings.Builder
	for !p.done() {
		c := p.peek()
		switch c {
		case '\\':
			escaped = true
			if c, err = p.escape(); err != nil {
				return "", false, err
			}
			b.WriteByte(c)
			continue
		case '\'':
			p.pos++
			return b.String(), escaped, nil
		case '\n', '\r', ' ', '\t', ';', ',', ']', '}':
			return b.String(), escaped, nil
		}
		b.WriteByte(c)
		p.pos++
	}
	return b.String(), escaped, nil
}
