// Package perm holds what a connection may publish and receive.
//
// Permissions are immutable values: they are swapped whole and read by any goroutine without a
// lock. The package knows nothing of connections, and of the wire only the subject grammar.
package perm

import "github.com/baridmq/barid/internal/core/subject"

// List is an allow list and a deny list of subjects, which may have wildcards.
type List struct {
	// Allow names what is allowed; nil allows everything.
	Allow []string
	// Deny takes away from what Allow gives.
	Deny []string
}

// Permissions says what one connection may do. A nil *Permissions allows everything.
type Permissions struct {
	// Publish bounds the subjects of published messages.
	Publish List
	// Subscribe bounds the subjects of subscriptions and of the messages delivered to them.
	Subscribe List
}

// MayPublish reports whether a message with the literal subject s may be published.
func (p *Permissions) MayPublish(s []byte) bool {
	return p == nil || (p.Publish.allows(string(s)) && !p.Publish.denies(string(s)))
}

// MaySubscribe reports whether a subscription to s is accepted. A subscription broader than a
// denied subject is accepted; what is denied is then held back by MayReceive.
func (p *Permissions) MaySubscribe(s string) bool {
	if p == nil {
		return true
	}
	allowed := p.Subscribe.Allow == nil
	for _, a := range p.Subscribe.Allow {
		allowed = allowed || subject.Covers(a, s)
	}
	for _, d := range p.Subscribe.Deny {
		allowed = allowed && !subject.Covers(d, s)
	}
	return allowed
}

// Filters reports whether MayReceive can hold anything back from an accepted subscription to s.
func (p *Permissions) Filters(s string) bool {
	if p == nil {
		return false
	}
	for _, d := range p.Subscribe.Deny {
		if subject.Overlaps(d, s) {
			return true
		}
	}
	return false
}

// MayReceive reports whether a message with the literal subject s may be delivered.
func (p *Permissions) MayReceive(s []byte) bool {
	return p == nil || !p.Subscribe.denies(string(s))
}

func (l *List) allows(s string) bool {
	if l.Allow == nil {
		return true
	}
	for _, a := range l.Allow {
		if subject.Matches(s, a) {
			return true
		}
	}
	return false
}

func (l *List) denies(s string) bool {
	for _, d := range l.Deny {
		if subject.Matches(s, d) {
			return true
		}
	}
	return false
}
