// Package perm holds what a connection may publish, subscribe to and receive.
//
// Rules are what a configuration or a token says; Compile checks them and makes Permissions of
// them. Those are immutable: they are swapped whole, and read by any goroutine without a lock.
// Grants are what a connection may publish on top, because it received a message that asks for
// a reply; they have one leaf lock.
//
// The package knows nothing of connections and accounts, and of the wire only the subject
// grammar. It owns no goroutine.
package perm

import (
	"slices"
	"time"

	"github.com/baridmq/barid/internal/core/subject"
)

// List is an allow list and a deny list of subjects, which may have wildcards. An entry for
// subscriptions may be "subject queue", and its queue a pattern with the wildcards of subjects.
type List struct {
	// Allow names what is allowed; an empty one allows everything.
	Allow []string
	// Deny takes away from what Allow gives.
	Deny []string
}

// Rules are permissions as they are written down. The zero value restricts nothing.
type Rules struct {
	// Publish bounds the subjects of published messages. Its entries have no queues.
	Publish List
	// Subscribe bounds the subjects and queues of subscriptions, and what is delivered to them.
	Subscribe List
	// Responses lets a connection answer the messages it receives; nil does not. Without an
	// allow list in Publish, answers are all it may publish.
	Responses *Responses
}

// Responses says how a message with a reply subject may be answered.
type Responses struct {
	// Max is how many messages may be published to the reply subject of one message. 0 is the
	// default of 1, less is any number.
	Max int
	// Expires is how long they may be. 0 is the default of two minutes, less is for ever.
	Expires time.Duration
}

const (
	defaultResponses = 1
	defaultExpires   = 2 * time.Minute
)

// Permissions says what one connection may do. A nil *Permissions allows everything. All
// methods may be called by any goroutine. MayPublish and MayReceive are made to be asked for
// every message: they do not allocate and take about the same time whatever the number of rules.
// That is why decisions are not kept: to find one would take as long.
type Permissions struct {
	publish   rules
	subscribe rules
	responses *Responses
	source    Rules // what it was made of, for reports
}

// rules are a compiled List.
type rules struct {
	open        bool // there is no allow list
	allow, deny entries
}

// Compile makes Permissions of r and keeps nothing of r but its texts. They are nil if r restricts nothing.
// An error names the entry that is not valid.
func Compile(r Rules) (*Permissions, error) {
	publish, err := compile(r.Publish, false)
	if err != nil {
		return nil, err
	}
	subscribe, err := compile(r.Subscribe, true)
	if err != nil {
		return nil, err
	}
	p := &Permissions{publish: publish, subscribe: subscribe, source: r.clone()}
	if r.Responses != nil {
		responses := r.Responses.resolved()
		p.responses, p.publish.open = &responses, false
	}
	if p.publish.unbounded() && p.subscribe.unbounded() {
		return nil, nil
	}
	return p, nil
}

// Rules returns what p says, for reports; nothing for nil. It must not be changed.
func (p *Permissions) Rules() Rules {
	if p == nil {
		return Rules{}
	}
	return p.source
}

func (r Rules) clone() Rules {
	r.Publish, r.Subscribe = r.Publish.clone(), r.Subscribe.clone()
	if r.Responses != nil {
		responses := *r.Responses
		r.Responses = &responses
	}
	return r
}

func (l List) clone() List { return List{Allow: slices.Clone(l.Allow), Deny: slices.Clone(l.Deny)} }

func compile(l List, queues bool) (r rules, err error) {
	r.open = len(l.Allow) == 0
	if err = r.allow.addAll(l.Allow, queues); err == nil {
		err = r.deny.addAll(l.Deny, queues)
	}
	return r, err
}

func (r *rules) unbounded() bool { return r.open && r.deny == entries{} }

// resolved returns r with the defaults in place of what is 0.
func (r Responses) resolved() Responses {
	if r.Max == 0 {
		r.Max = defaultResponses
	}
	if r.Expires == 0 {
		r.Expires = defaultExpires
	}
	return r
}

// MayPublish reports whether a message with the literal subject may be published.
func (p *Permissions) MayPublish(subject []byte) bool {
	if p == nil {
		return true
	}
	r := &p.publish
	if hasEmptyToken(subject) {
		return r.open // no entry matches
	}
	return (r.open || r.allow.match(subject, "")) && !r.deny.match(subject, "")
}

// MaySubscribe reports whether a subscription to subj is accepted, with queue as the name of
// its queue group or "" if it has none. One that is broader than a deny entry is accepted; what
// is denied is then held back by MayReceive.
//
// An entry without a queue is for plain and queue subscriptions alike. But as soon as an allow
// entry with a queue covers subj, the queues of such entries are the only ones.
func (p *Permissions) MaySubscribe(subj, queue string) bool {
	if p == nil {
		return true
	}
	r := &p.subscribe
	if !subject.ValidSubscription(subj) {
		return r.open // no entry covers it
	}
	s, q := []byte(subj), []byte(queue)
	return (r.open || r.allow.admit(s, q)) && !r.deny.cover(s, q)
}

// Filters reports whether MayReceive can hold anything back from an accepted subscription. It
// allocates only for names of more than 256 bytes. With the wildcard "*" in subject it may have
// to look at all deny entries.
func (p *Permissions) Filters(subject, queue string) bool {
	return p != nil && p.subscribe.deny.overlap(subject, queue)
}

// MayReceive reports whether a message with the literal subject may be delivered to an accepted
// subscription with that queue ("" if it has none).
func (p *Permissions) MayReceive(subject []byte, queue string) bool {
	return p == nil || hasEmptyToken(subject) || !p.subscribe.deny.match(subject, queue)
}

// Responses says how messages with a reply may be answered, with defaults resolved; nil if that
// gives no permission. It must not be changed.
func (p *Permissions) Responses() *Responses {
	if p == nil {
		return nil
	}
	return p.responses
}
