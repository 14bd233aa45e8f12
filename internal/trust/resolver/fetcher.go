package resolver

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/port"
)

// Errors of a Fetcher that asked other servers.
var (
	// ErrTimeout says that no server answered in time.
	ErrTimeout = errors.New("fetching jwt timed out")
	// ErrShutdown says that the server stops.
	ErrShutdown = errors.New("fetching jwt failed due to shutdown")
	// ErrNotKey says that it was not asked for an account.
	ErrNotKey = errors.New("will only fetch valid account keys")
)

// Fetcher finds JWTs wherever they are: in a Store first, then, while a Service runs, with the
// resolvers of other servers. So accounts can be loaded before the system account, by which those are
// asked, is there. Its methods may be called by any goroutine.
type Fetcher struct {
	store atomic.Pointer[Store]
	peers atomic.Pointer[Service] // asks other servers; nil while there is none
}

// NewFetcher returns a Fetcher of a store.
func NewFetcher(store Store) *Fetcher {
	f := &Fetcher{}
	f.Use(store)
	return f
}

// Use puts another store in the place of the first, as a reload does.
func (f *Fetcher) Use(store Store) { f.store.Store(&store) }

// Store returns the store in use.
func (f *Fetcher) Store() Store { return *f.store.Load() }

// Fetch returns the JWT of an account. It may have expired, and who signed it has to be checked. What
// other servers have is stored; if the store has only one that has expired, they are asked as well.
// Several goroutines that fetch one account all ask.
func (f *Fetcher) Fetch(ctx context.Context, id string) (string, error) {
	if !nkeys.IsValidPublicAccountKey(id) {
		return "", ErrNotKey
	}
	stored, err := f.Store().Fetch(ctx, id)
	p := f.peers.Load()
	if p == nil || err == nil && !over(stored) || err != nil && !errors.Is(err, ErrNotFound) {
		return stored, err
	}
	token, asked := p.ask(ctx, id)
	switch {
	case asked == nil:
		return token, nil
	case err == nil:
		return stored, nil
	}
	return "", asked
}

// over reports whether a JWT has expired.
func over(token string) bool {
	c, err := common(token)
	return err == nil && c.Expires != 0 && time.Now().Unix() > c.Expires
}

// ask returns what the first of the other servers says that has a JWT to be trusted.
func (s *Service) ask(ctx context.Context, id string) (token string, err error) {
	others := s.others()
	if others == 0 {
		return "", ErrNotFound
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	answers := 0
	m := &port.Message{Subject: "$SYS.REQ.ACCOUNT." + id + ".CLAIMS.LOOKUP"}
	m.Set(fromField, s.me)
	err = s.cfg.Port.Gather(ctx, m, func(r *port.Message) (more bool) {
		answers++
		if token = strings.TrimSpace(string(r.Data)); token != "" {
			token = s.adopt(ctx, id, token)
		}
		return token == "" && answers < others
	})
	switch {
	case token != "":
		return token, nil
	case s.ctx.Err() != nil || errors.Is(err, port.ErrClosed):
		return "", ErrShutdown
	case errors.Is(err, port.ErrNoResponders) || answers >= others:
		return "", ErrNotFound
	case err != nil:
		return "", err
	}
	return "", ErrTimeout
}

// adopt stores what another server answered, and returns the JWT to be used; empty for none. That is
// never an older one than is stored here, even if that has expired: its time may have been cut short.
func (s *Service) adopt(ctx context.Context, id, token string) string {
	if err := s.trusted(id, token); err != nil {
		s.cfg.Log.Warnf("DirResolver - The answer of a server for account %q is ignored: %v", id, err)
		return ""
	}
	changed, err := s.dir.SaveNewer(id, token)
	switch {
	case errors.Is(err, ErrDeleted):
		s.cfg.Log.Debugf("DirResolver - The answer of a server for account %q is ignored: %v", id, err)
		return ""
	case err != nil:
		s.cfg.Log.Errorf("DirResolver - Could not store jwt of account %q: %v", id, err)
	case !changed:
		token, err = s.dir.Fetch(ctx, id)
		if err != nil || over(token) {
			return ""
		}
	}
	return token
}
