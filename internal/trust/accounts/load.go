package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/trust/claims"
)

// # Loading
//
// An account that imports is of use only with those that it imports from, so these are loaded, too,
// and theirs. That is done one after the other without holding the turn of any but the one that
// is being loaded: in a cycle, or for two accounts that import from each other, two goroutines
// would wait for each other. The registry wires an import when its exporter is put into it, whatever
// came first.

const (
	// tooSoon is the least time between two questions to a resolver for an account that expired.
	tooSoon = time.Second
	// slow is how long a resolver may take without a warning.
	slow = time.Second
	// maxExporters bounds the accounts that are loaded because of one.
	maxExporters = 1024
	// searchPause is the least time between two searches for the exporters that an account misses, and
	// searchTime how long such a search may take.
	searchPause, searchTime = 10 * time.Second, time.Minute
)

// load loads an account, or loads it again if it has expired.
func (a *Accounts) load(ctx context.Context, id string) (*Tenant, error) {
	s, err := a.take(ctx, id)
	if err != nil {
		return nil, err
	}
	defer a.give(s)
	if t := s.now.Load(); t != nil {
		if t.over(time.Now()) {
			return a.revive(ctx, s, t)
		}
		return t, nil // somebody else was faster
	}
	token, err := a.fetch(ctx, s)
	if err != nil {
		return nil, err
	}
	c, err := a.check(id, token, false)
	if err != nil {
		return nil, err
	}
	return a.apply(s, token, c), nil
}

// revive looks for newer claims of an account that has expired or was deleted.
func (a *Accounts) revive(ctx context.Context, s *slot, t *Tenant) (*Tenant, error) {
	a.cfg.Log.Debugf("Requested account [%s] has expired", s.id)
	t = a.expire(s, t)
	if a.cfg.Fetch == nil {
		return nil, ErrExpired
	}
	if time.Since(s.fetched) < tooSoon {
		a.cfg.Log.Debugf("Requested account update for [%s] ignored, too soon", s.id)
		return nil, ErrExpired
	}
	token, err := a.fetch(ctx, s)
	if err != nil {
		return nil, ErrExpired
	}
	if token == t.Token && !t.deleted {
		a.cfg.Log.Debugf("Requested account update for [%s], same claims detected", s.id)
		return t, nil
	}
	c, err := a.check(s.id, token, false)
	if err != nil {
		return nil, ErrExpired
	}
	return a.apply(s, token, c), nil
}

// missing is an error of a resolver.
type missing struct{ error }

// Is says that it is ErrMissing.
func (missing) Is(target error) bool { return target == ErrMissing }

// Unwrap returns what the resolver said.
func (m missing) Unwrap() error { return m.error }

// fetch asks the resolver.
func (a *Accounts) fetch(ctx context.Context, s *slot) (string, error) {
	if a.cfg.Fetch == nil {
		return "", ErrMissing
	}
	begin := time.Now()
	s.fetched = begin
	err := errors.New("will only fetch valid account keys")
	token := ""
	if nkeys.IsValidPublicAccountKey(s.id) {
		token, err = a.cfg.Fetch(ctx, s.id)
	}
	if err != nil {
		a.cfg.Log.Warnf("Account fetch failed: %v", err)
		return "", missing{err}
	}
	if took := time.Since(begin); took > slow {
		a.cfg.Log.Warnf("Account [%s] fetch took %v", s.id, took)
	} else {
		a.cfg.Log.Debugf("Account [%s] fetch took %v", s.id, took)
	}
	return token, nil
}

// check reads the JWT of the account id. late is whether one that has expired is taken.
func (a *Accounts) check(id, token string, late bool) (*claims.Account, error) {
	c, err := claims.NewAccount(token, a.cfg.Operators)
	now := time.Now().Unix()
	switch {
	case err != nil:
	case c.ID != id:
		err = errors.New("it is of another account")
	case c.NotBefore > now:
		err = errors.New("claim is not yet valid")
	case !late && c.Expires > 0 && now > c.Expires:
		err = errors.New("claim is expired")
	}
	if err != nil {
		a.cfg.Log.Debugf("Account JWT of [%s] not valid: %v", id, err)
		return nil, ErrInvalid
	}
	return c, nil
}

// apply puts claims into force. The caller has the turn.
func (a *Accounts) apply(s *slot, token string, c *claims.Account) *Tenant {
	spec := c.Spec()
	switch a.cfg.System {
	case "":
	case c.ID:
		spec.Exports = append(spec.Exports, account.SystemExports()...)
	default:
		spec.Imports = append(spec.Imports, account.SystemImports(a.cfg.System, c.ID)...)
	}
	now := time.Now()
	t := &Tenant{ID: c.ID, Token: token, Claims: c, Account: a.cfg.Registry.Put(spec), Updated: now}
	t.expired = t.over(now)
	was := s.now.Swap(t)
	a.schedule(s, t.next(now))
	if was != nil {
		a.cfg.Changed(t.Account)
	}
	return t
}

// loadExporters loads the accounts that t imports from, and those that they do.
func (a *Accounts) loadExporters(ctx context.Context, t *Tenant) {
	tried := map[string]bool{}
	for todo := []*Tenant{t}; len(todo) > 0; todo = todo[1:] {
		importer := todo[0]
		s, _ := a.get(importer.ID)
		if s == nil {
			continue
		}
		imports, lost := importer.Claims.Spec().Imports, false
		for i := range imports {
			id := imports[i].Account
			if tried[id] || len(tried) >= maxExporters || a.Loaded(id) != nil {
				continue
			}
			tried[id] = true
			exporter, err := a.load(ctx, id)
			if err != nil {
				lost = true
				a.cfg.Log.Errorf("Can't locate account [%s] for import of [%v] %s (err=%v)", id, imports[i].Subject, kind(&imports[i]), err)
				continue
			}
			todo = append(todo, exporter)
		}
		s.searched.Store(time.Now().UnixNano())
		s.missing.Store(lost)
		a.tellIssues(importer)
	}
}

// tellIssues logs the imports that are not in force though there is an exporter.
func (a *Accounts) tellIssues(t *Tenant) {
	for _, i := range t.Account.Imports() {
		if i.Err != nil && !errors.Is(i.Err, account.ErrNoExporter) {
			a.cfg.Log.Debugf("Error adding %s import to account [%s]: %v", kind(i.Import), t.ID, i.Err)
		}
	}
}

func kind(i *account.Import) string {
	if i.Kind == account.Service {
		return "service"
	}
	return "stream"
}

// searchAgain looks for exporters that could not be found before, aside and not too often.
func (a *Accounts) searchAgain(s *slot, t *Tenant) {
	last, now := s.searched.Load(), time.Now().UnixNano()
	if time.Duration(now-last) < searchPause || !s.searched.CompareAndSwap(last, now) {
		return
	}
	a.cfg.Tasks.Go("account imports", func() {
		ctx, cancel := context.WithTimeout(a.open, searchTime)
		defer cancel()
		a.loadExporters(ctx, t)
	})
}
