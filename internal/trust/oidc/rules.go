package oidc

import (
	"fmt"
	"strings"

	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/guard"
)

// permissions returns what the user may do.
func (a *Authenticator) permissions(c claims, roles []*Role) (*perm.Permissions, error) {
	cfg := &a.cfg
	publish, subscribe := side{}, side{}
	if err := publish.claim(c, cfg.PublishClaim); err != nil {
		return nil, err
	}
	if err := subscribe.claim(c, cfg.SubscribeClaim); err != nil {
		return nil, err
	}
	var r perm.Rules
	for _, role := range roles {
		rules, err := expand(role.Permissions, c)
		if err != nil {
			return nil, err
		}
		publish.add(&rules.Publish, rules.Responses != nil)
		subscribe.add(&rules.Subscribe, false)
		if r.Responses == nil {
			r.Responses = rules.Responses
		}
	}
	rest, err := expand(cfg.Permissions, c)
	if err != nil {
		return nil, err
	}
	if !publish.given {
		r.Responses = rest.Responses
	}
	silent := cfg.Permissions == nil && cfg.RolesClaim != ""
	r.Publish = publish.list(&rest.Publish, silent || cfg.Permissions == nil && cfg.PublishClaim != "")
	r.Subscribe = subscribe.list(&rest.Subscribe, silent || cfg.Permissions == nil && cfg.SubscribeClaim != "")
	if publish.open && r.Responses != nil {
		r.Publish.Allow = []string{everything} // without, answers would be all
	}
	return a.compiled.get(&r)
}

// everything matches all subjects.
const everything = ">"

// side is what may be published, or subscribed to.
type side struct {
	perm.List
	given bool // by a claim or a role, be it nothing
	open  bool // all is allowed
}

// claim adds the subjects that the claim with that name lists.
func (s *side) claim(c claims, name string) error {
	if name == "" {
		return nil
	}
	subjects, there, err := c.texts(name)
	if err != nil || !there {
		return err
	}
	s.given = true
	s.Allow = append(s.Allow, subjects...)
	return nil
}

// add adds what a role gives, which may allow answers only if it lists nothing.
func (s *side) add(l *perm.List, answers bool) {
	s.given = true
	s.open = s.open || len(l.Allow) == 0 && !answers
	s.Allow = append(s.Allow, l.Allow...)
	s.Deny = append(s.Deny, l.Deny...)
}

// list is what is allowed in the end: rest if nothing was given, or nothing if that is silent.
func (s *side) list(rest *perm.List, silent bool) perm.List {
	switch {
	case !s.given && silent, s.given && !s.open && len(s.Allow) == 0:
		return perm.List{Deny: []string{everything}}
	case !s.given:
		return *rest
	case s.open:
		return perm.List{Deny: s.Deny}
	}
	return s.List
}

// compiled remembers compiled rules, as many users have the same.
type compiled struct {
	mu struct {
		guard.Leaf
		known map[string]*perm.Permissions
	}
}

// mostCompiled bounds them.
const mostCompiled = 1024

// get returns r compiled.
func (k *compiled) get(r *perm.Rules) (*perm.Permissions, error) {
	var key strings.Builder
	for _, list := range [][]string{r.Publish.Allow, r.Publish.Deny, r.Subscribe.Allow, r.Subscribe.Deny} {
		for _, s := range list {
			fmt.Fprintf(&key, "%q ", s)
		}
		key.WriteByte('|')
	}
	if r.Responses != nil {
		fmt.Fprint(&key, *r.Responses)
	}
	k.mu.Lock()
	p, ok := k.mu.known[key.String()]
	k.mu.Unlock()
	if ok {
		return p, nil
	}
	p, err := perm.Compile(*r)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.known == nil || len(k.mu.known) == mostCompiled {
		k.mu.known = map[string]*perm.Permissions{}
	}
	k.mu.known[key.String()] = p
	return p, nil
}

// checkRules compiles all rules of c as if each claim had a value.
func checkRules(c *Config) error {
	any := func(string) (string, error) { return "x", nil }
	check := func(where string, r *perm.Rules) error {
		if r == nil {
			return nil
		}
		filled, err := fillRules(r, any)
		if err == nil {
			_, err = perm.Compile(filled)
		}
		if err != nil {
			return fmt.Errorf("oidc: permissions%s: %w", where, err)
		}
		return nil
	}
	for i := range c.Roles {
		r := &c.Roles[i]
		if r.Name == "" {
			return fmt.Errorf("oidc: role %d has no name", i+1)
		}
		if err := check(fmt.Sprintf(" of role %q", r.Name), r.Permissions); err != nil {
			return err
		}
	}
	return check("", c.Permissions)
}

// expand returns r, which may be nil, with the values of c.
func expand(r *perm.Rules, c claims) (perm.Rules, error) {
	if r == nil {
		return perm.Rules{}, nil
	}
	return fillRules(r, func(name string) (string, error) {
		value, there, err := c.text(name)
		if err == nil && !there {
			err = fmt.Errorf("there is no claim %q", name)
		}
		return value, err
	})
}

// fillRules returns r with values in place of the names of claims.
func fillRules(r *perm.Rules, value func(claim string) (string, error)) (filled perm.Rules, err error) {
	filled.Responses = r.Responses
	for _, l := range []struct {
		from []string
		to   *[]string
	}{
		{r.Publish.Allow, &filled.Publish.Allow}, {r.Publish.Deny, &filled.Publish.Deny},
		{r.Subscribe.Allow, &filled.Subscribe.Allow}, {r.Subscribe.Deny, &filled.Subscribe.Deny},
	} {
		for _, entry := range l.from {
			text, err := fill(entry, value)
			if err != nil {
				return perm.Rules{}, err
			}
			*l.to = append(*l.to, text)
		}
	}
	return filled, nil
}

// fill replaces each {{claim(name)}} in entry.
func fill(entry string, value func(claim string) (string, error)) (string, error) {
	var out strings.Builder
	for rest := entry; ; {
		before, after, found := strings.Cut(rest, "{{")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		inner, behind, closed := strings.Cut(after, "}}")
		name, isClaim := strings.CutPrefix(strings.TrimSpace(inner), "claim(")
		name, isWhole := strings.CutSuffix(name, ")")
		if !closed || !isClaim || !isWhole || name == "" {
			return "", fmt.Errorf("%q has a template that is not {{claim(name)}}", entry)
		}
		v, err := value(name)
		if err != nil {
			return "", err
		}
		if !single(v) || out.Len() == 0 && strings.ContainsAny(v[:1], "$_") {
			return "", fmt.Errorf("claim %q is no token of a subject for %q", name, entry)
		}
		out.WriteString(v)
		rest = behind
	}
}

// single reports whether v can be a token of a subject, or a part of one, and means nothing else.
func single(v string) bool {
	return v != "" && !strings.ContainsAny(v, ".*> \t\r\n{}")
}
