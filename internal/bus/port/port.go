// Package port lets parts of the server publish, subscribe and request in an account, without a
// connection.
//
// A Port has an inbox and, while something waits in it, one goroutine of a task group, on which its
// handlers run one after the other, so that they may be slow without holding up a publisher. Where
// strangers ask, the inbox can be shared out among them. Replies
// to requests do not go that way: they are handed to who waits for them. The package knows nothing
// of what the messages mean. The lock of a port is a leaf.
package port

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/guard"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/internal/core/task"
)

// Errors of a Port.
var (
	// ErrNoResponders says that nobody took a request.
	ErrNoResponders = errors.New("no responders")
	// ErrClosed says that the port was closed.
	ErrClosed = errors.New("the port is closed")
	// ErrSubject says that a subject or the name of a queue is not valid.
	ErrSubject = errors.New("invalid subject")
)

const (
	defaultPending = 64 << 20
	defaultInbox   = "_INBOX."

	// Overhead is what a message in the inbox counts beside its bytes, so that a bound of bytes is
	// one of messages, too.
	overhead = 160
)

// Config is what a Port needs.
type Config struct {
	Account *account.Account
	Tasks   *task.Group
	// Name says what the port is for, in logs and profiles. It is one of a few constants: many ports
	// may have the same.
	Name string
	// ID is a number that no connection of the server has, nor another port.
	ID uint64
	// MaxPending bounds the bytes in the inbox, with those of replies that nobody has looked at;
	// default 64 MiB. What comes beyond is refused.
	MaxPending int
	// Share returns, by its header block, which is empty for none, the key of who sends a message; nil
	// for an inbox that is first come, first served. With it keys are served in turn, and none can fill
	// the inbox: one alone may have a sixteenth of it, more than one less each, and with over 1024 keys
	// the rest count as "". It is called by publishers, many at a time; the block is theirs.
	Share func(header []byte) string
	// Inbox is what the subjects of replies begin with; default "_INBOX.".
	Inbox string
	// Errorf logs; nil for nobody.
	Errorf func(format string, v ...any)
}

// Port is a way into an account. Its methods may be called by any goroutine unless they say otherwise.
type Port struct {
	// fixed
	cfg   Config
	inbox string        // of replies, without the number of the request
	done  chan struct{} // closed by Close

	// atomic
	closed  atomic.Bool
	pending atomic.Int64 // bytes that wait for handlers and requesters
	refused atomic.Int64 // messages refused for want of room and not reported yet

	// owned by the goroutine that handles
	batch    []item
	at       int       // in batch
	reported time.Time // when refusals were logged last

	mu struct {
		guard.Leaf
		queue   []item            // of a port without keys
		shares  map[string]*share // by key
		running bool              // there is a goroutine that handles
		subs    map[*Subscription]struct{}
		next    uint64 // number of the last sid or request
		calls   map[uint64]*call
		ready   chan struct{} // closed when replies can come; nil while nobody has asked
	}
}

// item is a message in the inbox.
type item struct {
	sub *Subscription
	m   *Message
}

// Open returns a port.
func Open(cfg Config) *Port {
	if cfg.MaxPending <= 0 {
		cfg.MaxPending = defaultPending
	}
	if cfg.Inbox == "" {
		cfg.Inbox = defaultInbox
	}
	p := &Port{cfg: cfg, inbox: cfg.Inbox + rand.Text() + ".", done: make(chan struct{})}
	p.mu.subs = map[*Subscription]struct{}{}
	p.mu.calls = map[uint64]*call{}
	if cfg.Share != nil {
		p.mu.shares = map[string]*share{}
	}
	return p
}

// Account is where the port leads to.
func (p *Port) Account() *account.Account { return p.cfg.Account }

// Subscription is one subscription of a Port.
type Subscription struct {
	// fixed
	port   *Port
	owner  account.Owner
	sub    *account.Sub
	handle func(*Message)

	closed atomic.Bool
}

// Subscribe has h called for every message of subject, for its share of them if queue is not empty.
// Messages of one publisher come in their order, with Config.Share those of one key. A panic of h is its task group's; the port goes on
// with the next message. Subscribe fails if the subject is not valid or the port is closed.
func (p *Port) Subscribe(subj, queue string, h func(*Message)) (*Subscription, error) {
	if !subject.ValidSubscription(subj) || !clean(subj) || !clean(queue) {
		return nil, fmt.Errorf("%w: %q", ErrSubject, subj)
	}
	s := &Subscription{port: p, handle: h}
	if err := p.enter(s, (*receiver)(s), subj, queue); err != nil {
		return nil, err
	}
	return s, nil
}

// enter subscribes s, whose messages go to r.
func (p *Port) enter(s *Subscription, r account.Receiver, subj, queue string) error {
	p.mu.Lock()
	p.mu.next++
	n := p.mu.next
	p.mu.Unlock()
	s.owner = account.Owner{Receiver: r, ID: p.cfg.ID}
	s.sub = account.NewSub(&s.owner, fmt.Append(nil, n), []byte(queue))
	p.cfg.Account.Subscribe(s.sub, []byte(subj))

	p.mu.Lock()
	closed := p.closed.Load() // it is set under the lock
	if !closed {
		p.mu.subs[s] = struct{}{}
	}
	p.mu.Unlock()
	if closed {
		s.end()
		return ErrClosed
	}
	return nil
}

// Close ends the subscription. Messages that wait in the inbox are not handled any more; a handler
// that runs goes on.
func (s *Subscription) Close() {
	s.end()
	s.port.mu.Lock()
	delete(s.port.mu.subs, s)
	s.port.mu.Unlock()
}

// end takes s out of its account.
func (s *Subscription) end() {
	s.closed.Store(true)
	s.sub.GiveUp()
	s.port.cfg.Account.Unsubscribe(s.sub)
}

// Close ends the port: its subscriptions end, requests return ErrClosed, its goroutine ends when its
// handler has returned. Close does not wait for that.
func (p *Port) Close() {
	p.mu.Lock()
	if p.closed.Load() {
		p.mu.Unlock()
		return
	}
	p.closed.Store(true)
	subs := p.mu.subs
	p.mu.subs = nil
	p.mu.queue, p.mu.shares = nil, nil
	p.mu.Unlock()
	close(p.done)
	for s := range subs {
		s.end()
	}
}

// Closed reports whether Close was called.
func (p *Port) Closed() bool { return p.closed.Load() }

// clean reports whether s, a subject or the name of a queue, has nothing that ends an argument on
// the wire.
func clean(s string) bool { return !strings.ContainsAny(s, " \t\r\n") }
