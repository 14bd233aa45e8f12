package conf

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// done says whether the text is used up.
func (p *parser) done() bool { return p.pos >= len(p.text) }

// peek returns the next byte, 0 at the end; load refuses texts that hold one.
func (p *parser) peek() byte { return p.ahead(0) }

// ahead returns the byte n places further, 0 behind the end.
func (p *parser) ahead(n int) byte {
	if p.pos+n >= len(p.text) {
		return 0
	}
	return p.text[p.pos+n]
}

// rest is the text that is not yet read.
func (p *parser) rest() string { return p.text[p.pos:] }

// got returns the next character for an error text.
func (p *parser) got() string {
	if p.done() {
		return "EOF"
	}
	_, n := utf8.DecodeRuneInString(p.rest())
	return p.rest()[:n]
}

// at returns the place of an offset. Successive calls should go forward: the lines are counted
// from where the call before stopped.
func (p *parser) at(offset int) Position {
	if offset < p.counted {
		p.counted, p.lines, p.feed = 0, 0, 0
	}
	part := p.text[p.counted:offset]
	if last := strings.LastIndexByte(part, '\n'); last >= 0 {
		p.lines += strings.Count(part, "\n")
		p.feed = p.counted + last
	}
	p.counted = offset
	return Position{File: p.file, Line: p.lines + 1, Column: offset - p.feed}
}

// space returns how many bytes the white space at the current place has, 0 if none is there.
func (p *parser) space() int {
	r, n := rune(p.peek()), 1
	if r >= utf8.RuneSelf {
		r, n = utf8.DecodeRuneInString(p.rest())
	}
	if p.done() || !unicode.IsSpace(r) {
		return 0
	}
	return n
}

// spaces passes white space, new lines included.
func (p *parser) spaces() {
	for n := p.space(); n > 0; n = p.space() {
		p.pos += n
	}
}

// blanks passes white space up to the end of the line.
func (p *parser) blanks() {
	for n := p.space(); n > 0 && !p.newline(); n = p.space() {
		p.pos += n
	}
}

func (p *parser) newline() bool { return p.peek() == '\n' || p.peek() == '\r' }

func (p *parser) comment() bool {
	return p.peek() == '#' || p.peek() == '/' && p.ahead(1) == '/'
}

// skip passes white space, new lines and comments.
func (p *parser) skip() {
	for p.spaces(); p.comment(); p.spaces() {
		if end := strings.IndexByte(p.rest(), '\n'); end >= 0 {
			p.pos += end
		} else {
			p.pos = len(p.text)
		}
	}
}

// end passes what separates an item from the next one: one of the given characters, or what may
// stand before a new line. It leaves closer, which ends the whole. The texts are what upstream's
// users know; format gets the character that was met.
func (p *parser) end(separators string, closer byte, format string) error {
	glued := p.space() == 0 && p.pos > 0 && strings.IndexByte("]})", p.text[p.pos-1]) < 0
	p.blanks()
	switch c := p.peek(); {
	case p.done(), p.newline(), p.comment(), c == closer:
		return nil
	case strings.IndexByte(separators, c) >= 0:
		p.pos++
		return nil
	}
	err := p.fail(p.pos, format, p.got())
	if glued && strings.IndexByte("[{]});,", p.peek()) < 0 {
		err.Text += "; text like this needs quotes"
	}
	return err
}
