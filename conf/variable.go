package conf

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// variable sets v to what a variable stands for. The reference is at the given offset; At of v
// stays as it is.
func (p *parser) variable(v *Value, name string, offset int) error {
	if bcrypt(name) {
		v.Text = "$" + name
		return nil
	}
	source, err := p.lookup(name, offset)
	if err != nil {
		return err
	}
	if err := p.unfold(source, p.depth); err != nil {
		return p.failPlain(offset, "%v", err)
	}
	at := v.At
	*v = *source
	v.At = at
	return nil
}

// bcrypt says whether what looks like a variable is the hash of a password.
func bcrypt(name string) bool {
	return len(name) >= 3 && name[0] == '2' && strings.IndexByte("abxy", name[1]) >= 0 && name[2] == '$'
}

// lookup finds the value of a variable: in the maps around the reference, as far as they are
// read, the innermost first, then in the environment.
func (p *parser) lookup(name string, offset int) (*Value, error) {
	for _, m := range slices.Backward(p.maps) {
		if pair := m.get(name); pair != nil {
			pair.Used = true
			return pair.Value, nil
		}
	}
	line := p.at(offset).Line
	text, ok := os.LookupEnv(name)
	if !ok {
		return nil, p.failPlain(offset, "variable reference for '%s' on line %d can not be found", clip(name), line)
	}
	v, err := p.environment(name, text, offset)
	if err != nil {
		return nil, &Error{At: p.at(offset), Err: err,
			Text: fmt.Sprintf("variable reference for '%s' on line %d could not be parsed: %s", clip(name), line, err)}
	}
	return v, nil
}

// environment parses the text of an environment variable, which holds any value. It sees no
// keys of the file.
func (p *parser) environment(name, text string, offset int) (*Value, error) {
	if slices.Contains(p.env, name) {
		return nil, p.failPlain(offset, "variable reference cycle for '%s'", clip(name))
	}
	p.env = append(p.env, name)
	defer func() { p.env = p.env[:len(p.env)-1] }()
	if len(p.env) > maxNested {
		return nil, p.failPlain(offset, "more than %d environment variables refer to each other", maxNested)
	}
	if err := p.take(len(text)); err != nil {
		return nil, err
	}
	inner := &parser{load: p.load, file: "$" + name, dir: p.dir, depth: p.depth}
	if err := inner.use(text); err != nil {
		return nil, err
	}
	return inner.only()
}

// only reads a text that is one value.
func (p *parser) only() (*Value, error) {
	const format = "Expected a top-level value to end with a new line, comment or EOF, but got '%s' instead."
	p.spaces()
	v, err := p.value(p.at(p.pos))
	if err != nil {
		return nil, err
	}
	if err := p.end(",;", 0, format); err != nil {
		return nil, err
	}
	if p.skip(); !p.done() {
		return nil, p.fail(p.pos, format, p.got())
	}
	return v, nil
}
