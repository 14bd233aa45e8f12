package claims

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/perm"
)

// # Templates
//
// The permissions of a scope may hold operations, such as {{name()}}, which stand for what the JWTs
// of the user and the account say. One with tags may have several values, and an entry with
// several such operations becomes one for each combination. What is put in is never looked through
// for operations again.
//
// An entry that becomes no valid subject is left out where it would allow. Where it would deny, the
// user is refused, as it could do what was meant to be denied.

// maxExpanded bounds the subjects that come from one list.
const maxExpanded = 4096

// part is a piece of an entry: text, or an operation with its braces.
type part struct {
	text      string
	operation bool
}

// split cuts an entry into text and operations.
func split(entry string) (parts []part) {
	for {
		before, rest, ok := strings.Cut(entry, "{{")
		var inner, after string
		if ok {
			inner, after, ok = strings.Cut(rest, "}}")
		}
		if !ok {
			return append(parts, part{text: entry})
		}
		parts = append(parts, part{text: before}, part{text: "{{" + inner + "}}", operation: true})
		entry = after
	}
}

// hasOperation reports whether a list needs to be expanded.
func hasOperation(l []string) bool {
	return slices.ContainsFunc(l, func(entry string) bool { return len(split(entry)) > 1 })
}

// expand returns the rules of a scope for one user.
func (s *scope) expand(u *jwt.UserClaims, a *Account) (perm.Rules, error) {
	x := expander{user: u, account: a}
	r := s.rules
	for _, l := range []*perm.List{&r.Publish, &r.Subscribe} {
		queues := l == &r.Subscribe
		allow, err := x.list(l.Allow, queues, false)
		if err != nil {
			return r, err
		}
		deny, err := x.list(l.Deny, queues, true)
		if err != nil {
			return r, err
		}
		if len(allow) == 0 && len(l.Allow) > 0 {
			deny = append(slices.Clip(deny), ">") // nothing is left, not everything
		}
		*l = perm.List{Allow: allow, Deny: deny}
	}
	return r, nil
}

// expander knows what operations stand for.
type expander struct {
	user    *jwt.UserClaims
	account *Account
}

// list expands a list of allowed or denied subjects.
func (x *expander) list(list []string, queues, deny bool) ([]string, error) {
	if !hasOperation(list) {
		return list, nil
	}
	var out []string
	known, made := map[string]bool{}, 0
	for _, entry := range list {
		e, err := x.parse(entry, deny)
		if err != nil {
			return nil, err
		}
		if made += e.combinations; made > maxExpanded {
			return nil, fmt.Errorf("template expansion exceeds limit: %d", maxExpanded)
		}
		for i := range e.combinations {
			one := e.combine(i)
			fine := len(e.parts) == 1 || valid(one, queues) && strings.Count(one, " ") == e.spaces
			switch {
			case !fine && deny:
				return nil, fmt.Errorf("generated invalid subject %q", one)
			case fine && !known[one]:
				known[one], out = true, append(out, one)
			}
		}
	}
	return out, nil
}

// entry is one entry of a list with all that its operations stand for.
type entry struct {
	parts        []part
	values       map[string][]string // by the text of the operation
	order        []string            // of operations
	combinations int                 // maxExpanded+1 for more
	spaces       int                 // of the entry itself, before a queue
}

// parse reads an entry. An operation without a value makes an error if the entry denies, and else no
// combination.
func (x *expander) parse(text string, deny bool) (*entry, error) {
	e := &entry{parts: split(text), values: map[string][]string{}, combinations: 1}
	for _, p := range e.parts {
		if !p.operation {
			e.spaces += strings.Count(p.text, " ")
			continue
		}
		if _, known := e.values[p.text]; known {
			continue
		}
		v, ok := x.operation(p.text)
		switch {
		case !ok:
			return nil, fmt.Errorf("template operation in %q: %q is not defined", text, p.text)
		case len(v) == 0 && deny:
			return nil, fmt.Errorf("generated invalid subject %q: %q is not defined", text, p.text)
		}
		e.values[p.text], e.order = v, append(e.order, p.text)
		e.combinations = min(e.combinations*len(v), maxExpanded+1)
	}
	return e, nil
}

// combine returns the entry with one of the combinations of values.
func (e *entry) combine(i int) string {
	chosen := make(map[string]string, len(e.order))
	for _, op := range slices.Backward(e.order) {
		v := e.values[op]
		chosen[op], i = v[i%len(v)], i/len(v)
	}
	var b strings.Builder
	for _, p := range e.parts {
		if p.operation {
			b.WriteString(chosen[p.text])
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// operation returns the values of an operation, given with its braces, and whether there is such a
// one.
func (x *expander) operation(text string) ([]string, bool) {
	op := strings.TrimSpace(text[2 : len(text)-2])
	switch strings.ToLower(op) {
	case "name()":
		return []string{x.user.Name}, true
	case "subject()":
		return []string{x.user.Subject}, true
	case "account-name()":
		return []string{x.account.Name}, true
	case "account-subject()":
		return []string{x.user.IssuerAccount}, true
	}
	if v, ok := tagged(op, "tag(", x.user.Tags); ok {
		return v, true
	}
	return tagged(op, "account-tag(", x.account.Tags)
}

// tagged returns the values of the tags that an operation asks for, if it begins like that. An
// operation that is not in lower case has none, and tags are compared as they were written.
func tagged(op, begin string, tags []string) (values []string, ok bool) {
	if len(op) < len(begin) || !strings.EqualFold(op[:len(begin)], begin) || !strings.HasSuffix(op, ")") {
		return nil, false
	}
	if !strings.HasPrefix(op, begin) {
		return nil, true
	}
	wanted := strings.ToLower(op[len(begin):len(op)-1]) + ":"
	for _, tag := range tags {
		if v, found := strings.CutPrefix(tag, wanted); found {
			values = append(values, v)
		}
	}
	return values, true
}
