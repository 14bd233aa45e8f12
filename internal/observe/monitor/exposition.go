package monitor

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// Types of metrics, as the text format names them.
const (
	gauge   = "gauge"
	counter = "counter"
	summary = "summary"
	untyped = "untyped"
)

// exposition gathers metrics and writes them in the Prometheus text format, version 0.0.4. Samples
// of a family may come at any time; they are written together. It belongs to one goroutine.
type exposition struct {
	families []*family // in the order of their first samples
	byName   map[string]*family
}

// family is a metric with all its samples, which differ in their labels.
type family struct {
	name, kind, help string
	samples          bytes.Buffer
}

// label is a name and a value, which may be any text.
type label struct{ name, value string }

// add adds a sample. The first one of a family gives it its type and help text.
func (e *exposition) add(name, kind, help string, value float64, labels ...label) {
	e.addPart(name, "", kind, help, value, labels...)
}

// addPart adds a sample of a part of the family, whose name is the family's with a suffix.
func (e *exposition) addPart(name, suffix, kind, help string, value float64, labels ...label) {
	f := e.byName[name]
	if f == nil {
		f = &family{name: name, kind: kind, help: help}
		if e.byName == nil {
			e.byName = map[string]*family{}
		}
		e.byName[name] = f
		e.families = append(e.families, f)
	}
	b := &f.samples
	b.WriteString(name)
	b.WriteString(suffix)
	for i, l := range labels {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(l.name)
		b.WriteString(`="`)
		writeEscaped(b, l.value, `"`)
		b.WriteByte('"')
	}
	if len(labels) > 0 {
		b.WriteByte('}')
	}
	b.WriteByte(' ')
	b.WriteString(number(value))
	b.WriteByte('\n')
}

// text returns all families.
func (e *exposition) text() []byte {
	var b bytes.Buffer
	for _, f := range e.families {
		b.WriteString("# HELP " + f.name + " ")
		writeEscaped(&b, f.help, "")
		b.WriteString("\n# TYPE " + f.name + " " + f.kind + "\n")
		b.Write(f.samples.Bytes())
	}
	return b.Bytes()
}

// number writes a value, whole ones without an exponent as far as they are exact.
func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case v == math.Trunc(v) && math.Abs(v) < 1<<53:
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// writeEscaped writes a text in which backslashes, line breaks and the quotes that end it are
// escaped, and what is no UTF-8 is replaced.
func writeEscaped(b *bytes.Buffer, text, quotes string) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\\' || quotes != "" && c == quotes[0]:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
}
