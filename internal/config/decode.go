package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/server/options"
)

// Remarks are what a configuration file makes one say that is no error. Each is one line that
// begins with FILE:LINE:COLUMN, in the order of the file; those that need several keys come last.
type Remarks struct {
	// Warnings are probably mistakes: a server starts in spite of them, a test of the file fails.
	Warnings []string
	// Notes are about settings that are fine and have no effect on barid.
	Notes []string

	places map[string]conf.Position // where the file has its keys, by their paths
}

// File reads the options of a configuration file. What the file does not name stays zero; the
// caller completes and validates the options, usually after the command line had its say. The
// error holds everything that is wrong with the file, a line for each, as FILE:LINE:COLUMN:
// reason; but of the language itself only the first error. It shows no value of a key that is for a
// password or token, as far as it could be read: errors of the language quote where they got stuck,
// such as numbers that are too large and names of variables.
func File(path string) (*options.Options, Remarks, error) {
	o := &options.Options{}
	remarks, err := into(o, path)
	if err != nil {
		return nil, remarks, err
	}
	return o, remarks, nil
}

// into is File for options that exist: what the file does not name keeps its value. Users,
// accounts and other lists that it names are replaced whole. With an error nothing is changed.
func into(o *options.Options, path string) (Remarks, error) {
	doc, err := conf.ParseFile(path)
	if err != nil {
		return Remarks{}, err
	}
	return decodeDocument(o, doc)
}

// decodeDocument is into for a parsed file.
func decodeDocument(o *options.Options, doc *conf.Document) (Remarks, error) {
	next := *o // everything it points to is replaced, never written through
	next.ConfigFile, next.ConfigDigest = doc.File, doc.Digest
	d := newDecoder(conf.Position{File: doc.File, Line: 1})
	if len(doc.Root.Pairs) == 0 {
		d.remarks.Warnings = append(d.remarks.Warnings, doc.File+": config has no values or is empty")
	}
	topLevel.decode(d, doc.Root, &next)
	d.entrants.settle(d, &next)
	d.settleRules(&next)
	if len(d.faults) > 0 {
		return d.remarks, errors.Join(d.faults...)
	}
	next.ConfigNotes = d.remarks.Notes
	*o = next
	return d.remarks, nil
}

// decoder collects what comes out of one file, besides the options.
type decoder struct {
	file     conf.Position // its beginning
	faults   []error       // each a *conf.Error
	remarks  Remarks
	entrants entrants
	tenants  []*accountEntry          // the accounts
	places   map[string]conf.Position // of keys, by their paths
	blocks   []vocabulary             // all there are, for advice
}

func newDecoder(file conf.Position) *decoder {
	places := map[string]conf.Position{}
	return &decoder{file: file, places: places, remarks: Remarks{places: places}, blocks: vocabularies()}
}

// fail notes what is wrong at a place. Faults that are found late, because two places contradict
// each other, are put where they belong in their file.
func (d *decoder) fail(at conf.Position, format string, v ...any) {
	d.faults = insert(d.faults, &conf.Error{At: at, Text: hinted(format, fmt.Sprintf(format, v...))})
}

// insert adds an error to a list, before those that stand behind it in the same file.
func insert(list []error, e *conf.Error) []error {
	place := len(list)
	for i, err := range slices.Backward(list) {
		other, is := err.(*conf.Error)
		if !is || other.At.File != e.At.File {
			continue
		}
		if !before(e.At, other.At) {
			break
		}
		place = i
	}
	return slices.Insert(list, place, error(e))
}

// before reports whether a stands before b in the file of both.
func before(a, b conf.Position) bool {
	return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
}

// warn notes a probable mistake in the use of a key.
func (d *decoder) warn(p *conf.Pair, format string, v ...any) {
	d.remarks.Warnings = append(d.remarks.Warnings,
		fmt.Sprintf("%s: invalid use of field %q: %s", p.At, p.Key, fmt.Sprintf(format, v...)))
}

// note notes that a key has no effect.
func (d *decoder) note(p *conf.Pair, why string) {
	d.remarks.Notes = append(d.remarks.Notes, fmt.Sprintf("%s: %q has no effect: %s", p.At, p.Key, why))
}
