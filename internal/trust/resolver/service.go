package resolver

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/task"
)

const (
	defaultInterval = time.Minute

	// fromField is a header of lookups, by which a Service knows its own: it does not answer them, as
	// its answer would be taken for that of another server.
	fromField = "Barid-Resolver"
)

// Port is a way into the system account, as *port.Port is.
type Port interface {
	Subscribe(subject, queue string, h func(*port.Message)) (*port.Subscription, error)
	Publish(m *port.Message) (heard bool)
	Gather(ctx context.Context, m *port.Message, each func(*port.Message) (more bool)) error
}

// Operators say who may sign accounts, as *claims.Operators do.
type Operators interface {
	// Trusts reports whether issuer may sign accounts.
	Trusts(issuer string) bool
	// StrictIdentity reports whether issuer is the key of an operator that must sign with others.
	StrictIdentity(issuer string) bool
	// MayDelete returns the accounts that a request asks to delete; system is none that may be. Errors
	// are the causes that tools show.
	MayDelete(g *jwt.GenericClaims, system string) ([]string, error)
}

// Config is what a Service needs.
type Config struct {
	// Port leads to the system account. Updates and deletions are handled by it, one after the other.
	Port Port
	// Readers is another Port there, for what only reads and must not wait for an update that waits for
	// another server; nil for Port.
	Readers Port
	// Fetcher has the store to serve, and is told whom to ask. While a Service runs the Fetcher must
	// not be given another store.
	Fetcher *Fetcher
	// Operators are asked whether new JWTs are to be trusted.
	Operators Operators
	// Update applies a JWT to an account if that is loaded, and reports whether it is. An expired one
	// ends the account. Claims that are in force are no error. It may fetch.
	Update func(ctx context.Context, id, token string) (applied bool, err error)
	// Loaded reports whether an account is loaded; Removed disables one that was deleted.
	Loaded  func(id string) bool
	Removed func(id string)
	// System is the id of the system account.
	System string
	// Server returns what answers have in the field server.
	Server func() any
	// Others returns how many other servers are known; nil for none.
	Others func() int
	// Interval is the time between two comparisons with other servers, for a directory that is no
	// cache; default 1 min. Timeout is how long other servers may take; default DefaultTimeout.
	Interval, Timeout time.Duration
	// Tasks runs the goroutine.
	Tasks *task.Group
	// Log is written to; nil for nothing.
	Log Log
}

// Service serves the requests of operators and of other servers for account JWTs. Which ones those
// are depends on the store: a directory takes all of them, a cache does not speak for others, and with
// any other store new JWTs are applied to accounts that are loaded, but not stored.
type Service struct {
	// fixed
	cfg  Config
	me   string     // unlike that of any other Service
	dir  *Directory // nil for other stores
	name string     // what answers to updates begin with
	subs []*port.Subscription
	stop context.CancelFunc
	ctx  context.Context // until stop
	done chan struct{}   // closed when the goroutine has ended

	// turn holds one token while somebody tells the accounts of a change, so that they hear last what
	// is stored last.
	turn chan struct{}

	// owned by the goroutine
	refused map[string]bool // accounts whose JWTs of other servers were refused, and that was logged
}

// Serve returns a Service that answers. Close must be called.
func Serve(cfg Config) (*Service, error) {
	cfg.Interval = cmp.Or(max(cfg.Interval, 0), defaultInterval)
	cfg.Timeout = cmp.Or(max(cfg.Timeout, 0), DefaultTimeout)
	if cfg.Readers == nil {
		cfg.Readers = cfg.Port
	}
	if cfg.Log == nil {
		cfg.Log = silence{}
	}
	s := &Service{cfg: cfg, me: rand.Text(), name: "jwt update",
		done: make(chan struct{}), turn: make(chan struct{}, 1), refused: make(map[string]bool)}
	s.dir, _ = cfg.Fetcher.Store().(*Directory)
	s.ctx, s.stop = context.WithCancel(context.Background())
	if s.dir != nil && s.dir.Cache() {
		s.name = "jwt update cache"
	}
	if err := s.subscribe(); err != nil {
		close(s.done)
		s.Close()
		return nil, err
	}
	if s.dir == nil {
		close(s.done)
		return s, nil
	}
	cfg.Fetcher.peers.Store(s)
	if !cfg.Tasks.Go("resolver", func() { defer close(s.done); s.run() }) {
		close(s.done)
	}
	how := "all"
	if s.dir.Cache() {
		how = "some"
	}
	cfg.Log.Noticef("Managing %s jwt in exclusive directory %s", how, s.dir.Path())
	return s, nil
}

// subscribe asks for the requests that the store can serve.
func (s *Service) subscribe() error {
	var failed error
	on := func(p Port, subject, queue string, h func(*port.Message)) {
		sub, err := p.Subscribe(subject, queue, h)
		if err != nil {
			failed = errors.Join(failed, err)
			return
		}
		s.subs = append(s.subs, sub)
	}
	write, read := s.cfg.Port, s.cfg.Readers
	on(write, "$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", "", s.onUpdate)
	on(write, "$SYS.ACCOUNT.*.CLAIMS.UPDATE", "", s.onUpdate)
	if s.dir == nil {
		return failed
	}
	on(write, "$SYS.REQ.CLAIMS.UPDATE", "", s.onUpdate)
	on(write, "$SYS.REQ.CLAIMS.DELETE", "", s.onDelete)
	on(read, "$SYS.REQ.CLAIMS.LIST", "", s.onList)
	if !s.dir.Cache() {
		on(read, "$SYS.REQ.CLAIMS.PACK", "responder", s.onPack)
		on(read, "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", "", s.onLookup)
	}
	return failed
}

// run does what comes again by the clock.
func (s *Service) run() {
	expire := time.NewTicker(s.dir.Interval())
	defer expire.Stop()
	compare := time.NewTicker(s.cfg.Interval)
	defer compare.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-expire.C:
			s.dir.Expire()
		case <-compare.C:
			if !s.dir.Cache() && s.others() > 0 {
				s.compare(s.ctx)
			}
		}
	}
}

// Reload reads a directory again and applies what has changed there. It does nothing for other stores.
func (s *Service) Reload(ctx context.Context) {
	if s.dir == nil {
		return
	}
	for _, id := range s.dir.Reload() {
		s.apply(ctx, id)
	}
}

// Close ends the service and waits for its goroutine; handlers that run go on. The ports and the
// store are not closed.
func (s *Service) Close() {
	s.stop()
	for _, sub := range s.subs {
		sub.Close()
	}
	s.cfg.Fetcher.peers.CompareAndSwap(s, nil)
	<-s.done
}

func (s *Service) others() int {
	if s.cfg.Others == nil {
		return 0
	}
	return s.cfg.Others()
}

// apply tells the accounts of the JWT that is stored now.
func (s *Service) apply(ctx context.Context, id string) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if !s.cfg.Loaded(id) {
		return
	}
	token, err := s.dir.Fetch(ctx, id)
	if err == nil {
		_, err = s.cfg.Update(ctx, id, token)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.cfg.Log.Errorf("DirResolver - Update for account %q resulted in error %v", id, err)
	}
}
