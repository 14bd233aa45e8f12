package resolver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/internal/core/guard"
)

const (
	suffix  = ".jwt"         // behind the account's key
	deleted = ".jwt.deleted" // instead, for those that were deleted and may be restored by hand

	// DefaultCacheLimit is how many JWTs a cache has room for.
	DefaultCacheLimit = 1000
)

// DirectoryConfig is what a Directory is made of.
type DirectoryConfig struct {
	// Path is made if it does not exist. No other process may write there.
	Path string
	// Cache says that the directory has only what was used lately: with no room left it gives up what
	// has waited longest, where others refuse. What is deleted is removed for good.
	Cache bool
	// Limit bounds the JWTs; 0 for no bound, and DefaultCacheLimit for a cache.
	Limit int
	// TTL is for how long a cache keeps what nobody uses; 0 for as long as the JWT is valid.
	TTL time.Duration
	// AllowDelete lets Delete work. It renames files, or removes them with HardDelete.
	AllowDelete, HardDelete bool
	// Log is told what is wrong with files; nil for nobody.
	Log Log
}

// Directory is a Store of one file for each account, named KEY.jwt, with nothing but the JWT. Files are
// the truth: JWTs are read when they are asked for, and only sums, times and the order of use are kept
// in memory. What else lies there is reported once and left alone.
//
// A file is replaced by a rename, after its successor is safe on the disk, so that neither a crash nor
// a full disk leaves half of one. What was deleted is remembered by the file that is renamed to
// KEY.jwt.deleted, so that other servers do not bring it back with a copy that is not newer.
type Directory struct {
	// fixed
	cfg  DirectoryConfig
	root *os.Root
	now  func() time.Time                       // for tests
	fill func(f *os.File, content string) error // for tests, of full disks

	turn chan struct{} // holds one token while somebody changes files

	// owned by who has the turn
	reported map[string]bool // complaints that were logged

	mu struct {
		guard.Leaf
		index *index
		gone  map[string]int64 // accounts that were deleted: when their JWT was issued
	}
}

// OpenDirectory makes the directory if needed and reads what is there. Its errors are for who starts
// the server. Close must be called.
func OpenDirectory(cfg DirectoryConfig) (*Directory, error) {
	if cfg.Path == "" {
		return nil, errors.New("dir has no value and needs to point to a directory")
	}
	if cfg.Cache {
		cfg.AllowDelete, cfg.HardDelete = true, true
		cfg.Limit = cmp.Or(cfg.Limit, DefaultCacheLimit)
	}
	if cfg.Log == nil {
		cfg.Log = silence{}
	}
	root, err := openRoot(cfg.Path)
	if err != nil {
		return nil, err
	}
	d := &Directory{
		cfg: cfg, root: root, now: time.Now, fill: fill,
		turn: make(chan struct{}, 1), reported: make(map[string]bool),
	}
	d.warnOfWriters(".", "the directory of JWTs")
	found := d.walk(true)
	d.mu.index, d.mu.gone = found.index, found.gone
	d.shrink()
	return d, nil
}

// Path is that of the configuration.
func (d *Directory) Path() string { return d.cfg.Path }

// Cache reports whether the directory has only some of the JWTs.
func (d *Directory) Cache() bool { return d.cfg.Cache }

// AllowDelete reports whether accounts may be deleted.
func (d *Directory) AllowDelete() bool { return d.cfg.AllowDelete }

// Close lets go of the directory. Nothing else may be called after it.
func (d *Directory) Close() error { return d.root.Close() }

// take waits for the right to change files; the caller gives it back.
func (d *Directory) take() { d.turn <- struct{}{} }
func (d *Directory) give() { <-d.turn }

// Fetch is that of Store. It reads the file, also one that was put there after the directory was read.
func (d *Directory) Fetch(_ context.Context, id string) (string, error) {
	if !nkeys.IsValidPublicAccountKey(id) {
		return "", ErrKey
	}
	token, _, err := d.read(d.place(id))
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", err
	}
	if d.use(id) {
		return token, nil
	}
	if _, err := commonOf(id, token); err != nil {
		return "", err
	}
	return token, nil
}

// place returns where the file of an account is, or belongs.
func (d *Directory) place(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.mu.index.entries[id]; e != nil {
		return path.Join(e.folder, id+suffix)
	}
	return id + suffix
}

