package test_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Random users with random permissions in a few accounts subscribe, publish and answer. What happened
// is compared to what the specification says, worked out the slow way: each message must have reached
// everybody who may have it, exactly once, and nobody else.
func TestPermissionsAgainstTheModel(t *testing.T) {
	t.Parallel()
	const fixed, fresh = 4, 4
	seeds := []uint64{}
	for seed := range uint64(fixed) {
		seeds = append(seeds, seed)
	}
	for range fresh {
		seeds = append(seeds, rand.Uint64())
	}
	if text := os.Getenv("SEED"); text != "" { // the name of a failed test
		seed, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
		seeds = []uint64{seed}
	}
	messages, deliveries, refusals := 0, 0, 0
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := newRound(t, rand.New(rand.NewPCG(seed, 4222)))
			for range 4 {
				r.subscribes()
				r.publishes()
			}
			messages, deliveries, refusals = messages+len(r.messages), deliveries+r.deliveries, refusals+r.refusals
		})
	}
	t.Logf("%d messages, %d deliveries, %d refusals", messages, deliveries, refusals)
	require.Positive(t, messages)
	require.Positive(t, deliveries)
	require.Positive(t, refusals)
}

// The model.

// rights are the permissions of a user as they are written in the configuration.
type rights struct {
	publish, publishNot     []string
	subscribe, subscribeNot []string
	answers                 int // to each request; 0: none
}

// matches reports whether a literal subject is one of those that a pattern stands for.
func matches(pattern, subject string) bool {
	first, rest, more := strings.Cut(pattern, ".")
	token, others, longer := strings.Cut(subject, ".")
	switch {
	case first == ">":
		return true
	case first != "*" && first != token:
		return false
	case !more || !longer:
		return more == longer
	}
	return matches(rest, others)
}

// universe are all subjects of one to four tokens, of which one occurs in no pattern.
var universe = func() (all []string) {
	level := []string{""}
	for range 4 {
		var next []string
		for _, s := range level {
			for _, token := range []string{"a", "b", "c", "other"} {
				next = append(next, strings.TrimPrefix(s+"."+token, "."))
			}
		}
		all, level = append(all, next...), next
	}
	return all
}()

// covers reports whether every subject that pattern stands for is one that entry stands for. Patterns
// have at most three tokens, so the universe has an example against it if there is any.
func covers(entry, pattern string) bool {
	for _, s := range universe {
		if matches(pattern, s) && !matches(entry, s) {
			return false
		}
	}
	return true
}

func (r *rights) mayPublish(subject string) bool {
	allowed := len(r.publish) == 0 && r.answers == 0
	for _, entry := range r.publish {
		allowed = allowed || matches(entry, subject)
	}
	for _, entry := range r.publishNot {
		allowed = allowed && !matches(entry, subject)
	}
	return allowed
}

func (r *rights) maySubscribe(pattern, queue string) bool {
	anyQueue, thisQueue, plain := false, false, len(r.subscribe) == 0
	for _, entry := range r.subscribe {
		subject, group, queued := strings.Cut(entry, " ")
		switch {
		case !covers(subject, pattern):
		case queued:
			anyQueue = true
			thisQueue = thisQueue || matches(group, queue)
		default:
			plain = true
		}
	}
	allowed := plain
	if queue != "" && anyQueue {
		allowed = thisQueue
	}
	for _, entry := range r.subscribeNot {
		subject, group, queued := strings.Cut(entry, " ")
		if covers(subject, pattern) && (!queued || queue != "" && matches(group, queue)) {
			allowed = false
		}
	}
	return allowed
}

func (r *rights) mayReceive(subject, queue string) bool {
	for _, entry := range r.subscribeNot {
		denied, group, queued := strings.Cut(entry, " ")
		if matches(denied, subject) && (!queued || queue != "" && matches(group, queue)) {
			return false
		}
	}
	return true
}

// The world.

// actor is a connection.
type actor struct {
	*wire
	rights  *rights
	account string
	echo    bool
	wants   map[string]*want // by sid
	grants  map[string]int   // answers left, by reply subject
	named   int              // sids used
	refused []string         // errors to come
}

// want is a subscription.
type want struct {
	by             *actor
	subject, queue string
}

// message is one that was published.
type message struct {
	id, subject, reply string
	by                 *actor
	accepted           bool
	got                map[*want]int
}

