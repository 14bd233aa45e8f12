package resolver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/bus/port"
)

const packSubject = "$SYS.REQ.CLAIMS.PACK"

// onList answers which accounts there are.
func (s *Service) onList(m *port.Message) {
	if ids, err := s.dir.List(); err == nil {
		s.reply(s.cfg.Readers, m, reply{Data: ids})
	}
}

// onLookup answers a JWT, or nothing in a message.
func (s *Service) onLookup(m *port.Message) {
	if m.Reply == "" || m.Get(fromField) == s.me {
		return
	}
	parts := strings.Split(m.Subject, ".")
	token, err := s.dir.Fetch(s.ctx, parts[len(parts)-3])
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.cfg.Log.Debugf("DirResolver - Lookup of account %q failed: %v", parts[len(parts)-3], err)
	}
	s.cfg.Readers.Publish(&port.Message{Subject: m.Reply, Data: []byte(token)})
}

// onPack answers all JWTs and an empty message, which alone says that the asker has the same.
func (s *Service) onPack(m *port.Message) {
	if m.Reply == "" {
		return
	}
	p, log := s.cfg.Readers, s.cfg.Log
	hash := s.dir.Hash()
	if bytes.Equal(m.Data, hash[:]) {
		log.Debugf("DirResolver - Pack request matches hash %x", hash)
	} else {
		s.dir.Each(func(id, token string) bool {
			return p.Publish(&port.Message{Subject: m.Reply, Data: []byte(id + "|" + token)}) && s.ctx.Err() == nil
		})
		log.Debugf("DirResolver - Pack request hash %x - finished responding with hash %x", m.Data[:min(len(m.Data), sha256.Size)], hash)
	}
	p.Publish(&port.Message{Subject: m.Reply})
}

// compare asks one of the servers with all JWTs, which may be this one itself, for those that it has,
// and takes what is newer. It returns when that server has said all or ctx ends, at the latest after
// the configured interval.
func (s *Service) compare(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Interval)
	defer cancel()
	log := s.cfg.Log
	before := s.dir.Hash()
	log.Debugf("DirResolver - Checking store state: %x", before)
	err := s.cfg.Port.Gather(ctx, &port.Message{Subject: packSubject, Data: before[:]}, func(m *port.Message) bool {
		if len(m.Data) == 0 {
			return false
		}
		if err := s.merge(string(m.Data)); err != nil {
			log.Errorf("DirResolver - Merging resulted in error: %v", err)
		}
		return true
	})
	if err != nil && !errors.Is(err, port.ErrNoResponders) && s.ctx.Err() == nil {
		log.Errorf("DirResolver - Pack request error: %v", err)
	}
	if after := s.dir.Hash(); after != before {
		log.Debugf("DirResolver - Merging succeeded and changed %x to %x", before, after)
	} else {
		log.Debugf("DirResolver - Merging finished and resulting in: %x", after)
	}
}

// merge takes the JWTs of a message that are newer than those that are stored. What is wrong with some
// of them does not keep the others out.
func (s *Service) merge(pack string) error {
	var errs []error
	for line := range strings.SplitSeq(pack, "\n") {
		if line == "" {
			continue
		}
		id, token, err := splitLine(line)
		if err == nil {
			err = s.mergeOne(id, token)
		}
		if err != nil && len(errs) < 10 {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// splitLine returns the account and the JWT of a line.
func splitLine(line string) (id, token string, err error) {
	id, token, ok := strings.Cut(line, "|")
	if !ok || strings.Contains(token, "|") {
		return "", "", fmt.Errorf("line in package didn't contain 2 entries: %q", line[:min(len(line), 80)])
	}
	if !nkeys.IsValidPublicAccountKey(id) {
		return "", "", errors.New("key to merge is not a valid public account key")
	}
	return id, token, nil
}

func (s *Service) mergeOne(id, token string) error {
	if s.dir.Has(id, token) {
		return nil
	}
	if err := s.trusted(id, token); err != nil {
		// It comes again each time, so it is logged once.
		if !s.refused[id] && len(s.refused) < mostComplaints {
			s.refused[id] = true
			s.cfg.Log.Warnf("DirResolver - The jwt that another server has of account %q is refused: %v", id, err)
		}
		return nil
	}
	changed, err := s.dir.SaveNewer(id, token)
	switch {
	case errors.Is(err, ErrDeleted):
		s.cfg.Log.Debugf("DirResolver - Account %q is left out: %v", id, err)
		return nil
	case err != nil:
		return fmt.Errorf("account %s: %w", id, err)
	case changed:
		s.apply(s.ctx, id)
	}
	return nil
}
