package tenancy

import (
	"context"

	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/observe/system"
)

// services are what answers in the system account.
type services struct {
	*system.System
}

// startServices begins the services of the system account, if there is one.
func (t *Tenants) startServices() error {
	a := t.System()
	if a == nil {
		return nil
	}
	cfg := t.cfg.System()
	cfg.Account, cfg.Tasks, cfg.NextID = a, t.cfg.Tasks, t.nextID
	cfg.Lookup.Account = t.registry.Get
	began, err := system.Start(cfg)
	if err != nil {
		return err
	}
	t.services.Store(&services{began})
	if t.accounts == nil {
		return nil
	}
	return t.serveClaims()
}

// nextID is a number for a port.
func (t *Tenants) nextID() uint64 { return t.cfg.IDs.Add(1) }

// LameDuck says in the system account that the server will go.
func (t *Tenants) LameDuck() {
	if s := t.services.Load(); s != nil {
		s.System.LameDuck()
	}
}

// stopServices says goodbye and ends the services.
func (t *Tenants) stopServices(ctx context.Context) {
	s := t.services.Swap(nil)
	if s == nil {
		return
	}
	if err := s.System.Shutdown(ctx); err != nil {
		t.log.Warnf("The system account was not told of the end: %v", err)
	}
}

// Observer tells the system account of connections.
func (t *Tenants) Observer() client.Observer { return witness{t} }

// witness passes on what the door says. There may be nobody yet, or no more.
type witness struct{ t *Tenants }

// Connected implements client.Observer.
func (w witness) Connected(i *client.Info) {
	if s := w.t.services.Load(); s != nil {
		s.System.Connected(i)
	}
}

// Denied implements client.Observer.
func (w witness) Denied(i *client.Info) {
	if s := w.t.services.Load(); s != nil {
		s.System.Denied(i)
	}
}

// Disconnected implements client.Observer.
func (w witness) Disconnected(i *client.Info) {
	if s := w.t.services.Load(); s != nil {
		s.System.Disconnected(i)
	}
}
