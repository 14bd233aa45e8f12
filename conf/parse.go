package conf

import "strings"

// ParseFile reads the configuration in the file of the given path, and what it includes.
// Variables are looked up in the process environment. A file without pairs gives a Document with
// an empty Root. The error is an *Error where the place is known; if path cannot be read, it is
// what package os says.
func ParseFile(path string) (*Document, error) {
	l := &load{}
	p, err := l.open(path)
	if err != nil {
		return nil, err
	}
	return p.parse()
}

// Parse is ParseFile for a text. Includes are relative to the working directory.
func Parse(text string) (*Document, error) {
	l := &load{}
	if err := l.take(len(text)); err != nil {
		return nil, err
	}
	p := &parser{load: l, dir: "."}
	if err := p.use(text); err != nil {
		return nil, err
	}
	return p.parse()
}

// parse reads the text of the outermost parser.
func (p *parser) parse() (*Document, error) {
	root, err := p.document()
	if err != nil {
		return nil, err
	}
	return &Document{File: p.file, Root: root, Digest: digest(root)}, nil
}

// parser reads one text by recursive descent: a method for each form, which finds the text at
// pos where its form starts, and leaves it behind it.
type parser struct {
	*load
	file string // for positions
	dir  string // where includes are looked for
	text string
	pos  int

	depth int      // maps and arrays around pos
	maps  []*scope // the maps among them, outermost first

	// where at has counted to, how many line feeds there are before, and where the last one is
	counted, lines, feed int
}

// use sets the text to be read.
func (p *parser) use(text string) error {
	p.text = strings.TrimPrefix(text, "\ufeff")
	if i := strings.IndexByte(p.text, 0); i >= 0 {
		// Upstream takes it for the end, and would ignore the rest.
		return p.fail(i, "Unexpected EOF. The text has a NUL character")
	}
	return nil
}

// document reads a whole file. It may stand in braces, several parts of it even in several, and
// they need not match: upstream has never minded.
func (p *parser) document() (*Block, error) {
	top := p.enter()
	braces := 0
	for {
		p.skip()
		switch {
		case p.done():
			return p.leave(), nil
		case p.peek() == '{':
			p.pos++
			braces++
			continue
		case p.peek() == '}':
			brace := p.pos
			p.pos++
			p.skip()
			if braces--; braces < 0 && !p.done() {
				return nil, p.fail(brace, "Unexpected map end '}'.")
			}
			continue
		}
		if err := p.pair(top, true); err != nil {
			return nil, err
		}
		err := p.end(",;", '}', "Expected a top-level value to end with a new line, comment or EOF, but got '%s' instead.")
		if err != nil {
			return nil, err
		}
		if p.peek() == '}' { // it ends a value even if no brace is open
			p.pos++
			braces = max(0, braces-1)
		}
	}
}

// block reads a map, from brace to brace.
func (p *parser) block() (*Block, error) {
	start := p.pos
	if err := p.deeper(); err != nil {
		return nil, err
	}
	m := p.enter()
	for {
		p.skip()
		if p.done() {
			return nil, p.fail(start, "Unexpected EOF processing map.")
		}
		if p.peek() == '}' {
			p.pos++
			p.depth--
			return p.leave(), nil
		}
		if err := p.pair(m, false); err != nil {
			return nil, err
		}
		err := p.end(",;", '}', `Expected a map value terminator "," or a map terminator "}", but got '%s' instead.`)
		if err != nil {
			return nil, err
		}
	}
}

