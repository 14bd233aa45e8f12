package fanout

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/subject"
)

// country is a random registry beside a slow model of it, which knows specs and subscriptions and works
// out for each message, from the beginning, who has a right to it.
type country struct {
	t        *testing.T
	random   *rand.Rand
	registry *account.Registry
	specs    map[string]*account.Spec
	takers   []*taker
	subs     map[string]*resident // by sid
	p        *publisher
	next     int
}

// resident is a subscription as the model knows it.
type resident struct {
	sub            *account.Sub
	of             *taker
	account        string
	subject, queue string
}

// names are names of accounts and tokens of subjects; who is further to the right may import from those
// to the left.
var names = []string{"a", "b", "c", "d"}

func (c *country) pattern(wild bool) string {
	var s []string
	for range 1 + c.random.IntN(3) {
		token := names[c.random.IntN(2)] // few, so that much meets
		if wild && c.random.IntN(2) == 0 {
			token = "*"
		}
		s = append(s, token)
	}
	if wild && c.random.IntN(5) == 0 {
		s = append(s, ">")
	}
	return strings.Join(s, ".")
}

// renaming makes a local subject for an import, or a destination of a mapping.
func (c *country) renaming(source string) string {
	var wild []string
	tail := ""
	for _, token := range strings.Split(source, ".") {
		switch token {
		case "*":
			wild = append(wild, "$"+strconv.Itoa(len(wild)+1))
		case ">":
			tail = ".>"
		}
	}
	c.random.Shuffle(len(wild), func(i, j int) { wild[i], wild[j] = wild[j], wild[i] })
	return strings.Join(append([]string{names[c.random.IntN(2)]}, wild...), ".") + tail
}

// settle gives an account a new random spec.
func (c *country) settle(i int) {
	s := &account.Spec{Name: names[i], Limits: account.Unlimited()}
	for range c.random.IntN(4) {
		e := account.Export{Kind: account.Kind(c.random.IntN(2)), Subject: c.pattern(true)}
		switch c.random.IntN(8) {
		case 0:
			e.Accounts = []string{names[c.random.IntN(4)], names[c.random.IntN(4)]}
		case 1:
			e.TokenPosition = 1 + c.random.IntN(2)
		case 2, 3, 4, 5:
			e.Subject = ">"
		}
		s.Exports = append(s.Exports, e)
	}
	for range c.random.IntN(7) {
		if i == 0 {
			break
		}
		m := account.Import{Kind: account.Kind(c.random.IntN(2)), Account: names[c.random.IntN(i)], Subject: c.pattern(true)}
		if c.random.IntN(2) == 0 {
			m.Local = c.renaming(m.Subject)
		}
		s.Imports = append(s.Imports, m)
	}
	if c.random.IntN(3) == 0 {
		source := c.pattern(true)
		s.Mappings = []account.Mapping{{Source: source, Destinations: []account.Destined{{Subject: c.renaming(source), Weight: 100}}}}
	}
	c.specs[s.Name] = s
	c.registry.Put(*s)
}

func (c *country) subscribe() {
	c.next++
	sid := strconv.Itoa(c.next)
	r := &resident{of: c.takers[c.random.IntN(len(c.takers))], account: names[c.random.IntN(4)], subject: c.pattern(true),
		queue: []string{"", "", "q", "r"}[c.random.IntN(4)]}
	r.sub = r.of.sub(c.registry.Get(r.account), r.subject, sid, r.queue)
	c.subs[sid] = r
}

func (c *country) unsubscribe() {
	for _, sid := range slices.Sorted(maps.Keys(c.subs)) {
		if r := c.subs[sid]; c.random.IntN(len(c.subs)) == 0 {
			require.True(c.t, c.registry.Get(r.account).Unsubscribe(r.sub))
			delete(c.subs, sid)
			return
		}
	}
}

