package system

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/server/status"
)

// accountServices are those about one account, which stands in the subject.
func (s *System) accountServices() []service {
	src := &s.cfg.Source
	return []service{
		{"SUBSZ", src.Subsz != nil, func(q *question) {
			ask(q, s.subsz, func(o *status.SubszOptions) { o.Account, o.Subscriptions = q.account(), true }, false)
		}},
		{"CONNZ", src.Connz != nil, func(q *question) {
			ask(q, src.Connz, func(o *status.ConnzOptions) { o.Account = q.account() }, true)
		}},
		{"LEAFZ", src.Leafz != nil, func(q *question) {
			ask(q, src.Leafz, func(o *status.LeafzOptions) { o.Account = q.account() }, false)
		}},
		{"INFO", src.Accountz != nil, func(q *question) { ask(q, q.detail, nil, true) }},
		{"JSZ", src.Jsz != nil, func(q *question) { ask(q, q.streams, nil, true) }},
		{"STATZ", src.AccountStatz != nil, (*question).usage},
		{"CONNS", src.AccountStatz != nil, (*question).connections},
	}
}

// account returns the token of the subject that names the account or, for all of them, PING.
func (q *question) account() string {
	tokens := strings.SplitN(q.m.Subject, ".", 5)
	return tokens[min(3, len(tokens)-1)]
}

// detail describes the account.
func (q *question) detail(*struct{}) (*status.AccountInfo, error) {
	z, err := q.system.cfg.Source.Accountz(&status.AccountzOptions{Account: q.account()})
	if err != nil {
		return nil, err
	}
	return z.Account, nil
}

// streams describes what the account has in JetStream, which this server does not have.
func (q *question) streams(*struct{}) (*status.JSInfo, error) {
	if name := q.account(); q.system.cfg.Lookup.Account(name) == nil {
		return nil, fmt.Errorf("account %q not found", name)
	}
	return nil, errNoJetStream
}

// usage tells what the account uses, or all accounts; it is silent rather than say nothing.
func (q *question) usage() {
	var o status.AccountStatzOptions
	if q.m.Reply == "" || !q.read(&o) {
		return
	}
	if name := q.account(); name != toAll || q.foreign() {
		o.Accounts = []string{name}
	}
	z, err := q.system.cfg.Source.AccountStatz(&o)
	switch {
	case err != nil:
		q.fail(http.StatusInternalServerError, err.Error(), false)
	case len(z.Accounts) > 0 || o.IncludeUnused:
		q.data(z)
	}
}

// connections answers with the number of connections, without the usual frame.
func (q *question) connections() {
	var o struct {
		Account string `json:"acc"`
	}
	name := q.account()
	if q.m.Reply == "" || len(q.m.Data) > mostBody || len(q.m.Data) > 0 && json.Unmarshal(q.m.Data, &o) != nil ||
		o.Account != "" && o.Account != name {
		return
	}
	z, err := q.system.cfg.Source.AccountStatz(&status.AccountStatzOptions{Accounts: []string{name}})
	if err == nil && len(z.Accounts) > 0 {
		q.bare(q.system.numbers(z.Accounts[0]))
	}
}

// asker is who asks, as the import by which the request came tells; ok is false if it does not, or not
// legibly.
func (q *question) asker() (p account.Party, ok bool) {
	text := q.m.Get(requestInfo)
	return p, text != "" && json.Unmarshal([]byte(text), &p) == nil
}

// sender returns the account that asks, by the header of its request; empty for the system account
// itself.
func sender(header []byte) string {
	text := (&port.Message{Header: header}).Get(requestInfo)
	if text == "" {
		return ""
	}
	var p struct {
		Account string `json:"acc"`
	}
	_ = json.Unmarshal([]byte(text), &p) // what is not legible is a share, too
	return p.Account
}

// foreign reports whether another account asks, which may have the name that stands for all.
func (q *question) foreign() bool { return q.m.Get(requestInfo) != "" }

// narrow keeps other accounts to their own connections: every account may ask servers for those.
func (q *question) narrow(o *status.ConnzOptions) {
	if !q.foreign() {
		return
	}
	p, _ := q.asker()
	if o.Account = p.Account; p.Account == "" {
		o.Account = nobody
	}
}

// nobody is the name of no account.
const nobody = " "

// user tells a user of itself.
func (q *question) user() {
	if q.m.Reply == "" {
		return
	}
	// The import puts the account into the subject; all three must agree.
	if p, ok := q.asker(); ok && p.Account == q.account() {
		if u := q.system.cfg.Lookup.User(p.ID); u != nil && u.Account == p.Account {
			answer := *u
			if u.Expires != 0 { // which would be for ever
				answer.Expires = max(u.Expires.Truncate(time.Second), time.Second)
			}
			q.data(&answer)
			return
		}
	}
	q.fail(http.StatusBadRequest, "", false)
}

// subscribers counts those in the asking account who want a subject, or something that it contains.
// The body is the subject, and a group if only its members count.
func (q *question) subscribers() {
	if q.m.Reply == "" || len(q.m.Data) > mostBody {
		return
	}
	a := q.system.cfg.Account
	if q.foreign() {
		p, _ := q.asker()
		a = q.system.cfg.Lookup.Account(p.Account)
	}
	n := 0
	if words := strings.Fields(string(q.m.Data)); a != nil && len(words) > 0 && subject.ValidSubscription(words[0]) {
		group := strings.Join(words[1:], " ")
		each(a, words[0], func(sub *account.Sub) {
			if (group == "" || sub.Queue() == group) && q.system.cfg.Lookup.IsClient(sub.Owner().ID) {
				n++
			}
		})
	}
	q.port.Publish(&port.Message{Subject: q.m.Reply, Data: strconv.AppendInt(nil, int64(n), 10)})
}

// politeness is the number of subscriptions after which a search lets others run.
const politeness = 256

// each calls f for the subscriptions that match a literal subject, or that are subsets of one with
// wildcards.
func each(a *account.Account, subj string, f func(*account.Sub)) {
	if !subject.HasWildcard(subj) {
		var m account.Matches
		a.Match([]byte(subj), &m)
		for _, sub := range m.Plain {
			f(sub)
		}
		for _, group := range m.Queues {
			for _, sub := range group.Members {
				f(sub)
			}
		}
		return
	}
	n := 0
	a.Each(func(sub *account.Sub) bool {
		if n++; n%politeness == 0 {
			runtime.Gosched()
		}
		if subject.Covers(subj, sub.Subject()) {
			f(sub)
		}
		return true
	})
}
