package account

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/core/guard"
	"github.com/baridmq/barid/internal/core/msg"
)

// # Replies to requests from other accounts
//
// A responder must not learn a subject of the requester's account, and could not publish there. So the
// request gets a reply subject of the exporter, _R_.<account>.<request>, for which the exporter has one
// entry. A table says to whom the replies go. Requests that nobody answers leave it by and by: those of
// the same threshold stand in a list in the order of their deadlines.

// Bounds of one table. A request counts with its reply subject and what it takes beside that.
const (
	mostRequests    = 1 << 20
	mostRemembered  = 256 << 20 // bytes
	bytesPerRequest = 256
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// token is one that cannot be guessed.
type token [6]byte

func newToken() (t token) {
	n := rand.Uint64() // the top-level source is seeded by the system and cannot be predicted
	for i := range t {
		t[i] = base62[n%62]
		n /= 62
	}
	return t
}

const answerPrefix = "_R_."

// Request is a request from another account that may be answered. Its exported fields do not change.
type Request struct {
	// Passage is by what it came, Reply the subject in the importer where the answer goes.
	Passage *Passage
	Reply   string
	// Measure is a note of whoever sent it on, nil for none.
	Measure any

	token      token
	threshold  time.Duration
	deadline   time.Time
	prev, next *Request
}

// queue holds the requests of one threshold, in the order of their deadlines.
type queue struct{ first, last *Request }

func (q *queue) append(r *Request) {
	r.prev, r.next = q.last, nil
	if q.last != nil {
		q.last.next = r
	} else {
		q.first = r
	}
	q.last = r
}

func (q *queue) remove(r *Request) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		q.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		q.last = r.prev
	}
	r.prev, r.next = nil, nil
}

// answers is the table of an account that exports services.
type answers struct {
	// fixed
	account *Account
	prefix  string
	most    int // bytes; see mostRemembered
	owner   Owner
	sub     Sub

	// atomic
	pending atomic.Int64 // requests in the table
	opened  atomic.Bool  // the entry is in the index

	mu struct {
		guard.Leaf
		requests map[token]*Request
		queues   map[time.Duration]*queue
		bytes    int
	}
}

func (t *answers) init(a *Account) {
	own := newToken()
	t.account, t.most = a, mostRemembered
	t.prefix = answerPrefix + string(own[:]) + "."
	t.owner.Receiver, t.sub.owner = t, &t.owner
}

// open makes the entry to which replies come. It is called under the lock of the registry.
func (t *answers) open() {
	if !t.opened.Swap(true) {
		t.sub.node.Store(t.account.index.Insert([]byte(t.prefix+">"), "", &t.sub))
	}
}

// Expect notes a request by s whose reply subject is reply, and appends to dst the one that it goes on
// with. measure is kept for who handles the answer. Forget undoes it.
func (s *Passage) Expect(dst, reply []byte, measure any, now time.Time) ([]byte, *Request) {
	t := &s.exporter.answers
	r := &Request{Passage: s, Reply: string(reply), Measure: measure, threshold: s.Threshold()}
	r.deadline = now.Add(r.threshold)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.requests == nil {
		t.mu.requests, t.mu.queues = map[token]*Request{}, map[time.Duration]*queue{}
	}
	for len(t.mu.requests) >= mostRequests || t.mu.bytes >= t.most {
		t.removeLocked(t.oldestLocked())
	}
	for r.token = newToken(); t.mu.requests[r.token] != nil; r.token = newToken() {
	}
	t.mu.requests[r.token] = r
	q := t.mu.queues[r.threshold]
	if q == nil {
		q = &queue{}
		t.mu.queues[r.threshold] = q
	}
	q.append(r)
	t.mu.bytes += len(r.Reply) + bytesPerRequest
	t.pending.Add(1)
	return append(append(dst, t.prefix...), r.token[:]...), r
}

// Forget takes r out: no answer comes to it any more. It may be called for one that is out.
func (r *Request) Forget() {
	t := &r.Passage.exporter.answers
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.requests[r.token] == r {
		t.removeLocked(r)
	}
}

func (t *answers) oldestLocked() (oldest *Request) {
	for _, q := range t.mu.queues {
		if oldest == nil || q.first.deadline.Before(oldest.deadline) {
			oldest = q.first
		}
	}
	return oldest
}

func (t *answers) removeLocked(r *Request) {
	delete(t.mu.requests, r.token)
	q := t.mu.queues[r.threshold]
	if q.remove(r); q.first == nil {
		delete(t.mu.queues, r.threshold)
	}
	t.mu.bytes -= len(r.Reply) + bytesPerRequest
	t.pending.Add(-1)
}

// Finder finds the requests that replies are for.
type Finder struct{ t *answers }

// Find returns the request to which what was published on subj is an answer, nil if it is to none that
// is open. Of a service that answers once the request is closed thereby, and so is that of another by
// its last reply; else it has its whole time again.
func (f Finder) Find(subj []byte, last bool, now time.Time) *Request {
	t := f.t
	if len(subj) != len(t.prefix)+len(token{}) || string(subj[:len(t.prefix)]) != t.prefix {
		return nil
	}
	key := token(subj[len(t.prefix):])
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.mu.requests[key]
	if r == nil {
		return nil
	}
	if !now.Before(r.deadline) {
		return nil // it leaves with the next Expire, which tells who waits for that
	}
	if last || r.Passage.Export().Response == Singleton {
		t.removeLocked(r)
		return r
	}
	q := t.mu.queues[r.threshold]
	q.remove(r)
	r.deadline = now.Add(r.threshold)
	q.append(r)
	return r
}

// Open reports whether a reply to r may still go to the account that asked.
func (r *Request) Open() bool {
	return !r.Passage.importer.gone.Load() && !r.Passage.exporter.gone.Load()
}

// Deliver implements Receiver.
func (t *answers) Deliver(st *Stage, run msg.Run, _ *Sub) Outcome {
	c, ok := st.Host.(Carrier)
	if !ok {
		return Refused
	}
	return c.Answer(run, Finder{t})
}

// expire takes out the requests whose time is over and returns those with a Measure.
func (t *answers) expire(now time.Time) (measured []*Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, q := range t.mu.queues {
		for r := q.first; r != nil && !now.Before(r.deadline); r = q.first {
			t.removeLocked(r)
			if r.Measure != nil {
				measured = append(measured, r)
			}
		}
	}
	return measured
}

// clear takes all requests out.
func (t *answers) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending.Add(-int64(len(t.mu.requests)))
	t.mu.requests, t.mu.queues, t.mu.bytes = nil, nil, 0
}
