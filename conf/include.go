package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// include reads a path, from behind the word include at the given offset, and puts the pairs of
// that file into m.
func (p *parser) include(m *scope, word int) error {
	path, err := p.path()
	if err != nil {
		return err
	}
	block, err := p.included(path)
	if err != nil {
		return &Error{At: p.at(word), Err: err, Text: fmt.Sprintf("error parsing include file '%s', %v", clip(path), err)}
	}
	for _, pair := range block.Pairs {
		m.put(pair)
	}
	return nil
}

// path reads the path of an include, in which nothing is escaped.
func (p *parser) path() (string, error) {
	found := ""
	switch c := p.peek(); {
	case c == '"' || c == '\'':
		return p.raw(c)
	case p.newline():
		found = "new line"
	case c == '-' || digit(c):
		found = "start of a number"
	case c == '[':
		found = "start of an array"
	case c == '{':
		found = "start of a map"
	case c == '(':
		found = "start of a block"
	case c == '\\':
		found = "escape sequence"
	}
	if found != "" {
		return "", p.fail(p.pos, "Expected include value but found %s", found)
	}
	rest := p.rest()
	if end := strings.IndexAny(rest, "\n\r \t;}"); end >= 0 {
		rest = rest[:end]
	}
	p.pos += len(rest)
	return rest, nil
}

// included reads the file of an include. It sees no keys of this one.
func (p *parser) included(path string) (*Block, error) {
	if path == "" {
		return nil, errors.New("its name is empty")
	}
	if p.includes++; p.includes > maxIncludes {
		return nil, fmt.Errorf("more than %d includes", maxIncludes)
	}
	inner, err := p.open(p.locate(path))
	if err != nil {
		return nil, err
	}
	inner.depth = p.depth
	block, err := inner.document()
	p.files = p.files[:len(p.files)-1]
	return block, err
}

// locate says which file an include means. Upstream takes absolute paths for relative ones, so
// they mean that if there is no other file.
func (p *parser) locate(path string) string {
	joined := filepath.Join(p.dir, path)
	if !filepath.IsAbs(path) {
		return joined
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(joined); err == nil {
			return joined
		}
	}
	return path
}

// open reads a file, and returns a parser for it. The file counts as being read until it is taken
// off l.files.
func (l *load) open(path string) (*parser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	for _, outer := range l.files {
		if os.SameFile(outer, info) {
			return nil, errors.New("it includes itself")
		}
	}
	if len(l.files) == maxNested {
		return nil, fmt.Errorf("more than %d files include each other", maxNested)
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(maxInput-l.input)+1))
	if err != nil {
		return nil, err
	}
	if err := l.take(len(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p := &parser{load: l, file: path, dir: filepath.Dir(path)}
	if err := p.use(string(text)); err != nil {
		return nil, err
	}
	l.files = append(l.files, info)
	return p, nil
}
