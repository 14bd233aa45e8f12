package fanout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/subject"
)

// world is a random account beside a slow model of it.
type world struct {
	t      *testing.T
	random *rand.Rand
	acc    *account.Account
	p      *publisher
	takers []*taker
	subs   []*wish
	next   int // sid of the next subscription
	sent   int // messages published so far
}

// wish is a subscription as the model knows it.
type wish struct {
	sub    *account.Sub
	of     *taker
	sid    string
	expect []string // what a plain subscription must have got since the last check
}

var tokens = []string{"a", "b", "c"}

func (w *world) subject(wild bool) string {
	var s []string
	for range 1 + w.random.IntN(3) {
		token := tokens[w.random.IntN(len(tokens))]
		if wild && w.random.IntN(4) == 0 {
			token = "*"
		}
		s = append(s, token)
	}
	if wild && w.random.IntN(5) == 0 {
		s = append(s, ">")
	}
	return strings.Join(s, ".")
}

func (w *world) subscribe() {
	w.next++
	k := w.takers[w.random.IntN(len(w.takers))]
	if w.random.IntN(10) == 0 {
		k = w.p.taker
	}
	sid := strconv.Itoa(w.next)
	queue := []string{"", "", "q", "r"}[w.random.IntN(4)]
	w.subs = append(w.subs, &wish{of: k, sid: sid, sub: k.sub(w.acc, w.subject(true), sid, queue)})
}

func (w *world) unsubscribe() {
	if len(w.subs) == 0 {
		return
	}
	i := w.random.IntN(len(w.subs))
	s := w.subs[i]
	w.subs = slices.Delete(w.subs, i, i+1)
	require.Empty(w.t, s.expect)
	require.True(w.t, w.acc.Unsubscribe(s.sub))
}

// message makes the next message; its payload is its number. Half of them repeat a subject.
func (w *world) message(last string) (subject, text string) {
	subject = w.subject(w.random.IntN(20) == 0) // a wildcard is just a token here
	if last != "" && w.random.IntN(2) == 0 {
		subject = last
	}
	w.sent++
	reply := ""
	if w.random.IntN(3) == 0 {
		reply = "r" // then it may go unheard
	}
	return subject, subject + ">" + reply + "=" + strconv.Itoa(w.sent)
}

// publish publishes a batch and says now and then something in between; the model notes who must
// have it.
func (w *world) publish() (queued map[string]map[string]bool, unheard, said []string) {
	queued = map[string]map[string]bool{} // group and message → sids one of which must have it
	subj, text := "", ""
	var words []pub
	for range 1 + w.random.IntN(12) {
		subj, text = w.message(subj)
		subjectEnd, rest, _ := strings.Cut(text, "=")
		s, reply := subj, strings.TrimPrefix(subjectEnd[len(subj):], ">")
		words = append(words, pub{s, reply, rest})
	}
	buf, msgs := lay(words)
	trip := Get()
	defer trip.Put()
	trip.Begin(Batch{Origin: 1, Buf: buf, Own: &w.p.box, From: w.p})
	for i := range msgs {
		word := words[i].subject + "=" + words[i].payload
		heard := false
		for _, s := range w.subs {
			if !subject.Matches(words[i].subject, s.sub.Subject()) {
				continue
			}
			heard = true
			if q := s.sub.Queue(); q == "" {
				s.expect = append(s.expect, s.sid+":"+word)
			} else {
				key := q + " " + word
				if queued[key] == nil {
					queued[key] = map[string]bool{}
				}
				queued[key][s.sid+":"+word] = true
			}
		}
		if !heard && words[i].reply != "" {
			unheard = append(unheard, word)
		}
		trip.Add(w.acc, &msgs[i])
		if w.random.IntN(6) == 0 {
			line := fmt.Sprintf("said:%d", w.sent*100+i)
			said = append(said, line)
			trip.Say([]byte(line+" "), w.random.IntN(2) == 0)
		}
		if w.random.IntN(10) == 0 {
			trip.Settle()
			w.subscribe() // it gets what comes behind
		}
	}
	trip.Flush()
	return queued, unheard, said
}

// check compares what came with what the model says.
func (w *world) check(queued map[string]map[string]bool, unheard, said []string) {
	got := map[string][]string{} // by sid
	for _, k := range append(w.takers, w.p.taker) {
		for _, word := range strings.Fields(k.take()) {
			sid, _, _ := strings.Cut(word, ":")
			got[sid] = append(got[sid], word)
		}
	}
	require.Equal(w.t, said, got["said"])
	delete(got, "said")
	for _, s := range w.subs {
		if s.sub.Queue() == "" {
			require.Equal(w.t, s.expect, got[s.sid], "%s on %s", s.sid, s.sub.Subject())
			s.expect = nil
			delete(got, s.sid)
		}
	}
	for key, allowed := range queued {
		n := 0
		for word := range allowed {
			sid, _, _ := strings.Cut(word, ":")
			if at := slices.Index(got[sid], word); at >= 0 {
				got[sid] = slices.Delete(got[sid], at, at+1)
				n++
			}
		}
		require.Equal(w.t, 1, n, "members of a group that got %s", key)
	}
	for sid, words := range got {
		require.Empty(w.t, words, "messages for %s that nobody sent it", sid)
	}
	require.Equal(w.t, unheard, w.p.unheard)
	w.p.unheard = nil
}

// Random subscriptions and messages: every plain subscription gets each message that it matches
// once and in order, and of each queue group exactly one member does.
func TestDeliveriesAgreeWithASlowModel(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &world{t: t, random: rand.New(rand.NewPCG(seed, 7)), acc: newAccount(), p: newPublisher()}
			for i := range 6 {
				w.takers = append(w.takers, newTaker(uint64(2+i)))
			}
			for range 40 {
				for range w.random.IntN(6) {
					if w.random.IntN(3) == 0 {
						w.unsubscribe()
					} else {
						w.subscribe()
					}
				}
				w.check(w.publish())
			}
			require.Equal(t, len(w.subs), w.acc.Subscriptions())
		})
	}
}
