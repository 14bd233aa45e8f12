package config

import (
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/baridmq/barid/conf"
)

// key is one setting that a block may have. Everything that has to know the settings goes by
// tables of these. T is what the block fills.
type key[T any] struct {
	names string // its name and its other names, separated by blanks
	form  string // what its value is
	set   func(d *decoder, p *conf.Pair, to T)
}

// The functions below make rows. field says where in T the value goes.

func text[T any](names string, field func(T) *string) key[T] {
	return key[T]{names, "string", func(d *decoder, p *conf.Pair, to T) {
		d.text(p.Key, p.Value, field(to))
	}}
}

func choice[T any](names string, field func(T) *bool) key[T] {
	return key[T]{names, "boolean", func(d *decoder, p *conf.Pair, to T) {
		d.choice(p, field(to))
	}}
}

// signed are the types that integers of a file end in.
type signed interface{ ~int | ~int32 | ~int64 }

func number[T any, N signed](names string, field func(T) *N) key[T] {
	return key[T]{names, "integer", func(d *decoder, p *conf.Pair, to T) {
		if n, ok := fit[N](d, p); ok {
			*field(to) = n
		}
	}}
}

// fit returns an integer value if it fits into N.
func fit[N signed](d *decoder, p *conf.Pair) (N, bool) {
	v := p.Value
	switch n := N(v.Int); {
	case !d.is(conf.Integer, p.Key, v):
	case int64(n) == v.Int:
		return n, true
	case v.Int < 0:
		d.fail(v.At, "%s value is too small", p.Key)
	default:
		d.fail(v.At, "%s value is too big", p.Key)
	}
	return 0, false
}

func duration[T any](names string, field func(T) *time.Duration) key[T] {
	return key[T]{names, "duration", func(d *decoder, p *conf.Pair, to T) {
		d.duration(p, field(to))
	}}
}

// list is an array of strings; a single one may stand alone.
func list[T any](names string, field func(T) *[]string) key[T] {
	return key[T]{names, "list", func(d *decoder, p *conf.Pair, to T) {
		if texts, ok := d.list(p.Key, p.Value); ok {
			*field(to) = texts
		}
	}}
}

// address is a port, or a host and a port. Without a host the one that is set stays.
func address[T any](names string, host func(T) *string, port func(T) *int) key[T] {
	return key[T]{names, "port or host:port", func(d *decoder, p *conf.Pair, to T) {
		h, n, ok := d.address(p)
		if !ok {
			return
		}
		if *port(to) = n; h != "" {
			*host(to) = h
		}
	}}
}

// port is the port of a listener.
func port[T any](names string, field func(T) *int) key[T] {
	return key[T]{names, "port", func(d *decoder, p *conf.Pair, to T) {
		if n, ok := d.port(p); ok {
			*field(to) = n
		}
	}}
}

// special is a key with rules of its own.
func special[T any](names, form string, set func(d *decoder, p *conf.Pair, to T)) key[T] {
	return key[T]{names, form, set}
}

// The methods below take values, or say what is wrong with them.

// is checks the kind of a value. Its error does not show the value, which may be secret.
func (d *decoder) is(kind conf.Kind, key string, v *conf.Value) bool {
	if v.Kind == kind {
		return true
	}
	hint := ""
	if kind == conf.String && v.Kind != conf.Array && v.Kind != conf.Map {
		hint = "; put it in quotes"
	}
	d.fail(v.At, "%q: expected %s, got %s%s", key, named(kind), named(v.Kind), hint)
	return false
}

// named names a kind with its article.
func named(kind conf.Kind) string {
	if kind == conf.Integer || kind == conf.Array {
		return "an " + kind.String()
	}
	return "a " + kind.String()
}

func (d *decoder) text(key string, v *conf.Value, to *string) bool {
	if !d.is(conf.String, key, v) {
		return false
	}
	*to = v.Text
	return true
}

func (d *decoder) choice(p *conf.Pair, to *bool) bool {
	if !d.is(conf.Boolean, p.Key, p.Value) {
		return false
	}
	*to = p.Value.Bool
	return true
}

func (d *decoder) list(key string, v *conf.Value) (texts []string, ok bool) {
	if v.Kind == conf.String {
		return []string{v.Text}, true
	}
	if v.Kind != conf.Array {
		d.fail(v.At, "%q: expected an array or a string, got %s", key, named(v.Kind))
		return nil, false
	}
	texts, ok = make([]string, len(v.Items)), true
	for i, item := range v.Items {
		ok = d.text(key, item, &texts[i]) && ok
	}
	return texts, ok
}

// duration takes a duration as text, or as a number of seconds with a warning.
func (d *decoder) duration(p *conf.Pair, to *time.Duration) {
	v := p.Value
	switch v.Kind {
	case conf.String:
		t, err := time.ParseDuration(v.Text)
		if err != nil {
			d.fail(v.At, "error parsing %s: %v", p.Key, err)
			return
		}
		*to = t
	case conf.Integer:
		t, ok := inSeconds(float64(v.Int))
		if !ok {
			d.fail(v.At, "error parsing %s: %d seconds are too many", p.Key, v.Int)
			return
		}
		d.warn(p, "%s should be converted to a duration; it is %d seconds now", p.Key, v.Int)
		*to = t
	default:
		d.fail(v.At, "error parsing %s: expected a duration, got %s", p.Key, named(v.Kind))
	}
}

// inSeconds returns a duration of s seconds, if there are such long ones.
func inSeconds(s float64) (time.Duration, bool) {
	ns := s * float64(time.Second)
	return time.Duration(ns), math.Abs(ns) < math.MaxInt64
}

// seconds takes a number of seconds, or a duration as text. why is empty if it could.
func seconds(v *conf.Value) (s float64, why string) {
	switch v.Kind {
	case conf.Integer:
		s = float64(v.Int)
	case conf.Float:
		s = v.Float
	case conf.String:
		t, err := time.ParseDuration(v.Text)
		if err != nil {
			return 0, err.Error()
		}
		s = t.Seconds()
	default:
		return 0, "wrong type"
	}
	if _, ok := inSeconds(s); !ok || s < 0 {
		return 0, "out of range"
	}
	return s, ""
}

// port takes a port that stands alone.
func (d *decoder) port(p *conf.Pair) (n int, ok bool) {
	if n, ok = fit[int](d, p); ok && !isPort(n) {
		d.fail(p.Value.At, errPort, n)
		return 0, false
	}
	return n, ok
}

func (d *decoder) address(p *conf.Pair) (host string, port int, ok bool) {
	v := p.Value
	switch v.Kind {
	case conf.Integer:
		port, ok = d.port(p)
		return "", port, ok
	case conf.String:
		host, number, err := net.SplitHostPort(v.Text)
		if err != nil {
			d.fail(v.At, "could not parse address string %q", v.Text[strings.LastIndexByte(v.Text, '@')+1:]) // no password of a URL
			return "", 0, false
		}
		port, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil {
			d.fail(v.At, "could not parse port %q", number)
			return "", 0, false
		}
		if !isPort(port) {
			d.fail(v.At, errPort, port)
			return "", 0, false
		}
		return host, port, true
	}
	d.fail(v.At, "expected port or host:port, got %s", v.Kind)
	return "", 0, false
}

// fields returns the pairs of a map.
func (d *decoder) fields(p *conf.Pair) (*conf.Block, bool) {
	if !d.is(conf.Map, p.Key, p.Value) {
		return nil, false
	}
	return p.Value.Map, true
}
