package perm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/subject"
)

// model is what the permissions have to be: the sentences of the rules, read one entry after
// the other.
type model Rules

// parted splits "subject queue".
func parted(entry string) (subj, queue string) {
	subj, queue, _ = strings.Cut(entry, " ")
	return subj, queue
}

func (m *model) mayPublish(s string) bool {
	matches := func(entry string) bool { return subject.Matches(s, entry) }
	free := len(m.Publish.Allow) == 0 && m.Responses == nil
	return (free || slices.ContainsFunc(m.Publish.Allow, matches)) && !slices.ContainsFunc(m.Publish.Deny, matches)
}

func (m *model) maySubscribe(s, queue string) bool {
	var plain, queued, mine bool
	for _, entry := range m.Subscribe.Allow {
		if subj, q := parted(entry); subject.Covers(subj, s) {
			plain = plain || q == ""
			queued = queued || q != ""
			mine = mine || q != "" && sameQueue(queue, q)
		}
	}
	allowed := len(m.Subscribe.Allow) == 0
	switch {
	case allowed:
	case queue != "" && queued:
		allowed = mine
	default:
		allowed = plain
	}
	return allowed && !m.denies(queue, func(subj string) bool { return subject.Covers(subj, s) })
}

func (m *model) mayReceive(s, queue string) bool {
	return !m.denies(queue, func(subj string) bool { return subject.Matches(s, subj) })
}

func (m *model) filters(s, queue string) bool {
	return m.denies(queue, func(subj string) bool { return subject.Overlaps(s, subj) })
}

// denies reports whether a deny entry with a subject that is concerned is for queue.
func (m *model) denies(queue string, concerned func(subj string) bool) bool {
	return slices.ContainsFunc(m.Subscribe.Deny, func(entry string) bool {
		subj, q := parted(entry)
		return concerned(subj) && (q == "" || queue != "" && sameQueue(queue, q))
	})
}

// sameQueue is subject.Matches for names that may have empty tokens.
func sameQueue(queue, pattern string) bool {
	q, p := strings.Split(queue, "."), strings.Split(pattern, ".")
	if last := len(p) - 1; p[last] == ">" {
		if len(q) < len(p) {
			return false
		}
		q, p = q[:last], p[:last]
	}
	return slices.EqualFunc(q, p, func(q, p string) bool { return p == "*" || p == q })
}

func (m *model) check(t *testing.T, p *Permissions, s, queue string) {
	t.Helper()
	about := func() string { return fmt.Sprintf("%q %q of %+v", s, queue, *m) }
	if p.MayPublish([]byte(s)) != m.mayPublish(s) {
		require.Fail(t, "MayPublish "+about())
	}
	if p.MayReceive([]byte(s), queue) != m.mayReceive(s, queue) {
		require.Fail(t, "MayReceive "+about())
	}
	if p.MaySubscribe(s, queue) != m.maySubscribe(s, queue) {
		require.Fail(t, "MaySubscribe "+about())
	}
	if subject.ValidSubscription(s) && p.Filters(s, queue) != m.filters(s, queue) {
		require.Fail(t, "Filters "+about())
	}
}

// checkSubscription checks what an accepted subscription receives, by all subjects it matches.
func (m *model) checkSubscription(t *testing.T, p *Permissions, s, queue string, subjects []string) {
	t.Helper()
	if !p.MaySubscribe(s, queue) {
		return
	}
	refused := false
	for _, message := range subjects {
		if !subject.Matches(message, s) {
			continue
		}
		may := p.MayReceive([]byte(message), queue)
		refused = refused || !may
		if may && !m.mayReceive(message, queue) {
			require.Fail(t, "receives what is denied", "%q %q %q of %+v", message, s, queue, *m)
		}
	}
	if refused != p.Filters(s, queue) {
		require.Fail(t, "Filters is wrong", "%q %q of %+v", s, queue, *m)
	}
}

// lists returns every subject of one to most tokens.
func lists(tokens []string, most int) (all []string) {
	longest := []string{""}
	for range most {
		var longer []string
		for _, s := range longest {
			for _, token := range tokens {
				longer = append(longer, strings.TrimPrefix(s+"."+token, "."))
			}
		}
		all, longest = append(all, longer...), longer
	}
	return all
}

// TestAgainstModel compares random rules, once with few tokens and deep, once with many.
func TestAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 3))
	for _, c := range []struct {
		tokens                string
		depth, entries, times int
	}{{"ab", 3, 6, 400}, {"abcdefghijkl", 2, 60, 40}} {
		tokens := strings.Split(c.tokens, "")
		patterns := slices.DeleteFunc(lists(append(tokens, "*", ">"), c.depth), func(s string) bool { return !subject.ValidSubscription(s) })
		subjects := lists(append(tokens, "z"), c.depth+1)
		odd := lists([]string{"a", "*", ">", ""}, 3)
		queues := append([]string{""}, lists([]string{"a", "b", "*", ""}, 2)...)
		pick := func(list []string) string { return list[random.IntN(len(list))] }
		some := func(withQueues bool) (list []string) {
			if random.IntN(3) == 0 {
				return nil
			}
			for range random.IntN(c.entries) {
				entry := pick(patterns)
				if withQueues && random.IntN(2) == 0 {
					entry += " " + pick([]string{"a", "b", "a.b", "a.*", "*.a", "*", "a.>", ">"})
				}
				list = append(list, entry)
			}
			return list
		}
		for range c.times {
			m := &model{Publish: List{some(false), some(false)}, Subscribe: List{some(true), some(true)}}
			if random.IntN(4) == 0 {
				m.Responses = &Responses{}
			}
			p := compiled(t, Rules(*m))
			for range 100 {
				queue := pick(queues)
				m.check(t, p, pick(odd), queue)
				m.check(t, p, pick(subjects), queue)
				m.check(t, p, pick(patterns), queue)
			}
			for range 5 {
				m.checkSubscription(t, p, pick(patterns), pick(queues), subjects)
			}
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("a.*\nb", "a.b", "a.> q\nb", "a.b q.*", "a.b", "q.r", true)
	f.Add("", "", "", "", ">", "", false)
	f.Add("a..b", ">", "a b c", ".", "*", "a..b", false)
	f.Add(">", "*.>", "> >", "* *", "a.*.b.>", ".", false)
	split := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(s, "\n")
	}
	f.Fuzz(func(t *testing.T, pubAllow, pubDeny, subAllow, subDeny, s, queue string, responses bool) {
		m := &model{Publish: List{split(pubAllow), split(pubDeny)}, Subscribe: List{split(subAllow), split(subDeny)}}
		if responses {
			m.Responses = &Responses{}
		}
		p, err := Compile(Rules(*m))
		if err != nil {
			require.Nil(t, p)
			return
		}
		m.check(t, p, s, queue)
	})
}
