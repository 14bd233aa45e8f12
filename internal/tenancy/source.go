package tenancy

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"time"

	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/trust/resolver"
	"github.com/baridmq/barid/server/options"
)

// store opens where options say that the JWTs of accounts come from. For a URL it asks whether anybody
// answers there. Without a resolver nothing is ever found.
func (t *Tenants) store(ctx context.Context, o *options.Options) (resolver.Store, error) {
	r := o.Resolver
	switch {
	case o.AccountResolver != nil:
		return program{o.AccountResolver}, nil
	case r == nil, r.Kind == options.ResolverMemory:
		return resolver.NewMemory(o.ResolverPreload), nil
	case r.Kind == options.ResolverURL:
		u, err := resolver.NewURL(resolver.URLConfig{Base: r.URL, Timeout: r.Timeout, TLS: o.ResolverTLS})
		if err != nil {
			return nil, err
		}
		return u, u.Probe(ctx)
	}
	d, err := resolver.OpenDirectory(resolver.DirectoryConfig{
		Path: r.Dir, Cache: r.Kind == options.ResolverCache, Limit: r.Limit, TTL: r.TTL,
		AllowDelete: r.AllowDelete, HardDelete: r.HardDelete, Log: t.log,
	})
	if err != nil {
		return nil, err
	}
	for id, token := range o.ResolverPreload {
		if _, err := d.SaveNewer(id, token); err != nil && !errors.Is(err, resolver.ErrDeleted) {
			t.log.Errorf("Preloading account %q: %v", id, err)
		}
	}
	return d, nil
}

// closeStore gives back what a store holds.
func closeStore(s resolver.Store) {
	switch s := s.(type) {
	case *resolver.Directory:
		_ = s.Close() // it has nothing that is not on the disk
	case *resolver.URL:
		s.Close()
	}
}

// program is a program's own resolver.
type program struct{ own options.AccountResolver }

// errNoJWT is what programs without an error of their own have said.
var errNoJWT = errors.New("the resolver of the program has no JWT")

// Fetch implements resolver.Store. The program knows nothing of ctx.
func (p program) Fetch(_ context.Context, id string) (string, error) {
	token, err := p.own.Fetch(id)
	if err == nil && token == "" {
		err = errNoJWT
	}
	return token, err
}

// Save implements resolver.Store.
func (p program) Save(id, token string) (bool, error) {
	if p.own.IsReadOnly() {
		return false, resolver.ErrReadOnly
	}
	return true, p.own.Store(id, token)
}

// List implements resolver.Store: programs are not asked what they have.
func (p program) List() ([]string, error) { return nil, resolver.ErrReadOnly }

// Delete implements resolver.Store.
func (p program) Delete(string) error { return resolver.ErrReadOnly }

// SetResolver has a program's resolver asked from now on; nil for nobody.
func (t *Tenants) SetResolver(r options.AccountResolver) {
	if t.accounts == nil {
		return
	}
	var s resolver.Store = resolver.NewMemory(nil)
	if r != nil {
		s = program{r}
	}
	t.useStore(s)
	t.own = r != nil
}

// useStore puts s in the place of the store in use, whose requests end before.
func (t *Tenants) useStore(s resolver.Store) {
	if r := t.claims.Swap(nil); r != nil {
		r.close()
		defer t.serveAgain()
	}
	old := t.fetcher.Store()
	t.fetcher.Use(s)
	closeStore(old)
}

func (t *Tenants) serveAgain() {
	if err := t.serveClaims(); err != nil {
		t.log.Errorf("Requests about account JWTs are not answered: %v", err)
	}
}

// claimService answers requests about JWTs.
type claimService struct {
	*resolver.Service
	ports [2]*port.Port
}

func (c *claimService) close() {
	c.Close()
	for _, p := range c.ports {
		p.Close()
	}
}

// serveClaims answers requests about JWTs in the system account, if there is one.
func (t *Tenants) serveClaims() error {
	a, s := t.System(), t.services.Load()
	if a == nil || s == nil {
		return nil
	}
	c := &claimService{}
	for i, name := range []string{"resolver", "resolver lookups"} {
		c.ports[i] = port.Open(port.Config{
			Account: a, Tasks: t.cfg.Tasks, Name: name, ID: t.nextID(), Inbox: "$SYS._INBOX.", Errorf: t.log.Errorf,
		})
	}
	cfg := resolver.Config{
		Port: c.ports[0], Readers: c.ports[1], Fetcher: t.fetcher, Operators: t.operators,
		Update: t.accounts.Update, Loaded: func(id string) bool { return t.accounts.Loaded(id) != nil },
		Removed: t.accounts.Removed, System: a.Name(), Server: s.Stamp, Tasks: t.cfg.Tasks, Log: t.log,
	}
	if r := t.now.Load().Resolver; r != nil {
		cfg.Interval, cfg.Timeout = r.Interval, r.Timeout
	}
	var err error
	if c.Service, err = resolver.Serve(cfg); err != nil {
		for _, p := range c.ports {
			p.Close()
		}
		return err
	}
	t.claims.Store(c)
	return nil
}

// stopResolver ends what has to do with resolvers.
func (t *Tenants) stopResolver() {
	if c := t.claims.Swap(nil); c != nil {
		c.close()
	}
	if t.accounts != nil {
		t.accounts.Close()
		closeStore(t.fetcher.Store())
		if r := t.now.Load().AccountResolver; r != nil {
			r.Close()
		}
	}
	t.ports.Close()
}

// reloadTime bounds how long accounts are looked for again.
const reloadTime = 10 * time.Second

// reloadSource looks at the JWTs again, wherever they are now.
func (t *Tenants) reloadSource(running, next *options.Options) {
	ctx, cancel := context.WithTimeout(context.Background(), reloadTime)
	defer cancel()
	changed := !reflect.DeepEqual(running.Resolver, next.Resolver) || !maps.Equal(running.ResolverPreload, next.ResolverPreload)
	_, memory := t.fetcher.Store().(*resolver.Memory)
	switch {
	case t.own:
	case next.AccountResolver != nil:
		if err := next.AccountResolver.Reload(); err != nil {
			t.log.Errorf("The account resolver of the program: %v", err)
		}
	case changed:
		s, err := t.store(ctx, next)
		if err != nil {
			t.log.Errorf("The account resolver stays what it was: %v", err)
			return
		}
		t.useStore(s)
		t.accounts.Reload(ctx)
	case memory:
		t.useStore(resolver.NewMemory(next.ResolverPreload)) // what was put there since is gone
		t.accounts.Reload(ctx)
	default:
		if c := t.claims.Load(); c != nil {
			c.Reload(ctx)
		}
	}
}