// use notes that an account was used, and reports whether it is known.
func (d *Directory) use(id string) bool {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.mu.index.entries[id]
	if e == nil {
		return false
	}
	d.mu.index.touch(e)
	if d.cfg.TTL > 0 {
		e.expires = now.Add(d.cfg.TTL).UnixNano()
	}
	return true
}

// Has reports whether exactly this JWT is stored.
func (d *Directory) Has(id, token string) bool {
	sum := sha256.Sum256([]byte(token))
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.mu.index.entries[id]
	return e != nil && e.sum == sum
}

// Known reports whether there is a JWT of the account.
func (d *Directory) Known(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.index.entries[id] != nil
}

// Len is the number of JWTs, with those that have expired and are still there.
func (d *Directory) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.mu.index.entries)
}

// Hash returns the SHA-256 sums of all JWTs, combined by XOR: two directories with the same JWTs have
// the same.
func (d *Directory) Hash() [sha256.Size]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.index.sum
}

// List is that of Store.
func (d *Directory) List() ([]string, error) {
	now := d.now()
	d.mu.Lock()
	ids := make([]string, 0, len(d.mu.index.entries))
	for id, e := range d.mu.index.entries {
		if !e.expired(now) {
			ids = append(ids, id)
		}
	}
	d.mu.Unlock()
	slices.Sort(ids)
	return ids, nil
}

// Reload reads the directory again, after somebody changed it by hand, and returns the accounts whose
// JWTs are new or have changed; of a cache all. Accounts whose files are gone are just not there any
// more: only Delete says that one is to be deleted.
func (d *Directory) Reload() (changed []string) {
	d.take()
	defer d.give()
	found := d.walk(false)
	d.mu.Lock()
	before := d.mu.index
	for id, at := range d.mu.gone {
		// With HardDelete there is no file that would tell.
		if _, back := found.index.entries[id]; !back && d.cfg.HardDelete {
			found.gone[id] = at
		}
	}
	d.mu.index, d.mu.gone = found.index, found.gone
	for id, e := range found.index.entries {
		if old := before.entries[id]; old == nil || old.sum != e.sum || d.cfg.Cache {
			changed = append(changed, id)
		}
	}
	d.mu.Unlock()
	d.shrink()
	slices.Sort(changed)
	return changed
}

// Expire removes the files of JWTs that have expired and returns how many there were.
func (d *Directory) Expire() int {
	d.take()
	defer d.give()
	now := d.now()
	var over []*entry
	d.mu.Lock()
	for e := range maps.Values(d.mu.index.entries) {
		if e.expired(now) {
			over = append(over, e)
		}
	}
	d.mu.Unlock()
	n := 0
	for _, e := range over {
		d.mu.Lock()
		still := e.expired(now) // it may have been used meanwhile
		d.mu.Unlock()
		if still && d.discard(e) {
			n++
		}
	}
	return n
}

// discard removes the file of e and forgets it. The caller has the turn.
func (d *Directory) discard(e *entry) bool {
	name := path.Join(e.folder, e.id+suffix)
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.complain(name, err)
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.index.entries[e.id] == e {
		d.mu.index.drop(e.id)
	}
	return true
}

// shrink makes a cache as small as it has to be. The caller has the turn.
func (d *Directory) shrink() {
	if !d.cfg.Cache {
		return
	}
	for {
		d.mu.Lock()
		var e *entry
		if len(d.mu.index.entries) > d.cfg.Limit {
			e = d.mu.index.oldest()
		}
		d.mu.Unlock()
		if e == nil || !d.discard(e) {
			return
		}
	}
}

// Interval is how often Expire should be called.
func (d *Directory) Interval() time.Duration {
	if half := d.cfg.TTL / 2; half > 0 {
		return min(max(half, time.Millisecond), time.Minute)
	}
	return time.Minute
}

// Each calls f for every JWT that has not expired, in the order of the accounts, until f returns false.
// What cannot be read is left out.
func (d *Directory) Each(f func(id, token string) bool) {
	ids, _ := d.List()
	for _, id := range ids {
		token, _, err := d.read(d.place(id))
		if err == nil && !f(id, token) {
			return
		}
	}
}
