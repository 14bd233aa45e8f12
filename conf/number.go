package conf

import (
	"math"
	"strconv"
	"strings"
	"time"
)

func digit(c byte) bool { return c >= '0' && c <= '9' }

// digits passes decimal digits.
func (p *parser) digits() {
	for digit(p.peek()) {
		p.pos++
	}
}

// number reads into v what starts like a number: an integer, a float, a date or, if it goes on
// otherwise, a string. It stops where none of these can go on, and leaves it to who looks for the
// end of the value to find that there is none.
func (p *parser) number(v *Value) error {
	start := p.pos
	negative := p.peek() == '-'
	if negative {
		p.pos++
	}
	if !digit(p.peek()) {
		if p.peek() == '.' {
			return p.fail(p.pos, "Floats must start with a digit")
		}
		return p.fail(p.pos, "Expected a digit but got '%s'.", p.got())
	}
	p.digits()
	digits := p.text[start:p.pos]
	if p.peek() == '.' {
		return p.fraction(v, start)
	}
	if p.peek() == '-' && !negative {
		return p.date(v, start)
	}
	end := p.pos
	unit := p.unit()
	switch {
	case p.numberEnds() && unit > 0:
		return p.integer(v, start, digits, unit)
	case p.numberEnds() && unit < 0:
		return p.fail(start, "Unknown unit of integer '%s'", clip(p.text[start:p.pos]))
	case unit > 1 && digit(p.peek()): // 1m30s
		return nil
	case negative: // strings that start like this must have quotes
		p.pos = end
		return nil
	}
	p.pos = start
	var err error
	v.Text, _, err = p.bare()
	return err
}

// numberEnds says whether what comes next ends a number.
func (p *parser) numberEnds() bool {
	return p.done() || strings.IndexByte("\n\r \t,;}]", p.peek()) >= 0
}

// unit passes the letters behind an integer and returns what they stand for: 1 if there are none,
// 0 for a word, -1 for what only resembles a unit.
func (p *parser) unit() int64 {
	start := p.pos
	for c := p.peek() | 0x20; c >= 'a' && c <= 'z'; c = p.peek() | 0x20 {
		p.pos++
	}
	letters := strings.ToLower(p.text[start:p.pos])
	if letters == "" {
		return 1
	}
	power := strings.IndexByte("kmgtpe", letters[0])
	if power < 0 {
		return 0
	}
	base := int64(1024)
	switch letters[1:] {
	case "":
		base = 1000
	case "b", "i", "ib":
	case "bi", "bib":
		return -1
	default:
		return 0
	}
	scale := base
	for range power {
		scale *= base
	}
	return scale
}

// integer sets v to digits times unit.
func (p *parser) integer(v *Value, start int, digits string, unit int64) error {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64/unit || n < math.MinInt64/unit {
		return p.failPlain(start, "integer '%s' is out of the range", clipTo(20, p.text[start:p.pos]))
	}
	v.Kind, v.Int = Integer, n*unit
	return nil
}

// fraction reads the rest of what started at the given offset, from its point: a float, or, with
// a second point, a string like 127.0.0.1:4222.
func (p *parser) fraction(v *Value, start int) error {
	p.pos++
	if !digit(p.peek()) {
		return p.fail(p.pos, "Floats must have a digit after the '.', but got '%s' instead.", p.got())
	}
	p.digits()
	if p.peek() == '.' {
		for c := p.peek(); digit(c) || c == '.' || c == ':' || c == '-'; c = p.peek() {
			p.pos++
		}
		v.Text = p.text[start:p.pos]
		return nil
	}
	text := p.text[start:p.pos]
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return p.failPlain(start, "float '%s' is out of the range", clip(text))
	}
	v.Kind, v.Float = Float, f
	return nil
}

// date reads the rest of what started at the given offset, from its first hyphen.
func (p *parser) date(v *Value, start int) error {
	const layout = "2006-01-02T15:04:05Z"
	if p.pos-start != len("2006") {
		return p.fail(start, "All ISO8601 dates must be in full Zulu form.")
	}
	for ; p.pos-start < len(layout); p.pos++ {
		want, got := layout[p.pos-start], p.peek()
		if digit(want) && !digit(got) {
			return p.fail(p.pos, "Expected digit in ISO8601 datetime, but found '%s' instead.", p.got())
		}
		if !digit(want) && want != got {
			return p.fail(p.pos, "Expected '%c' in ISO8601 datetime, but found '%s' instead.", want, p.got())
		}
	}
	text := p.text[start:p.pos]
	t, err := time.Parse(layout, text)
	if err != nil {
		return p.failPlain(start, "expected Zulu formatted DateTime, but got '%s'", text)
	}
	v.Kind, v.Time = Time, t
	return nil
}
