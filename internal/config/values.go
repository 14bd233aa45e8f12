package config

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/config/check"
)

// The methods below take values, or say what is wrong with them and what to write.

// signed are the types that integers of a file end in.
type signed interface{ ~int | ~int32 | ~int64 }

// is checks the kind of a value. Its error does not show the value, which may be secret.
func (d *decoder) is(kind conf.Kind, key string, v *conf.Value) bool {
	if v.Kind == kind {
		return true
	}
	d.fail(v.At, "%q: expected %s, got %s%s", key, named(kind), named(v.Kind), rewrite(kind, key, v))
	return false
}

// named names a kind with its article.
func named(kind conf.Kind) string {
	if kind == conf.Integer || kind == conf.Array {
		return "an " + kind.String()
	}
	return "a " + kind.String()
}

// rewrite says how to write a value that is of another kind.
func rewrite(kind conf.Kind, key string, v *conf.Value) string {
	many := v.Kind == conf.Array || v.Kind == conf.Map
	switch kind {
	case conf.String:
		if !many {
			return "; put it in quotes"
		}
	case conf.Integer:
		switch {
		case v.Kind == conf.String && isSize(v.Text):
			return "; write it without quotes"
		case v.Kind == conf.Float:
			return "; write a whole number"
		case !many:
			return "; write a number, as 10, or 64KB for 65536"
		}
	case conf.Boolean:
		return "; write true or false, without quotes"
	case conf.Map:
		return fmt.Sprintf("; write %s { ... }", key)
	case conf.Array:
		return fmt.Sprintf("; write %s: [ ... ]", key)
	}
	return ""
}

// isSize reports whether a text would be an integer without quotes.
func isSize(text string) bool {
	digits := strings.TrimRight(strings.ToLower(text), "kmgtpeib")
	_, err := strconv.ParseInt(digits, 10, 64)
	return err == nil
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

// elements takes an array of texts, each with its place; a single one may stand alone. What is no
// text is left out.
func (d *decoder) elements(key string, v *conf.Value) (items []*conf.Value, ok bool) {
	if v.Kind == conf.String {
		return []*conf.Value{v}, true
	}
	if v.Kind != conf.Array {
		d.fail(v.At, "%q: expected an array or a string, got %s; write %s: [ ... ]", key, named(v.Kind), key)
		return nil, false
	}
	ok = true
	for _, item := range v.Items {
		if d.is(conf.String, key, item) {
			items = append(items, item)
		} else {
			ok = false
		}
	}
	return items, ok
}

// quoted is the advice for durations.
const quoted = `write it in quotes, as "10s" or "2m"`

// duration takes a duration as text, or as a number of seconds with a warning.
func (d *decoder) duration(p *conf.Pair, to *time.Duration) {
	v := p.Value
	switch v.Kind {
	case conf.String:
		if t, ok := d.durationText(p); ok {
			*to = t
		}
	case conf.Integer:
		t, ok := inSeconds(float64(v.Int))
		if !ok {
			d.fail(v.At, "error parsing %s: %d seconds are too many; %s", p.Key, v.Int, quoted)
			return
		}
		d.warn(p, "%s should be converted to a duration; it is %d seconds now: %s", p.Key, v.Int, quoted)
		*to = t
	default:
		d.fail(v.At, "error parsing %s: expected a duration, got %s; %s", p.Key, named(v.Kind), quoted)
	}
}

// durationText takes a duration that has to be a text.
func (d *decoder) durationText(p *conf.Pair) (t time.Duration, ok bool) {
	if p.Value.Kind != conf.String {
		d.fail(p.Value.At, "error parsing %s: expected a duration, got %s; %s", p.Key, named(p.Value.Kind), quoted)
		return 0, false
	}
	t, err := time.ParseDuration(p.Value.Text)
	if err != nil {
		d.fail(p.Value.At, "error parsing %s: %v; durations are texts as \"10s\" or \"1h30m\"", p.Key, err)
		return 0, false
	}
	return t, true
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
			return 0, err.Error() + `; write seconds, as 2, or a duration, as "2s"`
		}
		s = t.Seconds()
	default:
		return 0, `wrong type; write seconds, as 2, or a duration, as "2s"`
	}
	if _, ok := inSeconds(s); !ok || s < 0 {
		return 0, "out of range"
	}
	return s, ""
}

// port takes a port that stands alone.
func (d *decoder) port(p *conf.Pair) (n int, ok bool) {
	if n, ok = fit[int](d, p); ok && !isPort(n) {
		d.fail(p.Value.At, check.BadPort, n)
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
			d.fail(v.At, "could not parse address string %q; write host:port, with an IPv6 host in brackets, or a port without quotes",
				v.Text[strings.LastIndexByte(v.Text, '@')+1:]) // no password of a URL
			return "", 0, false
		}
		port, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil {
			d.fail(v.At, "could not parse port %q", number)
			return "", 0, false
		}
		if !isPort(port) {
			d.fail(v.At, check.BadPort, port)
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