type round struct {
	t                    *testing.T
	random               *rand.Rand
	actors               []*actor
	messages             map[string]*message // by payload
	deliveries, refusals int
}

var queues = []string{"q", "w", "v.x", "v.y"}

// newRound starts a server for three accounts and connects some users of each, a few of them twice.
func newRound(t *testing.T, random *rand.Rand) *round {
	r := &round{t: t, random: random, messages: map[string]*message{}}
	all := map[string]*rights{}
	var conf strings.Builder
	conf.WriteString("accounts {\n")
	for _, account := range []string{"A", "B", "C"} {
		fmt.Fprintf(&conf, "%s { users: [\n", account)
		for i := range 3 {
			name := fmt.Sprint(account, i)
			all[name] = r.rights()
			fmt.Fprintf(&conf, "{user: %s, password: the-password, permissions: %s}\n", name, all[name])
		}
		conf.WriteString("] }\n")
	}
	conf.WriteString("}\n")
	t.Log(conf.String())
	g := guarded(t, conf.String(), "the-password")
	g.SetLogger(g.log, true, random.IntN(4) == 0) // what is traced is written to each by itself
	for _, account := range []string{"A", "B", "C"} {
		for i := range 4 {
			user := fmt.Sprint(account, i%3)
			a := &actor{wire: g.wire(), rights: all[user], account: account, echo: random.IntN(4) > 0,
				wants: map[string]*want{}, grants: map[string]int{}}
			a.enters(fmt.Sprintf(`"user":%q,"pass":"the-password","echo":%v`, user, a.echo))
			r.actors = append(r.actors, a)
		}
	}
	return r
}

// String writes the rights as a configuration has them.
func (r *rights) String() string {
	list := func(entries []string) string {
		if len(entries) == 0 {
			return "[]"
		}
		return `["` + strings.Join(entries, `","`) + `"]`
	}
	text := fmt.Sprintf("{publish: {allow: %s, deny: %s}, subscribe: {allow: %s, deny: %s}",
		list(r.publish), list(r.publishNot), list(r.subscribe), list(r.subscribeNot))
	if r.answers > 0 {
		text += fmt.Sprintf(`, allow_responses: {max: %d, expires: "1h"}`, r.answers)
	}
	return text + "}"
}

func (r *round) rights() *rights {
	one := &rights{
		publish: r.entries(4, false), publishNot: r.entries(2, false),
		subscribe: r.entries(6, true), subscribeNot: r.entries(3, true),
	}
	if r.random.IntN(3) == 0 {
		one.answers = 1 + r.random.IntN(3)
	}
	return one
}

// entries are up to that many entries of a list, none of them often.
func (r *round) entries(most int, queued bool) (list []string) {
	if r.random.IntN(3) == 0 {
		return nil
	}
	for range 1 + r.random.IntN(most) {
		entry := r.pattern()
		if queued && r.random.IntN(3) == 0 {
			entry += " " + []string{"q", "w", "v.x", "v.*", "*", ">", "v.>"}[r.random.IntN(7)]
		}
		list = append(list, entry)
	}
	return list
}

func (r *round) subject() string { return r.tokens([]string{"a", "b", "c"}) }

func (r *round) pattern() string {
	p := r.tokens([]string{"a", "b", "c", "*", "*"})
	switch r.random.IntN(4) {
	case 0:
		return p[:len(p)-1] + ">" // each token has one byte
	case 1:
		return strings.Repeat("*.", r.random.IntN(2)) + ">"
	}
	return p
}

func (r *round) tokens(of []string) string {
	var tokens []string
	for range 1 + r.random.IntN(3) {
		tokens = append(tokens, of[r.random.IntN(len(of))])
	}
	return strings.Join(tokens, ".")
}

// subscribes lets each actor leave some of its subscriptions and make new ones.
func (r *round) subscribes() {
	for _, a := range r.actors {
		var out strings.Builder
		for range 6 {
			w := &want{by: a, subject: r.pattern()}
			if r.random.IntN(2) == 0 {
				w.queue = queues[r.random.IntN(len(queues))]
			}
			a.named++
			sid := fmt.Sprint(a.named)
			fmt.Fprintf(&out, "SUB %s %s %s\r\n", w.subject, w.queue, sid)
			switch {
			case a.rights.maySubscribe(w.subject, w.queue):
				a.wants[sid] = w
			case w.queue == "":
				a.refused = append(a.refused, fmt.Sprintf(`Permissions Violation for Subscription to %q`, w.subject))
			default:
				a.refused = append(a.refused, fmt.Sprintf(`Permissions Violation for Subscription to %q using queue %q`, w.subject, w.queue))
			}
		}
		for i := range a.named {
			if sid := fmt.Sprint(i); r.random.IntN(6) == 0 {
				fmt.Fprintf(&out, "UNSUB %s\r\n", sid)
				delete(a.wants, sid)
			}
		}
		out.WriteString("PING")
		a.say("%s", out.String())
	}
	for _, a := range r.actors {
		r.listens(a)
		r.heardRefusals(a)
	}
}

