package resolver

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Save is that of Store, for what an operator uploads: it also takes a JWT that is older than the one
// that is stored, or was deleted.
func (d *Directory) Save(id, token string) (changed bool, err error) {
	token = strings.TrimSpace(token)
	c, err := commonOf(id, token)
	if err != nil {
		return false, err
	}
	d.take()
	defer d.give()
	return d.save(id, token, c)
}

// SaveNewer is Save for what other servers have, and for the JWTs of a configuration: what is stored
// stays unless token was issued later. It returns ErrDeleted if the account was deleted after that.
//
// Of two JWTs issued in the same second the one with the greater jti is taken, so that two servers
// that ask each other end with the same. With an equal jti they count as one.
func (d *Directory) SaveNewer(id, token string) (changed bool, err error) {
	token = strings.TrimSpace(token)
	c, err := commonOf(id, token)
	if err != nil {
		return false, err
	}
	d.take()
	defer d.give()
	if at, gone := d.deletedAt(id); gone && c.IssuedAt <= at {
		return false, ErrDeleted
	}
	stored, _, err := d.read(d.place(id))
	if err != nil {
		return d.save(id, token, c)
	}
	old, err := common(stored)
	switch {
	case err != nil:
		// What is stored is no JWT.
	case old.Subject != c.Subject:
		return false, errors.New("subject of existing and new jwt do not match")
	case old.ID == c.ID || old.IssuedAt > c.IssuedAt || old.IssuedAt == c.IssuedAt && old.ID > c.ID:
		return false, nil
	}
	return d.save(id, token, c)
}

// deletedAt returns when the JWT was issued that an account had when it was deleted.
func (d *Directory) deletedAt(id string) (int64, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, gone := d.mu.gone[id]
	return at, gone
}

// save writes token if it is not there. The caller has the turn.
func (d *Directory) save(id, token string, c jwt.ClaimsData) (changed bool, err error) {
	e := &entry{id: id, sum: sha256.Sum256([]byte(token)), issued: c.IssuedAt}
	d.mu.Lock()
	old := d.mu.index.entries[id]
	full := old == nil && d.cfg.Limit > 0 && len(d.mu.index.entries) >= d.cfg.Limit
	d.mu.Unlock()
	if old != nil {
		e.folder = old.folder
	}
	name := path.Join(e.folder, id+suffix)
	switch {
	case old != nil && old.sum == e.sum:
		if _, err := d.root.Lstat(name); err == nil {
			d.use(id)
			return false, nil
		}
	case full && !d.cfg.Cache:
		return false, ErrFull
	}
	if err := d.write(name, token); err != nil {
		return false, fmt.Errorf("the JWT could not be stored: %w", err)
	}
	e.expires = d.expires(c)
	d.mu.Lock()
	delete(d.mu.gone, id)
	d.mu.index.put(e)
	d.mu.Unlock()
	d.shrink()
	return true, nil
}

// expires returns when the file of a JWT that is used now may go.
func (d *Directory) expires(c jwt.ClaimsData) int64 {
	if d.cfg.TTL > 0 {
		return d.now().Add(d.cfg.TTL).UnixNano()
	}
	return expiry(c.Expires)
}

// Delete is that of Store. It returns ErrNoDelete if the configuration does not allow it.
func (d *Directory) Delete(id string) error {
	switch {
	case !d.cfg.AllowDelete:
		return ErrNoDelete
	case !nkeys.IsValidPublicAccountKey(id):
		return ErrKey
	}
	d.take()
	defer d.give()
	name := d.place(id)
	var err error
	if d.cfg.HardDelete {
		err = d.root.Remove(name)
	} else {
		err = d.root.Rename(name, strings.TrimSuffix(name, suffix)+deleted)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the JWT could not be deleted: %w", err)
	}
	d.mu.Lock()
	if e := d.mu.index.drop(id); e != nil && !d.cfg.Cache {
		d.mu.gone[id] = e.issued
	}
	d.mu.Unlock()
	if err == nil {
		err = d.syncFolder(path.Dir(name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