// array reads an array, from bracket to bracket.
func (p *parser) array() ([]*Value, error) {
	start := p.pos
	if err := p.deeper(); err != nil {
		return nil, err
	}
	items := []*Value{}
	for {
		p.skip()
		switch {
		case p.done():
			return nil, p.fail(start, "Unexpected EOF processing array.")
		case p.peek() == ']':
			p.pos++
			p.depth--
			return items, nil
		case p.peek() == ',':
			return nil, p.fail(p.pos, "Unexpected array value terminator ','.")
		}
		place := p.pos
		if c := p.peek(); c == '"' || c == '\'' {
			place++ // as with keys
		}
		v, err := p.value(p.at(place))
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		err = p.end(",", ']', `Expected an array value terminator "," or an array terminator "]", but got '%s' instead.`)
		if err != nil {
			return nil, err
		}
	}
}

// deeper passes the character that opens a map or an array.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return p.failPlain(p.pos, "%v", tooDeep())
	}
	p.pos++
	return nil
}

// pair reads a key and its value into m, or an include. What is around it says how new lines
// count: top is for pairs outside of any map.
func (p *parser) pair(m *scope, top bool) error {
	start := p.pos
	key, quoted, err := p.key(top)
	if err != nil {
		return err
	}
	place := start
	if quoted {
		place++
	}
	at := p.at(place)
	if !quoted && strings.EqualFold(key, "include") && p.space() > 0 {
		p.blanks()
		if c := p.peek(); c != '=' && c != ':' {
			return p.include(m, place)
		}
	}
	if err := p.separator(place, top); err != nil {
		return err
	}
	switch c := p.peek(); {
	case !top && c == ',':
		return p.fail(p.pos, `Unexpected map value terminator ",".`)
	case !top && c == '}': // upstream would move the key out of its map
		return p.failKey(place)
	}
	v, err := p.value(at)
	if err != nil {
		return err
	}
	m.put(&Pair{Key: key, At: at, Value: v})
	return nil
}

// key reads a key, and says whether it stood in quotes.
func (p *parser) key(top bool) (key string, quoted bool, err error) {
	start := p.pos
	switch c := p.peek(); {
	case c == '"' || c == '\'':
		key, err = p.raw(c)
		return key, true, err
	case c == '=' || c == ':':
		return "", false, p.fail(start, "Unexpected key separator '%c'.", c)
	case c == ',' || c == ';':
		return "", false, p.failPlain(start, `unknown field "%c": a key cannot start with a separator`, c)
	case c == ']' && !top:
		return "", false, p.fail(start, "Unexpected array end ']' processing map.")
	case c == '/' && top:
		return "", false, p.fail(start, "Unexpected EOF. Comments start with # or //, and this is none")
	}
	for !p.done() && p.space() == 0 && p.peek() != '=' && p.peek() != ':' {
		p.pos++
	}
	return p.text[start:p.pos], false, nil
}

// separator passes what stands between the key at the given offset and its value.
func (p *parser) separator(key int, top bool) error {
	p.spaces()
	separated := p.peek() == '=' || p.peek() == ':'
	if separated {
		p.pos++
		if p.blanks(); top && p.newline() {
			return p.fail(p.pos, "Expected value but found new line")
		}
		p.spaces()
	}
	switch {
	case !p.done(), separated && top:
		return nil
	case top:
		return p.failKey(key)
	}
	return p.fail(key, "Unexpected EOF processing map.")
}

// value reads a value of any kind, which will be known to stand at the given place.
func (p *parser) value(at Position) (*Value, error) {
	if p.values++; p.values > maxValues {
		return nil, p.failPlain(p.pos, "configuration has more than %d values", maxValues)
	}
	v := &Value{At: at}
	var err error
	switch c := p.peek(); {
	case c == '[':
		v.Kind = Array
		v.Items, err = p.array()
	case c == '{':
		v.Kind = Map
		v.Map, err = p.block()
	case c == '"':
		v.Text, err = p.quoted()
	case c == '\'':
		v.Text, err = p.raw(c)
	case c == '(':
		v.Text, err = p.paragraph()
	case c == '-' || digit(c):
		err = p.number(v)
	case c == '.':
		err = p.fail(p.pos, "Floats must start with a digit")
	default:
		err = p.word(v)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}
