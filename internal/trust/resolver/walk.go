package resolver

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
)

// mostComplaints bounds what is logged and remembered about files that are not as they should be.
const mostComplaints = 100

// finding is what a walk brings home.
type finding struct {
	index *index
	gone  map[string]int64

	files   []found
	seen    map[string]bool // accounts of files
	writers int             // files that others may write to
}

// found is a file with a JWT.
type found struct {
	entry   *entry
	changed time.Time
}

// walk reads all files, in folders, too. The caller has the turn, or is alone. With clean it removes
// what a crash left behind.
func (d *Directory) walk(clean bool) *finding {
	f := &finding{index: newIndex(), gone: make(map[string]int64), seen: make(map[string]bool)}
	_ = fs.WalkDir(d.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			d.complain(name, err)
		case e.IsDir():
		case strings.HasPrefix(base, draftPrefix) && strings.HasSuffix(base, draftSuffix):
			if clean && e.Type().IsRegular() {
				_ = d.root.Remove(name)
			}
		case strings.HasSuffix(base, deleted):
			d.findDeleted(f, name)
		default:
			d.find(f, name)
		}
		return nil
	})
	// Those that changed last count as used last.
	slices.SortFunc(f.files, func(a, b found) int {
		return cmp.Or(a.changed.Compare(b.changed), strings.Compare(a.entry.id, b.entry.id))
	})
	for _, file := range f.files {
		f.index.put(file.entry)
		delete(f.gone, file.entry.id)
	}
	if f.writers > 0 && !d.reported["writers"] {
		d.reported["writers"] = true
		d.cfg.Log.Warnf("DirResolver - %d files in %s can be written to by other users", f.writers, d.cfg.Path)
	}
	return f
}

// find reads a file that should have a JWT.
func (d *Directory) find(f *finding, name string) {
	id, is := strings.CutSuffix(path.Base(name), suffix)
	if !is || !nkeys.IsValidPublicAccountKey(id) {
		d.complain(name, errors.New("not named by an account's key and "+suffix))
		return
	}
	token, info, err := d.read(name)
	if err != nil {
		d.complain(name, err)
		return
	}
	c, err := commonOf(id, token)
	if err != nil {
		d.complain(name, err)
		return
	}
	folder := path.Dir(name)
	if folder == "." {
		folder = ""
	}
	if f.seen[id] {
		d.complain(name, errors.New("there is another file of this account"))
		return
	}
	f.seen[id] = true
	if othersWrite(info) {
		f.writers++
	}
	f.files = append(f.files, found{changed: info.ModTime(), entry: &entry{
		id: id, folder: folder, sum: sha256.Sum256([]byte(token)), issued: c.IssuedAt, expires: d.expires(c),
	}})
}

// findDeleted reads a file that says which JWT was deleted.
func (d *Directory) findDeleted(f *finding, name string) {
	id := strings.TrimSuffix(path.Base(name), deleted)
	if d.cfg.Cache || !d.cfg.AllowDelete || !nkeys.IsValidPublicAccountKey(id) {
		return
	}
	token, _, err := d.read(name)
	if err != nil {
		return
	}
	if c, err := commonOf(id, token); err == nil {
		f.gone[id] = max(f.gone[id], c.IssuedAt)
	}
}

// complain logs what is wrong with a file, once for each. The caller has the turn, or is alone.
func (d *Directory) complain(name string, err error) {
	if d.reported[name] || len(d.reported) > mostComplaints {
		return
	}
	d.reported[name] = true
	if len(d.reported) > mostComplaints {
		d.cfg.Log.Warnf("DirResolver - more files in %s are ignored", d.cfg.Path)
		return
	}
	d.cfg.Log.Warnf("DirResolver - %q is ignored: %v", filepath.Join(d.cfg.Path, filepath.FromSlash(name)), err)
}

// warnOfWriters logs if others than the owner may write to a file or directory. It is no reason to
// refuse it: volumes are often mounted so, and a JWT counts only with an operator's signature. But
// who may write there can bring back an old one.
func (d *Directory) warnOfWriters(name, what string) {
	if info, err := d.root.Stat(name); err == nil && othersWrite(info) {
		d.cfg.Log.Warnf("DirResolver - %s, %s, can be written to by other users", what, d.cfg.Path)
	}
}

// othersWrite reports whether a mode lets others than the owner write.
func othersWrite(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0
}