// publishes lets all actors publish at the same time, and answer what they were asked.
func (r *round) publishes() {
	var now []*message
	for _, a := range r.actors {
		var out strings.Builder
		send := func(subject, reply string, accepted bool) {
			m := &message{id: fmt.Sprint("m", len(r.messages)), subject: subject, reply: reply, by: a, accepted: accepted, got: map[*want]int{}}
			r.messages[m.id], now = m, append(now, m)
			fmt.Fprintf(&out, "PUB %s %s %d\r\n%s\r\n", subject, reply, len(m.id), m.id)
			if !accepted {
				a.refused = append(a.refused, fmt.Sprintf(`Permissions Violation for Publish to %q`, subject))
			}
		}
		for i := range 25 {
			subject, reply := r.subject(), ""
			if r.random.IntN(3) == 0 {
				reply = fmt.Sprintf("r.%d.%d", a.info.CID, len(r.messages)+i)
			}
			send(subject, reply, a.rights.mayPublish(subject))
		}
		for reply, left := range a.grants {
			for range 1 + r.random.IntN(4) {
				left--
				send(reply, "", left >= 0)
			}
			delete(a.grants, reply)
		}
		out.WriteString("PING")
		a.say("%s", out.String())
	}
	for range 2 { // what others published comes before the second PONG
		for _, a := range r.actors {
			r.listens(a)
			a.say("PING")
		}
	}
	for _, a := range r.actors {
		r.listens(a)
		r.heardRefusals(a)
	}
	for _, m := range now {
		r.judges(m)
	}
}

// listens reads what comes to a until PONG.
func (r *round) listens(a *actor) {
	for {
		line := a.hear()
		words := strings.Fields(line)
		switch {
		case line == "PONG":
			return
		case words[0] == "-ERR":
			text := strings.TrimSuffix(strings.TrimPrefix(line, "-ERR '"), "'")
			require.NotEmpty(r.t, a.refused, "%s of %s", text, a.account)
			require.Equal(r.t, a.refused[0], text)
			a.refused = a.refused[1:]
			r.refusals++
		case words[0] == "MSG":
			m := r.messages[a.hear()]
			require.NotNil(r.t, m, line)
			require.Equal(r.t, m.subject, words[1])
			w := a.wants[words[2]]
			require.NotNil(r.t, w, "%s: there is no such subscription", line)
			m.got[w]++
			r.deliveries++
			if m.reply != "" && a.rights.answers > 0 && !a.rights.mayPublish(m.reply) {
				a.grants[m.reply] = a.rights.answers
			}
		default:
			require.Fail(r.t, line)
		}
	}
}

func (r *round) heardRefusals(a *actor) {
	require.Empty(r.t, a.refused, "connection %d of %s was not told", a.info.CID, a.account)
}

// judges compares who got a message to who should have.
func (r *round) judges(m *message) {
	members, taken := map[string]int{}, map[string]int{}
	for _, a := range r.actors {
		for sid, w := range a.wants {
			may := m.accepted && a.account == m.by.account && matches(w.subject, m.subject) &&
				(a != m.by || a.echo) && a.rights.mayReceive(m.subject, w.queue)
			got := m.got[w]
			switch {
			case !may && got != 0 || may && w.queue == "" && got != 1:
				require.Failf(r.t, "wrongly delivered", "%s %q of %s came %d times to connection %d of %s: sid %s, %q in %q",
					m.id, m.subject, m.by.account, got, a.info.CID, a.account, sid, w.subject, w.queue)
			case may && w.queue != "":
				members[w.queue]++
				taken[w.queue] += got
			}
		}
	}
	for queue := range members {
		require.Equal(r.t, 1, taken[queue], "%s %q of %s for %d members of %s", m.id, m.subject, m.by.account, members[queue], queue)
	}
}
