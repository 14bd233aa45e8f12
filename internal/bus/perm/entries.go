package perm

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/baridmq/barid/internal/core/subject"
)

// entries are the subjects of an allow or a deny list.
type entries struct {
	plain  *node // of the entries without a queue
	queued *node // of those with one
}

func (e *entries) addAll(list []string, queues bool) error {
	for _, entry := range list {
		subj, queue, queued := entry, "", false
		if queues {
			subj, queue, queued = strings.Cut(entry, " ")
		}
		switch {
		case !valid(subj):
			return fmt.Errorf("subject %q is not a valid subject", subj)
		case queued && !valid(queue):
			return fmt.Errorf("queue %q is not a valid queue", queue)
		case queued:
			made(&made(&e.queued).add(subj).queues).add(queue)
		default:
			made(&e.plain).add(subj)
		}
	}
	return nil
}

// valid reports whether s is a subject or a queue of a list. Unlike on the wire, nobody has
// looked for white space before.
func valid(s string) bool {
	return subject.ValidSubscription(s) && !strings.ContainsAny(s, " \t\r\n\f")
}

// room is how long a subject or queue may be to be looked up without an allocation, in bytes.
const room = 256

// match reports whether an entry matches a message with the literal subject s, which has no
// empty token, for a subscription with that queue.
func (e *entries) match(s []byte, queue string) bool {
	if e.plain.find(s, query{}) {
		return true
	}
	if e.queued == nil || queue == "" {
		return false
	}
	var buf [room]byte
	return e.queued.find(s, query{queue: append(buf[:0], queue...)})
}

// cover reports whether an entry covers the subject s of a subscription with that queue.
func (e *entries) cover(s, queue []byte) bool {
	return e.plain.find(s, query{covers: true}) ||
		len(queue) > 0 && e.queued.find(s, query{covers: true, queue: queue})
}

// admit is cover for an allow list: if an entry with a queue covers s, only those count for a
// queue subscription.
func (e *entries) admit(s, queue []byte) bool {
	if len(queue) > 0 && e.queued.find(s, query{covers: true}) {
		return e.queued.find(s, query{covers: true, queue: queue})
	}
	return e.plain.find(s, query{covers: true})
}

// overlap reports whether match can be true for a subject that a subscription to s receives.
func (e *entries) overlap(s, queue string) bool {
	if e.plain == nil && (e.queued == nil || queue == "") {
		return false
	}
	var subj, name [room]byte
	b := append(subj[:0], s...)
	return e.plain.overlaps(b, query{}) ||
		queue != "" && e.queued.overlaps(b, query{queue: append(name[:0], queue...)})
}

// hasEmptyToken reports whether a token of s is empty; an empty s is one.
func hasEmptyToken(s []byte) bool {
	return len(s) == 0 || s[0] == '.' || s[len(s)-1] == '.' || bytes.Contains(s, []byte(".."))
}
