package resolver

import (
	"errors"
	"fmt"
	"time"

	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/trust/claims"
)

var errNotEnabled = errors.New("delete must be enabled in server config")

// onDelete deletes the accounts that a JWT signed by an operator lists.
func (s *Service) onDelete(m *port.Message) {
	s.answer(s.cfg.Port, m, s.remove(string(m.Data)))
}

func (s *Service) remove(request string) outcome {
	by, ids, err := s.mayDelete(request)
	if err != nil {
		return failed("", fmt.Sprintf("delete accounts request by %s failed", by), err)
	}
	var errs []error
	for _, id := range ids {
		if err := s.removeOne(id); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		what := fmt.Sprintf("deleted %d accounts, failed for %d", len(ids)-len(errs), len(errs))
		return failed("", what, errors.Join(errs...))
	}
	return done("", fmt.Sprintf("deleted %d accounts", len(ids)))
}

func (s *Service) removeOne(id string) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if err := s.dir.Delete(id); err != nil {
		return err
	}
	s.cfg.Removed(id)
	return nil
}

// mayDelete returns who asks, and which accounts are to be deleted.
func (s *Service) mayDelete(request string) (by string, ids []string, err error) {
	if len(request) > MaxToken {
		return "", nil, tooLarge(len(request))
	}
	g, err := claims.DecodeGeneric(request)
	if err != nil {
		return "", nil, err
	}
	if !s.dir.AllowDelete() {
		return g.Subject, nil, errNotEnabled
	}
	ids, err = s.cfg.Operators.MayDelete(g, s.cfg.System)
	if err == nil && g.Expires != 0 && time.Now().Unix() > g.Expires {
		err = errors.New("claim is expired")
	}
	return g.Subject, ids, err
}
