package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/baridmq/barid/conf"
)

// key is one setting that a block may have: a row of a table. Whatever has to know the settings
// goes by these tables: reading files, flags, defaults, checks, the usage, reloads and the list in
// the documentation. T is what the block fills.
type key[T any] interface {
	// about is what the row says of its setting.
	about() *entry
	// take puts the value of a file into to, or says what is wrong with it.
	take(d *decoder, p *conf.Pair, to T)
	// fill puts the default into to if there is no other value.
	fill(to T)
	// fault says what is wrong with the value in to, behind the name; empty for nothing.
	fault(to T) string
	// fields are pointers to what of to the setting is about.
	fields(to T) []any
	// changes are the lines about what a reload changes, or why it cannot.
	changes(from, to T) ([]string, error)
	// put puts the value of a flag into to, which has to be of that kind.
	put(to T, v flagValue)
	flagKind() (kind flagKind, bits int)
}

// entry is what a row says of its setting, in words.
type entry struct {
	names    string // its name and its other names, separated by blanks
	form     string // what its value is
	meaning  string // what it is for
	standard string // its default
	lacks    string // what barid lacks to obey; only values that switch it off are accepted then
	secret   bool   // nobody shall see the value
	reload   string // whether a reload changes it

	flags   string // those that set it, without dashes, separated by blanks
	flagArg string // what the usage calls their value
}

func (e *entry) about() *entry { return e }

// name is the first of the names.
func (e *entry) name() string {
	name, _, _ := strings.Cut(e.names, " ")
	return name
}

// row is a key whose value has a place of type V.
type row[T, V any] struct {
	entry
	at     func(T) *V // nil if there is no single place
	reader func(d *decoder, p *conf.Pair, to T)
	wrong  func(V) string // what is wrong with a value, empty for nothing
	preset *V             // the default
	more   func(T) []any  // other places that the setting is about

	line  string // what the log says when a reload changes it
	fixed string // what its error calls it, if a reload cannot
	diff  func(from, to T) ([]string, error)
}

func (r *row[T, V]) take(d *decoder, p *conf.Pair, to T) { r.reader(d, p, to) }

func (r *row[T, V]) fill(to T) {
	if r.preset != nil && reflect.ValueOf(r.at(to)).Elem().IsZero() {
		*r.at(to) = *r.preset
	}
}

func (r *row[T, V]) fault(to T) string {
	if r.wrong == nil {
		return ""
	}
	return r.wrong(*r.at(to))
}

func (r *row[T, V]) fields(to T) (places []any) {
	if r.at != nil {
		places = append(places, r.at(to))
	}
	if r.more != nil {
		places = append(places, r.more(to)...)
	}
	return places
}

func (r *row[T, V]) changes(from, to T) ([]string, error) {
	if r.diff != nil {
		return r.diff(from, to)
	}
	if r.line == "" && r.fixed == "" {
		return nil, nil
	}
	before, after := *r.at(from), *r.at(to)
	switch {
	case same(before, after):
		return nil, nil
	case r.fixed != "" && r.secret:
		return nil, unchangeable(r.fixed, redacted, redacted)
	case r.fixed != "":
		return nil, unchangeable(r.fixed, before, after)
	case strings.Contains(r.line, "%"):
		return []string{fmt.Sprintf(r.line, after)}, nil
	}
	return []string{r.line}, nil
}

func (r *row[T, V]) put(to T, v flagValue) {
	place := reflect.ValueOf(r.at(to)).Elem()
	switch place.Kind() {
	case reflect.Bool:
		place.SetBool(v.yes)
	case reflect.String:
		place.SetString(v.text)
	default:
		place.SetInt(v.number)
	}
}

// flagKind is what a flag for the value takes.
func (r *row[T, V]) flagKind() (kind flagKind, bits int) {
	switch v := reflect.TypeFor[V](); v.Kind() {
	case reflect.Bool:
		return flagSwitch, 0
	case reflect.String:
		return flagText, 0
	default:
		return flagNumber, v.Bits()
	}
}

// The methods below add to a row what it says.

// help says in a few words what the setting is for.
func (r *row[T, V]) help(meaning string) *row[T, V] {
	r.meaning = meaning
	return r
}

// or gives the setting a default.
func (r *row[T, V]) or(v V) *row[T, V] {
	r.preset = &v
	return r.unset(fmt.Sprint(shortest(v)))
}

// unset says what it means that the setting is not set.
func (r *row[T, V]) unset(standard string) *row[T, V] {
	r.standard = standard
	return r
}

// check bounds the values that programs, flags and files may give.
func (r *row[T, V]) check(wrong func(V) string) *row[T, V] {
	r.wrong = wrong
	return r
}

// fills names other places that the setting is about.
func (r *row[T, V]) fills(more func(T) []any) *row[T, V] {
	r.more = more
	return r
}

// live is for settings that a reload changes, with the line that the log has then. A verb in it
// is for the new value.
func (r *row[T, V]) live(line string) *row[T, V] {
	r.line, r.reload = line, "yes"
	return r
}