// allowed is the model of authorization.
func (c *country) allowed(importer string, n int) bool {
	m := c.specs[importer].Imports[n]
	for _, before := range c.specs[importer].Imports[:n] {
		if before.Kind != m.Kind || before.Account != m.Account {
			continue
		}
		if m.Kind == account.Stream && before.Subject == m.Subject || m.Kind == account.Service && localPattern(&before) == localPattern(&m) {
			return false
		}
	}
	var best *account.Export
	for i := range c.specs[m.Account].Exports {
		e := &c.specs[m.Account].Exports[i]
		if e.Kind != m.Kind || !subject.Covers(e.Subject, m.Subject) {
			continue
		}
		if best == nil || best.Subject != m.Subject && (e.Subject == m.Subject || specificity(e.Subject, best.Subject)) {
			best = e
		}
	}
	if best == nil {
		return false
	}
	if best.TokenPosition > 0 {
		tokens := strings.Split(m.Subject, ".")
		return best.TokenPosition <= len(tokens) && tokens[best.TokenPosition-1] == importer
	}
	return best.Accounts == nil || slices.Contains(best.Accounts, importer)
}

// specificity reports whether the pattern a is more specific than b.
func specificity(a, b string) bool {
	if subject.Covers(b, a) != subject.Covers(a, b) {
		return subject.Covers(b, a)
	}
	rank := func(s string) (n int) {
		for _, token := range strings.Split(s, ".") {
			if n++; token != "*" && token != ">" {
				n += 100
			}
		}
		return n
	}
	if rank(a) != rank(b) {
		return rank(a) > rank(b)
	}
	return a < b
}

func localPattern(m *account.Import) string {
	tokens := strings.Split(m.LocalSubject(), ".")
	for i := range tokens {
		if strings.HasPrefix(tokens[i], "$") {
			tokens[i] = "*"
		}
	}
	return strings.Join(tokens, ".")
}

// renamed is the subject of the importer for one of the exporter, or the reverse.
func renamed(m *account.Import, subj string, reverse bool) (string, bool) {
	rename, err := subject.NewRename(m.Subject, m.LocalSubject())
	if err != nil {
		return "", false
	}
	if reverse {
		if rename, err = rename.Reverse(); err != nil {
			return "", false
		}
	}
	out, ok := rename.Append(nil, []byte(subj))
	return string(out), ok
}

// expected is what the model says of one message.
type expected struct {
	plain  []string                       // "sid:subject"
	groups map[string]map[string]struct{} // who may get the share of a group
	shares map[string]int                 // how many shares a group has, by its name
}

// arrive works out who gets what is published on subj in an account, and reports whether anybody does.
func (c *country) arrive(x *expected, name, subj string, mapped bool) (heard bool) {
	if maps := c.specs[name].Mappings; mapped && len(maps) > 0 {
		tr, err := subject.NewTransform(maps[0].Source, maps[0].Destinations[0].Subject)
		require.NoError(c.t, err)
		if out, ok := tr.Append(nil, []byte(subj)); ok {
			subj = string(out)
		}
	}
	places := map[string]map[string]bool{} // account: local subjects
	c.spread(places, name, subj)
	here := map[string]bool{}
	for sid, r := range c.subs {
		for local := range places[r.account] {
			if !subject.Matches(local, r.subject) || !r.of.filter(local) {
				continue
			}
			heard = true
			what := sid + ":" + local
			if r.queue == "" {
				x.plain = append(x.plain, what)
				continue
			}
			if x.groups[r.queue] == nil {
				x.groups[r.queue] = map[string]struct{}{}
			}
			x.groups[r.queue][what] = struct{}{}
			here[r.queue] = true
		}
	}
	for queue := range here {
		x.shares[queue]++
	}
	for n, m := range c.specs[name].Imports {
		if m.Kind != account.Service || !c.allowed(name, n) {
			continue
		}
		if remote, ok := renamed(&m, subj, true); ok && c.arrive(x, m.Account, remote, true) {
			heard = true
		}
	}
	return heard
}

