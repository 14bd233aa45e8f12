package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// pattern is what a story expects: exact bytes, or an expression with holes.
type pattern struct {
	exact  []byte
	expr   *regexp.Regexp
	ends   int     // line ends that expr may need at most
	fields []field // asked of the JSON object that the expression's group holds
}

// field is one demand on a JSON object: a value in JSON, or that the key is there or not.
type field struct {
	key  string
	want string
}

var (
	repeatHole = regexp.MustCompile(`\{([^{}"*|]+)\*(\d+)\}`)
	matchHole  = regexp.MustCompile(`\{any\}|\{digits\}|\{json(?: [^{}]*)?\}|\{[^{}"|*]+(?:\|[^{}"|*]*)+\}`)
	fieldForm  = regexp.MustCompile(`([a-z_]+)=("[^"]*"|\S+)`)
)

// line turns the text of a story line into the bytes it stands for: escapes are resolved, {x*N} is
// repeated, and CR LF is added unless the line ends in a lone backslash.
func line(text string) ([]byte, error) {
	end := "\r\n"
	if strings.HasSuffix(text, `\`) && !strings.HasSuffix(text, `\\`) {
		text, end = strings.TrimSuffix(text, `\`), ""
	}
	text, err := expand(text)
	return []byte(text + end), err
}

// expand resolves repetitions and escapes.
func expand(text string) (string, error) {
	text = repeatHole.ReplaceAllStringFunc(text, func(hole string) string {
		part := repeatHole.FindStringSubmatch(hole)
		n, _ := strconv.Atoi(part[2])
		return strings.Repeat(part[1], n)
	})
	if !strings.Contains(text, `\`) {
		return text, nil
	}
	plain, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	if err != nil {
		return "", fmt.Errorf("bad escape in %q", text)
	}
	return plain, nil
}

// newPattern compiles the text of an expectation.
func newPattern(text string) (*pattern, error) {
	holes := matchHole.FindAllStringIndex(text, -1)
	if holes == nil {
		exact, err := line(text)
		return &pattern{exact: exact}, err
	}
	p := &pattern{}
	expr, last := `^`, 0
	for _, hole := range holes {
		before, err := expand(text[last:hole[0]])
		if err != nil {
			return nil, err
		}
		inner, err := p.hole(text[hole[0]+1 : hole[1]-1])
		if err != nil {
			return nil, err
		}
		expr += regexp.QuoteMeta(before) + inner
		last = hole[1]
	}
	rest, err := line(text[last:])
	if err != nil {
		return nil, err
	}
	expr += regexp.QuoteMeta(string(rest))
	p.ends = strings.Count(expr, "\n")
	p.expr, err = regexp.Compile(expr)
	return p, err
}

// hole gives the expression for one hole, without its braces.
func (p *pattern) hole(inner string) (string, error) {
	switch {
	case inner == "any":
		return `[^\r\n]*`, nil
	case inner == "digits":
		return `\d+`, nil
	case inner == "json" || strings.HasPrefix(inner, "json "):
		for _, f := range fieldForm.FindAllStringSubmatch(inner, -1) {
			p.fields = append(p.fields, field{key: f[1], want: f[2]})
		}
		if strings.TrimSpace(fieldForm.ReplaceAllString(inner, "")) != "json" {
			return "", fmt.Errorf("bad demand on a JSON object in {%s}", inner)
		}
		// Some servers put a blank after the object.
		return `(\{[^\r\n]*\}) *`, nil
	}
	var either []string
	for choice := range strings.SplitSeq(inner, "|") {
		plain, err := expand(choice)
		if err != nil {
			return "", err
		}
		either = append(either, regexp.QuoteMeta(plain))
	}
	return `(?:` + strings.Join(either, "|") + `)`, nil
}

// match compares the pattern with the start of got. It returns how many bytes it took, 0 while more
// are needed, or an error when no further bytes can help.
func (p *pattern) match(got []byte) (int, error) {
	if p.expr == nil {
		n := min(len(got), len(p.exact))
		if !bytes.Equal(got[:n], p.exact[:n]) {
			return 0, errDiffers
		}
		if n < len(p.exact) {
			return 0, nil
		}
		return n, nil
	}
	found := p.expr.FindSubmatch(got)
	if found == nil {
		if bytes.Count(got, []byte("\n")) >= p.ends {
			return 0, errDiffers
		}
		return 0, nil
	}
	if len(p.fields) > 0 {
		if err := checkFields(found[1], p.fields); err != nil {
			return 0, err
		}
	}
	return len(found[0]), nil
}

var errDiffers = fmt.Errorf("differs")

// checkFields holds a JSON object against the demands on its keys.
func checkFields(object []byte, fields []field) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	for _, f := range fields {
		value, present := values[f.key]
		switch {
		case f.want == "present" && !present:
			return fmt.Errorf("key %q is missing", f.key)
		case f.want == "absent" && present:
			return fmt.Errorf("key %q is there: %s", f.key, value)
		case f.want == "present", f.want == "absent":
		case string(value) != f.want:
			return fmt.Errorf("key %q is %s, want %s", f.key, value, f.want)
		}
	}
	return nil
}

// String shows the expectation the way it is reported.
func (p *pattern) String() string {
	if p.expr == nil {
		return shorten(p.exact)
	}
	return "/" + strings.TrimPrefix(p.expr.String(), "^") + "/"
}

// shorten quotes bytes for a report and leaves out the middle of long ones.
func shorten(b []byte) string {
	const keep = 300
	if len(b) <= 2*keep {
		return strconv.Quote(string(b))
	}
	return fmt.Sprintf("%q ... %d bytes ... %q", b[:keep], len(b)-2*keep, b[len(b)-keep:])
}
