package account

import (
	"math/bits"
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
// the same threshold stand in a list in the order of their deadlines. When there are too many, those go
// first that are the fault of who has most: requests of an account push out its own oldest, and those of a
// full table the oldest of an account that holds about as much as any.

// Bounds of one table. A request counts with its reply subject and what it takes beside that. An account
// may have one share of a table in all of them together.
const (
	mostRequests    = 1 << 20
	mostRemembered  = 256 << 20 // bytes
	bytesPerRequest = 256
	shares          = 8
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
	// Via is the entry of the import by which it came.
	Via *Route
	// Measure is a note of whoever sent it on, nil for none.
	Measure any

	token     token
	threshold time.Duration
	deadline  time.Time
	at        [2]place // in the queue of its threshold, and in that of its importer
}

func (r *Request) size() int { return len(r.Reply) + bytesPerRequest }

// place is one in a queue.
type place struct{ prev, next *Request }

// The kinds of queues.
const (
	byThreshold = iota
	byImporter
)

// queue holds the requests of one threshold, or of one importer, in the order of their deadlines; those of
// an importer have more than one threshold, so there it is the order in which they last were of use.
type queue struct {
	kind        int
	first, last *Request
}

func (q *queue) append(r *Request) {
	r.at[q.kind] = place{prev: q.last}
	if q.last != nil {
		q.last.at[q.kind].next = r
	} else {
		q.first = r
	}
	q.last = r
}

func (q *queue) remove(r *Request) {
	at := r.at[q.kind]
	if at.prev != nil {
		at.prev.at[q.kind].next = at.next
	} else {
		q.first = at.next
	}
	if at.next != nil {
		at.next.at[q.kind].prev = at.prev
	} else {
		q.last = at.prev
	}
	r.at[q.kind] = place{}
}

// holder is an importer with its requests in one table.
type holder struct {
	importer *Account
	queue    queue
	bytes    int
}

// weight is the class of holders that have about as many bytes.
func (h *holder) weight() int { return bits.Len(uint(h.bytes)) }

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
		holders  map[*Account]*holder
		weights  [64]map[*holder]struct{} // holders by their weight
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

// Expect notes a request by s, which came by via, whose reply subject is reply, and appends to dst the one
// that it goes on with. measure is kept for who handles the answer. Forget undoes it.
func (s *Passage) Expect(dst, reply []byte, via *Route, measure any, now time.Time) ([]byte, *Request) {
	t := &s.exporter.answers
	r := &Request{Passage: s, Reply: string(reply), Via: via, Measure: measure, threshold: s.Threshold()}
	r.deadline = now.Add(r.threshold)
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.exporter.gone.Load() { // nobody would take it out again
		r.token = newToken()
		return append(append(dst, t.prefix...), r.token[:]...), r
	}
	if t.mu.requests == nil {
		t.mu.requests, t.mu.queues, t.mu.holders = map[token]*Request{}, map[time.Duration]*queue{}, map[*Account]*holder{}
	}
	t.makeRoomLocked(s.importer)
	for r.token = newToken(); t.mu.requests[r.token] != nil; r.token = newToken() {
	}
	t.mu.requests[r.token] = r
	q := t.mu.queues[r.threshold]
	if q == nil {
		q = &queue{kind: byThreshold}
		t.mu.queues[r.threshold] = q
	}
	q.append(r)
	h := t.mu.holders[s.importer]
	if h == nil {
		h = &holder{importer: s.importer, queue: queue{kind: byImporter}}
		t.mu.holders[s.importer] = h
	}
	h.queue.append(r)
	t.countLocked(h, r.size())
	t.pending.Add(1)
	return append(append(dst, t.prefix...), r.token[:]...), r
}

// makeRoomLocked takes out requests until there is room for one of the account importer.
func (t *answers) makeRoomLocked(importer *Account) {
	own := t.mu.holders[importer]
	for own != nil && own.queue.first != nil && int(importer.asking.Load()) >= t.most/shares {
		t.removeLocked(own.queue.first)
	}
	for len(t.mu.requests) >= mostRequests || t.mu.bytes >= t.most {
		t.removeLocked(t.heaviestLocked().queue.first)
	}
}

// heaviestLocked returns a holder of which none has twice as much. There is one.
func (t *answers) heaviestLocked() *holder {
	for i := len(t.mu.weights) - 1; i >= 0; i-- {
		for h := range t.mu.weights[i] {
			return h
		}
	}
	return nil
}

// countLocked notes that h has n bytes more. One that has none leaves.
func (t *answers) countLocked(h *holder, n int) {
	before := h.weight()
	h.bytes += n
	t.mu.bytes += n
	h.importer.asking.Add(int64(n))
	if after := h.weight(); after != before {
		delete(t.mu.weights[before], h)
		if after == 0 {
			delete(t.mu.holders, h.importer)
			return
		}
		if t.mu.weights[after] == nil {
			t.mu.weights[after] = map[*holder]struct{}{}
		}
		t.mu.weights[after][h] = struct{}{}
	}
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

func (t *answers) removeLocked(r *Request) {
	delete(t.mu.requests, r.token)
	q := t.mu.queues[r.threshold]
	if q.remove(r); q.first == nil {
		delete(t.mu.queues, r.threshold)
	}
	h := t.mu.holders[r.Passage.importer]
	h.queue.remove(r)
	t.countLocked(h, -r.size())
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
	h := t.mu.holders[r.Passage.importer]
	h.queue.remove(r)
	h.queue.append(r)
	return r
}

// Open reports whether a reply to r may still go to the account that asked: the import by which r came
// is still in force.
func (r *Request) Open() bool {
	return r.Via.Passage() != nil && !r.Passage.importer.gone.Load() && !r.Passage.exporter.gone.Load()
}

// Deliver implements Receiver.
func (t *answers) Deliver(st *Stage, run msg.Run, _ *Sub) Outcome {
	c, ok := st.Host.(Carrier)
	if !ok {
		return Refused
	}
	return c.Answer(run, Finder{t})
}

// expire takes out the requests whose time is over and returns those with a Measure. It moves next to when
// the time of another one is over, if that is earlier.
func (t *answers) expire(now time.Time, next *time.Time) (measured []*Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, q := range t.mu.queues {
		r := q.first
		for ; r != nil && !now.Before(r.deadline); r = q.first {
			t.removeLocked(r)
			if r.Measure != nil {
				measured = append(measured, r)
			}
		}
		if r != nil && r.deadline.Before(*next) {
			*next = r.deadline
		}
	}
	return measured
}

// clear takes all requests out.
func (t *answers) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending.Add(-int64(len(t.mu.requests)))
	for importer, h := range t.mu.holders {
		importer.asking.Add(-int64(h.bytes))
	}
	t.mu.requests, t.mu.queues, t.mu.holders, t.mu.bytes = nil, nil, nil, 0
	t.mu.weights = [64]map[*holder]struct{}{}
}