// spread works out under which subjects a message is known, in which accounts.
func (c *country) spread(places map[string]map[string]bool, name, subj string) {
	if places[name] == nil {
		places[name] = map[string]bool{}
	}
	places[name][subj] = true
	for importer, s := range c.specs {
		for n, m := range s.Imports {
			if m.Kind == account.Stream && m.Account == name && c.allowed(importer, n) {
				if local, ok := renamed(&m, subj, false); ok {
					c.spread(places, importer, local)
				}
			}
		}
	}
}

// publish publishes a batch in one account and compares what comes of it.
func (c *country) publish() {
	name := names[c.random.IntN(4)]
	var text []string
	var want []*expected
	var unheard []string
	last := ""
	for i := range 1 + c.random.IntN(4) {
		subj := c.pattern(false)
		if last != "" && c.random.IntN(3) == 0 {
			subj = last
		}
		last = subj
		text = append(text, fmt.Sprintf("%s>reply.to.me.please=%d", subj, i))
		x := &expected{groups: map[string]map[string]struct{}{}, shares: map[string]int{}}
		if !c.arrive(x, name, subj, true) {
			unheard = append(unheard, fmt.Sprintf("%s=%d", subj, i))
		}
		want = append(want, x)
	}
	c.p.unheard = nil
	c.p.publish(c.t, c.registry.Get(name), strings.Join(text, " "))
	plain, shares := make([][]string, len(want)), make([]map[string]int, len(want))
	for _, k := range c.takers {
		for _, got := range strings.Fields(k.take()) {
			what, payload, _ := strings.Cut(got, "=")
			i, err := strconv.Atoi(payload)
			require.NoError(c.t, err)
			sid, _, _ := strings.Cut(what, ":")
			r := c.subs[sid]
			require.NotNil(c.t, r, got)
			if r.queue == "" {
				plain[i] = append(plain[i], what)
				continue
			}
			require.Contains(c.t, want[i].groups[r.queue], what, c.story(name, text))
			if shares[i] == nil {
				shares[i] = map[string]int{}
			}
			shares[i][r.queue]++
		}
	}
	for i, x := range want {
		require.ElementsMatch(c.t, x.plain, plain[i], "message %d: %s", i, c.story(name, text))
		if len(x.shares)+len(shares[i]) > 0 {
			require.Equal(c.t, x.shares, shares[i], "message %d: %s", i, c.story(name, text))
		}
	}
	require.Equal(c.t, unheard, c.p.unheard, c.story(name, text))
}

// story tells what the world looks like, for whoever has to find out what went wrong.
func (c *country) story(name string, text []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "in %s: %s\n", name, text)
	for _, n := range names {
		s := c.specs[n]
		fmt.Fprintf(&b, "%s exports %+v\n  imports %+v\n  maps %+v\n", n, s.Exports, s.Imports, s.Mappings)
	}
	for sid, r := range c.subs {
		fmt.Fprintf(&b, "%s: %s %s %s\n", sid, r.account, r.subject, r.queue)
	}
	return b.String()
}

// Whatever is exported, imported, mapped, subscribed to and changed: everybody gets what he should, once,
// and nobody what he has no right to.
func TestAccountsAgainstAModel(t *testing.T) {
	const span = 3 * time.Second
	for seed, end := uint64(1), time.Now().Add(span); time.Now().Before(end) && seed <= 400; seed++ {
		c := &country{t: t, random: rand.New(rand.NewPCG(seed, 7)), registry: account.NewRegistry(),
			specs: map[string]*account.Spec{}, subs: map[string]*resident{}, p: newPublisher()}
		for i := range 5 {
			k := newTaker(uint64(10 + i))
			k.filter = func(string) bool { return true }
			if i == 0 { // has no permission for these
				k.filter = func(subj string) bool { return !strings.HasSuffix(subj, "b") }
			}
			c.takers = append(c.takers, k)
		}
		for i := range names {
			c.settle(i)
		}
		for range 40 {
			switch n := c.random.IntN(20); {
			case n < 7 && len(c.subs) < 12:
				c.subscribe()
			case n < 9:
				c.unsubscribe()
			case n < 11:
				c.settle(c.random.IntN(4))
			default:
				c.publish()
			}
			for _, k := range c.takers {
				k.runs = nil
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