// stays is for settings that a reload must not change, with the name that its error has.
func (r *row[T, V]) stays(name string) *row[T, V] {
	r.fixed, r.reload = name, "no"
	return r
}

// reloads says how a reload deals with the setting, if that is none of the above. diff is nil if
// there is nothing to compare.
func (r *row[T, V]) reloads(how string, diff func(from, to T) ([]string, error)) *row[T, V] {
	r.reload, r.diff = how, diff
	return r
}

// flag names the flags that set it, and what the usage calls their value.
func (r *row[T, V]) flag(names, arg string) *row[T, V] {
	r.flags, r.flagArg = names, arg
	return r
}

// hidden is for secrets.
func (r *row[T, V]) hidden() *row[T, V] {
	r.secret = true
	return r
}

// The functions below make rows. field says where in T the value goes.

// made is a row with rules of its own for the values of files.
func made[T, V any](names, form string, field func(T) *V, take func(d *decoder, p *conf.Pair, to T)) *row[T, V] {
	r := &row[T, V]{entry: entry{names: names, form: form}, at: field, reader: take}
	if reflect.TypeFor[V]().Kind() == reflect.Bool {
		r.standard = "false"
	}
	return r
}

// special is a row whose value goes to several places, or to none.
func special[T any](names, form string, take func(d *decoder, p *conf.Pair, to T)) *row[T, struct{}] {
	return made[T, struct{}](names, form, nil, take)
}

func text[T any](names string, field func(T) *string) *row[T, string] {
	return made(names, "string", field, func(d *decoder, p *conf.Pair, to T) { d.text(p.Key, p.Value, field(to)) })
}

func choice[T any](names string, field func(T) *bool) *row[T, bool] {
	return made(names, "boolean", field, func(d *decoder, p *conf.Pair, to T) { d.choice(p, field(to)) })
}

func number[T any, N signed](names string, field func(T) *N) *row[T, N] {
	return made(names, "integer", field, func(d *decoder, p *conf.Pair, to T) {
		if n, ok := fit[N](d, p); ok {
			*field(to) = n
		}
	})
}

func duration[T any](names string, field func(T) *time.Duration) *row[T, time.Duration] {
	return made(names, "duration", field, func(d *decoder, p *conf.Pair, to T) { d.duration(p, field(to)) })
}

// address is a port, or a host and a port. Without a host the one that is set stays. The port has
// a row of its own.
func address[T any](names string, host func(T) *string, port func(T) *int) *row[T, string] {
	return made(names, "port or host:port", host, func(d *decoder, p *conf.Pair, to T) {
		h, n, ok := d.address(p)
		if !ok {
			return
		}
		if *port(to) = n; h != "" {
			*host(to) = h
		}
	})
}

// port is the port of a listener.
func port[T any](names string, field func(T) *int) *row[T, int] {
	return made(names, "port", field, func(d *decoder, p *conf.Pair, to T) {
		if n, ok := d.port(p); ok {
			*field(to) = n
		}
	}).check(func(n int) string {
		if isPort(n) {
			return ""
		}
		return fmt.Sprintf("%d is not a port", n)
	})
}

// block is the language of one kind of block: the keys that it knows.
type block[T any] struct {
	path string // what it stands in, as "tls"; empty for the top level
	keys []key[T]
	// unknown is the error text for other keys, with %q for the key.
	unknown string
	// strict refuses other keys also if they were referred to as variables.
	strict bool
}

// decode puts what stands in the block b into to.
func (l block[T]) decode(d *decoder, b *conf.Block, to T) {
	for _, p := range b.Pairs {
		if k := l.find(p.Key); k != nil {
			d.places[join(l.path, k.about().name())] = p.At
			before := len(d.faults)
			k.take(d, p, to)
			if why := k.fault(to); why != "" && len(d.faults) == before {
				d.fail(p.Value.At, "%s %s", p.Key, why)
			}
		} else if !p.Used || l.strict {
			d.fail(p.At, "%s%s", fmt.Sprintf(l.unknown, p.Key), d.advise(p.Key, l.names()))
		}
	}
}

// find returns the row of a key, nil if there is none. The case of letters does not matter.
func (l block[T]) find(name string) key[T] {
	for _, k := range l.keys {
		for known := range strings.FieldsSeq(k.about().names) {
			if strings.EqualFold(known, name) {
				return k
			}
		}
	}
	return nil
}

// names are all names of all keys.
func (l block[T]) names() (all []string) {
	for _, k := range l.keys {
		all = append(all, strings.Fields(k.about().names)...)
	}
	return all
}

// join is the path of a key.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

const unknownField = "unknown field %q"

// notNegative is a check for rows.
func notNegative[N signed](n N) string {
	if n < 0 {
		return "can not be negative"
	}
	return ""
}

// shortest leaves out what of a duration is nothing.
func shortest(v any) any {
	d, is := v.(time.Duration)
	if !is {
		return v
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
