package resolver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/trust/claims"
)

// Texts that tools show.
var (
	errOther    = errors.New("subject does not match jwt content")
	errIdentity = errors.New("operator requires issuer to be a signing key")
	errInvalid  = errors.New("account validation failed")
	errEmpty    = errors.New("request body is empty")
)

// outcome is what a request came to, as it is answered.
type outcome struct {
	// Account is left out if empty, as in answers to deletions.
	Account     string `json:"account,omitempty"`
	Code        int    `json:"code"`
	Message     string `json:"message,omitempty"`
	Description string `json:"description,omitempty"`
}

func done(id, message string) outcome {
	return outcome{Account: id, Code: http.StatusOK, Message: message}
}

func failed(id, what string, err error) outcome {
	return outcome{Account: id, Code: http.StatusInternalServerError, Description: what + " - " + err.Error()}
}

// answer replies to m, if it has where to.
func (s *Service) answer(p Port, m *port.Message, o outcome) {
	if o.Code != http.StatusOK {
		s.cfg.Log.Warnf("DirResolver - %q", o.Description)
		s.reply(p, m, reply{Error: &o})
		return
	}
	s.cfg.Log.Debugf("DirResolver - %s %s", o.Message, o.Account)
	s.reply(p, m, reply{Data: o})
}

// reply is the shape of all answers that are not JWTs.
type reply struct {
	Server any      `json:"server"`
	Data   any      `json:"data,omitempty"`
	Error  *outcome `json:"error,omitempty"`
}

func (s *Service) reply(p Port, m *port.Message, r reply) {
	if m.Reply == "" {
		return
	}
	if s.cfg.Server != nil {
		r.Server = s.cfg.Server()
	}
	data, err := json.Marshal(r)
	if err != nil {
		s.cfg.Log.Errorf("DirResolver - Answer could not be written: %v", err)
		return
	}
	p.Publish(&port.Message{Subject: m.Reply, Data: data})
}

// onUpdate takes a new JWT of an account.
func (s *Service) onUpdate(m *port.Message) {
	id := "" // of the subject, if it has one
	if parts := strings.Split(m.Subject, "."); len(parts) > 4 {
		id = parts[len(parts)-3]
	}
	token := strings.TrimSpace(string(m.Data))
	if s.dir == nil {
		s.answer(s.cfg.Port, m, s.updateLoaded(id, token))
		return
	}
	s.answer(s.cfg.Port, m, s.update(id, token))
}

// update checks, stores and applies a JWT. id is that of the subject of the request, if any.
func (s *Service) update(id, token string) outcome {
	c, err := claims.DecodeAccount(token)
	if err != nil {
		at := "n/a"
		if id != "" && s.dir.Cache() {
			at = id
		}
		return failed(at, s.name+" resulted in error", err)
	}
	strict := s.cfg.Operators.StrictIdentity(c.Issuer)
	switch {
	case strict && id == "":
		return failed(c.Subject, s.name+" resulted in error", errIdentity)
	case !strict && !s.cfg.Operators.Trusts(c.Issuer):
		// Before the validation, which may take long for claims that were made for that.
		return failed(c.Subject, s.name+" resulted in error", errInvalid)
	}
	if texts := blocking(c); len(texts) > 0 {
		what := "jwt validation failed"
		if s.dir.Cache() {
			what = "jwt update cache validation failed"
		}
		return failed(c.Subject, what, fmt.Errorf("validation errors: %v", texts))
	}
	if id == "" {
		id = c.Subject
	}
	if err := s.acceptable(id, c); err != nil {
		return failed(id, s.name+" resulted in error", err)
	}
	return s.store(id, token)
}

// blocking returns what is wrong with an account at any time.
func blocking(c *jwt.AccountClaims) (texts []string) {
	for _, issue := range claims.Validate(c) {
		if issue.Blocking {
			texts = append(texts, issue.Description)
		}
	}
	return texts
}

// acceptable tells what is wrong with a JWT that was decoded, as one of account id.
func (s *Service) acceptable(id string, c *jwt.AccountClaims) error {
	switch {
	case c.Subject != id:
		return errOther
	case s.cfg.Operators.StrictIdentity(c.Issuer):
		return errIdentity
	case !s.cfg.Operators.Trusts(c.Issuer):
		return errInvalid
	}
	return nil
}

// store stores and applies a JWT that is good. A cache has only what is used here, so it passes over
// other accounts; but what it has of them it keeps up to date.
func (s *Service) store(id, token string) outcome {
	skip := s.dir.Cache() && !s.cfg.Loaded(id)
	if skip && !s.dir.Known(id) {
		return done(id, "jwt update cache skipped")
	}
	if _, err := s.dir.Save(id, token); err != nil {
		return failed(id, s.name+" resulted in error", err)
	}
	if skip {
		return done(id, "jwt update cache skipped")
	}
	// Also one that was stored before is applied: the account may have been disabled meanwhile.
	s.apply(s.ctx, id)
	if s.dir.Cache() {
		return done(id, "jwt updated cache")
	}
	return done(id, "jwt updated")
}

// updateLoaded applies a JWT to an account that is loaded; there is no place to store it.
func (s *Service) updateLoaded(id, token string) outcome {
	const wrong = "jwt update resulted in error"
	if token == "" {
		return failed(id, "jwt update error", errEmpty)
	}
	c, err := claims.DecodeAccount(token)
	switch {
	case err != nil:
		return failed(id, wrong, err)
	case c.Subject != id:
		return failed(id, wrong, errOther)
	case !s.cfg.Loaded(id):
		return done(id, "jwt update skipped")
	}
	if _, err := s.cfg.Update(s.ctx, id, token); err != nil {
		s.cfg.Log.Debugf("Update for account %q resulted in error %v", id, err)
		return failed(id, wrong, errInvalid)
	}
	return done(id, "jwt updated")
}

// trusted checks a JWT that another server has.
func (s *Service) trusted(id, token string) error {
	c, err := claims.DecodeAccount(token)
	if err != nil {
		return err
	}
	if err := s.acceptable(id, c); err != nil {
		return err
	}
	if len(blocking(c)) > 0 {
		return errInvalid
	}
	return nil
}
